"""What is trained and how: all that is chosen for a run beside its data and its seed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from batchsift.data import MultiLabelData
from batchsift.files import make_jsonable
from batchsift.training.checks import check_device
from batchsift.training.options import check_hyperparameters, check_model_settings, create_method
from batchsift.training.provenance import fingerprint
from batchsift.training.settings import BEFORE, Settings

STUDY_SETTINGS = ("num_folds", "min_positives", "top_features")  # of folds and filters: `fit` has neither


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A model, a method, and what they are trained by.

    Args:
        model: A name of `batchsift.models`.
        method: A name of `batchsift.methods`.
        settings: The settings of the training.
        hyperparameters: Hyperparameters of the model, by name; its own defaults for the others.
        method_options: Options of the method, as a file writes them: see `batchsift.training.options`.
    """

    model: str
    method: str
    settings: Settings = field(default_factory=Settings)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    method_options: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Check what can be checked without data.

        Raises:
            ValueError: For a device that cannot be used, an unknown model, method, hyperparameter or option, or
                a loss or scaling that the model does not take.
            TypeError: For an option of another type.
        """
        check_device(self.settings.device)
        check_hyperparameters(self.model, self.hyperparameters)
        check_model_settings(self.model, self.settings)
        create_method(self.method, self.method_options)

    def identity(self, data: MultiLabelData, seed: int) -> dict[str, Any]:
        """Return everything that decides the numbers of `fit`, as JSON can hold it."""
        settings = asdict(self.settings)
        identity: dict[str, Any] = make_jsonable(
            {
                "data": data.name,
                "data_fingerprint": fingerprint(data),
                "model": self.model,
                "hyperparameters": self.hyperparameters,
                "method": self.method,
                "method_options": self.method_options,
                "training": {name: value for name, value in settings.items() if name not in STUDY_SETTINGS},
                "seed": seed,
            }
        )
        return identity


def check_same_run(folder: Path, stored: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Check that what lies in a folder belongs to the run that would go on there.

    Args:
        folder: The folder, which the message names.
        stored: The identity of what lies there.
        identity: The identity of the run.

    Raises:
        ValueError: Where they differ.
    """
    stored = {**stored, "training": {**BEFORE, **stored.get("training", {})}}
    different = [key for key in identity if stored.get(key) != identity[key]]
    if different:
        key = different[0]
        raise ValueError(
            f"{folder} holds another run, which differs in {', '.join(different)} "
            f"({key} was {stored.get(key)!r}, now {identity[key]!r}): choose another folder, or remove it"
        )
