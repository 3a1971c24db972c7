"""One table through every reader there is: the same features, labels and names, or the same refusal."""

import bz2
import datetime
import json
import lzma
import warnings
import zipfile

import datasets
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from arff_text import arff
from batchsift.data import from_arrays, from_frame, from_hf, load
from batchsift.data.readers.columns import MISSING

NAN = np.nan


def as_csv(frame, path, *, missing="", separator=",", end=""):
    text = frame.to_csv(index=False, na_rep=missing, sep=separator, lineterminator="\n")
    path.write_text(text.replace("\n", f"{end}\n") if end else text, encoding="utf-8")
    return path


def as_arff(frame, path, num_labels, *, missing="?", end=""):
    kinds = ["numeric"] * (frame.shape[1] - num_labels) + ["{0,1}"] * num_labels
    attributes = [f"'{name}' {kind}" for name, kind in zip(frame.columns, kinds, strict=True)]
    rows = [
        ",".join(missing if np.isnan(v) else f"{v:.0f}" if kind != "numeric" else repr(float(v)) for v, kind in cells)
        + end
        for cells in (zip(row, kinds, strict=True) for row in frame.to_numpy(dtype=float))
    ]
    path.write_text(arff(attributes, rows), encoding="utf-8")
    return path


def everywhere(frame, num_labels, folder, missing="?"):
    """Read the table through every door; yields what it was and the data."""
    names = list(frame.columns)
    features, labels = names[:-num_labels], names[-num_labels:]
    frame.to_parquet(folder / "set.parquet")
    (folder / "parts").mkdir(exist_ok=True)
    frame.to_parquet(folder / "parts" / "part-0.parquet")
    np.savez(folder / "set.npz", X=frame[features], y=frame[labels], feature_names=features, label_names=labels)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    files = {
        "csv": as_csv(frame, folder / "set.csv", missing=missing),
        "csv, semicolons": as_csv(frame, folder / "semicolons.csv", missing=missing, separator=";"),
        "csv, trailing commas": as_csv(frame, folder / "trailing.csv", end=","),
        "tsv": as_csv(frame, folder / "set.tsv", missing=missing, separator="\t"),
        "parquet": folder / "set.parquet",
        "parquet folder": folder / "parts",
        "arff": as_arff(frame, folder / "set.arff", num_labels, missing=missing),
        "arff of moa": as_arff(frame, folder / "moa.arff", num_labels, end=","),
        "frame": frame,
        "nullable frame": frame.convert_dtypes(),
        "arrow": table,
    }
    doors = {name: lambda source=source: load(source, labels=num_labels) for name, source in files.items()}
    doors["npz"] = lambda: load(folder / "set.npz")
    doors["arrays"] = lambda: from_arrays(frame[features], frame[labels])
    doors["from_frame"] = lambda: from_frame(frame, label_columns=labels)
    doors["hf"] = lambda: from_hf(datasets.Dataset(table), features=features, labels=labels)
    return doors


