import random
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from batchsift.data import digits, folds, holdout, split_report, train_validation_test

# Small random sets have rare labels; that they are warned of is tested at the end.
pytestmark = pytest.mark.filterwarnings("ignore:.*labels have no positive sample in some part")


def long_tailed(num_samples=500, num_labels=12, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((num_samples, num_labels)) < 0.5 * 0.7 ** np.arange(num_labels)).astype(np.uint8)


def assert_partition(first, second, num_samples):
    for part in (first, second):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(num_samples))


@settings(max_examples=30, deadline=None)
@given(
    num_samples=st.integers(20, 60),
    num_labels=st.integers(1, 8),
    num_folds=st.integers(2, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_partition_the_samples(num_samples, num_labels, num_folds, seed):
    labels = long_tailed(num_samples, num_labels, seed)
    parts = folds(labels, num_folds, seed)
    assert len(parts) == num_folds
    for train, test in parts:
        assert_partition(train, test, num_samples)
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == list(range(num_samples))
    rest, held_out = holdout(labels, 0.2, seed)
    assert_partition(rest, held_out, num_samples)
    assert len(held_out) > 0
    assert len(rest) > 0


def test_folds_keep_sizes_and_label_frequencies():
    labels = long_tailed()
    for _, test in folds(labels, 5, seed=0):
        assert abs(len(test) - 100) <= 5
        np.testing.assert_allclose(labels[test].sum(axis=0), labels.sum(axis=0) / 5, atol=3)


@pytest.mark.parametrize("seed", range(5))
def test_holdout_keeps_size_and_label_frequencies(seed):
    labels = long_tailed()
    _, held_out = holdout(labels, 0.1, seed)
    assert abs(len(held_out) - 50) <= 5
    np.testing.assert_allclose(labels[held_out].sum(axis=0), labels.sum(axis=0) / 10, atol=3)


def test_rare_labels_are_spread_over_the_folds():
    labels = np.zeros((100, 2), dtype=np.uint8)
    labels[:5, 0] = 1
    labels[:, 1] = 1
    assert [int(labels[test, 0].sum()) for _, test in folds(labels, 5, seed=0)] == [1, 1, 1, 1, 1]


def test_unknown_cells_count_as_zero():
    labels = long_tailed(100).astype(np.float32)
    unknown = np.where(labels == 0, np.nan, labels)
    for (_, expected), (_, test) in zip(folds(labels, 5, 1), folds(unknown, 5, 1), strict=True):
        np.testing.assert_array_equal(test, expected)
    np.testing.assert_array_equal(holdout(labels, 0.1, 1)[1], holdout(unknown, 0.1, 1)[1])


@pytest.mark.parametrize("value", [0, 1])
def test_a_single_label_and_constant_labels_can_be_split(value):
    for shape in [(40, 1), (40, 3)]:
        labels = np.full(shape, value)
        assert [len(test) for _, test in folds(labels, 4, seed=0)] == [10, 10, 10, 10]
        assert len(holdout(labels, 0.25, seed=0)[1]) == 10


def global_random_state():
    _, keys, position, *_ = np.random.get_state()
    return keys.tolist(), position, random.getstate()


def test_the_seed_decides_everything_and_global_state_is_left_alone():
    labels = long_tailed(100)
    before = global_random_state()
    first, again, other = folds(labels, 3, 7), folds(labels, 3, 7), folds(labels, 3, 8)
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(first, other, strict=True))
    np.testing.assert_array_equal(holdout(labels, 0.1, 7)[1], holdout(labels, 0.1, 7)[1])
    assert holdout(labels, 0.1, 7)[1].tolist() != holdout(labels, 0.1, 8)[1].tolist()
    assert global_random_state() == before


@pytest.mark.parametrize("num_folds", [1, 0, -3])
def test_fewer_than_two_folds_are_refused(num_folds):
    with pytest.raises(ValueError, match=f"num_folds is {num_folds}; .* at least 2"):
        folds(long_tailed(20), num_folds, seed=0)


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="4 samples cannot fill num_folds=5"):
        folds(long_tailed(4), 5, seed=0)
    with pytest.raises(ValueError, match=r"4 samples are too few to hold out share=0\.1"):
        holdout(long_tailed(4), 0.1, seed=0)
    with pytest.raises(ValueError, match=r"4 samples are too few to hold out share=0\.9"):
        holdout(long_tailed(4), 0.9, seed=0)


def test_a_part_left_empty_by_the_stratification_is_refused():
    # Each label's one positive goes where most of it is wanted: the larger part.
    with pytest.raises(ValueError, match=r"3 samples are too few to hold out share=0\.3"):
        holdout(np.eye(3), 0.3, seed=0)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holdout(long_tailed(20), share, seed=0)


@pytest.mark.parametrize("labels", [np.zeros(10), np.zeros((10, 0))])
def test_labels_of_another_shape_are_refused(labels):
    with pytest.raises(ValueError, match="labels have shape"):
        folds(labels, 2, seed=0)


@pytest.mark.parametrize("split", [train_validation_test, partial(folds, num_folds=2), partial(holdout, share=0.5)])
def test_a_data_set_in_place_of_its_labels(split):
    with pytest.raises(TypeError, match=r"got a MultiLabelData; .*pass data\.labels"):
        split(digits(), seed=0)


SPLITS = [partial(folds, num_folds=5), partial(holdout, share=0.2), train_validation_test]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("split", SPLITS)
def test_a_label_too_rare_to_split_is_named(split, seed):
    labels = np.tile(np.array([[1, 0, 0], [0, 1, 0]]), (50, 1))
    labels[[3, 70], 2] = 1
    with pytest.warns(UserWarning, match="1 labels have no positive sample in some part: .*2; .* drop rare") as caught:
        split(labels, seed=seed)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("split", SPLITS)
def test_labels_that_are_in_all_parts_or_nowhere_are_not(split):
    labels = np.tile(np.array([[1, 0, 0], [0, 1, 0]]), (50, 1))
    split(labels, seed=0)


@pytest.mark.parametrize(
    "form",
    [
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        lambda labels: torch.from_numpy(labels).to_sparse(),
        lambda labels: torch.from_numpy(labels).bfloat16(),
        pd.DataFrame,
        lambda labels: pd.DataFrame(labels).astype("Int64"),
        lambda labels: pd.DataFrame(labels).astype("boolean").replace(False, pd.NA),
        lambda labels: pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(labels)),
    ],
)
@pytest.mark.parametrize("order", [1, 2])
def test_labels_of_every_form(form, order):
    labels = long_tailed(60, 4)
    for split in (*SPLITS[:2], lambda given, **options: vars(train_validation_test(given, **options)).values()):
        expected, found = split(labels, seed=1, order=order), split(form(labels), seed=1, order=order)
        for first, second in zip(expected, found, strict=True):
            np.testing.assert_equal(second, first)
    parts = [np.arange(30), np.arange(30, 60)]
    assert split_report(form(labels), parts) == split_report(labels, parts)
