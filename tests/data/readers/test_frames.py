"""Data frames: labels by columns or tags, and what becomes of every kind of feature column."""

import ast
import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from batchsift.data import from_frame, load
from batchsift.data.readers.kinds import MOST_CATEGORIES
from batchsift.data.readers.problems import ColumnsLeftOut, TableCellError

NAN = np.nan
ARROW_DATE = pd.ArrowDtype(pa.date32())


def features(values, **options):
    data = from_frame(pd.DataFrame({"x": values, "a": [0, 1] * (len(values) // 2)}), label_columns="a", **options)
    return data.feature_names, data.features


def labels(values):
    frame = pd.DataFrame({"x": np.arange(len(values)), "a": values})
    return from_frame(frame, labels=1).labels.ravel()


@pytest.mark.parametrize(
    "options",
    [
        {"label_columns": ["y_red", "y_round"]},
        {"label_columns": "y_round, y_red"},
        {"label_columns": "y_*"},
        {"label_columns": "*_r[eo]*"},
        {"labels": 2},
    ],
)
def test_label_columns(options):
    frame = pd.DataFrame({"size": [1, 2], "y_red": [0, 1], "y_round": [1.0, NAN]}, index=[7, 7])
    if "labels" not in options:
        frame = frame[["y_red", "size", "y_round"]]
    for read in (from_frame, load):
        data = read(frame, **options)
        assert data.label_names == ("y_red", "y_round")
        assert data.feature_names == ("size",)
        assert data.features.ravel().tolist() == [1, 2]
        np.testing.assert_array_equal(data.labels, [[0, 1], [1, NAN]])


def test_a_name_that_reads_like_a_pattern_is_the_name():
    frame = pd.DataFrame({"x": [1], "a[1]": [0], "a1": [1], "b,c": [1]})
    assert from_frame(frame, label_columns="a[1]").label_names == ("a[1]",)
    assert from_frame(frame, label_columns="b,c").label_names == ("b,c",)
    assert from_frame(frame, label_columns=["b,c", "a?"]).label_names == ("a1", "b,c")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False], [1, 0]),
        (["YES", "no"], [1, 0]),
        (["t", " F "], [1, 0]),
        (["1", "0.0"], [1, 0]),
        ([True, None], [1, NAN]),
        (pd.array([1, None], dtype="Int8"), [1, NAN]),
        (pd.array([True, None], dtype="boolean"), [1, NAN]),
        (pd.Categorical(["yes", "no"]), [1, 0]),
        (pd.arrays.SparseArray([0, 1]), [0, 1]),
        ([NAN, NAN], [NAN, NAN]),
    ],
)
def test_label_values(values, expected):
    np.testing.assert_array_equal(labels(values), expected)


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", "", "10", np.inf, datetime.date(2020, 1, 1)])
def test_what_is_no_label_is_named(value):
    with pytest.raises(TableCellError, match=r"column 'a', row 1: .* is no label; expected 0 or 1") as caught:
        labels([0, value])
    assert (caught.value.column, caught.value.row) == ("a", 1)


def test_lists_are_no_label_columns():
    with pytest.raises(ValueError, match="'a' holds lists; give a column with all labels as label_column='a'"):
        labels([["red"], []])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], [1, 2]),
        (np.array([0.1, NAN], dtype=np.float32), np.array([0.1, NAN], dtype=np.float32)),
        ([True, False], [1, 0]),
        ([True, None], [1, NAN]),
        (pd.array([1, None], dtype="Int64"), [1, NAN]),
        (pd.array([0.5, None], dtype="Float32"), [0.5, NAN]),
        ([Decimal("1.5"), None], [1.5, NAN]),
        (["1.5", "-2e3"], [1.5, -2000]),
        (["yes", "NO"], [1, 0]),
        ([None, None], [NAN, NAN]),
        (pd.Categorical(["0", "1"]), [0, 1]),
        (pd.Categorical([1, None], categories=[0, 1]), [1, NAN]),
    ],
)
def test_feature_columns_of_numbers(values, expected):
    names, matrix = features(values)
    assert names == ("x",)
    np.testing.assert_array_equal(matrix.ravel(), expected)