def in_other_formats(frame, num_labels, folder, missing="?"):
    """The same for files of other kinds, all of which carry names and missing cells."""
    names = list(frame.columns)
    features, labels = frame[names[:-num_labels]], frame[names[-num_labels:]]
    text = as_csv(frame, folder / "plain.csv", missing=missing).read_bytes()
    for ending, pack in ((".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstandard.compress)):
        (folder / f"packed.csv{ending}").write_bytes(pack(text))
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        archive.writestr("inner.csv", text)
    as_csv(frame, folder / "tabs.txt", missing=missing, separator="\t")
    as_csv(frame, folder / "bars.data", missing=missing, separator="|")
    as_csv(frame, folder / "tabs.csv", missing=missing, separator="\t")
    rows = [json.dumps({k: None if v != v else v for k, v in row.items()}) for row in frame.to_dict("records")]
    (folder / "set.jsonl").write_text("\n".join(rows), encoding="utf-8")
    frame.to_feather(folder / "set.feather")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(folder / "stream.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    frame.to_excel(folder / "set.xlsx", index=False)
    keel = as_arff(frame, folder / "set.dat", num_labels, missing="<null>").read_text(encoding="utf-8")
    quoted = [f"'{name}'" for name in names]
    roles = f"@inputs {', '.join(quoted[:-num_labels])}\n@outputs {', '.join(quoted[-num_labels:])}\n@data"
    (folder / "set.dat").write_text(keel.replace("@data", roles).replace(",", ", "), encoding="utf-8")
    as_csv(features, folder / "features.csv", missing=missing)
    as_csv(labels, folder / "labels.csv", missing=missing, separator=";")
    as_mat(features, labels, folder)
    counted = ("packed.csv.bz2", "packed.csv.xz", "packed.csv.zst", "packed.zip", "tabs.txt", "bars.data", "tabs.csv")
    counted += ("set.jsonl", "set.feather", "stream.arrow", "set.xlsx")
    doors = {name: lambda name=name: load(folder / name, labels=num_labels) for name in counted}
    doors["two files"] = lambda: load(folder / "features.csv", labels_file=folder / "labels.csv")
    doors["keel"] = lambda: load(folder / "set.dat")
    for name in ("rows.mat", "old.mat", "new.mat"):
        doors[name] = lambda name=name: load(folder / name, label_rows="samples" if name == "old.mat" else "labels")
    if np.isinf(np.vectorize(sixteen_digits)(frame.to_numpy(dtype=float))).any():
        del doors["set.xlsx"]  # the largest numbers of all are rounded up
    return doors


def as_mat(features, labels, folder):
    x, y = features.to_numpy(float), labels.to_numpy(float)
    names = {"feature_names": np.array(features.columns, object), "label_names": np.array(labels.columns, object)}
    savemat(folder / "old.mat", {"data": x, "target": y, **names})
    savemat(folder / "rows.mat", {"dataset": x, "class": y.T, **names}, do_compression=True)
    with h5py.File(folder / "new.mat", "w", userblock_size=512) as file:
        file["data"], file["target"] = x.T, y  # MATLAB writes the transpose of what it shows: labels x samples
        for name, texts in names.items():
            cells = [file.create_dataset(f"#refs#/{name}{i}", data=codes(t)).ref for i, t in enumerate(texts)]
            file.create_dataset(name, (len(cells), 1), dtype=h5py.ref_dtype)[:, 0] = cells


def codes(text):
    return np.array([[ord(sign)] for sign in text], dtype=np.uint16)


def without_names(frame, num_labels, folder):
    """The same for files that carry neither names, nor whether a label is not known (text)."""
    cells = frame.to_numpy(dtype=float)
    features, labels = cells[:, :-num_labels], cells[:, -num_labels:]
    np.save(folder / "set_X.npy", features)
    np.save(folder / "set_y.npy", labels)
    np.save(folder / "of_the_set.npy", labels.T)
    rows = [
        ",".join(str(j) for j, y in enumerate(ys) if y == 1)
        + "".join(f" {j}:{x!r}" for j, x in enumerate(map(float, xs)) if x != 0)
        for xs, ys in zip(features, labels, strict=True)
    ]
    header = f"{len(frame)} {features.shape[1]} {num_labels}"
    (folder / "set.xmc").write_text("\n".join([header, *rows]))
    (folder / "unnamed.txt").write_text("\n".join([header, *rows]) + "\n")
    return {
        "npy": lambda: load(folder / "set_X.npy", label_rows="samples"),
        "npy, two files": lambda: load(
            folder / "set_X.npy", labels_file=folder / "of_the_set.npy", label_rows="labels"
        ),
        "xmc": lambda: load(folder / "set.xmc"),
        "xmc by its content": lambda: load(folder / "unnamed.txt"),
    }


def as_svmlight(frame, num_labels, path):
    """Write a file that has no word of labels without a positive, nor of features behind the last that is not 0."""
    cells = frame.to_numpy(dtype=float)
    path.write_text(
        "".join(
            ",".join(str(j) for j, y in enumerate(row[-num_labels:], start=1) if y == 1)
            + "".join(f" {j}:{float(x)!r}" for j, x in enumerate(row[:-num_labels], start=1) if x != 0)
            + " # a row\n"
            for row in cells
        )
    )
    return path


def assert_same_cells(frame, num_labels, doors):
    expected = frame.to_numpy(dtype=float)
    for name, read in doors.items():
        data = read()
        assert data.feature_names == tuple(f"feature_{j}" for j in range(data.num_features)), name
        assert data.label_names == tuple(f"label_{j}" for j in range(num_labels)), name
        labels = expected[:, -num_labels:]
        if name.startswith("xmc"):
            assert data.is_sparse
            labels = labels == 1
        features = data.features.toarray() if data.is_sparse else data.features
        np.testing.assert_array_equal(features, expected[:, :-num_labels], err_msg=name)
        np.testing.assert_array_equal(data.labels, labels, err_msg=name)


def assert_same_in_svmlight(frame, num_labels, path):
    cells = frame.to_numpy(dtype=float)
    features, labels = cells[:, :-num_labels], cells[:, -num_labels:] == 1
    data = load(as_svmlight(frame, num_labels, path))
    used = features.shape[1] - int(np.argmax(np.any(features[:, ::-1] != 0, axis=0)))
    assert data.feature_names == tuple(f"feature_{j}" for j in range(1, used + 1))
    assert data.label_names == tuple(f"label_{j + 1}" for j in np.flatnonzero(labels.any(axis=0)))
    np.testing.assert_array_equal(data.features.toarray(), features[:, :used])
    np.testing.assert_array_equal(data.labels, labels[:, labels.any(axis=0)])


def sixteen_digits(number):
    """Return what is left of a number that openpyxl writes."""
    return float(f"{number:.16g}")


def assert_same(frame, num_labels, doors):
    exact, names = frame.to_numpy(dtype=float), tuple(frame.columns)
    for name, read in doors.items():
        expected = np.vectorize(sixteen_digits)(exact) if name == "set.xlsx" else exact
        data = read()
        assert (data.feature_names, data.label_names) == (names[:-num_labels], names[-num_labels:]), name
        np.testing.assert_array_equal(data.features, expected[:, :-num_labels], err_msg=name)
        np.testing.assert_array_equal(data.labels, expected[:, -num_labels:], err_msg=name)


def test_a_large_table_with_missing_cells(tmp_path):
    rng = np.random.default_rng(0)
    cells = np.hstack([rng.normal(size=(2000, 40)), rng.random((2000, 12)) < 0.2]).astype(float)
    cells[rng.random(cells.shape) < 0.05] = NAN
    names = [f"x{i}" for i in range(40)] + [f"y{i}" for i in range(12)]
    frame = pd.DataFrame(cells, columns=names)
    assert_same(frame, 12, everywhere(frame, 12, tmp_path))
    assert_same(frame, 12, in_other_formats(frame, 12, tmp_path))
    assert_same_cells(frame, 12, without_names(frame, 12, tmp_path))
    assert_same_in_svmlight(frame, 12, tmp_path / "set.svm")


number = st.one_of(st.just(NAN), st.floats(allow_infinity=False, allow_nan=False), st.integers(-9, 9).map(float))
bit = st.sampled_from([0.0, 1.0, NAN])


@settings(max_examples=25, deadline=None)
@given(data=st.data(), missing=st.sampled_from(sorted(MISSING)))
def test_random_tables_with_random_markers(tmp_path_factory, data, missing):
    num_features, num_labels = data.draw(st.integers(1, 3)), data.draw(st.integers(2, 3))
    row = st.tuples(*[number] * num_features, *[bit] * num_labels)
    names = [f"x {i}" for i in range(num_features)] + [f"ü{i}" for i in range(num_labels)]
    rows = data.draw(st.lists(row, max_size=4))
    last = [0.5] + [NAN] * (len(names) - 1)  # with a cell: empty rows at the end of a text file are no samples
    frame = pd.DataFrame([*rows, last], columns=names)
    folder = tmp_path_factory.mktemp("same")
    assert_same(frame, num_labels, everywhere(frame, num_labels, folder, missing))
    assert_same(frame, num_labels, in_other_formats(frame, num_labels, folder, missing))
    assert_same_cells(frame, num_labels, without_names(frame, num_labels, folder))
    if (frame.to_numpy()[:, -num_labels:] == 1).any():
        assert_same_in_svmlight(frame, num_labels, folder / "set.svm")


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_no_reader_takes_an_infinite_number(tmp_path, value):
    frame = pd.DataFrame({"x": [0.5, 1.0, 2.0], "z": [1.0, value, 3.0], "a": [0.0, 1.0, 1.0], "b": [1.0, 0.0, 1.0]})
    for name, read in everywhere(frame, 2, tmp_path).items():
        with pytest.raises(ValueError, match=r"-?inf.*finite|finite.*inf|'-?inf'; expected a finite") as caught:
            read()
        assert "'z'" in str(caught.value), name
        if name.startswith(("csv", "tsv")):
            assert "line 3" in str(caught.value)
        if name.startswith(("parquet", "csv", "tsv", "arff", "npz")):
            assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_nor_does_any_of_the_other_formats(tmp_path, value):
    frame = pd.DataFrame({"x": [0.5, 1.0, 2.0], "z": [1.0, value, 3.0], "a": [0.0, 1.0, 1.0], "b": [1.0, 0.0, 1.0]})
    doors = {**in_other_formats(frame, 2, tmp_path), **without_names(frame, 2, tmp_path)}
    doors["svm"] = lambda: load(as_svmlight(frame, 2, tmp_path / "set.svm"))
    assert "set.xlsx" not in doors  # Excel has no such numbers
    for name, read in doors.items():
        with pytest.raises(ValueError, match=r"-?inf.*finite|finite.*inf|'-?inf'; expected a finite") as caught:
            read()
        assert str(tmp_path) in str(caught.value), name


def test_identifiers_and_dates_are_alike(tmp_path):
    frame = pd.DataFrame(
        {"id": [7, 8, 9], "x": [0.5, 1.0, 2.0], "when": ["2020-01-01", "2020-01-02", "2020-01-03"], "a": [0, 1, 1]}
    )
    (tmp_path / "set.arff").write_text(
        arff(
            ["id numeric", "x numeric", "when date", "a {0,1}"],
            [",".join(map(str, row)) for row in frame.itertuples(index=False)],
        )
    )
    frame.to_parquet(tmp_path / "set.parquet")
    tables = [frame, as_csv(frame, tmp_path / "set.csv"), tmp_path / "set.parquet"]
    sources = [*((table, {"dates": "drop"}, "id") for table in tables), (tmp_path / "set.arff", {}, "id,when")]
    for source, options, dropped in sources:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert load(source, labels=1, **options).feature_names == ("x",)
        assert [f"; drop='{dropped}' makes it silent" in str(w.message) for w in caught] == [True]
        assert load(source, labels=1, drop="id,when").feature_names == ("x",)


DAYS = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))
KINDS = {
    "real": st.one_of(st.none(), st.floats(allow_infinity=False, allow_nan=False)),
    "count": st.integers(-5, 5),
    "word": st.one_of(st.none(), st.sampled_from(["red", "green", "a b"])),
    "flag": st.sampled_from([True, False]),
    "yes": st.one_of(st.none(), st.sampled_from(["yes", "no"])),
    "day": st.one_of(st.none(), DAYS),
    "time": st.one_of(st.none(), st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))),
}


