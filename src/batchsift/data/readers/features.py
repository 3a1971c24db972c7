"""Which columns of a frame become features, and which are left out: identifiers, free text, unwanted dates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from batchsift.data.readers.cells import dense
from batchsift.data.readers.columns import is_called_identifier, is_identifier, true_at_ends
from batchsift.data.readers.kinds import Dates, column_of, columns_of, has_one_value_a_row, refused_text, with_counts
from batchsift.data.readers.problems import ColumnProblem
from batchsift.data.schema import TableColumn, feature_columns

_NUMBER = re.compile(r"[^\w\s]?\s?[-+]?\d[\d.,' ]*\s?([^\w\s]|[a-zA-Z]{1,3})?")


@dataclass(frozen=True)
class Choice:
    """What becomes of the columns that are no labels.

    Attributes:
        columns: What each column holds and whether it is used, less those with a problem; in order.
        problems: What is wrong with the others.
        left_out: Those of the columns that are left out though nobody asked for it.
        can_stay: Whether those could be features.
    """

    columns: tuple[TableColumn, ...]
    problems: tuple[ColumnProblem, ...]
    left_out: tuple[TableColumn, ...]
    can_stay: bool


def choose_features(
    frame: pd.DataFrame, dates: Dates, *, keeps_identifiers: bool, is_refused_anyway: bool = False
) -> Choice:
    """Choose the features of a frame.

    Identifiers and free text are left out, as long as anything else remains. A text is a problem where it does not,
    and where there are other problems: then all of them are told together.

    Args:
        frame: The columns that are no labels.
        dates: What becomes of dates.
        keeps_identifiers: Whether nothing is left out but what was asked for.
        is_refused_anyway: Whether the labels have problems.
    """
    found = dict(zip(frame.columns, columns_of(frame, dates), strict=True))
    identifiers = [] if keeps_identifiers else _identifiers(frame, found)
    used = [name for name in found if name not in identifiers and _is_used(found[name])]
    problems = [each for name, each in found.items() if isinstance(each, ColumnProblem) and name not in identifiers]
    if not used and not problems:
        identifiers = [name for name in identifiers if not _is_used(found[name])]
        used = [name for name in found if _is_used(found[name])]
    for name in identifiers:
        found[name] = with_counts(TableColumn(name, "identifier", is_used=False), dense(frame[name]))
    if keeps_identifiers or is_refused_anyway or problems or not used:
        for name, each in found.items():
            if isinstance(each, TableColumn) and each.kind == "text":
                found[name] = refused_text(each, len(frame))
    columns = tuple(each for each in found.values() if isinstance(each, TableColumn))
    problems = [each for each in found.values() if isinstance(each, ColumnProblem)]
    if not problems and not feature_columns(columns):
        raise ValueError(f"none of the {len(found)} columns that are no labels can be a feature; expected at least one")
    _refuse_equal_names(columns)
    left_out = tuple(column for column in columns if column.kind in ("identifier", "text"))
    can_stay = all(_could_be_feature(column, frame[column.name]) for column in left_out)
    return Choice(columns, tuple(problems), left_out, can_stay)


def described(name: str, column: pd.Series) -> TableColumn:
    """Return what a column holds that is left out."""
    found = column_of(name, column)
    kind = "other" if isinstance(found, ColumnProblem) else found.kind
    return with_counts(TableColumn(name, kind, is_used=False), dense(column))


def reasons_left_out(left_out: Sequence[TableColumn]) -> str:
    """Return the columns that were left out, and why, for a message."""
    reasons = []
    identifiers = [repr(column.name) for column in left_out if column.kind == "identifier"]
    if identifiers:
        verb = (
            "identifies rows rather than describes" if len(identifiers) == 1 else "identify rows rather than describe"
        )
        reasons.append(f"{' and '.join(identifiers)}, which {verb} them")
    texts = [
        f"{column.name!r} ({column.num_values} different texts, such as {column.examples[0]!r}{_hint(column)})"
        for column in left_out
        if column.kind == "text"
    ]
    if texts:
        reasons.append(
            f"{' and '.join(texts)}, which hold{'s' if len(texts) == 1 else ''} free text rather than a category"
        )
    return ", and ".join(reasons)


def _hint(column: TableColumn) -> str:
    """Return what to do with numbers that stand among signs: $1,200.50, 12 %, 3 kg."""
    return "; written as plain numbers they would be a feature" if all(map(_NUMBER.fullmatch, column.examples)) else ""


def _identifiers(frame: pd.DataFrame, found: dict[str, TableColumn | ColumnProblem]) -> list[str]:
    """Return the columns that tell rows apart rather than describe them."""
    names = list(found)
    are_at_ends = true_at_ends([is_identifier(name) and _tells_apart(frame[name]) for name in names])
    ends = {names[position] for position in are_at_ends}
    return [
        name
        for name in names
        if name in ends
        or (is_identifier(name) and not _is_used(found[name]))
        or (is_called_identifier(name) and has_one_value_a_row(frame[name]))
    ]


def _is_used(column: TableColumn | ColumnProblem) -> bool:
    return isinstance(column, TableColumn) and bool(column.feature_names)


def _could_be_feature(column: TableColumn, cells: pd.Series) -> bool:
    return column.kind == "identifier" and _is_used(column_of(column.name, cells))


def _tells_apart(column: pd.Series) -> bool:
    """Return whether a column has more than two values, or a value for each of two rows."""
    return column.astype(str).nunique() > 2 or len(column) <= 2


def _refuse_equal_names(columns: Sequence[TableColumn]) -> None:
    made: dict[str, str] = {}
    for column in columns:
        for name in column.feature_names:
            if name in made:
                raise ValueError(
                    f"the columns {made[name]!r} and {column.name!r} would both become the feature {name!r}: rename one"
                )
            made[name] = column.name
