"""Sparse rows as text: LIBSVM with several labels, and the format of extreme classification."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from batchsift.data import load

X = np.array([[0.5, 0, 1.5], [0, 0, 2], [1, 3, 0], [0, 0, 0]])
Y = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]])


@pytest.mark.parametrize("ending", [".svm", ".libsvm", ".svmlight", ".txt", ""])
def test_what_scikit_learn_writes_counted_from_one(tmp_path, ending):
    dump_svmlight_file(X, sparse.csr_array(Y), str(tmp_path / f"set{ending}"), multilabel=True, zero_based=False)
    data = load(tmp_path / f"set{ending}", drop="feature_2")
    np.testing.assert_array_equal(data.features.toarray(), X[:, [0, 2]])
    np.testing.assert_array_equal(data.labels, Y)
    assert (data.feature_names, data.name) == (("feature_1", "feature_3"), "set")
    assert data.label_names == ("label_0", "label_1", "label_2")


def test_what_is_counted_from_zero_is_said(tmp_path):
    path = tmp_path / "set.svm"
    dump_svmlight_file(X, Y, str(path), multilabel=True, zero_based=True, comment="toys")
    with pytest.warns(UserWarning, match=r"set\.svm: its features are counted from 0, not from 1 as is usual"):
        data = load(path)
    np.testing.assert_array_equal(data.features.toarray(), X)
    assert data.feature_names == ("feature_0", "feature_1", "feature_2")


def test_rows_without_labels_numbers_with_gaps_and_missing_values(write):
    data = load(write("7,3 2:nan\n 1:1e3\n2:4 # no label\n\n12\n", "set.svm"))
    np.testing.assert_array_equal(data.features.toarray(), [[0, np.nan], [1000, 0], [0, 4], [0, 0]])
    np.testing.assert_array_equal(data.labels, [[1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]])
    assert data.label_names == ("label_3", "label_7", "label_12")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1:1\n1 2:x\n", r"line 2: '1 2:x' is no row of labels and features .*expected one such as 1,3 2:0\.5"),
        ("1 2:1 1:1\n", "line 1: .*sorted"),
        ("1 1:1 1:1\n", "line 1: .*sorted and unique"),
        ("1 -1:1\n", "line 1: .*Invalid index -1"),
        ("1, 2:1\n", "line 1: '1, 2:1' is no row"),
        ("red 1:1\n", "line 1: 'red 1:1' is no row"),
        ("# one\n1 1:1\n1 99999999999:1\n", "line 3: .* is no row"),
        ("1 1:1\n1 2147483646:1\n", r"features of 2 x 2147483647 would take"),
        ("1 1:1\n-1 1:1\n", "line 2: a label is -1; expected whole numbers of 0 or more; .* give negative=-1"),
        ("1.5 1:1\n", r"line 1: a label is 1\.5; expected whole numbers"),
        ("nan 1:1\n", "line 1: a label is nan"),
        ("1 1:1\ninf 1:1\n", "line 2: a label is inf"),
        (" 1:1\n", "no row has a label"),
        ("1\n2\n", "no row has a feature"),
        ("1 1:inf\n", "features hold inf in row 0, column 'feature_1'; expected finite"),
        ("", "holds no rows"),
    ],
)
def test_rows_that_are_none(write, text, message):
    path = write(text, "set.svm")
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_number_for_no_label(write):
    data = load(write("1 1:1\n-1 2:1\n", "set.svm"), negative=-1)
    assert (data.label_names, data.labels.tolist()) == (("label_1",), [[1], [0]])
    with pytest.raises(ValueError, match="negative=1; expected"):
        load(write("1 1:1\n", "set.svm"), negative=1)


def test_labels_that_would_fill_the_memory(write, monkeypatch):
    path = write("".join(f"{row} 1:1\n" for row in range(2000)), "set.svm")
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "1000000")
    with pytest.raises(ValueError, match="labels of 2000 x 2000 would take"):
        load(path)
    monkeypatch.delenv("BATCHSIFT_MAX_BYTES")
    assert load(path).num_labels == 2000


@pytest.mark.parametrize("name", ["set.xmc", "set.txt", "train"])
def test_xmc(write, name):
    data = load(write("4 5 3\n0,2 0:0.5 4:2\n 1:1\n\n1 3:nan\n\n", name), drop="feature_2")
    expected = [[0.5, 0, 0, 2], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, np.nan, 0]]
    np.testing.assert_array_equal(data.features.toarray(), expected)
    np.testing.assert_array_equal(data.labels, [[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert data.feature_names == ("feature_0", "feature_1", "feature_3", "feature_4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4 5\n0 1:1\n", "line 1: '4 5'; expected the numbers of samples, features and labels"),
        ("2 3 2\n0 1:1\n1 2:1\n 0:1\n", "holds 3 rows; its first line declares 2 samples"),
        ("3 3 2\n0 1:1\n1 2:1\n", "holds 2 rows; its first line declares 3 samples"),
        ("2 3 2\n0 1:1\n1 3:1\n", "line 3: a feature has the number 3; expected 0 to 2, since line 1 declares 3"),
        ("2 3 2\n0 1:1\n2 1:1\n", "line 3: a label is 2; expected whole numbers from 0 to 1, since line 1 declares 2"),
        ("2 3 2\n0 1:1\n-1 1:1\n", "line 3: a label is -1"),
        ("2 3 2\n0 1:1\n0.5 1:1\n", r"line 3: a label is 0\.5"),
        ("2 3 2\nnan 1:1\n0 1:1\n", "line 2: a label is nan"),
        ("2 3 2\n0 1:1\n0 1:x\n", "line 3: '0 1:x' is no row"),
        ("2 1099511627776 2\n0 1:1\n1 2:1\n", "features of 2 x 1099511627776 would take"),
        ("1099511627776 2 2\n0 1:1\n1 0:1\n", "labels of 1099511627776 x 2 would take"),
        ("2 2 1099511627776\n0 1:1\n1 0:1\n", "labels of 2 x 1099511627776 would take"),
        ("2 0 2\n0\n1\n", "a feature has the number|features have shape|no row"),
        ("", "line 1: ''; expected the numbers"),
    ],
)
def test_xmc_that_is_none(write, text, message):
    path = write(text, "set.xmc")
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
