"""What may be wrong with a table, cell by cell and column by column, so that all of it is said at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchsift.messages import first_few


class TagError(ValueError):
    """A cell of a column of tags that is none.

    Attributes:
        row: The position, from 0.
        reason: What stands there, and what was expected.
    """

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row, self.reason = row, reason


@dataclass(frozen=True)
class ColumnProblem:
    """A column that cannot be what it should be.

    Args:
        column: The name.
        row: The position of the first cell that is wrong, from 0; None where it is the whole column.
        reason: What stands there, and what was expected; follows the name of the column.
        is_feature: Whether the column would be a feature, and can be left out.
        is_ambiguous: Whether it holds dates that `dates` must say how to read, and need not be left out.
    """

    column: str
    row: int | None
    reason: str
    is_feature: bool = False
    is_ambiguous: bool = False

    def told(self, place: Callable[[int], str] | None = None) -> str:
        """Return it as a sentence; `place` says where a row stands in a file."""
        if self.row is None:
            return f"column {self.column!r}{'' if self.reason.startswith(':') else ' '}{self.reason}"
        if place is None:
            return f"column {self.column!r}, row {self.row}: {self.reason}"
        return f"{place(self.row)}, column {self.column!r}: {self.reason}"


class ColumnsLeftOut(UserWarning):
    """Columns were left out that nobody had named.

    Attributes:
        reason: Which, and why.
        drop: The value of the option `drop` that says the same of all that have a name; a list where no text can.
    """

    def __init__(self, reason: str, advice: str, drop: str | Sequence[str]) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason, self.drop = reason, drop


class TableError(ValueError):
    """All that is wrong with the columns of a table.

    Attributes:
        problems: What is wrong, at least one of them.
        advice: The end of the message: what to do about all of them; may be empty.
        drop: The value of the option `drop` that leaves out all features that are none, where that is all it takes,
            less dates to be read by the option `dates`.
        has_ambiguous_dates: Whether there are such dates.
    """

    def __init__(
        self, problems: Sequence[ColumnProblem], advice: str = "", drop: str | Sequence[str] | None = None
    ) -> None:
        self.problems, self.advice, self.drop = tuple(problems), advice, drop
        self.has_ambiguous_dates = any(problem.is_ambiguous for problem in problems)
        super().__init__(self.told())

    def told(self, place: Callable[[int], str] | None = None) -> str:
        """Return the message; `place` says where a row stands in a file."""
        texts = [problem.told(place) for problem in self.problems]
        count = f"{len(texts)} columns are not what they should be: " if len(texts) > 1 else ""
        return count + first_few(texts, shown=20, between="; ") + (f"; {self.advice}" if self.advice else "")


class TableCellError(TableError):
    """A value that its column cannot hold.

    Attributes:
        column: The name.
        row: The position, from 0.
        reason: What stands there, and what was expected.
    """

    def __init__(
        self, problem: ColumnProblem, row: int, advice: str = "", drop: str | Sequence[str] | None = None
    ) -> None:
        self.column, self.row, self.reason = problem.column, row, problem.reason
        super().__init__([problem], advice, drop)


def refuse(
    problems: Sequence[ColumnProblem],
    advice: Callable[[Sequence[str]], str] = lambda _: "",
    drop: Callable[[Sequence[str]], str | Sequence[str]] | None = None,
) -> None:
    """Raise all problems at once, if there are any.

    Args:
        problems: What is wrong.
        advice: Says what to do about feature columns of these names.
        drop: Returns the value of the option `drop` that leaves them out.

    Raises:
        TableError: There are problems; a `TableCellError` where it is a single cell.
    """
    if not problems:
        return
    names = [problem.column for problem in problems if problem.is_feature and not problem.is_ambiguous]
    end = advice(names) if names else ""
    is_mended = all(problem.is_feature for problem in problems)
    value = drop(names) if drop is not None and is_mended else None
    if len(problems) == 1 and problems[0].row is not None:
        raise TableCellError(problems[0], problems[0].row, end, value)
    raise TableError(problems, end, value)
