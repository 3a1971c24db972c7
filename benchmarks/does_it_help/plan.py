"""What is run: the rows of the table, the data sets, the budgets, and the settings that all of them share."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchsift.studies.sources import FileSource
from batchsift.training.settings import Settings

BASELINE = "random"
AGAIN = "random, other batches"  # the row of chance: Random's law by another way to draw
RECIPE = "balanced_pass + pos_weight"
BUDGETS = (1, 3, 5, 10, 20)  # epochs
METRICS = ("macro_auc", "macro_auprc", "macro_f1_tuned", "ranking_loss")
SEEDS, FOLDS = (0, 1), 5  # ten pairs
RATES = (6e-4, 1.2e-3, 2.5e-3, 5e-3, 1e-2, 2e-2, 4e-2)
SEARCH_FOLDS = (0, 1)  # of each seed: their validation parts choose the learning rate
MODEL, HYPERPARAMETERS = "mlp", {"hidden": [256, 256]}


@dataclass(frozen=True)
class Row:
    """A way to train: a method, how it draws, and a loss.

    Attributes:
        name: Its name in tables.
        method: A registered method.
        options: The method's options.
        drawing: How epochs are drawn from probabilities.
        loss: The loss of each label.
    """

    name: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    drawing: str = "systematic"
    loss: str = "bce"


def _rows() -> tuple[Row, ...]:
    plain = [
        Row(BASELINE, "random"),
        Row(AGAIN, "repeat_factor", {"threshold": 1e-9}),  # repeats nothing: equal probabilities, drawn systematically
        Row("stratified", "stratified"),
        Row("balanced_pass", "balanced_pass"),
        Row("repeat_factor", "repeat_factor"),
        Row("label_balanced", "label_balanced"),
        Row("label_balanced, power 1/2", "label_balanced", {"power": 0.5}),
        Row("info_batch", "info_batch"),
    ]
    scored = [
        Row(name if drawing == "systematic" else f"{name}, {drawing}", name, drawing=drawing)
        for name in ("hard", "uncertainty", "d2ace")
        for drawing in ("systematic", "independent")
    ]
    losses = [Row(f"random + {loss}", "random", loss=loss) for loss in ("pos_weight", "focal", "asymmetric")]
    both = [
        Row(f"{name} + pos_weight", name, loss="pos_weight")
        for name in ("stratified", "repeat_factor", "balanced_pass", "uncertainty", "d2ace")
    ]
    return (*plain, *scored, *losses, *both)


ROWS = _rows()
LOSSES = tuple(dict.fromkeys(row.loss for row in ROWS))

_FILES = {
    "emotions": ("arff/emotions.arff",),
    "birds": ("arff/birds-train.arff", "arff/birds-test.arff"),
    "cal500": ("arff/cal500.arff",),
    "enron": ("arff/enron.arff",),
    "scene": ("arff/scene-train.arff", "arff/scene-test.arff"),
    "yeast": ("arff/yeast.arff",),
    "mediamill": ("tabular/mediamill_small.npz",),
    "Business": ("tabular/yahoo_business_small.npz",),
    "Arts": ("tabular/yahoo_arts_small.npz",),
    "rcv1subset1": ("tabular/rcv1subset1_top944.npz",),
    "Corel5k": ("arff/Corel5k.arff",),
    "bibtex": ("arff/bibtex.arff",),
}
SETS = tuple(_FILES)


def source_of(name: str) -> FileSource:
    """Return where a data set comes from: files under the folder that the variable `BATCHSIFT_DATA` names."""
    place = os.environ.get("BATCHSIFT_DATA")
    if not place:
        sys.exit("set BATCHSIFT_DATA to the folder that holds the data sets, arff/yeast.arff and so on")
    folder = Path(place).resolve()
    return FileSource(tuple(str(folder / file) for file in _FILES[name]), name)


def settings(epochs: int, loss: str, learning_rate: float, drawing: str = "systematic") -> Settings:
    """Return the settings of a run: no warm-up of the learning rate, which falls to 0; standardized features."""
    return Settings(
        epochs=epochs,
        loss=loss,
        learning_rate=learning_rate,
        drawing=drawing,
        warmup_share=0.0,
        decay_share=1.0,
        num_folds=FOLDS,
    )
