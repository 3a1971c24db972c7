"""The metrics that papers on pictures report beside those of the protocol.

Shapes: N samples, L labels.

A cell whose label is not known is left out: it is no hit, no error, and takes no place in a ranking.

Sources:
    - F. Zhu, H. Li, W. Ouyang, N. Yu, X. Wang. Learning Spatial Regularization with Image-level Supervisions for
      Multi-label Image Classification. CVPR 2017: CF1 and OF1, at 1/2 and of the three highest.
    - T. Wu, Q. Huang, Z. Liu, Y. Wang, D. Lin. Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed
      Datasets. ECCV 2020: head, medium and tail. The limits are those of Z. Liu et al., Large-Scale Long-Tailed
      Recognition in an Open World, CVPR 2019.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from batchsift.metrics import (
    METRICS,
    THRESHOLD,
    Bools,
    Floats,
    Metric,
    as_array,
    auprc_per_label,
    checked,
    mean_of_defined,
    ratio,
)

__all__ = ["ALL_METRICS", "BY_FREQUENCY", "HEAD_ABOVE", "IMAGE_METRICS", "TAIL_BELOW", "TOP", "evaluate_images"]

TOP = 3  # labels of a sample that count as predicted for the metrics of the highest
HEAD_ABOVE = 100  # positives among the training samples
TAIL_BELOW = 20

IMAGE_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "cf1": Metric("CF1"),
        "of1": Metric("OF1"),
        "cf1_top3": Metric("CF1, top 3"),
        "of1_top3": Metric("OF1, top 3"),
        "map_head": Metric("Head mAP"),
        "map_medium": Metric("Medium mAP"),
        "map_tail": Metric("Tail mAP"),
    }
)
ALL_METRICS: Mapping[str, Metric] = MappingProxyType({**METRICS, **IMAGE_METRICS})
BY_FREQUENCY = ("map_head", "map_medium", "map_tail")  # those that there are with counts alone


def evaluate_images(probs: ArrayLike, targets: ArrayLike, train_positives: ArrayLike | None = None) -> dict[str, float]:
    """Return the mAP, and the metrics of `IMAGE_METRICS` in its order.

    - `macro_auprc`: the mAP, the mean of the labels' average precision over the labels with a positive. Where all
      cells are known it is that of `batchsift.metrics.evaluate`.
    - `cf1`: the harmonic mean of mean precision and mean recall over the labels. (`macro_f1` is the mean of the labels'
      F1, another number.) `of1`: F1 over all cells; `micro_f1` where all are known. A label counts as predicted where
      its probability is above 1/2.
    - `cf1_top3`, `of1_top3`: the same where the three labels of a sample with the highest probability count as
      predicted, whatever it is; of equals the first. (Some released code asks for more than 1/2 besides.)
    - `map_head`, `map_medium`, `map_tail`: the mAP of the labels with more than 100, with 20 to 100, and with fewer
      than 20 positives in the training part. Without counts they are left out.
    - Precision, recall and F1 are 0 where they would be 0/0. A label without a known cell is in no mean.

    Args:
        probs: `(N, L)` in [0, 1]; an array or a tensor.
        targets: `(N, L)` of 0/1, NaN where unknown.
        train_positives: `(L,)`, the positives of each label among the training samples.

    Returns:
        Key to value; NaN where a metric is undefined.

    Raises:
        ValueError: The shapes differ, a probability is outside [0, 1], a target is neither 0, 1 nor NaN, or a count is
            negative or not known.

    >>> scores = evaluate_images([[0.9, 0.2], [0.6, 0.7]], [[1, 0], [float("nan"), 1]], train_positives=[300, 7])
    >>> scores["macro_auprc"], scores["cf1"], round(scores["of1_top3"], 2), scores["map_tail"]
    (1.0, 1.0, 0.8, 1.0)
    """
    targets_NL = as_array(targets).astype(np.float64)
    known_NL = ~np.isnan(targets_NL)
    probs_NL, relevant_NL = checked(probs, np.where(known_NL, targets_NL, 0))
    # An unknown cell stands below all others, where it is in no positive's way.
    rank_NL = np.where(known_NL, probs_NL, -1)
    precision_L = auprc_per_label(rank_NL, relevant_NL)
    scores = {
        "macro_auprc": mean_of_defined(precision_L),
        **_f1_scores(probs_NL > THRESHOLD, relevant_NL, known_NL, ""),
        **_f1_scores(_highest(rank_NL), relevant_NL, known_NL, f"_top{TOP}"),
    }
    if train_positives is not None:
        count_L = as_array(train_positives).astype(np.float64)
        if count_L.shape != precision_L.shape or not (count_L >= 0).all():
            raise ValueError(
                f"train_positives must be {len(precision_L)} numbers of positives, one a label, at least 0; "
                f"got the shape {count_L.shape} and {count_L.min(initial=np.inf):g} as the least"
            )
        is_head_L, is_tail_L = count_L > HEAD_ABOVE, count_L < TAIL_BELOW
        groups = (is_head_L, ~is_head_L & ~is_tail_L, is_tail_L)
        scores |= {key: mean_of_defined(precision_L[group]) for key, group in zip(BY_FREQUENCY, groups, strict=True)}
    return scores


def _f1_scores(predicted_NL: Bools, relevant_NL: Bools, known_NL: Bools, suffix: str) -> dict[str, float]:
    """Return CF1 and OF1 of what is predicted, over the known cells."""
    predicted_NL = predicted_NL & known_NL
    hits_L = (predicted_NL & relevant_NL).sum(axis=0)
    predicted_L, relevant_L = predicted_NL.sum(axis=0), relevant_NL.sum(axis=0)
    if not known_NL.any():
        return {f"cf1{suffix}": float("nan"), f"of1{suffix}": float("nan")}
    is_known_L = known_NL.any(axis=0)
    precision = ratio(hits_L, predicted_L, empty=0)[is_known_L].mean()
    recall = ratio(hits_L, relevant_L, empty=0)[is_known_L].mean()
    return {
        f"cf1{suffix}": float(2 * precision * recall / (precision + recall)) if hits_L.any() else 0.0,
        f"of1{suffix}": float(ratio(2 * hits_L.sum(), predicted_L.sum() + relevant_L.sum(), empty=0)),
    }


def _highest(rank_NL: Floats) -> Bools:
    """Return whether each cell is one of its sample's highest; of equals the first."""
    order_NT = np.argsort(-rank_NL, axis=1, kind="stable")[:, :TOP]
    highest_NL = np.zeros(rank_NL.shape, dtype=bool)
    np.put_along_axis(highest_NL, order_NT, values=True, axis=1)
    return highest_NL
