"""Divides samples into parts in which labels, or pairs of labels, are as frequent as in the whole.

Order 1: Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data. ECML PKDD 2011.
Order 2: Szymański, Kajdanowicz: A Network Perspective on Stratification of Multi-Label Data. LIDTA, PMLR 74, 2017.

What a sample has counts as evidence: its labels, and in order 2 its pairs of labels as well. The evidence with the
fewest samples left comes first; each of them goes to the part that wants most of that evidence, among equal ones to the
part that wants most samples. Samples without labels come last. The papers break what ties remain at random, each time;
here samples, evidence and parts are shuffled once and the first wins, so that a loop-written twin can be compared.

Shape suffixes: N samples, L labels, E pieces of evidence, P parts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Indices = npt.NDArray[np.int64]


def stratify(positive_NL: npt.NDArray[np.bool_], shares: Sequence[float], *, order: int, seed: int) -> list[Indices]:
    """Divide samples into parts of given shares.

    Args:
        positive_NL: Which sample has which label, `(N, L)`.
        shares: The share of each of P parts; positive, with sum 1.
        order: 1: labels; 2: labels and pairs of labels.
        seed: A number from 0; the same seed gives the same parts.

    Returns:
        P arrays of sorted indices; every sample is in exactly one. The sizes follow the shares about, not exactly.

    Raises:
        ValueError: If `order` is neither 1 nor 2.

    >>> labels = np.tile(np.array([[True, False], [False, True]]), (5, 1))
    >>> [part.tolist() for part in stratify(labels, (0.8, 0.2), order=1, seed=0)]
    [[0, 2, 3, 4, 5, 6, 7, 9], [1, 8]]
    """
    evidence_NE = evidence(positive_NL, order)
    rng = np.random.default_rng(seed)
    samples, parts = rng.permutation(len(positive_NL)), rng.permutation(len(shares))
    shuffled_NE = evidence_NE[samples][:, rng.permutation(evidence_NE.shape[1])]
    part_N = np.empty(len(samples), dtype=np.int64)
    part_N[samples] = parts[assign(shuffled_NE, np.asarray(shares, dtype=np.float64)[parts])]
    return [np.flatnonzero(part_N == part) for part in range(len(shares))]


def evidence(positive_NL: npt.NDArray[np.bool_], order: int) -> "csr_array":
    """Return what each sample has: `(N, L)` labels; for order 2 also the pairs of labels that occur, in order."""
    from scipy.sparse import csr_array, hstack  # noqa: PLC0415 (slow to import)

    if order not in (1, 2):
        raise ValueError(f"order is {order!r}; expected 1, for labels, or 2, for pairs of labels too")
    labels_NL: csr_array = csr_array(positive_NL.astype(np.int64))
    if order == 1:
        return labels_NL
    num_samples, num_labels = positive_NL.shape
    pairs = [_pairs(np.flatnonzero(row), num_labels) for row in positive_NL]
    distinct, column = np.unique(np.concatenate(pairs), return_inverse=True)
    starts = np.cumsum([0, *map(len, pairs)])
    pairs_NE = csr_array((np.ones(len(column), dtype=np.int64), column, starts), shape=(num_samples, len(distinct)))
    return csr_array(hstack([labels_NL, pairs_NE], format="csr"))


def _pairs(labels: Indices, num_labels: int) -> Indices:
    """Return a number for each pair of these labels."""
    first, second = np.triu_indices(len(labels), k=1)
    return np.asarray(labels[first] * num_labels + labels[second], dtype=np.int64)


def assign(evidence_NE: "csr_array", share_P: npt.NDArray[np.float64]) -> Indices:
    """Return the part of each sample, `(N,)`; among equals the first sample, evidence or part."""
    num_samples, _ = evidence_NE.shape
    of_sample, start_of_sample = evidence_NE.indices, evidence_NE.indptr
    by_evidence = evidence_NE.tocsc()
    left_E = np.diff(by_evidence.indptr).astype(np.int64)
    wanted_EP = np.outer(left_E, share_P)
    none_left = num_samples + 1  # where nothing is left: behind everything else
    left_E[left_E == 0] = none_left
    wanted_P = share_P * num_samples
    part_N = np.full(num_samples, -1, dtype=np.int64)
    while left_E[rarest := int(left_E.argmin())] < none_left:
        for sample in by_evidence.indices[by_evidence.indptr[rarest] : by_evidence.indptr[rarest + 1]]:
            if part_N[sample] < 0:
                wanted = wanted_EP[rarest]
                part = int(np.where(wanted == wanted.max(), wanted_P, -np.inf).argmax())
                has = of_sample[start_of_sample[sample] : start_of_sample[sample + 1]]
                part_N[sample] = part
                wanted_EP[has, part] -= 1
                wanted_P[part] -= 1
                left_E[has] -= 1
                left_E[has[left_E[has] == 0]] = none_left
    for sample in np.flatnonzero(part_N < 0):
        part_N[sample] = int(wanted_P.argmax())
        wanted_P[part_N[sample]] -= 1
    return part_N