def test_few_texts_become_one_column_each():
    names, matrix = features(["b", "a ", None, "b", "a", "a"])
    assert names == ("x=a", "x=b")
    np.testing.assert_array_equal(matrix, [[0, 1], [1, 0], [NAN, NAN], [0, 1], [1, 0], [1, 0]])
    names, _ = features(pd.Categorical(["b", "a"], categories=["b", "c", "a"]))
    assert names == ("x=b", "x=c", "x=a")


def test_yes_and_no_among_other_texts_are_a_category():
    names, matrix = features(["yes", "no", "maybe", "maybe", "no", "yes"])
    assert names == ("x=maybe", "x=no", "x=yes")
    assert matrix.argmax(axis=1).tolist() == [2, 1, 0, 0, 1, 2]


def test_vectors_become_as_many_columns():
    names, matrix = features([np.array([1.0, 2.0]), [3, 4], None, (5, 6)])
    assert names == ("x_0", "x_1")
    np.testing.assert_array_equal(matrix, [[1, 2], [3, 4], [NAN, NAN], [5, 6]])
    with pytest.raises(TableCellError, match="column 'x', row 1: a vector of 3 numbers; the first one has 2"):
        features([[1, 2], [1, 2, 3]])
    with pytest.raises(TableCellError, match="column 'x', row 1: not a vector of numbers"):
        features([[1, 2], ["a", "b"]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([f"sample {i}" for i in range(8)], "8 different texts in 8 rows, such as 'sample 0'.*drop='x'"),
        ([str(i) + "x" for i in range(MOST_CATEGORIES + 1)] * 4, f"{MOST_CATEGORIES + 1} different texts"),
        (["12_34", "12_35"], "different texts"),
        ([datetime.timedelta(hours=1)] * 2, r"holds Timedelta, .*drop='x'"),
        ([datetime.time(1)] * 2, r"holds time, .*drop='x'"),
        ([1 + 2j, 1j], "holds complex"),
        ([{"a": 1}, 3], "holds dict and int"),
        ([b"1", b"2"], "holds bytes"),
    ],
)
def test_what_is_no_feature_is_refused_with_the_way_out(values, message):
    with pytest.raises(ValueError, match=f"column 'x' .*{message}"):
        features(values)


def test_all_columns_that_are_no_features_or_labels_are_said_at_once():
    frame = pd.DataFrame(
        {
            "id": range(4),
            "title": list("pqrs"),
            "born": [pd.Timestamp(0)] * 4,
            "x": ["1", "2", "x", "4"],
            "y": [1.0, np.inf, -np.inf, NAN],
            "z": [[1, 2], [1, 2], [3], [4, 5]],
            "fine": [1, 2, 3, 4],
            "a": [0, 1, 2, 3],
            "b": ["yes", "no", "maybe", None],
        }
    )
    with pytest.raises(ValueError, match="6 columns are not") as caught:
        from_frame(frame, labels=2, drop="fine", dates="drop")
    message = str(caught.value)
    for problem in (
        "column 'a', row 2: 2 is no label",
        "column 'b', row 2: 'maybe' is no label",
        "column 'title' holds 4 different texts in 4 rows",
        "column 'x', row 2: 'x' is no number",
        "column 'y', row 1: inf is no finite number",
        "column 'z', row 2: a vector of 1 numbers; the first one has 2",
    ):
        assert problem in message
    option = message.rpartition("drop=")[2].strip("'")
    assert option == "fine,id,title,x,y,z"
    with pytest.raises(ValueError, match="none of the 1 columns that are no labels can be a feature"):
        from_frame(frame.assign(a=0, b=1), labels=2, drop=option, dates="drop")
    option = option.removeprefix("fine,")
    assert from_frame(frame.assign(a=0, b=1), labels=2, drop=option, dates="drop").feature_names == ("fine",)


