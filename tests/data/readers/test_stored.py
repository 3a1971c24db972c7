"""Tables that are no plain text: JSON Lines, Feather and Arrow, Excel; and text under any ending."""

import json
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from batchsift.data import load
from batchsift.data.readers.tables import read_frame

FRAME = pd.DataFrame({"x": [0.5, None, 2.0], "hue": ["r", "r", None], "a": [1, 0, 1], "b": [True, False, True]})
FRAME = pd.concat([FRAME, FRAME], ignore_index=True)


def assert_frame(data):
    np.testing.assert_array_equal(data.features, [[0.5, 1], [np.nan, 1], [2, np.nan]] * 2)
    np.testing.assert_array_equal(data.labels, [[1, 1], [0, 0], [1, 1]] * 2)
    assert (data.feature_names, data.label_names, data.name) == (("x", "hue=r"), ("a", "b"), "set")


def refused(path, message, **options):
    with pytest.raises(ValueError, match=message) as caught:
        load(path, **{"labels": 2, **options})
    assert path.name in str(caught.value)


# --- JSON Lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".txt"])
def test_json_lines(tmp_path, ending):
    FRAME.to_json(tmp_path / f"set{ending}", orient="records", lines=True)
    assert_frame(load(tmp_path / f"set{ending}", labels=2))


