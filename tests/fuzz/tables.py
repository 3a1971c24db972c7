"""Small tables, and the many ways in which a file can say the same."""

import gzip
import math
from dataclasses import dataclass, field
from random import Random

from fuzz.oracle import Answer

NAMES = [
    "x",
    "Swainson's Thrush",
    "two words",
    "größe",
    "a,b",
    "100%",
    "id",
    "{brace}",
    'say "hi"',
    "back\\slash",
    "@data",
]
VALUES = ["red", "dark blue", "it's", "50%", "a,b", "ü", "{}", "x" * 9, "", "A", "b"]
NUMBERS = [
    "0",
    "1",
    "-2",
    "0.5",
    "3.25e-3",
    "1E+4",
    "+7",
    ".5",
    "6.",
    "123456789.123456789",
    "0.1234567890123456",
    "-0",
]
LABEL_WORDS = [("0", "1"), ("1", "0"), ("no", "yes"), ("YES", "NO"), ("False", "True")]


@dataclass
class Column:
    name: str
    kind: str  # number, binary, category, text, label, number_label
    values: list = field(default_factory=list)  # as declared


@dataclass
class Table:
    """Cells are texts, None where missing; `is_label` says which columns are labels."""

    columns: list
    rows: list
    labels_from: str  # number, meka_first, meka_last, xml

    @property
    def labels(self):
        return [column for column in self.columns if "label" in column.kind]


def random_table(random: Random) -> Table:
    names = [
        f"{name} {place}" if random.random() < 0.7 else f"{name}{place}"
        for place, name in enumerate(random.choices(NAMES, k=9))
    ]
    random.shuffle(names)
    features = [random_feature(random, names.pop()) for _ in range(random.randint(1, 4))]
    if not any(column.kind != "text" for column in features):
        features[0].kind = "number"
    labels = []
    for _ in range(random.randint(1, 4)):
        words = random.choice(LABEL_WORDS)
        kind = random.choice(["label", "label", "number_label"])
        labels.append(Column(names.pop(), kind, list(words) if kind == "label" else []))
    labels_from = random.choice(["number", "meka_first", "meka_last", "xml"])
    columns = labels + features if labels_from == "meka_first" else features + labels
    if labels_from == "xml":
        random.shuffle(columns)
    rows = [[random_cell(random, column) for column in columns] for _ in range(random.randint(1, 5))]
    return Table(columns, rows, labels_from)


def random_feature(random, name):
    kind = random.choice(["number", "number", "binary", "category", "text"])
    if kind == "binary":
        return Column(name, kind, random.choice([["0", "1"], ["1", "0"]]))
    if kind == "category":
        return Column(name, kind, random.sample(VALUES, random.randint(1, 4)))
    return Column(name, kind)


def random_cell(random, column):
    if random.random() < 0.08:
        return None
    if column.kind == "number":
        return "0" if random.random() < 0.3 else random.choice(NUMBERS)
    if column.kind == "number_label":
        return random.choice(["0", "1"])
    if column.kind == "text":
        return random.choice(VALUES)
    return random.choice(column.values)


def meaning(table: Table, is_sparse: bool) -> Answer:
    """What a reader must make of the table."""
    answer = Answer([], [], [[] for _ in table.rows], [[] for _ in table.rows], is_sparse)
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        if column.kind == "text":
            continue
        if "label" in column.kind:
            answer.label_names.append(column.name)
            for row, cell in zip(answer.labels, cells, strict=True):
                row.append(math.nan if cell is None else float(cell.lower() in ("1", "yes", "true")))
        elif column.kind == "category":
            answer.feature_names += [f"{column.name}={value}" for value in column.values]
            for row, cell in zip(answer.features, cells, strict=True):
                row += [math.nan if cell is None else float(cell == value) for value in column.values]
        else:
            answer.feature_names.append(column.name)
            for row, cell in zip(answer.features, cells, strict=True):
                row.append(math.nan if cell is None else float(cell))
    return answer


@dataclass
class File:
    """The bytes of an `.arff` file and of the `.xml` beside it, and how many labels the reader is told of."""

    content: bytes
    xml: bytes | None
    labels: int | None
    suffix: str


