"""batchsift: better mini-batches for multi-label training in PyTorch."""

from importlib.metadata import version as _version

from batchsift import data, methods, models, testing
from batchsift.loading import WithIndices, collate_with_indices, collect_labels
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
from batchsift.selection.selector import Selector
from batchsift.selection.sharding import shard

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
    "testing",
]
