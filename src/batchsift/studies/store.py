"""The store: a folder of finished cells, one file each, whole or not there.

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

from batchsift.files import json_text, locked, write
from batchsift.studies.config import StudyManifest
from batchsift.studies.record import FORMAT, CellRecord
from batchsift.training.trials import SEARCH

STUDY = "study.json"


class Store:
    """The cells of a folder.

    Args:
        folder: The folder; made when something is written into it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._cells = self.folder / "cells"

    def keys(self) -> set[str]:
        """Return the keys of all cells there are."""
        return {path.stem for path in self._cells.glob("*.json")}

    def read(self, key: str) -> CellRecord:
        """Read the cell of that key.

        Raises:
            FileNotFoundError: There is none.
            ValueError: The file is not JSON, or of another format.
        """
        path = self._cells / f"{key}.json"
        document = _read_json(path)
        if document.get("format") != FORMAT:
            raise ValueError(f"{path} has format {document.get('format')!r}; this batchsift reads {FORMAT}")
        return CellRecord(document)

    def cells(self) -> list[CellRecord]:
        """Read all cells: those of the study in its order, then others there may be."""
        stored, manifest = self.keys(), self.manifest()
        ordered = list(manifest.cells) if manifest else []
        return [self.read(key) for key in [*ordered, *sorted(stored.difference(ordered))] if key in stored]

    def write(self, cell: CellRecord) -> None:
        """Write a cell, in place of one of the same key."""
        content = json.dumps(cell.document, allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"
        write(self._cells, {f"{cell.key}.json": content.encode()})

    def manifest(self) -> StudyManifest | None:
        """Read the manifest of the folder's study; None where there is none.

        Raises:
            ValueError: The file is not JSON, or of another format.
        """
        path = self.folder / STUDY
        return StudyManifest.from_document(_read_json(path)) if path.exists() else None

    def write_manifest(self, manifest: StudyManifest) -> None:
        """Write the manifest of the folder's study."""
        content = json_text(manifest.document()) + "\n"
        write(self.folder, {STUDY: content.encode()})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the folder to oneself, and sweep away the half-written files of runs that were killed.

        Raises:
            OSError: Another run holds the folder, or nothing can be written.
        """
        with locked(self.folder, self._cells.name, SEARCH):
            yield


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a JSON document: {error}; remove it") from error
    return document