@pytest.mark.parametrize("name", ["a,b", "it's", "n[1]*", "ü, x"])
def test_the_option_can_be_copied_whatever_a_column_is_called(name):
    texts = pd.DataFrame({name: list("pqrs"), "x": [1, 2, 3, 4], "a": [0, 1, 0, 1]})
    with pytest.raises(ValueError, match="4 different texts") as refused:
        from_frame(texts.assign(x=["1", "2", "3", "x"]), labels=1)
    assert ast.literal_eval(str(refused.value).rpartition("drop=")[2]) == refused.value.drop
    with pytest.warns(ColumnsLeftOut, match="4 different texts, such as 'p'") as caught:
        assert from_frame(texts, labels=1).feature_names == ("x",)
    option = ast.literal_eval(str(caught[0].message).rpartition("drop=")[2].removesuffix(" makes it silent"))
    assert option == caught[0].message.drop
    assert from_frame(texts, labels=1, drop=option).feature_names == ("x",)


@pytest.mark.parametrize(
    "dates",
    [
        pd.to_datetime(["2020-12-31", "2021-01-01", None, "2021-03-04"]),
        pd.to_datetime(["2020-12-31", "2021-01-01", None, "2021-03-04"]).tz_localize("Asia/Tokyo"),
        [datetime.date(2020, 12, 31), datetime.date(2021, 1, 1), None, datetime.date(2021, 3, 4)],
        ["2020-12-31", "2021-01-01", None, " 2021-3-4"],
        ["31.12.2020", "1.1.2021", None, "4.3.2021"],
        ["12/31/2020 00:00", "1/1/2021", None, "3/4/2021 12:00 AM"],
        ["2020/12/31T00:00:00Z", "2021/01/01", "", "2021/03/04"],
        ["31-Dec-2020", "1 January 2021", None, "04.MAR.2021"],
        ["Dec 31, 2020", "Jan. 1, 2021", None, "March 4 2021"],
        pd.array([datetime.date(2020, 12, 31), datetime.date(2021, 1, 1), None, datetime.date(2021, 3, 4)], ARROW_DATE),
    ],
)
def test_dates_become_ordinal_month_and_weekday(dates):
    frame = pd.DataFrame({"x": [1, 2, 3, 4], "when": dates, "a": [0, 1, 0, 1]}).replace("", None)
    data = from_frame(frame, labels=1)
    assert data.feature_names == ("x", "when.ordinal", "when.month", "when.weekday")
    expected = [[18627, 12, 3], [18628, 1, 4], [NAN, NAN, NAN], [18690, 3, 3]]
    np.testing.assert_array_equal(data.features[:, 1:], expected)
    assert from_frame(frame, labels=1, dates="drop").feature_names == ("x",)
    assert from_frame(frame, labels=1, drop="when").feature_names == ("x",)


def test_a_time_of_day_is_a_feature_where_there_is_one():
    times = ["2020-01-01 06:30", "2020-01-01T18:00:00.5+02:00", "2020-01-02", "2020-01-03 23:59:59"]
    names, matrix = features(times)
    assert names == ("x.ordinal", "x.month", "x.weekday", "x.hour")
    np.testing.assert_allclose(matrix[:, 3], [6.5, 18 + 0.5 / 3600, 0, 24 - 1 / 3600])
    assert features(pd.date_range("2020-01-01", periods=2, freq="h"))[0][-1] == "x.hour"
    assert features(["1/31/2020 2:30 PM", "1/31/2020 12:30 AM"])[1][:, 3].tolist() == [14.5, 0.5]


def test_dates_that_could_be_two_are_never_guessed():
    frame = pd.DataFrame({"x": [1, 2], "when": ["03/04/2021", "05/06/2021"], "a": [0, 1]})
    with pytest.raises(
        ValueError,
        match=r"'when' holds dates, and '03/04/2021' may be 2021-04-03 or 2021-03-04: .* dates='day-first' or "
        r"dates='month-first', or leave them out with dates='drop'$",
    ) as caught:
        from_frame(frame, labels=1)
    assert (caught.value.has_ambiguous_dates, caught.value.drop) == (True, "")
    with pytest.raises(ValueError, match=r"2 columns are not .*leave out what is no feature with drop='x'$"):
        from_frame(frame.assign(x=[np.inf, 1]), labels=1)
    for dates, months in (("day-first", [4, 6]), ("month-first", [3, 5])):
        assert from_frame(frame, labels=1, dates=dates).features[:, 2].tolist() == months
    assert from_frame(frame, labels=1, dates="drop").feature_names == ("x",)
    assert features(["01/01/2021", "02/02/2021"])[1][:, 1].tolist() == [1, 2]  # the same either way


