"""The header of an ARFF file: the relation's name and the declared attributes."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from batchsift.data.arff import keel
from batchsift.data.arff.source import Chunk
from batchsift.data.arff.syntax import BLANK, NUMBER, QUOTED, UNQUOTED, WEIGHT, Line, decoded, unquoted
from batchsift.messages import cut_short

_KEYWORD = re.compile(rf"[ \t]*(@[a-zA-Z]+)(?![^{BLANK}])[ \t]*")
_KEYWORDS = ("@relation", "@attribute", *keel.ROLES, "@data")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))%")
_QUOTED = re.compile(QUOTED)
_NAME = re.compile(rf"({QUOTED}|[^{BLANK}'\"{{}}%][^{BLANK}{{}}]*)(?:[ \t]+|(?=\{{))")
_TYPE = re.compile(rf"(numeric|real|integer|string|date|relational)(?![^{BLANK}\[{{])", re.IGNORECASE)
_BOUNDS = rf"(?:[ \t]*\[[ \t]*{NUMBER}[ \t]*,[ \t]*{NUMBER}[ \t]*\])?"
_DATE_FORMAT = rf"(?:[ \t]*(?:{QUOTED}|(?!%){UNQUOTED}))?"
_AFTER_TYPE = {
    what: re.compile(rf"{details}(?:[ \t]*{WEIGHT})?")
    for what, details in {"numeric": _BOUNDS, "date": _DATE_FORMAT, "string": "", "nominal": ""}.items()
}
_VALUE = re.compile(rf"[ \t]*({QUOTED}|{UNQUOTED})[ \t]*")


class Kind(Enum):
    """What the values of an attribute are."""

    NUMERIC = "numeric"
    NOMINAL = "nominal"
    TEXT = "text"  # strings and dates


_KINDS = {"numeric": Kind.NUMERIC, "nominal": Kind.NOMINAL, "string": Kind.TEXT, "date": Kind.TEXT}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One declared attribute.

    Args:
        name: The name, without quotes and escapes.
        kind: What its values are.
        values: The values of a nominal attribute, in the declared order.
        line: The line that declares it, from 1.
    """

    name: str
    kind: Kind
    values: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Header:
    """What stands before the rows.

    Args:
        relation: The relation's name.
        attributes: All attributes that are declared, at least one.
        data_line: The line of `@data`, from 1.
        roles: Which attributes KEEL's `@inputs` and `@outputs` name; empty where they are not there.
    """

    relation: str
    attributes: tuple[Attribute, ...]
    data_line: int
    roles: Mapping[str, tuple[str, ...]]


def read_header(path: Path, chunks: Iterator[Chunk]) -> tuple[Header, Chunk]:
    """Read up to `@data`.

    Returns:
        The header, and what is left of the chunk in which `@data` stands.

    Raises:
        ValueError: If a line is no part of a header, or there is no `@data`.
    """
    relation: str | None = None
    attributes: dict[str, Attribute] = {}
    roles: dict[str, tuple[str, ...]] = {}
    values = _NominalValues()
    is_empty = True
    lines = _Lines(path, chunks)
    for line, chunk, start_of_next in lines:
        is_empty = False
        keyword, position = _read_keyword(line)
        if keyword == "@relation":
            if relation is not None:
                raise line.mistake(0, "a second @relation; expected one of them in a file")
            relation = _read_relation(line, position)
        elif keyword in keel.ROLES:
            keel.read_role(line, position, keyword, roles)
        elif keyword == "@attribute":
            attribute = _read_attribute(line, position, values, lines)
            if attribute.name in attributes:
                raise line.mistake(
                    position,
                    f"the attribute {attribute.name!r} is declared in line {attributes[attribute.name].line} "
                    "already; rename one of the two",
                )
            attributes[attribute.name] = attribute
        else:
            if relation is None or not attributes:
                missing = "@relation" if relation is None else "@attribute"
                raise line.mistake(0, f"not an ARFF file: expected {missing} before @data")
            if not line.ends_at(position):
                raise line.mistake(position, "@data is followed by something; expected the first row in the next line")
            keel.check_roles(line, roles, list(attributes))
            header = Header(relation, tuple(attributes.values()), line.number, roles)
            return header, Chunk(chunk.content[start_of_next:], line.number + 1)
    if is_empty:
        raise ValueError(f"{path} is empty, or all comments; expected an ARFF file")
    raise ValueError(f"{path} is not an ARFF file: there is no @data line")


class _Lines:
    """The lines that are neither blank nor a comment, each with its chunk and where the next line starts in that."""

    def __init__(self, path: Path, chunks: Iterator[Chunk]) -> None:
        self._lines = _lines(path, chunks)
        self._ahead: deque[tuple[Line, Chunk, int]] = deque()

    def __iter__(self) -> Iterator[tuple[Line, Chunk, int]]:
        while (item := self._ahead.popleft() if self._ahead else next(self._lines, None)) is not None:
            yield item

    def with_whole_list(self, line: Line, start: int) -> Line:
        """Return a line whose list opens at `start` with those up to the closing brace; alone where there is none."""
        unread, piece = [], line.text[start:]
        while True:
            bare = _QUOTED.sub("", piece)
            if "'" in bare or '"' in bare or "}" in bare:
                break
            item = next(iter(self), None)
            if item is None:
                break
            unread.append(item)
            piece = item[0].text
            if piece.lstrip(" \t").startswith("@"):
                break
        if "}" in bare and "'" not in bare and '"' not in bare and unread:
            return line.joined([other for other, _, _ in unread])
        self._ahead.extendleft(reversed(unread))
        return line


