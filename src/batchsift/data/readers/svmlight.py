"""The text format of LIBSVM with several labels: `1,3 2:0.5 7:1.0` is a sample with the labels 1 and 3.

A sample without labels starts with a blank, or with its first feature. scikit-learn reads the rows.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from batchsift.data.dataset import MultiLabelData
from batchsift.data.limits import check_shape
from batchsift.data.packed import opened
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.columns import chosen_columns
from batchsift.data.readers.targets import check_negative
from batchsift.files import stem
from batchsift.messages import cut_short

READS_TEXT = {".svm": "read_svmlight", ".libsvm": "read_svmlight", ".svmlight": "read_svmlight"}


def read_svmlight(
    path: str | Path, *, drop: str | Sequence[str] | None = None, negative: float | None = None
) -> MultiLabelData:
    """Read a file of LIBSVM; its features stay sparse.

    Features and labels are called by their numbers in the file, `feature_7` and `label_3`; a label that never occurs
    has no column. Features are counted from 1, or from 0 where one of that number occurs.

    Args:
        path: The file, which may be packed.
        drop: Features to leave out, by names or patterns.
        negative: A number among the labels that says that there is none, such as -1.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: A row is none of this format, with its line; or the file would become too large for its size.

    Warns:
        UserWarning: Features are counted from 0.
    """
    path = Path(path)
    check_negative(negative)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with opened(path) as file:
        rows = NumberedLines(path, file)
        features, tags_N = parsed(rows)
    tags_N = [tuple(tag for tag in tags if tag != negative) for tags in tags_N]
    different = sorted({tag for tags in tags_N for tag in tags})
    for tag in different:
        if not tag.is_integer() or tag < 0:
            line = rows.lines[next(row for row, tags in enumerate(tags_N) if tag in tags)]
            hint = "; if it says that there is no label, give negative=-1" if tag == -1 else ""
            raise ValueError(f"{path}, line {line}: a label is {tag:g}; expected whole numbers of 0 or more{hint}")
    if not different:
        raise ValueError(f"{path}: no row has a label; expected labels before the first blank, such as 1,3 2:0.5")
    features, start = _counted_from(path, features)
    labels = indicators(path, tags_N, [int(tag) for tag in different])
    data = from_arrays(
        features,
        labels,
        feature_names=[f"feature_{number}" for number in range(start, start + features.shape[1])],
        label_names=[f"label_{int(tag)}" for tag in different],
        name=stem(path),
    )
    return data if drop is None else data.select(features=~chosen_columns(data.feature_names, drop, "drop"))


class NumberedLines:
    """The lines of an open file, for scikit-learn's parser, which asks for one after the other.

    Args:
        path: The file.
        file: Its lines; those read before are not among them.
        num_skipped: How many those are.
        num_rows: How many rows there are if blank ones are samples too; None if they are not.

    Attributes:
        lines: The line of each row so far.
        blank: The rows that are blank, which are given to the parser with a label of their own.
    """

    def __init__(self, path: Path, file: Iterable[bytes], *, num_skipped: int = 0, num_rows: int | None = None) -> None:
        self.path, self._file, self._num_rows = path, file, num_rows
        self.number, self._text = num_skipped, b""
        self.lines: list[int] = []
        self.blank: set[int] = set()

    def read(self) -> bytes:
        """Return nothing: scikit-learn takes what has this method for a file, and asks for lines."""
        return b""

    def __iter__(self) -> Iterator[bytes]:
        for text in self._file:
            self.number, self._text = self.number + 1, text
            is_blank = not text.partition(b"#")[0].strip()
            if not is_blank or (self._num_rows is not None and len(self.lines) < self._num_rows):
                if is_blank:
                    self.blank.add(len(self.lines))
                self.lines.append(self.number)
                yield b"0\n" if is_blank else text

    def mistake(self, reason: str) -> ValueError:
        """Return the error for the line that was asked for last."""
        shown = cut_short(self._text.decode("latin-1").strip())
        return ValueError(
            f"{self.path}, line {self.number}: {shown!r} is no row of labels and features ({reason}); expected one "
            "such as 1,3 2:0.5 7:1.0, with features in rising order"
        )


def parsed(rows: NumberedLines, num_features: int | None = None) -> tuple[Any, list[tuple[float, ...]]]:
    """Return the features, counted from 0, and the labels of every row.

    Args:
        rows: The lines.
        num_features: D, if the file says it.

    Raises:
        ValueError: A line is no row, or there are none.
    """
    from sklearn.datasets import load_svmlight_file  # noqa: PLC0415 (slow to import)

    try:
        features, tags_N = load_svmlight_file(rows, multilabel=True, zero_based=True)
    except (ValueError, OverflowError) as error:
        if str(rows.path) in str(error):
            raise
        raise rows.mistake(cut_short(str(error), 200)) from error
    if not tags_N:
        raise ValueError(f"{rows.path} holds no rows; expected at least one sample")
    check_shape(rows.path, *features.shape, what="features")
    if num_features is not None:
        wrong = features.indices >= num_features
        if wrong.any():
            row = int((features.indptr > wrong.argmax()).argmax()) - 1
            raise ValueError(
                f"{rows.path}, line {rows.lines[row]}: a feature has the number {features.indices[wrong.argmax()]}; "
                f"expected 0 to {num_features - 1}, since line 1 declares {num_features} features"
            )
        features.resize(features.shape[0], num_features)
    return features, [() if row in rows.blank else tags for row, tags in enumerate(tags_N)]


def indicators(path: Path, tags_N: Sequence[Sequence[float]], numbers: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return `(N, L)` labels of 0 and 1, one column for each number.

    Raises:
        ValueError: They would take too much memory for the size of the file.
    """
    check_shape(path, len(tags_N), len(numbers), what="labels", cell_bytes=1)
    column = {number: position for position, number in enumerate(numbers)}
    labels_NL = np.zeros((len(tags_N), len(numbers)), dtype=np.uint8)
    for labels_L, tags in zip(labels_NL, tags_N, strict=True):
        labels_L[[column[int(tag)] for tag in tags]] = 1
    return labels_NL


def _counted_from(path: Path, features: Any) -> tuple[Any, int]:
    """Return the features without a column that is none, and the number of the first."""
    if len(features.indices) and features.indices.min() == 0:
        warnings.warn(
            f"{path}: its features are counted from 0, not from 1 as is usual: they are called feature_0, ...",
            UserWarning,
            stacklevel=3,
        )
        return features, 0
    if features.shape[1] < 2:
        raise ValueError(f"{path}: no row has a feature; expected pairs of number and value, such as 2:0.5")
    return features[:, 1:], 1
