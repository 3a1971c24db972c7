"""What an ARFF file says, read character by character.

No regular expressions, no NumPy, no chunks, one way through for all shapes; no code shared with `batchsift.data.arff`.
"""

import gzip
import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise

BLANKS = " \t"
SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
QUOTES = "'\""
IDENTIFIERS = ("", "unnamed:_0", "id", "instance_id", "sample_id", "example_id", "row_id", "record_id")
MARKERS = ("NA", "N/A", "#N/A", "<NA>", "NaN", "NULL", "None")
PAIRS = (("0", "1"), ("0.0", "1.0"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"))


class RefusedError(Exception):
    """The file is not well formed."""


@dataclass
class Answer:
    feature_names: list
    label_names: list
    features: list
    labels: list
    is_sparse: bool


@dataclass
class Attribute:
    name: str
    kind: str  # number, text, nominal
    values: list
    role: str = "feature"  # label, dropped


def need(condition):
    if not condition:
        raise RefusedError


class Cursor:
    """A place in a line."""

    def __init__(self, text):
        self.text, self.place = text, 0

    def next(self):
        return self.text[self.place : self.place + 1]

    def take(self):
        self.place += 1
        return self.text[self.place - 1 : self.place]

    def expect(self, character):
        need(self.take() == character)

    def skip_blanks(self):
        skipped = ""
        while self.next() and self.next() in BLANKS:
            skipped += self.take()
        return skipped

    def quoted(self):
        quote, content = self.take(), ""
        while True:
            character = self.take()
            need(character)
            if character == quote:
                return content
            if character == "\\":
                character = self.take()
                need(character)
                character = {"n": "\n", "t": "\t", "r": "\r"}.get(character, character)
            content += character

    def bare(self, stops):
        content = ""
        while self.next() and self.next() not in SPACES and self.next() not in stops:
            content += self.take()
        need(content)
        return content

    def value(self):
        """A value, and whether it stands without quotes."""
        if self.next() and self.next() in QUOTES:
            return self.quoted(), False
        after_blank = self.place > 0 and self.text[self.place - 1] in BLANKS
        need(not (self.next() == "%" and after_blank))
        content = self.bare(",'\"{}")
        return content, True

    def braced_number(self):
        self.expect("{")
        self.skip_blanks()
        self.number(" \t}")
        self.skip_blanks()
        self.expect("}")

    def number(self, stops):
        content = ""
        while self.next() and self.next() not in stops:
            content += self.take()
        need(as_number(content) is not None)

    def finish(self):
        self.skip_blanks()
        need(self.next() in ("", "%"))


def as_number(text):
    """A decimal number as a float, infinite if it is too large; None for anything else."""
    mantissa, mark, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa[mantissa[:1] in ("+", "-") :].partition(".")
    exponent_digits = exponent[exponent[:1] in ("+", "-") :]
    digits = set("0123456789")
    if mark and not (exponent_digits and set(exponent_digits) <= digits):
        return None
    return float(text) if whole + fraction and set(whole + fraction) <= digits else None


def read(content, xml, labels):
    """The answer to the bytes of a file, those of an `.xml` or None, and a number of labels or None."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    lines = [decode(line) for line in lines]
    relation, attributes, rest = read_header([line for line in lines if line.strip(BLANKS)])
    assign_roles(relation, attributes, xml, labels)
    rows = [read_row(line, attributes) for line in rest if not line.strip(BLANKS).startswith("%")]
    need(rows)
    return answer(attributes, rows)


def decode(line):
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


# --- Header -----------------------------------------------------------------------------------------------------------


def read_header(lines):
    relation, attributes = None, []
    read_ahead = 0
    for number, line in enumerate(lines):
        if number < read_ahead:
            continue
        cursor = Cursor(line)
        cursor.skip_blanks()
        if cursor.next() == "%":
            continue
        need(cursor.next() == "@")
        keyword = cursor.bare("").lower()
        if keyword == "@relation":
            need(relation is None)
            relation = read_relation(cursor)
        elif keyword == "@attribute":
            cursor.skip_blanks()
            place = cursor.place
            try:
                attributes.append(read_attribute(cursor))
            except RefusedError:
                whole, read_ahead = with_more_lines(lines, number, place)
                cursor = Cursor(whole)
                cursor.place = place
                attributes.append(read_attribute(cursor))
            names = [attribute.name for attribute in attributes]
            need(len(set(names)) == len(names))
        else:
            need(keyword == "@data" and relation is not None and attributes)
            cursor.finish()
            return relation, attributes, lines[number + 1 :]
    raise RefusedError


def with_more_lines(lines, number, place):
    """A line whose list of values is open, with those up to the one that closes it, and the number of the next one."""
    whole, state = lines[number], list_state(lines[number][place:], "before")
    while state == "open":
        number += 1
        need(number < len(lines))
        line = lines[number].lstrip(BLANKS)
        need(not line.startswith("@"))
        if not line.startswith("%"):
            whole += " " + lines[number]
            state = list_state(lines[number], "open")
    need(state == "closed")
    return whole, number + 1


def list_state(text, state):
    """Whether a list of values is open, closed or neither at the end of a text; "quote" within quotes."""
    quote, escaped = "", False
    for character in text:
        if quote:
            if escaped or character == "\\":
                escaped = not escaped
            elif character == quote:
                quote = ""
        elif character in QUOTES:
            quote = character
        elif character == "{" and state == "before":
            state = "open"
        elif character == "}" and state == "open":
            state = "closed"
    return "quote" if quote else state


def read_relation(cursor):
    cursor.skip_blanks()
    if cursor.next() and cursor.next() in QUOTES:
        relation = cursor.quoted()
        cursor.finish()
        return relation
    relation = ""
    while cursor.next() and not (cursor.next() == "%" and (not relation or relation[-1] in BLANKS)):
        relation += cursor.take()
    return relation


def read_attribute(cursor):
    if cursor.next() and cursor.next() in QUOTES:
        name = cursor.quoted()
    else:
        need(cursor.next() != "%")
        name = cursor.bare("{}")
    need(cursor.skip_blanks() or cursor.next() == "{")
    if cursor.next() == "{":
        attribute = Attribute(name, "nominal", read_values(cursor))
    else:
        attribute = Attribute(name, read_type(cursor), [])
    place = cursor.place
    cursor.skip_blanks()
    if cursor.next() == "{":
        cursor.braced_number()
    else:
        cursor.place = place
    cursor.finish()
    return attribute


def read_values(cursor):
    cursor.expect("{")
    values = []
    while True:
        cursor.skip_blanks()
        is_quoted = cursor.next() and cursor.next() in QUOTES
        values.append(cursor.quoted() if is_quoted else cursor.bare(",'\"{}"))
        need(is_quoted or values[-1] != "?")
        cursor.skip_blanks()
        if cursor.next() == "}":
            cursor.take()
            need(len(set(values)) == len(values))
            return values
        cursor.expect(",")


def read_type(cursor):
    kind = cursor.bare("[{").lower()
    if kind == "string":
        return "text"
    place = cursor.place
    cursor.skip_blanks()
    if kind == "date":
        if cursor.next() and cursor.next() in QUOTES:
            cursor.quoted()
        elif cursor.next() not in ("", "{", "%"):
            cursor.bare(",'\"{}")
        return "text"
    need(kind in ("numeric", "real", "integer"))
    if cursor.next() != "[":
        cursor.place = place
        return "number"
    cursor.expect("[")
    for end in ",]":
        cursor.skip_blanks()
        cursor.number(" \t,]")
        cursor.skip_blanks()
        cursor.expect(end)
    return "number"


# --- Roles ------------------------------------------------------------------------------------------------------------


def assign_roles(relation, attributes, xml, labels):
    chosen = chosen_labels(relation, attributes, xml, labels)
    need(all(attribute.kind != "text" for attribute in chosen))
    for attribute in attributes:
        if attribute.kind == "text":
            attribute.role = "dropped"
    for attribute in chosen:
        attribute.role = "label"
    features = [attribute for attribute in attributes if attribute.role == "feature"]
    need(chosen and features)
    if all(map(is_identifier, features)):
        return
    for outwards in (features, features[::-1]):
        for end in outwards:
            if not is_identifier(end):
                break
            end.role = "dropped"


def is_identifier(attribute):
    name = "".join("_" if character in "-. " else character for character in attribute.name.strip().lower())
    return name in IDENTIFIERS and len(attribute.values) != 2


def chosen_labels(relation, attributes, xml, labels):
    if labels is not None:
        kept = [attribute for attribute in attributes if attribute.kind != "text"]
        need(0 < labels < len(kept))
        return kept[-labels:]
    if xml is not None:
        names = label_names(xml)
        declared = {attribute.name for attribute in attributes}
        names = {name if name in declared else name.replace("\\", "") for name in names}
        need(names and names <= declared and len(names) < len(declared))
        return [attribute for attribute in attributes if attribute.name in names]
    words = relation.replace(":-C", ": -C").split()
    for word, number in pairwise(words):
        digits = number[number[:1] in ("+", "-") :]
        if word == "-C" and 0 < len(digits) < 10 and set(digits) <= set("0123456789"):
            count = int(number)
            need(0 < abs(count) < len(attributes))
            return attributes[:count] if count > 0 else attributes[count:]
    raise RefusedError


def label_names(xml):
    try:
        root = ET.fromstring(xml)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise RefusedError from error
    waiting, names = [root], set()
    while waiting:
        element = waiting.pop()
        waiting += list(element)
        if element.tag.split("}")[-1] == "label":
            names.add(element.get("name", ""))
    need("" not in names)
    return names


# --- Rows -------------------------------------------------------------------------------------------------------------


def read_row(line, attributes):
    """The cells, None where a sparse row leaves them out, and whether it is sparse."""
    need("\0" not in line)
    cursor = Cursor(line)
    cursor.skip_blanks()
    if cursor.next() == "{":
        return read_sparse_row(cursor, attributes), True
    cells = [cell(attribute, *value) for attribute, value in pairs(attributes, dense_values(cursor, len(attributes)))]
    return cells, False


def pairs(attributes, values):
    need(len(attributes) == len(values))
    return zip(attributes, values, strict=True)


def dense_values(cursor, count):
    values, separators = [], set()
    while True:
        if len(values) == count and separators == {","} and cursor.next() in ("", "%"):
            cursor.finish()
            return values
        values.append(cursor.value())
        blanks = cursor.skip_blanks()
        if cursor.next() == "" or (blanks and cursor.next() == "%"):
            return values
        if cursor.next() == ",":
            separators.add(cursor.take())
            cursor.skip_blanks()
        elif "\t" in blanks and cursor.next() != "{":
            separators.add("\t")
        else:
            need(cursor.next() == "{")
        need(len(separators) < 2)
        if cursor.next() == "{":
            cursor.braced_number()
            cursor.finish()
            return values


def read_sparse_row(cursor, attributes):
    cells = [None] * len(attributes)
    cursor.expect("{")
    cursor.skip_blanks()
    while cursor.next() != "}":
        index = ""
        while cursor.next() and cursor.next() in "0123456789":
            index += cursor.take()
        need(0 < len(index) < 10 and int(index) < len(cells) and cells[int(index)] is None)
        need(cursor.skip_blanks())
        cells[int(index)] = cell(attributes[int(index)], *cursor.value())
        cursor.skip_blanks()
        if cursor.next() != "}":
            cursor.expect(",")
            cursor.skip_blanks()
            need(cursor.next() != "}")
    cursor.expect("}")
    cursor.skip_blanks()
    if cursor.next() == ",":
        cursor.take()
        cursor.skip_blanks()
        need(cursor.next() == "{")
    if cursor.next() == "{":
        cursor.braced_number()
    cursor.finish()
    return cells


def is_marker(text):
    return any(text in (word, word.upper(), word.lower(), word.capitalize()) for word in MARKERS)


def cell(attribute, text, is_bare):
    """A number for a number and a label, the value itself for a nominal feature."""
    if attribute.role == "dropped":
        return 0.0
    if is_bare and (text == "?" or (text not in attribute.values and is_marker(text))):
        return math.nan
    if attribute.kind == "number":
        number = math.nan if text.lower() == "nan" else as_number(text)
        need(number is not None and not math.isinf(number))
        need(attribute.role != "label" or math.isnan(number) or number in (0, 1))
        return number
    need(text in attribute.values)
    if attribute.role != "label":
        return text
    words = [value.lower() for value in attribute.values]
    pair = next((pair for pair in PAIRS if pair[0] in words or pair[1] in words), ())
    need(text.lower() in pair)
    return float(pair.index(text.lower()))


# --- Answer -----------------------------------------------------------------------------------------------------------


def answer(attributes, rows):
    result = Answer([], [], [[] for _ in rows], [[] for _ in rows], all(is_sparse for _, is_sparse in rows))
    for place, attribute in enumerate(attributes):
        cells = [left_out(attribute) if row[place] is None else row[place] for row, _ in rows]
        if attribute.role == "label":
            result.label_names.append(attribute.name)
            columns, table = [cells], result.labels
        elif attribute.role == "feature":
            names, columns = feature_columns(attribute, cells)
            result.feature_names += names
            table = result.features
        else:
            continue
        for column in columns:
            for row, value in zip(table, column, strict=True):
                row.append(value)
    return result


def left_out(attribute):
    return 0.0 if attribute.kind != "nominal" else cell(attribute, attribute.values[0], False)


def feature_columns(attribute, cells):
    if attribute.kind == "number":
        return [attribute.name], [cells]
    if sorted(attribute.values) == ["0", "1"]:
        return [attribute.name], [[float(value) for value in cells]]
    names = [f"{attribute.name}={value}" for value in attribute.values]
    return names, [
        [math.nan if isinstance(value, float) else float(value == declared) for value in cells]
        for declared in attribute.values
    ]
