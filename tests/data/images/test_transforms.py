import numpy as np
import pytest
import torch
from PIL import Image

from batchsift.data.images import EvaluationTransform, TrainTransform
from batchsift.data.images.transforms import MEAN, STD, normalized

PLAIN = {"mean": (0, 0, 0), "std": (1, 1, 1)}


def gradient(width, height):
    """A picture whose red is the column and whose green is the row, in shares of 255."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 0 * x], axis=2).astype(np.uint8))


@pytest.fixture(autouse=True)
def own_generator():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def test_normalizing():
    picture = normalized(Image.new("RGB", (3, 2), (255, 0, 51)))
    assert picture.shape == (3, 2, 3)
    assert picture.dtype == torch.float32
    assert picture.is_contiguous()
    expected = (torch.tensor([1.0, 0.0, 0.2]) - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(picture[:, 1, 2], expected)


@pytest.mark.parametrize("size", [(100, 60), (60, 100), (80, 80), (7, 300)])
def test_evaluation_takes_the_middle(size):
    picture = EvaluationTransform(32, **PLAIN)(gradient(*size))
    assert picture.shape == (3, 32, 32)
    assert picture[:2].mean(dim=(1, 2)).tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    across = picture[0].max() - picture[0].min()
    assert float(across) == pytest.approx(min(1, size[1] / size[0]), abs=0.05)
    half = EvaluationTransform(32, crop=0.5, **PLAIN)(gradient(*size))
    assert float(half[0].max() - half[0].min()) == pytest.approx(min(1, size[1] / size[0]) / 2, abs=0.08)


def crop_of(picture):
    """The share of width and height that is seen of a gradient, and whether it is mirrored."""
    red, green = picture[0], picture[1]
    return float(red.max() - red.min()), float(green.max() - green.min()), bool(red[0, 0] > red[0, -1])


def test_training_draws_shares_and_sides():
    transform = TrainTransform(32, scale=(0.25, 0.64), **PLAIN)
    image = gradient(200, 200)
    crops = [crop_of(transform(image)) for _ in range(300)]
    areas = [width * height for width, height, _ in crops]
    ratios = [width / height for width, height, _ in crops]
    assert 0.2 < min(areas) < 0.3
    assert 0.55 < max(areas) < 0.67
    assert 0.7 < min(ratios) < 0.8
    assert 1.25 < max(ratios) < 1.4
    assert 100 < sum(mirrored for *_, mirrored in crops) < 200
    assert not any(crop_of(TrainTransform(32, flip=0, **PLAIN)(image))[2] for _ in range(20))
    assert all(crop_of(TrainTransform(32, flip=1, **PLAIN)(image))[2] for _ in range(20))


@pytest.mark.parametrize("size", [(10, 300), (300, 10)])
def test_a_picture_too_narrow_for_a_crop_gives_its_middle(size):
    picture = TrainTransform(16, flip=0, **PLAIN)(gradient(*size))
    long = picture[1] if size[0] < size[1] else picture[0]
    assert float(long.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(long.max() - long.min()) < 0.06


def test_the_size_to_decode_at_is_enough_for_the_smallest_crop():
    assert EvaluationTransform(224).decode_size == 224
    assert EvaluationTransform(224, crop=0.875).decode_size == 256
    assert TrainTransform(100, scale=(0.25, 1), ratio=(1, 1)).decode_size == 200
    transform = TrainTransform(100)
    side = transform.decode_size
    boxes = [transform._box(side, side) for _ in range(200)]
    assert min(min(right - left, low - up) for left, up, right, low in boxes) >= 100


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainTransform(0), "size is 0"),
        (lambda: TrainTransform(scale=(0.5, 0.2)), r"scale is \(0.5, 0.2\)"),
        (lambda: TrainTransform(scale=(0.5, 1.5)), r"scale is \(0.5, 1.5\)"),
        (lambda: TrainTransform(ratio=(0, 1)), r"ratio is \(0, 1\)"),
        (lambda: TrainTransform(flip=2), "flip is 2"),
        (lambda: EvaluationTransform(crop=0), "crop is 0"),
        (lambda: EvaluationTransform(std=(1, 0, 1)), r"std is \(1, 0, 1\)"),
    ],
)
def test_numbers_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()
