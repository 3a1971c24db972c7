"""Where the files that labels speak of are, found by looking at folders and not into files. N files."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from batchsift.data.images.pictures import ImageFiles
from batchsift.messages import first_few, warn

BROKEN = ("error", "skip")


def find_files(
    names: Sequence[str], folders: Sequence[Path], *, broken: str, source: str | Path
) -> tuple[ImageFiles, npt.NDArray[np.int64]]:
    """Find files in the first folder that has any of them.

    Args:
        names: N names or paths, relative to a folder.
        folders: Where they may be.
        broken: What to do where some are missing: `"error"`, or `"skip"`, which leaves them out with a warning.
        source: What names them, for the message.

    Returns:
        The files that are there, and their positions among the names.

    Raises:
        FileNotFoundError: Some are missing, or all.
        ValueError: `broken` is another word, or a file is named twice.
    """
    if broken not in BROKEN:
        raise ValueError(f"broken={broken!r}; expected one of {', '.join(map(repr, BROKEN))}")
    _refuse_repeated(names, source)
    folders = list(dict.fromkeys(folders))
    # Paths of strings: of a million files, Path objects would take a minute.
    folder = next((f for f in folders if any(os.path.isfile(os.path.join(f, n)) for n in names)), None)  # noqa: PTH113, PTH118
    if folder is None:
        raise FileNotFoundError(
            f"{source}: none of its {len(names)} pictures, such as {names[0]!r}, is in "
            f"{' or in '.join(map(str, folders))}; say where they are with images='FOLDER'"
        )
    is_there = np.array([os.path.isfile(os.path.join(folder, name)) for name in names])  # noqa: PTH113, PTH118
    rows = np.flatnonzero(is_there)
    if len(rows) < len(names):
        missing = [names[row] for row in np.flatnonzero(~is_there).tolist()]
        told = f"{source}: {len(missing)} of {len(names)} pictures are not in {folder}: {first_few(missing)}"
        if broken == "error":
            raise FileNotFoundError(f"{told}; broken='skip' leaves them out")
        warn(f"{told}; left out")
    return ImageFiles.of(folder, [names[row] for row in rows.tolist()]), rows


def _refuse_repeated(names: Sequence[str], source: str | Path) -> None:
    if len(set(names)) == len(names):
        return
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            raise ValueError(
                f"{source}: the samples {seen[name]} and {position} (counted from 1) are both {name!r}; expected one "
                "row a picture: put its labels together"
            )
        seen[name] = position
