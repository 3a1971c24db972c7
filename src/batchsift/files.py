"""Files that are whole or not there: writing atomically, and claiming a folder."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

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
