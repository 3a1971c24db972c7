import gzip
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from arff_text import TWO_AND_TWO, arff, xml
from batchsift.data import load, read_arff
from batchsift.data.arff import source

NAN = np.nan


def as_array(data):
    return data.features.toarray() if data.is_sparse else data.features


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
    assert isinstance(data.features, csr_array)
    assert data.features.toarray().tolist() == [[0.5, 0], [0, 0], [0, 2]]
    assert data.features.nnz == 2
    assert data.labels.tolist() == [[0, 1], [0, 0], [1, 0]]


def test_sparse_rows_leave_out_the_first_declared_value(write):
    attributes = ["x {1,0}", "colour {red,blue}", "a {1,0}", "b {0,1}"]
    data = read_arff(write(arff(attributes, ["{}", "{0 0,1 blue,2 0,3 1}"])), labels=2)
    assert data.feature_names == ("x", "colour=red", "colour=blue")
    assert data.features.toarray().tolist() == [[1, 1, 0], [0, 0, 1]]
    assert data.labels.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("chunk_bytes", [1, 1000])
def test_sparse_and_dense_rows_in_one_file_make_an_array(write, monkeypatch, chunk_bytes):
    monkeypatch.setattr(source, "CHUNK_BYTES", chunk_bytes)
    attributes = [*TWO_AND_TWO[:2], "c {red,blue,green}", *TWO_AND_TWO[2:]]
    rows = ["{0 3,3 1}", "4,5,green,0,1", "{2 blue}"]
    expected = {"{": [3, 0, 1, 0, 0], "4": [4, 5, 0, 0, 1], "b": [0, 0, 0, 1, 0]}
    for order in ((0, 1, 2), (1, 0, 2)):
        data = read_arff(write(arff(attributes, [rows[i] for i in order])), labels=2)
        assert data.features.tolist() == [list(expected.values())[i] for i in order]
        assert data.labels.tolist() == [[[1, 0], [0, 1], [0, 0]][i] for i in order]


@pytest.mark.parametrize("rows", [["?,1,?,0", "2,?,1,1"], ["{0 ?,1 1,2 ?}", "{0 2,1 ?,2 1,3 1}"]])
def test_missing_values_become_nan(write, rows):
    data = read_arff(write(arff(TWO_AND_TWO, rows)), labels=2)
    np.testing.assert_array_equal(as_array(data), [[NAN, 1], [2, NAN]])
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
        np.testing.assert_array_equal(as_array(read), features)
        np.testing.assert_array_equal(read.labels, labels)


@pytest.mark.parametrize(
    "rows",
    [
        ["1,2,0,1", "3,4,1,0"],
        ["1 , 2,\t0,1", " 3,4,1,0 "],
        ["1\t2\t0\t1", "3 \t 4\t\t1\t0\t"],
        ["'1',\"2\",'0',1", "3.0,+4,1,0"],
        ["1,2,0,1 % a, comment", "", "  % another", "3e0,.4E+1,1,0"],
        ["{0 1,1 2,3 1}", "{ 3 0 , 0 3.0,2  1,1 4 }"],
        ["{0 1,1\t2,3 1} % it's", "{0 '3',1 4,2 \"1\"}"],
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["\n", ""])
def test_one_table_written_in_many_ways(write, rows, line_end, last):
    text = arff(TWO_AND_TWO, rows).removesuffix("\n") + last
    data = read_arff(write(text.replace("\n", line_end)), labels=2)
    assert as_array(data).tolist() == [[1, 2], [3, 4]]
    assert data.labels.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("rows", [["1,2,0,1,{0.5}", "3,4,1,0 {2} % twice"], ["{0 1,1 2,3 1},{5}", "{0 3,1 4,2 1} {1}"]])
def test_weights_of_rows_are_left_out_with_a_warning(write, rows):
    with pytest.warns(UserWarning, match=r"set\.arff: the weights of 2 row\(s\) are left out") as caught:
        data = read_arff(write(arff(TWO_AND_TWO, [*rows])), labels=2)
    assert caught[0].filename == __file__
    assert as_array(data).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 10_000])
@pytest.mark.parametrize("dense", [True, False])
def test_chunks_do_not_show(write, monkeypatch, chunk_bytes, dense):
    rng = np.random.default_rng(0)
    features, labels = rng.integers(0, 3, (30, 3)), rng.integers(0, 2, (30, 2))
    table = np.hstack([features, labels]).tolist()
    rows = [
        ",".join(map(str, row)) if dense else "{" + ",".join(f"{j} {v}" for j, v in enumerate(row) if v) + "}"
        for row in table
    ]
    monkeypatch.setattr(source, "CHUNK_BYTES", chunk_bytes)
    path = write(arff(["x numeric", "y real", "z integer", "a {0,1}", "b {0,1}"], rows).replace("\n", "\r\n"))
    data = read_arff(path, labels=2)
    assert as_array(data).tolist() == features.tolist()
    assert data.labels.tolist() == labels.tolist()
    rows[17] = rows[17].replace("1", "x").replace("2", "x")
    with pytest.raises(ValueError, match=r"set\.arff, line 25, column \d+: "):
        read_arff(write(arff(["x numeric", "y real", "z integer", "a {0,1}", "b {0,1}"], rows)), labels=2)


def test_compressed(write):
    content = gzip.compress(arff(TWO_AND_TWO, ["1,2,0,1"]).encode())
    write(xml("a"), "set.xml")
    for name in ("set.arff.gz", "set.arff"):
        data = load(write(content, name))
        assert (data.name, data.label_names, data.features.tolist()) == ("set", ("a",), [[1, 2, 1]])
    for damaged in (content[:-12], content[:20] + b"\xff\xff\xff" + content[23:]):
        with pytest.raises(ValueError, match=r"set\.arff\.gz is damaged: .*fetch it again"):
            read_arff(write(damaged, "set.arff.gz"))


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


