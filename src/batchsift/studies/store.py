"""The store: a folder of finished cells, one file each, whole or not there; here or at an address.

```
<folder>/study.json            what the study is: its file, its cells in order, the command
<folder>/cells/<key>.json      what a cell left, see `batchsift.studies.record`
<folder>/lock                  held while a run works here; the system frees it when the run dies, however it dies
```

Where files are is behind `Files`: a folder, or what `batchsift.studies.remote` reaches.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from batchsift.entries import described
from batchsift.files import json_text, locked, write
from batchsift.studies.cell_checks import check_head
from batchsift.studies.config import StudyManifest
from batchsift.studies.record import FORMAT, CellRecord
from batchsift.training.trials import SEARCH

STUDY = "study.json"
CELLS = "cells"
LOCAL = "file://"  # an address of a folder


class Files(Protocol):
    """The files of a store. Their names are relative, with slashes."""

    def path(self, name: str) -> str:
        """Return where a file is, in a user's words."""

    def names(self, folder: str) -> set[str]:
        """Return the names of the files in a folder, which need not be there."""

    def read(self, name: str) -> bytes:
        """Read a file.

        Raises:
            FileNotFoundError: There is none.
        """

    def read_all(self, names: Sequence[str]) -> Iterator[bytes]:
        """Read files, one after another."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, in place of one of the same name."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep the files to oneself.

        Raises:
            OSError: Another run has them, or nothing can be written.
        """


class Store:
    """The cells of a folder, or of an address.

    Args:
        place: The folder, made when something is written into it; or an address that fsspec knows, such as
            `"s3://bucket/study"`.

    Raises:
        ValueError: The address is of no known kind.
        ImportError: The package for such addresses is not installed.
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self.place = os.fspath(place)
        self._files = _files_at(self.place)

    @property
    def folder(self) -> Path:
        """The folder.

        Raises:
            ValueError: The store is at an address.
        """
        if not isinstance(self._files, FolderFiles):
            raise ValueError(f"{self.place} is no folder of this machine, and one is needed here")
        return self._files.folder

    @property
    def name(self) -> str:
        """The last part of the place."""
        return (self.place if is_address(self.place) else str(self.folder.resolve())).rstrip("/").rpartition("/")[2]

    def keys(self) -> set[str]:
        """Return the keys of all cells there are."""
        return {name.removesuffix(".json") for name in self._files.names(CELLS) if name.endswith(".json")}

    def read(self, key: str) -> CellRecord:
        """Read the cell of that key.

        Raises:
            FileNotFoundError: There is none.
            ValueError: The file is not JSON, or of another format.
        """
        return self._cell(key, self._files.read(_name_of(key)))

    def read_all(self, keys: Iterable[str]) -> Iterator[CellRecord]:
        """Read the cells of these keys, one after another; see `read`."""
        wanted = list(keys)
        return map(self._cell, wanted, self._files.read_all([_name_of(key) for key in wanted]))

    def cells(self) -> list[CellRecord]:
        """Read all cells: those of the study in its order, then others there may be."""
        stored, manifest = self.keys(), self.manifest()
        ordered = list(manifest.cells) if manifest else []
        return list(self.read_all(key for key in [*ordered, *sorted(stored.difference(ordered))] if key in stored))

    def write(self, cell: CellRecord) -> None:
        """Write a cell, in place of one of the same key."""
        content = json.dumps(cell.document, allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._files.write(_name_of(cell.key), content.encode())

    def manifest(self) -> StudyManifest | None:
        """Read the manifest of the study; None where there is none.

        Raises:
            ValueError: The file is not JSON, or of another format.
        """
        try:
            content = self._files.read(STUDY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return StudyManifest.from_document(self._document(STUDY, content))

    def write_manifest(self, manifest: StudyManifest) -> None:
        """Write the manifest of the study."""
        content = json_text(manifest.document()) + "\n"
        self._files.write(STUDY, content.encode())

    def locked(self) -> AbstractContextManager[None]:
        """Keep the store to oneself, and sweep away the half-written files of runs that were killed.

        Raises:
            OSError: Another run works there, or nothing can be written.
        """
        return self._files.locked()

    def _cell(self, key: str, content: bytes) -> CellRecord:
        path, document = self._files.path(_name_of(key)), self._document(_name_of(key), content)
        if document.get("format") != FORMAT:
            raise ValueError(f"{path} has format {document.get('format')!r}; this batchsift reads {FORMAT}")
        try:
            check_head(document, key)
        except ValueError as error:
            raise ValueError(f"{path} is no cell: {error}; remove it") from error
        return CellRecord(document)

    def _document(self, name: str, content: bytes) -> Mapping[str, Any]:
        try:
            document: Mapping[str, Any] = json.loads(content.decode())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self._files.path(name)} is not a JSON document: {error}; remove it") from error
        if not isinstance(document, dict):
            raise ValueError(f"{self._files.path(name)} is not what batchsift wrote: {described(document)}; remove it")
        return document


class FolderFiles:
    """The files of a folder of this machine.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.folder / name)

    def names(self, folder: str) -> set[str]:
        """Return the names of the files in a folder, which need not be there."""
        return {path.name for path in (self.folder / folder).glob("*")}

    def read(self, name: str) -> bytes:
        """Read a file."""
        return (self.folder / name).read_bytes()

    def read_all(self, names: Sequence[str]) -> Iterator[bytes]:
        """Read files, one after another."""
        return map(self.read, names)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all, even if the power fails."""
        path = PurePosixPath(name)
        write(self.folder / path.parent, {path.name: content})

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, and sweep away the half-written files of runs that were killed."""
        return locked(self.folder, CELLS, SEARCH)


def _name_of(key: str) -> str:
    return f"{CELLS}/{key}.json"


def is_address(place: str) -> bool:
    """Return whether a place is reached through fsspec, rather than as a folder.

    >>> is_address("s3://bucket/study"), is_address("results/study"), is_address("file:///results/study")
    (True, False, False)
    """
    return "://" in place and not place.startswith(LOCAL)


def _files_at(place: str) -> Files:
    if not is_address(place):
        return FolderFiles(Path(place.removeprefix(LOCAL)))
    from batchsift.studies.remote import RemoteFiles  # noqa: PLC0415 (fsspec, for those who need it)

    return RemoteFiles(place)
