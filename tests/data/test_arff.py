import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from batchsift.data import read_arff

NAN = np.nan


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="set.arff", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write_file


def arff(attributes, rows, relation="r"):
    declared = "\n".join(f"@attribute {attribute}" for attribute in attributes)
    return f"@relation {relation}\n{declared}\n@data\n" + "\n".join(rows) + "\n"


def xml(*names):
    labels = "".join(f'<label name="{name}"></label>' for name in names)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><labels xmlns="http://mulan.sourceforge.net/labels">{labels}</labels>'
    )


TWO_AND_TWO = ["x numeric", "y numeric", "a {0,1}", "b {0,1}"]


# --- Rows -----------------------------------------------------------------------------------------------------------


def test_dense_rows(write):
    path = write(arff(TWO_AND_TWO, ["0.5,-2,1,0", "", "% a comment", "1e3, 7 ,0,1"]))
    data = read_arff(path, labels=2)
    assert data.features.tolist() == [[0.5, -2], [1000, 7]]
    assert data.labels.tolist() == [[1, 0], [0, 1]]
    assert data.labels.dtype == np.uint8
    assert data.feature_names == ("x", "y")
    assert data.label_names == ("a", "b")
    assert data.name == "set"


def test_sparse_rows_leave_out_zeros(write):
    path = write(arff(TWO_AND_TWO, ["{0 0.5, 3 1}", "{}", "{ 1 2,2 1 }"]))
    data = read_arff(path, labels=2)
    assert data.features.tolist() == [[0.5, 0], [0, 0], [0, 2]]
    assert data.labels.tolist() == [[0, 1], [0, 0], [1, 0]]


def test_sparse_rows_leave_out_the_first_declared_value(write):
    attributes = ["x {1,0}", "colour {red,blue}", "a {1,0}", "b {0,1}"]
    data = read_arff(write(arff(attributes, ["{}", "{0 0,1 blue,2 0,3 1}"])), labels=2)
    assert data.feature_names == ("x", "colour=red", "colour=blue")
    assert data.features.tolist() == [[1, 1, 0], [0, 0, 1]]
    assert data.labels.tolist() == [[1, 0], [0, 1]]


def test_sparse_and_dense_rows_in_one_file(write):
    data = read_arff(write(arff(TWO_AND_TWO, ["{0 3,2 1}", "4,5,0,1"])), labels=2)
    assert data.features.tolist() == [[3, 0], [4, 5]]
    assert data.labels.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("rows", [["?,1,?,0", "2,?,1,1"], ["{0 ?,1 1,2 ?}", "{0 2,1 ?,2 1,3 1}"]])
def test_missing_values_become_nan(write, rows):
    data = read_arff(write(arff(TWO_AND_TWO, rows)), labels=2)
    np.testing.assert_array_equal(data.features, [[NAN, 1], [2, NAN]])
    np.testing.assert_array_equal(data.labels, [[NAN, 0], [1, 1]])
    assert data.labels.dtype == np.float32


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), num_samples=st.integers(1, 6), num_features=st.integers(1, 5), num_labels=st.integers(1, 4))
def test_dense_and_sparse_files_read_back_what_was_written(write, data, num_samples, num_features, num_labels):
    number = st.floats(allow_infinity=False) | st.just(0.0)
    features = data.draw(arrays(np.float64, (num_samples, num_features), elements=number))
    labels = data.draw(arrays(np.float32, (num_samples, num_labels), elements=st.sampled_from([0, 1, NAN])))
    attributes = [f"x{j} numeric" for j in range(num_features)] + [f"l{j} {{0,1}}" for j in range(num_labels)]
    cells = [
        ["?" if np.isnan(v) else repr(float(v)) for v in row] + ["?" if np.isnan(v) else f"{v:.0f}" for v in label]
        for row, label in zip(features, labels, strict=True)
    ]
    dense = [",".join(row) for row in cells]
    sparse = ["{" + ",".join(f"{j} {v}" for j, v in enumerate(row) if v not in ("0", "0.0")) + "}" for row in cells]
    for rows in (dense, sparse):
        read = read_arff(write(arff(attributes, rows)), labels=num_labels)
        np.testing.assert_array_equal(read.features, features)
        np.testing.assert_array_equal(read.labels, labels)


# --- Attributes -----------------------------------------------------------------------------------------------------


def test_nominal_features_become_one_hot_columns(write):
    attributes = ["size {S,'extra large',M}", "x real", "a {0,1}"]
    data = read_arff(write(arff(attributes, ["M,1,0", "'extra large',2,1", "?,3,0"])), labels=1)
    assert data.feature_names == ("size=S", "size=extra large", "size=M", "x")
    np.testing.assert_array_equal(data.features, [[0, 0, 1, 1], [0, 1, 0, 2], [NAN, NAN, NAN, 3]])


