"""The bytes of a file in chunks of whole lines, unpacked where it is compressed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batchsift.data.packed import opened

CHUNK_BYTES = 1 << 22  # large enough that what the CSV parser does for each column is little
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
        ValueError: If a packed file is damaged, ends too early, or unpacks to more than it may become.
    """
    line = 1
    with opened(path) as stream:
        while content := stream.read(CHUNK_BYTES) + stream.readline():
            if line == 1:
                content = content.removeprefix(_BYTE_ORDER_MARK)
            if b"\r" in content:
                content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if not content.endswith(b"\n"):
                content += b"\n"
            yield Chunk(content, line)
            line += content.count(b"\n")
