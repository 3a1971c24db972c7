"""Tables in files: text such as `.csv` and `.tsv`, `.parquet`, and what `stored` reads.

A text file is gone through twice: first row by row, so that a row with a cell too many or too few is found and named
(most readers fill up the row, and labels shift unnoticed), then for its values.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, compress, islice
from pathlib import Path
from typing import TextIO

import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.packed import inner_name
from batchsift.data.packed import opened as unpacked
from batchsift.data.readers.columns import MISSING
from batchsift.data.readers.frames import from_frame
from batchsift.data.readers.heading import check_names, fitted
from batchsift.data.readers.problems import TableError
from batchsift.data.readers.stored import is_excel, place_of, stored_frame
from batchsift.files import stem
from batchsift.messages import count_nouns, first_few

READS_TEXT = {
    ".csv": "read_table",
    ".tsv": "read_table",
    ".tab": "read_table",
    ".psv": "read_table",
    ".jsonl": "read_table",
    ".ndjson": "read_table",
}
READS = {
    ".parquet": "read_table",
    ".feather": "read_table",
    ".arrow": "read_table",
    ".ipc": "read_table",
    ".xlsx": "read_table",
    ".xlsm": "read_table",
}

_SEPARATORS = (",", ";", "\t", "|")


def read_table(
    path: str | Path,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
    negative: float | None = None,
    sheet: str | None = None,
) -> MultiLabelData:
    """Read a table from a file; see `from_frame` for what becomes of its columns.

    Args:
        path: A path that ends in `.csv` or `.tsv`, or of any other text file with columns, which may be packed; in
            `.jsonl`, `.parquet`, `.feather`, `.arrow` or `.xlsx`; or a folder of `.parquet` files.
            Text has the columns' names in its first row, or its second after `sep=;`, and is UTF-8, or else Latin-1;
            cells are parted by tabs in a `.tsv`, else by the first of comma, semicolon, tab and `|` that makes as
            many of the rows as there are names. Empty cells, `?`, `NA`, `NaN`, `null` and the like are missing values.
        labels: How many of the last columns are labels.
        label_columns: The same by names or patterns.
        label_column: One column of delimited tags, where an empty or missing cell means no label.
        delimiter: What parts the tags of `label_column`.
        drop: Columns to leave out, by names or patterns.
        dates: What becomes of dates: `"features"` (by default), `"drop"`, or how 03/04/2021 is read.
        negative: The number that stands for not having a label, such as -1.
        sheet: The sheet of a file of Excel that has several.

    Raises:
        FileNotFoundError: The file is not there.
        ImportError: A package that such files need is not installed.
        ValueError: The file is malformed, with its line and column; or its columns are not what was asked for.
    """
    path = Path(path)
    table = _opened_table(path, sheet=sheet, by_position=labels is not None, least=2)
    with _file_named(path, table):
        return from_frame(
            table.frame(label_column) if isinstance(table, _Text) else table,
            labels,
            label_columns=label_columns,
            label_column=label_column,
            delimiter=delimiter,
            drop=drop,
            dates=dates,
            negative=negative,
            name=stem(path),
        )


def read_frame(path: str | Path, *, texts: str | None = None, sheet: str | None = None) -> pd.DataFrame:
    """Return the columns of such a file as they are, without a word on which are labels.

    Args:
        path: The file.
        texts: A column of a text file whose cells stay as they are written: 007 is not 7.
        sheet: The sheet of a file of Excel that has several.

    Raises:
        FileNotFoundError: The file is not there.
        ImportError: A package that such files need is not installed.
        ValueError: The file is malformed, with its line and column.
    """
    path = Path(path)
    table = _opened_table(path, sheet=sheet, by_position=False, least=1)
    with _file_named(path, table):
        return table.frame(texts) if isinstance(table, _Text) else table


def _opened_table(path: Path, *, sheet: str | None, by_position: bool, least: int) -> "_Text | pd.DataFrame":
    """Return a text file that is gone through and has at least so many columns, or the columns of any other."""
    if not path.is_file() and not path.is_dir():
        raise FileNotFoundError(f"there is no file {path}")
    if sheet is not None and not is_excel(path):
        raise ValueError(f"sheet={sheet!r} came with {path}, which has no sheets; leave it out")
    with _file_named(path):
        stored = stored_frame(path, sheet=sheet, by_position=by_position)
    return _Text.scanned(path, least) if stored is None else stored


@contextmanager
def problems_located(path: Path, *, sheet: str | None = None) -> Iterator[None]:
    """Put the file's name, and the line where there is one, before what is wrong with columns of `read_frame`."""
    try:
        yield
    except ValueError:
        with _file_named(path, _opened_table(path, sheet=sheet, by_position=False, least=1)):
            raise


