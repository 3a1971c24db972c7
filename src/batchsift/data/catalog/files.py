"""The files of the named data sets: from their address into the cache, whole and checked.

A file without a published checksum is taken on trust once: the SHA-256 of the first download is written beside it
(`<file>.sha256`) and holds from then on, unless the file turns out not to be the data set that was published.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

from batchsift.data.catalog.download import DownloadError, download, matches, sha256, storage_explained
from batchsift.data.catalog.table import Entry, File

FileProgress = Callable[[str, int, int | None], None]
Notice = Callable[[str], None]


def say(message: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"{message}\n")


def no_progress(name: str, done: int, total: int | None) -> None:
    """Show nothing."""


def cache_folder() -> Path:
    """Return where downloads are kept: BATCHSIFT_CACHE, or the platform's cache folder."""
    from pooch import os_cache  # noqa: PLC0415 (an extra)

    return Path(os.environ.get("BATCHSIFT_CACHE") or os_cache("batchsift")).expanduser()


def is_offline(offline: bool | None) -> bool:
    """Return whether downloads are refused; None asks the environment variable BATCHSIFT_OFFLINE."""
    if offline is not None:
        return offline
    return os.environ.get("BATCHSIFT_OFFLINE", "").strip().casefold() not in ("", "0", "false", "no", "off")


def is_cached(entry: Entry) -> bool:
    """Return whether all that loading needs lies in the cache; says nothing about its content, which loading checks."""
    if entry.openml is not None:
        return openml_marker(entry.openml).is_file()
    return all(_cached_path(entry, file).is_file() for file in _wanted(entry, entry.parts))


def openml_marker(data_id: int) -> Path:
    """Return the file that says that all of an OpenML data set lies in the cache."""
    return cache_folder() / "openml" / f"{data_id}.complete"


def fetch(
    entry: Entry,
    *,
    parts: Sequence[str] | None = None,
    offline: bool | None = None,
    on_progress: FileProgress = no_progress,
    notice: Notice = say,
) -> dict[str, Path]:
    """Bring the files of a data set into the cache, unless they are there and right.

    Several processes may do this at once: one downloads, the others wait.

    Args:
        entry: The data set, one with `files`.
        parts: Some of "whole", "train", "test"; what makes up all samples by default. Their label file comes along.
        offline: Refuse to download; None asks BATCHSIFT_OFFLINE.
        on_progress: Called with a file's name, the bytes that are there and those expected.
        notice: Takes a line for the user.

    Returns:
        Where the file of each part lies.

    Raises:
        DownloadError: It cannot be had, stored, or is not what was published; nothing wrong is left in place.
    """
    parts = tuple(parts or entry.parts)
    files = _wanted(entry, parts)
    places = {file.part: _cached_path(entry, file) for file in files}
    missing = [file for file in files if not _is_right(file, places[file.part])]
    if not missing:
        return places
    absent = [file for file in missing if _checksum(file, places[file.part]) or not places[file.part].is_file()]
    if absent and is_offline(offline):
        split = "" if parts == entry.parts else " --split"
        raise DownloadError(
            f"{entry.name} is not in the cache {cache_folder()} (missing or damaged: "
            f"{', '.join(places[file.part].name for file in absent)}) and downloads are switched off "
            "(BATCHSIFT_OFFLINE, offline=True). Where there is a network, run "
            f"`batchsift datasets fetch {entry.name}{split}`"
        )
    folder = cache_folder() / entry.name
    with storage_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / ".lock", entry, notice):
            for file in missing:
                place = places[file.part]
                if not _is_right(file, place):  # another process may have been faster
                    _download(file, place, on_progress, notice)
    return places


def forget(entry: Entry) -> None:
    """Remove the files that were taken on trust, and what was recorded of them."""
    for file in entry.files:
        if file.checksum is None:
            for path in (_cached_path(entry, file), _record(_cached_path(entry, file))):
                path.unlink(missing_ok=True)


def _wanted(entry: Entry, parts: Sequence[str]) -> list[File]:
    return [file for file in entry.files if file.part in (*parts, "labels")]


def _cached_path(entry: Entry, file: File) -> Path:
    """Return where a file goes: `yeast-train.arff`, `yeast.xml`, so that the readers find one by the other."""
    original = urlsplit(file.address).path.rpartition("/")[2]
    ending = original[original.index(".svm") :] if ".svm" in original else Path(original).suffix
    tail = f"-{file.part}" if file.part in ("train", "test") else ""
    return cache_folder() / entry.name / f"{entry.name}{tail}{ending}"


def _record(place: Path) -> Path:
    return place.with_name(place.name + ".sha256")


def _checksum(file: File, place: Path) -> str | None:
    """Return the checksum that is published, else what was recorded."""
    if file.checksum is not None or not _record(place).is_file():
        return file.checksum
    return "sha256:" + _record(place).read_text("ascii", errors="replace").strip()[:64]


def _is_right(file: File, place: Path) -> bool:
    checksum = _checksum(file, place)
    return checksum is not None and place.is_file() and matches(place, checksum)


def _download(file: File, place: Path, on_progress: FileProgress, notice: Notice) -> None:
    checksum = _checksum(file, place)
    if checksum is None and place.is_file():
        notice(f"{place} was put there by hand; no checksum is published for it")
    else:
        size = f" ({file.bytes / 1e6:.1f} MB)" if file.bytes else ""
        notice(f"downloading {place.name}{size} from {urlsplit(file.address).netloc} to {place.parent}")
        download(
            file.address,
            place,
            checksum=checksum,
            on_progress=lambda done, total: on_progress(place.name, done, total),
        )
    if checksum is None:
        digest = sha256(place)
        _record(place).write_text(f"{digest}\n", "ascii")
        notice(f"no checksum is published for {place.name}: sha256:{digest} is recorded and checked from now on")


def _lock(path: Path, entry: Entry, notice: Notice) -> AbstractContextManager[object]:
    """Return a lock that one process holds at a time; it is gone with the process, however that ends."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 (an extra)

    lock = FileLock(path)
    try:
        return lock.acquire(timeout=1)
    except Timeout:
        notice(f"another process is fetching {entry.name}; waiting for it")
        return lock.acquire()
