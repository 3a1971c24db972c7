"""Named settings of a model on a data set: the defaults, the papers' own, and those found by a search.

The search on validation data (`benchmarks/tune.py`) writes `presets.json` beside this file: model to data set to what
differs from the papers' settings.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from batchsift.messages import there_are
from batchsift.training.pictures import MODELS, takes_pictures
from batchsift.training.settings import Settings

NAMES = ("default", "paper", "tuned")
PAPER: Mapping[str, Any] = MappingProxyType(  # what the papers have otherwise than `Settings`
    {"scaling": "minmax", "drawing": "independent"}
)
# What `compare` and `train` have otherwise than `Settings`: after its warm-up, the learning rate falls to 0.
USUAL: Mapping[str, Any] = MappingProxyType({"decay_share": 1.0})
# Of pictures, no search of learning rate and epochs unless it is asked for: it takes a multiple of the training.
_OF_PICTURES: Mapping[str, Any] = MappingProxyType({"batch_size": 32, "epochs": 20})
_RATES = (3e-3, 1e-4)  # of `resnet-small`, which begins with random weights; of backbones that were trained before
RECIPES: Mapping[str, tuple[str, str]] = MappingProxyType({"short": ("balanced_pass", "pos_weight")})  # method and loss
TUNED = Path(__file__).with_name("presets.json")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What differs from the defaults of `Settings` and of a model.

    Args:
        settings: Fields of `Settings`, such as `learning_rate` and `epochs`.
        hyperparameters: Hyperparameters of the model.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)


def usual(model: str) -> Mapping[str, Any]:
    """Return what `compare` and `train` have for a model otherwise than `Settings`, unless other settings are named.

    >>> usual("resnet-small")["batch_size"], "epochs" in usual("mlp")
    (32, False)
    """
    if not takes_pictures(model):
        return USUAL
    return {**USUAL, **_OF_PICTURES, "learning_rate": _RATES[model not in MODELS]}


def preset(name: str, *, model: str, data: str) -> Preset:
    """Return the settings of that name for a model on a data set.

    Args:
        name: "default": the defaults of `Settings` and of the model; "paper": the same but for `PAPER`; "tuned": the
            papers' but for what the search found.
        model: A name of `batchsift.models`.
        data: The name of a data set, as `MultiLabelData.name` has it.

    Raises:
        ValueError: For an unknown name, or where no search was made for this model and data set.
    """
    if name not in NAMES:
        raise ValueError(f"there are no settings {name!r}{there_are(name, NAMES)}")
    if name == "default":
        return Preset()
    if name == "paper":
        return Preset(settings=PAPER)
    recipes = _read_tuned().get(model, {})
    if data not in recipes:
        raise ValueError(
            f"no tuned settings for {model} on {data!r}; there are some for {', '.join(recipes) or 'no data set'}: "
            "search with benchmarks/tune.py, or give learning rate and epochs yourself"
        )
    found = recipes[data]
    return Preset(settings={**PAPER, **found.settings}, hyperparameters=found.hyperparameters)


@cache
def _read_tuned() -> dict[str, dict[str, Preset]]:
    return read(TUNED)


def read(path: Path) -> dict[str, dict[str, Preset]]:
    """Read a file that `benchmarks/tune.py` wrote: model to data set to settings.

    Raises:
        ValueError: Where the file is not such a table, or holds what a run could not take.
    """
    table = json.loads(path.read_text(encoding="utf-8"))
    return {
        model: {
            data: _check_entry(entry, model, f"{path.name}: {model} on {data!r}") for data, entry in by_data.items()
        }
        for model, by_data in table.items()
    }


def _check_entry(entry: Mapping[str, Any], model: str, where: str) -> Preset:
    from batchsift import models  # noqa: PLC0415 (imports torch)

    try:
        checked = Preset(**entry)
        Settings(**checked.settings)
        unknown = set(checked.hyperparameters) - set(models.hyperparameters(model))
    except (TypeError, ValueError) as error:  # a field there is none of, or a value out of its range
        raise ValueError(f"{where}: {error}") from error
    if unknown:
        raise ValueError(f"{where}: {model} has no hyperparameter {', '.join(sorted(unknown))}")
    return checked
