"""batchsift: better mini-batches for multi-label training in PyTorch."""

from importlib.metadata import version as _version

from batchsift import data, methods, models
from batchsift.collecting import collect_labels
from batchsift.distributed import shard
from batchsift.loading import WithIndices, collate_with_indices
from batchsift.methods import (
    D2ACE,
    ActiveBias,
    Hard,
    HardImbalanced,
    LabelBalanced,
    Mixture,
    Random,
    RecencyBias,
    Stratified,
    Uncertainty,
)
from batchsift.selector import Selector

__version__ = _version("batchsift")

__all__ = [
    "D2ACE",
    "ActiveBias",
    "Hard",
    "HardImbalanced",
    "LabelBalanced",
    "Mixture",
    "Random",
    "RecencyBias",
    "Selector",
    "Stratified",
    "Uncertainty",
    "WithIndices",
    "collate_with_indices",
    "collect_labels",
    "data",
    "methods",
    "models",
    "shard",
]
