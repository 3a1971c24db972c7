"""What is trained and how: all that is chosen for a run beside its data and its seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchsift.data import ImageData, MultiLabelData
from batchsift.devices import check_device
from batchsift.files import make_jsonable
from batchsift.messages import cut_short, first_few, warn
from batchsift.training.options import check_hyperparameters, check_model_settings, create_method
from batchsift.training.provenance import differing_versions, fingerprint
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

    def identity(self, data: MultiLabelData | ImageData, seed: int) -> dict[str, Any]:
        """Return everything that decides the numbers of `fit`, as JSON can hold it."""
        settings = self.settings.document()
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
    before, now = _flat({**stored, "training": {**BEFORE, **stored.get("training", {})}}), _flat(identity)
    different = [
        f"{key} {_word(before.get(key))}, now {_word(now.get(key))}"
        for key in {**now, **before}
        if before.get(key) != now.get(key)
    ]
    if different:
        raise ValueError(
            f"{folder} holds another run: {first_few(different, shown=8, between='; ')}. "
            "Choose another folder, or remove it"
        )


def warn_of_versions(folder: Path, theirs: Mapping[str, str]) -> None:
    """Warn where a run that is found, or gone on with, was computed by other versions.

    Warns:
        UserWarning: It was.
    """
    different = differing_versions(theirs)
    if different:
        warn(
            f"{folder} holds a run that was computed with other versions ({', '.join(different)}); remove it to train "
            "with those here"
        )


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the training beside the other keys; hyperparameters and options under names with a dot."""
    flat: dict[str, Any] = {}
    for key, value in identity.items():
        if isinstance(value, Mapping):
            inner = value if key == "training" else {f"{key}.{name}": one for name, one in value.items()}
            flat |= {**inner, **(inner.get("pictures") or {})}
            flat.pop("pictures", None)
        else:
            flat["content of the data" if key == "data_fingerprint" else key] = value
    return flat


def _word(value: Any) -> str:
    return "not given" if value is None else cut_short(str(value))
