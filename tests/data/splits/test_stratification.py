import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.data import folds, holdout, read_arff, split_report, train_validation_test
from batchsift.data.splits.stratification import assign, evidence, stratify
from reference import stratification as twin


def correlated(num_samples=1000, seed=0):
    """Labels of which some come together far more often than apart."""
    rng = np.random.default_rng(seed)
    groups = rng.random((num_samples, 4)) < 0.15
    return (np.repeat(groups, 3, axis=1) & (rng.random((num_samples, 12)) < 0.6)).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 6).flatmap(
        lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=25)
    ),
    order=st.sampled_from([1, 2]),
    shares=st.sampled_from([(0.5, 0.5), (0.7, 0.1, 0.2), (0.2,) * 5, (0.9, 0.1)]),
)
def test_parts_are_those_of_the_loop_written_twin(rows, order, shares):
    has, pieces = twin.evidence(rows, order)
    found = evidence(np.array(rows), order)
    assert found.shape == (len(rows), len(pieces))
    dense = found.toarray()
    assert [{pieces[column] for column in np.flatnonzero(row)} for row in dense] == has
    assert assign(found, np.array(shares)).tolist() == twin.assign(has, pieces, shares)


def assert_partition(parts, num_samples):
    assert all((np.diff(part) > 0).all() and part.dtype == np.int64 for part in parts)
    assert sorted(np.concatenate(parts).tolist()) == list(range(num_samples))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("shares", [(0.7, 0.1, 0.2), (0.5, 0.25, 0.25)])
def test_three_parts_have_the_shares_and_the_frequencies_asked_for(order, shares):
    labels = correlated()
    split = train_validation_test(labels, shares=shares, seed=1, order=order)
    parts = (split.train, split.validation, split.test)
    assert_partition(parts, len(labels))
    for part, share in zip(parts, shares, strict=True):
        assert len(part) == pytest.approx(share * len(labels), abs=10)
        np.testing.assert_allclose(labels[part].sum(axis=0), share * labels.sum(axis=0), atol=4)
    assert split.report.sizes == tuple(map(len, parts))


def test_order_2_keeps_pairs_better_than_order_1_and_that_better_than_chance():
    labels = correlated()
    random = np.array_split(np.random.default_rng(0).permutation(len(labels)), 5)
    reports = [
        split_report(labels, parts)
        for parts in (
            [test for _, test in folds(labels, 5, 0, order=2)],
            [test for _, test in folds(labels, 5, 0)],
            random,
        )
    ]
    assert reports[0].pair_distribution < 0.5 * reports[1].pair_distribution < 0.5 * reports[2].pair_distribution
    assert reports[1].label_distribution < 0.5 * reports[2].label_distribution


def test_folds_and_holdout_of_order_2_partition_the_samples():
    labels = correlated(200)
    parts = folds(labels, 4, seed=3, order=2)
    assert_partition([test for _, test in parts], 200)
    for train, test in parts:
        assert_partition([train, test], 200)
    rest, held_out = holdout(labels, 0.2, seed=3, order=2)
    assert_partition([rest, held_out], 200)
    assert len(held_out) == pytest.approx(40, abs=4)


@pytest.mark.parametrize("order", [1, 2])
def test_the_seed_decides_everything(order):
    labels = correlated(300)
    first, again, other = (train_validation_test(labels, seed=seed, order=order) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.test, again.test)
    assert first.test.tolist() != other.test.tolist()
    assert first.report == again.report


@pytest.mark.parametrize("labels", [np.zeros((20, 3)), np.ones((20, 1)), np.full((20, 2), np.nan)])
def test_constant_and_unknown_labels_are_split_by_number(labels):
    split = train_validation_test(labels, shares=(0.5, 0.25, 0.25), seed=0, order=2)
    assert split.report.sizes == (10, 5, 5)
    assert split.report.label_distribution == 0


def test_samples_without_labels_are_spread_too():
    labels = np.zeros((100, 2))
    labels[:10] = 1
    parts = stratify(labels == 1, (0.5, 0.5), order=2, seed=0)
    assert [len(part) for part in parts] == [50, 50]
    assert [int(labels[part, 0].sum()) for part in parts] == [5, 5]


def test_labels_too_rare_to_split_are_named():
    labels = np.zeros((60, 4))
    labels[:, 0] = 1
    labels[:2, 1] = 1
    labels[:30, 3] = 1
    with pytest.warns(UserWarning, match=r"1 labels have no positive sample in some part: rare; 1 of them"):
        split = train_validation_test(labels, seed=0, label_names=("all", "rare", "none", "often"))
    assert split.report.too_rare == ("rare",)
    assert split.report.absent == ()


def test_a_report_says_what_is_missing_where_and_how_far_the_parts_are_from_the_whole():
    labels = correlated(60)
    parts = [np.arange(20), np.arange(20, 60)]
    labels[:20, 2] = 0
    report = split_report(labels, parts, label_names=[f"l{number}" for number in range(12)])
    assert report.sizes == (20, 40)
    assert ("l2", 0) in report.absent
    assert all(labels[parts[number], int(label[1:])].sum() == 0 for label, number in report.absent)
    counts = [labels[part].sum(axis=0).tolist() for part in parts]
    assert report.label_distribution == pytest.approx(twin.label_distribution(counts, report.sizes))
    pairs = [[int((labels[part, j] & labels[part, k]).sum()) for j, k in combinations(range(12), 2)] for part in parts]
    assert report.pair_distribution == pytest.approx(twin.label_distribution(pairs, report.sizes))
    assert split_report(np.ones((4, 1)), [np.arange(2), np.arange(2, 4)]).complaint() is None


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (0.7, 0.4, -0.1)])
def test_other_shares_are_refused(shares):
    with pytest.raises(ValueError, match="expected three positive numbers with sum 1"):
        train_validation_test(correlated(50), shares=shares, seed=0)


@pytest.mark.parametrize("order", [0, 3])
def test_other_orders_are_refused(order):
    for split in (
        lambda: train_validation_test(correlated(50), seed=0, order=order),
        lambda: folds(correlated(50), 3, 0, order=order),
        lambda: holdout(correlated(50), 0.2, 0, order=order),
    ):
        with pytest.raises(ValueError, match=f"order is {order}; expected 1"):
            split()


def test_a_part_left_empty_is_refused():
    with pytest.raises(ValueError, match="4 samples are too few for 3 parts"):
        train_validation_test(np.ones((4, 1)), shares=(0.98, 0.01, 0.01), seed=0)


@pytest.mark.filterwarnings("ignore:.*labels have no positive sample in some part")
@pytest.mark.skipif("BATCHSIFT_DATA" not in os.environ, reason="BATCHSIFT_DATA names no folder of data sets")
@pytest.mark.parametrize("name", ["yeast", "enron"])
def test_published_data_are_split_better_than_by_chance(name):
    labels = read_arff(Path(os.environ["BATCHSIFT_DATA"]) / "arff" / f"{name}.arff").labels
    chance, first, second = (
        np.mean([distances(labels, parts(labels, seed)) for seed in range(5)], axis=0)
        for parts in (
            lambda labels, seed: np.array_split(np.random.default_rng(seed).permutation(len(labels)), 5),
            lambda labels, seed: [test for _, test in folds(labels, 5, seed)],
            lambda labels, seed: [test for _, test in folds(labels, 5, seed, order=2)],
        )
    )
    assert first[0] < 0.7 * chance[0]
    assert second[1] < 0.75 * first[1]
    assert first[1] < 0.9 * chance[1]


def distances(labels, parts):
    report = split_report(labels, parts)
    return report.label_distribution, report.pair_distribution
