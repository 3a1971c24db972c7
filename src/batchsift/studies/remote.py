"""The files of a store that is no folder: what fsspec reaches, such as `s3://`, `gs://` or `az://`.

A cell is written by its own name in one go, which an object store shows whole or not at all.

Most such places have no locks, and not all can create a file only if there is none. So a run keeps a store to itself
by a rule that needs neither:

1. It writes a claim, `claims/<own name>.json`, and writes it anew every few seconds, counting: a sign of life.
2. Then it looks at the claims of others. One that changes is of a run that lives: the newcomer takes its own claim
   back and refuses. One that does not change for so long that several signs of life are missing is of a run that was
   killed: it is removed. No clocks of different machines are compared.

Of two runs that begin at once at least one sees the other, since each writes before it looks; if both do, both refuse.
A run that was thought dead for want of a connection does no harm: a cell has the same numbers, whoever writes it.
"""

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import fsspec

from batchsift.messages import warn

CLAIMS = "claims"
AT_ONCE = 64  # files that are read together


class RemoteFiles:
    """The files at an address.

    Args:
        address: What fsspec reaches, such as `"s3://bucket/study"`.
        beat: Seconds between two signs of life of a run that holds the files.
        patience: Seconds without a sign of life after which a run is taken for dead.

    Raises:
        ValueError: The address is of no known kind.
        ImportError: The package for such addresses is not installed.
    """

    def __init__(self, address: str, *, beat: float = 10.0, patience: float = 60.0) -> None:
        self._address = address.rstrip("/")
        self._files, self._root = fsspec.core.url_to_fs(self._address)
        self._beat, self._patience = beat, patience

    def path(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self._address}/{name}"

    def names(self, folder: str) -> set[str]:
        """Return the names of the files in a folder, which need not be there."""
        with self._errors_explained():
            self._files.invalidate_cache()  # of listings: other machines write too
            try:
                return {path.rpartition("/")[2] for path in self._files.ls(f"{self._root}/{folder}", detail=False)}
            except FileNotFoundError:
                return set()

    def read(self, name: str) -> bytes:
        """Read a file."""
        with self._errors_explained():
            content: bytes = self._files.cat_file(f"{self._root}/{name}")
            return content

    def read_all(self, names: Sequence[str]) -> Iterator[bytes]:
        """Read files, many at a time where the package can: a request takes long."""
        for first in range(0, len(names), AT_ONCE):
            paths = [f"{self._root}/{name}" for name in names[first : first + AT_ONCE]]
            with self._errors_explained():
                contents: dict[str, bytes] = self._files.cat(paths)
            yield from map(contents.__getitem__, paths)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all where the place is an object store."""
        with self._errors_explained():
            self._files.pipe_file(f"{self._root}/{name}", content)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Claim the files, see above, and give signs of life."""
        claim = f"{uuid.uuid4().hex}.json"
        over = threading.Event()
        with self._errors_explained():
            for folder in (CLAIMS, "cells"):
                self._files.makedirs(f"{self._root}/{folder}", exist_ok=True)
        self._give_sign(claim, 0)
        life = threading.Thread(target=self._live, args=(claim, over), daemon=True)
        life.start()
        try:
            self._outlive_others(claim)
            yield
        finally:
            over.set()
            life.join()
            with suppress(OSError):
                self._remove(claim)

    def _live(self, claim: str, over: threading.Event) -> None:
        count = 0
        while not over.wait(self._beat):
            count += 1
            with suppress(OSError):  # the connection may be back for the next
                self._give_sign(claim, count)

    def _give_sign(self, claim: str, count: int) -> None:
        who = {"machine": platform.node(), "process": os.getpid()}
        content = {**who, "signs": count, "latest": datetime.now(UTC).isoformat(timespec="seconds")}
        self.write(f"{CLAIMS}/{claim}", json.dumps(content).encode())

    def _outlive_others(self, own: str) -> None:
        """Wait until no other run has a claim.

        Raises:
            BlockingIOError: Another run lives.
        """
        others = {name: self._sign_of(name) for name in self.names(CLAIMS) - {own}}
        if others:
            warn(
                f"another run works at {self._address}, or was killed there: waiting up to {self._patience:g} s for a "
                f"sign of life: {b' '.join(sign for sign in others.values() if sign).decode()}"
            )
        end = time.monotonic() + self._patience
        while others and time.monotonic() < end:
            time.sleep(min(self._beat / 2, 1.0))
            for name, before in list(others.items()):
                now = self._sign_of(name)
                if now is None:
                    del others[name]
                elif now != before:
                    raise BlockingIOError(
                        f"another run works at {self._address}: wait until it is over, stop it, or use another address"
                    )
        for name in others:
            with suppress(OSError):  # another newcomer was faster
                self._remove(name)

    def _sign_of(self, claim: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return self.read(f"{CLAIMS}/{claim}")
        return None

    def _remove(self, claim: str) -> None:
        with self._errors_explained():
            self._files.rm_file(f"{self._root}/{CLAIMS}/{claim}")

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Let what a package for addresses raises on its own be an OSError, as that of a folder would be."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"cannot use {self._address}: {type(error).__name__}: {error}") from error
