"""`.mat` files as scipy, MATLAB and h5py write them, in the layouts that are in circulation."""

import struct
import sys
import zlib

import h5py
import numpy as np
import pytest
from scipy import sparse
from scipy.io import savemat

from batchsift.data import load, published_split

X = np.array([[0.5, 0, np.nan], [0, 1.5, 2], [3, 0, 0], [1, 1, 1], [0, 0, 0.25]])
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]])
CELLS = {"feature_names": np.array(["a", "b c", "ü"], object), "label_names": np.array([["red"], ["round"]], object)}


def saved(folder, variables, name="set.mat", **options):
    savemat(folder / name, variables, **options)
    return folder / name


def assert_right(data, x=X, y=Y):
    np.testing.assert_array_equal(data.features.toarray() if data.is_sparse else data.features, x)
    np.testing.assert_array_equal(data.labels, y)


@pytest.mark.parametrize("names", [("data", "target"), ("dataset", "class"), ("X", "Y"), ("X", "y")])
@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}])
@pytest.mark.parametrize("targets", [Y, Y.T, Y.T.astype(np.uint8), Y.astype(bool), sparse.csc_array(Y.T.astype(float))])
def test_layouts(tmp_path, names, options, targets):
    data = load(saved(tmp_path, dict(zip(names, (X, targets), strict=True)), **options))
    assert_right(data)
    assert (data.name, data.label_names) == ("set", ("label_0", "label_1"))


def test_names_in_cells_and_in_characters(tmp_path):
    data = load(saved(tmp_path, {"data": X, "target": Y, **CELLS}), drop="b c")
    assert (data.feature_names, data.label_names) == (("a", "ü"), ("red", "round"))
    characters = {"label_names": np.array(["red  ", "round"]), "feature_names": np.array(["a", "b", "c"])}
    assert load(saved(tmp_path, {"data": X, "target": Y, **characters})).label_names == ("red", "round")
    for wrong, message in (
        ({"label_names": np.array([1, 2])}, "'label_names' holds int64; expected texts"),
        ({"label_names": np.array(["red", "red"])}, "both called 'red'"),
        ({"label_names": np.array(["red"])}, "label_names are 1 name"),
    ):
        with pytest.raises(ValueError, match=message):
            load(saved(tmp_path, {"data": X, "target": Y, **wrong}))


def test_two_parts_are_put_together_or_kept_apart(tmp_path):
    parts = {"train_data": X[:3], "train_target": Y[:3].T, "test_data": X[3:], "test_target": Y[3:].T}
    path = saved(tmp_path, parts)
    with pytest.warns(
        UserWarning, match=r"set\.mat: its 3 training and 2 test samples are put together; published_split"
    ):
        assert_right(load(path, label_rows="labels"))
    split = published_split(path, label_rows="labels")
    assert_right(split.data)
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1, 2], [3, 4])
    with pytest.raises(ValueError, match="say which by label_rows='samples' or label_rows='labels'"):
        load(path)  # the test part has as many samples as labels
    renamed = saved(tmp_path, dict(zip(("a", "b", "c", "d"), parts.values(), strict=True)))
    assert published_split(renamed, variables="a,b,c,d", label_rows="labels").data.num_samples == 5
    with pytest.raises(ValueError, match="neither a name in the catalogue nor a file whose name ends in -train"):
        published_split(saved(tmp_path, {"data": X, "target": Y}))


