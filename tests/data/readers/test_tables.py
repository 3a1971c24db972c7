"""Text and Parquet files: round trips, and malformed files by file, line and column."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.data import load, read_table

NAN = np.nan
TEXT = "size,hue,tags,a,b\n1.5,red,u|v,0,1\n,red,,1,\n3,blue,v,yes,no\n-4e2,blue,v,TRUE,0\n"


def written(tmp_path, text, name="set.csv", encoding="utf-8"):
    path = tmp_path / name
    content = text if isinstance(text, bytes) else text.encode(encoding)
    path.write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    return path


def refused(tmp_path, text, message, name="set.csv", **options):
    path = written(tmp_path, text, name)
    with pytest.raises(ValueError, match=message) as caught:
        load(path, **({"labels": 1} | options))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("set.csv", lambda text: text),
        ("SET.CSV", lambda text: "\ufeff" + text),
        ("set.csv", lambda text: text.replace("\n", "\r\n")),
        ("set.csv", lambda text: text.replace("\n", "\n\n")[:-2]),
        ("set.csv", lambda text: text.replace(",", ";")),
        ("set.csv", lambda text: text.replace("red", '"red"')),
        ("set.csv.gz", lambda text: text),
        ("set.tsv", lambda text: text.replace(",", "\t")),
        ("set.TSV.GZ", lambda text: text.replace(",", "\t")),
    ],
)
def test_text(tmp_path, name, change):
    data = load(written(tmp_path, change(TEXT), name), label_columns="a,b", drop="tags")
    assert data.name == name.split(".")[0]
    assert data.feature_names == ("size", "hue=blue", "hue=red")
    np.testing.assert_array_equal(data.features, [[1.5, 0, 1], [NAN, 0, 1], [3, 1, 0], [-400, 1, 0]])
    assert data.label_names == ("a", "b")
    np.testing.assert_array_equal(data.labels, [[0, 1], [1, NAN], [1, 0], [1, 0]])


def test_tags(tmp_path):
    data = load(written(tmp_path, TEXT), label_column="tags", drop=["a", "b"])
    assert data.label_names == ("u", "v")
    assert data.labels.tolist() == [[1, 1], [0, 0], [0, 1], [0, 1]]


def test_tags_are_read_as_they_stand(tmp_path):
    data = load(written(tmp_path, "x,tags\n1,NA;nan\n2,007\n3,\n4,null\n5,?\n"), label_column="tags", delimiter=";")
    assert data.label_names == ("007", "NA", "nan")
    assert data.labels.sum(axis=1).tolist() == [2, 1, 0, 0, 0]  # what is missing as a whole is no tag


def test_names_are_stripped(tmp_path):
    path = written(tmp_path, " id ,x , a\n1,5,0\n2,6,1\n")
    with pytest.warns(UserWarning, match="dropped 'id'"):
        data = load(path, label_columns=["a"])
    assert (data.feature_names, data.label_names) == (("x",), ("a",))
    refused(tmp_path, "x, x,a\n1,0,1\n", "line 1: the columns 1 and 2 are both called 'x'")


def test_the_index_that_pandas_writes_is_dropped(tmp_path):
    pd.DataFrame({"x": [0.5, 1.5], "a": [0, 1]}).to_csv(tmp_path / "set.csv")
    with pytest.warns(UserWarning, match="dropped ''"):
        assert load(tmp_path / "set.csv", labels=1).feature_names == ("x",)


def test_latin_1(tmp_path):
    data = load(written(tmp_path, "größe,süß\n1,1\n2,0\n", encoding="latin-1"), labels=1)
    assert (data.feature_names, data.label_names) == (("größe",), ("süß",))


def test_missing_values(tmp_path):
    cells = ["", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "1"]
    data = load(written(tmp_path, "x,a\n" + "".join(f"{cell},{cell}\n" for cell in cells)), labels=1)
    np.testing.assert_array_equal(data.features.ravel(), [NAN] * 8 + [1])
    np.testing.assert_array_equal(data.labels.ravel(), [NAN] * 8 + [1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,a\n1,0\n2\n3,1\n", r", line 3: 1 cells; expected 2, one for each column"),
        ("x,a\n1,0\n2,1,1\n", r", line 3: 3 cells; expected 2"),
        ('x,a\n"1\n",0\n2,1,1\n', r", line 4: 3 cells"),
        ("x,a\n1,0\n2,3\n", r", line 3, column 'a': 3 is no label"),
        ('"x\ny",a\n\n1,0\n  \n2,3\n', r", line 6, column 'a': 3 is no label"),
        ("x,a\n1,0\n2,0\nl2,1\n", r", line 4, column 'x': 'l2' is no number"),
        ('x,a\n1,0\n"2"b,1\n', r", line 3: .*expected after.*; check the quotes"),
        ('x,a\n1,0\n2,"1\n', r", line 3: unexpected end of data; check the quotes"),
        ("x,x,a\n1,0,1\n", r", line 1: the columns 1 and 2 are both called 'x'"),
        ("1.5,0\n2,1\n", r", line 1 should hold the names of the columns; it holds numbers: 1.5, 0"),
        ("1.5,r,0,0\n2,g,1,0\n", r", line 1: .* both called '0'.*; line 1 should hold the names of the columns"),
        ("xa\n1\n", r", line 1: 1 column\(s\)"),
        ("", r", line 1: 0 column\(s\)"),
        ("x,a\n", r": there are no rows"),
        ("x,a\ns1,0\ns2,1\n", r": column 'x' holds 2 different texts .*drop='x'"),
    ],
)
def test_malformed_text(tmp_path, text, message):
    refused(tmp_path, text, message)


def test_damaged_gzip(tmp_path):
    whole = gzip.compress(("x,a\n" + "1,0\n" * 1000).encode())
    for damaged in (whole[:-20], b"x,a\n1,0\n", whole[:12] + b"\xff" * 20 + whole[32:]):
        path = tmp_path / "set.csv.gz"
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is no complete gzip file"):
            load(path, labels=1)


def test_a_missing_file_and_options_that_do_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.csv"):
        read_table(tmp_path / "none.csv", 1)
    refused(tmp_path, TEXT, "label_columns='c' matches none of the 5 columns", labels=None, label_columns="c")


@pytest.mark.parametrize("tags", [["u|v", None, "v"], [["u", "v"], [], ["v"]]])
def test_parquet(tmp_path, tags):
    frame = pd.DataFrame(
        {
            "x": [0.1, None, 3],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "hue": pd.Categorical(["red", "blue", "red"]),
            "vector": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
            "tags": tags,
        },
        index=pd.Index([5, 6, 7], name="id"),
    )
    frame.to_parquet(tmp_path / "set.parquet")
    data = load(tmp_path / "set.parquet", label_column="tags")
    assert data.name == "set"
    assert data.feature_names == ("x", "flag", "hue=blue", "hue=red", "vector_0", "vector_1")
    expected = [[0.1, 1, 0, 1, 1, 2], [NAN, NAN, 1, 0, 3, 4], [3, 0, 0, 1, 5, 6]]
    np.testing.assert_array_equal(data.features, expected)
    assert data.label_names == ("u", "v")
    assert data.labels.tolist() == [[1, 1], [0, 0], [0, 1]]


def test_malformed_parquet(tmp_path):
    refused(tmp_path, b"PAR1 nothing PAR1", "cannot be read as Parquet", "set.parquet")
    frame = pd.DataFrame({"x": [1.0, 2.0], "a": [0, 2]})
    frame.to_parquet(tmp_path / "set.parquet")
    with pytest.raises(ValueError, match=r"set\.parquet, row 2, column 'a': 2 is no label"):
        load(tmp_path / "set.parquet", labels=1)
    content = (tmp_path / "set.parquet").read_bytes()
    refused(tmp_path, content[:-30] + content[-8:], "cannot be read as Parquet", "set.parquet")


cells = st.floats(allow_infinity=False, width=64)
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n;,*?["), min_size=1).map("n{}".format)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_table_comes_back_from_every_kind_of_file(tmp_path_factory, data):
    columns = [f"{name}{i}" for i, name in enumerate(data.draw(st.lists(names, min_size=2, max_size=5)))]
    num_rows = data.draw(st.integers(1, 6))
    row = st.tuples(*[cells] * (len(columns) - 1), st.sampled_from([0.0, 1.0, NAN]))
    rows = data.draw(st.lists(row, min_size=num_rows, max_size=num_rows))
    frame = pd.DataFrame(rows, columns=columns)
    folder = tmp_path_factory.mktemp("tables")
    frame.to_csv(folder / "set.csv", index=False)
    frame.to_csv(folder / "set.tsv.gz", index=False, sep="\t")
    frame.to_parquet(folder / "set.parquet")
    for name in ("set.csv", "set.tsv.gz", "set.parquet"):
        read = load(folder / name, label_columns=columns[-1:])
        assert read.feature_names == tuple(columns[:-1])
        np.testing.assert_array_equal(read.features, frame.to_numpy()[:, :-1])
        np.testing.assert_array_equal(read.labels, frame.to_numpy()[:, -1:])


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, 400), byte=st.integers(0, 255), delete=st.booleans())
def test_a_damaged_table_is_read_right_or_refused(tmp_path_factory, position, byte, delete):
    """Whatever happens to one byte, no row gets the cells of another column."""
    rows = [[f"{r}.25", f"{r}.5", str(r % 2), str(r // 2 % 2)] for r in range(16)]
    whole = "\n".join([",".join(row) for row in [["x", "y", "a", "b"], *rows]]).encode()
    position %= len(whole)
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(whole[:position] + (b"" if delete else bytes([byte])) + whole[position + 1 :])
    try:
        data = load(path, labels=2, drop="")
    except ValueError as error:
        message = str(error)
    else:
        message = str(path)
        assert (np.hstack([data.features, data.labels]) != np.array(rows, dtype=float)).sum() <= 1
    assert message.startswith(str(path))
