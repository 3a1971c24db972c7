"""Pictures whose labels are not asked for: to be predicted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.folder import formats_in, is_table
from batchsift.data.images.pictures import ImageFiles, is_picture_file
from batchsift.data.images.tables import names_pictures, read_file_names

_LABEL = "unknown"


def pictures_in(source: str, load: Callable[[str], Any], **table: Any) -> Any:
    """Return the pictures of a file, a folder, a table, or a data set with labels.

    Args:
        source: A picture; a folder of pictures, with others in it; a table of pictures; or what `load` takes.
        load: Loads a data set with labels, such as one whose annotations say which pictures it has.
        table: Of `read_file_names`: how a table is read.

    Returns:
        An `ImageData` of a file, a folder or a table, whose labels are unknown; those of a folder in the order of
            their names; else what `load`
        returns.

    Raises:
        ValueError: There are none, or as `load`.
        OSError: As `load`.
    """
    path = Path(source)
    if path.is_file() and is_picture_file(path.name):
        return _unlabelled(path.parent, [path.name])
    if path.is_dir() and formats_in(path) in ([], ["labels"]):
        names = sorted(
            os.path.relpath(Path(folder) / name, path)
            for folder, _, files in os.walk(path)
            for name in files
            if is_picture_file(name)
        )
        if not names:
            raise ValueError(f"{source} holds no pictures, whose names end in .jpg, .png or the like")
        return _unlabelled(path, names)
    if named := _table(path):
        files = read_file_names(named, **{name: value for name, value in table.items() if value is not None})
        return ImageData(files, np.full((len(files), 1), np.nan), (_LABEL,), named.parent.name)
    return load(source)


def _table(path: Path) -> Path | None:
    """Return the table of pictures that a path means: itself, or the only one in a folder of nothing else."""
    if path.is_file():
        return path if is_table(path) and names_pictures(path) else None
    if not path.is_dir() or formats_in(path) != ["table"]:
        return None
    tables = [file for file in path.iterdir() if is_table(file) and names_pictures(file)]
    return tables[0] if len(tables) == 1 else None


def _unlabelled(folder: Path, names: list[str]) -> ImageData:
    return ImageData(ImageFiles.of(folder, names), np.full((len(names), 1), np.nan), (_LABEL,), folder.name)
