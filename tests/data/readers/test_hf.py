"""Columns of Hugging Face data sets, in memory."""

import datetime

import numpy as np
import pytest

from batchsift.data import from_hf

datasets = pytest.importorskip("datasets")
NAN = np.nan
CLASSES = datasets.ClassLabel(names=["red", "round", "sweet"])


def made(labels, feature=None, **columns):
    columns = {"x": [0.5, 1.5, None], **columns, "y": labels}
    rows = datasets.Dataset.from_dict(columns)
    return rows if feature is None else rows.cast_column("y", feature)


@pytest.mark.parametrize(
    ("labels", "kind", "names", "expected"),
    [
        ([[0, 2], [], [1]], [CLASSES], ("red", "round", "sweet"), [[1, 0, 1], [0, 0, 0], [0, 1, 0]]),
        ([0, 2, 0], CLASSES, ("red", "round", "sweet"), [[1, 0, 0], [0, 0, 1], [1, 0, 0]]),
        ([["b", "a"], [], ["b"]], None, ("a", "b"), [[1, 1], [0, 0], [0, 1]]),
        ([[10, 2], [], [2]], None, ("2", "10"), [[1, 1], [0, 0], [1, 0]]),
        ([[1, 0, 1], [0, 0, 1], [0, 0, 0]], None, ("0", "1", "2"), [[1, 0, 1], [0, 0, 1], [0, 0, 0]]),
        ([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], None, ("0", "1"), [[1, 0], [0, 0], [0, 1]]),
        ([[1, 0], [0, 1], [1, 0]], None, ("0", "1"), [[1, 0], [0, 1], [1, 0]]),
        ([[1.0, 0.0], [0.0, 1.0], None], None, ("0", "1"), [[1, 0], [0, 1], [NAN, NAN]]),
        ([[True, False], [False, True], [True, False]], None, ("0", "1"), [[1, 0], [0, 1], [1, 0]]),
        (["b|a", "", "b"], None, ("a", "b"), [[1, 1], [0, 0], [0, 1]]),
        ([True, False, None], None, ("y",), [[1], [0], [NAN]]),
        ([1, 0, 1], None, ("y",), [[1], [0], [1]]),
    ],
)
def test_labels_in_one_column(labels, kind, names, expected):
    kind = datasets.Sequence(kind[0]) if isinstance(kind, list) else kind
    data = from_hf(made(labels, kind), features="x", labels="y", name="mine")
    assert data.label_names == names
    np.testing.assert_array_equal(data.labels, expected)
    np.testing.assert_array_equal(data.features.ravel(), [0.5, 1.5, NAN])
    assert (data.feature_names, data.name) == (("x",), "mine")


@pytest.mark.parametrize("labels", ["y_*", ["y_round", "y_red"]])
def test_labels_in_columns_of_their_own(labels):
    rows = made([0, 0, 0], y_red=[1, 0, 1], y_round=[True, None, False])
    data = from_hf(rows, features=["x"], labels=labels)
    assert data.label_names == ("y_red", "y_round")
    np.testing.assert_array_equal(data.labels, [[1, 1], [0, NAN], [1, 0]])


def test_feature_columns():
    rows = made([1, 0, 1], vector=[[1, 2], [3, 4], [5, 6]], hue=[1, 0, -1], id=["r", "s", "t"])
    rows = rows.cast_column("hue", datasets.ClassLabel(names=["blue", "green"]))
    data = from_hf(rows.select([1, 2, 0]), features="x,vector,hue", labels="y")
    assert data.feature_names == ("x", "vector_0", "vector_1", "hue=blue", "hue=green")
    expected = [[1.5, 3, 4, 1, 0], [NAN, 5, 6, NAN, NAN], [0.5, 1, 2, 0, 1]]
    np.testing.assert_array_equal(data.features, expected)
    assert data.labels.ravel().tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="column 'id' holds 3 different texts"):
        from_hf(rows, features=["x", "id"], labels="y")
    with pytest.raises(ValueError, match=r"2 columns are not .*leave 'id' and 'inf' out of features") as caught:
        from_hf(rows.add_column("inf", [1.0, np.inf, 2.0]), features=["x", "id", "inf"], labels="y")
    assert "drop" not in str(caught.value)
    with pytest.raises(ValueError, match="column 'vector' holds lists; name it alone in labels"):
        from_hf(rows, features="x", labels=["y", "vector"])


def test_matrices_as_features():
    kinds = datasets.Features({"m": datasets.Array2D((2, 2), "float32"), "y": datasets.Value("int64")})
    rows = datasets.Dataset.from_dict({"m": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "y": [1, 0]}, features=kinds)
    data = from_hf(rows, features="m", labels="y")
    assert (data.feature_names, data.features.tolist()) == (("m_0", "m_1", "m_2", "m_3"), [[1, 2, 3, 4], [5, 6, 7, 8]])
    with pytest.raises(ValueError, match=r"column 'm', row 0: a tag is \[1\.0, 2\.0\] of type list"):
        from_hf(rows, features="y", labels="m")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "x", "labels": "Y"}, "labels='Y' matches none of the 2 columns; did you mean 'y'"),
        ({"features": "z", "labels": "y"}, "features='z' matches none"),
        ({"features": "*", "labels": "y"}, "column 'y' is among the features and the labels"),
    ],
)
def test_columns_that_are_not_there(options, message):
    with pytest.raises(ValueError, match=message):
        from_hf(made([0, 1, 0]), **options)


def test_what_is_no_data_set():
    rows = made([0, 1, 0])
    with pytest.raises(TypeError, match=r"got DatasetDict; .*take one of its splits: 'train', 'test'"):
        from_hf(datasets.DatasetDict(train=rows, test=rows), features="x", labels="y")
    with pytest.raises(TypeError, match=r"got IterableDataset; expected a datasets\.Dataset"):
        from_hf(rows.to_iterable_dataset(), features="x", labels="y")
    with pytest.raises(ValueError, match="no rows"):
        from_hf(rows.select([]), features="x", labels="y")
    with pytest.raises(ValueError, match="column 'y', row 1: 2 is no label"):
        from_hf(made([0, 2, 0]), features="x", labels="y")
    with pytest.raises(ValueError, match=r"column 'y', row 1: a label has the number -1; expected one in \[0, 3\)"):
        from_hf(made([0, -1, 0], CLASSES), features="x", labels="y")
    with pytest.raises(ValueError, match=r"column 'y', row 2: a label has the number -100; expected 0 or more"):
        from_hf(made([[3], [2], [-100]]), features="x", labels="y")


def test_all_columns_are_features_but_labels_identifiers_and_texts():
    days = [datetime.date(2020, 1, 1), datetime.date(2020, 2, 1), None]
    rows = made([1, 0, 1], id=["r", "s", "t"], day=days)
    with pytest.warns(UserWarning, match="dropped 'id', which identifies rows.*; name the features to have others"):
        data = from_hf(rows, labels="y")
    assert data.feature_names == ("x", "day.ordinal", "day.month", "day.weekday")
    np.testing.assert_array_equal(data.features[:, 2], [1, 2, NAN])
    assert [column.kind for column in data.columns] == ["number", "identifier", "date", "label"]
    with pytest.warns(UserWarning, match="dropped 'id'"):
        assert from_hf(rows, labels="y", dates="drop").feature_names == ("x",)
