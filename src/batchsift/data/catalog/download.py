"""Downloads one file by pooch, so that what stands at its place is always whole and as published.

pooch fetches into a folder beside the file, compares SHA-256 and tries again after errors that may pass. What it does
not know stands here: git's checksums, which refusals are final, and what to tell the user.
"""

import errno
import hashlib
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

Progress = Callable[[int, int | None], None]

CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|git-blob:[0-9a-f]{40}")
RETRIES = 3  # pooch waits 1, 2 and 3 seconds before them
TIMEOUTS = (10.0, 30.0)  # seconds: for a connection, and between two pieces
_CHUNK_BYTES = 1 << 16
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class DownloadError(OSError):
    """A file could not be fetched; the message says why and what can be done."""


def download(address: str, target: Path, *, checksum: str | None = None, on_progress: Progress | None = None) -> None:
    """Fetch a file. One process at a time: hold a lock.

    Args:
        address: The address of the file; redirects are followed.
        target: The path to put it at; its folder is made if needed.
        checksum: `sha256:` and 64 digits, or `git-blob:` and 40; None takes what comes.
        on_progress: Called with the bytes that are there and the bytes expected (None: the server does not say).

    Raises:
        DownloadError: The server refuses or cannot be reached, the content is wrong, or it cannot be stored.
            `target` is then as it was.
    """
    import pooch  # noqa: PLC0415 (an extra)
    import requests  # noqa: PLC0415 (an extra)

    def fetch_and_check(url: str, output_file: str, _: Any) -> None:
        with ExitStack() as responses:  # pooch leaves them open where something goes wrong

            def close_later(response: requests.Response, **_: Any) -> None:
                responses.callback(response.close)

            fetch = pooch.HTTPDownloader(
                progressbar=_ProgressBar(on_progress) if on_progress else False,
                chunk_size=_CHUNK_BYTES,
                timeout=TIMEOUTS,
                headers={"User-Agent": "batchsift", "Accept-Encoding": "identity"},
                hooks={"response": close_later},
            )
            try:
                fetch(url, output_file, None)
            except requests.HTTPError as error:
                if error.response is not None and error.response.status_code not in _PASSING_STATUS:
                    raise DownloadError(_refusal(error.response, address, target)) from error  # pooch asks no more
                raise
        if checksum is not None and not matches(Path(output_file), checksum):
            raise ValueError("wrong content")  # pooch fetches it again

    folder = target.with_name(f"{target.name}.unfinished")
    with storage_explained(target), _silent(pooch.get_logger()):
        shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
        try:
            folder.mkdir(parents=True)
            server = pooch.create(
                folder, "", registry={target.name: None}, urls={target.name: address}, retry_if_failed=RETRIES
            )
            server.fetch(target.name, downloader=fetch_and_check)
            (folder / target.name).replace(target)
        except ValueError as error:
            raise DownloadError(
                f"{address} has the wrong content, whose checksum is not {checksum}; nothing was kept. "
                f"The file was changed or damaged on its way; if you have the right one, put it at {target}"
            ) from error
        except requests.RequestException as error:
            reason = getattr(error.args[0] if error.args else None, "reason", error)
            raise DownloadError(
                f"{address} could not be fetched in {1 + RETRIES} attempts: {reason}. Is there an internet connection "
                f"(HTTP_PROXY, HTTPS_PROXY)? You can also put the file at {target} yourself"
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def matches(path: Path, checksum: str) -> bool:
    """Return whether a file has a checksum, `sha256:...` or `git-blob:...`.

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
    start = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: start).hexdigest() == expected


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def storage_explained(target: Path) -> Iterator[None]:
    """Raise a `DownloadError` that explains a disk that is full or a folder that is closed."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "there is no space left: free some"
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            what = "it may not be written there"
        else:
            what = str(error)
        raise DownloadError(
            f"cannot store {target}: {what}. The environment variable BATCHSIFT_CACHE names another folder"
        ) from error


class _ProgressBar:
    """What pooch takes for a progress bar: it sets `total` and tells how many bytes more there are."""

    total = 0

    def __init__(self, on_progress: Progress) -> None:
        self._on_progress, self._done = on_progress, 0

    def update(self, num_bytes: int) -> None:
        """Report more bytes; pooch counts the last piece as a whole one."""
        self._done += num_bytes
        self._on_progress(min(self._done, self.total or self._done), self.total or None)

    def reset(self) -> None:
        """Keep the count: `update` with the total comes next and last."""

    def close(self) -> None:
        """Do nothing: who shows the progress ends it."""


def _refusal(response: Any, address: str, target: Path) -> str:
    moved = f" (redirected to {response.url})" if response.url != address else ""
    return (
        f"{address}{moved} cannot be had: the server answers {response.status_code} {response.reason}. The file may "
        f"have moved: if you find it elsewhere, put it at {target}; it is checked there as well"
    )


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Keep a logger from saying on stderr what the user is told otherwise."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
