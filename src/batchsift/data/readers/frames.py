"""Data frames: which columns are labels, features, and neither; `encoding` has what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import (
    chosen_columns,
    drop_option,
    drop_patterns,
    how_to_drop,
    is_unnamed,
    named_column,
    repeated_name,
)
from batchsift.data.readers.encoding import features_of, labels_of_columns, labels_of_one_column
from batchsift.data.readers.features import choose_features, described, reasons_left_out
from batchsift.data.readers.kinds import Dates, check_dates
from batchsift.data.readers.problems import ColumnProblem, ColumnsLeftOut, TableError, refuse
from batchsift.data.schema import TableColumn
from batchsift.messages import first_few, warn


def from_frame(
    frame: Any,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
    negative: float | None = None,
    name: str = "data",
) -> MultiLabelData:
    """Make a data set of a pandas data frame, or of a table of Arrow or polars; an index is not looked at.

    One of `labels`, `label_columns` and `label_column` says which columns are labels; all others are features.

    Args:
        frame: A frame with one row a sample.
        labels: How many of the last columns are labels, each of 0/1, booleans or yes/no; missing: not labelled.
        label_columns: The same by names or patterns, such as `"y_*"` or `["red", "round"]`.
        label_column: One column with all labels of a sample: delimited text, or a list. Empty: no label.
        delimiter: What parts the tags in `label_column`; by default the one of `|`, `;` and `,` that occurs.
        drop: Columns to leave out, by names or patterns. Identifiers (first and last features called `id`,
            `sample_id`, `row_id` and the like; any column that is called like one and has a value of its own in each
            row) and free text are left out too, and a warning names them, unless this is empty.
        dates: What becomes of dates: `"features"` (by default), `"drop"`; `"day-first"` and `"month-first"` say how
            03/04/2021 is read, which is never guessed.
        negative: The number in columns of labels that stands for not having the label, such as -1 beside 1.
        name: The data set's name.

    Raises:
        TypeError: Not a frame.
        ValueError: No such column, columns of one name, or a column that cannot be what it should be.
        TableCellError: A value that does not fit its column; a `ValueError`.

    >>> frame = pd.DataFrame({"size": [1, 2, 3, 4], "hue": ["r", "g", "g", "r"], "tags": ["a|b", "b", "", "a"]})
    >>> data = from_frame(frame, label_column="tags")
    >>> data.feature_names, data.label_names, data.labels.tolist()
    (('size', 'hue=g', 'hue=r'), ('a', 'b'), [[1, 1], [0, 1], [0, 0], [1, 0]])
    """
    known_dates = check_dates(dates)
    table = _GivenFrame.of(frame, drop)
    mask = label_mask(list(table.kept.columns), labels, label_columns, label_column)
    if delimiter is not None and label_column is None:
        raise ValueError(f"delimiter={delimiter!r} parts the tags of a label_column, which is not given")
    if negative is not None and label_column is not None:
        raise ValueError(f"negative={negative!r} is for columns of one label; a label_column has tags or lists")
    if mask.all() or not mask.any():
        raise ValueError(f"{mask.sum()} of {len(mask)} columns are labels; expected at least one label and one feature")
    problems: list[ColumnProblem] = []
    try:
        if label_column is None:
            label_names, matrix = labels_of_columns(
                table.kept.loc[:, mask],
                of_lists="give a column with all labels as label_column={!r}",
                negative=negative,
            )
        else:
            label_names, matrix = labels_of_one_column(
                table.kept[label_column],
                delimiter=delimiter,
                as_one_label=f"give label_columns={label_column!r} instead of label_column",
            )
    except TableError as error:
        problems += error.problems
    columns = table.chosen(known_dates, is_label=mask, problems=problems)
    feature_names, features = features_of(table.kept, columns)
    return MultiLabelData(features, matrix, feature_names, label_names, name, columns=columns)


def read_features(
    frame: Any, *, drop: str | Sequence[str] | None = None, dates: str | None = None
) -> tuple[pd.DataFrame, tuple[TableColumn, ...]]:
    """Return a frame without labels, and what its columns hold.

    Args:
        frame: A pandas data frame, or a table of Arrow or polars; all columns are features.
        drop: Columns to leave out; see `from_frame`.
        dates: What becomes of dates; see `from_frame`.

    Raises:
        TypeError: Not a frame.
        ValueError: As `from_frame`.
    """
    known_dates = check_dates(dates)
    table = _GivenFrame.of(frame, drop)
    return table.kept, table.chosen(known_dates, is_label=np.zeros(table.kept.shape[1], dtype=bool))


@dataclass(frozen=True)
class _GivenFrame:
    """A frame, and what the user leaves out of it.

    Attributes:
        whole: All columns.
        is_dropped: Which of them the user leaves out.
        drop: In whose words.
    """

    whole: pd.DataFrame
    is_dropped: npt.NDArray[np.bool_]
    drop: str | Sequence[str] | None

    @classmethod
    def of(cls, frame: Any, drop: str | Sequence[str] | None) -> "_GivenFrame":
        """Return the table.

        Raises:
            TypeError: Not a frame.
            ValueError: Columns of one name, no row, or no column that `drop` means.
        """
        whole = as_frame(frame)
        table = cls(whole, chosen_columns(list(whole.columns), () if drop is None else drop, "drop"), drop)
        if len(whole) == 0:
            raise ValueError("there are no rows; expected at least one sample")
        return table

    @property
    def kept(self) -> pd.DataFrame:
        """The columns that are not dropped."""
        return self.whole.loc[:, ~self.is_dropped]

    def chosen(
        self, dates: Dates, *, is_label: npt.NDArray[np.bool_], problems: Sequence[ColumnProblem] = ()
    ) -> tuple[TableColumn, ...]:
        """Return what all columns hold.

        Args:
            dates: What becomes of dates.
            is_label: Which of those kept are labels.
            problems: What is wrong with the labels.

        Raises:
            TableError: There are problems, with the labels or the features.

        Warns:
            ColumnsLeftOut: There are identifiers, or columns of free text.
        """
        names, drop = list(self.whole.columns), self.drop
        keeps_all = drop is not None and not self.is_dropped.any()
        found = choose_features(
            self.kept.loc[:, ~is_label], dates, keeps_identifiers=keeps_all, is_refused_anyway=bool(problems)
        )
        left_out = [column.name for column in found.left_out]
        named = [
            name for name in left_out if name
        ]  # an index that was written to a file has none, and is left out anyway
        refuse(
            [*problems, *found.problems],
            lambda wrong: "leave out what is no feature with " + drop_option([*named, *wrong], names, drop),
            lambda wrong: drop_patterns([*named, *wrong], names, drop) if wrong else drop or "",
        )
        dropped = [described(name, self.whole[name]) for name in self.whole.columns[self.is_dropped]]
        if left_out:
            can_stay = found.can_stay and not any(column.kind in ("text", "other") for column in dropped)
            advice = how_to_drop(left_out, names, drop, can_stay=can_stay)
            reason = f"dropped {reasons_left_out(found.left_out)}"
            warn(ColumnsLeftOut(reason, advice, drop_patterns(named, names, drop) if named else ""))
        label_rows = [TableColumn(name, "label") for name in self.kept.columns[is_label]]
        by_name = {column.name: column for column in [*found.columns, *dropped, *label_rows]}
        return tuple(by_name[name] for name in names)


def as_frame(frame: Any) -> pd.DataFrame:
    """Return a frame of pandas, or a table of Arrow or polars, with texts for names and without an index.

    Raises:
        TypeError: Not a frame.
        ValueError: Two columns of one name.
    """
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"got {type(frame).__name__}; expected a pandas data frame, or a table of Arrow or polars")
    named = frame.set_axis([str(column) for column in frame.columns], axis=1).reset_index(drop=True)
    is_kept = [not is_unnamed(name) or named.iloc[:, i].notna().any() for i, name in enumerate(named.columns)]
    kept: pd.DataFrame = named.loc[:, is_kept]
    if (problem := repeated_name(list(kept.columns))) is not None:
        raise ValueError(problem)
    return kept


def label_mask(
    names: Sequence[str],
    labels: int | None,
    label_columns: str | Sequence[str] | None,
    label_column: str | None,
) -> npt.NDArray[np.bool_]:
    """Return which columns are labels, from the one of three ways that is given."""
    ways = [way for way in (labels, label_columns, label_column) if way is not None]
    if len(ways) != 1:
        given = "none is given" if not ways else "several are given"
        raise ValueError(
            "say which columns are labels by one of labels=N (the last N), label_columns='NAMES' and "
            f"label_column='NAME' (delimited tags): {given}. The columns are "
            f"{first_few([repr(name) for name in names], shown=12)}"
        )
    if labels is not None:
        if not 1 <= labels < len(names):
            raise ValueError(f"labels={labels} of {len(names)} columns; expected at least one label and one feature")
        return np.arange(len(names)) >= len(names) - labels
    if label_columns is not None:
        return chosen_columns(names, label_columns, "label_columns")
    return named_column(names, str(label_column), "label_column")
