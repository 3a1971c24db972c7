"""Transformers: scikit-learn's own checks, their numbers beside scikit-learn's, and what they say they removed."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from batchsift.data import drop_rare_labels, load
from batchsift.data.transforms import MinMax, RareLabels, Standardise, TopFeatures, num_kept

rng = np.random.default_rng(0)
DENSE = np.where(rng.random((40, 6)) < 0.3, rng.uniform(0, 5, (40, 6)), 0.0)
NEGATIVE = DENSE - np.array([0, 0, 1, 0, 0, 0]) * (DENSE > 0)
MISSING = np.where(rng.random((40, 6)) < 0.1, np.nan, DENSE)
ALL = [MinMax(), Standardise(), Standardise(centre=False), TopFeatures(0.5), RareLabels(min_positives=0)]


def as_dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else matrix


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{estimator}-{getattr(check, 'func', check).__name__}-{number}")
        for estimator in ALL
        for number, (_, check) in enumerate(estimator_checks_generator(estimator))
        if getattr(check, "func", check).__name__ != "check_array_api_input"  # an option of SciPy's
    ],
)
def test_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize(("ours", "theirs"), [(MinMax(), MinMaxScaler()), (Standardise(), StandardScaler())])
@pytest.mark.parametrize("matrix", [DENSE, NEGATIVE, MISSING, np.full((40, 6), 3.0)])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_the_numbers_of_scikit_learn(ours, theirs, matrix, form):
    expected = theirs.fit(matrix[:30]).transform(matrix)
    found = ours.fit(form(matrix[:30])).transform(form(matrix))
    np.testing.assert_allclose(as_dense(found), expected, atol=1e-12)


def test_min_max_is_scikit_learns_to_the_bit():
    for matrix in (DENSE, NEGATIVE, MISSING):
        np.testing.assert_array_equal(MinMax().fit_transform(matrix), MinMaxScaler().fit_transform(matrix))
        np.testing.assert_array_equal(
            as_dense(MinMax().fit_transform(sparse.csr_array(matrix))), MinMaxScaler().fit_transform(matrix)
        )


@pytest.mark.parametrize(
    ("transform", "matrix", "stays"),
    [
        (MinMax(), DENSE, True),
        (MinMax(), MISSING, True),
        (MinMax(), NEGATIVE, False),
        (Standardise(), DENSE, False),
        (Standardise(centre=False), DENSE, True),
        (TopFeatures(0.5), DENSE, True),
    ],
)
def test_sparse_stays_sparse_where_zeros_stay_zeros(transform, matrix, stays):
    given = sparse.csr_array(matrix)
    found = transform.fit(given).transform(given)
    assert sparse.issparse(found) == stays
    np.testing.assert_array_equal(given.toarray(), matrix)
    np.testing.assert_allclose(as_dense(found), as_dense(transform.fit(matrix).transform(matrix)), atol=1e-12)


@pytest.mark.parametrize(
    ("share", "kept"), [(1 / 6, [3]), (0.5, [1, 3, 5]), (0.66, [1, 3, 5]), (1e-9, [3]), (1, range(6))]
)
def test_top_features(share, kept):
    matrix = np.array([[0, 2, 1, 5, 0, 2], [1, np.nan, 0, 5, 0, 0]])
    for form in (np.asarray, sparse.csr_array, sparse.csc_array):
        top = TopFeatures(share).fit(form(matrix))
        assert np.flatnonzero(top.get_support()).tolist() == list(kept)
        assert sorted([*kept, *top.removed_]) == list(range(6))
        assert top.sums_.tolist() == [1, 2, 1, 10, 0, 2]
        assert top.transform(form(matrix)).shape == (2, len(kept))
        assert top.summary().startswith(f"{6 - len(kept)} of 6 features removed")
    assert top.get_feature_names_out(list("abcdef")).tolist() == ["abcdef"[column] for column in kept]


def test_the_share_of_the_protocol():
    assert (num_kept(0.02, 47236), num_kept(0.05, 23146)) == (944, 1157)
    for share in (0, -0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"share must be in \(0, 1\]"):
            TopFeatures(share).fit(DENSE)


def test_rare_labels_are_those_that_the_protocol_drops():
    data = load("digits")
    for min_positives in (0, 100, 300):
        rare = RareLabels(min_positives).fit(data.labels)
        kept, removed = drop_rare_labels(data, min_positives)
        np.testing.assert_array_equal(rare.transform(data.labels), kept.labels)
        assert tuple(rare.get_feature_names_out(np.array(data.label_names, dtype=object))) == kept.label_names
        names = rare.summary(data.label_names).partition(": ")[2]
        assert tuple(names.split(", ") if names else ()) == removed
        assert f"{len(removed)} of 10 labels removed, with {min_positives} positives or fewer" in rare.summary()
    unknown = RareLabels(1).fit([[1, np.nan], [1, 1], [1, 0]])
    assert unknown.positives_.tolist() == [3, 1]
    assert unknown.removed_.tolist() == [1]
    with pytest.raises(ValueError, match=r"more than min_positives=2400 positives \(the commonest has"):
        RareLabels(2400).fit(data.labels)
    with pytest.raises(ValueError, match="at least 0"):
        RareLabels(-1).fit(data.labels)


def test_a_pipeline_learns_from_the_training_part_only():
    pipeline = make_pipeline(TopFeatures(0.5), MinMax())
    train, test = sparse.csr_array(DENSE[:20]), sparse.csr_array(DENSE[20:] * 100)
    scaled = pipeline.fit(train).transform(test)
    again = pipeline.fit(train).transform(sparse.vstack([test, train]).tocsr())[:20]
    np.testing.assert_array_equal(scaled.toarray(), again.toarray())
    assert pipeline.transform(train).max() == 1
    with pytest.raises(NotFittedError):
        TopFeatures().removed_  # noqa: B018
