"""The multi-label metrics of the protocol.

Shapes: N samples, L labels. A label counts as predicted where its probability is above 1/2, not at it.

Areas under the ROC curve are Mann-Whitney statistics of ranks: one vectorised call for all labels, quick
enough for every epoch. Precision, recall, F1 and Jaccard are ratios of counts, so that a single label works
like any other number of them (scikit-learn takes one column for a binary problem). The rest is from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.metrics import (
    average_precision_score,
    coverage_error,
    label_ranking_average_precision_score,
    label_ranking_loss,
)

__all__ = ["METRICS", "Metric", "evaluate", "macro_auc"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

THRESHOLD = 0.5


@dataclass(frozen=True)
class Metric:
    """What a table needs to know of a metric."""

    name: str
    higher_is_better: bool = True


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "macro_auc": Metric("Macro-AUC"),
        "micro_auc": Metric("Micro-AUC"),
        "macro_f1": Metric("Macro-F1"),
        "micro_f1": Metric("Micro-F1"),
        "macro_auprc": Metric("Macro-AUPRC"),
        "micro_auprc": Metric("Micro-AUPRC"),
        "ranking_loss": Metric("Ranking loss", higher_is_better=False),
        "hamming_loss": Metric("Hamming loss", higher_is_better=False),
        "one_error": Metric("One-error", higher_is_better=False),
        "coverage": Metric("Coverage", higher_is_better=False),
        "average_precision": Metric("Average precision"),
        "subset_accuracy": Metric("Subset accuracy"),
        "jaccard": Metric("Jaccard"),
        "macro_precision": Metric("Macro-precision"),
        "micro_precision": Metric("Micro-precision"),
        "example_precision": Metric("Example precision"),
        "macro_recall": Metric("Macro-recall"),
        "micro_recall": Metric("Micro-recall"),
        "example_recall": Metric("Example recall"),
    }
)


def macro_auc(probs: ArrayLike, targets: ArrayLike) -> float:
    """Area under the ROC curve, averaged over the labels that have both classes.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor on the CPU.
        targets: `(N, L)` of 0/1.

    Returns:
        A number in [0, 1]; NaN where no label has both classes.

    Raises:
        ValueError: for other shapes or values.

    >>> macro_auc([[0.1, 0.5], [0.4, 0.6], [0.3, 0.7], [0.8, 0.9]], [[0, 1], [0, 1], [1, 1], [1, 1]])
    0.75
    """
    probs_NL, relevant_NL = _checked(probs, targets)
    return _mean_of_defined(_auc_per_label(probs_NL, relevant_NL))


def evaluate(probs: ArrayLike, targets: ArrayLike) -> dict[str, float]:
    """All metrics of `METRICS`, in its order.

    - Macro: the mean over labels; micro: all cells as if they were one label; example: the mean over samples.
    - `macro_auc` averages over the labels that have both classes, `macro_auprc` over those with a positive
      (average precision, the step-wise area).
    - Precision, recall and F1 are 0 where they would be 0/0; the Jaccard index is 1 where nothing is relevant
      and nothing predicted.
    - `ranking_loss`: ties between a relevant and an irrelevant label are errors (scikit-learn's definition).
    - `one_error`: the share of samples whose top-ranked label is not relevant; of equals the first is on top.
    - `coverage`: how far down the ranking one must go to meet all relevant labels, from 1 (scikit-learn's
      `coverage_error`); the papers count from 0, hence one less, and some divide by L.
    - `average_precision`: label-ranking average precision, the mean over samples.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor on the CPU.
        targets: `(N, L)` of 0/1.

    Returns:
        Key to value; NaN where a metric is undefined.

    Raises:
        ValueError: for other shapes or values.

    >>> scores = evaluate([[0.9, 0.2], [0.6, 0.7]], [[1, 0], [0, 1]])
    >>> scores["macro_auc"], scores["hamming_loss"], scores["micro_precision"]
    (1.0, 0.25, 0.666...)
    """
    probs_NL, relevant_NL = _checked(probs, targets)
    predicted_NL = probs_NL > THRESHOLD
    scores = {
        **_areas(probs_NL, relevant_NL),
        **_rankings(probs_NL, relevant_NL),
        **_ratios(predicted_NL, relevant_NL),
        "hamming_loss": float((predicted_NL != relevant_NL).mean()),
        "subset_accuracy": float((predicted_NL == relevant_NL).all(axis=1).mean()),
    }
    return {key: scores[key] for key in METRICS}


def _checked(probs: ArrayLike, targets: ArrayLike) -> tuple[Floats, Bools]:
    """The two `(N, L)` arrays, probabilities as floats and targets as booleans."""
    probs_NL, targets_NL = np.asarray(probs), np.asarray(targets)
    if probs_NL.shape != targets_NL.shape or probs_NL.ndim != 2 or probs_NL.size == 0:
        raise ValueError(
            f"probs and targets must be non-empty and of one shape (N, L), got {probs_NL.shape} and {targets_NL.shape}"
        )
    if not ((probs_NL >= 0) & (probs_NL <= 1)).all():
        raise ValueError("probs must lie in [0, 1]; apply torch.sigmoid to logits")
    relevant_NL = targets_NL == 1
    if not (relevant_NL | (targets_NL == 0)).all():
        raise ValueError("targets must be 0 or 1 and complete; metrics are not defined over unlabelled cells")
    return probs_NL.astype(np.result_type(probs_NL, np.float32), copy=False), relevant_NL


def _auc_per_label(probs_NL: Floats, relevant_NL: Bools) -> Floats:
    """Mann-Whitney's U over the number of pairs, `(L,)`; ties count half, NaN where a class is missing."""
    positives_L = relevant_NL.sum(axis=0)
    pairs_L = positives_L * (len(relevant_NL) - positives_L)
    rank_sums_L = (rankdata(probs_NL, axis=0) * relevant_NL).sum(axis=0)
    u_L = rank_sums_L - positives_L * (positives_L + 1) / 2
    return np.where(pairs_L > 0, u_L / np.maximum(pairs_L, 1), np.nan)


def _areas(probs_NL: Floats, relevant_NL: Bools) -> dict[str, float]:
    cells, relevant_cells = probs_NL.reshape(-1, 1), relevant_NL.reshape(-1, 1)
    return {
        "macro_auc": _mean_of_defined(_auc_per_label(probs_NL, relevant_NL)),
        "micro_auc": _mean_of_defined(_auc_per_label(cells, relevant_cells)),
        "macro_auprc": _mean_of_defined(_auprc_per_label(probs_NL, relevant_NL)),
        "micro_auprc": _mean_of_defined(_auprc_per_label(cells, relevant_cells)),
    }


def _auprc_per_label(probs_NL: Floats, relevant_NL: Bools) -> Floats:
    """Average precision of each label, `(L,)`; NaN where there is no positive."""
    columns = zip(probs_NL.T, relevant_NL.T, strict=True)
    return np.array([average_precision_score(y_N, p_N) if y_N.any() else np.nan for p_N, y_N in columns])


def _rankings(probs_NL: Floats, relevant_NL: Bools) -> dict[str, float]:
    top_N1 = probs_NL.argmax(axis=1, keepdims=True)
    one_error = 1 - float(np.take_along_axis(relevant_NL, top_N1, axis=1).mean())
    if probs_NL.shape[1] == 1:
        # scikit-learn refuses one column; a second label, never relevant and always last, changes nothing.
        probs_NL = np.pad(probs_NL, ((0, 0), (0, 1)), constant_values=-1)
        relevant_NL = np.pad(relevant_NL, ((0, 0), (0, 1)))
    return {
        "ranking_loss": float(label_ranking_loss(relevant_NL, probs_NL)),
        "one_error": one_error,
        "coverage": float(coverage_error(relevant_NL, probs_NL)),
        "average_precision": float(label_ranking_average_precision_score(relevant_NL, probs_NL)),
    }


def _ratios(predicted_NL: Bools, relevant_NL: Bools) -> dict[str, float]:
    """Precision, recall and F1 by label, by sample and over all cells; the Jaccard index by sample."""
    scores = {}
    for average, axis in (("macro", 0), ("micro", None), ("example", 1)):
        hits = np.sum(predicted_NL & relevant_NL, axis=axis)
        predicted, relevant = np.sum(predicted_NL, axis=axis), np.sum(relevant_NL, axis=axis)
        scores[f"{average}_precision"] = float(np.mean(_ratio(hits, predicted, empty=0)))
        scores[f"{average}_recall"] = float(np.mean(_ratio(hits, relevant, empty=0)))
        scores[f"{average}_f1"] = float(np.mean(_ratio(2 * hits, predicted + relevant, empty=0)))
    both_N = np.sum(predicted_NL & relevant_NL, axis=1)
    either_N = np.sum(predicted_NL | relevant_NL, axis=1)
    scores["jaccard"] = float(np.mean(_ratio(both_N, either_N, empty=1)))
    return scores


def _ratio(numerator: ArrayLike, denominator: ArrayLike, *, empty: float) -> Floats:
    denominator = np.asarray(denominator)
    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), empty)


def _mean_of_defined(values_L: Floats) -> float:
    defined = values_L[~np.isnan(values_L)]
    return float(defined.mean()) if defined.size else float("nan")
