"""Where the pictures of a data set are: in files, in a column of a Hugging Face data set, or in an array.

None of these holds a Python object for each picture: a million file names are one array of bytes, which forked
workers share without copying it.

Shape suffixes: N pictures, H height, W width.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
# Endings of files that are taken for pictures, where a folder is searched for them.
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif", ".jfif")


class PictureError(ValueError):
    """A picture that cannot be decoded; the message begins with its name."""


class Pictures(Protocol):
    """N pictures that are opened one at a time."""

    def __len__(self) -> int:
        """Return N."""
        ...

    def name_of(self, index: int) -> str:
        """Return what messages call a picture: its file, or its row."""
        ...

    def content(self, index: int) -> Any:
        """Return a picture as Pillow opens it: a path or a binary file; or the pixels themselves, as an array.

        Raises:
            PictureError: There is none.
        """
        ...

    def select(self, rows: Rows) -> Self:
        """Return some of the pictures, in the order asked for."""
        ...


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Pictures in files.

    Args:
        folder: What the names are relative to.
        files_N: `(N,)` names of files, encoded for the file system; `of` makes them from texts.

    >>> files = ImageFiles.of("cats", ["a.jpg", "old/b.jpg"])
    >>> len(files), files.name_of(1)
    (2, 'cats/old/b.jpg')
    """

    folder: str
    files_N: npt.NDArray[np.bytes_]

    @classmethod
    def of(cls, folder: str | Path, names: Sequence[str]) -> Self:
        """Return the files of these names in a folder."""
        return cls(str(folder), np.array([os.fsencode(name) for name in names], dtype=bytes))

    def __len__(self) -> int:
        return len(self.files_N)

    def name_of(self, index: int) -> str:
        """Return the path of a picture."""
        return str(Path(self.folder) / os.fsdecode(self.files_N[index]))

    def content(self, index: int) -> str:
        """Return the path of a picture."""
        return self.name_of(index)

    def select(self, rows: Rows) -> Self:
        """Return some of the pictures, in the order asked for."""
        return replace(self, files_N=self.files_N[rows])


@dataclass(frozen=True, eq=False)
class ImageColumn:
    """Pictures in a column of a Hugging Face data set, as they are stored there.

    Args:
        dataset: A `datasets.Dataset` whose column is cast to `Image(decode=False)`.
        column: The name of the column.
        rows_N: `(N,)` rows of the data set.
    """

    dataset: Any
    column: str
    rows_N: Rows

    def __len__(self) -> int:
        return len(self.rows_N)

    def name_of(self, index: int) -> str:
        """Return the row of a picture, counted from 0."""
        return f"row {self.rows_N[index]} of the column {self.column!r}"

    def content(self, index: int) -> Any:
        """Return a picture as it is stored.

        Raises:
            PictureError: The cell is empty.
        """
        cell = self.dataset[int(self.rows_N[index])][self.column]
        if cell and cell["bytes"] is not None:
            return io.BytesIO(cell["bytes"])
        if cell and cell["path"]:
            return cell["path"]
        raise PictureError(f"{self.name_of(index)}: there is no picture")

    def select(self, rows: Rows) -> Self:
        """Return some of the pictures, in the order asked for."""
        return replace(self, rows_N=self.rows_N[rows])


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Pictures in memory.

    Args:
        pixels: `(N, H, W)` gray or `(N, H, W, 3)` RGB values, uint8 in [0, 255].

    Raises:
        ValueError: Another shape or dtype.
    """

    pixels: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim not in (3, 4) or self.pixels.shape[3:] not in ((), (3,)):
            raise ValueError(
                f"pixels are {self.pixels.dtype} of shape {self.pixels.shape}; expected uint8 of shape (N, H, W) or "
                "(N, H, W, 3)"
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def name_of(self, index: int) -> str:
        """Return the number of a picture, counted from 0."""
        return f"picture {index}"

    def content(self, index: int) -> npt.NDArray[np.uint8]:
        """Return the pixels of a picture, `(H, W)` or `(H, W, 3)`."""
        pixels: npt.NDArray[np.uint8] = self.pixels[index]
        return pixels

    def select(self, rows: Rows) -> Self:
        """Return some of the pictures, in the order asked for."""
        return replace(self, pixels=self.pixels[rows])


def is_picture_file(name: str) -> bool:
    """Return whether the name of a file ends as those of pictures do.

    >>> is_picture_file("a/b.JPG"), is_picture_file("labels.csv"), is_picture_file("._b.jpg")
    (True, False, False)
    """
    # Files that begin with a dot are notes of operating systems.
    return name.lower().endswith(ENDINGS) and not os.path.basename(name).startswith(".")  # noqa: PTH119 (many names)