@settings(max_examples=20, deadline=None)
@given(data=st.data(), order=st.sampled_from([None, "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"]))
def test_columns_of_any_kind_are_the_same_features_everywhere(tmp_path_factory, data, order):
    """A customer's table: numbers, words, flags, dates in any form, with gaps."""
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
    num_rows = data.draw(st.integers(12, 16))
    columns = {
        f"c{place}_{kind}": data.draw(st.lists(KINDS[kind], min_size=num_rows, max_size=num_rows))
        for place, kind in enumerate(kinds)
    }
    frame = pd.DataFrame(
        {"n": np.arange(num_rows) / 4, **columns, "a": [0, 1] * (num_rows // 2) + [0] * (num_rows % 2)}
    )
    for name in columns:
        if name.endswith("word"):  # each often enough for a category
            frame[name] = ["red", "red", "green", "green", "a b", "a b", *frame[name].iloc[6:]]
        if name.endswith(("day", "time")):
            frame[name] = pd.Series(pd.to_datetime(frame[name]), dtype="datetime64[us]")
    written = frame.copy()
    if order is not None:
        for name in columns:
            if name.endswith("day"):
                # Two dates that can be read in one way only say how all others are.
                frame[name] = [pd.Timestamp("2020-12-31"), pd.Timestamp("2021-01-13"), *frame[name].iloc[2:]]
                written[name] = frame[name].dt.strftime(order)
    folder = tmp_path_factory.mktemp("kinds")
    written.to_csv(folder / "set.csv", index=False)
    frame.to_parquet(folder / "set.parquet")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    expected = load(frame, labels=1)
    for name, found in {
        "csv": load(folder / "set.csv", labels=1),
        "parquet": load(folder / "set.parquet", labels=1),
        "arrow": load(table, labels=1),
        "hf": from_hf(datasets.Dataset(table), labels="a"),
    }.items():
        assert found.feature_names == expected.feature_names, name
        np.testing.assert_array_equal(found.features, expected.features, err_msg=name)
        kinds_found = [[(c.name, c.kind, c.missing, c.num_values) for c in each.columns] for each in (found, expected)]
        assert kinds_found[0] == kinds_found[1], name