@pytest.mark.parametrize(
    ("values", "row", "shown"),
    [
        (["2020-01-01", "2020-02-30"], 1, "'2020-02-30'"),
        (["2020-01-01", "2020-01-02", "soon", "2020-01-02"], 2, "'soon'"),
        (["31/12/2020", "12/31/2020"], 1, "'12/31/2020'"),
        (["2020-01-01 10:00", "2020-01-01 25:00"], 1, "'2020-01-01 25:00'"),
    ],
)
def test_what_is_no_date_among_dates_is_named(values, row, shown):
    with pytest.raises(TableCellError, match=rf"column 'x', row {row}: {shown} is no date, in a column of dates"):
        features(values)


def test_what_only_looks_like_dates_is_a_category():
    assert features(["1.2.3", "1.2.4"] * 4)[0] == ("x=1.2.3", "x=1.2.4")
    assert features(["May", "Mar 12", "Room 12, 2020"] * 2)[0] == ("x=Mar 12", "x=May", "x=Room 12, 2020")
    assert features(["spring", "2020-01-01", "fall", "fall"] * 2)[0] == ("x=2020-01-01", "x=fall", "x=spring")


def test_what_becomes_of_dates_is_one_of_four_words():
    with pytest.raises(ValueError, match=r"dates='dayfirst': did you mean 'day-first'\? There are features, drop"):
        from_frame(pd.DataFrame({"x": [1, 2], "a": [0, 1]}), labels=1, dates="dayfirst")


@pytest.mark.parametrize(
    ("name", "values", "is_left_out"),
    [
        ("customer_id", [31, 7, 5, 9], True),
        ("CustomerID", ["a7", "b8", "c9", "d0"], True),
        ("order no", [1.0, 2.0, NAN, 4.0], True),
        ("id_customer", ["1", "2", "3", "x"], True),
        ("customer_id", [7, 7, 5, 9], False),
        ("customer_id", [7, NAN, NAN, NAN], False),
        ("customer_id", [7.5, 8, 5, 9], False),
        ("paid", [1, 2, 3, 4], False),
    ],
)
def test_an_identifier_is_found_by_name_and_uniqueness(name, values, is_left_out):
    frame = pd.DataFrame({"x": [1, 2, 3, 4], name: values, "y": [4, 3, 2, 1], "a": [0, 1, 0, 1]})
    if not is_left_out:
        assert from_frame(frame, labels=1).feature_names == ("x", name, "y")
        return
    with pytest.warns(ColumnsLeftOut, match=f"dropped '{name}', which identifies rows rather than describes them"):
        data = from_frame(frame, labels=1)
    assert data.feature_names == ("x", "y")
    assert [column.kind for column in data.columns] == ["number", "identifier", "number", "label"]


def test_one_warning_names_everything_that_is_left_out():
    frame = pd.DataFrame(
        {"id": range(4), "x": [1, 2, 3, 4], "user id": list("pqrs"), "note": list("wxyz"), "a": [0, 1, 0, 1]}
    )
    with pytest.warns(UserWarning, match="dropped") as caught:
        assert from_frame(frame, labels=1).feature_names == ("x",)
    assert [str(warning.message) for warning in caught] == [
        "dropped 'id' and 'user id', which identify rows rather than describe them, and 'note' (4 different texts, "
        "such as 'w'), which holds free text rather than a category; drop='id,user id,note' makes it silent"
    ]
    with pytest.raises(ValueError, match=r"2 columns are not .* 'user id' holds 4 .*; column 'note' holds 4"):
        from_frame(frame, labels=1, drop="")


@pytest.mark.parametrize(
    ("form", "is_number"), [("${},200.50", True), ("{}.5 %", True), ("{} kg", True), ("no {}", False)]
)
def test_numbers_among_signs_are_left_out_with_a_hint(form, is_number):
    frame = pd.DataFrame({"x": [1, 2, 3, 4], "t": [form.format(i) for i in range(4)], "a": [0, 1, 0, 1]})
    with pytest.warns(ColumnsLeftOut, match="'t' .4 different texts") as caught:
        from_frame(frame, labels=1)
    assert ("written as plain numbers they would be a feature" in str(caught[0].message)) == is_number


