"""`.npz` and `.npy` files from strangers: what they declare is looked at before it is believed."""

import io
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from batchsift.data import load

X = np.array([[0.5, 0, 0, 1], [0, 0, 2, 0], [0, 3, 0, 0], [1, 0, 0, 0]])
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])


def parts_of(matrix):
    file = io.BytesIO()
    sparse.save_npz(file, matrix)
    file.seek(0)
    with np.load(file) as arrays:
        return dict(arrays)


def saved_pair(folder, features, labels=Y):
    np.savez(folder / "set_X.npz", **features)
    np.savez(folder / "set_y.npz", y=labels)
    return folder / "set_X.npz"


def header_of(shape, dtype="<f8"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": dtype})
    return file.getvalue()


FORMATS = {
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "dia": sparse.dia_array,
    "bsr": lambda matrix: sparse.bsr_array(matrix, blocksize=(2, 2)),
    "matrix": sparse.csr_matrix,
}


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_form_that_scipy_saves(tmp_path, form):
    data = load(saved_pair(tmp_path, parts_of(FORMATS[form](X))))
    assert data.is_sparse
    np.testing.assert_array_equal(data.features.toarray(), X)
    np.testing.assert_array_equal(data.labels, Y)


@pytest.mark.parametrize(
    ("form", "changes", "message"),
    [
        ("csr", {"indices": [0, 3, 2, 1_000_000, 0]}, "holds the index 1000000; expected 0 or more and less than 4"),
        ("csr", {"indices": [0, 3, -2, 1, 0]}, "holds the index -2"),
        ("csr", {"indptr": [0, 2, 3, 4, 900]}, "5 values, 5 indices and bounds up to 900"),
        ("csr", {"indptr": [0, 4, 3, 4, 5]}, "no rising bounds"),
        ("csr", {"indptr": [-1, 2, 3, 4, 5]}, "no rising bounds"),
        ("csr", {"indptr": [0, 5]}, "no rising bounds"),
        ("csr", {"indices": [0.5, 3, 2, 1, 0]}, "indices of a sparse matrix has dtype float64"),
        ("csr", {"data": ["a", "b", "c", "d", "e"]}, "dtype <U1; expected numbers"),
        ("csc", {"indices": [0, 3, 2, 1, 4]}, "holds the index 4; expected 0 or more and less than 4"),
        ("bsr", {"indices": [0, 1, 2]}, "holds the index 2; expected 0 or more and less than 2"),
        ("coo", {"row": [0, 0, 1, 2, 4]}, "holds the row 4"),
        ("coo", {"col": [0, 3, 2, 1, -1]}, "holds the column -1"),
        ("coo", {"col": [0, 3, 2, 1]}, "5 values, 5 rows and 4 columns"),
        ("dia", {"offsets": [0, 0, 1, 2, 3]}, "diagonals of shape"),
        ("csr", {"shape": [6, 2**40]}, "a sparse matrix of 6 x 1099511627776 would take"),
        ("csc", {"shape": [2**40, 4]}, "a sparse matrix of 1099511627776 x 4 would take"),
        ("coo", {"shape": [-4, 4]}, "expected two numbers that are 0 or more"),
        ("csr", {"shape": [4, 4, 4]}, "expected two numbers that are 0 or more"),
        ("csr", {"format": "xyz"}, "format 'xyz'"),
        ("csr", {"format": b"\xff"}, "a sparse matrix of the format"),
    ],
)
def test_indices_and_shapes_that_are_wrong(tmp_path, form, changes, message):
    parts = parts_of(FORMATS[form](X))
    if form == "coo" and "coords" in parts:
        parts |= {"row": parts["coords"][0], "col": parts["coords"][1]}
        del parts["coords"]
    path = saved_pair(tmp_path, parts | {name: np.array(value) for name, value in changes.items()})
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), form=st.sampled_from(sorted(FORMATS)))
def test_whatever_the_indices_are_the_process_lives(tmp_path_factory, data, form):
    parts = parts_of(FORMATS[form](X))
    name = data.draw(st.sampled_from([name for name in parts if parts[name].dtype.kind == "i"]))
    values = parts[name].copy()
    where = data.draw(st.integers(0, values.size - 1))
    values.flat[where] = data.draw(st.sampled_from([-(2**31), -1, 0, 1, 2, 3, 4, 5, 2**20, 2**31 - 1]))
    path = saved_pair(tmp_path_factory.getbasetemp(), parts | {name: values})
    told = ""
    try:
        load(path).features.toarray()
    except ValueError as error:
        told = str(error)
    assert told == "" or str(path) in told


def with_members(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("shape", [(2**40, 3), (6, 2**40), (2**62, 2**62), (7, 3), (0, 2**60)])
def test_headers_that_declare_more_than_there_is(tmp_path, shape):
    content = header_of(shape) + bytes(8 * 18)
    whole = io.BytesIO()
    np.save(whole, Y)
    (tmp_path / "set_X.npy").write_bytes(content)
    (tmp_path / "set_y.npy").write_bytes(whole.getvalue())
    message = "declares an array of shape|could only read 18 elements|expected 168 bytes got 144|array is too big"
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "set_X.npy")
    with pytest.raises(ValueError, match=message):
        load(with_members(tmp_path / "set.npz", X=content, y=whole.getvalue()))


