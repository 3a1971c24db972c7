"""Line numbers in a TOML file, which `tomllib` does not tell.

`lines_of` looks at text that `tomllib` has read: it is well-formed.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping

Place = tuple[str | int, ...]

_STRING = r'"""(?s:\\.|.)*?"{3,5}|' + r"'''(?s:.)*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'"
_WORD, _MARK = r"[^\s\[\]{}=,#\"'.]+", r"[\[\]{}=,.]|\n"
_TOKEN = re.compile(rf"(?P<comment>#[^\n]*)|(?P<string>{_STRING})|(?P<word>{_WORD})|(?P<mark>{_MARK})")


def lines_of(text: str) -> Mapping[Place, int]:
    r"""Find the line, from 1, of every key and every element of a list.

    >>> lines_of('seeds = [0,\n  1]\n[training]\nepochs = 5')[("training", "epochs")]
    4
    """
    return dict(_Scan(text).places())


def syntax_problem(text: str, error: tomllib.TOMLDecodeError) -> tuple[int, str]:
    r"""Return the line, from 1, where `tomllib` gave up, and what it says.

    >>> try:
    ...     tomllib.loads("folds = 2\nmethods = [random]")
    ... except tomllib.TOMLDecodeError as error:
    ...     syntax_problem("folds = 2\nmethods = [random]", error)
    (2, 'Invalid value (at column 12)')
    """
    match = re.search(r"line (\d+), (?=column \d+\)$)", str(error))
    if match is None:  # "at end of document"
        return text.rstrip().count("\n") + 1, str(error)
    return int(match[1]), str(error).replace(match[0], "")


class _Scan:
    """A scan of the tokens, once through."""

    def __init__(self, text: str) -> None:
        self._tokens = [
            (match[0], text.count("\n", 0, match.start()) + 1)
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "comment"
        ]
        self._tables: dict[Place, int] = {}  # how many of each list of tables there were

    def places(self) -> Iterator[tuple[Place, int]]:
        """Yield every key and element with its line."""
        prefix: Place = ()
        while self._tokens:
            word, line = self._tokens[0]
            if word == "\n":
                self._next()
            elif word == "[":
                prefix = self._header()
                yield prefix, line
            else:
                yield from self._pair(prefix)

    def _header(self) -> Place:
        self._next()
        is_list = self._peek() == "["
        if is_list:
            self._next()
        place: Place = ()
        for part in self._key():
            place = (*place, part)
            if place in self._tables:
                place = (*place, self._tables[place] - 1)
        self._next()
        if is_list:
            self._next()
            place = place[:-1] if isinstance(place[-1], int) else place
            self._tables[place] = self._tables.get(place, 0) + 1
            place = (*place, self._tables[place] - 1)
        return place

    def _pair(self, prefix: Place) -> Iterator[tuple[Place, int]]:
        line = self._tokens[0][1]
        place = (*prefix, *self._key())
        yield place, line
        self._next()  # the sign of equality
        yield from self._value(place)

    def _key(self) -> Place:
        parts = [_bare(self._next())]
        while self._peek() == ".":
            self._next()
            parts.append(_bare(self._next()))
        return tuple(parts)

    def _value(self, place: Place) -> Iterator[tuple[Place, int]]:
        first = self._peek()
        if first in ("[", "{"):
            self._next()
            count = 0
            while self._peek() not in ("]", "}"):
                if self._peek() in (",", "\n"):
                    self._next()
                elif first == "{":
                    yield from self._pair(place)
                else:
                    yield (*place, count), self._tokens[0][1]
                    yield from self._value((*place, count))
                    count += 1
            self._next()
        else:
            while self._tokens and self._peek() not in (",", "]", "}", "\n"):
                self._next()

    def _peek(self) -> str:
        return self._tokens[0][0] if self._tokens else "\n"

    def _next(self) -> str:
        return self._tokens.pop(0)[0]


def _bare(word: str) -> str:
    """Return a key without its quotes."""
    return str(next(iter(tomllib.loads(f"{word} = 0"))))