def written(random: Random, table: Table, is_sparse: bool) -> File:
    """The table as a file, in one of many ways."""
    style = Style(random)
    lines = []
    count = len(table.labels)
    relation = {"meka_first": f"r: -C {count}", "meka_last": f"r: -C -{count}"}.get(table.labels_from, "r")
    lines.append(style.keyword("@relation") + style.gap() + style.quoted(relation) + style.comment(" % -C 1"))
    lines += [style.declaration(column) for column in table.columns]
    lines.append(style.keyword("@data") + style.comment())
    for row in table.rows:
        lines += style.between()
        lines.append(style.row(table.columns, row, is_sparse) + style.comment())
    text = style.line_end.join(lines) + random.choice(["", style.line_end])
    content = text.encode(style.encoding)
    is_packed = random.random() < 0.1
    return File(
        gzip.compress(content, mtime=0) if is_packed else content,
        style.xml([column.name for column in table.labels]) if table.labels_from == "xml" else None,
        count if table.labels_from == "number" else None,
        ".arff.gz" if is_packed and random.random() < 0.5 else ".arff",
    )


class Style:
    """How one file is written: drawn once for what a file does throughout, each time for the rest."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.line_end = random.choice(["\n", "\n", "\r\n", "\r"])
        self.encoding = random.choice(["utf-8", "utf-8-sig", "latin-1"])
        self.is_plain = random.random() < 0.5  # rows without any quotes, blanks and comments that are not needed
        self.has_comments = random.random() < 0.3
        self.has_weights = random.random() < 0.1
        self.separators = random.choice([[","], [", ", ","], [" ,\t"]])

    def chance(self, share):
        return self.random.random() < share

    def gap(self):
        return self.random.choice([" ", "  ", "\t"])

    def keyword(self, text):
        return self.random.choice([text, text.upper(), text.title()])

    def comment(self, text=" % it's {a}, 'comment"):
        return text if self.has_comments and self.chance(0.5) else ""

    def between(self):
        return self.random.choices(["", "% comment", "  ", "\t% {0 1}"], k=2) if self.has_comments else []

    def quoted(self, text):
        quote = self.random.choice("'\"")
        return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote

    def name(self, text):
        must = not text or any(character in " {}%'\",\\" for character in text)
        return self.quoted(text) if must or self.chance(0.3) else text

    def value(self, text, may_quote=True):
        must = not text or text == "?" or any(character in " {}%'\",\\" for character in text)
        return self.quoted(text) if must or (may_quote and self.chance(0.3)) else text

    def declaration(self, column):
        start = self.keyword("@attribute") + self.gap() + self.name(column.name)
        return start + self.gap() + self.type(column) + self.comment()

    def type(self, column):
        if column.kind in ("number", "number_label"):
            bounds = self.random.choice(["", "", " [0,1.5]", "[ -1 , 1e3 ]", " {0.5}"])
            return self.keyword(self.random.choice(["numeric", "real", "integer"])) + bounds
        if column.kind == "text":
            return self.random.choice(["string", "STRING", "date", "Date 'yyyy-MM-dd'", "date yyyy"])
        comma = self.random.choice([",", ", ", " ,"])
        return "{" + comma.join(self.value(value) for value in column.values) + self.random.choice(["}", " }"])

    def row(self, columns, row, is_sparse):
        cells = ["?" if cell is None else self.value(cell, may_quote=not self.is_plain) for cell in row]
        if is_sparse:
            text = self.sparse(columns, row, cells)
        elif (
            self.separators == [","] and self.chance(0.1) and len(cells) > 1 and not any("," in cell for cell in cells)
        ):
            return self.random.choice(["\t", " \t", "\t\t "]).join(cells)
        else:
            text = cells[0] + "".join(self.random.choice(self.separators) + cell for cell in cells[1:])
        return text + (
            self.random.choice([",{0.5}", ", { 2 }", " {1e1}"]) if self.has_weights and self.chance(0.5) else ""
        )

    def sparse(self, columns, row, cells):
        default = [column.values[0] if column.values else "0" for column in columns]
        kept = [
            f"{place}{self.gap() if not self.is_plain else ' '}{cells[place]}"
            for place, cell in enumerate(row)
            if cell != default[place] or columns[place].kind == "text" or self.chance(0.1)
        ]
        if not self.is_plain and self.chance(0.3):
            self.random.shuffle(kept)
        separator = self.random.choice(self.separators)
        return "{" + separator.join(kept) + "}"

    def xml(self, names):
        names = self.random.sample(names, len(names))
        escaped = [name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;") for name in names]
        space = self.random.choice(["", ' xmlns="http://mulan.sourceforge.net/labels"'])
        text = f'<?xml version="1.0" encoding="utf-8"?>\n<labels{space}>'
        nested = self.chance(0.3)
        for name in escaped:
            text += f'<label name="{name}">' + ("" if nested else "</label>\n")
        return (text + "</label>" * (len(names) if nested else 0) + "</labels>\n").encode()
