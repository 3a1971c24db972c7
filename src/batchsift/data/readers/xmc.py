"""The text format of the extreme classification repository.

A line `N D L` is followed by a row such as `1,3 2:0.5 7:1.0` for each sample; labels and features are counted from 0. A
sample without labels starts with a blank or with its first feature; a blank line is a sample with neither. Format:
http://manikvarma.org/downloads/XC/XMLRepository.html
"""

import re
from collections.abc import Sequence
from pathlib import Path

from batchsift.data.dataset import MultiLabelData
from batchsift.data.limits import check_shape
from batchsift.data.packed import opened
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.columns import chosen_columns
from batchsift.data.readers.svmlight import NumberedLines, indicators, parsed
from batchsift.files import stem
from batchsift.messages import cut_short

READS_TEXT = {".xmc": "read_xmc"}

_HEADER = re.compile(r"([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t]+([0-9]{1,18})\s*")
_HEADER_BYTES = 200


def read_xmc(path: str | Path, *, drop: str | Sequence[str] | None = None) -> MultiLabelData:
    """Read a file of the extreme classification repository; its features stay sparse, its labels become a dense matrix.

    Args:
        path: The file, which may be packed.
        drop: Features to leave out, by names or patterns: they are called `feature_0`, `feature_1`, ...

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: A row is none of this format or has numbers beyond those that the first line declares, with its
            line; there are more or fewer rows than declared; or the file would become too large for its size.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with opened(path) as file:
        text = file.readline(_HEADER_BYTES).removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        header = _HEADER.fullmatch(text)
        if header is None:
            raise ValueError(
                f"{path}, line 1: {cut_short(text.strip())!r}; expected the numbers of samples, features and labels"
            )
        num_samples, num_features, num_labels = map(int, header.groups())
        check_shape(path, num_samples, num_features, what="features")
        check_shape(path, num_samples, num_labels, what="labels", cell_bytes=1)
        rows = NumberedLines(path, file, num_skipped=1, num_rows=num_samples)
        features, tags_N = parsed(rows, num_features)
    if len(tags_N) != num_samples:
        raise ValueError(f"{path} holds {len(tags_N)} rows; its first line declares {num_samples} samples")
    for row, tags in enumerate(tags_N):
        for tag in tags:
            if not tag.is_integer() or not 0 <= tag < num_labels:
                raise ValueError(
                    f"{path}, line {rows.lines[row]}: a label is {tag:g}; expected whole numbers from 0 to "
                    f"{num_labels - 1}, since line 1 declares {num_labels} labels"
                )
    labels = indicators(path, tags_N, range(num_labels))
    data = from_arrays(features, labels, name=stem(path))
    return data if drop is None else data.select(features=~chosen_columns(data.feature_names, drop, "drop"))
