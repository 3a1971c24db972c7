"""Reads the plainly written rows of a whole chunk at once, by the CSV parser of pyarrow.

Plainly means: ASCII, no quotes, no escapes, no comments within rows, no weights, sparse rows in rising order. For all
else, mistakes among them, and without pyarrow, the answer is None, and `exact` reads the chunk. pyarrow rounds decimal
numbers as `float` does; what else it would take for a number is looked for here.

Shape suffixes: N rows, A attributes, K cells that sparse rows give, W different words.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from batchsift.data.arff.layout import DROPPED, NUMBER, Cells, Integers, Layout
from batchsift.data.arff.table import DenseCells, Rows, SparseCells

_COMMENT_LINE = re.compile(rb"^ *%.*\n", re.MULTILINE)
_PLAIN = bytes(set(range(ord("!"), ord("~") + 1)) - set(b"'\"\\%")) + b" \n"
_NEEDLESS_BLANKS = re.compile(rb" *([,{}\n]) *| +(?= )")
_ENTRY_PER_LINE = bytes.maketrans(b",", b"\n")
_NO_INDEX = re.compile(rb"\n(?:[-+]|00|0[xX])")  # pyarrow takes these for the beginning of a whole number


def read_plainly(layout: Layout, content: bytes) -> Rows | None:
    """Read the rows of a chunk, if all of them are plain and right.

    Args:
        layout: What the cells mean.
        content: Whole lines.

    Returns:
        The rows; None where `exact` has to read them.
    """
    if layout.negative is not None:  # numbers of labels have another meaning then
        return None
    if b"\t" in content:
        separates = b"," not in content and b"{" not in content
        content = content.replace(b"\t", b"," if separates else b" ")
    if b"%" in content:
        content = _COMMENT_LINE.sub(b"", content)
    if content.translate(None, _PLAIN) or _pyarrow() is None:
        return None
    rows = _read(layout, content)
    return _read(layout, _NEEDLESS_BLANKS.sub(rb"\1", b"\n" + content)) if rows is None and b" " in content else rows


@cache
def _pyarrow() -> Any:
    """Return pyarrow, or None where it is not installed."""
    try:
        import pyarrow.csv  # noqa: PLC0415 (an extra)
    except ImportError:
        return None
    return pyarrow


def _read(layout: Layout, content: bytes) -> Rows | None:
    content = content.strip(b"\n")
    if not content:
        return None
    return (_read_sparse if content.startswith(b"{") else _read_dense)(layout, content + b"\n")


def _read_dense(layout: Layout, content: bytes) -> DenseCells | None:
    if any(sign in content for sign in (b" ", b"{", b"}")):
        return None
    if content[: content.index(b"\n")].endswith(b","):  # a comma at the end of rows, as MOA writes them
        if content.startswith(b",") or b"\n," in content:
            return None
        content = content.replace(b",\n", b"\n")
    number, word = _pyarrow().float64(), _word()
    types = {str(position): number if kind == NUMBER else word for position, kind in enumerate(layout.kinds)}
    columns = _columns(content, ",", types)
    if columns is None:
        return None
    cells_AN = np.empty((len(columns), len(columns[0])))
    for position, (kind, column) in enumerate(zip(layout.kinds, columns, strict=True)):
        cells_N = _numbers(column) if kind == NUMBER else _meanings(layout, np.full(len(column), kind), column)
        if cells_N is None:
            return None
        cells_AN[position] = cells_N
    return DenseCells(cells_AN.T) if _fit_labels(cells_AN[layout.is_label_A]) else None


def _read_sparse(layout: Layout, content: bytes) -> SparseCells | None:
    rows = [line for line in content.split(b"\n") if line]
    are_closed = all(row.startswith(b"{") and row.endswith(b"}") for row in rows)
    if not are_closed or content.count(b"{") + content.count(b"}") != 2 * len(rows) or layout.labels_to_give:
        return None
    counts_N = np.array([row.count(b",") + (row != b"{}") for row in rows])
    if not counts_N.any():
        return SparseCells(counts_N, np.zeros(0, dtype=np.int64), np.zeros(0))
    entries = _entries(content, counts_N, len(layout.kinds))
    if entries is None:
        return None
    attributes_K, values = entries
    cells_K = _meanings(layout, layout.kind_A[attributes_K], values)
    if cells_K is None or not _fit_labels(cells_K[layout.is_label_A[attributes_K]]):
        return None
    return SparseCells(counts_N, attributes_K, cells_K)


def _entries(content: bytes, counts_N: Integers, num_attributes: int) -> tuple[Integers, Any] | None:
    """Return the attributes of the entries and a column of their values; None where they do not rise within a row."""
    content = content.translate(_ENTRY_PER_LINE, b"{}").strip(b"\n")
    types = {"index": _pyarrow().int32(), "value": _word()}
    columns = None if _NO_INDEX.search(b"\n" + content) else _columns(content, " ", types)
    if columns is None or len(columns[0]) != counts_N.sum() or columns[0].null_count:
        return None
    attributes_K: Integers = columns[0].to_numpy().astype(np.int64)
    is_first_K = np.zeros(len(attributes_K), dtype=bool)
    is_first_K[np.cumsum(counts_N)[:-1][counts_N[1:] > 0]] = True
    rises = ((np.diff(attributes_K) > 0) | is_first_K[1:]).all()
    return (attributes_K, columns[1]) if rises and attributes_K.max() < num_attributes else None


def _word() -> Any:
    """Return the type of a column of words: each different one is stored once."""
    pa = _pyarrow()
    return pa.dictionary(pa.int32(), pa.string())


def _columns(content: bytes, delimiter: str, types: Mapping[str, Any]) -> Any:
    """Return columns of these types; None where they do not fit the content. `?` is missing."""
    pa = _pyarrow()
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(content),
            pa.csv.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=list(types)),
            pa.csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
            pa.csv.ConvertOptions(column_types=types, null_values=["?"], strings_can_be_null=True),
        )
    except pa.ArrowInvalid:
        return None
    return [column.combine_chunks() for column in table.columns]


def _numbers(column: Any) -> Cells | None:
    """Return finite numbers, NaN where they are missing; None where others are among them."""
    numbers: Cells = column.to_numpy(zero_copy_only=False)
    return numbers if np.count_nonzero(np.isfinite(numbers)) == len(column) - column.null_count else None


def _meanings(layout: Layout, kind_K: Integers, column: Any) -> Cells | None:
    """Return what words mean, each for an attribute of its kind; None where one has no meaning there."""
    words = column.dictionary
    missing = len(words)
    word_K = column.indices.fill_null(missing).to_numpy()
    cells_K = np.empty(len(kind_K))
    for kind in np.unique(kind_K).tolist():
        is_kind_K = kind_K == kind
        is_used_W = np.zeros(missing + 1, dtype=bool)
        is_used_W[word_K[is_kind_K]] = True
        used = np.flatnonzero(is_used_W[:missing])
        meanings = _meanings_of_kind(layout, kind, words.take(_pyarrow().array(used)))
        if meanings is None:
            return None
        cells_W = np.full(missing + 1, 0.0 if kind == DROPPED else np.nan)
        cells_W[used] = meanings
        cells_K[is_kind_K] = cells_W[word_K[is_kind_K]]
    return cells_K


def _meanings_of_kind(layout: Layout, kind: int, words: Any) -> Cells | None:
    if kind == NUMBER:
        try:
            return _numbers(words.cast(_pyarrow().float64()))
        except _pyarrow().ArrowInvalid:
            return None
    if kind == DROPPED:
        return np.zeros(len(words)) if "" not in words.to_pylist() else None
    meanings = [layout.meanings[kind].get(word) for word in words.to_pylist()]
    return None if None in meanings else np.array(meanings, dtype=np.float64)


def _fit_labels(cells: Cells) -> bool:
    return bool(((cells == 0) | (cells == 1) | np.isnan(cells)).all())
