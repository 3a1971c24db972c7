"""Reads the multi-label ARFF files of Mulan and MEKA, dense or sparse.

An ARFF file does not say by itself which of its attributes are labels. Mulan names them in an `.xml` beside
it, MEKA writes `-C n` into the relation's name: the first n attributes, or the last n for a negative number.

liac-arff reads the rows. The header is taken apart here: liac-arff keeps the escapes in names, knows no dates
or tabs, cuts integers short without a word, and can take minutes over a malformed list of values.

Shape suffixes: N samples, A attributes, D features, L labels, V values of a nominal attribute.
"""

import csv
import difflib
import operator
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.data.multilabel import MultiLabelData

_QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_VALUE = rf"""(?:{_QUOTED}|[^\s,'"{{}}]+)"""
_DECLARATION = re.compile(rf"""({_QUOTED}|[^\s'"{{}}]\S*)\s+(\S.*)""")
_NOMINAL = re.compile(rf"\{{\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*\}}")
_MEKA_LABELS = re.compile(r"(?:^|[\s:])-C\s+([+-]?\d+)(?!\S)")

_Array = npt.NDArray[np.float64]
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Attribute:
    name: str
    type: str  # as liac-arff takes it: "numeric" or "{...}"
    line: int


@dataclass(frozen=True)
class _Header:
    relation: str
    attributes: tuple[_Attribute, ...]
    data_line: int  # where @data stands, from 1


@dataclass(frozen=True)
class _Column:
    name: str
    values: tuple[str, ...] | None  # of a nominal attribute, in the declared order; None: numeric
    cells: _Array  # (N,) numbers, or positions in `values`; NaN where missing


class _NumberedLines:
    """Hands out lines and remembers where in the file the latest one stands."""

    def __init__(self, lines: Iterable[tuple[int, str]]) -> None:
        self._lines = iter(lines)
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        return line


