"""What is logged of a run, whoever logs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from batchsift.training.recording import EpochRecord

PROJECT = "batchsift"  # where MLflow and Weights & Biases put runs unless their own environment variables say otherwise


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """A run as a log knows it.

    Args:
        key: The same for the same run gone on with, another for every other.
        name: The name for people.
        group: What it is a part of: the name of the data.
        parameters: Settings, by name; settings of model and method under names with a dot.
        folder: Where files of a log go, if it makes any.
        part: The run's own folder within those files, where one folder has several runs.
    """

    key: str
    name: str
    group: str
    parameters: Mapping[str, Any]
    folder: Path
    part: str = ""


class RunLog(Protocol):
    """An open log of one run."""

    def write(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers of an epoch; what an earlier, killed process wrote from there on counts no more."""

    def close(self, final: Mapping[str, float]) -> None:
        """Write what came out in the end (nothing where the run was interrupted), and put everything in its place."""


def flat_parameters(parameters: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return parameters of all depths under names with dots.

    >>> flat_parameters({"epochs": 3, "hyperparameters": {"hidden": [8]}})
    {'epochs': 3, 'hyperparameters.hidden': [8]}
    """
    flat: dict[str, Any] = {}
    for name, value in parameters.items():
        flat |= flat_parameters(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def epoch_numbers(record: EpochRecord) -> dict[str, float]:
    """Return what a log shows of an epoch: loss, learning rate, validation metrics and the selector's summary."""
    return {
        "loss": record.loss,
        "learning_rate": record.learning_rate,
        **{f"validation/{key}": value for key, value in record.validation.items()},
        **{f"selection/{key}": value for key, value in record.summary.items()},
    }
