"""Packed texts: damaged, of other kinds than they say, one in another, and bombs."""

import bz2
import gzip
import io
import lzma
import zipfile
from random import Random

import zstandard

from .mutations import mutated


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("t.csv"), content)
    return file.getvalue()


PACKERS = {
    ".gz": lambda content: gzip.compress(content, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: zstandard.ZstdCompressor().compress(content),
    ".zip": _zip,
}


def packed(random: Random, content: bytes, ending: str, count: int) -> bytes:
    """Return the content packed, after some changes."""
    if count and random.random() < 0.02:
        content += b"0" * 150_000_000  # more than the limit of these trials
    way = random.randrange(6) if count else 0
    if way == 1:
        ending = random.choice(list(PACKERS))  # the name says another
    result = PACKERS[ending](content)
    if way == 2:
        result += random.choice([result, b"\0", b"x" * 100, PACKERS[".gz"](b"more\n")])
    elif way == 3:
        result = PACKERS[ending](result)
    elif way == 4 and ending == ".zip":
        result = _strange_zip(random, content)
    elif way >= 4:
        for _ in range(count):
            result = mutated(random, result)
    return result


def _strange_zip(random: Random, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(
        file, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    ) as archive:
        names = [
            "",
            "../t.csv",
            "/etc/t.csv",
            "t.csv",
            "a/b/t.csv",
            "t.xlsx",
            "t.csv.gz",
            "x\x1b.csv",
            "__MACOSX/t.csv",
            "d/",
        ]
        for name in random.choices(names, k=random.choice([0, 1, 1, 2])):
            info = zipfile.ZipInfo(name)
            archive.writestr(info, b"" if name.endswith("/") else content)
    return file.getvalue()
