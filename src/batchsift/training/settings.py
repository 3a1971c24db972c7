"""The settings of a training run, which all runs of a comparison share.

What the papers have otherwise than the defaults is in `presets.PAPER`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from batchsift.functional.schedule import resolve
from batchsift.messages import there_are
from batchsift.training.pictures import PictureSettings

AUTO: Final = "auto"  # in the place of a number that is to be searched
LOSSES = ("bce", "pos_weight", "focal", "asymmetric", "distribution_balanced")  # `functional.losses` imports torch
SCALINGS = ("minmax", "standard", "none")
DRAWINGS = ("systematic", "independent")


def split_loss(name: str) -> tuple[str, str | None]:
    """Return the method and the loss that a name of a comparison means; None for the loss of the settings.

    >>> split_loss("balanced_pass+pos_weight"), split_loss("random")
    (('balanced_pass', 'pos_weight'), ('random', None))
    """
    method, plus, loss = name.partition("+")
    return method.strip(), loss.strip() if plus else None


# Fields that older files do not have, and what they would have said.
BEFORE: Mapping[str, Any] = MappingProxyType(
    {"loss": "bce", "scaling": "minmax", "center_sparse": False, "drawing": "independent", "pictures": None}
)

MOST_FOLDS = 1000  # each is a training: a number beyond is a slip, and would take minutes to be answered


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a training run.

    Args:
        epochs: Passes over the training part, at least 1.
        batch_size: B, at least 1.
        learning_rate: Adam's, above 0.
        weight_decay: Adam's (coupled), at least 0.
        warmup_share: Share of the epochs over which the learning rate rises linearly, in [0, 1]; rounded up.
        decay_share: Share of the epochs, the last ones, over which it falls linearly, to reach 0 after the last, in
            [0, 1]; rounded up. The papers have none.
        num_folds: Folds of the cross-validation, at least 2.
        validation_share: Share of each training part held out to choose the epoch, in (0, 1).
        min_positives: Labels with this many positives or fewer are dropped; at least 0.
        top_features: Share of the features to keep, those with the largest sums in a training part, in (0, 1]; None
            keeps all. The papers keep 0.02 of rcv1's and 0.05 of the Yahoo sets'.
        loss: The loss by label, a name of `batchsift.losses`; the model must have a term that it can replace.
        scaling: What the training part tells of the scale of a feature: "standard" (mean 0, standard deviation 1),
            "minmax" (to [0, 1], as in the papers) or "none". Missing values become the mean in any case.
        center_sparse: Whether "standard" also takes the mean off sparse features, whose zeros are then no longer
            zeros; by default they are divided by the standard deviation alone.
        drawing: How an epoch is drawn from probabilities, as `Selector` has it: "systematic", or "independent" as
            in the papers.
        device: The device the model trains on, in torch's words.
        threads: Threads of torch on the CPU while a run lasts, at least 1. Small models lose by more than one, and lose
            badly where something else needs the cores. Only with the same threads do repeated runs give the same
            numbers.
        pictures: How pictures are read and trained on; None for a data set with features.

    Raises:
        ValueError: For a value out of its range.
    """

    epochs: int = 100
    batch_size: int = 128
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    warmup_share: float = 0.1
    decay_share: float = 0.0
    num_folds: int = 5
    validation_share: float = 0.1
    min_positives: int = 20
    top_features: float | None = None
    loss: str = "bce"
    scaling: str = "standard"
    center_sparse: bool = False
    drawing: Literal["systematic", "independent"] = "systematic"
    device: str = "cpu"
    threads: int = 1
    pictures: PictureSettings | None = None

    def __post_init__(self) -> None:
        rules: dict[str, tuple[bool, str]] = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0 and finite"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0 and finite"),
            "warmup_share": (0 <= self.warmup_share <= 1, "in [0, 1]"),
            "decay_share": (0 <= self.decay_share <= 1, "in [0, 1]"),
            "num_folds": (2 <= self.num_folds <= MOST_FOLDS, f"at least 2 and at most {MOST_FOLDS}"),
            "validation_share": (0 < self.validation_share < 1, "between 0 and 1"),
            "threads": (self.threads >= 1, "at least 1"),
            "min_positives": (self.min_positives >= 0, "at least 0"),
            "top_features": (self.top_features is None or 0 < self.top_features <= 1, "in (0, 1], or None"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"{name} must be {rule}, got {getattr(self, name)}")
        for name, words in {"loss": LOSSES, "scaling": SCALINGS, "drawing": DRAWINGS}.items():
            word = getattr(self, name)
            if word not in words:
                raise ValueError(f"unknown {name} {word!r}{there_are(str(word), words)}")
        if self.center_sparse and self.scaling != "standard":
            raise ValueError(f"center_sparse belongs to scaling 'standard', got scaling {self.scaling!r}: leave it out")

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Settings":
        """Read settings from a document, an older one too: what it does not say is what it was then.

        Raises:
            TypeError: For a field there is none of.
            ValueError: For a value out of its range.

        >>> Settings.from_document({"epochs": 20}).scaling
        'minmax'
        """
        fields = {**BEFORE, **document}
        if isinstance(fields["pictures"], Mapping):
            fields["pictures"] = PictureSettings(**fields["pictures"])
        return cls(**fields)

    def document(self) -> dict[str, Any]:
        """Return the fields by name, as JSON can hold them; of pictures those that decide numbers."""
        return asdict(self) | {"pictures": None if self.pictures is None else self.pictures.identity()}

    def identity(self) -> dict[str, Any]:
        """Return the fields by name, less those that older files do not have where they say what it was then.

        >>> Settings(scaling="minmax", loss="focal").identity()["loss"], "scaling" in Settings().identity()
        ('focal', True)
        >>> "scaling" in Settings(scaling="minmax").identity()
        False
        """
        return {name: value for name, value in self.document().items() if name not in BEFORE or value != BEFORE[name]}

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of epoch e of E, counted from 0: `min(1, (e + 1) / W, (E - e) / D)` of the full one.

        W and D are the epochs of warm-up and of decay.

        >>> settings = Settings(epochs=30, learning_rate=0.6)
        >>> [round(settings.learning_rate_at(epoch), 6) for epoch in range(5)]
        [0.2, 0.4, 0.6, 0.6, 0.6]
        >>> settings = Settings(epochs=6, learning_rate=0.6, decay_share=0.5)
        >>> [round(settings.learning_rate_at(epoch), 6) for epoch in range(6)]
        [0.6, 0.6, 0.6, 0.6, 0.4, 0.2]
        """
        warmup_epochs = resolve(float(self.warmup_share), self.epochs, "warmup_share")
        decay_epochs = resolve(float(self.decay_share), self.epochs, "decay_share")
        rising = (epoch + 1) / max(warmup_epochs, 1)
        falling = (self.epochs - epoch) / max(decay_epochs, 1)
        return self.learning_rate * min(1.0, rising, falling)


@dataclass(frozen=True)
class Search:
    """What is to be searched; the settings say the others.

    Args:
        learning_rate: Whether the learning rate is.
        epochs: Whether the number of epochs is.
    """

    learning_rate: bool
    epochs: bool

    def __bool__(self) -> bool:
        return self.learning_rate or self.epochs
