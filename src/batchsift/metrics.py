"""The multi-label metrics of the protocol.

Shapes: N samples, L labels. A label counts as predicted where its probability is above the threshold, not at it; the
threshold is 1/2 but for the tuned metrics.

Vectorised over labels and samples, quick enough for all of them after every epoch (scikit-learn's calls label by
label would take as long as the epoch itself): areas under the ROC curve are Mann-Whitney statistics of ranks, all that
follows a ranking comes from one sort, precision, recall, F1 and Jaccard are ratios of counts. A single label works like
any other number of them.

Sources:
    - Zhang and Zhou: A Review on Multi-Label Learning Algorithms, IEEE TKDE 26(8), 2014, section 2.2: the metrics by
      sample and by label.
    - Wu and Zhou: A Unified View of Multi-Label Performance Measures, ICML 2017, table 1: macro and micro averages.
    - Hanley and McNeil: The Meaning and Use of the Area under a ROC Curve, Radiology 143, 1982: the area as
      Mann-Whitney's U over the number of pairs.
    - scikit-learn's definitions where these leave a choice (ties, nothing relevant, nothing predicted).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["METRICS", "TUNED", "Metric", "choose_thresholds", "evaluate", "evaluate_labels", "macro_auc"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

THRESHOLD = 0.5
AVERAGES = {"macro": 0, "micro": None}  # the axis that counts are summed over


@dataclass(frozen=True)
class Metric:
    """A metric as tables show it.

    Args:
        name: The name for people.
        higher_is_better: Whether higher values are better.
    """

    name: str
    higher_is_better: bool = True

    @property
    def heading(self) -> str:
        """The name, with an arrow in the better direction."""
        return f"{self.name} {'↑' if self.higher_is_better else '↓'}"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "macro_auc": Metric("Macro-AUC"),
        "micro_auc": Metric("Micro-AUC"),
        "macro_f1": Metric("Macro-F1"),
        "micro_f1": Metric("Micro-F1"),
        "macro_f1_tuned": Metric("Tuned Macro-F1"),
        "micro_f1_tuned": Metric("Tuned Micro-F1"),
        "macro_auprc": Metric("mAP"),
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


TUNED = ("macro_f1_tuned", "micro_f1_tuned")  # those that there are with thresholds alone


def macro_auc(probs: ArrayLike, targets: ArrayLike) -> float:
    """Return the area under the ROC curve, averaged over the labels that have both classes.

    Each label's area is Mann-Whitney's U over the number of its pairs of a positive and a negative sample; a tie counts
    half (Hanley and McNeil 1982).

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor.
        targets: `(N, L)` of 0/1.

    Returns:
        A number in [0, 1]; NaN where no label has both classes.

    Raises:
        ValueError: The shapes differ, a probability is outside [0, 1] or a target neither 0 nor 1.

    >>> macro_auc([[0.1, 0.5], [0.4, 0.6], [0.3, 0.7], [0.8, 0.9]], [[0, 1], [0, 1], [1, 1], [1, 1]])
    0.75
    """
    probs_NL, relevant_NL = checked(probs, targets)
    return mean_of_defined(_auc_per_label(probs_NL, relevant_NL))


def evaluate(probs: ArrayLike, targets: ArrayLike, thresholds: ArrayLike | None = None) -> dict[str, float]:
    """Return the metrics of `METRICS`, in its order (Zhang and Zhou 2014, Wu and Zhou 2017).

    - Macro: the mean over labels; micro: all cells as if they were one label; example: the mean over samples.
    - `macro_auc` averages over the labels that have both classes, `macro_auprc` over those with a positive
      (average precision, the step-wise area): the mAP of the image literature.
    - `macro_f1_tuned`, `micro_f1_tuned`: F1 at the thresholds given; without any they are left out. Thresholds that
      were chosen on the same data would flatter them: see `choose_thresholds`.
    - Precision, recall and F1 are 0 where they would be 0/0; the Jaccard index is 1 where nothing is relevant
      and nothing predicted.
    - `ranking_loss`: ties between a relevant and an irrelevant label are errors (scikit-learn's definition).
    - `one_error`: the share of samples whose top-ranked label is not relevant; of equals the first is on top.
    - `coverage`: how far down the ranking one must go to meet all relevant labels, from 1 (scikit-learn's
      `coverage_error`); the papers count from 0, hence one less, and some divide by L.
    - `average_precision`: label-ranking average precision, the mean over samples.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor.
        targets: `(N, L)` of 0/1.
        thresholds: `(L,)`, one for each label, chosen on other data; for the tuned metrics alone.

    Returns:
        Key to value; NaN where a metric is undefined.

    Raises:
        ValueError: The shapes differ, a probability is outside [0, 1] or a target neither 0 nor 1.

    >>> scores = evaluate([[0.9, 0.2], [0.6, 0.7]], [[1, 0], [0, 1]])
    >>> scores["macro_auc"], scores["hamming_loss"], scores["micro_precision"]
    (1.0, 0.25, 0.666...)
    """
    probs_NL, relevant_NL = checked(probs, targets)
    predicted_NL = probs_NL > THRESHOLD
    scores = {
        **_areas(probs_NL, relevant_NL),
        **_rankings(probs_NL, relevant_NL),
        **_ratios(predicted_NL, relevant_NL),
        "hamming_loss": float((predicted_NL != relevant_NL).mean()),
        "subset_accuracy": float((predicted_NL == relevant_NL).all(axis=1).mean()),
    }
    if thresholds is not None:
        thresholds_L = np.asarray(thresholds, dtype=np.float64)
        if thresholds_L.shape != probs_NL.shape[1:]:
            raise ValueError(f"thresholds must be of shape ({probs_NL.shape[1]},), got {thresholds_L.shape}")
        tuned_NL = probs_NL > thresholds_L
        scores |= {f"{average}_f1_tuned": _f1(tuned_NL, relevant_NL, axis) for average, axis in AVERAGES.items()}
    return {key: scores[key] for key in METRICS if thresholds is not None or key not in TUNED}


def choose_thresholds(probs: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Return for each label the threshold with the highest F1: `(L,)` in [0, 1).

    Candidates are the midpoints between neighbouring probabilities of the label, and half of the lowest. Of equally
    good ones the nearest to 1/2 is taken, of two equally near the higher. A label without positives, and one whose
    positives all have probability 0, keeps 1/2.

    The thresholds fit these data: choose them on a validation part, and score others with them.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor on the CPU.
        targets: `(N, L)` of 0/1.

    Raises:
        ValueError: The shapes differ, a probability is outside [0, 1] or a target neither 0 nor 1.

    >>> choose_thresholds([[0.1, 0.3], [0.3, 0.8], [0.4, 0.6]], [[0, 0], [1, 0], [1, 0]]).round(3).tolist()
    [0.2, 0.5]
    """
    probs_NL, relevant_NL = checked(probs, targets)
    order_NL = np.argsort(-probs_NL, axis=0)
    above_NL = np.take_along_axis(probs_NL, order_NL, axis=0).astype(np.float64)
    below_NL = np.concatenate([above_NL[1:], np.zeros_like(above_NL[:1])])
    hits_NL = np.take_along_axis(relevant_NL, order_NL, axis=0).cumsum(axis=0)
    f1_NL = 2 * hits_NL / (np.arange(1, len(probs_NL) + 1)[:, None] + relevant_NL.sum(axis=0))
    f1_NL = np.where(above_NL > below_NL, f1_NL, 0)  # there is no threshold between equals
    middle_NL = (below_NL + above_NL) / 2
    threshold_NL = np.where(middle_NL < above_NL, middle_NL, below_NL)  # between neighbouring floats there is no middle
    best_L = f1_NL.max(axis=0)
    distance_NL = np.where(f1_NL == best_L, np.abs(threshold_NL - THRESHOLD), np.inf)
    chosen_L = np.take_along_axis(threshold_NL, distance_NL.argmin(axis=0)[None], axis=0)[0]
    return np.where(best_L > 0, chosen_L, THRESHOLD)


def evaluate_labels(probs: ArrayLike, targets: ArrayLike) -> dict[str, Floats]:
    """Return three metrics of every label by itself: `auc`, `average_precision` and `f1`, `(L,)` each.

    Their means over the labels where they exist are Macro-AUC, Macro-AUPRC and Macro-F1 of `evaluate`.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor.
        targets: `(N, L)` of 0/1.

    Returns:
        Key to values; NaN where a metric is undefined.

    Raises:
        ValueError: The shapes differ, a probability is outside [0, 1] or a target neither 0 nor 1.

    >>> evaluate_labels([[0.9, 0.2], [0.6, 0.7]], [[1, 0], [0, 1]])["f1"].round(2).tolist()
    [0.67, 1.0]
    """
    probs_NL, relevant_NL = checked(probs, targets)
    predicted_NL = probs_NL > THRESHOLD
    hits_L, cells_L = (predicted_NL & relevant_NL).sum(axis=0), predicted_NL.sum(axis=0) + relevant_NL.sum(axis=0)
    return {
        "auc": _auc_per_label(probs_NL, relevant_NL),
        "average_precision": auprc_per_label(probs_NL, relevant_NL),
        "f1": ratio(2 * hits_L, cells_L, empty=0),
    }


def checked(probs: ArrayLike, targets: ArrayLike) -> tuple[Floats, Bools]:
    """Return the two `(N, L)` arrays, probabilities as floats and targets as booleans.

    Raises:
        ValueError: Their shapes or values are not those of probabilities and labels.
    """
    probs_NL, targets_NL = as_array(probs), as_array(targets)
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


def as_array(values: Any) -> NDArray[Any]:
    """Return a tensor of any kind, or a matrix that may be sparse, as an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().to_dense()
        values = values.float() if str(values.dtype) == "torch.bfloat16" else values  # NumPy has no such numbers
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values)


def _auc_per_label(probs_NL: Floats, relevant_NL: Bools) -> Floats:
    """Return Mann-Whitney's U over the number of pairs, `(L,)`; ties count half, NaN where a class is missing."""
    positives_L = relevant_NL.sum(axis=0)
    pairs_L = positives_L * (len(relevant_NL) - positives_L)
    from scipy.stats import rankdata  # noqa: PLC0415 -- slow to import, and the command line reads the names alone

    rank_sums_L = (rankdata(probs_NL, axis=0) * relevant_NL).sum(axis=0)
    u_L = rank_sums_L - positives_L * (positives_L + 1) / 2
    return np.where(pairs_L > 0, u_L / np.maximum(pairs_L, 1), np.nan)


def _areas(probs_NL: Floats, relevant_NL: Bools) -> dict[str, float]:
    """Return the areas under the ROC and the precision-recall curves, by label and over all cells."""
    cells, relevant_cells = probs_NL.reshape(-1, 1), relevant_NL.reshape(-1, 1)
    return {
        "macro_auc": mean_of_defined(_auc_per_label(probs_NL, relevant_NL)),
        "micro_auc": mean_of_defined(_auc_per_label(cells, relevant_cells)),
        "macro_auprc": mean_of_defined(auprc_per_label(probs_NL, relevant_NL)),
        "micro_auprc": mean_of_defined(auprc_per_label(cells, relevant_cells)),
    }


def auprc_per_label(probs_NL: Floats, relevant_NL: Bools) -> Floats:
    """Return the average precision of each label, `(L,)`; NaN where there is no positive."""
    depth_NL, hits_NL = _counts_from_top(probs_NL, relevant_NL)
    positives_L = relevant_NL.sum(axis=0)
    area_L = (hits_NL / depth_NL * relevant_NL).sum(axis=0) / np.maximum(positives_L, 1)
    return np.where(positives_L > 0, area_L, np.nan)


def _rankings(probs_NL: Floats, relevant_NL: Bools) -> dict[str, float]:
    """Return the metrics of each sample's ranking of the labels, as means over samples."""
    depth_NL, hits_NL = (matrix_LN.T for matrix_LN in _counts_from_top(probs_NL.T, relevant_NL.T))
    positives_N = relevant_NL.sum(axis=1)
    pairs_N = positives_N * (relevant_NL.shape[1] - positives_N)
    errors_N = ((depth_NL - hits_NL) * relevant_NL).sum(axis=1)
    precision_N = (hits_NL / depth_NL * relevant_NL).sum(axis=1)
    top_N1 = probs_NL.argmax(axis=1, keepdims=True)
    return {
        "ranking_loss": float(ratio(errors_N, pairs_N, empty=0).mean()),
        "one_error": 1 - float(np.take_along_axis(relevant_NL, top_N1, axis=1).mean()),
        "coverage": float((depth_NL * relevant_NL).max(axis=1).mean()),
        "average_precision": float(np.where(pairs_N > 0, ratio(precision_N, positives_N, empty=1), 1).mean()),
    }


def _counts_from_top(probs_NL: Floats, relevant_NL: Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the cells of a column that have at least a cell's probability, and the relevant ones: `(N, L)` each."""
    order_NL = np.argsort(-probs_NL, axis=0)
    sorted_NL = np.take_along_axis(probs_NL, order_NL, axis=0)
    # Equal probabilities count together: all of them stand where the last of them does.
    last_NL = np.broadcast_to(np.arange(len(probs_NL))[:, None], probs_NL.shape).copy()
    last_NL[:-1][sorted_NL[:-1] == sorted_NL[1:]] = len(probs_NL)
    last_NL = np.minimum.accumulate(last_NL[::-1], axis=0)[::-1]
    found_NL = np.take_along_axis(relevant_NL, order_NL, axis=0).cumsum(axis=0)
    depth_NL, hits_NL = np.empty_like(last_NL), np.empty_like(last_NL)
    np.put_along_axis(depth_NL, order_NL, last_NL + 1, axis=0)
    np.put_along_axis(hits_NL, order_NL, np.take_along_axis(found_NL, last_NL, axis=0), axis=0)
    return depth_NL, hits_NL


def _ratios(predicted_NL: Bools, relevant_NL: Bools) -> dict[str, float]:
    """Return precision, recall and F1 by label, by sample and over all cells; the Jaccard index by sample."""
    scores = {}
    for average, axis in {**AVERAGES, "example": 1}.items():
        hits = np.sum(predicted_NL & relevant_NL, axis=axis)
        predicted, relevant = np.sum(predicted_NL, axis=axis), np.sum(relevant_NL, axis=axis)
        scores[f"{average}_precision"] = float(np.mean(ratio(hits, predicted, empty=0)))
        scores[f"{average}_recall"] = float(np.mean(ratio(hits, relevant, empty=0)))
        scores[f"{average}_f1"] = _f1(predicted_NL, relevant_NL, axis)
    both_N = np.sum(predicted_NL & relevant_NL, axis=1)
    either_N = np.sum(predicted_NL | relevant_NL, axis=1)
    scores["jaccard"] = float(np.mean(ratio(both_N, either_N, empty=1)))
    return scores


def _f1(predicted_NL: Bools, relevant_NL: Bools, axis: int | None) -> float:
    """Return the mean F1 of counts that are summed over an axis, or over all cells."""
    hits = np.sum(predicted_NL & relevant_NL, axis=axis)
    cells = np.sum(predicted_NL, axis=axis) + np.sum(relevant_NL, axis=axis)
    return float(np.mean(ratio(2 * hits, cells, empty=0)))


def ratio(numerator: ArrayLike, denominator: ArrayLike, *, empty: float) -> Floats:
    """Divide counts; `empty` stands where the denominator is 0."""
    denominator = np.asarray(denominator)
    return np.where(denominator > 0, numerator / np.maximum(denominator, 1), empty)


def mean_of_defined(values_L: Floats) -> float:
    """Return the mean of what is not NaN; NaN where all is."""
    defined = values_L[~np.isnan(values_L)]
    return float(defined.mean()) if defined.size else float("nan")