def _lines(path: Path, chunks: Iterator[Chunk]) -> Iterator[tuple[Line, Chunk, int]]:
    """Yield lines that are neither blank nor a comment, each with its chunk and where the next line starts in that."""
    for chunk in chunks:
        start = 0
        for number in range(chunk.line, chunk.line + chunk.content.count(b"\n")):
            end = chunk.content.index(b"\n", start)
            content, start = chunk.content[start:end], end + 1
            stripped = content.lstrip(b" \t")
            if stripped and not stripped.startswith(b"%"):
                yield Line(path, number, decoded(content)), chunk, start


def _read_keyword(line: Line) -> tuple[str, int]:
    match = _KEYWORD.match(line.text)
    if match is not None and (keyword := match[1].lower()) in _KEYWORDS:
        return keyword, match.end()
    if "\0" in line.text:
        raise line.mistake(0, "not an ARFF file: expected text, but this is binary data (or UTF-16: save it as UTF-8)")
    raise line.mistake(
        line.after_blanks(0),
        "not an ARFF file: expected @relation, @attribute, @data or a % comment, "
        f"but this is {cut_short(line.text.strip())!r}",
    )


def _read_relation(line: Line, position: int) -> str:
    if not line.text.startswith(("'", '"'), position):
        return _COMMENT.split(line.text[position:], maxsplit=1)[0].rstrip(" \t")
    match = _QUOTED.match(line.text, position)
    if match is None:
        raise line.mistake(position, "the quote that opens here is never closed; expected it to end with the name")
    if not line.ends_at(match.end()):
        raise line.mistake(match.end(), "something follows the relation's name; expected nothing or a % comment")
    return unquoted(match[0])


def _read_attribute(line: Line, position: int, values: "_NominalValues", lines: "_Lines") -> Attribute:
    match = _NAME.match(line.text, position)
    if match is None:
        raise line.mistake(
            position,
            f"{cut_short(line.text[position:])!r} is not the declaration of an attribute; "
            "expected a name (in quotes if it has spaces or braces) and a type",
        )
    name, start = unquoted(match[1]), match.end()
    type_ = _TYPE.match(line.text, start)
    attribute_values: tuple[str, ...] = ()
    if type_ is not None:
        kind, end = type_[1].lower(), type_.end()
    elif line.text.startswith("{", start):
        line = lines.with_whole_list(line, start)
        kind = "nominal"
        attribute_values, end = values.read(line, name, start)
    else:
        raise _unknown_type(line, name, start, start)
    if kind == "relational":
        raise line.mistake(
            start, f"the attribute {name!r} is relational: rows within a row; expected numbers or categories"
        )
    kind = "numeric" if kind in ("real", "integer") else kind
    details = _AFTER_TYPE[kind].match(line.text, end)
    end = details.end() if details else end
    if not line.ends_at(end):
        raise _unknown_type(line, name, start, end)
    return Attribute(name, _KINDS[kind], attribute_values, line.number)


def _unknown_type(line: Line, name: str, start: int, position: int) -> ValueError:
    return line.mistake(
        position,
        f"the attribute {name!r} has the type {cut_short(line.text[start:])!r}; expected numeric, real, integer or "
        "{a,list,of,values}, in quotes where a value has spaces",
    )


class _NominalValues:
    """Reads lists of values; those that are written alike are read once, and share their memory."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[str, ...], int]] = {}  # the values, and how long their text is

    def read(self, line: Line, name: str, start: int) -> tuple[tuple[str, ...], int]:
        """Return the values, and the position after their closing brace."""
        text = line.text[start:]
        if text not in self._known:
            values, end = _read_values(line, name, start)
            self._known[text] = (values, end - start)
        values, length = self._known[text]
        return values, start + length


def _read_values(line: Line, name: str, start: int) -> tuple[tuple[str, ...], int]:
    values: dict[str, None] = {}
    position = start + 1
    while True:
        match = _VALUE.match(line.text, position)
        if match is None:
            raise _unknown_type(line, name, start, position)
        value = unquoted(match[1])
        if value in values or match[1] == "?":
            raise line.mistake(
                match.start(1),
                f"the attribute {name!r} declares a value twice, or ? (which means missing) without quotes; "
                "expected a list of different values",
            )
        values[value] = None
        position = match.end() + 1
        match line.text[match.end() : position]:
            case "}":
                return tuple(values), position
            case ",":
                continue
            case _:
                raise _unknown_type(line, name, start, match.end())
