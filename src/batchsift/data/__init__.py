"""Data sets: what one is, how to read one, how to split one.

>>> data = load("digits")
>>> data.num_samples, data.num_features, data.num_labels
(2400, 324, 10)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batchsift.data.arff import read_arff
from batchsift.data.dataset import MultiLabelData, concatenated, drop_rare_labels, drop_unlabelled_samples
from batchsift.data.digits import digits
from batchsift.data.loading import load
from batchsift.data.readers.arrays import from_arrays, read_npz
from batchsift.data.splits.published import PublishedSplit, published_split
from batchsift.data.splits.report import SplitReport, split_report
from batchsift.data.splits.splitting import Split, folds, holdout, train_validation_test

if TYPE_CHECKING:
    from batchsift.data.readers.frames import from_frame
    from batchsift.data.readers.hf import from_hf
    from batchsift.data.readers.tables import read_table

__all__ = [
    "MultiLabelData",
    "PublishedSplit",
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
    "published_split",
    "read_arff",
    "read_npz",
    "read_table",
    "split_report",
    "train_validation_test",
]

_NEED_PANDAS = {"from_frame": "readers.frames", "from_hf": "readers.hf", "read_table": "readers.tables"}


def __getattr__(name: str) -> Any:
    if name not in _NEED_PANDAS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEED_PANDAS[name]}"), name)
