"""Tables in files: `.csv` and `.tsv` (also `.gz`) and `.parquet`.

A text file is gone through twice: first row by row, so that a row with a cell too many or too few is found and named
(most readers fill up the row, and labels shift unnoticed), then for its values.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pandas as pd

from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.columns import repeated_name
from batchsift.data.readers.frames import from_frame
from batchsift.data.readers.problems import TableCellError
from batchsift.files import stem

READS = {
    ".csv": "read_table",
    ".csv.gz": "read_table",
    ".tsv": "read_table",
    ".tsv.gz": "read_table",
    ".parquet": "read_table",
}

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null")  # what stands for a missing value


def read_table(
    path: str | Path,
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
) -> MultiLabelData:
    """Read a table from a file; see `from_frame` for what becomes of its columns.

    Args:
        path: A path that ends in `.csv`, `.tsv`, `.csv.gz`, `.tsv.gz` or `.parquet`. Text has the columns' names in its
            first row and is UTF-8, or else Latin-1; the cells of a `.csv` are parted by commas, or by semicolons if
            there is no comma in its first row. Empty cells, `?`, `NA`, `NaN` and `null` are missing values.
        labels: How many of the last columns are labels.
        label_columns: The same by names or patterns.
        label_column: One column of delimited tags, where an empty or missing cell means no label.
        delimiter: What parts the tags of `label_column`.
        drop: Columns to leave out, by names or patterns.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: The file is malformed, with its line and column; or its columns are not what was asked for.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    text = None if path.suffix.lower() == ".parquet" else _Text.scanned(path)
    with _file_named(path, text):
        return from_frame(
            _parquet(path) if text is None else text.frame(label_column),
            labels,
            label_columns=label_columns,
            label_column=label_column,
            delimiter=delimiter,
            drop=drop,
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
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    text = None if path.suffix.lower() == ".parquet" else _Text.scanned(path)
    with _file_named(path, text):
        return _parquet(path) if text is None else text.frame(texts)


@dataclass(frozen=True)
class _Text:
    """How a text file is to be read.

    Attributes:
        path: The file.
        encoding: The file's encoding.
        separator: What stands between the cells of a row.
        names: The names of the columns.
        num_rows: How many samples there are.
    """

    path: Path
    encoding: str
    separator: str
    names: tuple[str, ...]
    num_rows: int

    @classmethod
    def scanned(cls, path: Path) -> "_Text":
        """Go through all rows.

        Raises:
            ValueError: A row that does not fit the first one, or a first row that does not name the columns.
        """
        for encoding in ("utf-8-sig", "latin-1"):
            try:
                with _opened(path, encoding) as file:
                    first = file.readline()
                separator = "\t" if ".tsv" in path.name.lower() else ";" if ";" in first and "," not in first else ","
                rows = _rows(path, encoding, separator)
                names = [name.strip() for name in next(rows, (0, []))[1]]
                _check_names(path, names)
                return cls(path, encoding, separator, tuple(names), sum(_fits(path, names, *row) for row in rows))
            except UnicodeDecodeError:
                continue
        raise AssertionError("every byte is a character of Latin-1")

    def frame(self, tags: str | None) -> pd.DataFrame:
        """Return the values; those of the column `tags` stay texts."""
        with _opened(self.path, self.encoding) as file:
            frame = pd.read_csv(
                file,
                sep=self.separator,
                header=0,
                names=list(self.names),  # pandas would make up some for columns without one
                dtype={tags: str} if tags in self.names else None,
                na_values=list(MISSING),
                keep_default_na=False,
                index_col=False,
                low_memory=False,
            )
        if len(frame) != self.num_rows:
            raise ValueError(
                f"{self.num_rows} rows were found, and {len(frame)} read: there is a stray quote or line end"
            )
        return frame

    def line(self, row: int) -> int:
        """Return where the sample `row`, counted from 0, ends in the file."""
        rows = _rows(self.path, self.encoding, self.separator)
        return next(line for position, (line, _) in enumerate(rows, start=-1) if position == row)


def _rows(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of every row that is not blank, with the number of its (last) line."""
    with _opened(path, encoding) as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise ValueError(f"{path}, line {reader.line_num}: {error}; check the quotes") from error
            if row is None:
                return
            if row and not (len(row) == 1 and row[0].isspace()):
                yield reader.line_num, row


def _check_names(path: Path, names: Sequence[str]) -> None:
    if len(names) < 2:
        raise ValueError(
            f"{path}, line 1: {len(names)} column(s); expected the names of at least one feature and one label"
        )
    if all(_is_number(name) for name in names) and set(names) != set(map(str, range(len(names)))):
        raise ValueError(
            f"{path}, line 1 should hold the names of the columns; it holds numbers: {', '.join(names[:3])}, ..."
        )
    if (problem := repeated_name(names)) is not None:
        hint = "; line 1 should hold the names of the columns" if any(map(_is_number, names)) else ""
        raise ValueError(f"{path}, line 1: {problem}{hint}")


def _fits(path: Path, names: Sequence[str], line: int, cells: Sequence[str]) -> bool:
    if len(cells) != len(names):
        raise ValueError(f"{path}, line {line}: {len(cells)} cells; expected {len(names)}, one for each column")
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    packed = path.suffix.lower() == ".gz"
    try:
        with (
            gzip.open(path, "rt", encoding=encoding, newline="")
            if packed
            else path.open(encoding=encoding, newline="") as file
        ):
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is no complete gzip file: {error}") from error


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except ImportError as error:
        raise ImportError("reading Parquet needs pyarrow: pip install 'batchsift[experiments]'") from error
    except Exception as error:  # a damaged file ends in almost any of them
        raise ValueError(f"cannot be read as Parquet: {error}") from error


@contextmanager
def _file_named(path: Path, text: _Text | None) -> Iterator[None]:
    """Put the file's name, and the line where there is one, before what is wrong with it."""
    try:
        yield
    except TableCellError as error:
        place = f"row {error.row + 1}" if text is None else f"line {text.line(error.row)}"
        raise ValueError(f"{path}, {place}, column {error.column!r}: {error.reason}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