def test_other_names(tmp_path):
    path = saved(tmp_path, {"inputs": X, "outputs": Y, "more": Y})
    with pytest.raises(
        ValueError, match=r"there are inputs \(5 x 3\), outputs \(5 x 2\), .*variables='FEATURES,LABELS'"
    ):
        load(path)
    assert_right(load(path, variables="inputs,outputs"))
    assert_right(load(path, variables=["inputs", "outputs"]))
    for variables, message in (
        ("inputs", "names 1; expected two, of features and labels, or four"),
        ("inputs,inputs", "names 2; expected two"),
        ("inputs,output", r"there is no output; there are inputs \(5 x 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            load(path, variables=variables)
    with pytest.raises(ValueError, match="holds several pairs of features and labels"):
        load(saved(tmp_path, {"data": X, "target": Y, "X": X, "Y": Y}))


def test_minus_one(tmp_path):
    path = saved(tmp_path, {"data": X, "target": 2.0 * Y.T - 1})
    with pytest.raises(ValueError, match=r"set\.mat: labels hold -1 in .* give negative=-1"):
        load(path)
    assert_right(load(path, negative=-1))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"data": X, "target": {"x": 1}}, "'target' holds a struct; expected a matrix of numbers"),
        ({"data": X, "target": np.array([["a"] * 2] * 5, object)}, "'target' holds a cell array"),
        ({"data": X, "target": np.array(["ab"] * 5)}, "'target' holds text"),
        ({"data": X, "target": Y[:4]}, r"labels have the shape \(4, 2\), and the features have 5 rows"),
        ({"data": X, "target": 2 * Y}, "labels hold 2"),
        ({"data": X * 1j, "target": Y}, "'data' holds complex128"),
        ({"data": X, "target": np.ones((5, 2, 2))}, r"labels have the shape \(5, 2, 2\); expected two dimensions"),
    ],
)
def test_what_is_no_data_set(tmp_path, variables, message):
    path = saved(tmp_path, variables)
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_sparse_matrices(tmp_path):
    dense = np.nan_to_num(X)
    for options in ({}, {"do_compression": True}, {"format": "4"}):
        data = load(saved(tmp_path, {"data": sparse.csc_array(dense), "target": Y}, **options))
        assert data.is_sparse
        assert_right(data, dense)
    content = bytearray(saved(tmp_path, {"data": sparse.csc_array(dense), "target": Y}).read_bytes())
    rows = sparse.csc_array(dense).indices.astype("<i4").tobytes()
    content[content.index(rows) : content.index(rows) + 4] = struct.pack("<i", 1_000_000)
    (tmp_path / "set.mat").write_bytes(content)
    with pytest.raises(ValueError, match="holds the index 1000000; expected 0 or more and less than 5"):
        load(tmp_path / "set.mat")


def test_a_bomb(tmp_path, monkeypatch):
    path = saved(tmp_path, {"data": np.zeros((1000, 1000)), "target": np.ones((1000, 2))}, do_compression=True)
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "1000000")
    with pytest.raises(ValueError, match="unpacks to more than 1,000,000; "):
        load(path)
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "100000000")
    assert load(path).num_features == 1000


def test_a_declared_shape_is_not_believed(tmp_path):
    whole = saved(tmp_path, {"data": X, "target": Y}).read_bytes()
    shape = struct.pack("<2i", 5, 3)
    for wrong in ((2**31 - 1, 2**31 - 1), (2**30, 3), (5, 2**30), (-5, 3), (5, 4)):
        (tmp_path / "set.mat").write_bytes(whole.replace(shape, struct.pack("<2i", *wrong), 1))
        with pytest.raises(ValueError, match=r"set\.mat"):
            load(tmp_path / "set.mat")


def test_damaged_files(tmp_path):
    variables = {"data": np.nan_to_num(X), "target": Y, **CELLS}
    rng = np.random.default_rng(0)
    files = [saved(tmp_path, variables, f"{n}.mat", do_compression=bool(n)).read_bytes() for n in range(2)]
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:
        file["data"], file["target"] = X.T, Y
    files.append((tmp_path / "new.mat").read_bytes())
    path = tmp_path / "damaged.mat"
    for whole in files:
        for flip in range(150):
            damaged = bytearray(whole[: rng.integers(len(whole))] if flip % 10 == 0 else whole)
            if flip % 10 and damaged:
                damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            told = ""
            try:
                load(path)
            except ValueError as error:
                told = str(error)
            assert told == "" or str(path) in told


# --- Version 7.3 ------------------------------------------------------------------------------------------------------


def written(folder, fill, name="new.mat"):
    with h5py.File(folder / name, "w", userblock_size=512) as file:
        fill(file)
    return folder / name


def matlab(file, name, value, kind="double"):
    item = file.create_dataset(name, data=value)
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    return item


def cells(file, name, texts):
    parts = [
        matlab(file, f"#refs#/{name}{i}", np.array([[ord(sign)] for sign in text], np.uint16), "char")
        for i, text in enumerate(texts)
    ]
    made = file.create_dataset(name, (len(parts), 1), dtype=h5py.ref_dtype)
    made[:, 0] = [part.ref for part in parts]
    made.attrs["MATLAB_class"] = np.bytes_("cell")