def test_features_of_one_name_are_refused():
    frame = pd.DataFrame({"t": ["2020-01-01", "2020-02-01"], "t.month": [1, 2], "a": [0, 1]})
    with pytest.raises(ValueError, match=r"'t' and 't\.month' would both become the feature 't\.month': rename one"):
        from_frame(frame, labels=1)


def test_what_the_warning_recommends_works():
    frame = pd.DataFrame({"id": list("pqrs"), "x": [1, 2, 3, 4], "note": list("wxyz"), "a": [0, 1, 0, 1]})
    with pytest.warns(UserWarning, match="dropped 'id'") as caught:
        from_frame(frame, labels=1, drop="note")
    assert str(caught[0].message).endswith("; drop='note,id' makes it silent")  # texts cannot stay
    assert from_frame(frame, labels=1, drop="note,id").feature_names == ("x",)


def test_an_identifier_has_more_than_two_values():
    frame = pd.DataFrame({"id": [0, 1, 0, 1], "x": [1, 2, 3, 4], "a": [0, 1, 0, 1]})
    assert from_frame(frame, labels=1).feature_names == ("id", "x")


def test_an_empty_column_without_a_name_is_not_counted():
    frame = pd.DataFrame({"x": [1, 2], "Unnamed: 1": [NAN, NAN], "a": [0, 1], "b": [1, 1], "Unnamed: 4": [None, None]})
    data = from_frame(frame, labels=2)
    assert (data.feature_names, data.label_names) == (("x",), ("a", "b"))


def test_a_stray_text_among_numbers_is_named():
    with pytest.raises(TableCellError, match=r"column 'x', row 3: '1\.2\.3' is no number, in a column of numbers"):
        features(["1", None, "2", "1.2.3"])


def test_dropped_columns_are_not_looked_at():
    frame = pd.DataFrame({"id": ["s1", "s2"], "when": [pd.Timestamp(0)] * 2, "x": [1, 2], "a": [0, 1], "b": [1, 1]})
    data = from_frame(frame, label_columns="a,b", drop=["id", "wh*"])
    assert data.feature_names == ("x",)
    with pytest.raises(ValueError, match="label_columns='b' matches none"):
        from_frame(frame, label_columns="a,b", drop="id,when,b")


@pytest.mark.parametrize("columns", [["ID", "x"], ["x", "sample id"], ["Row-ID", "x"], ["Unnamed: 0", "x"]])
def test_an_identifier_at_an_end_is_dropped_and_named(columns):
    frame = pd.DataFrame([[1, 2, 0], [3, 4, 1]], columns=[*columns, "a"])
    with pytest.warns(
        UserWarning, match=r"dropped '(ID|sample id|Row-ID|Unnamed: 0)', .*drop='\1' makes it silent, drop='' keeps it"
    ):
        assert from_frame(frame, labels=1).feature_names == ("x",)
    for nothing in ([], ""):
        assert from_frame(frame, labels=1, drop=nothing).feature_names == tuple(columns)


def test_dropping_another_column_keeps_no_identifier():
    frame = pd.DataFrame(
        [["m", 0, 1, 2, 9, 0], ["n", 1, 3, 4, 8, 1]], columns=["artist", "", "id ", "x", "row_id", "a"]
    )
    with pytest.warns(
        UserWarning,
        match=r"dropped '' and 'id ' and 'row_id', .* them; drop=\['artist', '', 'id ', 'row_id'\] makes it silent",
    ):
        assert from_frame(frame, labels=1, drop="artist").feature_names == ("x",)
    assert from_frame(frame, labels=1, drop=["artist", "", "id*", "row_id"]).feature_names == ("x",)


@pytest.mark.parametrize("values", [["0,5", "1,5"] * 4, ["1", "2", " -1,5e3", "7"], [",5", None]])
def test_a_decimal_comma_is_named(values):
    with pytest.raises(ValueError, match=r"'x' holds numbers with a decimal comma, such as .*decimal=','.*drop='x'"):
        features(values)


