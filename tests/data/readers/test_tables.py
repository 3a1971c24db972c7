"""Text and Parquet files: round trips, and malformed files by file, line and column."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.data import load, read_table
from batchsift.data.readers.tables import read_frame

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
    markers = ["", "?", "NA", "N/A", "#N/A", "<NA>", "na", "n/a", "NaN", "nan", "NAN", "NULL", "null", "None", "none"]
    data = load(written(tmp_path, "x,a\n" + "".join(f"{cell},{cell}\n" for cell in [*markers, "1"])), labels=1)
    np.testing.assert_array_equal(data.features.ravel(), [NAN] * len(markers) + [1])
    np.testing.assert_array_equal(data.labels.ravel(), [NAN] * len(markers) + [1])
    tags = load(
        written(tmp_path, "x,tags\n" + "".join(f"1,{cell}\n" for cell in [*markers, "red"])), label_column="tags"
    )
    assert (tags.label_names, tags.labels.sum()) == (("red",), 1)
    rows = "".join(f"{cell},{cell}\n" for cell in [*markers[1:], "1"])
    header = "@relation r\n@attribute x numeric\n@attribute a {0,1}\n@data\n"
    arff = load(written(tmp_path, header + rows, "set.arff"), labels=1)
    np.testing.assert_array_equal(arff.features, data.features[1:])
    np.testing.assert_array_equal(arff.labels, data.labels[1:])


@pytest.mark.parametrize(
    "text",
    [
        "a,b,is_x,is_y,\n1,2,0,1,\n3,4,1,0,\n",
        "a,b,is_x,is_y\n1,2,0,1,\n3,4,1,0,\n",
        "a,b,is_x,is_y,\n1,2,0,1\n3,4,1,0\n",
        "a,b,is_x,is_y, ,\n1,2,0,1,,\n3,4,1,0, ,\n,,,,,\n , ,,,,\n",
        "a,,b,is_x,,is_y\n1,,2,0,,1\n3,,4,1,,0\n",
        "sep=;\na;b;is_x;is_y\n1;2;0;1\n3;4;1;0\n",
        '\ufeff"sep=|"\r\na|b|is_x|is_y\r\n1|2|0|1\r\n3|4|1|0\r\n',
    ],
)
@pytest.mark.parametrize("name", ["set.csv", "set.csv.gz"])
def test_what_excel_adds_is_not_counted(tmp_path, text, name):
    data = load(written(tmp_path, text, name), labels=2)
    assert (data.feature_names, data.label_names) == (("a", "b"), ("is_x", "is_y"))
    assert data.features.tolist() == [[1, 2], [3, 4]]
    assert data.labels.tolist() == [[0, 1], [1, 0]]


def test_an_empty_row_in_between_stays_and_lines_are_counted_right(tmp_path):
    data = load(written(tmp_path, "x,a\n1,0\n,\n2,1\n,\n"), labels=1)
    np.testing.assert_array_equal(data.labels.ravel(), [0, NAN, 1])
    refused(tmp_path, "sep=;\nx;a\n1;0\n2;7\n", "set.csv, line 4, column 'a': 7 is no label")
    refused(tmp_path, "sep=;\nx;a\n1;0\n2\n", "set.csv, line 4: 1 cell")
    frame = read_frame(written(tmp_path, "n,x,\n1,2,\n3,4,\n,,\n"))
    assert (frame.dtypes.astype(str).tolist(), list(frame)) == (["int64", "int64"], ["n", "x"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["set.csv", "set.csv.gz", "set.tsv"])
def test_utf_16_is_named(tmp_path, encoding, name):
    path = written(tmp_path, TEXT, name, encoding)
    with pytest.raises(ValueError, match=r", line 1: this is UTF-16, or binary data; expected text: save it as UTF-8"):
        load(path, labels=1)


def test_all_problems_of_a_file_are_said_at_once(tmp_path):
    text = "id,title,when,n,x,a\n1,p,2020-01-01,1,inf,0\n2,q,2020-01-02,x,1,0\n3,r,2020-01-03,2,-1e999,2\n"
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="4 columns are not what they should be") as caught:
        load(path, labels=1)
    message = str(caught.value)
    for problem in (
        "line 4, column 'a': 2 is no label",
        "column 'title' holds 3 different texts",
        "line 3, column 'n': 'x' is no number",
        "line 2, column 'x': inf is no finite number",
    ):
        assert problem in message
    assert message.endswith("with drop='id,title,n,x'")
    refused(tmp_path, "x,a\n1\n1,0\n1,2,3\n2\n", r"line 2: 1 cell; .* \(also in line 4, 5\)")
    refused(tmp_path, TEXT, "label_columns='q' and label_columns='r' match none", labels=None, label_columns="q,r,a")


@settings(max_examples=60, deadline=None)
@given(
    columns=st.lists(st.sampled_from(["", " ", "\t"]), max_size=3),
    blanks=st.lists(st.sampled_from(["", " "]), min_size=8, max_size=8),
    tail=st.integers(0, 3),
    has_header=st.booleans(),
    separator=st.sampled_from([",", ";"]),
    says=st.booleans(),
    place=st.integers(0, 4),
)
def test_junk_columns_and_rows_change_nothing(
    tmp_path_factory, columns, blanks, tail, has_header, separator, says, place
):
    rows = [["x", "n", "is_p", "is_q"], ["1.5", "", "0", "1"], ["", "2", "1", ""], ["3", "4", "", "0"]]
    place = place if has_header else 4
    junk = [columns if has_header else []] + [[blanks[i] for i, _ in enumerate(columns)]] * 3
    lines = [[*row[:place], *more, *row[place:]] for row, more in zip(rows, junk, strict=True)]
    lines += [[blank for blank, _ in zip(blanks, lines[-1], strict=False)]] * tail
    text = (f"sep={separator}\n" if says else "") + "\n".join(map(separator.join, lines))
    data = load(written(tmp_path_factory.getbasetemp(), text, "junk.csv"), labels=2)
    assert (data.feature_names, data.label_names) == (("x", "n"), ("is_p", "is_q"))
    np.testing.assert_array_equal(data.features, [[1.5, NAN], [NAN, 2], [3, 4]])
    np.testing.assert_array_equal(data.labels, [[0, 1], [1, NAN], [NAN, 0]])


def test_identifiers_are_as_in_arff(tmp_path):
    rows = [f"{i},{i / 2},2020-01-0{i},{i % 2}" for i in range(1, 5)]
    header = (
        "@relation r\n@attribute id numeric\n@attribute x numeric\n@attribute 'd' date\n@attribute a {0,1}\n@data\n"
    )
    table = written(tmp_path, "\n".join(["id,x,d,a", *rows]))
    arff = written(tmp_path, header + "\n".join(rows), "set.arff")
    for path, options, dropped in ((table, {"dates": "drop"}, "id"), (arff, {}, "id,d")):
        with pytest.warns(UserWarning, match=f"dropped .*'id'.*; drop='{dropped}' makes it silent"):
            data = load(path, labels=1, **options)
        assert data.feature_names == ("x",)
        np.testing.assert_array_equal(data.features.ravel(), [0.5, 1, 1.5, 2])
        assert load(path, labels=1, drop="id,d").feature_names == ("x",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,a\n1,0\n2\n3,1\n", r", line 3: 1 cell; expected 2, one for each column"),
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


@pytest.mark.parametrize("name", ["set", "set.parquet"])
def test_a_folder_of_parquet_files(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "hue": ["r", "g", "r"], "a": [0, 1, 0]})
    frame.to_parquet(folder / "part-1.parquet")
    frame.iloc[:1].to_parquet(folder / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    data = load(folder, labels=1)
    assert (data.name, data.feature_names) == ("set", ("x", "hue=g", "hue=r"))
    assert data.features[:, 0].tolist() == [1, 1, 2, 3]
    assert len(read_frame(folder)) == 4
    frame[["a", "hue", "x"]].to_parquet(folder / "part-2.parquet")
    with pytest.raises(ValueError, match=r"set.*: part-2\.parquet has other columns than part-0\.parquet"):
        load(folder, labels=1)
    (folder / "part-2.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"part-2\.parquet cannot be read as Parquet"):
        load(folder, labels=1)
    (folder / "year=2020").mkdir()
    (folder / "part-2.parquet").rename(folder / "year=2020" / "part.parquet")
    with pytest.raises(ValueError, match="folders within the folder are not read"):
        load(folder, labels=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"the folder holds no \.parquet files"):
        read_frame(tmp_path / "empty")


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
    rows[-1] = (*rows[-1][:-1], 1.0)  # empty rows at the end of a text file are no samples
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