@pytest.mark.parametrize("declared", ["{0,1}", "{1,0}", "{ 0, 1 }", "{1 ,0}", "{'0','1'}"])
def test_binary_nominals_stay_one_column(write, declared):
    data = read_arff(write(arff([f"x {declared}", f"a {declared}"], ["0,1", "1,0", "?,?"])), labels=1)
    assert data.feature_names == ("x",)
    np.testing.assert_array_equal(data.features, [[0], [1], [NAN]])
    np.testing.assert_array_equal(data.labels, [[1], [0], [NAN]])


def test_nominals_that_only_look_binary_become_one_hot(write):
    data = read_arff(write(arff(["x {0,1,2}", "y {0}", "a {0,1}"], ["2,0,1"])), labels=1)
    assert data.feature_names == ("x=0", "x=1", "x=2", "y=0")
    assert data.features.tolist() == [[0, 0, 1, 1]]


def test_numeric_and_constant_labels(write):
    data = read_arff(write(arff(["x numeric", "a numeric", "b integer", "c {0}"], ["5,1,0.0,0", "6,0,1,?"])), labels=3)
    np.testing.assert_array_equal(data.labels, [[1, 0, 0], [0, 1, NAN]])


def test_header_written_another_way(write):
    text = (
        "% about\n\n@RELATION\t'a set'\n\n@Attribute\tx\tREAL\n@attribute 'y z' Integer % a comment\n"
        "@attribute colour {' red', 'blue'}\n@attribute a {0, 1} \n% more\n@DATA \r\n1.5,2.5,blue,1\r\n"
    )
    data = read_arff(write(text), labels=1)
    assert data.feature_names == ("x", "y z", "colour= red", "colour=blue")
    assert data.features.tolist() == [[1.5, 2.5, 0, 1]]
    assert data.labels.tolist() == [[1]]


def test_escapes_in_quoted_names(write):
    attributes = [
        "x numeric",
        r"'Swainson\'s Thrush' {0,1}",
        r"'The Beatles\'' {0,1}",
        '"6\' tall" {0,1}',
        r"a\b {0,1}",
    ]
    data = read_arff(write(arff(attributes, ["1,0,1,0,1"])), labels=4)
    assert data.label_names == ("Swainson's Thrush", "The Beatles'", "6' tall", r"a\b")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings(write, encoding):
    data = read_arff(write(arff(["größe numeric", "café {0,1}"], ["1,1"]), encoding=encoding), labels=1)
    assert data.feature_names == ("größe",)
    assert data.label_names == ("café",)


def test_many_quoted_values_are_read_quickly(write):
    values = ", ".join(f"'city {i}, state'" for i in range(300))
    data = read_arff(write(arff([f"x {{{values}}}", "a {0,1}"], ["'city 7, state',1"])), labels=1)
    assert data.features[0].nonzero()[0].tolist() == [7]


# --- Which attributes are labels ------------------------------------------------------------------------------------

FOUR = ["p {0,1}", "q {0,1}", "r {0,1}", "s {0,1}"]
ROW = ["0,1,1,0"]


def test_labels_from_the_xml_keep_the_order_of_the_arff_file(write):
    write(xml("s", "q"), "set.xml")
    data = read_arff(write(arff(FOUR, ROW)))
    assert data.label_names == ("q", "s")
    assert data.labels.tolist() == [[1, 0]]
    assert data.feature_names == ("p", "r")
    assert data.features.tolist() == [[0, 1]]


@pytest.mark.parametrize("name", ["birds-train.arff", "birds-test.arff"])
def test_the_xml_may_leave_out_train_and_test(write, name):
    write(xml("s"), "birds.xml")
    assert read_arff(write(arff(FOUR, ROW), name)).label_names == ("s",)


def test_an_xml_of_the_exact_name_comes_first(write):
    write(xml("s"), "birds.xml")
    write(xml("p"), "birds-train.xml")
    assert read_arff(write(arff(FOUR, ROW), "birds-train.arff")).label_names == ("p",)


