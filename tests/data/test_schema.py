"""What is kept of a table's columns."""

import json

from batchsift.data.schema import TableColumn, category_blocks, feature_columns


def test_a_column_comes_back_from_its_document():
    date = TableColumn("t", "date", parts=("ordinal", "hour"), order="day-first", missing=3, examples=("1/2/2020",))
    document = json.loads(json.dumps(date.document()))
    assert TableColumn.from_document(document) == TableColumn("t", "date", parts=("ordinal", "hour"), order="day-first")
    vector = TableColumn("v", "vector", width=2)
    assert TableColumn.from_document(vector.document()).feature_names == ("v_0", "v_1")


def test_only_used_columns_are_features():
    columns = [
        TableColumn("id", "identifier", is_used=False),
        TableColumn("t", "date", parts=("ordinal",), is_used=False),
        TableColumn("hue", "category", values=("g", "r")),
        TableColumn("none", "category"),
        TableColumn("x", "number"),
        TableColumn("more", "category", values=("a",)),
        TableColumn("y", "label"),
    ]
    assert [column.name for column in feature_columns(columns)] == ["hue", "x", "more"]
    assert category_blocks(columns) == (slice(0, 2), slice(3, 4))