def read_arff(path: str | os.PathLike[str], labels: int | None = None) -> MultiLabelData:
    """Reads an ARFF file with several labels.

    The labels are the last `labels` attributes; without that number, those the Mulan `.xml` names
    (`birds.xml` serves `birds-train.arff` and `birds-test.arff` too, unless they have one of their own); else
    those of MEKA's `-C` in the relation's name. They keep the order of the ARFF file.

    A nominal feature becomes one 0/1 column `attribute=value` for each declared value, except that one with
    exactly the values 0 and 1 stays a single column. `?` becomes NaN: a missing feature, or a cell that is
    not labelled. Values that a sparse row leaves out are 0, or the first declared value.

    Args:
        path: the `.arff` file, in UTF-8 or Latin-1.
        labels: number of attributes at the end that are labels, at least 1.

    Returns:
        The data set, named after the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no ARFF file, if it is not clear which attributes are labels, if a label is
            anything but 0, 1 or missing, or if a feature is neither numeric nor nominal.
        ImportError: if liac-arff is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    lines = _read_text(path).split("\n")
    header = _read_header(path, lines)
    is_label_A = _find_labels(path, header, labels)
    columns = _read_columns(path, header, lines[header.data_line :])
    label_columns = [column for column, is_label in zip(columns, is_label_A, strict=True) if is_label]
    feature_columns = [column for column, is_label in zip(columns, is_label_A, strict=True) if not is_label]
    return MultiLabelData(
        features=np.hstack([_features(column) for column in feature_columns]),
        labels=np.column_stack([_label(path, column) for column in label_columns]),
        feature_names=tuple(name for column in feature_columns for name in _feature_names(column)),
        label_names=tuple(column.name for column in label_columns),
        name=path.stem,
    )


# --- The header ---------------------------------------------------------------------------------------------


def _read_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    if not text.strip():
        raise ValueError(f"{path} is empty; expected an ARFF file")
    if "\0" in text:
        raise ValueError(f"{path} is not an ARFF file: it holds binary data (or UTF-16: save it as UTF-8)")
    return text


def _read_header(path: Path, lines: list[str]) -> _Header:
    relation: str | None = None
    attributes: dict[str, _Attribute] = {}
    for number, line in enumerate(lines, start=1):
        keyword, _, rest = line.strip().replace("\t", " ").partition(" ")
        match keyword.lower():
            case "@relation":
                relation = rest.strip(" '\"")
            case "@attribute":
                attribute = _read_declaration(path, number, rest.strip())
                if attribute.name in attributes:
                    raise ValueError(
                        f"{path}, line {number}: the attribute {attribute.name!r} is declared in line "
                        f"{attributes[attribute.name].line} already; rename one of the two"
                    )
                attributes[attribute.name] = attribute
            case "@data":
                if relation is None or not attributes:
                    missing = "@relation" if relation is None else "@attribute"
                    raise ValueError(f"{path} is not an ARFF file: there is no {missing} before @data in line {number}")
                return _Header(relation, tuple(attributes.values()), number)
            case other if other and not other.startswith("%"):
                raise ValueError(
                    f"{path} is not an ARFF file: line {number} is {_shortened(line.strip())!r}; "
                    "expected @relation, @attribute, @data or a % comment"
                )
    raise ValueError(f"{path} is not an ARFF file: there is no @data line")


def _read_declaration(path: Path, number: int, declaration: str) -> _Attribute:
    match = _DECLARATION.fullmatch(declaration)
    if match is None:
        raise ValueError(
            f"{path}, line {number}: {_shortened(declaration)!r} is not the declaration of an attribute; "
            "expected a name (in quotes if it has spaces) and a type"
        )
    name, type_ = _unquoted(match[1]), match[2].strip()
    kind = type_.split()[0].lower()
    if kind in ("numeric", "real", "integer"):
        return _Attribute(name, "numeric", number)
    if kind in ("string", "date", "relational"):
        raise ValueError(
            f"{path}, line {number}: the attribute {name!r} is of type {kind}, neither a number "
            "nor a category: drop it from the file (an identifier?) or turn it into numbers"
        )
    if not _NOMINAL.fullmatch(type_):
        raise ValueError(
            f"{path}, line {number}: the attribute {name!r} has the type {_shortened(type_)!r}; "
            "expected numeric, real, integer or {a,list,of,values}, in quotes where a value has spaces"
        )
    return _Attribute(name, type_, number)


def _unquoted(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] in "'\"" else name


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."


# --- Which attributes are labels ----------------------------------------------------------------------------


def _find_labels(path: Path, header: _Header, labels: int | None) -> _Mask:
    if labels is not None:
        return _mask_at_end(path, header, operator.index(labels), f"labels={labels}")
    xml_path = _find_xml(path)
    if xml_path is not None:
        return _mask_from_xml(path, header, xml_path)
    meka = _MEKA_LABELS.search(header.relation)
    if meka is None:
        raise ValueError(
            f"{path} does not say which of its {len(header.attributes)} attributes are labels: give their "
            f"number if they stand last (labels=N), or put Mulan's {path.stem}.xml beside it, "
            "or MEKA's '-C N' into the relation's name"
        )
    count, source = int(meka[1]), f"the relation's -C {meka[1]}"
    if count < 0:
        return _mask_at_end(path, header, -count, source)
    return _mask_at_end(path, header, count, source)[::-1]


def _mask_at_end(path: Path, header: _Header, count: int, source: str) -> _Mask:
    num_attributes = len(header.attributes)
    if not 1 <= count < num_attributes:
        raise ValueError(
            f"{path}: {source} asks for {count} labels among {num_attributes} attributes; expected at "
            "least one label and at least one feature"
        )
    return np.arange(num_attributes) >= num_attributes - count


def _find_xml(path: Path) -> Path | None:
    stems = (path.stem, re.sub(r"-(train|test)$", "", path.stem))
    candidates = (path.with_name(f"{stem}.xml") for stem in stems)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _mask_from_xml(path: Path, header: _Header, xml_path: Path) -> _Mask:
    label_names = _read_label_names(xml_path)
    names = [attribute.name for attribute in header.attributes]
    unknown = [name for name in label_names if name not in set(names)]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f"; did it mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(
            f"{path} has no attribute {unknown[0]!r}, one of {len(unknown)} label(s) in {xml_path} "
            f"that it does not declare{hint}"
        )
    if len(set(label_names)) == len(names):
        raise ValueError(
            f"{path}: {xml_path} makes labels of all {len(names)} attributes; expected at least one feature"
        )
    return np.isin(names, label_names)


def _read_label_names(xml_path: Path) -> list[str]:
    try:
        elements = list(ET.parse(xml_path).iter())
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{xml_path} is not well-formed XML: {error}") from error
    # A hierarchy nests <label> in <label>; whichever namespace is declared stands in braces before the tag.
    names = [element.get("name", "") for element in elements if element.tag.rpartition("}")[2] == "label"]
    if not names or "" in names:
        raise ValueError(f'{xml_path} does not name the labels; expected <label name="..."> for each of them')
    return names


# --- The rows -----------------------------------------------------------------------------------------------


def _read_columns(path: Path, header: _Header, rows: list[str]) -> list[_Column]:
    arff = _import_liac_arff()
    lines = _NumberedLines(_lines_for_liac_arff(header, rows))
    is_sparse = all(row.lstrip().startswith(("{", "%")) for row in rows if row.strip())
    with _located_errors(path, lines, len(header.attributes)):
        # Nominal values arrive as positions, so that 0 is what a sparse row leaves out in every column.
        content = arff.ArffDecoder().decode(
            lines, encode_nominal=True, return_type=arff.LOD_GEN if is_sparse else arff.DENSE_GEN
        )
        nominal_values = [tuple(t) if isinstance(t, list) else None for _, t in content["attributes"]]
        cells_NA = (_sparse_cells if is_sparse else _dense_cells)(content["data"], len(header.attributes))
    if len(cells_NA) == 0:
        raise ValueError(f"{path} has no rows after @data (line {header.data_line})")
    for attribute, values in zip(header.attributes, nominal_values, strict=True):
        _check_values(path, attribute, values)
    return [
        _Column(attribute.name, values, cells_N)
        for attribute, values, cells_N in zip(header.attributes, nominal_values, cells_NA.T, strict=True)
    ]


def _import_liac_arff() -> Any:
    try:
        import arff  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("reading ARFF needs liac-arff: pip install 'batchsift[experiments]'") from error
    return arff


def _lines_for_liac_arff(header: _Header, rows: list[str]) -> Iterator[tuple[int, str]]:
    yield 1, "@relation r"
    for attribute in header.attributes:
        yield attribute.line, f"@attribute {attribute.line} {attribute.type}"
    yield header.data_line, "@data"
    yield from enumerate(rows, start=header.data_line + 1)


def _dense_cells(rows: Iterable[list[float | None]], num_attributes: int) -> _Array:
    # NumPy makes NaN of None.
    parsed = [np.array(row, dtype=np.float64) for row in rows]
    return np.array(parsed).reshape(len(parsed), num_attributes)


def _sparse_cells(rows: Iterable[dict[int, float | None]], num_attributes: int) -> _Array:
    parsed = list(rows)
    cells_NA = np.zeros((len(parsed), num_attributes))
    for cells_A, row in zip(cells_NA, parsed, strict=True):
        cells_A[list(row)] = np.array(list(row.values()), dtype=np.float64)
    return cells_NA


@contextmanager
def _located_errors(path: Path, lines: _NumberedLines, num_attributes: int) -> Iterator[None]:
    try:
        yield
    except (_import_liac_arff().ArffException, ValueError, csv.Error) as error:
        explanation = _explained(error, num_attributes)
        raise ValueError(f"{path}, line {lines.number}: {explanation}") from error


def _explained(error: Exception, num_attributes: int) -> str:
    # str(error) is not to be trusted: liac-arff formats rows that may hold a % themselves.
    match type(error).__name__:
        case "BadDataFormat":
            return (
                f"the row does not fit the {num_attributes} declared attributes: expected one value for each "
                f"or, in a sparse row, indices from 0 to {num_attributes - 1}"
            )
        case "BadNumericalValue":
            return f"a numeric attribute holds something else ({error.__context__}); expected a number or ?"
        case "BadNominalValue":
            return f"a value is not one its attribute declares ({_shortened(str(error.args[0]))!r})"
        case _:
            return "the line cannot be taken apart; check its quotes, commas and braces"


def _check_values(path: Path, attribute: _Attribute, values: tuple[str | None, ...] | None) -> None:
    if values is not None and (None in values or len(set(values)) < len(values)):
        raise ValueError(
            f"{path}, line {attribute.line}: the attribute {attribute.name!r} declares a value twice, "
            "or ? (which means missing) as a value; expected a list of different values"
        )


# --- Columns to arrays --------------------------------------------------------------------------------------


def _features(column: _Column) -> _Array:
    """`(N, 1)` for a number, `(N, V)` one-hot for a nominal value."""
    if column.values is None:
        return column.cells[:, None]
    if set(column.values) == {"0", "1"}:
        return _zeros_and_ones(column)[:, None]
    return _looked_up(column, np.eye(len(column.values)))


def _feature_names(column: _Column) -> list[str]:
    if column.values is None or set(column.values) == {"0", "1"}:
        return [column.name]
    return [f"{column.name}={value}" for value in column.values]


def _label(path: Path, column: _Column) -> _Array:
    """`(N,)` of 0, 1 and NaN."""
    label_N = _zeros_and_ones(column)
    wrong_N = (label_N != 0) & (label_N != 1) & ~np.isnan(label_N)
    if wrong_N.any():
        row = int(wrong_N.argmax())
        cell = column.cells[row]
        value = f"{cell:g}" if column.values is None else column.values[int(cell)]
        raise ValueError(
            f"{path}: the label {column.name!r} is {value!r} in row {row + 1} of the data; expected 0, 1 or "
            "? (not labelled). Is this attribute meant to be a label?"
        )
    return label_N


def _zeros_and_ones(column: _Column) -> _Array:
    """Turns positions of the values 0 and 1 into these numbers, and any other value into infinity."""
    if column.values is None:
        return column.cells
    return _looked_up(column, np.array([float(v) if v in ("0", "1") else np.inf for v in column.values]))


def _looked_up(column: _Column, rows_V: _Array) -> _Array:
    """Picks for every cell the row at its position, and NaN for a missing one."""
    is_missing_N = np.isnan(column.cells)
    positions_N = np.where(is_missing_N, 0, column.cells).astype(np.int64)
    picked = rows_V[positions_N]
    picked[is_missing_N] = np.nan
    return picked
