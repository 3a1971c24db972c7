"""Labels in one column: tags, lists and texts of lists are read as what they say, or refused by name."""

import csv
import json
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.data import from_frame, load
from batchsift.data.readers.problems import TableCellError

NAN = np.nan


def framed(cells, **options):
    frame = pd.DataFrame({"x": range(len(cells)), "y": pd.Series(cells, dtype=object)})
    return from_frame(frame, label_column="y", **options)


def filed(folder, cells, **options):
    with (folder / "set.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["x", "y"], *enumerate(cells)])
    return load(folder / "set.csv", label_column="y", **options)


@pytest.mark.parametrize(
    ("cells", "names", "expected"),
    [
        (["['red', 'blue']", "[]", "['red']"], ("blue", "red"), [[1, 1], [0, 0], [0, 1]]),
        (['["x","y"]', '["x"]'], ("x", "y"), [[1, 1], [1, 0]]),
        (["{x,y}", "{x}", "{}"], ("x", "y"), [[1, 1], [1, 0], [0, 0]]),
        (["[dark blue, red]", "[red]"], ("dark blue", "red"), [[1, 1], [0, 1]]),
        (["('a, b', 'c')", "('c',)", "()"], ("a, b", "c"), [[1, 1], [0, 1], [0, 0]]),
        (["{'a', 'b'}", "{'b'}"], ("a", "b"), [[1, 1], [0, 1]]),
        (["['dark blue' 'red']", "['red'\n 'green']"], ("dark blue", "green", "red"), [[1, 0, 1], [0, 1, 1]]),
        (["[10, 2]", "[2]", "[]"], ("2", "10"), [[1, 1], [1, 0], [0, 0]]),
        (["{1,2}", "{2}"], ("1", "2"), [[1, 1], [0, 1]]),
        (["[1]", "{b}"], ("1", "b"), [[1, 0], [0, 1]]),
        (["[0 1 1]", "[1 0 0]"], ("0", "1", "2"), [[0, 1, 1], [1, 0, 0]]),
        (["[0. 1. 1.]", "[1. 0. 0.]"], ("0", "1", "2"), [[0, 1, 1], [1, 0, 0]]),
        (["[ True False]", "[False  True]"], ("0", "1"), [[1, 0], [0, 1]]),
        (["[true, null]", "[false, true]"], ("0", "1"), [[1, NAN], [0, 1]]),
        (["0|1|1", "1|0|0"], ("0", "1", "2"), [[0, 1, 1], [1, 0, 0]]),
        (["(misc)", "red"], ("(misc)", "red"), [[1, 0], [0, 1]]),
        (["(US) Navy|Smith (J.)", "red"], ("(US) Navy", "Smith (J.)", "red"), [[1, 1, 0], [0, 0, 1]]),
    ],
)
def test_texts_that_are_lists(tmp_path, cells, names, expected):
    for data in (framed(cells), filed(tmp_path, cells)):
        assert data.label_names == names
        np.testing.assert_array_equal(data.labels, expected)


@pytest.mark.parametrize(
    ("cells", "names", "expected"),
    [
        ([[1, 0], [0, 1]], ("0", "1"), [[1, 0], [0, 1]]),
        ([[1.0, 0.0], [0.0, 1.0]], ("0", "1"), [[1, 0], [0, 1]]),
        ([[True, False], [False, True]], ("0", "1"), [[1, 0], [0, 1]]),
        ([[True], [False]], ("0",), [[1], [0]]),
        ([[1, 0, 1], None], ("0", "1", "2"), [[1, 0, 1], [NAN] * 3]),
        ([[1.0, NAN], (0.0, 1.0)], ("0", "1"), [[1, NAN], [0, 1]]),
        ([["1", "0", "1"], ["0", "0", "0"]], ("0", "1", "2"), [[1, 0, 1], [0, 0, 0]]),
        ([{0, 1}, {1}], ("0", "1"), [[1, 1], [0, 1]]),
        ([[0], [1], [], [0, 1]], ("0", "1"), [[1, 0], [0, 1], [0, 0], [1, 1]]),
        ([3.0, None, 1.0], ("1", "3"), [[0, 1], [0, 0], [1, 0]]),
    ],
)
def test_values_and_numbers(cells, names, expected):
    data = framed(cells)
    assert data.label_names == names
    np.testing.assert_array_equal(data.labels, expected)


@pytest.mark.parametrize(
    ("cells", "row", "reason"),
    [
        (["red", "['a', 'b']"], 1, r"\"\['a', 'b'\]\" is a list, and other cells are none"),
        (["red|blue", "[1]"], 1, r"'\[1\]' is a list, and other cells are none"),
        (["[1]", "[0 1 ... 1]"], 1, r"is no list that is understood that was cut short .*; expected one such as"),
        (["['a' ... 'b']"], 0, "is no list that is understood that was cut short"),
        (["[red round]"], 0, "is no list that is understood;"),
        (["[']", "[1]"], 0, "is no list that is understood"),
        (['{"a": 1}'], 0, "is no list that is understood"),
        (["[" * 500 + "]" * 500], 0, "is no list|of type list"),
        (["[['a'], ['b']]"], 0, "of type list"),
        (["a", "x, [b, c]"], 1, r"',' stands within brackets in 'x, \[b, c\]'"),
        (["'a', 'b'"], 0, "stand in quotes, which would become part of their names"),
        ([[1, 0, 1], [1, 0]], 1, "a list of 2 zeros and ones, and another has 3"),
        ([[1, 0], [0, 1], []], 2, "a list of 0 zeros and ones, and another has 2"),
        ([[True, False], [True]], 1, "a list of 1 zeros and ones"),
        ([[True, False], [2, 3]], 1, r"\[2, 3\] holds more than booleans"),
        ([[1.0, 2.0], [3.0]], 0, "a tag is 1.0 of type float"),
        ([[2], [None]], 1, "a tag is None of type NoneType"),
        ([-1, 2], 0, "a label has the number -1; expected 0 or more"),
        ([[3], [-100]], 1, "a label has the number -100"),
        (["3", "-1"], 1, "a label has the number -1"),
        (["3|-100", "4"], 0, "a label has the number -100"),
        ([[1, -1], [-1, 1]], 0, "a label has the number -1"),
        ([b"red"], 0, "a tag is b'red' of type bytes"),
        ([{"red": 1, "blue": 0}], 0, "of type dict"),
        ([True, False], 0, "True is the value of one label, not a tag: give label_columns='y' instead of label_column"),
        ([NAN, 2.5], 1, "a tag is 2.5 of type float"),
    ],
)
def test_what_is_neither_is_refused_by_its_cell(cells, row, reason):
    with pytest.raises(TableCellError, match=reason) as caught:
        framed(cells)
    assert (caught.value.column, caught.value.row) == ("y", row)


def test_the_line_of_such_a_cell_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"set\.csv, line 3, column 'y': .* is a list, and other cells are none"):
        filed(tmp_path, ["red", "['a', 'b']"])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["011", "100", "000"], r"digits such as '000': .*\[0, 1, 1\].*delimiter='\|' if each is one tag"),
        (["01", "11"], "digits such as '01'"),
        (["0", "1", "1"], r"single zeros and ones: the numbers of two labels, .* give label_columns='y' instead"),
        ([0, 1, 1], "single zeros and ones"),
        ([[1], [0]], "single zeros and ones"),
    ],
)
def test_what_could_be_two_things_is_refused_with_the_way_out(cells, message):
    with pytest.raises(ValueError, match=f"column 'y': .*{message}"):
        framed(cells)


