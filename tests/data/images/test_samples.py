"""`ImageDataset` in loaders: what a sample is, what randomness follows, resume in the middle of an epoch."""

import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import batchsift as bs
from batchsift.data import ImageData
from batchsift.data.images import (
    EvaluationTransform,
    ImageArrays,
    ImageDataset,
    ImageFiles,
    PictureError,
    TrainTransform,
)

NUM_SAMPLES = 24
STATM = Path("/proc/self/statm")


@pytest.fixture
def data(tmp_path, noise):
    labels = np.random.default_rng(0).integers(0, 2, (NUM_SAMPLES, 3)).astype(float)
    labels[3, 1] = np.nan
    names = [f"{number}.jpg" for number in range(NUM_SAMPLES)]
    for number, name in enumerate(names):
        noise(number).save(tmp_path / name)
    return ImageData(ImageFiles.of(tmp_path, names), labels, ("a", "b", "c"))


def draw_from_everywhere(image):
    return torch.tensor([float(torch.rand(())), random.random(), float(np.random.rand())], dtype=torch.float64)


def test_a_sample(data):
    picture, labels = ImageDataset(data, EvaluationTransform(16))[3]
    assert picture.shape == (3, 16, 16)
    assert picture.dtype == labels.dtype == torch.float32
    np.testing.assert_array_equal(labels.numpy(), data.labels[3])
    assert len(ImageDataset(data, EvaluationTransform(16))) == NUM_SAMPLES
    with pytest.raises(IndexError):
        ImageDataset(data, EvaluationTransform(16))[NUM_SAMPLES]


def test_any_callable_sees_an_upright_rgb_picture(data):
    seen = ImageDataset(data, lambda image: (image.mode, image.size), decode_size=8)[0][0]
    assert seen == ("RGB", (16, 12))
    assert ImageDataset(data, lambda image: image.size)[0][0] == (64, 48)
    gray = ImageData(ImageArrays(np.full((1, 4, 4), 255, np.uint8)), [[1]], ("a",))
    assert ImageDataset(gray, EvaluationTransform(2, mean=(0, 0, 0), std=(1, 1, 1)))[0][0].unique().tolist() == [1]


def views(dataset, num_workers, *, epochs=(0,), **options):
    loader = DataLoader(dataset, batch_size=5, num_workers=num_workers, **options)
    found = []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        found.append(torch.cat([pictures for pictures, _ in loader]))
    return found


@pytest.mark.processes
@pytest.mark.parametrize("transform", [TrainTransform(16), draw_from_everywhere])
def test_views_are_a_function_of_seed_epoch_and_index(data, transform):
    dataset = ImageDataset(data, transform, seed=7)
    first, second = views(dataset, 0, epochs=(0, 1))
    assert (first != second).flatten(1).any(1).all()
    for num_workers, persistent in ((1, False), (2, False), (2, True)):
        again = views(dataset, num_workers, epochs=(0, 1), persistent_workers=persistent)
        assert torch.equal(again[0], first)
        assert torch.equal(again[1], second)
    assert torch.equal(views(pickle.loads(pickle.dumps(dataset)), 0)[0], first)
    (other,) = views(ImageDataset(data, transform, seed=8), 0)
    assert (other != first).flatten(1).any(1).all()
    assert len(first.flatten(1).unique(dim=0)) == NUM_SAMPLES


def test_global_generators_stay_as_they_are(data):
    dataset = ImageDataset(data, draw_from_everywhere, seed=0)
    dataset.set_epoch(0)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    dataset[0]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]

    def fail(image):
        random.random()
        raise ZeroDivisionError

    broken = ImageDataset(data, fail, seed=0)
    broken.set_epoch(0)
    with pytest.raises(ZeroDivisionError):
        broken[0]
    assert random.getstate() == before[1]


def test_without_a_seed_transforms_draw_on(data):
    dataset = ImageDataset(data, draw_from_everywhere)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        expected = float(torch.rand(()))
        torch.default_generator.manual_seed(3)
        assert float(dataset[0][0][0]) == expected
        assert float(dataset[0][0][0]) != expected


