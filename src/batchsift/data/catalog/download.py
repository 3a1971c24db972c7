"""Fetches one file over HTTP so that what stands at its place is always whole and as published.

The bytes go into `<file>.part` beside the file. Broken connections, slow answers and tired servers are tried again,
from where the part ends if the server can do that and the file has a published checksum: without one, nothing could
tell whether two halves belong together, and it is fetched from the start. Only a part with the right checksum is
moved into place, in one step; a wrong one is thrown away.

pooch, which keeps the cache folder's place and computes SHA-256 here, always downloads from the start and does not
know git's checksums, hence the streaming by `requests` (which heeds HTTP_PROXY and its kin).
"""

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int | None], None]

CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|git-blob:[0-9a-f]{40}")
_CHUNK = 1 << 13  # what of a chunk has arrived when the connection breaks is lost
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PART_IS_USELESS = 416  # the range asked for is not in the file


class DownloadError(OSError):
    """A file could not be fetched; the message says why and what can be done."""


class _PassingError(Exception):
    """Something that may be gone when tried again."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often.

    Args:
        retries: Attempts in a row that bring nothing new, after the first.
        pause: Seconds before the first of them; each further pause is twice as long.
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the next bytes.
    """

    retries: int = 3
    pause: float = 1.0
    connect: float = 10.0
    read: float = 30.0


def download(
    address: str,
    target: Path,
    *,
    checksum: str | None = None,
    on_progress: Progress | None = None,
    patience: Patience | None = None,
) -> None:
    """Fetches a file, resuming what an earlier attempt left behind. One process at a time: hold a lock.

    Args:
        address: Of the file; redirects are followed.
        target: Where to put it; its folder is made if needed.
        checksum: `sha256:` and 64 digits, or `git-blob:` and 40; None takes what comes.
        on_progress: Called with the bytes that are there and the bytes expected (None: the server does not say).
        patience: Timeouts and retries.

    Raises:
        DownloadError: The server refuses or cannot be reached, the content is wrong, or it cannot be stored.
            `target` is then as it was.
    """
    patience = patience or Patience()
    report = on_progress or _nothing
    part = target.with_name(target.name + ".part")
    with storage_explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if checksum is None:
            part.unlink(missing_ok=True)
        for _ in range(2):  # a wrong part may be the fault of an earlier attempt: the second starts from nothing
            _fetch_all(address, part, target, resume=checksum is not None, on_progress=report, patience=patience)
            if checksum is None or matches(part, checksum):
                part.replace(target)
                return
            arrived = part.stat().st_size
            part.unlink()
    raise DownloadError(
        f"{address} has the wrong content: {arrived} bytes arrived whose checksum is not {checksum}; nothing was kept. "
        f"The file was changed or damaged on its way; if you have the right one, put it at {target}"
    )


def matches(path: Path, checksum: str) -> bool:
    """Whether a file has a checksum.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "hello"
    ...     _ = path.write_bytes(b"hello")
    ...     matches(path, "git-blob:b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0")
    True
    """
    kind, _, expected = checksum.partition(":")
    if kind == "sha256":
        return sha256(path) == expected
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == expected


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    from pooch import file_hash  # noqa: PLC0415 (an extra)

    digest: str = file_hash(str(path), alg="sha256")
    return digest


def _nothing(done: int, total: int | None) -> None:
    """Shows no progress."""


def _fetch_all(
    address: str, part: Path, target: Path, *, resume: bool, on_progress: Progress, patience: Patience
) -> None:
    """Tries until the part holds all that the server has, or as long as attempts bring something new."""
    furthest, fruitless = 0, 0
    while True:
        try:
            return _fetch(address, part, target, resume=resume, on_progress=on_progress, patience=patience)
        except _PassingError as error:
            reached = part.stat().st_size if part.exists() else 0
            fruitless = 0 if reached > furthest else fruitless + 1
            furthest = max(furthest, reached)
            if fruitless > patience.retries:
                kept = "; what arrived is kept, the next attempt goes on from there" if resume and reached else ""
                raise DownloadError(
                    f"{address} could not be fetched in {fruitless} attempts: {error}{kept}. Is there an internet "
                    f"connection (HTTP_PROXY, HTTPS_PROXY)? You can also put the file at {target} yourself"
                ) from error
            time.sleep(patience.pause * 2 ** max(fruitless - 1, 0))


def _fetch(address: str, part: Path, target: Path, *, resume: bool, on_progress: Progress, patience: Patience) -> None:
    """One request; what arrives goes to the end of the part."""
    import requests  # noqa: PLC0415 (an extra)

    start = part.stat().st_size if resume and part.exists() else 0
    headers = {"User-Agent": "batchsift", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    passing = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    )
    try:
        timeout = (patience.connect, patience.read)
        with requests.get(address, headers=headers, stream=True, timeout=timeout) as response:
            if start and _is_complete(response, start):
                return
            _check_status(response, address, target)
            if response.status_code != requests.codes.partial:
                start = 0  # the server sends everything, whatever was asked for
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                part.unlink(missing_ok=True)
                raise _PassingError(f"the server sent {response.headers.get('Content-Range')!r} of the file")
            _store(response, part, start, on_progress)
    except passing as error:
        raise _PassingError(str(getattr(error.args[0] if error.args else None, "reason", error))) from error
    except requests.RequestException as error:
        raise DownloadError(f"{address} could not be fetched: {error}") from error


def _is_complete(response: "requests.Response", start: int) -> bool:
    """Whether the part is the whole file already; one that is longer than the file is thrown away by the caller."""
    return response.status_code == _PART_IS_USELESS and response.headers.get("Content-Range") == f"bytes */{start}"


def _check_status(response: "requests.Response", address: str, target: Path) -> None:
    status = f"{response.status_code} {response.reason}"
    if response.status_code in _TRY_AGAIN:
        raise _PassingError(f"the server answers {status}")
    if response.status_code == _PART_IS_USELESS:
        target.with_name(target.name + ".part").unlink(missing_ok=True)
        raise _PassingError(f"the server answers {status}")
    if not response.ok:
        moved = f" (redirected to {response.url})" if response.url != address else ""
        raise DownloadError(
            f"{address}{moved} cannot be had: the server answers {status}. The file may have moved: if you find it "
            f"elsewhere, put it at {target}; it is checked there as well"
        )


def _store(response: "requests.Response", part: Path, start: int, on_progress: Progress) -> None:
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() else None
    done = start
    on_progress(done, total)
    with part.open("ab" if start else "wb") as file:
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            on_progress(done, total)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def storage_explained(target: Path) -> Iterator[None]:
    """A disk that is full or a folder that is closed, in words."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "there is no space left: free some; what arrived is kept"
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            what = "it may not be written there"
        else:
            what = str(error)
        raise DownloadError(
            f"cannot store {target}: {what}. The environment variable BATCHSIFT_CACHE names another folder"
        ) from error
