import numpy as np
import pytest
import scipy.sparse as sp
import torch

from batchsift.labels import LabelMatrix

DENSE = [[1, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize(
    "labels",
    [
        DENSE,
        np.array(DENSE, dtype=np.uint8),
        np.array(DENSE, dtype=bool),
        np.array(DENSE, dtype=np.float16),
        torch.tensor(DENSE, dtype=torch.bfloat16),
        torch.tensor(DENSE).to_sparse(),
        sp.csr_matrix(DENSE),
        sp.coo_array(np.array(DENSE, dtype=np.float64)),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_every_form_gives_the_same_matrix(labels):
    matrix = LabelMatrix.of(labels)
    assert matrix.positive_NL.tolist() == [[True, False, True], [False, False, True]]
    assert matrix.known_NL is None
    assert matrix.tensor().tolist() == DENSE
    assert matrix.fingerprint() == LabelMatrix.of(DENSE).fingerprint()


def test_data_frame():
    pandas = pytest.importorskip("pandas")
    assert LabelMatrix.of(pandas.DataFrame(DENSE)).tensor().tolist() == DENSE


def test_nan_is_not_labelled():
    matrix = LabelMatrix.of([[1.0, float("nan")], [0.0, 1.0]])
    assert matrix.positive_NL.tolist() == [[True, False], [False, True]]
    assert matrix.known_NL.tolist() == [[True, False], [True, True]]
    assert matrix.masked(torch.ones(2, 2)).tolist() == [[1, 0], [1, 1]]
    assert LabelMatrix.of(matrix.tensor()).fingerprint() == matrix.fingerprint()


def test_fingerprint_tells_labels_apart():
    prints = {
        LabelMatrix.of(labels).fingerprint()
        for labels in (DENSE, [[1, 0, 1], [0, 1, 1]], [[1, 0], [1, 0], [0, 1]], [[1, 0, 1], [0, float("nan"), 1]])
    }
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1, -1]], r"got -1 for sample 0, label 1.*\(labels \+ 1\) / 2"),
        ([[0.0, 1.0], [0.3, 1.0]], r"got 0.3 for sample 1, label 0"),
        ([1, 0, 1], r"got \(3,\) \(one label\? pass labels\[:, None\]\)"),
        (np.zeros((0, 3)), r"got \(0, 3\)"),
        (np.zeros((3, 0)), r"got \(3, 0\)"),
        ([[0.0, float("inf")]], r"got inf"),
    ],
)
def test_other_values_and_shapes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        LabelMatrix.of(labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([["sea", "sky"]], "MultiLabelBinarizer"), (None, "must be numbers"), ([[1, 0], [1]], "rows of one length")],
)
def test_what_is_no_matrix_of_numbers_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        LabelMatrix.of(labels)
