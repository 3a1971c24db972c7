"""Transformers: scikit-learn's own checks, their numbers beside scikit-learn's, and what they say they removed."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from batchsift.data.transforms import KnownCategories, MinMax, Standard, TopFeatures, make_steps, num_kept

rng = np.random.default_rng(0)
DENSE = np.where(rng.random((40, 6)) < 0.3, rng.uniform(0, 5, (40, 6)), 0.0)
NEGATIVE = DENSE - np.array([0, 0, 1, 0, 0, 0]) * (DENSE > 0)
MISSING = np.where(rng.random((40, 6)) < 0.1, np.nan, DENSE)
ALL = [MinMax(), TopFeatures(0.5), Standard(), KnownCategories()]


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


@pytest.mark.parametrize("matrix", [DENSE, NEGATIVE, MISSING, np.full((40, 6), 3.0)])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_the_numbers_of_scikit_learn(matrix, form):
    expected = MinMaxScaler().fit(matrix[:30]).transform(matrix)
    found = MinMax().fit(form(matrix[:30])).transform(form(matrix))
    np.testing.assert_allclose(as_dense(found), expected, atol=1e-12)


@pytest.mark.parametrize("matrix", [DENSE, NEGATIVE, MISSING, np.full((40, 6), 3.0)])
def test_standard_is_scikit_learns(matrix):
    expected = StandardScaler().fit(matrix[:30]).transform(matrix)
    np.testing.assert_allclose(Standard().fit(matrix[:30]).transform(matrix), expected, atol=1e-12)
    matrix = sparse.csr_array(matrix)
    expected = StandardScaler(with_mean=False).fit(matrix[:30]).transform(matrix)
    found = Standard().fit(matrix[:30]).transform(matrix)
    assert sparse.issparse(found)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-12)
    centered = Standard(center_sparse=True).fit(matrix[:30]).transform(matrix)
    np.testing.assert_allclose(centered, Standard().fit(as_dense(matrix)[:30]).transform(as_dense(matrix)), atol=1e-12)


def test_unseen_categories_are_missing():
    train = np.array([[1, 0, 0, 0.5], [0, 1, 0, 0.5], [np.nan, np.nan, np.nan, 0.0]])
    known = KnownCategories((slice(0, 3),)).fit(train)
    assert known.seen_.tolist() == [True, True, False, True]
    rows = np.array([[0, 0, 1, 7.0], [0, 1, 0, 8.0]])
    np.testing.assert_array_equal(known.transform(rows), [[np.nan] * 3 + [7], [0, 1, 0, 8]])
    assert rows[0].tolist() == [0, 0, 1, 7]  # what was given stays as it was
    np.testing.assert_array_equal(known.transform(train), train)


def test_the_steps_are_fitted_on_the_training_part_alone():
    steps = make_steps("none", blocks=(slice(0, 2),)).fit([[1, 0, 2.0], [1, 0, np.nan], [1, 0, 4.0]])
    assert list(steps.named_steps) == ["known", "impute", "scale"]
    np.testing.assert_array_equal(steps.transform([[0, 1, np.nan]]), [[1, 0, 3]])
    with pytest.raises(ValueError, match="scaling='standart': did you mean 'standard'"):
        make_steps("standart")


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


def test_a_pipeline_learns_from_the_training_part_only():
    pipeline = make_pipeline(TopFeatures(0.5), MinMax())
    train, test = sparse.csr_array(DENSE[:20]), sparse.csr_array(DENSE[20:] * 100)
    scaled = pipeline.fit(train).transform(test)
    again = pipeline.fit(train).transform(sparse.vstack([test, train]).tocsr())[:20]
    np.testing.assert_array_equal(scaled.toarray(), again.toarray())
    assert pipeline.transform(train).max() == 1
    with pytest.raises(NotFittedError):
        TopFeatures().removed_  # noqa: B018