def test_commas_that_are_not_decimal():
    assert features(["a,b", "1,2"] * 3)[0] == ("x=1,2", "x=a,b")
    assert features(["1,2,3", "4,5,6"] * 3)[0] == ("x=1,2,3", "x=4,5,6")


def test_an_identifier_that_is_all_there_is_stays():
    frame = pd.DataFrame({"id": [1, 2], "a": [0, 1]})
    assert from_frame(frame, labels=1).feature_names == ("id",)


def test_tags():
    frame = pd.DataFrame({"x": [1, 2, 3, 4], "tags": ["red| round", "", None, "red|red|"]})
    data = from_frame(frame, label_column="tags")
    assert data.label_names == ("red", "round")
    assert data.labels.tolist() == [[1, 1], [0, 0], [0, 0], [1, 0]]


def test_tags_with_a_delimiter_of_their_own():
    frame = pd.DataFrame({"x": [1, 2], "tags": ["red and round", "round"]})
    assert from_frame(frame, label_column="tags", delimiter=" and ").label_names == ("red", "round")
    with pytest.warns(UserWarning, match="nothing parts tags but blanks, .* such as 'red and round'"):
        assert from_frame(frame, label_column="tags").label_names == ("red and round", "round")
    frame["tags"] = ["red,big|round", "round"]
    assert from_frame(frame, label_column="tags", delimiter="|").label_names == ("red,big", "round")
    with pytest.raises(ValueError, match=r"column 'tags': '\|' and ',' all occur .* delimiter='\|'"):
        from_frame(frame, label_column="tags")


@pytest.mark.parametrize(
    ("cells", "names", "expected"),
    [
        ([["b", "a"], [], {"b"}], ("a", "b"), [[1, 1], [0, 0], [0, 1]]),
        ([[10, 2], None, np.array([2])], ("2", "10"), [[1, 1], [0, 0], [1, 0]]),
        ([3, 1, 3], ("1", "3"), [[0, 1], [1, 0], [0, 1]]),
        ([[1, 0, 1], [0, 0, 0], [1, 1, 1]], ("0", "1", "2"), [[1, 0, 1], [0, 0, 0], [1, 1, 1]]),
        ([[0, 1], [1, 0], [1, 0]], ("0", "1"), [[0, 1], [1, 0], [1, 0]]),
    ],
)
def test_lists_of_labels(cells, names, expected):
    frame = pd.DataFrame({"x": [1, 2, 3]})
    frame["y"] = pd.Series(cells, dtype=object)
    data = from_frame(frame, label_column="y")
    assert data.label_names == names
    assert data.labels.tolist() == expected


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["", None], "column 'y': no sample has a tag"),
        ([[0.5], [1]], "column 'y', row 0: a tag is 0.5"),
        ([[{}], [1]], "column 'y', row 0: a tag is {} of type dict"),
    ],
)
def test_what_are_no_tags(cells, message):
    frame = pd.DataFrame({"x": [1, 2], "y": pd.Series(cells, dtype=object)})
    with pytest.raises(ValueError, match=message):
        from_frame(frame, label_column="y")


def test_a_delimiter_that_occurs_nowhere_while_another_does():
    frame = pd.DataFrame({"x": [1, 2], "tags": ["red|big", "round"]})
    with pytest.raises(ValueError, match=r"delimiter=';' occurs nowhere, but '\|' does: give delimiter='\|'"):
        from_frame(frame, label_column="tags", delimiter=";")
    assert from_frame(frame.assign(tags=["red", "big"]), label_column="tags", delimiter=";").num_labels == 2


def test_tags_that_differ_in_case_are_named():
    frame = pd.DataFrame({"x": [1, 2], "tags": ["red|big", "Red"]})
    with pytest.warns(UserWarning, match="nothing but case, .*: 'Red' and 'red'"):
        assert from_frame(frame, label_column="tags").num_labels == 3


