"""Text files that may be packed: gzip, bzip2, xz, Zstandard, or a zip archive of one file.

They are known by their first bytes, not by their names. What comes out is counted: a few bytes can unpack to all the
memory there is.
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from batchsift.data.limits import VARIABLE, max_bytes
from batchsift.files import PACKED
from batchsift.messages import first_few

_KINDS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}
_STARTS = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\0": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"PK\x03\x04": ".zip",
    b"PK\x05\x06": ".zip",  # one without files
}
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
_ZSTD_BYTES = 1 << 10  # packed bytes at a time: they can become 32,000 times as many


def packing(path: Path) -> str | None:
    """Return the ending for how a file is packed, such as `.gz`; None where it is not.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(6)
    by_bytes = next((ending for signature, ending in _STARTS.items() if start.startswith(signature)), None)
    return by_bytes or next((ending for ending in PACKED if path.name.lower().endswith(ending)), None)


def inner_name(path: Path) -> str:
    """Return what the file within is called: the name without the ending of the packing, or the one in the archive.

    Raises:
        ValueError: A damaged archive, or one of several files.
    """
    kind = packing(path)
    if kind == ".zip":
        with _translated(path, "zip"), zipfile.ZipFile(path) as archive:
            return Path(_only_member(path, archive).filename).name
    return path.name[: -len(kind)] if kind and path.name.lower().endswith(kind) else path.name


def check_unpacked(path: Path) -> None:
    """Check that a packed file is whole and becomes no more than it may: much sooner done than reading what it holds.

    Raises:
        ImportError: Zstandard without the package for it.
        ValueError: It is damaged, an archive of several files, or more than it may become.
    """
    if packing(path) is not None:
        with opened(path) as file:
            while file.read(1 << 20):
                pass


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, unpacked where it is packed.

    Raises:
        ImportError: Zstandard without the package for it.
        ValueError: From here or while reading: damaged, an archive of several files, or more than it may become.
    """
    kind = packing(path)
    if kind is None:
        with path.open("rb") as plain:
            yield plain
        return
    with _translated(path, _KINDS[kind]):
        stream = _OPENERS[kind](path)
    with stream, io.BufferedReader(_Limited(path, _KINDS[kind], stream), 1 << 16) as file:
        yield cast("BinaryIO", file)


class _Limited(io.RawIOBase):
    """The bytes of an unpacked stream, up to a limit; what is damaged is a `ValueError`."""

    def __init__(self, path: Path, kind: str, stream: IO[bytes]) -> None:
        self._path, self._kind, self._stream = path, kind, stream
        self._left = max_bytes(path)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; see `io.RawIOBase`."""
        with _translated(self._path, self._kind):
            content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(
                f"{self._path} holds {self._path.stat().st_size:,} bytes and unpacks to more than "
                f"{max_bytes(self._path):,}; if the file is to be trusted, set {VARIABLE} in the environment to the "
                "number of bytes it may become"
            )
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def _translated(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except _DAMAGED as error:
        if isinstance(error, RuntimeError) and "password" in str(error):
            raise ValueError(f"{path} is encrypted; unpack it first") from error
        raise ValueError(f"{path} is damaged: it is no complete {kind} file ({error}); fetch it again") from error


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        names = first_few([repr(member.filename) for member in members], shown=8)
        holds = f"{len(members)} files: {names}" if members else "no file"
        raise ValueError(f"{path} holds {holds}; expected one: unpack it, and name the file that is meant")
    return members[0]


def _open_zip(path: Path) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        return archive.open(_only_member(path, archive))  # keeps the file open until it is closed itself


def _open_zstd(path: Path) -> IO[bytes]:
    try:
        import zstandard  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ImportError(f"reading {path.name} needs the package zstandard: pip install zstandard") from error
    return cast("IO[bytes]", io.BufferedReader(_Zstandard(path, zstandard)))


class _Zstandard(io.RawIOBase):
    """A file of one or more frames; zstandard's own reader takes one that breaks off for a whole one."""

    def __init__(self, path: Path, zstandard: Any) -> None:
        self._file = path.open("rb")
        self._error: type[Exception] = zstandard.ZstdError
        self._new: Callable[[], Any] = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new()
        self._is_within = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; see `io.RawIOBase`."""
        while not self._ready:
            packed = self._file.read(_ZSTD_BYTES)
            if not packed:
                if self._is_within:
                    raise EOFError("it breaks off within a frame")
                return 0
            try:
                self._ready = memoryview(b"".join(self._unpacked(packed)))
            except self._error as error:
                raise EOFError(str(error)) from error
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _unpacked(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            self._is_within = True
            yield self._frame.decompress(packed)
            packed = b""
            if self._frame.eof:
                packed = self._frame.unused_data
                self._frame = self._new()
                self._is_within = False


_OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {
    ".gz": lambda path: cast("IO[bytes]", gzip.GzipFile(path)),
    ".bz2": lambda path: cast("IO[bytes]", bz2.BZ2File(path)),
    ".xz": lambda path: cast("IO[bytes]", lzma.LZMAFile(path)),  # noqa: SIM115 (the caller closes it)
    ".zst": _open_zstd,
    ".zip": _open_zip,
}
