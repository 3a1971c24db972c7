"""What happens to files: bytes lost, doubled, swapped, replaced."""

import re
from random import Random

TROUBLE = [
    b"'",
    b'"',
    b"\\",
    b"%",
    b" %",
    b"{",
    b"}",
    b",",
    b"?",
    b"\t",
    b" ",
    b"\n",
    b"\r",
    b"\0",
    b"\x0b",
    b"\xff",
    b"\xc3",
]
TROUBLE += [
    b"\xa0",
    b"\xc2\xa0",
    b"\xe3\x80\x80",
    b",\n",
    b"'?'",
    b"1",
    b"0",
    b"-",
    b"e",
    b".",
    b"nan",
    b"NA",
    b"<NA>",
    b"none",
    b"inf",
    b"1e999",
    b"0x1",
    b"1_0",
    b"999999999999",
    b"{}",
    b"{0 1}",
]
TROUBLE += [b"@", b"@data\n", b"@attribute z {0,1}\n", b"\x1f\x8b", b"\xef\xbb\xbf", b"-C 1", b"[0,1]"]


def mutated(random: Random, content: bytes) -> bytes:
    """The content after one to three accidents."""
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        content = random.choice(ACCIDENTS)(random, content)
    return content


def _span(random, content, longest=12):
    start = random.randint(0, len(content))
    return start, min(len(content), start + random.randint(1, longest))


def lose(random, content):
    start, end = _span(random, content, random.choice([1, 12]))
    return content[:start] + content[end:]


def insert(random, content):
    place = random.randint(0, len(content))
    return content[:place] + random.choice(TROUBLE) + content[place:]


def replace(random, content):
    start = random.randint(0, len(content))
    return content[:start] + random.choice(TROUBLE) + content[start + 1 :]


def flip(random, content):
    if not content:
        return content
    place = random.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << random.randrange(8))]) + content[place + 1 :]


def double(random, content):
    start, end = _span(random, content)
    return content[:end] + content[start:]


def truncate(random, content):
    return content[: random.randint(0, len(content))]


def move_line(random, content):
    """Takes a line out, and puts it back in elsewhere, or twice, or not at all."""
    lines = content.split(b"\n")
    line = lines.pop(random.randrange(len(lines)))
    for _ in range(random.randint(0, 2)):
        lines.insert(random.randint(0, len(lines)), line)
    return b"\n".join(lines)


def swap(random, content):
    """Exchanges two of the pieces between separators."""
    separator = random.choice([b",", b" ", b"\n", b"{", b"'"])
    parts = content.split(separator)
    first, second = random.randrange(len(parts)), random.randrange(len(parts))
    parts[first], parts[second] = parts[second], parts[first]
    return separator.join(parts)


def renumber(random, content):
    """Writes another small number in place of one, be it a value, an index or a count."""
    numbers = list(re.finditer(rb"[0-9]+", content))
    if not numbers:
        return content
    number = random.choice(numbers)
    return content[: number.start()] + random.choice(SMALL) + content[number.end() :]


def add_row(random, content):
    """A row that leaves out everything, or a little, somewhere in the last lines."""
    lines = content.split(b"\n")
    row = random.choice([b"{}", b"{0 1}", b"{0 ?}", b"{1 0, 0 1}"])
    lines.insert(len(lines) - random.randint(0, min(3, len(lines))), row)
    return b"\n".join(lines)


def end_line(random, content):
    """Something that may follow a row."""
    lines = content.split(b"\n")
    lines[-random.randint(1, min(4, len(lines)))] += random.choice(ENDS)
    return b"\n".join(lines)


SMALL = [b"0", b"1", b"2", b"3", b"5", b"8", b"10", b"007", b"1.0", b"-1", b"yes", b"NO"]
ENDS = [b" {2}", b",{0.5}", b", {x}", b"{-1}", b" {1} {1}", b" % {", b"%", b",", b" ,?", b"\t", b"\t1", b"}", b"},{1"]
GRAMMATICAL = [renumber, renumber, renumber, add_row, end_line]
RAW = [lose, lose, insert, insert, insert, replace, replace, flip, double, truncate, move_line, move_line, swap]
ACCIDENTS = GRAMMATICAL * 2 + RAW
