"""One door for matrices: the same thing means the same wherever it comes in, or is refused with what it is."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import batchsift as bs
from batchsift.data import MultiLabelData, from_arrays, from_frame
from batchsift.devices import check_device
from batchsift.functional.neighbors import nearest_neighbors
from batchsift.matrices import as_matrix

X = np.arange(12.0).reshape(4, 3)
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])


def selector(labels=Y, **options):
    return bs.Selector(labels, **{"method": "random", "batch_size": 2, "epochs": 4, **options})


LABEL_DOORS = {
    "selector": lambda labels: selector(labels)._labels.tensor().numpy(),
    "arrays": lambda labels: from_arrays(X, labels).labels,
    "data": lambda labels: MultiLabelData(X, labels, ("a", "b", "c"), ("p", "q")).labels,
}
FORMS = {
    "lists": lambda matrix: matrix.tolist(),
    "tuples": lambda matrix: tuple(map(tuple, matrix)),
    "rows": list,
    "tensors": lambda matrix: list(torch.tensor(matrix)),
    "sparse": sparse.csc_array,
    "sparse tensor": lambda matrix: torch.tensor(matrix).to_sparse(),
    "gradient": lambda matrix: torch.tensor(matrix, dtype=torch.float32, requires_grad=True),
    "eight bits": lambda matrix: torch.tensor(matrix).to(torch.float8_e5m2),
    "half": lambda matrix: torch.tensor(matrix).to(torch.bfloat16),
    "frame": pd.DataFrame,
    "nullable frame": lambda matrix: pd.DataFrame(matrix).astype("Int64"),
    "categories": lambda matrix: pd.DataFrame(matrix).astype("category"),
    "objects": lambda matrix: matrix.astype(object),
    "arrays of one": lambda matrix: np.array([[np.array(v) for v in row] + [None] for row in matrix], object)[:, :-1],
    "masked, nothing masked": np.ma.array,
    "big-endian": lambda matrix: matrix.astype(">i4"),
}


@pytest.mark.parametrize("door", LABEL_DOORS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_at_every_door(door, form):
    np.testing.assert_array_equal(LABEL_DOORS[door](FORMS[form](Y)), Y)


@pytest.mark.parametrize("door", LABEL_DOORS)
def test_what_is_masked_or_none_is_unknown(door):
    for labels in (
        np.ma.masked_equal(np.where(Y, 7, 0), 7),
        [[None if cell else 0 for cell in row] for row in Y],
        [np.ma.masked_equal(row, 1) for row in Y],
    ):
        np.testing.assert_array_equal(LABEL_DOORS[door](labels), np.where(Y, np.nan, 0))


NO_MATRICES = {
    "several lengths": ([[1, 0], [1]], "lists of several lengths"),
    "a huge number": ([[1, 10**400]] * 4, "no finite number"),
    "text": ([[1, "x"]] * 4, "labels"),
    "text among objects": (np.array([[1, "x"]] * 4, object), "'x' of type str in row 0, column 1"),
    "three dimensions": (Y[:, :, None], "labels"),
    "one dimension": (Y[:, 0], r"labels\[:, None\]"),
    "nothing": (None, "labels"),
    "complex": (Y.astype(complex), "complex"),
    "no values": (torch.zeros(4, 2, device="meta"), "'meta', which holds no values"),
    "sets": ([{"a"}, {"b"}], "labels"),
}


@pytest.mark.parametrize("door", LABEL_DOORS)
@pytest.mark.parametrize("kind", NO_MATRICES)
def test_what_is_no_matrix_is_refused_at_every_door(door, kind):
    labels, reason = NO_MATRICES[kind]
    with pytest.raises(ValueError, match=reason) as refusal:
        LABEL_DOORS[door](labels)
    assert len(str(refusal.value)) < 400


def test_masked_features_are_missing():
    masked = np.ma.masked_equal(X, 3)
    assert np.isnan(MultiLabelData(masked, Y, ("a", "b", "c"), ("p", "q")).features).tolist() == (X == 3).tolist()
    with pytest.raises(ValueError, match="NaN"):
        selector(method="hard_imbalanced", features=masked)


NAMES = {
    "repeated": (["a", "a"], "both called 'a'"),
    "a text and bytes": (["a", b"a"], "both called 'a'"),
    "a text and a number": (["1", 1], "both called '1'"),
    "two dimensions": (np.array([["a", "b"]]), "have the shape"),
    "lists": ([["a"], ["b"]], "have the shape"),
    "one text": ("ab", "in a str"),
    "a set": ({"a", "b"}, "have the type set"),
    "none": (["a", None], "None of type NoneType"),
    "half a character": (["a", "\ud800"], "half a character"),
    "too few": (["a"], "expected a tuple of 2"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_are_checked_at_every_door(kind):
    names, reason = NAMES[kind]
    for make in (
        lambda: from_arrays(X, Y, label_names=names),
        lambda: MultiLabelData(X, Y, ("a", "b", "c"), names),
        lambda: from_arrays(X[:, :2], Y, feature_names=names),
    ):
        with pytest.raises(ValueError, match=reason):
            make()


@pytest.mark.parametrize("names", [[b"a", b"b"], np.array(["a", "b"]), pd.Index(["a", "b"]), np.array([b"a", b"b"])])
def test_names_are_texts(names):
    for data in (from_arrays(X, Y, label_names=names), MultiLabelData(X, Y, ("a", "b", "c"), names)):
        assert [(type(name), name) for name in data.label_names] == [(str, "a"), (str, "b")]


def test_names_of_more_columns_than_there_can_be():
    with pytest.raises(ValueError, match="each of which needs a name"):
        from_arrays(sparse.coo_array((4, 2**40)), Y)


@pytest.mark.parametrize("device", ["nope", "", "cuda:99", "meta", 1.5])
def test_devices_that_cannot_be(device):
    for use in (check_device, lambda device: selector(device=device)):
        with pytest.raises(ValueError, match="cannot be used here"):
            use(device)


@pytest.mark.parametrize("storage", ["float16", None, 16, torch.int8, torch.float8_e5m2, np.float32])
def test_storages_that_cannot_be(storage):
    with pytest.raises(ValueError, match="must be a floating dtype"):
        bs.Hard(storage=storage)


@pytest.mark.parametrize("indices", [None, [None], "ab", {0, 1}, {"a": 1}, object(), [0, 10**30], [b"a"], [0.5, 1.5]])
def test_what_are_no_indices(indices):
    watched = selector(method="hard")
    for use in (lambda: watched.observe(indices, torch.zeros(2, 2)), lambda: watched.importance_weights(indices)):
        with pytest.raises(TypeError, match="indices must be"):
            use()
    assert watched.summary()["skipped_rows"] == 0


def test_masked_indices_and_sparse_logits_are_refused():
    watched = selector(method="hard")
    with pytest.raises(ValueError, match="masked"):
        watched.observe(np.ma.masked_equal([0, 1], 1), torch.zeros(2, 2))
    for logits in (torch.zeros(2, 2).to_sparse(), torch.zeros(2, 2, device="meta")):
        with pytest.raises(TypeError, match="dense tensor with values"):
            watched.observe([0, 1], logits)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_floats_of_eight_bits_are_observed(dtype):
    wide, narrow = selector(method="hard"), selector(method="hard")
    logits = torch.tensor([[0.5, -2.0], [1.5, 4.0]])
    wide.observe([0, 1], logits, in_plan=False)
    narrow.observe([0, 1], logits.to(dtype), in_plan=False)
    assert torch.equal(wide.scores["loss"], narrow.scores["loss"])


@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, torch.tensor])
def test_neighbours_do_not_depend_on_the_unit(scale, form):
    features = np.random.default_rng(0).normal(size=(30, 4))
    expected = nearest_neighbors(form(features), 3)
    assert torch.equal(nearest_neighbors(form(features * scale), 3), expected)


@pytest.mark.parametrize("cells", [[1, 10**400, 2, 3], [[1], [10**400], [2], [3]], [1, 10**5000, 2, 3]])
def test_numbers_that_no_float_holds_are_named(cells):
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object), "y": [0, 1, 0, 1]})
    with pytest.raises(ValueError, match=r"column 'x', row 1: .*(digits|too large)"):
        from_frame(frame, labels=1)


def test_tags_are_texts():
    frame = pd.DataFrame({"x": range(4), "tags": [["1"], [1], ["2"], [2]]})
    data = from_frame(frame, label_column="tags")
    assert (data.label_names, data.labels.tolist()) == (("1", "2"), [[1, 0], [1, 0], [0, 1], [0, 1]])


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_what_no_array_can_take_is_told_with_its_kind():
    with pytest.raises(ValueError, match="labels are a tensor of torch"):
        as_matrix(torch.quantize_per_tensor(torch.zeros(2, 2), 1.0, 0, torch.quint8), "labels")
