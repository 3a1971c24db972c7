"""Experiments: the protocol of the papers, comparisons of methods and their statistics."""

from batchsift.experiments.comparison import Comparison, compare
from batchsift.experiments.loop import DivergedError
from batchsift.experiments.preparation import Prepared, Settings, Split, prepare
from batchsift.experiments.protocol import EpochRecord, FoldResult, run, run_fold

__all__ = [
    "Comparison",
    "DivergedError",
    "EpochRecord",
    "FoldResult",
    "Prepared",
    "Settings",
    "Split",
    "compare",
    "prepare",
    "run",
    "run_fold",
]
