"""A table that names pictures: one row a picture, its labels as columns of 0 and 1 or as one column of tags.

The table itself is read as any other (`readers.tables`): text with its line numbers, or Parquet. The column of files
is the one whose cells all end as the names of pictures do; a column called `split` says which part a picture is in.

Shape suffixes: N samples, L labels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.locating import find_files
from batchsift.data.images.parts import split_of
from batchsift.data.images.pictures import ImageFiles, is_picture_file
from batchsift.data.readers.columns import chosen_columns, named_column
from batchsift.data.readers.encoding import labels_of_columns, labels_of_one_column
from batchsift.data.readers.frames import label_mask
from batchsift.data.readers.problems import ColumnProblem, TableError, refuse
from batchsift.data.readers.tables import problems_located, read_frame
from batchsift.files import stem
from batchsift.messages import first_few

UNCERTAIN = {"ignore": np.nan, "positive": 1.0, "negative": 0.0, "error": None}


def read_image_table(
    path: str | Path,
    labels: int | None = None,
    *,
    images: str | Path | None = None,
    file_column: str | None = None,
    label_columns: str | Sequence[str] | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    drop: str | Sequence[str] | None = None,
    uncertain: str | None = None,
    blanks: str | None = None,
    broken: str = "error",
    sheet: str | None = None,
) -> ImageData:
    """Read a table of pictures and their labels.

    Without `labels`, `label_columns` and `label_column`, all columns but those of files and of the split are labels;
    a single one that holds texts is one of tags.

    Args:
        path: A table of any kind that `read_table` reads.
        labels: How many of the last columns are labels, each of 0/1, booleans or yes/no.
        images: The folder that the names of files are relative to; by default the table's own, or `images` in it.
        file_column: The column with the names of files; by default the one whose cells end as those of pictures do.
        label_columns: Which columns are labels, by names or patterns.
        label_column: One column with all labels of a sample: delimited text. Empty: no label.
        delimiter: What parts the tags in `label_column`.
        drop: Columns to leave out, by names or patterns.
        uncertain: What -1 and an empty cell mean in a column of 0 and 1: `"ignore"` (unknown, NaN), `"positive"`,
            `"negative"`, or `"error"`. By default an empty cell is unknown, and -1 is refused.
        blanks: The same for empty cells alone, where they mean something else than -1.
        broken: What to do where pictures are missing: `"error"`, or `"skip"`, which leaves them out with a warning.
        sheet: The sheet of a file of Excel that has several.

    Raises:
        FileNotFoundError: The table or some pictures are not there.
        ValueError: The table is malformed, a column cannot be what it should be, or a picture is named twice.
    """
    path = Path(path)
    for option, value in (("uncertain", uncertain), ("blanks", blanks)):
        if value is not None and value not in UNCERTAIN:
            raise ValueError(f"{option}={value!r}; expected one of {', '.join(map(repr, UNCERTAIN))}")
    frame = read_frame(path, texts=label_column, sheet=sheet)
    with problems_located(path, sheet=sheet):
        if len(frame) == 0:
            raise ValueError("there are no rows; expected at least one picture")
        frame = frame.loc[:, ~chosen_columns(list(frame.columns), () if drop is None else drop, "drop")]
        file_column = _file_column(frame, file_column)
        names = _texts(frame[file_column], "the name of a picture")
        frame = frame.drop(columns=file_column)
        split = None
        if part_column := next((column for column in frame.columns if column.strip().lower() == "split"), None):
            split = split_of(_texts(frame[part_column], "the name of a part"), part_column)
            frame = frame.drop(columns=part_column)
        if label_column is None and labels is None and label_columns is None:
            label_column = _only_column_of_texts(frame)
        if label_column is not None:
            if uncertain is not None or blanks is not None:
                raise ValueError("uncertain and blanks are for columns of 0 and 1, not for a column of tags")
            named_column(list(frame.columns), label_column, "label_column")
            label_names, matrix = labels_of_one_column(
                frame[label_column], delimiter=delimiter, as_one_label="give it as label_columns"
            )
        else:
            if delimiter is not None:
                raise ValueError(f"delimiter={delimiter!r} parts the tags of a label_column, which is not given")
            label_names, matrix = _zeros_and_ones(frame, labels, label_columns, uncertain, blanks)
    found, rows = _found(names, path, images, broken)
    return ImageData(found, matrix[rows], label_names, stem(path), None if split is None else split[rows])


def read_file_names(
    path: Path, *, images: str | Path | None = None, file_column: str | None = None, broken: str = "error"
) -> ImageFiles:
    """Read a table for the pictures alone that it names; it needs no labels.

    Args:
        path: As for `read_image_table`.
        images: Likewise.
        file_column: Likewise.
        broken: Likewise.

    Raises:
        FileNotFoundError: The table or some pictures are not there.
        ValueError: The table is malformed, no column names pictures, or a picture is named twice.
    """
    frame = read_frame(path)
    with problems_located(path):
        names = _texts(frame[_file_column(frame, file_column)], "the name of a picture")
    return _found(names, path, images, broken)[0]


def _found(names: list[str], path: Path, images: str | Path | None, broken: str) -> tuple[ImageFiles, Any]:
    folders = [path.parent, path.parent / "images"] if images is None else [Path(images)]
    return find_files(names, folders, broken=broken, source=path)


def names_pictures(path: Path) -> bool:
    """Return whether a table has a column whose cells end as the names of pictures do."""
    return bool(_columns_of_files(read_frame(path)))


def _columns_of_files(frame: pd.DataFrame) -> list[str]:
    return [
        column
        for column in frame.columns
        if len(present := frame[column].dropna())
        and all(isinstance(cell, str) and is_picture_file(cell.strip()) for cell in present)
    ]


def _file_column(frame: pd.DataFrame, given: str | None) -> str:
    columns = list(frame.columns)
    if given is not None:
        named_column(columns, given, "file_column")
        return given
    found = _columns_of_files(frame)
    if len(found) != 1:
        which = f"the columns {' and '.join(map(repr, found))} name" if found else "no column names"
        raise ValueError(
            f"{which} files of pictures, which end in .jpg, .png or the like: say which one does with file_column=; "
            f"the columns are {first_few(list(map(repr, columns)), shown=12)}"
        )
    return found[0]


def _texts(column: "pd.Series[Any]", what: str) -> list[str]:
    missing = column.isna().to_numpy()
    if missing.any():
        refuse([ColumnProblem(str(column.name), int(missing.argmax()), f"the cell is empty; expected {what}")])
    return [str(cell).strip() for cell in column]


def _only_column_of_texts(frame: pd.DataFrame) -> str | None:
    """Return the column, if there is but one and its cells are other texts than those of one label."""
    if len(frame.columns) != 1:
        return None
    try:
        labels_of_columns(_decided(frame, "ignore", None), of_lists="")
    except TableError:
        return str(frame.columns[0])
    return None


def _zeros_and_ones(
    frame: pd.DataFrame,
    labels: int | None,
    label_columns: str | Sequence[str] | None,
    uncertain: str | None,
    blanks: str | None,
) -> tuple[tuple[str, ...], Any]:
    columns = list(frame.columns)
    if labels is not None and labels == len(columns):
        labels = None
    if labels is not None or label_columns is not None:
        frame = frame.loc[:, label_mask(columns, labels, label_columns, None)]
    if not len(frame.columns):
        raise ValueError("there is no column of labels beside the files; expected at least one")
    try:
        return labels_of_columns(
            _decided(frame, uncertain, blanks), of_lists="give a column of tags as label_column={!r}"
        )
    except TableError as error:
        if labels is not None or label_columns is not None or error.advice:
            raise
        advice = "say which columns are labels with label_columns=, or leave out what is none with drop="
        raise TableError(error.problems, advice) from error


def _decided(frame: pd.DataFrame, uncertain: str | None, blanks: str | None) -> pd.DataFrame:
    """Return columns of labels with 0, 1 or NaN in place of -1 and of empty cells."""
    problems, decided = [], {}
    for name in frame.columns:
        column = frame[name].astype(object)
        blank = column.isna().to_numpy()
        minus = (pd.to_numeric(column, errors="coerce") == -1).to_numpy()
        for cells, told, way in (
            (minus, "-1", uncertain),
            (blank, "an empty cell", blanks or uncertain or "ignore"),
        ):
            value = None if way is None else UNCERTAIN[way]
            if value is not None:
                column[cells] = value
            elif cells.any():
                reason = f"{told}: is it unknown, or no? Say so with uncertain='ignore', 'positive' or 'negative'"
                problems.append(ColumnProblem(str(name), int(cells.argmax()), reason))
        decided[name] = column
    refuse(problems)
    return pd.DataFrame(decided)
