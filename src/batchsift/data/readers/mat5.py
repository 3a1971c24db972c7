"""The structure of `.mat` files of versions 5 to 7, looked at before scipy reads them.

scipy's reader takes types and lengths as the file has them, and a wrong one can end the process. What is looked at here
are the tags alone; the values are scipy's. Format: MathWorks, MAT-File Format, chapter 1.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from batchsift.data.limits import VARIABLE, max_bytes

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_INT8, _INT32, _UINT32, _UTF8 = 1, 5, 6, 16
_ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_TEXTS = (1, 2, 4, 16, 17, 18)
_CELL, _CHAR, _SPARSE, _NUMBERS = 1, 4, 5, range(6, 16)
_IS_COMPLEX = 1 << 11
_MOST_DIMENSIONS = 32
_MOST_DEPTH = 4


def check_structure(path: Path) -> None:
    """Check that all tags of a file lead to where they should, and that it unpacks to no more than it may become.

    A file of version 4, which is of another form, is not looked at.

    Raises:
        ValueError: It is no file of these versions, or damaged.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if 0 in header[:4]:
        return
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if order is None:
        raise ValueError("no .mat file: its header does not say so")
    for kind, content in _elements(path, order):
        if kind == _MATRIX:
            _Tags(content, order).check_matrix(0, len(content), depth=0)


def _elements(path: Path, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield the variables of a file, unpacked."""
    left = max_bytes(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(_HEADER_BYTES)
        while tag := file.read(8):
            if len(tag) < 8:
                raise ValueError("it breaks off between two variables")
            kind, length = struct.unpack(f"{order}2I", tag)
            if kind not in (_MATRIX, _COMPRESSED) or file.tell() + length > size:
                raise ValueError(f"it holds an element of kind {kind} and {length:,} bytes; expected a whole variable")
            content = file.read(length)
            if kind == _COMPRESSED:
                unpacker = zlib.decompressobj()
                content = unpacker.decompress(content, left + 1)
                left -= len(content)
                if left < 0:
                    raise ValueError(
                        f"{path} holds {size:,} bytes and unpacks to more than {max_bytes(path):,}; if the file is to "
                        f"be trusted, set {VARIABLE} in the environment to the number of bytes it may become"
                    )
                if not unpacker.eof or len(content) < 8:
                    raise ValueError("a packed variable breaks off")
                kind, length = struct.unpack_from(f"{order}2I", content)
                content = content[8:]
                if kind != _MATRIX or length != len(content):
                    raise ValueError("a packed variable has another length than it declares")
            yield kind, content


class _Tags:
    """The tags within one variable."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content, self._order = content, order

    def check_matrix(self, start: int, end: int, *, depth: int) -> None:
        """Check an array and those within it, if it is of a kind that is read."""
        kind, flags, length, position = self._tag(start, end)
        if kind != _UINT32 or length != 8:
            raise ValueError("a variable without flags")
        (word,) = struct.unpack_from(f"{self._order}I", self._content, flags)
        class_ = word & 0xFF
        kind, place, length, position = self._tag(position, end)
        if kind != _INT32 or length % 4 or not 2 <= length // 4 <= _MOST_DIMENSIONS:
            raise ValueError("a variable without dimensions")
        sizes = struct.unpack_from(f"{self._order}{length // 4}i", self._content, place)
        if min(sizes) < 0:
            raise ValueError(f"a variable of shape {sizes}")
        kind, _, _, position = self._tag(position, end)
        if kind not in (_INT8, _UTF8):
            raise ValueError("a variable without a name")
        count = math.prod(sizes)
        if class_ == _CELL:
            self._check_cells(position, end, count, depth)
        elif class_ == _CHAR:
            self._check_values(position, end, kinds=_TEXTS)
        elif class_ == _SPARSE:
            for _ in range(2):
                position = self._check_values(position, end, kinds=(_INT32, _UINT32))
            self._check_numbers(position, end, None, word)
        elif class_ in _NUMBERS:
            self._check_numbers(position, end, count, word)

    def _check_cells(self, position: int, end: int, count: int, depth: int) -> None:
        if count * 8 > end - position or depth == _MOST_DEPTH:
            raise ValueError(f"a cell array of {count} cells and {end - position} bytes")
        for _ in range(count):
            kind, start, length, position = self._tag(position, end)
            if kind != _MATRIX:
                raise ValueError("a cell that is no array")
            if length:
                self.check_matrix(start, start + length, depth=depth + 1)

    def _check_numbers(self, position: int, end: int, count: int | None, word: int) -> None:
        for _ in range(2 if word & _IS_COMPLEX else 1):
            position = self._check_values(position, end, kinds=tuple(_ITEM_BYTES), count=count)

    def _check_values(self, position: int, end: int, *, kinds: tuple[int, ...], count: int | None = None) -> int:
        """Check an element of these kinds and this many values; return where it ends."""
        kind, _, length, position = self._tag(position, end)
        if kind not in kinds or (kind in _ITEM_BYTES and length % _ITEM_BYTES[kind]):
            raise ValueError(f"values of kind {kind} and {length} bytes")
        if count is not None and length != count * _ITEM_BYTES[kind]:
            raise ValueError(f"{count} values of kind {kind} are declared, in {length} bytes")
        return position

    def _tag(self, position: int, end: int) -> tuple[int, int, int, int]:
        """Return the kind of an element, where it starts, its length, and where the next one starts."""
        if position + 8 > end:
            raise ValueError("a variable breaks off")
        kind, length = struct.unpack_from(f"{self._order}2I", self._content, position)
        if kind >> 16:  # four bytes or fewer stand in the tag itself
            kind, length, start, following = kind & 0xFFFF, kind >> 16, position + 4, position + 8
            is_whole = length <= 4
        else:
            start = position + 8
            following = start + (length + 7) // 8 * 8
            is_whole = start + length <= end
        if not is_whole:
            raise ValueError(f"an element of {length:,} bytes, of which {max(end - start, 0):,} are there")
        return kind, start, length, min(following, end)
