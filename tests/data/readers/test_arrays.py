"""Matrices in memory and in `.npz` files."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from batchsift.data import from_arrays, load, read_npz

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


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, torch.from_numpy, sparse.csc_array])
def test_arrays_of_every_kind(form):
    data = from_arrays(form(X), form(Y), label_names=["a", "b", "c"], name="mine")
    dense = data.features.toarray() if data.is_sparse else data.features
    assert data.is_sparse == (form is sparse.csc_array)
    np.testing.assert_array_equal(dense, X)
    np.testing.assert_array_equal(data.labels, Y)
    assert (data.feature_names, data.label_names) == (("feature_0", "feature_1"), ("a", "b", "c"))
    assert data.name == "mine"


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
