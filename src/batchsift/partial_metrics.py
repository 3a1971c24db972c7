"""The metrics of the protocol where some cells are not labelled: each is taken over the known cells.

Shapes: N samples, L labels, C known cells.

- By label (`macro_...`): every label by itself over the samples in which it is known, then the mean.
- Over all cells (`micro_...`, `hamming_loss`): over the known ones.
- By sample (rankings, `example_...`, `subset_accuracy`, `jaccard`): every sample by itself over the labels that are
  known of it, then the mean over the samples of which one is.

Where all cells are known these are the functions of `batchsift.metrics`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchsift import metrics
from batchsift.metrics import METRICS, TUNED, Bools, Floats, as_array, mean_of_defined

__all__ = ["choose_thresholds", "evaluate", "evaluate_labels"]

_BY_SAMPLE = (
    "ranking_loss",
    "one_error",
    "coverage",
    "average_precision",
    "subset_accuracy",
    "jaccard",
    "example_precision",
    "example_recall",
)


def evaluate(probs: ArrayLike, targets: ArrayLike, thresholds: ArrayLike | None = None) -> dict[str, float]:
    """Return the metrics of `batchsift.metrics.evaluate`, each over the known cells.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor.
        targets: `(N, L)` of 0/1, NaN where unknown.
        thresholds: `(L,)`, for the tuned metrics alone.

    Raises:
        ValueError: The shapes differ, a probability is outside [0, 1], or a target is neither 0, 1 nor NaN.

    >>> scores = evaluate([[0.9, 0.2], [0.6, 0.7]], [[1, 0], [float("nan"), 1]])
    >>> scores["macro_auprc"], scores["hamming_loss"], scores["ranking_loss"]
    (1.0, 0.0, 0.0)
    """
    probs_NL, targets_NL, known_NL = _parted(probs, targets)
    if known_NL.all():
        return metrics.evaluate(probs, targets, thresholds)
    if not known_NL.any():
        return {key: float("nan") for key in METRICS if thresholds is not None or key not in TUNED}
    columns = [
        metrics.evaluate(probs_NL[known_N, label, None], targets_NL[known_N, label, None])
        for label, known_N in enumerate(known_NL.T)
        if known_N.any()
    ]
    cells = metrics.evaluate(probs_NL[known_NL][:, None], targets_NL[known_NL][:, None])
    scores = {
        key: mean_of_defined(np.array([column[key] for column in columns])) if key.startswith("macro_") else cells[key]
        for key in cells
    }
    scores |= _by_sample(probs_NL, targets_NL, known_NL)
    if thresholds is not None:
        # A threshold is at 1/2 of what is above it or not.
        above_NL = (probs_NL > np.asarray(thresholds, dtype=np.float64)).astype(np.float64)
        tuned = evaluate(above_NL, targets)
        scores |= {key: tuned[key.removesuffix("_tuned")] for key in TUNED}
    return {key: scores[key] for key in METRICS if key in scores}


def evaluate_labels(probs: ArrayLike, targets: ArrayLike) -> dict[str, Floats]:
    """Return what `batchsift.metrics.evaluate_labels` does, of each label over the samples in which it is known.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor.
        targets: `(N, L)` of 0/1, NaN where unknown.

    Returns:
        Key to values; NaN where a metric is undefined.

    Raises:
        ValueError: As for `evaluate`.
    """
    probs_NL, targets_NL, known_NL = _parted(probs, targets)
    if known_NL.all():
        return metrics.evaluate_labels(probs, targets)
    nothing = {key: np.array([np.nan]) for key in ("auc", "average_precision", "f1")}
    columns = [
        metrics.evaluate_labels(probs_NL[known_N, label, None], targets_NL[known_N, label, None])
        if known_N.any()
        else nothing
        for label, known_N in enumerate(known_NL.T)
    ]
    return {key: np.concatenate([column[key] for column in columns]) for key in nothing}


def choose_thresholds(probs: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Return what `batchsift.metrics.choose_thresholds` does, of each label over the samples in which it is known.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor on the CPU.
        targets: `(N, L)` of 0/1, NaN where unknown.

    Raises:
        ValueError: As for `evaluate`.
    """
    probs_NL, targets_NL, known_NL = _parted(probs, targets)
    if known_NL.all():
        return metrics.choose_thresholds(probs, targets)
    chosen = [
        metrics.choose_thresholds(probs_NL[known_N, label, None], targets_NL[known_N, label, None])[0]
        if known_N.any()
        else metrics.THRESHOLD
        for label, known_N in enumerate(known_NL.T)
    ]
    return np.array(chosen, dtype=np.float64)


def _parted(probs: ArrayLike, targets: ArrayLike) -> tuple[NDArray[Any], NDArray[Any], Bools]:
    """Return probabilities, targets, and which of them are known."""
    probs_NL, targets_NL = as_array(probs), as_array(targets)
    known_NL = ~np.isnan(targets_NL) if targets_NL.dtype.kind == "f" else np.ones(targets_NL.shape, dtype=bool)
    if probs_NL.shape != targets_NL.shape:
        raise ValueError(f"probs and targets must be of one shape (N, L), got {probs_NL.shape} and {targets_NL.shape}")
    return probs_NL, targets_NL, known_NL


def _by_sample(probs_NL: NDArray[Any], targets_NL: NDArray[Any], known_NL: Bools) -> dict[str, float]:
    """Return the means over samples; those of which the same labels are known are scored together."""
    patterns, pattern_N = np.unique(known_NL, axis=0, return_inverse=True)
    totals, count = dict.fromkeys(_BY_SAMPLE, 0.0), 0
    for number, known_L in enumerate(patterns):
        rows = np.flatnonzero(pattern_N.reshape(-1) == number)
        if not known_L.any():
            continue
        scores = metrics.evaluate(probs_NL[np.ix_(rows, known_L)], targets_NL[np.ix_(rows, known_L)])
        totals = {key: total + scores[key] * len(rows) for key, total in totals.items()}
        count += len(rows)
    return {key: total / count for key, total in totals.items()}
