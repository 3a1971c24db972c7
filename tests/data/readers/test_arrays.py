"""Matrices in memory and in `.npz` files."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from scipy import sparse

from batchsift.data import from_arrays, from_frame, load, read_npz
from batchsift.labels import LabelMatrix

X = np.array([[0.5, 0.0], [0.0, np.nan], [2.0, 0.0]])
Y = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0]])
NAMES = {"feature_names": np.array(["x", "z"]), "label_names": np.array(["a", "b", "c"])}
FOLDER = Path(os.environ.get("BATCHSIFT_DATA", "")) / "tabular"
needs_data = pytest.mark.skipif(
    "BATCHSIFT_DATA" not in os.environ, reason="BATCHSIFT_DATA names no folder of data sets"
)


def saved(folder, name="set.npz", **arrays):
    np.savez_compressed(folder / name, **arrays)
    return folder / name


class Polars:
    """What is known of a polars frame."""

    def __init__(self, values):
        self.columns, self._values = ["0", "1"], values

    def to_pandas(self):
        return pd.DataFrame(self._values, columns=self.columns)


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, torch.from_numpy, sparse.csc_array])
def test_arrays_of_every_kind(form):
    data = from_arrays(form(X), form(Y), label_names=["a", "b", "c"], name="mine")
    dense = data.features.toarray() if data.is_sparse else data.features
    assert data.is_sparse == (form is sparse.csc_array)
    np.testing.assert_array_equal(dense, X)
    np.testing.assert_array_equal(data.labels, Y)
    assert (data.feature_names, data.label_names) == (("feature_0", "feature_1"), ("a", "b", "c"))
    assert data.name == "mine"


@pytest.mark.parametrize(
    ("form", "is_sparse"),
    [
        (lambda values: torch.from_numpy(values).to_sparse(), True),
        (lambda values: torch.from_numpy(values).to_sparse_csr(), True),
        (lambda values: torch.from_numpy(values).bfloat16(), False),
        (lambda values: torch.from_numpy(values).requires_grad_(), False),
        (lambda values: pd.DataFrame(values).astype("Float64"), False),
        (lambda values: pd.DataFrame(values).astype({0: "Float64", 1: "Int64"}), False),
        (lambda values: pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(values)), True),
        (lambda values: pd.DataFrame(values).astype({0: pd.SparseDtype("float", np.nan)}), False),
        (lambda values: pa.table({"0": values[:, 0], "1": values[:, 1]}), False),
        (Polars, False),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state:UserWarning")
def test_matrices_of_other_libraries(form, is_sparse):
    values = np.array([[0.5, 0.0], [0.0, 1.0], [2.0, 0.0]])
    data = from_arrays(form(values), form(values > 0) if is_sparse else np.array(values > 0, dtype=np.uint8))
    assert data.is_sparse == is_sparse
    np.testing.assert_array_equal(data.features.toarray() if is_sparse else data.features, values)
    np.testing.assert_array_equal(data.labels, values > 0)


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float32", "UInt8"])
def test_na_of_pandas_is_not_labelled(dtype):
    labels = pd.DataFrame({"a": pd.array([1, 0, None], dtype=dtype), "b": pd.array([1, None, 0], dtype=dtype)})
    data = from_arrays(X, labels)
    np.testing.assert_array_equal(data.labels, [[1, 1], [0, np.nan], [np.nan, 0]])
    np.testing.assert_array_equal(LabelMatrix.of(labels).tensor(), data.labels)
    assert from_arrays(labels, Y).num_features == 2


def test_tables_of_arrow_and_polars():
    table = pa.table({"x": [1.5, None], "tags": [["red"], []]})
    for read in (load, from_frame):
        data = read(table, label_column="tags")
        np.testing.assert_array_equal(data.features, [[1.5], [np.nan]])
        assert (data.label_names, data.labels.tolist()) == (("red",), [[1], [0]])
        assert read(table.to_batches()[0], label_column="tags").num_samples == 2
        assert read(Polars(np.eye(2)), labels=1).label_names == ("1",)
    with pytest.raises(TypeError, match="got dict; expected a pandas data frame, or a table of Arrow or polars"):
        from_frame({"x": [1]}, labels=1)


def test_frames_keep_their_names():
    data = from_arrays(pd.DataFrame(X, columns=["x", 7]), pd.DataFrame(Y, columns=list("abc")))
    assert (data.feature_names, data.label_names) == (("x", "7"), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [(X[0], Y, r"features have shape \(2,\)"), (X, Y[:2], "3 rows and labels have 2"), (X, Y + 1, "labels hold 2")],
)
def test_wrong_arrays(features, labels, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(features, labels)


def test_npz(tmp_path):
    data = load(saved(tmp_path, "small.npz", X=X.astype(np.float32), y=Y.astype(np.uint8), **NAMES))
    np.testing.assert_array_equal(data.features, X)
    np.testing.assert_array_equal(data.labels, Y)
    assert (data.feature_names, data.label_names, data.name) == (("x", "z"), ("a", "b", "c"), "small")
    assert load(tmp_path / "small.npz", drop="x").feature_names == ("z",)
    assert load(saved(tmp_path, X=X, y=Y)).label_names == ("label_0", "label_1", "label_2")


@pytest.mark.parametrize("labels_are_sparse", [True, False])
@pytest.mark.parametrize(("stem", "name"), [("reviews_", "reviews"), ("", "data"), ("a.", "a")])
def test_a_pair_of_sparse_files(tmp_path, labels_are_sparse, stem, name):
    sparse.save_npz(tmp_path / f"{stem}X.npz", sparse.csc_array(X))
    if labels_are_sparse:
        sparse.save_npz(tmp_path / f"{stem}y.npz", sparse.csr_array(Y))
    else:
        np.savez(tmp_path / f"{stem}y.npz", y=Y)
    data = load(tmp_path / f"{stem}X.npz")
    assert data.is_sparse
    np.testing.assert_array_equal(data.features.toarray(), X)
    np.testing.assert_array_equal(data.labels, Y)
    assert data.name == name


def test_sparse_files_without_a_partner(tmp_path):
    sparse.save_npz(tmp_path / "features.npz", sparse.csr_array(X))
    with pytest.raises(ValueError, match=r"features\.npz is one sparse matrix; expected .* pair of files"):
        load(tmp_path / "features.npz")
    sparse.save_npz(tmp_path / "X.npz", sparse.csr_array(X))
    with pytest.raises(FileNotFoundError, match=r"there is no file .*y\.npz"):
        load(tmp_path / "X.npz")
    with pytest.raises(ValueError, match=r"y\.npz has no 'y': it holds labels"):
        load(saved(tmp_path, "y.npz", labels=Y).with_name("X.npz"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X}, "has no 'y': it holds X; expected X"),
        ({}, "has no 'X' and no 'y': it holds nothing"),
        ({"X": X, "y": Y, "label_names": np.array(["a", None, 3])}, "Python objects"),
        ({"X": X, "y": Y, "label_names": np.array(["a", "b"])}, "label_names are 2"),
        ({"X": X, "y": Y[:, 0]}, r"labels have shape \(3,\)"),
        ({"X": X, "y": 2 * Y}, "labels hold 2"),
        (
            {"X": np.where(X == 2, -np.inf, X), "y": Y, "feature_names": ["a", "b"]},
            "features hold -inf in row 2, column 'a'; expected finite",
        ),
        ({"X": np.array([["a"]] * 3), "y": Y}, "features have dtype"),
    ],
)
def test_wrong_files(tmp_path, arrays, message):
    path = saved(tmp_path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(path)
    assert str(caught.value).startswith(str(path))
    with pytest.raises(ValueError, match="drop='q' matches none of the 2 columns"):
        read_npz(saved(tmp_path, X=X, y=Y), drop="q")


def test_damaged_files_are_refused_by_name(tmp_path):
    whole = saved(tmp_path, X=X, y=Y).read_bytes()
    path = tmp_path / "damaged.npz"
    rng = np.random.default_rng(0)
    flips = (bytearray(whole) for _ in range(150))
    for damaged in (b"", b"text", whole[:-1], whole[:100], *flips):
        if isinstance(damaged, bytearray):
            damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            data = read_npz(path)
        except ValueError as error:
            message = str(error)
        else:
            message = str(path)
            np.testing.assert_array_equal(data.features, X)
            np.testing.assert_array_equal(data.labels, Y)
        assert message.startswith(str(path))
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(path)
    with pytest.raises(ValueError, match=r"not an \.npz file, but a single array"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", "no array")
        archive.writestr("y.npy", "no array")
    with pytest.raises(ValueError, match=r"damaged\.npz"):
        read_npz(path)


@needs_data
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.npz")))
def test_published_files(name):
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    data = load(FOLDER / f"{name}.npz")
    assert (data.num_samples, data.num_features, data.num_labels) == (facts["n"], facts["d"], facts["q"])
    assert data.cardinality == pytest.approx(facts["label_cardinality"], abs=5e-5)
    assert data.name == name
    assert len(set(data.label_names)) == data.num_labels
    assert np.isfinite(data.features).all()


def test_masked_cells_are_missing():
    features = np.ma.masked_array([[1, 2], [3, 4]], mask=[[False, True], [False, False]])
    labels = np.ma.masked_array([[1, 0], [0, 1]], mask=[[False, False], [True, False]])
    data = from_arrays(features, labels)
    np.testing.assert_array_equal(data.features, [[1, np.nan], [3, 4]])
    np.testing.assert_array_equal(data.labels, [[1, 0], [np.nan, 1]])
    np.testing.assert_array_equal(from_arrays(np.ma.masked_array([[1.0]]), [[1]]).features, [[1]])


@pytest.mark.parametrize(
    ("features", "labels", "names", "message"),
    [
        ([[1, 2], [3]], [[1], [0]], {}, "features are lists of several lengths"),
        ([[1], [3]], [[1], [0, 1]], {}, "labels are lists of several lengths"),
        ([[10**400]], [[1]], {}, "features have dtype object; expected numbers"),
        ([[1, 2]], [[1]], {"feature_names": ["x", "x"]}, "feature_names: the columns 1 and 2 are both called 'x'"),
        ([[1]], [[1, 0]], {"label_names": ["1", 1]}, "label_names: the columns 1 and 2 are both called '1'"),
        ([[1]], [[1, 0]], {"label_names": [["a", "b"]]}, r"label_names have the shape \(1, 2\)"),
        ([[1]], [[1, -1]], {}, "labels hold -1 in row 0, column 1; .*give negative=-1"),
    ],
)
def test_names_and_lists_that_are_none(features, labels, names, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(features, labels, **names)


def test_names_in_bytes_and_minus_one():
    data = from_arrays([[1.0]], [[1, -1]], label_names=[b"red", "round"], negative=-1)
    assert (data.label_names, data.labels.tolist()) == (("red", "round"), [[1, 0]])
