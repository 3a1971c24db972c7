"""What header and rows have in common: quotes, numbers, and a line that can say where in it a mistake stands."""

import re
from dataclasses import dataclass
from pathlib import Path

# Inside quotes a backslash takes the meaning from the character after it.
QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
UNQUOTED = r"""[^\s,'"{}]+"""
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
    """

    path: Path
    number: int
    text: str

    def mistake(self, position: int, message: str) -> ValueError:
        """Return the error for what stands at a position (from 0) of the text; as a column it counts from 1."""
        return ValueError(f"{self.path}, line {self.number}, column {position + 1}: {message}")

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
