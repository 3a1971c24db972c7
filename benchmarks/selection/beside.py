"""What selection is compared with: the loop-written twin, NumPy's `choice`, and the training of a network.

Shapes: N samples, L labels, B rows of a block.
"""

import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.selection.clock import Clock
from benchmarks.selection.sizes import BATCH_SIZE, NUM_NEIGHBORS, Size, labels_of

TESTS = str(Path(__file__).parents[2] / "tests")
TWIN_WINDOW = 5
FEATURES, WIDTH = 2048, 512
IMAGE = 64


def _twin_seconds(name: str, size: Size, rows: int, **options) -> float:
    """Seconds of one epoch of the twin, `observe` and `probabilities`, over so many rows with full windows.

    Where that is quick, the median of three.
    """
    if TESTS not in sys.path:
        sys.path.append(TESTS)
    from reference.twin import TWINS  # noqa: PLC0415 -- it lives with the tests

    generator = np.random.default_rng(0)
    labels = labels_of(Size(rows, size.labels, size.positives)).numpy()
    if TWINS[name].default_neighbors:
        options["neighbors"] = generator.integers(0, rows, (rows, NUM_NEIGHBORS)).tolist()
    twin = TWINS[name](labels, 100, warmup=0, **options)
    *earlier, last = generator.normal(size=(TWIN_WINDOW, rows, size.labels))
    for logits in earlier:
        twin.observe(range(rows), logits)

    def once() -> float:
        return Clock().seconds(lambda: (twin.observe(range(rows), last), twin.probabilities(1)))

    first = once()
    return first if first > 1 else statistics.median([first, once(), once()])


def twin_seconds(name: str, size: Size, rows: int, **options) -> float:
    """Seconds of one epoch of the loop-written twin over all rows, from what so many more rows of a slice cost."""
    rows = min(size.samples // 2, max(8, min(rows, 1_000_000 // size.labels**2)))
    more, fewer = (_twin_seconds(name, size, count, **options) for count in (2 * rows, rows))
    return (more - fewer) / rows * size.samples


def choice_seconds(probability_N: Tensor, draws: int, size: Size) -> float:
    """Seconds of an epoch's blocks by `Generator.choice(replace=False, p=p)`, from a few of them."""
    generator, p = np.random.default_rng(0), probability_N.numpy()
    taken = Clock().seconds(lambda: [generator.choice(len(p), BATCH_SIZE, replace=False, p=p) for _ in range(draws)])
    return taken / draws * size.batches


def mlp(num_labels: int) -> tuple[nn.Module, Tensor]:
    """Two layers, 512 wide, on 2,048 features; with a block of them."""
    model = nn.Sequential(nn.Linear(FEATURES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, num_labels))
    return model, torch.rand(BATCH_SIZE, FEATURES)


class _Residual(nn.Module):
    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.short = nn.Identity() if channels == channels_in else nn.Conv2d(channels_in, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.short(x)).relu()


def cnn(num_labels: int) -> tuple[nn.Module, Tensor]:
    """A stem and three stages of one residual block, 16 to 64 channels wide (7 convolutions of 3 x 3); with images."""
    stages = [_Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2)]
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_labels))
    return nn.Sequential(stem, *stages, head), torch.rand(BATCH_SIZE, 3, IMAGE, IMAGE)


def training_step(model: nn.Module, x: Tensor, num_labels: int, device: str) -> Callable[[], None]:
    """Forward, backward and Adam on one block."""
    model, x = model.to(device), x.to(device)
    y = (torch.rand(BATCH_SIZE, num_labels, device=device) < 0.1).float()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step() -> None:
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def epoch_seconds(step: Callable[[], None], steps: int, size: Size, clock: Clock) -> float:
    """Seconds of an epoch of training, from a few steps."""
    return clock.seconds(lambda: [step() for _ in range(steps)]) / steps * size.batches
