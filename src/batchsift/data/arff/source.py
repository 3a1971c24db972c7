"""The bytes of a file in chunks of whole lines, unpacked where it is compressed."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

CHUNK_BYTES = 1 << 22  # large enough that what the CSV parser does for each column is little
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Chunk:
    r"""Some lines of a file.

    Args:
        content: The lines, each with `\n` at its end, the last one too.
        line: The number of the first of them in the file, from 1.
    """

    content: bytes
    line: int


def read_chunks(path: Path) -> Iterator[Chunk]:
    r"""Read a file chunk by chunk; all kinds of line ends become `\n`.

    Raises:
        ValueError: If a compressed file is damaged or ends too early.
    """
    with path.open("rb") as file:
        is_compressed = file.read(len(_GZIP)) == _GZIP
    line = 1
    with _opened(path, is_compressed) as stream:
        while content := _whole_lines(path, stream):
            if line == 1:
                content = content.removeprefix(_BYTE_ORDER_MARK)
            if b"\r" in content:
                content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if not content.endswith(b"\n"):
                content += b"\n"
            yield Chunk(content, line)
            line += content.count(b"\n")


def _opened(path: Path, is_compressed: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if is_compressed else path.open("rb")


def _whole_lines(path: Path, stream: IO[bytes]) -> bytes:
    try:
        return stream.read(CHUNK_BYTES) + stream.readline()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: it cannot be unpacked to its end ({error}); fetch it again") from error
