"""Files that are whole or not there: writing atomically, claiming and naming a folder, rows as CSV."""

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished-"


def write(folder: Path, files: Mapping[str, bytes]) -> Sequence[Path]:
    """Writes files into a folder, each whole or not at all, even if the power fails.

    Args:
        folder: Made where it is missing.
        files: Name to content.

    Returns:
        The paths written.

    Raises:
        OSError: where that cannot be done.
    """
    claim(folder)
    for name, content in files.items():
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)  # mkstemp's files are for their owner alone
            Path(temporary).replace(folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return [folder / name for name in files]


def claim(folder: Path) -> None:
    """Makes the folder and proves that files can be written into it.

    Raises:
        OSError: where that cannot be done.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write into {folder}: {error.strerror}") from error


def folder_of(parent: str, name: str) -> Path:
    """Return the default folder for what has this name; a hyphen stands for characters that a path cannot bear.

    >>> folder_of("results", "my data-mlp").as_posix()
    'results/my-data-mlp'
    """
    return Path(parent) / re.sub(r"[^\w.-]+", "-", name)


def csv_text(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> str:
    r"""Return rows as CSV with a heading, each line ended by a line feed; None is an empty field.

    Args:
        rows: One value a column.
        columns: The heading.

    >>> csv_text([[1, None], [2, "a,b"]], ["n", "word"])
    'n,word\n1,\n2,"a,b"\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
