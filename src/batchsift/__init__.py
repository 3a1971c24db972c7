"""batchsift: better mini-batches for multi-label training in PyTorch.

Everything public is here by name, and imported when it is first asked for: torch alone takes seconds to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchsift import data, methods, models, testing
    from batchsift.functional import losses
    from batchsift.loading import WithIndices, collate_with_indices, collect_labels
    from batchsift.methods import (
        D2ACE,
        ActiveBias,
        BalancedPass,
        Hard,
        HardImbalanced,
        InfoBatch,
        LabelBalanced,
        Mixture,
        Random,
        RecencyBias,
        RepeatFactor,
        Stratified,
        Uncertainty,
    )
    from batchsift.selection.saving import load_state, save_state
    from batchsift.selection.selector import Selector
    from batchsift.selection.sharding import shard
    from batchsift.training.classifier import MultiLabelClassifier
    from batchsift.verbs.compare import compare
    from batchsift.verbs.load_model import load_model
    from batchsift.verbs.train import train

    __version__: str

__all__ = [
    "D2ACE",
    "ActiveBias",
    "BalancedPass",
    "Hard",
    "HardImbalanced",
    "InfoBatch",
    "LabelBalanced",
    "Mixture",
    "MultiLabelClassifier",
    "Random",
    "RecencyBias",
    "RepeatFactor",
    "Selector",
    "Stratified",
    "Uncertainty",
    "WithIndices",
    "collate_with_indices",
    "collect_labels",
    "compare",
    "data",
    "load_model",
    "load_state",
    "losses",
    "methods",
    "models",
    "save_state",
    "shard",
    "testing",
    "train",
]

# Where the names are defined; one that is missing here is itself a module, of the package or of a room of it.
_MODULES = {
    "D2ACE": "methods",
    "ActiveBias": "methods",
    "BalancedPass": "methods",
    "Hard": "methods",
    "HardImbalanced": "methods",
    "InfoBatch": "methods",
    "LabelBalanced": "methods",
    "Mixture": "methods",
    "MultiLabelClassifier": "training.classifier",
    "Random": "methods",
    "RecencyBias": "methods",
    "RepeatFactor": "methods",
    "Selector": "selection.selector",
    "Stratified": "methods",
    "Uncertainty": "methods",
    "WithIndices": "loading",
    "collate_with_indices": "loading",
    "collect_labels": "loading",
    "compare": "verbs.compare",
    "load_model": "verbs.load_model",
    "load_state": "selection.saving",
    "save_state": "selection.saving",
    "shard": "selection.sharding",
    "train": "verbs.train",
}

_PATHS = {"losses": "functional.losses"}

if not TYPE_CHECKING:  # type checkers would take every name for defined

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            value = import_module("importlib.metadata").version("batchsift")
        elif name in _MODULES:
            value = getattr(import_module(f"batchsift.{_MODULES[name]}"), name)
        elif name in __all__:
            value = import_module(f"batchsift.{_PATHS.get(name, name)}")
        else:
            raise AttributeError(f"module 'batchsift' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
