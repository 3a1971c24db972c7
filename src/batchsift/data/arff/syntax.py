"""What header and rows have in common: quotes, numbers, and a line that can say where in it a mistake stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

# Inside quotes a backslash takes the meaning from the character after it.
QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
# Only spaces of ASCII separate, as in Weka; others of Unicode, such as U+00A0 and U+3000, are letters.
BLANK = r"\t-\r\x1c-\x20"
UNQUOTED = rf"""[^{BLANK},'"{{}}]+"""
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
WEIGHT = rf"\{{[ \t]*{NUMBER}[ \t]*\}}"

_BLANKS = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"[ \t]*(?:%.*)?", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file.

    Args:
        path: The file.
        number: The number of the line in it, from 1.
        text: The text, without the line's end.
        parts: Where further lines start in the text that go on with it, and their numbers.
    """

    path: Path
    number: int
    text: str
    parts: tuple[tuple[int, int], ...] = ()

    def mistake(self, position: int, message: str) -> ValueError:
        """Return the error for what stands at a position (from 0) of the text; as a column it counts from 1."""
        start, number = next((part for part in reversed(self.parts) if part[0] <= position), (0, self.number))
        return ValueError(f"{self.path}, line {number}, column {position - start + 1}: {message}")

    def joined(self, others: Sequence["Line"]) -> "Line":
        """Return one line of this one and those that go on with it; between two of them stands a blank."""
        starts = accumulate((len(line.text) + 1 for line in (self, *others[:-1])), initial=0)
        parts = tuple((start, line.number) for start, line in zip(starts, (self, *others), strict=True))
        return Line(self.path, self.number, " ".join(line.text for line in (self, *others)), parts)

    def ends_at(self, position: int) -> bool:
        """Return whether nothing follows but blanks and a comment."""
        return _COMMENT.fullmatch(self.text, position) is not None

    def after_blanks(self, position: int) -> int:
        """Return the next position without a blank."""
        match = _BLANKS.match(self.text, position)
        return match.end() if match else position


def decoded(line: bytes) -> str:
    """Return a line as text: UTF-8 where it is that, else Latin-1."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def unquoted(text: str) -> str:
    r"""Take off the quotes, if there are any, and the backslashes within them.

    >>> unquoted(r"'Swainson\'s Thrush'")
    "Swainson's Thrush"
    """
    if text[0] not in "'\"":
        return text
    return re.sub(r"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1])