def test_nested_labels_and_escaped_names_in_the_xml(write):
    write('<labels><label name="top"><label name="It\'s &amp; that"/></label></labels>', "set.xml")
    path = write(arff(["x numeric", r"'It\'s & that' {0,1}", "top {0,1}"], ["1,0,1"]))
    assert read_arff(path).label_names == ("It's & that", "top")


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("'Music: -C 2'", ("p", "q")),
        ("'Music: -C -1'", ("s",)),
        ("'Music: -C 3 -split-number 300'", ("p", "q", "r")),
        ('"Music: -split-number 300 -C 1"', ("p",)),
        ("'-C 1'", ("p",)),
        ("Music: -C 2", ("p", "q")),
        ("'Music:-C 2'", ("p", "q")),
    ],
)
def test_labels_from_the_relation(write, relation, expected):
    assert read_arff(write(arff(FOUR, ROW, relation))).label_names == expected


@pytest.mark.parametrize("relation", ["r", "'weka.filters.Remove-C 2'", "'r: -Cs 2'", "'r: -C 2x'", "-R1-C2"])
def test_nothing_says_which_attributes_are_labels(write, relation):
    path = write(arff(FOUR, ROW, relation))
    with pytest.raises(ValueError, match=r"which of its 4 attributes .*labels=N.*set\.xml.*-C N"):
        read_arff(path)


def test_the_number_comes_before_the_xml_and_the_xml_before_the_relation(write):
    path = write(arff(FOUR, ROW, "'r: -C 1'"))
    assert read_arff(path).label_names == ("p",)
    write(xml("q"), "set.xml")
    assert read_arff(path).label_names == ("q",)
    assert read_arff(path, labels=2).label_names == ("r", "s")


@pytest.mark.parametrize("labels", [0, -1, 4, 5])
def test_an_impossible_number_of_labels(write, labels):
    with pytest.raises(ValueError, match=f"labels={labels} asks for {labels} labels among 4 attributes"):
        read_arff(write(arff(FOUR, ROW)), labels=labels)


@pytest.mark.parametrize("count", ["0", "4", "-4", "9"])
def test_an_impossible_number_of_labels_in_the_relation(write, count):
    with pytest.raises(ValueError, match=f"relation's -C {count} asks for .* among 4 attributes"):
        read_arff(write(arff(FOUR, ROW, f"'r: -C {count}'")))


def test_a_label_of_the_xml_that_the_arff_file_lacks(write):
    path = write(arff(["x numeric", "sunset {0,1}"], ["1,0"]))
    write(xml("sunsets"), "set.xml")
    with pytest.raises(ValueError, match=r"no attribute 'sunsets', .*set\.xml.* did it mean 'sunset'\?"):
        read_arff(path)
    write(xml("qqq"), "set.xml")
    with pytest.raises(ValueError, match=r"no attribute 'qqq'.*does not declare$"):
        read_arff(path)


def test_an_xml_that_leaves_no_feature(write):
    write(xml("p", "q", "r", "s"), "set.xml")
    with pytest.raises(ValueError, match="makes labels of all 4 attributes"):
        read_arff(write(arff(FOUR, ROW)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<labels><label", r"set\.xml is not well-formed XML"),
        ("", r"set\.xml is not well-formed XML"),
        ('<?xml version="1.0" encoding="nonsense"?><labels/>', r"set\.xml is not well-formed XML"),
        ("<labels></labels>", r"set\.xml does not name the labels"),
        ("<labels><label/></labels>", r"set\.xml does not name the labels"),
    ],
)
def test_a_broken_xml(write, content, message):
    write(content, "set.xml")
    with pytest.raises(ValueError, match=message):
        read_arff(write(arff(FOUR, ROW)))


# --- Mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [
        ("numeric", "2", "2"),
        ("integer", "0.5", "0.5"),
        ("numeric", "inf", "inf"),
        ("{0,1,2}", "2", "2"),
        ("{no,yes}", "yes", "yes"),
    ],
)
def test_a_label_that_is_neither_0_nor_1(write, declared, value, shown):
    first = "0" if "no" not in declared else "?"
    path = write(arff(["x numeric", f"a {declared}"], [f"1,{first}", f"1,{value}"]))
    with pytest.raises(ValueError, match=rf"set\.arff: the label 'a' is '{shown}' in row 2 of the data"):
        read_arff(path, labels=1)


