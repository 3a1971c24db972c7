"""Imbalance of labels against loops over their definitions.

Shapes: N samples, L labels, K neighbors.
"""

import pytest
import torch

from batchsift.functional import chunks
from batchsift.functional.imbalance import imbalance_ratio, local_imbalance_weights, minority_labels, rarity_weights

STREAM = torch.Generator().manual_seed(0)
N, K = 40, 6
POSITIVE = torch.rand(N, 5, generator=STREAM) < torch.tensor([0.6, 0.5, 0.3, 0.2, 0.0])
POSITIVE[0] = False
NEIGHBORS = torch.randint(N, (N, K), generator=STREAM)
KNOWN = torch.rand(N, 5, generator=STREAM) < 0.8


@pytest.fixture(params=[None, 3], ids=["whole", "chunks"], autouse=True)
def in_chunks(request, monkeypatch):
    """Everything at once, or three rows at a time."""
    if request.param:
        rows = [slice(start, min(start + request.param, N)) for start in range(0, N, request.param)]
        monkeypatch.setattr("batchsift.functional.imbalance.row_chunks", lambda *_: rows)


def test_ratios_and_the_labels_above_their_mean():
    counts = [int(column.sum()) for column in POSITIVE.T]
    ratios = [max(counts) / count if count else float("nan") for count in counts]
    assert imbalance_ratio(POSITIVE).dtype == torch.float64
    torch.testing.assert_close(
        imbalance_ratio(POSITIVE), torch.tensor(ratios).double(), equal_nan=True, rtol=1e-6, atol=0
    )
    mean = sum(ratios[:4]) / 4
    assert minority_labels(POSITIVE).tolist() == [ratio > mean for ratio in ratios]


def test_labels_alike_are_all_no_minority():
    assert minority_labels(torch.eye(3).bool()).tolist() == [False] * 3


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("floor", [False, True])
def test_samples_with_rare_labels_weigh_more(power, floor):
    counts = POSITIVE.sum(0).tolist()
    weights = [sum(counts[j] ** -power for j in range(5) if row[j]) for row in POSITIVE.tolist()]
    if floor:
        least = min(weight for weight in weights if weight)
        weights = [weight or least for weight in weights]
    found = rarity_weights(POSITIVE, power, floor=floor)
    assert (found.dtype, found.device.type) == (torch.float64, "cpu")
    expected = torch.tensor(weights, dtype=torch.float64)
    torch.testing.assert_close(found, expected / expected.sum())


def test_without_a_positive_all_weigh_alike():
    for floor in (False, True):
        assert rarity_weights(torch.zeros(N, 2).bool(), 1.0, floor=floor).tolist() == [1 / N] * N


@pytest.mark.parametrize("known", [None, KNOWN], ids=["all known", "some known"])
def test_weights_of_local_imbalance(known):
    minority = minority_labels(POSITIVE)
    shares = torch.zeros(POSITIVE.shape, dtype=torch.float64)
    for i in range(N):
        for j in range(5):
            others = [int(k) for k in NEIGHBORS[i] if k != i and (known is None or known[k, j])]
            lacking = sum(not POSITIVE[k, j] for k in others)
            if POSITIVE[i, j] and minority[j] and others and lacking < len(others):
                shares[i, j] = lacking / len(others)
    totals = shares.sum(0)
    expected = 1 + (shares / totals.where(totals > 0, 1)).sum(1)
    assert (expected > 1).any()
    found = local_imbalance_weights(POSITIVE, NEIGHBORS, known)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected)


def test_a_sample_is_no_neighbor_of_itself():
    alone = torch.arange(N)[:, None].expand(N, K)
    assert local_imbalance_weights(POSITIVE, alone).tolist() == [1.0] * N


def test_chunks_are_those_of_the_matrix():
    assert sum(len(range(N)[rows]) for rows in chunks.row_chunks((N, 5), torch.device("cpu"))) == N
