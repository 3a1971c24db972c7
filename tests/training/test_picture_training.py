"""Pictures in the training loop: what is drawn, seen and kept, and that a killed training goes on at the batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from batchsift.data.images import ImageArrays, ImageData
from batchsift.models.images import ImageModel
from batchsift.training import fit as fitting
from batchsift.training.checkpoint import Checkpoint
from batchsift.training.configuration import Configuration
from batchsift.training.environment import isolated
from batchsift.training.fit import fit
from batchsift.training.loop import TrainingLoop
from batchsift.training.parts import picture_part
from batchsift.training.pictures import PictureSettings
from batchsift.training.settings import Settings

PICTURES = PictureSettings(size=8, crop=0.5, flip=0.5)
SETTINGS = Settings(epochs=4, batch_size=16, learning_rate=1e-2, decay_share=1.0, pictures=PICTURES)
HEAD = {"head": "ml_decoder", "width": 8, "inner": 8, "heads": 2}  # with dropout


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 3))
    pixels = rng.integers(0, 60, (60, 10, 9, 3)) + 150 * labels[:, None, None, :]
    return ImageData(ImageArrays(pixels.astype(np.uint8)), labels, ("red", "green", "blue"), "colors")


def loop_of(data, settings=SETTINGS, *, method="random", **options):
    rows = np.arange(data.num_samples)
    part = picture_part(data, rows, settings, seed=0)
    with isolated("cpu", seed=0, threads=1):
        configuration = Configuration(model="resnet-small", method=method, settings=settings, **options)
        return TrainingLoop(configuration, part, part, selection_seed=0)


def with_pictures(**changes):
    return replace(SETTINGS, pictures=replace(PICTURES, **changes))


class KilledError(Exception):
    """In the place of a signal."""


@pytest.mark.parametrize(
    ("method", "pictures"),
    [("balanced_pass", {"workers": 2}), ("d2ace", {"ema": 0.9, "observe": "clean", "neighbor_epochs": 1})],
)
def test_a_killed_training_goes_on_at_the_batch(tmp_path, monkeypatch, data, method, pictures):
    given = {"model": "resnet-small", "method": method, "settings": with_pictures(**pictures), "hyperparameters": HEAD}
    drawn = []
    monkeypatch.setattr(fitting, "write_result", lambda *_, **__: None)
    save = Checkpoint.save_if_due

    def run(name, killed_after):
        def saved(checkpoint, loop):
            save(checkpoint, loop)
            drawn.append(loop.selector.counts.tolist())
            if len(drawn) == killed_after:
                raise KilledError

        monkeypatch.setattr(Checkpoint, "save_if_due", saved)
        drawn.clear()
        return fit(data, tmp_path / name, checkpoint_seconds=0.0, **given)

    whole = run("whole", None)
    counts = list(drawn)
    for killed_after in (2, 6, 11):  # in the middle of the first epoch, of the second, and of the third
        with pytest.raises(KilledError):
            run(f"killed {killed_after}", killed_after)
        resumed = run(f"killed {killed_after}", None)
        assert drawn == counts[killed_after:]
        assert list(map(str, resumed.epochs)) == list(map(str, whole.epochs))
        for name, value in whole.model.network.state_dict().items():
            assert torch.equal(resumed.model.network.state_dict()[name], value), name


def test_workers_change_no_number(data):
    losses = []
    for workers in (0, 2):
        loop = loop_of(data, with_pictures(workers=workers), hyperparameters=HEAD)
        with isolated("cpu", seed=1, threads=1):
            losses.append([record.loss for record in loop.epochs()])
    assert losses[0] == losses[1]


def test_what_the_selector_sees(data, monkeypatch):
    """The logits of the training pass by default; on request predictions without augmentation, by the average."""
    settings = with_pictures(observe="clean", ema=0.5)
    loop = loop_of(data, settings)
    seen, observe = [], loop.selector.observe

    def looked(indices, logits, **more):
        seen.append((indices, logits))
        observe(indices, logits, **more)

    monkeypatch.setattr(loop.selector, "observe", looked)
    expected = []
    clean = torch.cat(list(loop.train.features.split(100)))

    def predicted(*_):
        return loop.predictor.eval()(clean)

    loop.on_batch = lambda: expected.append(predicted().detach())
    first = predicted().detach()
    next(loop.epochs())
    for (indices, logits), before in zip(seen, [first, *expected], strict=False):
        torch.testing.assert_close(logits, before[indices])
    assert loop.predictor is not loop.network
    assert not torch.equal(loop.predictor.head.classifier.weight, loop.network.head.classifier.weight)
    assert torch.equal(loop.best_weights["head.classifier.weight"], loop.predictor.head.classifier.weight)


def test_each_group_has_a_rate_of_its_own(data):
    loop = loop_of(data, with_pictures(backbone_rate=0.1))
    assert [len(group["params"]) for group in loop.optimizer.param_groups][1] == 2
    for record in loop.epochs():
        rates = [group["lr"] for group in loop.optimizer.param_groups]
        assert rates == [pytest.approx(0.1 * record.learning_rate), record.learning_rate]
    assert rates[1] == pytest.approx(SETTINGS.learning_rate / 4)


def test_a_frozen_backbone_stays_as_it_is(data):
    loop = loop_of(data, with_pictures(backbone_rate=0.0))
    before = {name: value.clone() for name, value in loop.network.state_dict().items()}
    assert len(loop.optimizer.param_groups) == 1
    next(loop.epochs())
    changed = {name for name, value in loop.network.state_dict().items() if not torch.equal(value, before[name])}
    assert (
        changed
        == {"head.classifier.weight", "head.classifier.bias"}
        == {name for name in before if name.startswith("head.")}
    )


class WithStatistics(nn.Module):
    """A backbone whose statistics a training pass would change."""

    channels = 3

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(x)

    def enable_checkpointing(self):
        raise ValueError


def test_a_frozen_backbone_keeps_its_statistics():
    model = ImageModel(WithStatistics(), nn.Sequential(nn.Flatten(), nn.Linear(48, 2)))
    model.freeze_backbone()
    model.train()(torch.rand(5, 3, 4, 4) + 3)
    assert model.head.training
    assert not model.backbone.norm.running_mean.any()


@pytest.mark.parametrize(
    ("method", "options", "pictures", "renewed"),
    [
        ("d2ace", {}, {"neighbor_epochs": 2}, [0, 2]),  # the warm-up is one epoch; after the last nobody looks
        ("d2ace", {"warmup": 2}, {"neighbor_epochs": 5}, [1]),
        ("hard_imbalanced", {"warmup": 1}, {"neighbor_epochs": 1}, [0, 1, 2]),
        ("d2ace", {"correlation": False}, {}, []),
        ("d2ace", {}, {"neighbors": "none"}, []),
        ("hard", {"warmup": 1}, {}, []),
    ],
)
def test_neighbors_are_renewed_after_the_warmup(data, monkeypatch, method, options, pictures, renewed):
    settings = replace(with_pictures(**pictures), epochs=4)
    loop = loop_of(data, settings, method=method, method_options=options)
    found = []
    if hasattr(loop.selector.method, "renew_neighbors"):
        renew = loop.selector.method.renew_neighbors
        monkeypatch.setattr(
            loop.selector.method,
            "renew_neighbors",
            lambda **given: renew(**given) or found.append((loop.selector.epoch, given["features"].shape)),
        )
    for _ in loop.epochs():
        pass
    assert found == [(epoch, (60, 128)) for epoch in renewed]


def test_neighbors_of_an_untrained_network_are_refused(data):
    with pytest.raises(ValueError, match="no better than chance"):
        loop_of(data, with_pictures(neighbors="pretrained"), method="d2ace")


def test_settings_without_numbers_are_refused(data):
    with pytest.raises(ValueError, match="has no numbers yet"):
        picture_part(data, np.arange(3), replace(SETTINGS, pictures=PictureSettings()), seed=0)
    with pytest.raises(ValueError, match="do not say how they are read"):
        picture_part(data, np.arange(3), Settings(), seed=0)


@pytest.mark.parametrize(
    "given", [{"size": 0}, {"crop": 0}, {"flip": 2}, {"ema": 1.0}, {"backbone_rate": -1}, {"neighbor_epochs": 0},
              {"workers": -1}, {"observe": "both"}, {"neighbors": "given"}, {"colour": 1}]
)  # fmt: skip
def test_settings_out_of_range(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        PictureSettings.of(given)


def test_settings_survive_a_document():
    settings = with_pictures(workers=3, ema=0.5)
    assert "workers" not in settings.document()["pictures"]
    assert Settings.from_document(settings.document()) == settings
    assert "pictures" not in Settings().identity()