def test_sparse_columns_stay_sparse():
    matrix = sparse.random_array((20, 6), density=0.2, format="csr", rng=0)
    frame = pd.DataFrame.sparse.from_spmatrix(matrix)
    frame["a"] = [0, 1] * 10
    data = from_frame(frame, label_columns="a")
    assert data.is_sparse
    np.testing.assert_array_equal(data.features.toarray(), matrix.toarray())
    assert data.feature_names == ("0", "1", "2", "3", "4", "5")


def test_sparse_columns_among_others_and_of_any_kind():
    frame = pd.DataFrame(
        {
            "x": pd.arrays.SparseArray([0, 2, 0, 1]),
            "y": pd.arrays.SparseArray([NAN, 1.5, NAN, NAN]),
            "hue": pd.arrays.SparseArray(["r", "g", "r", "g"]),
            "a": pd.arrays.SparseArray([True, False, True, False]),
        }
    )
    data = from_frame(frame, labels=1)
    assert data.feature_names == ("x", "y", "hue=g", "hue=r")
    np.testing.assert_array_equal(data.features, [[0, NAN, 0, 1], [2, 1.5, 1, 0], [0, NAN, 0, 1], [1, NAN, 1, 0]])
    assert data.labels.ravel().tolist() == [1, 0, 1, 0]
    assert from_frame(frame[["y", "a"]], labels=1).features.ravel()[1] == 1.5
    infinite = pd.DataFrame({"x": pd.arrays.SparseArray([0, np.inf]), "a": [0, 1]})
    with pytest.raises(TableCellError, match=r"column 'x', row 1: inf is no finite number; .*drop='x'"):
        from_frame(infinite, labels=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of labels=N .* none is given. The columns are 'x', 'a'"),
        ({"labels": 1, "label_columns": "a"}, "several are given"),
        ({"labels": 2}, "labels=2 of 2 columns"),
        ({"labels": 0}, "labels=0 of 2 columns"),
        ({"labels": 1, "delimiter": ","}, r"delimiter=',' parts the tags of a label_column, which is not given"),
        ({"label_columns": "*"}, "2 of 2 columns are labels; expected at least one label and one feature"),
        ({"label_columns": ""}, "0 of 2 columns are labels"),
        ({"label_columns": "b"}, "label_columns='b' matches none of the 2 columns: 'x', 'a'"),
        ({"label_column": "A"}, "label_column='A' is none of the 2 columns; did you mean 'a'"),
        ({"label_column": "?"}, r"label_column='\?' is none"),
        ({"labels": 1, "drop": "y*"}, r"drop='y\*' matches none"),
    ],
)
def test_options_that_do_not_fit(options, message):
    frame = pd.DataFrame({"x": [1.0, 2.0], "a": [0, 1]})
    with pytest.raises(ValueError, match=message):
        from_frame(frame, **options)


def test_a_pattern_that_matches_nothing_names_near_ones():
    frame = pd.DataFrame(columns=["width", "label_red", "label_round", "height"], data=[[1, 0, 1, 2]])
    with pytest.raises(ValueError, match="did you mean 'label_red' or 'label_round'"):
        from_frame(frame, label_columns="lable_r*")
    with pytest.raises(ValueError, match="did you mean 'label_red'"):
        from_frame(frame, label_columns="label_rad")
    with pytest.raises(ValueError, match="did you mean 'label_red' or 'label_round'"):
        from_frame(frame, label_columns="labels_*")
    many = pd.DataFrame([[1] * 12], columns=[f"x{i}" for i in range(10)] + ["red", "round"])
    with pytest.raises(ValueError, match=r"of the 12 columns: 'x0', .*, 'x7' and 4 more$"):
        from_frame(many, label_columns="quux_*")
    with pytest.raises(ValueError, match="did you mean 'height'"):
        from_frame(frame, label_columns="label_*", drop="HEIGHT*")


def test_columns_of_one_name_and_empty_frames_are_refused():
    frame = pd.DataFrame([[1, 2, 0]], columns=["x", "x", "a"])
    with pytest.raises(ValueError, match="columns 1 and 2 are both called 'x'"):
        from_frame(frame, labels=1)
    with pytest.raises(ValueError, match="there are no rows"):
        from_frame(pd.DataFrame({"x": [], "a": []}), labels=1)
