"""Long-tailed versions of a data set: fewer samples of a label, the rarer it is.

T. Wu, Q. Huang, Z. Liu, Y. Wang, D. Lin. Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed
Datasets. ECCV 2020: VOC-MLT and COCO-MLT keep training pictures so that the counts of the labels, in falling order,
follow the density of a Pareto distribution, `a x_min^a / x^(a + 1)`. Here the label of rank r of L (from 0) aims at

    n_r = largest x_r^-(a + 1),   x_r = 1 + (r / (L - 1)) ((largest / smallest)^(1 / (a + 1)) - 1)

so that the first label aims at `largest` and the last at `smallest`. Samples have several labels, so that counts are
met only as far as the labels allow. They are chosen from the rarest label up: for each, samples that have it are drawn
until its count is met, those first that add least to labels whose counts are met already, relative to these counts.
No sample without a label is kept. Labels that go with rarer ones come out more frequent than aimed at.

Shape suffixes: N samples, L labels.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from batchsift.data.labelled import Labelled

_Data = TypeVar("_Data", bound=Labelled)


def long_tailed(
    data: _Data, *, largest: int | None = None, smallest: int = 4, power: float = 6.0, seed: int
) -> tuple[_Data, npt.NDArray[np.int64]]:
    """Keep a part of the samples, so that the counts of the labels fall as a Pareto density does.

    Args:
        data: The samples to choose from: those for training, since test samples should stay as they are.
        largest: The count that the commonest label aims at; the count it has, by default.
        smallest: The count that the rarest label aims at, at least 1. A label that has fewer samples keeps them all.
        power: The Pareto distribution's power a, positive; the paper's is 6.
        seed: A number from 0; the same seed gives the same samples.

    Returns:
        The data with the samples that stay, and their indices (into `data`), sorted.

    Raises:
        ValueError: A number out of its range, or a data set without positive labels.

    >>> from batchsift.data import MultiLabelData
    >>> data = MultiLabelData(np.zeros((60, 1)), np.eye(3, dtype=int).repeat(20, axis=0), ("x",), ("a", "b", "c"))
    >>> kept, rows = long_tailed(data, smallest=2, seed=0)
    >>> kept.labels.sum(axis=0).tolist(), len(rows)
    ([20, 6, 2], 28)
    """
    positive_NL = data.labels == 1
    count_L = positive_NL.sum(axis=0)
    largest = int(count_L.max()) if largest is None else largest
    if not count_L.any():
        raise ValueError("no sample has a label; expected some")
    if not 1 <= smallest <= largest:
        raise ValueError(f"smallest is {smallest} and largest {largest}; expected 1 <= smallest <= largest")
    if not power > 0:
        raise ValueError(f"power is {power}; expected a positive number")
    order_L = np.argsort(-count_L, kind="stable")
    goal_L = np.empty(len(count_L), dtype=np.int64)
    goal_L[order_L] = pareto_counts(len(count_L), largest, smallest, power)
    generator = np.random.default_rng(seed)
    tie_N = generator.permutation(len(positive_NL))
    is_kept_N = np.zeros(len(positive_NL), dtype=bool)
    for label in order_L[::-1]:
        kept_L = positive_NL[is_kept_N].sum(axis=0)
        wanted = goal_L[label] - kept_L[label]
        candidates = np.flatnonzero(positive_NL[:, label] & ~is_kept_N)
        if wanted > 0:
            surplus = positive_NL[candidates] @ np.where(kept_L >= goal_L, 1 / goal_L, 0.0)
            is_kept_N[candidates[np.lexsort((tie_N[candidates], surplus))[:wanted]]] = True
    rows = np.flatnonzero(is_kept_N)
    return data.select(rows=rows), rows


def pareto_counts(num_labels: int, largest: int, smallest: int, power: float) -> npt.NDArray[np.int64]:
    """Return the counts that labels aim at, `(L,)`, in falling order.

    >>> pareto_counts(5, 100, 4, 6.0).tolist()
    [100, 39, 17, 8, 4]
    """
    x_L = np.linspace(1.0, (largest / smallest) ** (1 / (power + 1)), num_labels)
    count_L: npt.NDArray[np.int64] = np.rint(largest * x_L ** -(power + 1)).astype(np.int64)
    return count_L