def test_the_ways_out():
    assert framed(["011", "100"], delimiter="|").label_names == ("011", "100")
    assert framed(["0", "1"], delimiter="|").label_names == ("0", "1")
    assert framed(["11", "10"]).label_names == ("10", "11")
    with pytest.raises(ValueError, match=r"delimiter='\|' parts texts, but the cells are lists such as '\[1\]'"):
        framed(["[1]", "[2]"], delimiter="|")


def test_blanks_between_tags_are_said():
    with pytest.warns(UserWarning, match="such as 'red round': give delimiter=' ' if .*, delimiter='|' if") as caught:
        assert framed(["red round", "round"]).label_names == ("red round", "round")
    assert len(caught) == 1
    assert framed(["red round", "round"], delimiter=" ").label_names == ("red", "round")
    assert framed(["red round", "round"], delimiter="|").label_names == ("red round", "round")


# --- The whole kind ---------------------------------------------------------------------------------------------------

letters = st.characters(codec="utf-8", categories=["L", "N"])
words = st.text(letters, min_size=1, max_size=6).filter(lambda word: not word.isnumeric()).map("t{}".format)
tag_sets = st.lists(st.lists(words, max_size=4, unique_by=str.casefold), min_size=1, max_size=6).filter(any)
WRITERS = {
    "json": lambda tags: json.dumps(tags, ensure_ascii=False),
    "escaped": json.dumps,
    "list": repr,
    "tuple": lambda tags: repr(tuple(tags)),
    "numpy": lambda tags: str(np.array(tags, dtype=object)) if tags else "[]",
    "braces": lambda tags: "{" + ",".join(tags) + "}",
    "bare": lambda tags: "[" + ", ".join(tags) + "]",
    "bars": "|".join,
    "commas": ", ".join,
}