def test_json_lines_with_lists_and_keys_left_out(write):
    rows = [{"v": [0.5, 1], "tags": ["red"]}, {"tags": []}, {"v": [2, 3], "tags": ["red", "round"]}]
    data = load(write("\n\n".join(map(json.dumps, rows)), "set.jsonl"), label_column="tags")
    np.testing.assert_array_equal(data.features, [[0.5, 1], [np.nan, np.nan], [2, 3]])
    assert (data.label_names, data.labels.tolist()) == (("red", "round"), [[1, 0], [0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"x": 1, "a": 0, "b": 1}\n{"x": 1,\n', "line 2: .* in '{\"x\": 1,'"),
        ("[1, 0, 1]\n", r"line 1: '\[1, 0, 1\]' is no JSON object; expected one with the columns as keys"),
        ('{"x": 1, "x": 2, "a": 1, "b": 0}\n', "line 1: the key 'x' stands twice"),
        ('{"x": 1, "a": 0, "b": 1}\n\n{"a": 0, "x": 1, "b": 1}\n', "line 3: its keys are not those of line 1"),
        ('{"x": 1, "a": 0, "b": 1}\n{"x": 1, "a": 0}\n', "line 2: its keys are not those of line 1"),
        ('{"x": 1, "a": 0, "b": 1}\n\n{"x": 1, "a": 2, "b": 1}\n', "line 3, column 'a': 2 is no label"),
        ('{"x": {"y": 1}, "a": 0, "b": 1}\n', "column 'x' holds dict, which are no features"),
        ('{"x": Infinity, "a": 0, "b": 1}\n', "line 1, column 'x': inf is no finite number"),
        ('{"x": %s, "a": 0, "b": 1}\n' % ("9" * 400), "line 1, column 'x': .*no finite number"),
        ('{"x": %s, "a": 0, "b": 1}\n' % ("9" * 5000), "line 1: Exceeds the limit"),
        ("\n", "holds no JSON object"),
        (b'{"x": 1, "a": 0, "b": 1}\n{"x": "\xff", "a": 0, "b": 1}\n', "not UTF-8, as JSON must be"),
        ("[" * 100_000, "line 1: .*recursion"),
    ],
)
def test_lines_that_are_no_json_objects(write, text, message):
    refused(write(text, "set.jsonl"), message)


# --- Feather and Arrow ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather(tmp_path, compression):
    FRAME.to_feather(tmp_path / "set.feather", compression=compression)
    assert_frame(load(tmp_path / "set.feather", labels=2))


@pytest.mark.parametrize("ending", [".arrow", ".ipc", ".feather"])
@pytest.mark.parametrize("form", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow(tmp_path, form, ending):
    table = pa.Table.from_pandas(FRAME)
    with pa.OSFile(str(tmp_path / f"set{ending}"), "wb") as file, form(file, table.schema) as writer:
        writer.write_table(table)
    assert_frame(load(tmp_path / f"set{ending}", labels=2))


def test_damaged_feather(tmp_path):
    path = tmp_path / "set.feather"
    FRAME.to_feather(path)
    whole = path.read_bytes()
    for content in (b"", b"nonsense", whole[:200], whole[:-10], b"FEA1" + whole[4:]):
        path.write_bytes(content)
        refused(path, "cannot be read as Feather or Arrow IPC")


def test_a_table_that_is_all_one_value(tmp_path, monkeypatch):
    frame = pd.DataFrame({"x": np.zeros(100_000), "a": 1})
    frame.to_feather(tmp_path / "set.feather", compression="zstd")
    frame.to_parquet(tmp_path / "set.parquet", compression="zstd")
    monkeypatch.setenv("BATCHSIFT_MAX_BYTES", "1000000")
    for name in ("set.feather", "set.parquet"):
        refused(tmp_path / name, "would take 1,600,", labels=1)
    monkeypatch.delenv("BATCHSIFT_MAX_BYTES")
    for name in ("set.feather", "set.parquet"):
        assert load(tmp_path / name, labels=1).num_samples == 100_000


# --- Excel ------------------------------------------------------------------------------------------------------------


def sheet(path, rows, name="set"):
    book = openpyxl.load_workbook(path) if path.exists() else openpyxl.Workbook()
    made = book.create_sheet(name) if path.exists() else book.active
    made.title = name
    for row in rows:
        made.append(row)
    book.save(path)
    return path


def test_excel(tmp_path):
    FRAME.to_excel(tmp_path / "set.xlsx", index=False)
    assert_frame(load(tmp_path / "set.xlsx", labels=2))
    assert list(read_frame(tmp_path / "set.xlsx").index) == [2, 3, 4, 5, 6, 7]
    FRAME.to_excel(tmp_path / "set.xlsx")  # with its index, which has no name
    with pytest.warns(UserWarning, match="dropped '', which identifies rows"):
        assert_frame(load(tmp_path / "set.xlsx", labels=2))


def test_excel_with_gaps_formulas_and_words_for_missing(tmp_path):
    rows = [
        [],
        ["x", "z", "a"],
        [1, "#N/A", 0],
        [None, "=1+1", 1],
        [2.5, 4, "yes"],
        [None, None, None],
        [" ", 3, "no"],
        [],
    ]
    data = load(sheet(tmp_path / "set.xlsx", rows), labels=1)
    np.testing.assert_array_equal(data.features[:, 0], [1, np.nan, 2.5, np.nan, np.nan])
    np.testing.assert_array_equal(data.features[:, 1], [np.nan, np.nan, 4, np.nan, 3])  # a formula nobody computed
    np.testing.assert_array_equal(data.labels[:, 0], [0, 1, 1, np.nan, 0])
    wrong = sheet(tmp_path / "wrong.xlsx", [[], ["x", "a"], [1, 0], [2, 7]])
    refused(wrong, "row 4, column 'a': 7 is no label", labels=1)


def test_sheets(tmp_path):
    path = sheet(tmp_path / "set.xlsx", [["x", "a"], [1, 0], [2, 1]])
    sheet(path, [["x", "b"], [1, 0], [2, 1]], name="other")
    refused(path, "has 2 sheets with cells: 'set', 'other'; say which one is meant, such as sheet='set'", labels=1)
    assert load(path, labels=1, sheet="other").label_names == ("b",)
    refused(path, r"sheet='others' is none of the sheets of .*: 'set', 'other'", labels=1, sheet="others")
    FRAME.to_csv(tmp_path / "set.csv", index=False)
    refused(tmp_path / "set.csv", "sheet='set' came with .*, which has no sheets; leave it out", sheet="set")


def test_wrong_excel(tmp_path, monkeypatch):
    path = tmp_path / "set.xlsx"
    for content in (b"", b"nonsense", b"PK\3\4"):
        path.write_bytes(content)
        refused(path, "cannot be read as Excel")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("what", "no workbook")
    refused(path, "cannot be read as Excel")
    path.unlink()
    refused(sheet(path, []), "the sheet is empty")
    path.unlink()
    refused(sheet(path, [["x", "a", "x"], [1, 0, 1]]), "both called 'x'")
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1"], book.active["A3"], book.active["A1048576"] = "x", "a", 1, 2
    book.save(path)
    refused(path, "a sheet of .* x 16384 would take", labels=1)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r"reading set\.xlsx needs the package openpyxl: pip install openpyxl"):
        load(path, labels=1)


# --- Text under any ending --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["set.txt", "set.csv", "set.dat", "set.data", "set.tab", "set.psv", "set.xyz", "set"])
def test_separators_under_any_ending(tmp_path, separator, name):
    FRAME.to_csv(tmp_path / name, index=False, sep=separator)
    assert_frame(load(tmp_path / name, labels=2))


def test_the_separator_is_the_one_that_makes_rows_alike(write):
    data = load(write("size, cm|round|a\n1|2|0\n2|3|1\n", "set.csv"), labels=1)
    assert data.feature_names == ("size, cm", "round")
    assert load(write('"a|b|c",x\n1,0\n2,1\n', "set.csv"), labels=1).feature_names == ("a|b|c",)


def test_text_that_is_arff(write):
    path = write("% toys\n@relation r\n@attribute x numeric\n@attribute a {0,1}\n@data\n1,0\n", "set.txt")
    assert load(path, labels=1).label_names == ("a",)


@pytest.mark.parametrize("content", [b"\0\1\2\3" * 100, b"\x89PNG\r\n\x1a\n\0\0", b"", b"one line\n"])
def test_what_is_no_table_at_all(write, content):
    refused(write(content, "set.xyz"), "binary data|column", labels=1)
