"""A pretended training for methods to be checked in, and what the checks compare.

Shapes: N samples, L labels, D features.
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from batchsift.methods import Method
from batchsift.selection.selector import Selector

Factory = Callable[[], Method]
Check = Callable[[Factory], None]
EPOCHS = 12
BATCH_SIZE = 8
HIGHEST_PRESSURE = 64.0  # that a published method was tried with


def require(condition: object, message: str) -> None:
    """Raise AssertionError with a message unless a condition holds (also where Python leaves `assert` out)."""
    if not condition:
        raise AssertionError(message)


def made_up(num_samples: int = 45, num_labels: int = 4, seed: int = 0, unknown: float = 0.0) -> tuple[Any, Any, Tensor]:
    """Make up labels, features, and predictions for a number of epochs, without ties.

    Args:
        num_samples: N, at least 2.
        num_labels: L.
        seed: The seed of the random numbers.
        unknown: The share of cells that are not labelled.

    Returns:
        Labels `(N, L)` and features `(N, D)`, both float64 arrays, and logits `(epochs, N, L)`, float64.
    """
    stream = np.random.default_rng(seed)
    labels = (stream.random((num_samples, num_labels)) < np.linspace(0.6, 0.15, num_labels)).astype(np.float64)
    labels[0], labels[1] = 1, 0
    labels[stream.random((num_samples, num_labels)) < unknown] = np.nan
    features = stream.normal(size=(num_samples, 5))
    logits = torch.from_numpy(stream.normal(size=(EPOCHS + 2, num_samples, num_labels)).cumsum(0))
    return labels, features, logits


def select(factory: Factory, labels: Any, features: Any, **options: Any) -> Selector:
    """Make a selector with a new instance."""
    settings = {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "seed": 3, **options}
    return Selector(labels, method=factory(), features=features, **settings)


def watch(selector: Selector, logits: Tensor, epochs: int) -> None:
    """Observe whole passes beside the plan, one an epoch: every sample is seen equally often, in the same order."""
    for epoch in range(epochs):
        selector.observe(torch.arange(logits.shape[1]), logits[epoch], in_plan=False)
        selector.end_epoch()


def train(selector: Selector, logits: Tensor, epochs: int) -> list[Tensor]:
    """Go through epochs as a training loop does; return all blocks."""
    blocks = []
    for _ in range(epochs):
        for block in selector.batches():
            selector.observe(block, logits[selector.epoch][block])
            blocks.append(block)
        selector.end_epoch()
    return blocks


def saved_and_loaded(state: dict[str, Any]) -> Any:
    """Return a state after a trip through a file, read as strictly as PyTorch can."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def has_scores(factory: Factory) -> bool:
    """Return whether the method ranks samples by scores."""
    labels, features, _ = made_up()
    return bool(select(factory, labels, features).scores)


def is_uniform(probability_N: Tensor) -> bool:
    """Return whether all are equal, to rounding."""
    return bool(((probability_N * len(probability_N) - 1).abs() < 1e-12).all())


def require_finite(selector: Selector) -> None:
    """Check that probabilities, signals and scores hold neither NaN nor infinity."""
    require(selector.probabilities.isfinite().all(), "the probabilities are not all finite")
    for name, value in [*selector.signals().items(), *selector.scores.items()]:
        require(value.isfinite().all(), f"{name} is not finite everywhere")


def require_nearly(actual_N: Tensor, expected_N: Tensor) -> None:
    """Check that probabilities are equal, but for scores that rounding moved over the edge of a level.

    A level is a factor `exp(ln s / n)` of the selection pressure s.
    """
    away_N = (actual_N.log() - expected_N.log()).abs()
    away_N = torch.where((actual_N == 0) & (expected_N == 0), 0.0, away_N)
    level = math.log(HIGHEST_PRESSURE) / len(actual_N)
    require(float(away_N.max()) <= level * 1.05, f"probabilities differ by a factor of exp({float(away_N.max()):.3g})")
    share = float((away_N < 1e-3).double().mean())
    require(share >= 0.9, f"only {share:.0%} of the probabilities are the same")


def require_same_blocks(one: Sequence[Tensor], other: Sequence[Tensor], message: str) -> None:
    """Check that two lists of blocks are equal."""
    same = len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    require(same, message)


def require_same_state(one: Selector, other: Selector) -> None:
    """Check that whatever two selectors show is equal to the bit."""
    require(one.epoch == other.epoch, f"the epochs are {one.epoch} and {other.epoch}")
    require(torch.equal(one.probabilities, other.probabilities), "the probabilities differ")
    require(torch.equal(one.counts, other.counts), "the counts differ")
    for mine, theirs in ((one.signals(), other.signals()), (one.scores, other.scores)):
        require(mine.keys() == theirs.keys(), f"one has {sorted(mine)}, the other {sorted(theirs)}")
        for name, value in mine.items():
            require(torch.equal(value, theirs[name]), f"{name} differs")


class raises_value_error:  # noqa: N801 -- read as a sentence
    """A block of code that must raise ValueError, with a word in its message.

    Args:
        word: A word that must occur in the message.
        message: What is wrong if nothing is raised.
    """

    def __init__(self, word: str, message: str) -> None:
        self.word, self.message = word, message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if kind is None:
            raise AssertionError(self.message)
        if isinstance(error, ValueError):
            require(self.word in str(error), f"the message of the ValueError must say {self.word!r}, got: {error}")
            return True
        return False
