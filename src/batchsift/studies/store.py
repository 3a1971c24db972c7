"""A folder of finished cells: one file a cell, whole or not there.

```
<folder>/study.json            what the study is: its file, its cells in order, the command
<folder>/cells/<key>.json      what a cell left, see `batchsift.studies.record`
<folder>/lock                  held while a run works here; the system frees it when the run dies, however it dies
```
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from batchsift.files import UNFINISHED, claim, write
from batchsift.studies.record import FORMAT, Cell

STUDY = "study.json"


class Store:
    """The cells of a folder.

    Args:
        folder: Made where something is written into it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._cells = self.folder / "cells"

    def keys(self) -> set[str]:
        """Of all cells there are."""
        return {path.stem for path in self._cells.glob("*.json")}

    def read(self, key: str) -> Cell:
        """The cell of that key.

        Raises:
            FileNotFoundError: where there is none.
            ValueError: where the file is none of this version's.
        """
        path = self._cells / f"{key}.json"
        document = _read(path)
        if document.get("format") != FORMAT:
            raise ValueError(f"{path} has format {document.get('format')!r}; this batchsift reads {FORMAT}")
        return Cell(document)

    def cells(self) -> list[Cell]:
        """All cells: those of the study in its order, then others there may be."""
        found, study = self.keys(), self.study()
        ordered = [one["key"] for one in study["cells"]] if study else []
        return [self.read(key) for key in [*ordered, *sorted(found.difference(ordered))] if key in found]

    def write(self, cell: Cell) -> None:
        """Puts a cell there, in place of one of the same key."""
        content = json.dumps(cell.document, allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"
        write(self._cells, {f"{cell.key}.json": content.encode()})

    def study(self) -> Mapping[str, Any] | None:
        """What `write_study` wrote; None where nothing was."""
        path = self.folder / STUDY
        return _read(path) if path.exists() else None

    def write_study(self, document: Mapping[str, Any]) -> None:
        """Says what the study of this folder is."""
        content = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
        write(self.folder, {STUDY: content.encode()})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps the folder to oneself, and sweeps away the half-written files of runs that were killed.

        Raises:
            OSError: where another run holds it, or nothing can be written.
        """
        claim(self.folder)
        try:
            with FileLock(self.folder / "lock", timeout=0):
                for folder in (self.folder, self._cells):
                    for path in folder.glob(f"{UNFINISHED}*"):
                        path.unlink()
                yield
        except Timeout as error:
            raise BlockingIOError(
                f"another run works in {self.folder}: wait until it is over, stop it, or use another folder"
            ) from error


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a JSON document: {error}; remove it") from error
    return document
