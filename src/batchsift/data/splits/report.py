"""How well the parts of a data set mirror the whole, and which labels were too rare for that.

LD and LPD: Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data. ECML PKDD 2011; Szymański,
Kajdanowicz: A Network Perspective on Stratification of Multi-Label Data. LIDTA, PMLR 74, 2017.

Shape suffixes: N samples, L labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from batchsift.matrices import as_dense
from batchsift.messages import first_few

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class SplitReport:
    """What a split is like.

    Args:
        sizes: Samples of each part.
        label_distribution: LD: the odds of a label in a part less those in the whole, absolute, mean over parts and
            labels; 0 is perfect.
        pair_distribution: LPD: the same for the pairs of labels that occur.
        too_rare: The labels with fewer positives than there are parts: no split can give each part one.
        absent: The other labels that a part has no positive of, with the number of that part, from 0.
    """

    sizes: tuple[int, ...]
    label_distribution: float
    pair_distribution: float
    too_rare: tuple[str, ...]
    absent: tuple[tuple[str, int], ...]

    def complaint(self) -> str | None:
        """Return the labels that some part has no positive of, in a sentence; None if there are none."""
        missing = list(dict.fromkeys([*self.too_rare, *(label for label, _ in self.absent)]))
        if not missing:
            return None
        return _complaint(missing, len(self.too_rare))


def absence(
    positive_NL: npt.NDArray[np.bool_], parts: Sequence[npt.NDArray[np.int64]], *, num_parts: int
) -> str | None:
    """Return the labels that some of the parts has no positive of, though there are some, in a sentence; None if none.

    Args:
        positive_NL: Which sample has which label, `(N, L)`.
        parts: Indices of the samples of each part; parts may share samples.
        num_parts: How many of them divide the samples.
    """
    whole_L = positive_NL.sum(axis=0)
    absent_L = np.any([~positive_NL[part].any(axis=0) for part in parts], axis=0) & (whole_L > 0)
    missing = [f"number {label}" for label in np.flatnonzero(absent_L).tolist()]
    return _complaint(missing, int((absent_L & (whole_L < num_parts)).sum())) if missing else None


def _complaint(missing: Sequence[str], num_too_rare: int) -> str:
    return (
        f"{len(missing)} labels have no positive sample in some part: {first_few(missing)}; {num_too_rare} of them "
        "have fewer positives than there are parts. Nothing can be measured on them there: drop rare labels first"
    )


def split_report(
    labels_NL: Any, parts: Sequence[npt.NDArray[np.int64]], *, label_names: Sequence[str] | None = None
) -> SplitReport:
    """Compare the parts of a split with the whole.

    Args:
        labels_NL: `(N, L)` of 0 and 1, NaN where not labelled: no positive.
        parts: Indices of the samples of each part, such as the test parts of `folds`; none empty.
        label_names: L names; numbers by default.

    >>> report = split_report([[1, 0], [1, 0], [0, 1], [0, 0]], [np.array([0, 2]), np.array([1, 3])])
    >>> report.sizes, report.label_distribution, report.too_rare, report.absent
    ((2, 2), 0.25, ('1',), ())
    """
    from scipy.sparse import csr_array  # noqa: PLC0415 (slow to import)

    positive_NL: csr_array = csr_array((as_dense(labels_NL) == 1).astype(np.int64))
    names = list(label_names or map(str, range(positive_NL.shape[1])))
    members = [positive_NL[part] for part in parts]
    whole_L = positive_NL.sum(axis=0)
    counts = [member.sum(axis=0) for member in members]
    rare_L = (whole_L > 0) & (whole_L < len(parts))
    absent = [
        (names[label], number)
        for number, count_L in enumerate(counts)
        for label in np.flatnonzero((count_L == 0) & (whole_L >= len(parts))).tolist()
    ]
    sizes = tuple(member.shape[0] for member in members)
    pairs = [_pair_counts(member) for member in (positive_NL, *members)]
    occurring = pairs[0] > 0
    return SplitReport(
        sizes=sizes,
        label_distribution=_distance([count[whole_L > 0] for count in (whole_L, *counts)], sizes),
        pair_distribution=_distance([count[occurring] for count in pairs], sizes),
        too_rare=tuple(names[label] for label in np.flatnonzero(rare_L).tolist()),
        absent=tuple(absent),
    )


def _pair_counts(positive_NL: "csr_array") -> npt.NDArray[np.int64]:
    together = np.asarray((positive_NL.T @ positive_NL).todense())
    return np.asarray(together[np.triu_indices(len(together), k=1)], dtype=np.int64)


def _distance(counts: Sequence[npt.NDArray[np.int64]], sizes: Sequence[int]) -> float:
    """Return the mean absolute difference of the odds in each part from those in the whole, the first of `counts`."""
    if not counts[0].size:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        whole, *parts = [count / (size - count) for count, size in zip(counts, (sum(sizes), *sizes), strict=True)]
        # A label that all samples have is as it should be in every part: infinite odds everywhere.
        gaps = [np.where(np.isinf(whole) & np.isinf(part), 0.0, np.abs(part - whole)) for part in parts]
    return float(np.mean(gaps))
