"""Data sets: what one is, how to read one, how to split one.

>>> data = load("digits")
>>> data.num_samples, data.num_features, data.num_labels
(2400, 324, 10)
"""

import difflib
import os
from pathlib import Path

from batchsift.data.arff import read_arff
from batchsift.data.digits import digits
from batchsift.data.multilabel import MultiLabelData, concatenated, drop_rare_labels, drop_unlabelled_samples
from batchsift.data.splits import folds, holdout

__all__ = [
    "MultiLabelData",
    "concatenated",
    "digits",
    "drop_rare_labels",
    "drop_unlabelled_samples",
    "folds",
    "holdout",
    "load",
    "read_arff",
]

_EMBEDDED = {"digits": digits}
_READERS = {".arff": read_arff}


def load(source: str | os.PathLike[str], labels: int | None = None) -> MultiLabelData:
    """Loads a data set by its name or from a file.

    Args:
        source: "digits", the embedded set, or the path of an `.arff` file.
        labels: for a file, how many of its last columns are labels; needed where the file does not say.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if `source` is neither a known name nor a file of a known type, or its content is wrong.
    """
    source = os.fspath(source)
    if source in _EMBEDDED:
        if labels is not None:
            raise ValueError(f"labels={labels} came with {source!r}, which knows its labels; leave it out")
        return _EMBEDDED[source]()
    reader = _READERS.get(Path(source).suffix.lower())
    if reader is None:
        nearest = difflib.get_close_matches(source, _EMBEDDED, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(
            f"cannot load {source!r}: expected a name ({', '.join(_EMBEDDED)}) "
            f"or a path ending in {', '.join(_READERS)}{hint}"
        )
    return reader(source, labels)