@dataclass(frozen=True)
class _Text:
    """How a text file is to be read.

    Attributes:
        path: The file.
        encoding: The file's encoding.
        separator: What stands between the cells of a row.
        skipped: How many lines stand before the one with the names.
        names: The names of the columns; empty for those without one.
        is_kept: Which columns have a name or a cell that is not empty.
        num_rows: How many samples there are.
        num_empty: How many rows of empty cells follow them.
    """

    path: Path
    encoding: str
    separator: str
    skipped: int
    names: tuple[str, ...]
    is_kept: tuple[bool, ...]
    num_rows: int
    num_empty: int

    @classmethod
    def scanned(cls, path: Path, least: int) -> "_Text":
        """Go through all rows, of at least so many columns.

        Raises:
            ValueError: Rows that do not fit the first one, a first row that does not name the columns, or no text.
        """
        _refuse_binary(path)
        for encoding in ("utf-8-sig", "latin-1"):
            try:
                separator, skipped = _separator(path, encoding)
                rows = _rows(path, encoding, separator, skipped)
                names = [name.strip() for name in next(rows, (0, []))[1]]
                check_names(path, skipped + 1, [name for name in names if name], least)
                first = next(rows, None)
                names = fitted(names, first[1] if first else names)
                counted = _Counted(path, names)
                for line, cells in chain([first] if first else [], rows):
                    counted.add(line, cells)
                counted.check()
                is_kept = tuple(position not in counted.empty for position in range(len(names)))
                check_names(path, skipped + 1, list(compress(names, is_kept)), least)
                return cls(
                    path, encoding, separator, skipped, tuple(names), is_kept, counted.num_rows, counted.num_empty
                )
            except UnicodeDecodeError:
                continue
        raise AssertionError("every byte is a character of Latin-1")

    def frame(self, tags: str | None) -> pd.DataFrame:
        """Return the values; those of the column `tags` stay texts."""
        # A column that is left out needs some name until then.
        names = [
            name if kept else f"\0{i}" for i, (name, kept) in enumerate(zip(self.names, self.is_kept, strict=True))
        ]
        with _opened(self.path, self.encoding, self.skipped) as file:
            frame = pd.read_csv(
                file,
                sep=self.separator,
                header=0,
                names=names,  # pandas would make up some for columns without one
                dtype={tags: str} if tags in names else None,
                na_values=["", *MISSING],
                keep_default_na=False,
                index_col=False,
                low_memory=False,
                nrows=self.num_rows if self.num_empty else None,  # the empty ones would turn whole numbers into floats
            )
        if len(frame) != self.num_rows:
            raise ValueError(
                f"{self.num_rows} rows were found, and {len(frame)} read: there is a stray quote or line end"
            )
        return frame if all(self.is_kept) else frame.loc[:, list(self.is_kept)]

    def lines(self, samples: Collection[int]) -> dict[int, int]:
        """Return where samples, counted from 0, end in the file."""
        rows = _rows(self.path, self.encoding, self.separator, self.skipped)
        return {position: line for position, (line, _) in enumerate(rows, start=-1) if position in samples}


class _Counted:
    """Counts rows, and what in them is empty.

    Attributes:
        empty: The columns without a name that have no cell yet.
        num_rows: Rows up to the last one with a cell that is not empty.
        num_empty: Rows after that.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.num_rows = self.num_empty = 0
        self.empty = {position for position, name in enumerate(names) if not name}
        self._path, self._width = path, len(names)
        self._wrong: list[tuple[int, int]] = []

    def add(self, line: int, cells: Sequence[str]) -> None:
        if len(cells) != self._width:
            self._wrong.append((line, len(cells)))
        elif self.empty:
            self.empty -= {position for position in self.empty if cells[position].strip()}
        if cells[0].strip() or any(map(str.strip, cells)):
            self.num_rows += self.num_empty + 1
            self.num_empty = 0
        else:
            self.num_empty += 1

    def check(self) -> None:
        if not self._wrong:
            return
        (line, count), *others = self._wrong
        also = f" (also in line {first_few([str(line) for line, _ in others], shown=10)})" if others else ""
        raise ValueError(
            f"{self._path}, line {line}: {count_nouns(count, 'cell')}; expected {self._width}, one "
            f"for each column{also}"
        )


def _refuse_binary(path: Path) -> None:
    with unpacked(path) as file:
        start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        raise ValueError(f"{path}, line 1: this is UTF-16, or binary data; expected text: save it as UTF-8")


def _separator(path: Path, encoding: str) -> tuple[str, int]:
    """Return what stands between cells, and how many lines say so: Excel writes `sep=;` before the names."""
    with _opened(path, encoding) as file:
        first = file.readline()
    if said := re.fullmatch(r"\"?sep=(.)\"?\s*", first, re.IGNORECASE):
        return said[1], 1
    if inner_name(path).lower().endswith(".tsv"):
        return "\t", 0
    present = [mark for mark in _SEPARATORS if mark in first] or [","]
    return next((mark for mark in present if _parts_alike(path, encoding, mark)), present[0]), 0


def _parts_alike(path: Path, encoding: str, separator: str) -> bool:
    """Return whether the first rows have as many cells as there are names."""
    try:
        widths = {len(row) for _, row in islice(_rows(path, encoding, separator, 0), 20)}
    except ValueError:
        return False
    return len(widths) == 1 and widths != {1}


def _rows(path: Path, encoding: str, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of every row that is not blank, with the number of its (last) line."""
    with _opened(path, encoding, skipped) as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise ValueError(f"{path}, line {reader.line_num + skipped}: {error}; check the quotes") from error
            if row is None:
                return
            if row and not (len(row) == 1 and row[0].isspace()):
                yield reader.line_num + skipped, row


@contextmanager
def _opened(path: Path, encoding: str, skipped: int = 0) -> Iterator[TextIO]:
    """Open a file after some lines."""
    with unpacked(path) as packed, io.TextIOWrapper(packed, encoding=encoding, newline="") as file:
        for _ in range(skipped):
            file.readline()
        yield file


@contextmanager
def _file_named(path: Path, table: "_Text | pd.DataFrame | None" = None) -> Iterator[None]:
    """Put the file's name, and the line where there is one, before what is wrong with it."""
    try:
        yield
    except TableError as error:
        rows = {problem.row for problem in error.problems if problem.row is not None}
        places = {row: f"line {line}" for row, line in table.lines(rows).items()} if isinstance(table, _Text) else {}
        told = error.told(lambda row: places[row] if isinstance(table, _Text) else place_of(table, row))
        is_cell = len(error.problems) == 1 and rows
        raise ValueError(f"{path}{', ' if is_cell else ': '}{told}") from error
    except ValueError as error:
        raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
