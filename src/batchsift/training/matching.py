"""Data to be scored by a model that was trained on others: features and labels are found by their names.

Shapes: D features, L labels.
"""

from collections.abc import Sequence
from typing import TypeVar

from batchsift.data import MultiLabelData
from batchsift.data.labelled import Labelled
from batchsift.data.schema import TableColumn
from batchsift.messages import first_few

_Data = TypeVar("_Data", bound=Labelled)


def with_features(data: MultiLabelData, names: Sequence[str], columns: Sequence[TableColumn] = ()) -> MultiLabelData:
    """Return a data set with the features of those names, in their order.

    Args:
        data: The data set.
        names: D names of the features of the training.
        columns: What the columns of its table held, where they came from one.

    Raises:
        ValueError: Where one of them is not there, or its dates were read in another order.
    """
    orders = {column.name: column.order for column in columns if column.order is not None}
    for column in data.columns:
        if column.order is not None and orders.get(column.name, column.order) != column.order:
            raise ValueError(
                f"{data.name}: the dates in {column.name!r} are read as {column.order}, in training as "
                f"{orders[column.name]}; say which with dates={orders[column.name]!r}"
            )
    if data.feature_names == tuple(names):
        return data
    place = {name: column for column, name in enumerate(data.feature_names)}
    missing = [name for name in names if name not in place]
    if missing:
        raise ValueError(
            f"{data.name} lacks {len(missing)} of the {len(names)} features the model was trained on: "
            f"{first_few(missing)}; it has {first_few(data.feature_names)}"
        )
    return data.select(features=[place[name] for name in names])


def with_labels(data: _Data, like: Labelled) -> _Data:
    """Return a data set with its labels in the order of another one's.

    Raises:
        ValueError: They are not the same labels.
    """
    if data.label_names == like.label_names:
        return data
    place = {name: column for column, name in enumerate(data.label_names)}
    lacks = [name for name in like.label_names if name not in place]
    others = [name for name in data.label_names if name not in like.label_names]
    if lacks or others:
        words = [f"{word} {first_few(names)}" for word, names in (("lacks", lacks), ("has", others)) if names]
        raise ValueError(f"the labels of {data.name} are not those of {like.name}: it {' and '.join(words)}")
    return data.select(labels=[place[name] for name in like.label_names])
