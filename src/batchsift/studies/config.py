"""What is to be run: the configuration of a cell, and the manifest of a study that lists its cells."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from batchsift.entries import check_keys, described, part, whole_number
from batchsift.training.settings import Settings

STUDY_FORMAT = 2
STUDY_FORMATS = (1, STUDY_FORMAT)  # those that can be read: 1 had fewer settings, see `training.settings.BEFORE`
# Metrics that claims are made of unless others are asked for.
HEADLINES = ("macro_auc", "macro_auprc", "macro_f1_tuned", "ranking_loss")
AGAIN = "random (again)"  # the name of Random a second time, with another seed of the drawing
ALPHA = 0.05  # the level of tests unless another is asked for; intervals are of 1 - ALPHA


@dataclass(frozen=True, kw_only=True)
class CellConfig:
    """Everything that decides the numbers of a cell.

    Args:
        data: The name of the data set.
        model: The name of the model.
        method: The name of the method in this study.
        settings: The name of the settings.
        fold: The fold, counted from 0.
        seed: The seed that decides the splits, the initial weights and the selection.
        base_method: The registered method.
        method_options: The options of the method.
        hyperparameters: The hyperparameters of the model.
        training: The settings in full.
        data_fingerprint: The hash of the data's content.
        drawing_seed: The seed of the drawing alone, where it is another than `seed`: such a run shares splits and
            initial weights with those it is paired with, and shows what chance in the drawing does.
    """

    data: str
    model: str
    method: str
    settings: str
    fold: int
    seed: int
    base_method: str
    method_options: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    training: Settings
    data_fingerprint: str
    drawing_seed: int | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "CellConfig":
        """Build the configuration from what `document()` returned.

        Raises:
            ValueError: A key is missing, unknown, or has a value out of its range.
        """
        try:
            config = cls(**{**document, "training": Settings.from_document(document["training"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no configuration of a cell of this version of batchsift: {error}") from error
        for key in ("data", "model", "method", "settings", "base_method", "data_fingerprint"):
            if not isinstance(document[key], str):
                raise ValueError(f"{key}: must be a text, got {described(document[key])}")
        for key in ("fold", "seed"):
            whole_number(document, key)
        for key in ("method_options", "hyperparameters"):
            with part(key):
                check_keys(document[key], (), others=True)
        return config

    def document(self) -> dict[str, Any]:
        """Return the configuration as JSON can hold it; without a seed of the drawing where it has none of its own."""
        content = asdict(self) | {"training": self.training.document()}
        return {name: value for name, value in content.items() if name != "drawing_seed" or value is not None}

    def repeated(self) -> "CellConfig":
        """Return the cell once more, with another seed of the drawing: one far from those that people choose."""
        return replace(self, method=AGAIN, drawing_seed=(self.seed + 2**31) % 2**32)

    @property
    def is_repeat(self) -> bool:
        """Whether it repeats another run but for the drawing: what chance does, no contender."""
        return self.drawing_seed is not None

    @cached_property
    def key(self) -> str:
        """The hash of the configuration: 20 hexadecimal digits.

        A configuration that an older version could write has the key that it had there.
        """
        document = {**self.document(), "training": self.training.identity()}
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:20]

    def __str__(self) -> str:
        return f"{self.data} {self.model} {self.method} {self.settings} fold {self.fold + 1} seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class StudyManifest:
    """What a store keeps of the study whose cells it holds.

    Args:
        name: The study's name.
        file: The path of the study file.
        source: The text of the study file.
        metrics: Keys of the metrics that a report leads with.
        command: The words that run the study again.
        cells: The configurations of all cells by their keys, in the study's order.
        budget: Whether the number of epochs is one that is meant, so that training need not be over for a verdict.
    """

    name: str = ""
    file: str = ""
    source: str = ""
    metrics: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    cells: Mapping[str, CellConfig]
    budget: bool = False

    def document(self) -> dict[str, Any]:
        """Return the manifest as JSON can hold it."""
        return {
            "format": STUDY_FORMAT,
            "name": self.name,
            "file": self.file,
            "source": self.source,
            "metrics": list(self.metrics),
            "command": list(self.command),
            "budget": self.budget,
            "cells": [{"key": key, "config": config.document()} for key, config in self.cells.items()],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "StudyManifest":
        """Build the manifest from what `document()` returned.

        Raises:
            ValueError: It is of another format, or a cell's configuration cannot be read.
        """
        if document.get("format") not in STUDY_FORMATS:
            readable = " and ".join(map(str, STUDY_FORMATS))
            raise ValueError(f"the study has format {document.get('format')!r}; this batchsift reads {readable}")
        check_keys(document, ("cells",), others=True)
        for key in ("name", "file", "source"):
            if not isinstance(document.get(key, ""), str):
                raise ValueError(f"{key}: must be a text, got {described(document[key])}")
        for key in ("metrics", "command", "cells"):
            wanted = Mapping if key == "cells" else str
            entries = document.get(key, [])
            if not isinstance(entries, list | tuple) or not all(isinstance(entry, wanted) for entry in entries):
                raise ValueError(f"{key}: must be a list, got {described(entries)}")
        if not isinstance(document.get("budget", False), bool):
            raise ValueError(f"budget: must be true or false, got {described(document['budget'])}")
        cells = {}
        for cell in document["cells"]:
            with part("cells"):
                check_keys(cell, ("key", "config"))
                if not isinstance(cell["key"], str):
                    raise ValueError(f"key: must be a text, got {described(cell['key'])}")
                cells[cell["key"]] = CellConfig.from_document(cell["config"])
        return cls(
            name=document.get("name", ""),
            file=document.get("file", ""),
            source=document.get("source", ""),
            metrics=tuple(document.get("metrics", ())),
            command=tuple(document.get("command", ())),
            cells=cells,
            budget=document.get("budget", False),
        )