@pytest.mark.parametrize(
    "declared", ["{no,yes}", "{YES,NO}", "{n,y}", "{Y, N}", "{false,true}", "{'True','False'}", "{t,f}", "{1.0,0.0}"]
)
def test_labels_in_words(write, declared):
    first, second = declared.strip("{}").split(",")
    data = read_arff(write(arff(["x numeric", f"a {declared}"], [f"1,{first}", f"2,{second}", "3,?"])), labels=1)
    present = ["yes", "y", "true", "t", "1.0"]
    expected = [word.strip(" '").lower() in present for word in (first, second)]
    np.testing.assert_array_equal(data.labels[:, 0], [*expected, NAN])


def test_words_are_one_hot_as_features_and_left_out_in_sparse_rows_as_labels(write):
    data = read_arff(write(arff(["x {NO,YES}", "a {YES,NO}", "b {NO,YES}"], ["{}", "{0 YES,1 NO,2 YES}"])), labels=2)
    assert data.feature_names == ("x=NO", "x=YES")
    assert data.features.toarray().tolist() == [[1, 0], [0, 1]]
    assert data.labels.tolist() == [[1, 0], [0, 1]]


def test_missing_categories_in_sparse_rows(write):
    attributes = ["x numeric", "colour {red,green,blue}", "flag {1,0}", "y numeric", "a {0,1}"]
    rows = ["{1 ?,3 5}", "{0 2,1 blue,2 ?}", "{2 0,4 1}"]
    data = read_arff(write(arff(attributes, rows)), labels=1)
    expected = [[0, NAN, NAN, NAN, 1, 5], [2, 0, 0, 1, NAN, 0], [0, 1, 0, 0, 0, 0]]
    np.testing.assert_array_equal(data.features.toarray(), expected)
    assert data.features.has_canonical_format


@pytest.mark.parametrize(
    "declared", ["numeric [0,1.5]", "real[-1e3, 7]", "INTEGER [0 , 9] {0.5} % bounds", "numeric{2}", "Real\t% a"]
)
def test_bounds_weights_and_comments_of_attributes_are_read_over(write, declared):
    data = read_arff(write(arff([f"x {declared}", "a{0,1} {3} % a label"], ["99,1"])), labels=1)
    assert (data.feature_names, data.features.tolist(), data.labels.tolist()) == (("x",), [[99]], [[1]])


@pytest.mark.parametrize("chunk_bytes", [1, 1000])
def test_a_list_of_values_over_several_lines(write, monkeypatch, chunk_bytes):
    monkeypatch.setattr(source, "CHUNK_BYTES", chunk_bytes)
    attributes = ["hue {red,\n  'dark, blue',\n\n% not {these}\n\tgreen\n}", "a {0\n,1} % a label", "b{\n1,0}"]
    data = read_arff(write(arff(attributes, ["'dark, blue',1,0", "green,0,1"])), labels=2)
    assert data.feature_names == ("hue=red", "hue=dark, blue", "hue=green")
    assert data.features.tolist() == [[0, 1, 0], [0, 0, 1]]
    assert data.labels.tolist() == [[1, 0], [0, 1]]


def test_a_comma_at_the_end_of_rows_as_moa_writes_them(write):
    for rows in (["1,2,0,1,", "3,4,1,0,"], ["1,2,0,1,", "3,4,1,0"], ["1, 2,'0',1 , ", "3,4,1,0, % c"]):
        data = read_arff(write(arff(TWO_AND_TWO, rows)), labels=2)
        assert data.features.tolist() == [[1, 2], [3, 4]]
        assert data.labels.tolist() == [[0, 1], [1, 0]]


def test_a_quoted_question_mark_is_a_value(write):
    data = read_arff(write(arff(["x {a,'?'}", "y numeric", "a {0,1}"], ["'?',1,1", "?,2,0", "a,3,0"])), labels=1)
    assert data.feature_names == ("x=a", "x=?", "y")
    np.testing.assert_array_equal(data.features, [[0, 1, 1], [NAN, NAN, 2], [1, 0, 3]])


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2009", "\x85"])
def test_other_spaces_are_part_of_names_and_values(write, space):
    attributes = [f"x{space}y numeric", f"hue {{dark{space}blue,{space}}}", f"a{space} {{0,1}}"]
    data = read_arff(write(arff(attributes, [f"1,dark{space}blue,1", f"2,{space},0"])), labels=1)
    assert data.feature_names == (f"x{space}y", f"hue=dark{space}blue", f"hue={space}")
    assert data.features.tolist() == [[1, 1, 0], [2, 0, 1]]
    assert data.label_names == (f"a{space}",)


def test_a_marker_is_missing_unless_it_is_a_value(write):
    attributes = ["x numeric", "hue {NA,red}", "shape {round}", "a {0,1}"]
    data = read_arff(write(arff(attributes, ["NA,NA,None,1", "#N/A,red,round,<NA>"])), labels=1)
    np.testing.assert_array_equal(data.features, [[NAN, 1, 0, NAN], [NAN, 0, 1, 1]])
    np.testing.assert_array_equal(data.labels, [[1], [NAN]])


def test_nan_is_missing_and_numbers_keep_their_last_bit(write):
    numbers = ["0.1", "-1.7976931348623157e308", "5e-324", "9007199254740993", "0.30000000000000004", "NaN", "-0"]
    data = read_arff(write(arff(["x numeric", "a {0,1}"], [f"{number},1" for number in numbers])), labels=1)
    np.testing.assert_array_equal(data.features[:, 0], [float(number) for number in numbers])
    assert math.copysign(1, data.features[-1, 0]) == -1
