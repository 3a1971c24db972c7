"""What may be wrong with a table, cell by cell and column by column, so that all of it can be said at once."""


class CellError(ValueError):
    """A cell of a column that has no name yet.

    Attributes:
        row: The position, from 0.
        reason: What stands there, and what was expected.
    """

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row, self.reason = row, reason


class TableCellError(ValueError):
    """A value that its column cannot hold.

    Attributes:
        column: The name.
        row: The position, from 0.
        reason: What stands there, and what was expected.
    """

    def __init__(self, column: str, row: int, reason: str) -> None:
        super().__init__(f"column {column!r}, row {row}: {reason}")
        self.column, self.row, self.reason = column, row, reason