def test_version_7_3(tmp_path):
    def fill(file):
        matlab(file, "data", X.T)
        matlab(file, "target", Y.T.astype(np.uint8), "logical")
        cells(file, "feature_names", ["a", "b c", "ü"])
        cells(file, "label_names", ["red", "round"])

    path = written(tmp_path, fill)
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + path.read_bytes()[512:])
    data = load(path)
    assert_right(data)
    assert (data.feature_names, data.label_names) == (("a", "b c", "ü"), ("red", "round"))


def test_version_7_3_sparse_and_transposed(tmp_path):
    def fill(file):
        matrix = sparse.csc_array(np.nan_to_num(X))
        group = file.create_group("data")
        group.attrs["MATLAB_sparse"] = np.uint64(5)
        for name, values in (("data", matrix.data), ("ir", matrix.indices), ("jc", matrix.indptr)):
            group[name] = values if name == "data" else values.astype(np.uint64)
        empty = file.create_group("none")
        empty.attrs["MATLAB_sparse"], empty["jc"] = np.uint64(5), np.zeros(4, np.uint64)
        file["target"] = Y  # as MATLAB writes labels x samples
        matlab(file, "label_names", np.array([list(map(ord, "red  ")), list(map(ord, "round"))], np.uint16).T, "char")

    path = written(tmp_path, fill)
    data = load(path)
    assert data.is_sparse
    assert_right(data, np.nan_to_num(X))
    assert data.label_names == ("red", "round")
    assert load(path, variables="none,target").features.nnz == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda group: group["ir"].__setitem__(0, 1_000_000), "holds the index 1000000"),
        (lambda group: group["jc"].__setitem__(1, 100), "no rising bounds|bounds up to"),
        (lambda group: group.attrs.__setitem__("MATLAB_sparse", np.uint64(2**40)), "x 3 would take"),
        (lambda group: group.attrs.__delitem__("MATLAB_sparse"), "'data' holds a struct"),
    ],
)
def test_version_7_3_sparse_and_wrong(tmp_path, change, message):
    def fill(file):
        matrix = sparse.csc_array(np.nan_to_num(X))
        group = file.create_group("data")
        group.attrs["MATLAB_sparse"] = np.uint64(5)
        group["data"], group["ir"], group["jc"] = matrix.data, matrix.indices, matrix.indptr
        file["target"] = Y
        change(group)

    with pytest.raises(ValueError, match=message):
        load(written(tmp_path, fill))


def test_version_7_3_that_leads_elsewhere_or_claims_too_much(tmp_path):
    (tmp_path / "raw").write_bytes(bytes(8 * 15))

    def outside(file):
        file.create_dataset("data", (3, 5), dtype="f8", external=[(str(tmp_path / "raw"), 0, 8 * 15)])
        file["target"] = Y

    def linked(file):
        file["data"], file["target"] = h5py.ExternalLink("other.mat", "/data"), Y

    def huge(file):
        file.create_dataset("data", (2**40, 5), dtype="f8", chunks=(1024, 5))
        file["target"] = Y

    for fill, message in (
        (outside, "'data' lies in another file; expected all in one"),
        (linked, r"has no variables data and target: there are target \(2 x 5\)"),
        (huge, "'data' would take 43,980,465,111,040"),
    ):
        with pytest.raises(ValueError, match=message):
            load(written(tmp_path, fill))


def test_h5py_that_is_not_installed(tmp_path, monkeypatch):
    path = written(tmp_path, lambda file: file.create_dataset("data", data=X))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        ImportError, match=r"new\.mat is a \.mat file of version 7\.3, which needs the package h5py: pip"
    ):
        load(path)


def test_compressed_elements_of_nonsense(tmp_path):
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    packed = zlib.compress(b"nonsense" * 100)
    for element in (
        struct.pack("<2I", 15, len(packed)) + packed,
        struct.pack("<2I", 15, 2**32 - 1) + packed,
        b"",
        b"xx",
    ):
        (tmp_path / "set.mat").write_bytes(header + element)
        with pytest.raises(ValueError, match=r"set\.mat"):
            load(tmp_path / "set.mat")
