"""The metrics of very many labels against loops, scikit-learn, and values worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.metrics import ndcg_score

from batchsift.extreme_metrics import EXTREME_METRICS, evaluate_extreme, highest_labels, propensities


def loop_metrics(rankings, targets, propensity):
    """Every metric place by place, from the labels of each sample in their order."""
    found = {}
    for k in (1, 3, 5):
        if k > len(propensity):
            continue
        precision = gain = 0.0
        weighted = best_weighted = 0.0
        for ranking, row in zip(rankings, targets, strict=True):
            hits = [(place, label) for place, label in enumerate(ranking[:k]) if row[label]]
            precision += len(hits) / k
            ideal = sum(1 / math.log2(place + 2) for place in range(min(k, sum(row))))
            gain += sum(1 / math.log2(place + 2) for place, _ in hits) / ideal if ideal else 0
            weighted += sum(1 / propensity[label] for _, label in hits)
            best = sorted((1 / propensity[label] for label, is_there in enumerate(row) if is_there), reverse=True)
            best_weighted += sum(best[:k])
        found[f"precision_at_{k}"] = precision / len(targets)
        found[f"ndcg_at_{k}"] = gain / len(targets)
        found[f"psp_at_{k}"] = weighted / best_weighted if best_weighted else math.nan
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 8)).flatmap(
        lambda shape: st.tuples(
            hnp.arrays(np.float64, shape, elements=st.sampled_from([-2.0, 0.0, 0.25, 0.5, 3.0])),
            hnp.arrays(np.int64, shape, elements=st.integers(0, 1)),
            hnp.arrays(np.bool_, shape),
        )
    )
)
def test_against_loops_whole_sparse_and_as_shortlists(case):
    scores, targets, kept = case
    num_labels = scores.shape[1]
    propensity = np.linspace(0.2, 1, num_labels)
    ranking = [sorted(range(num_labels), key=lambda label: (-row[label], label)) for row in scores]
    expected = loop_metrics(ranking, targets, propensity)
    found = evaluate_extreme(torch.tensor(scores), torch.tensor(targets), propensity=propensity)
    assert list(found) == [key for key in EXTREME_METRICS if key in expected]
    assert found == pytest.approx(expected, nan_ok=True)
    shortened = [[label for label in row if is_kept[label]] for row, is_kept in zip(ranking, kept, strict=True)]
    expected = loop_metrics(shortened, targets, propensity)
    rows, columns = np.nonzero(kept)
    some = sparse.coo_array((scores[rows, columns], (rows, columns)), shape=scores.shape)
    some_targets = sparse.csr_array(targets)
    assert evaluate_extreme(some, some_targets, propensity=propensity) == pytest.approx(expected, nan_ok=True)
    ids = np.where(kept, np.arange(num_labels), -1)[:, ::-1]
    found = evaluate_extreme(scores[:, ::-1], some_targets, label_ids=ids, propensity=propensity)
    assert found == pytest.approx(expected, nan_ok=True)


def test_ndcg_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, targets = rng.random((40, 12)), (rng.random((40, 12)) < 0.2).astype(int)
    found = evaluate_extreme(scores, targets)
    assert [found[f"ndcg_at_{k}"] for k in (1, 3, 5)] == pytest.approx(
        [ndcg_score(targets, scores, k=k) for k in (1, 3, 5)]
    )
    assert not any(key.startswith("psp") for key in found)


def test_propensities_by_hand():
    c = (math.log(50) - 1) * 3**0.5
    expected = [1 / (1 + c / math.sqrt(count + 2)) for count in (0, 2, 50)]
    assert propensities([0, 2, 50], 50, a=0.5, b=2).tolist() == pytest.approx(expected)


def test_a_ranking_of_very_many_labels_takes_little():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 10**6, size=(20_000, 50))
    targets = sparse.csr_array((np.ones(20_000), (np.arange(20_000), ids[:, 7])), shape=(20_000, 10**6))
    scores = -np.tile(np.arange(50.0), (20_000, 1))
    scores[:, 7] = 1
    ids += np.arange(50) * 10**6  # different ones in every row
    wide = sparse.csr_array((targets.data, targets.indices + 7 * 10**6, targets.indptr), shape=(20_000, 50 * 10**6))
    assert evaluate_extreme(scores, wide, label_ids=ids)["precision_at_1"] == 1
    assert highest_labels(scores, 2, label_ids=ids)[0].tolist() == [ids[0, 7], ids[0, 0]]


@pytest.mark.parametrize(
    ("scores", "targets", "options", "message"),
    [
        ([[1.0, math.nan]], [[0, 1]], {}, "a score of sample 0 is NaN"),
        ([[1.0, 2.0]], [[0, 2]], {}, "targets must be 0 or 1"),
        ([[1.0, 2.0]], [[0, math.nan]], {}, "targets must be 0 or 1"),
        ([[1.0, 2.0, 3.0]], [[0, 1]], {}, r"same samples and labels, got \(1, 3\) and \(1, 2\)"),
        ([[1.0]], [[0, 1]], {"label_ids": [[2]]}, "with label ids up to 2"),
        ([[1.0, 2.0]], [[0, 1]], {"label_ids": [[1, 1]]}, "label 1 is twice in the row of sample 0"),
        ([[1.0]], [[0, 1]], {"label_ids": [[0.5]]}, "label_ids must be integers"),
        ([[1.0]], [[0, 1]], {"label_ids": [[-2]]}, "label_ids must be integers"),
        ([1.0], [[0, 1]], {}, "must be matrices"),
        ([[1.0, 2.0]], [[0, 1]], {"propensity": [0.0, 1.0]}, r"propensity must be 2 numbers in \(0, 1\]"),
    ],
)
def test_what_does_not_fit_is_refused(scores, targets, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate_extreme(scores, targets, **options)


@pytest.mark.parametrize(("counts", "num_train"), [([1], 2), ([-1], 9), ([10], 9), ([[1]], 9)])
def test_wrong_counts_are_refused(counts, num_train):
    with pytest.raises(ValueError, match="train_positives must be numbers of positives"):
        propensities(counts, num_train)
