"""Data sets: what one is, how to read one, how to split one.

| file | what it holds |
| --- | --- |
| `dataset` | `MultiLabelData`, a complete data set in memory; `concatenated` |
| `labelled` | what all data sets have in common |
| `loading` | `load`, one door to all data, and the table of file endings |
| `images` | data sets of pictures: labels in memory, pictures decoded when they are asked for |
| `readers` | one module for each form that tables come in; how to add one |
| `arff` | the ARFF files of Mulan, MEKA and Weka |
| `catalog` | the data sets that go by name, and their download |
| `digits` | the embedded data set |
| `splits` | folds, held-out parts, published splits, and reports on them |
| `filters` | the two filters of the published protocol |
| `long_tail` | long-tailed versions of a data set |
| `schema` | what the columns of a table hold |
| `preparing` | features for a model or a selector, in one call |
| `transforms` | scikit-learn transformers that are fitted on a training part |
| `describe`, `imbalance`, `duplicates` | what a data set is like, and what may be wrong with it |

>>> data = load("digits")
>>> data.num_samples, data.num_features, data.num_labels
(2400, 324, 10)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batchsift.data.arff import read_arff
from batchsift.data.dataset import MultiLabelData, concatenated
from batchsift.data.digits import digits
from batchsift.data.filters import drop_rare_labels, drop_unlabelled_samples
from batchsift.data.images import ImageData
from batchsift.data.loading import load
from batchsift.data.long_tail import long_tailed
from batchsift.data.readers.arrays import from_arrays
from batchsift.data.readers.npz import read_npz
from batchsift.data.splits.published import published_split
from batchsift.data.splits.report import SplitReport, split_report
from batchsift.data.splits.splitting import PublishedSplit, ReportedSplit, Split, folds, holdout, train_validation_test

if TYPE_CHECKING:
    from batchsift.data.preparing import make_preprocessor, prepare_features
    from batchsift.data.readers.frames import from_frame
    from batchsift.data.readers.hf import from_hf
    from batchsift.data.readers.tables import read_table

__all__ = [
    "ImageData",
    "MultiLabelData",
    "PublishedSplit",
    "ReportedSplit",
    "Split",
    "SplitReport",
    "concatenated",
    "digits",
    "drop_rare_labels",
    "drop_unlabelled_samples",
    "folds",
    "from_arrays",
    "from_frame",
    "from_hf",
    "holdout",
    "load",
    "long_tailed",
    "make_preprocessor",
    "prepare_features",
    "published_split",
    "read_arff",
    "read_npz",
    "read_table",
    "split_report",
    "train_validation_test",
]

_HEAVY = {
    "from_frame": "readers.frames",
    "from_hf": "readers.hf",
    "make_preprocessor": "preparing",
    "prepare_features": "preparing",
    "read_table": "readers.tables",
}


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HEAVY[name]}"), name)