@pytest.mark.parametrize("declared", ["string", "STRING", "date", 'date "yyyy-MM-dd"', "relational"])
def test_text_and_dates_are_no_features(write, declared):
    path = write(arff(["x numeric", f"id {declared}", "a {0,1}"], ["1,abc,0"]))
    with pytest.raises(ValueError, match=r"line 3: the attribute 'id' is of type (string|date|relational).*drop it"):
        read_arff(path, labels=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("\0\1\2PK", "binary data"),
        ("a,b\n1,2\n", "not an ARFF file: line 1 is 'a,b'"),
        ("@relation r\n@attribute x numeric\n1,2\n", "line 3 is '1,2'"),
        ("@relation r\n@attribute x numeric\n", "there is no @data line"),
        ("% only comments\n", "there is no @data line"),
        ("@attribute x numeric\n@data\n1\n", "no @relation before @data in line 2"),
        ("@relation r\n@data\n1\n", "no @attribute before @data in line 2"),
        ("@relation r\n" + "x" * 500, "x{60}\\.\\.\\."),
        ("@relation r\n@attribute x\n@data\n", "line 2: 'x' is not the declaration"),
        ("@relation r\n@attribute\n@data\n", "line 2: '' is not the declaration"),
        ("@relation r\n@attribute 'x y numeric\n@data\n", 'line 2: "\'x y numeric" is not the declaration'),
        ("@relation r\n@attribute x number\n@data\n", "line 2: the attribute 'x' has the type 'number'"),
        ("@relation r\n@attribute x {a,b\n@data\n", "line 2: the attribute 'x' has the type '{a,b'"),
        ("@relation r\n@attribute x {}\n@data\n", "has the type '{}'"),
        ("@relation r\n@attribute x {a,}\n@data\n", "has the type '{a,}'"),
        ("@relation r\n@attribute x {" + "a," * 60 + "New York}\n@data\n", "in quotes where a value has spaces"),
    ],
)
def test_not_an_arff_file(write, text, message):
    path = write(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_arff(path, labels=1)
    assert str(path) in str(caught.value)


def test_binary_junk_that_is_no_utf_8(tmp_path):
    path = tmp_path / "set.arff"
    path.write_bytes(bytes(range(1, 256)) * 4)
    with pytest.raises(ValueError, match="not an ARFF file: line 1"):
        read_arff(path)


@pytest.mark.parametrize("second", ["x real", "'x' {0,1}"])
def test_two_attributes_of_one_name(write, second):
    path = write(arff(["x numeric", second, "a {0,1}"], ["1,1,0"]))
    with pytest.raises(ValueError, match="line 3: the attribute 'x' is declared in line 2 already"):
        read_arff(path, labels=1)


@pytest.mark.parametrize("declared", ["{a,b,a}", "{a,?}"])
def test_a_value_declared_twice_or_as_missing(write, declared):
    path = write(arff([f"x {declared}", "a {0,1}"], ["a,0"]))
    with pytest.raises(ValueError, match="line 2: the attribute 'x' declares a value twice, or"):
        read_arff(path, labels=1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,0", "does not fit the 4 declared attributes"),
        ("1,2,0,1,1", "does not fit the 4 declared attributes"),
        ("100%,2,0", "does not fit the 4 declared attributes"),
        ("abc,2,0,1", "could not convert string to float: 'abc'"),
        ("1,2,50%,1", "not one its attribute declares .*'50%'"),
        ("1,2,2,1", "not one its attribute declares .*'2'"),
        ("1,'2,0,1", "cannot be taken apart"),
        ("1 5,2,0,1", "cannot be taken apart"),
        ("9" * 200_000 + ",2,0,1", "cannot be taken apart"),
    ],
)
def test_malformed_dense_rows(write, row, message):
    path = write("% first line\n" + arff(TWO_AND_TWO, ["1,2,0,1", "", row]))
    with pytest.raises(ValueError, match=rf"set\.arff, line 10: .*{message}") as caught:
        read_arff(path, labels=2)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{0 1,4 1}", "indices from 0 to 3"),
        ("{0 abc}", "could not convert string to float: 'abc'"),
        ("{2 7}", "not one its attribute declares .*'7'"),
        ("{0}", "cannot be taken apart"),
        ("{-1 1}", "cannot be taken apart"),
        ("{0 1", "cannot be taken apart"),
    ],
)
def test_malformed_sparse_rows(write, row, message):
    path = write("% first line\n" + arff(TWO_AND_TWO, ["{1 2}", "", row]))
    with pytest.raises(ValueError, match=rf"set\.arff, line 10: .*{message}"):
        read_arff(path, labels=2)


def test_no_rows(write):
    with pytest.raises(ValueError, match=r"no rows after @data \(line 6\)"):
        read_arff(write(arff(TWO_AND_TWO, ["", "% nothing"])), labels=2)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.arff"):
        read_arff(tmp_path / "missing.arff")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_arff(tmp_path)


def test_liac_arff_not_installed(write, monkeypatch):
    path = write(arff(TWO_AND_TWO, ["1,2,0,1"]))
    monkeypatch.setitem(sys.modules, "arff", None)
    with pytest.raises(ImportError, match=r"pip install 'batchsift\[experiments\]'"):
        read_arff(path, labels=2)
