"""Pictures whose labels are not asked for: to be predicted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data.images.dataset import ImageData
from batchsift.data.images.folder import formats_in
from batchsift.data.images.pictures import ImageFiles, is_picture_file

_LABEL = "unknown"


def pictures_in(source: str, load: Callable[[str], Any]) -> Any:
    """Return the pictures of a file, a folder, or a data set with labels.

    Args:
        source: A picture; a folder of pictures, with others in it; or what `load` takes.
        load: Loads a data set with labels, such as one whose table or annotations say which pictures it has.

    Returns:
        An `ImageData` of a file or a folder, whose labels are unknown, in the order of the names; else what `load`
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
    return load(source)


def _unlabelled(folder: Path, names: list[str]) -> ImageData:
    return ImageData(ImageFiles.of(folder, names), np.full((len(names), 1), np.nan), (_LABEL,), folder.name)
