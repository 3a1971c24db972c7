"""Tables in files: `.csv` and `.tsv` (also `.gz`) and `.parquet`.

A text file is gone through twice: first row by row, so that a row with a cell too many or too few is found and named
(most readers fill up the row, and labels shift unnoticed), then for its values.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import MISSING, repeated_name
from batchsift.data.readers.frames import from_frame
from batchsift.data.readers.problems import TableError
from batchsift.files import stem
from batchsift.messages import count_nouns, first_few

READS = {
    ".csv": "read_table",
    ".csv.gz": "read_table",
    ".tsv": "read_table",
    ".tsv.gz": "read_table",
    ".parquet": "read_table",
}


def read_table(
    path: str | Path,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    dates: str | None = None,
) -> MultiLabelData:
    """Read a table from a file; see `from_frame` for what becomes of its columns.

    Args:
        path: A path that ends in `.csv`, `.tsv`, `.csv.gz`, `.tsv.gz` or `.parquet`, or a folder of `.parquet` files.
            Text has the columns' names in its first row, or its second after `sep=;`, and is UTF-8, or else Latin-1;
            the cells of a `.csv` are parted by commas, or by semicolons if there is no comma in its first row. Empty
            cells, `?`, `NA`, `NaN`, `null` and the like are missing values.
        labels: How many of the last columns are labels.
        label_columns: The same by names or patterns.
        label_column: One column of delimited tags, where an empty or missing cell means no label.
        delimiter: What parts the tags of `label_column`.
        drop: Columns to leave out, by names or patterns.
        dates: What becomes of dates: `"features"` (by default), `"drop"`, or how 03/04/2021 is read.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is malformed, with its line and column; or its columns are not what was asked for.
    """
    path = Path(path)
    if not path.is_file() and not path.is_dir():
        raise FileNotFoundError(f"there is no file {path}")
    text = None if path.is_dir() or path.suffix.lower() == ".parquet" else _Text.scanned(path)
    with _file_named(path, text):
        return from_frame(
            _parquet(path) if text is None else text.frame(label_column),
            labels,
            label_columns=label_columns,
            label_column=label_column,
            delimiter=delimiter,
            drop=drop,
            dates=dates,
            name=stem(path),
        )


def read_frame(path: str | Path, *, texts: str | None = None) -> pd.DataFrame:
    """Return the columns of such a file as they are, without a word on which are labels.

    Args:
        path: The file.
        texts: A column of a text file whose cells stay as they are written: 007 is not 7.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is malformed, with its line and column.
    """
    path = Path(path)
    if not path.is_file() and not path.is_dir():
        raise FileNotFoundError(f"there is no file {path}")
    text = None if path.is_dir() or path.suffix.lower() == ".parquet" else _Text.scanned(path)
    with _file_named(path, text):
        return _parquet(path) if text is None else text.frame(texts)


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
    def scanned(cls, path: Path) -> "_Text":
        """Go through all rows.

        Raises:
            ValueError: Rows that do not fit the first one, a first row that does not name the columns, or no text.
        """
        _refuse_binary(path)
        for encoding in ("utf-8-sig", "latin-1"):
            try:
                separator, skipped = _separator(path, encoding)
                rows = _rows(path, encoding, separator, skipped)
                names = [name.strip() for name in next(rows, (0, []))[1]]
                _check_names(path, skipped + 1, [name for name in names if name])
                first = next(rows, None)
                names = _fitted(names, first[1] if first else names)
                counted = _Counted(path, names)
                for line, cells in chain([first] if first else [], rows):
                    counted.add(line, cells)
                counted.check()
                is_kept = tuple(position not in counted.empty for position in range(len(names)))
                _check_names(path, skipped + 1, list(compress(names, is_kept)))
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
    with _unpacked(path) as file:
        start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        raise ValueError(f"{path}, line 1: this is UTF-16, or binary data; expected text: save it as UTF-8")


def _separator(path: Path, encoding: str) -> tuple[str, int]:
    """Return what stands between cells, and how many lines say so: Excel writes `sep=;` before the names."""
    with _opened(path, encoding) as file:
        first = file.readline()
    if said := re.fullmatch(r"\"?sep=(.)\"?\s*", first, re.IGNORECASE):
        return said[1], 1
    return "\t" if ".tsv" in path.name.lower() else ";" if ";" in first and "," not in first else ",", 0


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


def _fitted(names: list[str], first: Sequence[str]) -> list[str]:
    """Return the names with as many empty ones at their end as the first row has empty cells there."""
    surplus = len(first) - len(names)
    if surplus > 0 and not any(map(str.strip, first[-surplus:])):
        return names + [""] * surplus
    return names[: len(first)] if surplus < 0 and not any(names[len(first) :]) else names


def _check_names(path: Path, line: int, names: Sequence[str]) -> None:
    if len(names) < 2:
        raise ValueError(
            f"{path}, line {line}: {len(names)} column(s); expected the names of at least one feature and one label"
        )
    if all(_is_number(name) for name in names) and set(names) != set(map(str, range(len(names)))):
        raise ValueError(
            f"{path}, line {line} should hold the names of the columns; it holds numbers: {', '.join(names[:3])}, ..."
        )
    if (problem := repeated_name(names)) is not None:
        hint = f"; line {line} should hold the names of the columns" if any(map(_is_number, names)) else ""
        raise ValueError(f"{path}, line {line}: {problem}{hint}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield cast("BinaryIO", file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is no complete gzip file: {error}") from error


@contextmanager
def _opened(path: Path, encoding: str, skipped: int = 0) -> Iterator[TextIO]:
    """Open a file after some lines."""
    with _unpacked(path) as packed, io.TextIOWrapper(packed, encoding=encoding, newline="") as file:
        for _ in range(skipped):
            file.readline()
        yield file


def _parquet(path: Path) -> pd.DataFrame:
    """Return the columns of a file, or of all files of a folder, in the order of their names."""
    if not path.is_dir():
        return _parquet_file(path)
    files = sorted(path.glob("*.parquet"))
    if not files and not any(path.glob("**/*.parquet")):
        raise ValueError("the folder holds no .parquet files")
    if any(path.glob("*/**/*.parquet")):
        raise ValueError(
            "folders within the folder are not read, since their names may be values: put all files in one"
        )
    frames = [_parquet_file(file) for file in files]
    for file, frame in zip(files, frames, strict=True):
        if list(frame.columns) != list(frames[0].columns):
            raise ValueError(f"{file.name} has other columns than {files[0].name}; expected the same in the same order")
    return pd.concat(frames, ignore_index=True)


def _parquet_file(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except ImportError as error:
        raise ImportError("reading Parquet needs pyarrow: pip install 'batchsift[experiments]'") from error
    except Exception as error:  # a damaged file ends in almost any of them
        raise ValueError(f"{path.name} cannot be read as Parquet: {error}") from error


@contextmanager
def _file_named(path: Path, text: _Text | None) -> Iterator[None]:
    """Put the file's name, and the line where there is one, before what is wrong with it."""
    try:
        yield
    except TableError as error:
        rows = {problem.row for problem in error.problems if problem.row is not None}
        lines = {} if text is None else text.lines(rows)
        told = error.told(lambda row: f"row {row + 1}" if text is None else f"line {lines[row]}")
        is_cell = len(error.problems) == 1 and rows
        raise ValueError(f"{path}{', ' if is_cell else ': '}{told}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
