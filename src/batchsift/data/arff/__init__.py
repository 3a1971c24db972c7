"""Reads the multi-label ARFF files of Mulan, MEKA and Weka, dense or sparse.

An ARFF file does not say by itself which of its attributes are labels. Mulan names them in an `.xml` beside
it, MEKA writes `-C n` into the relation's name: the first n attributes, or the last n for a negative number, and KEEL
(`.dat`) names them in `@outputs`.

`source` cuts the file into chunks of lines, `header` reads what is declared, `labels` finds the labels, `layout` says
what the cells of every attribute mean. `plain` reads a chunk of plain rows at once, by pyarrow, `exact` all others line
by line; they agree. `table` gathers the rows.
"""

import os
import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from batchsift.data.arff.exact import Mistakes, read_exactly
from batchsift.data.arff.header import read_header
from batchsift.data.arff.labels import drop_identifiers, find_dropped, find_labels
from batchsift.data.arff.layout import lay_out
from batchsift.data.arff.plain import read_plainly
from batchsift.data.arff.source import read_chunks
from batchsift.data.arff.table import DenseTable, SparseCells, SparseTable
from batchsift.data.dataset import MultiLabelData
from batchsift.data.readers.targets import check_negative
from batchsift.files import stem

READS_TEXT = {".arff": "read_arff"}

__all__ = ["read_arff"]


def read_arff(
    path: str | os.PathLike[str],
    labels: int | None = None,
    *,
    label_columns: str | Sequence[str] | None = None,
    drop: str | Sequence[str] | None = None,
    negative: float | None = None,
) -> MultiLabelData:
    """Read an ARFF file with several labels.

    The labels are the last `labels` attributes that are kept, or `label_columns`; else those the Mulan `.xml` names
    (`birds.xml` serves `birds-train.arff` and `birds-test.arff` too, unless they have one of their own); else
    those of KEEL's `@outputs`, or of MEKA's `-C` in the relation's name. They keep the order of the ARFF file. A label
    is a number or a nominal attribute of 0 and 1, no and yes, n and y, false and true, or f and t, in whatever order
    and case.

    A nominal feature becomes one 0/1 column `attribute=value` for each declared value, except that one with
    exactly the values 0 and 1 stays a single column. `?` and NaN become NaN: a missing feature, or a cell that is
    not labelled. Values that a sparse row leaves out are 0, or the first declared value. Bounds and weights of
    attributes are read over, and so are weights of rows, with a warning.

    Args:
        path: The `.arff` file, plain or packed; each line in UTF-8 or Latin-1.
        labels: The number of attributes at the end that are labels, at least 1.
        label_columns: Names of the attributes that are labels, or patterns with `*`.
        drop: Names of attributes to leave out, or patterns with `*`; by default those of type string or date. First
            and last features called `id`, `instance_id`, `sample_id`, `example_id`, `row_id` or `record_id`, or not
            at all, are left out too, unless this is empty; a warning names what goes without being named.
        negative: The number that stands for not having a label, such as -1 beside 1.

    Returns:
        The data set, named after the file. Its features are a `csr_array` if all rows are sparse, else an array.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no ARFF file, if it is not clear which attributes are labels, if a label is
            anything but 0, 1 or missing, or if a feature is neither numeric nor nominal.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    chunks = read_chunks(path)
    header, first = read_header(path, chunks)
    is_dropped_A = find_dropped(path, header, drop)
    is_label_A = find_labels(path, header, labels, label_columns, is_dropped_A)
    is_dropped_A = drop_identifiers(path, header, is_label_A, is_dropped_A, drop=drop)
    check_negative(negative)
    layout = lay_out(path, header, is_label_A, is_dropped_A, drop=drop, negative=negative)

    table: DenseTable | SparseTable | None = None
    mistakes, num_weights = Mistakes(path), 0
    for chunk in chain([first], chunks):
        rows = read_plainly(layout, chunk.content)
        if rows is None:
            rows, weights = read_exactly(layout, path, chunk, mistakes)
            num_weights += weights
        if rows is None or mistakes:
            continue
        if table is None:
            table = SparseTable(layout) if isinstance(rows, SparseCells) else DenseTable(layout)
        table.add(rows)
    mistakes.check()
    if table is None:
        raise ValueError(f"{path} has no rows after @data (line {header.data_line}); expected at least one")
    if num_weights:
        warnings.warn(f"{path}: the weights of {num_weights} row(s) are left out", UserWarning, stacklevel=2)
    features, label_matrix = table.finish()
    return MultiLabelData(features, label_matrix, layout.feature_names, layout.label_names, name=stem(path))