def test_a_seed_wants_the_epoch(data):
    with pytest.raises(RuntimeError, match=r"call set_epoch\(epoch\) before"):
        ImageDataset(data, TrainTransform(8), seed=0)[0]
    ImageDataset(data, EvaluationTransform(8), seed=0)[0]
    with pytest.raises(ValueError, match="epoch is -1"):
        ImageDataset(data, TrainTransform(8), seed=0).set_epoch(-1)
    with pytest.raises(ValueError, match="seed is -1"):
        ImageDataset(data, TrainTransform(8), seed=-1)


@pytest.mark.processes
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_broken_picture_is_named_by_workers_too(data, tmp_path, num_workers):
    (tmp_path / "4.jpg").write_bytes((tmp_path / "4.jpg").read_bytes()[:300])
    loader = DataLoader(ImageDataset(data, EvaluationTransform(16)), batch_size=6, num_workers=num_workers)
    with pytest.raises(PictureError, match=r"4\.jpg: the picture is damaged"):
        list(loader)


def train(data, num_workers, *, stop=None, state=None):
    """Trains a linear model on augmented pictures for two epochs; may stop in the second, or start from there."""
    dataset = ImageDataset(data, TrainTransform(8), seed=1)
    selector = bs.Selector(np.nan_to_num(data.labels), method=bs.Uncertainty(warmup=1), batch_size=5, epochs=3, seed=0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model = torch.nn.Linear(3 * 8 * 8, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = []
    if state is not None:
        selector.load_state_dict(state[0])
        model.load_state_dict(state[1])
    for epoch in range(selector.epoch, 2):
        dataset.set_epoch(epoch)
        for indices, (pictures, labels) in DataLoader(
            bs.WithIndices(dataset), batch_size=5, sampler=selector, num_workers=num_workers
        ):
            if (epoch, len(batches)) == stop:
                return selector.state_dict(), {k: v.clone() for k, v in model.state_dict().items()}
            logits = 4 * model(pictures.flatten(1))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.nan_to_num(0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            selector.observe(indices, logits)
            batches.append((epoch, indices.tolist(), pictures))
        selector.end_epoch()
    return batches, model.state_dict()


@pytest.mark.processes
def test_resume_in_the_middle_of_an_epoch_with_workers_and_augmentation(data):
    whole, weights = train(data, 2)
    state = train(data, 2, stop=(1, 7))
    rest, resumed = train(data, 0, state=state)
    assert len(rest) == len(whole) - 7
    for (epoch, indices, pictures), (epoch_then, indices_then, pictures_then) in zip(rest, whole[7:], strict=True):
        assert (epoch, indices) == (epoch_then, indices_then)
        assert torch.equal(pictures, pictures_then)
    assert all(torch.equal(resumed[name], weights[name]) for name in weights)


def resident():
    """The memory of this process in MiB."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not STATM.exists(), reason="memory is read from /proc")
def test_memory_is_flat_in_the_number_of_files(tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "first.jpg")
    (tmp_path / "images").mkdir()
    names = [f"{number:08}.jpg" for number in range(20_000)]
    for name in names:
        os.link(tmp_path / "first.jpg", tmp_path / "images" / name)
    rows = "".join(f"{name},{number % 2},1\n" for number, name in enumerate(names))
    for part, text in (("few", f"file,a,b\n{names[0]},0,1\n"), ("all", f"file,a,b\n{rows}")):
        (tmp_path / f"{part}.csv").write_text(text)
    few = ImageDataset(bs.data.load(tmp_path / "few.csv", images=tmp_path / "images"), lambda image: image.size)
    few[0]
    before = resident()
    dataset = ImageDataset(bs.data.load(tmp_path / "all.csv", images=tmp_path / "images"), lambda image: image.size)
    assert len(dataset) == 20_000
    highest = max(resident() for index in range(20_000) if dataset[index] and index % 500 == 0)
    assert highest - before < 50
