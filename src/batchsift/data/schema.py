"""What the columns of a table hold, and which features they become: words and numbers that a model file can keep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Kind = Literal["number", "category", "date", "vector", "text", "identifier", "label", "other"]
DateOrder = Literal["day-first", "month-first"]
Unknown = Literal["error", "missing"]  # what a value is that its category does not have


@dataclass(frozen=True)
class TableColumn:
    """One column of a table.

    Attributes:
        name: What the column is called.
        kind: What it holds. Numbers, categories, dates and vectors become features.
        values: Of a category: the values, one feature each.
        parts: Of a date: what is taken from it, one feature each.
        order: Of dates such as 31/12/2020: which number is the day; None where there are none.
        width: Of a vector: how many numbers it has.
        is_used: Whether it became features or labels; else it was left out.
        missing: How many cells are empty; None where `describe` counts them in the features.
        num_values: How many different values there are; None in the same case.
        examples: The first few different values, as texts.
    """

    name: str
    kind: Kind
    values: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    order: DateOrder | None = None
    width: int = 1
    is_used: bool = True
    missing: int | None = None
    num_values: int | None = None
    examples: tuple[str, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features it becomes, in order.

        >>> TableColumn("hue", "category", values=("g", "r")).feature_names
        ('hue=g', 'hue=r')
        >>> TableColumn("joined", "date", parts=("ordinal", "month")).feature_names
        ('joined.ordinal', 'joined.month')
        """
        if not self.is_used:
            return ()
        match self.kind:
            case "number":
                return (self.name,)
            case "category":
                return tuple(f"{self.name}={value}" for value in self.values)
            case "date":
                return tuple(f"{self.name}.{part}" for part in self.parts)
            case "vector":
                return tuple(f"{self.name}_{position}" for position in range(self.width))
            case _:
                return ()

    def document(self) -> dict[str, Any]:
        """Return what is needed to make the same features of another table, as JSON and model files can hold it."""
        document = {key: value for key, value in asdict(self).items() if key in _LEARNED}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in document.items()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "TableColumn":
        """Return the column that `document` came from, without its counts and examples."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(**values)


_LEARNED = [
    field.name for field in fields(TableColumn) if field.name in ("name", "kind", "values", "parts", "order", "width")
]


def feature_columns(columns: Iterable[TableColumn]) -> tuple[TableColumn, ...]:
    """Return the columns that become features."""
    return tuple(column for column in columns if column.feature_names)


def category_blocks(columns: Sequence[TableColumn]) -> tuple[slice, ...]:
    """Return where among the features the 0/1 columns of each category are.

    >>> category_blocks([TableColumn("x", "number"), TableColumn("hue", "category", values=("g", "r"))])
    (slice(1, 3, None),)
    """
    blocks, start = [], 0
    for column in columns:
        stop = start + len(column.feature_names)
        if column.kind == "category" and stop > start:
            blocks.append(slice(start, stop))
        start = stop
    return tuple(blocks)