def test_texts_without_letters_take_no_room(tmp_path):
    content = header_of((2**40,), "<U0")
    x, y = io.BytesIO(), io.BytesIO()
    np.save(x, X)
    np.save(y, Y)
    path = with_members(tmp_path / "set.npz", X=x.getvalue(), y=y.getvalue(), label_names=content)
    with pytest.raises(ValueError, match=r"declares an array of shape \(1099511627776,\)"):
        load(path)


def test_a_bomb(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "set.npz", X=np.zeros((1000, 1000)), y=np.ones((1000, 2)))
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "1000000")
    with pytest.raises(ValueError, match=r"and its arrays would take 8,016,\d+; expected at most 1,000,000"):
        load(tmp_path / "set.npz")
    monkeypatch.delenv("BATCHSIFT_MAX_BYTES")
    assert load(tmp_path / "set.npz").num_features == 1000


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"feature_names": ["w", "x", "w", "z"]}, "feature_names: the columns 1 and 3 are both called 'w'"),
        ({"label_names": ["a", "a"]}, "label_names: the columns 1 and 2 are both called 'a'"),
        ({"label_names": [["a", "b"]]}, r"label_names have the shape \(1, 2\); expected one dimension"),
        ({"label_names": np.array("ab")}, r"label_names have the shape \(\)"),
    ],
)
def test_names(tmp_path, arrays, message):
    np.savez(tmp_path / "set.npz", X=X, y=Y, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path / "set.npz")
    assert str(tmp_path) in str(caught.value)


def test_names_in_bytes(tmp_path):
    np.savez(tmp_path / "set.npz", X=X, y=Y, label_names=np.array([b"rot", "grün".encode()]))
    assert load(tmp_path / "set.npz").label_names == ("rot", "grün")


def test_minus_one_is_said_not_guessed(tmp_path):
    np.savez(tmp_path / "set.npz", X=X, y=2 * Y - 1)
    with pytest.raises(ValueError, match=r"labels hold -1 in row 0, column 1; .* give negative=-1"):
        load(tmp_path / "set.npz")
    np.testing.assert_array_equal(load(tmp_path / "set.npz", negative=-1).labels, Y)
    np.savez(tmp_path / "set.npz", X=X, y=[[1, -1], [0, 1], [1, 1], [1, 1]])
    with pytest.raises(ValueError, match=r"labels hold 0 in place \(1, 0\), and negative=-1 says"):
        load(tmp_path / "set.npz", negative=-1)
    for negative in (1, 0, np.nan, np.inf, "-1", True):
        with pytest.raises(ValueError, match="; expected the number that says"):
            load(tmp_path / "set.npz", negative=negative)


def test_a_pair_of_npy(tmp_path):
    np.save(tmp_path / "set_X.npy", X)
    np.save(tmp_path / "set_y.npy", Y.T)
    data = load(tmp_path / "set_X.npy", drop="feature_1")
    np.testing.assert_array_equal(data.features, X[:, [0, 2, 3]])
    np.testing.assert_array_equal(data.labels, Y)
    assert (data.name, data.feature_names) == ("set", ("feature_0", "feature_2", "feature_3"))
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(ValueError, match=r"one\.npy is one array; expected a pair of files .* or labels_file="):
        load(tmp_path / "one.npy")
    np.save(tmp_path / "set_y.npy", Y[:, 0])
    with pytest.raises(ValueError, match=r"set_y\.npy holds an array of shape \(4,\); expected two dimensions"):
        load(tmp_path / "set_X.npy")
    np.save(tmp_path / "set_y.npy", np.array([[None]]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"set_y\.npy: holds Python objects"):
        load(tmp_path / "set_X.npy")
    (tmp_path / "set_y.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*set_y\.npy"):
        load(tmp_path / "set_X.npy")


@pytest.mark.parametrize("shape", [(3, 3), (2, 4)])
def test_labels_in_rows_or_columns(tmp_path, shape):
    labels = np.eye(*shape, dtype=int)
    np.save(tmp_path / "X.npy", np.arange(shape[0] * 2.0).reshape(shape[0], 2))
    np.save(tmp_path / "y.npy", labels)
    if shape == (3, 3):
        with pytest.raises(ValueError, match="say which by label_rows='samples' or label_rows='labels'"):
            load(tmp_path / "X.npy")
    np.testing.assert_array_equal(load(tmp_path / "X.npy", label_rows="samples").labels, labels)
    with pytest.raises(ValueError, match="label_rows='rows'; expected 'samples' or 'labels'"):
        load(tmp_path / "X.npy", label_rows="rows")
    if shape == (2, 4):
        with pytest.raises(ValueError, match="expected labels of 2 columns"):
            load(tmp_path / "X.npy", label_rows="labels")


def test_a_flipped_bit_is_read_or_refused(tmp_path):
    np.savez(tmp_path / "set.npz", X=X, y=Y)
    whole = (tmp_path / "set.npz").read_bytes()
    sparse.save_npz(tmp_path / "set_X.npz", sparse.csr_array(X), compressed=False)
    np.savez(tmp_path / "set_y.npz", y=Y)
    pair = (tmp_path / "set_X.npz").read_bytes()
    flips = int(os.environ.get("BATCHSIFT_FLIPS", "300"))
    rng = np.random.default_rng(0)
    for content, path in ((whole, tmp_path / "set.npz"), (pair, tmp_path / "set_X.npz")):
        for _ in range(flips):
            damaged = bytearray(content)
            damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            told = ""
            try:
                load(path)
            except ValueError as error:
                told = str(error)
            assert told == "" or str(path) in told
