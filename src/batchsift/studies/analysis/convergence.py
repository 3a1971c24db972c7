"""Convergence: whether training was over when it ended, judged by the validation curves. R runs, E epochs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from batchsift.studies.analysis.runs import Run
from batchsift.studies.analysis.scopes import Scope

TAIL = 10  # the end of a training is its last tenth
FEWEST_EPOCHS = 5  # fewer show no end
LEAST_RISE = 0.001  # of the validation metric, over that tenth: less is not seen in what tests tell apart


@dataclass(frozen=True)
class Tail:
    """The end of a method's validation curves on one data set.

    Args:
        data: The data set.
        method: The method.
        epochs: E.
        best_epoch: The best epoch of the mean curve, counted from 1.
        rise: The mean of the last tenth of the epochs less that of the tenth before it, averaged over the runs; NaN
            with one epoch.
        noise: Standard error of the rise over the runs: epochs go up and down, and each run in its own way.
    """

    data: str
    method: str
    epochs: int
    best_epoch: int
    rise: float
    noise: float

    @property
    def is_rising(self) -> bool:
        """Whether more epochs would have gone on improving.

        The best epoch is in the last tenth, and the curve rises there by more than its noise. A best epoch that comes
        late is not enough: a learning rate that falls to 0 ends on a plateau, whose best epoch may be any of it.
        Of fewer than five epochs nobody can tell; they count as rising.
        """
        if self.epochs < FEWEST_EPOCHS:
            return True
        late = self.best_epoch > self.epochs - _length(self.epochs)
        return late and self.rise > max(2 * self.noise, LEAST_RISE)


def tails(scope: Scope, method: str) -> Iterator[Tail]:
    """Yield the end of a method's training on each data set."""
    for data in scope.data:
        yield _tail(data, method, scope.runs_of(method, data))


def rising_methods(scope: Scope) -> dict[str, Tail]:
    """Return the methods whose training was not over on some data set, and where it rose most."""
    rising = {method: [tail for tail in tails(scope, method) if tail.is_rising] for method in scope.methods}
    return {method: max(found, key=lambda tail: tail.rise) for method, found in rising.items() if found}


def _tail(data: str, method: str, runs: Sequence[Run]) -> Tail:
    epochs = min(len(run.curve) for run in runs)
    curves_RE = np.array([run.curve[:epochs] for run in runs])
    known_RE = curves_RE[~np.isnan(curves_RE).any(axis=1)]
    if not len(known_RE):
        return Tail(data, method, epochs, epochs, 0.0, 0.0)
    best_epoch = int(known_RE.mean(axis=0).argmax()) + 1
    if epochs == 1:
        return Tail(data, method, 1, 1, math.nan, math.nan)
    length = _length(epochs)
    rises_R = known_RE[:, -length:].mean(axis=1) - known_RE[:, -2 * length : -length].mean(axis=1)
    noise = float(rises_R.std(ddof=1)) / math.sqrt(len(rises_R)) if len(rises_R) > 1 else 0.0
    return Tail(data, method, epochs, best_epoch, float(rises_R.mean()), noise)


def _length(epochs: int) -> int:
    return max(1, epochs // TAIL)