@pytest.mark.filterwarnings("ignore:tags differ in nothing but case")
@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=40, deadline=None)
@given(tags=tag_sets, kind=st.sampled_from([list, tuple, set, np.array]))
def test_tags_come_back_from_every_way_to_write_them(tmp_path_factory, writer, tags, kind):
    expected = framed(tags)
    assert set(expected.label_names) == set(chain(*tags))
    assert [{expected.label_names[j] for j in row.nonzero()[0]} for row in expected.labels] == [set(t) for t in tags]
    texts = [WRITERS[writer](row) for row in tags]
    for data in (framed(texts), filed(tmp_path_factory.getbasetemp(), texts), framed([kind(row) for row in tags])):
        assert data.label_names == expected.label_names
        np.testing.assert_array_equal(data.labels, expected.labels)


bits = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 1), min_size=width, max_size=width), min_size=1, max_size=6)
)
FORMS = [
    str,
    json.dumps,
    lambda row: str(np.array(row)),
    lambda row: str(np.array(row, dtype=float)),
    lambda row: str(np.array(row, dtype=bool)),
    lambda row: json.dumps([bool(bit) for bit in row]),
    lambda row: "|".join(map(str, row)),
    lambda row: list(map(bool, row)),
    lambda row: tuple(map(float, row)),
    lambda row: np.array(row, dtype=np.int8),
]


@settings(max_examples=60, deadline=None)
@given(rows=bits)
def test_values_come_back_from_every_way_to_write_them(rows):
    for form in FORMS:
        data = framed([form(row) for row in rows])
        assert data.labels.tolist() == rows
        assert data.label_names == tuple(map(str, range(len(rows[0]))))


@settings(max_examples=200, deadline=None)
@given(cells=st.lists(st.text("[]{}()'\"ab01 ,|.\\-\n", max_size=12), min_size=1, max_size=4))
@pytest.mark.filterwarnings("ignore:nothing parts tags", "ignore:tags differ in nothing")
def test_no_name_has_half_a_list(cells):
    try:
        names = framed(cells).label_names
    except ValueError:
        return
    balanced = all(cell.count(a) == cell.count(b) for cell in cells for a, b in ("[]", "{}", "()"))
    for name in names:
        assert not balanced or all(name.count(a) == name.count(b) for a, b in ("[]", "{}", "()"))
