"""Changes to text: of its bytes, its lines, its cells, and of all of it."""

import re
from random import Random

from .mutations import mutated

TOKENS = [b"", b" ", b"0", b"1", b"-1", b"2", b"0.5", b"nan", b"NaN", b"inf", b"-inf", b"1e999", b"-1e308", b"1" * 400]
TOKENS += [
    b"1" * 5000,
    b"x",
    b"yes",
    b"No",
    b"TRUE",
    b"?",
    b"NA",
    b"<NA>",
    b"None",
    b"2021-03-04",
    b"03/04/2021",
    b"99:99",
]
TOKENS += [
    b"1,5",
    b"1_000",
    b"0x1",
    b"1e5",
    b"'",
    b'"',
    b'""',
    b'"a,b"',
    b"[1, 0]",
    b"['a']",
    b"[[1],[2]]",
    b"(1",
    b"{}",
]
TOKENS += [
    b"\0",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xc3\xa9",
    b"\xe2\x80\xae",
    b"=1+1",
    b"../x",
    b"/dev/null",
    b"9" * 18,
    b"2**40",
]
TOKENS += [
    b"id",
    b"red",
    b"-0",
    b"1099511627776",
    b"-9223372036854775809",
    b"\xef\xbb\xbf",
    b"[" * 300,
    b"a" * 3000,
    b"1:1:1",
]
TOKENS += [b"2020-13-45T99", b"1970-01-01T00:00:00+99:99", b"0001-01-01", b"9999-12-31 23:59:60", b"12:30", b"1 day"]


def changed(random: Random, content: bytes, count: int, marks: bytes, *, header: int = 1) -> bytes:
    """Return a text after some changes.

    Args:
        random: What decides.
        content: The text.
        count: How many changes.
        marks: The bytes that part its cells.
        header: How many lines say what the others hold.
    """
    for _ in range(count):
        kind = random.random()
        if kind < 0.25:
            content = mutated(random, content)
        elif kind < 0.45:
            content = _lines(random, content, header)
        elif kind < 0.85:
            content = _cells(random, content, marks)
        else:
            content = random.choice(_WHOLE)(random, content, marks)
    return content


def _lines(random: Random, content: bytes, header: int) -> bytes:
    lines = content.split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    way = random.randrange(7)
    if way == 0:
        lines.insert(first, lines[second])
    elif way == 1:
        del lines[first]
    elif way == 2:
        lines[first], lines[second] = lines[second], lines[first]
    elif way == 3:
        lines = lines[:header]
    elif way == 4:
        lines = lines[header:]
    elif way == 5:
        lines[first] += lines[second]
    else:
        lines.insert(first, random.choice([b"", b" ", b"\t", b"#", b"% x", b"@data", b'"', b"\r"]))
    return b"\n".join(lines)


def _cells(random: Random, content: bytes, marks: bytes) -> bytes:
    parts = re.split(b"([" + re.escape(marks) + b"]+)", content)
    place = random.randrange(len(parts))
    way = random.randrange(6)
    if way < 3:
        parts[place] = random.choice(TOKENS)
    elif way == 3:
        parts[place] = random.choice(parts)
    elif way == 4:
        del parts[place]
    else:
        parts.insert(place, parts[place])
    return b"".join(parts)


def _column(random: Random, content: bytes, marks: bytes) -> bytes:
    """Fill, double or lose one column of all lines."""
    mark = marks[:1]
    rows = [line.split(mark) for line in content.split(b"\n")]
    place = random.randrange(max(map(len, rows)))
    token = random.choice(TOKENS)
    way = random.randrange(5)
    for number, row in enumerate(rows):
        if place >= len(row):
            continue
        if way == 0 and number:
            row[place] = token
        elif way == 1:
            row.insert(place, row[place])
        elif way == 2:
            del row[place]
        elif way == 3 and number % 2:
            row[place] = token
        elif way == 4:
            row[place] = b'"' + row[place] + b'"'
    return b"\n".join(mark.join(row) for row in rows)


def _encoded(random: Random, content: bytes, _: bytes) -> bytes:
    return content.decode("latin-1").encode(
        random.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"])
    )


def _line_ends(random: Random, content: bytes, _: bytes) -> bytes:
    return content.replace(b"\n", random.choice([b"\r\n", b"\r", b"\n\r", b"\n\n", b"", b"\x85", b"\x0c", b"\0"]))


def _other_marks(random: Random, content: bytes, marks: bytes) -> bytes:
    mark = random.choice([bytes([mark]) for mark in marks])
    return content.replace(mark, random.choice([b";", b"\t", b"|", b" ", b"::", b'","', b"\n", b"\0", b","]))


def _many(random: Random, content: bytes, marks: bytes) -> bytes:
    """Repeat a piece many times."""
    place, count = random.randrange(len(content) + 1), random.choice([100, 1000])
    return (
        content[:place]
        + random.choice([content[place : place + 5], marks[:1], b"[", b"(", b'"', b"\n"]) * count
        + content[place:]
    )


_WHOLE = (_column, _column, _column, _encoded, _line_ends, _other_marks, _many)
