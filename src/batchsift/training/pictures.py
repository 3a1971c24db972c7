"""How pictures are read and trained on: what `Settings` has beside what all trainings share. Without torch.

A setting that is left out (None) depends on the model and on where the pictures are: see `for_training`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from batchsift.messages import there_are

MODELS = ("resnet-small",)  # by name; others are names on the hub of Hugging Face, or folders
OBSERVED = ("training", "clean")
NEIGHBORS = ("model", "pretrained", "none")
SMALL, LARGE = 64, 224  # pixels a side: for `resnet-small`, and for everything else
FLIP, CROP = 0.5, 0.5  # of pictures in files
FLIP_IN_MEMORY, CROP_IN_MEMORY = 0.0, 0.85  # of small ones that may be signs, where sides have a meaning
_ONLY_SPEED = ("workers",)  # fields that no number depends on


def takes_pictures(model: str) -> bool:
    """Return whether the name of a model is that of a backbone for pictures.

    >>> takes_pictures("resnet-small"), takes_pictures("facebook/dinov2-small"), takes_pictures("mlp")
    (True, True, False)
    """
    return model in MODELS or "/" in model or Path(model).is_dir()


@dataclass(frozen=True, kw_only=True)
class PictureSettings:
    """The settings of a training on pictures.

    Args:
        size: Height and width that the network sees, in pixels. None: 64 for `resnet-small`, else 224, and no more than
            pictures in memory have.
        crop: The smallest share of its area that a picture is cropped to in training, in (0, 1]; 1 for no crop but to a
            square. None: 0.5, and 0.85 for pictures in memory.
        flip: The probability of mirroring left and right in training. None: 0.5, and 0 for pictures in memory.
        ema: The decay of a moving average of the weights, in [0, 1); what is validated and kept is then the average.
            None for none.
        backbone_rate: The learning rate of the backbone over that of the head, at least 0; with 0 it stays as it is.
        observe: What the selector sees: "training", the logits of the training pass, or "clean", predictions of the
            same pictures without augmentation by the weights that would be kept, before the step: one more forward
            pass.
        neighbors: Where D2ACE and HardImbalanced find the neighbors of a sample: "model", in embeddings of the model in
            training, renewed between epochs after the warm-up; "pretrained", in those of the backbone before training,
            whose weights must be loaded; "none".
        neighbor_epochs: With "model", epochs from one renewal to the next, at least 1.
        workers: Processes that decode and augment; 0 for this one. No number depends on it.

    Raises:
        ValueError: For a value out of its range.
    """

    size: int | None = None
    crop: float | None = None
    flip: float | None = None
    ema: float | None = None
    backbone_rate: float = 1.0
    observe: str = "training"
    neighbors: str = "model"
    neighbor_epochs: int = 5
    workers: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        rules: dict[str, tuple[bool, str]] = {
            "size": (self.size is None or self.size >= 1, "at least 1"),
            "crop": (self.crop is None or 0 < self.crop <= 1, "in (0, 1]"),
            "flip": (self.flip is None or 0 <= self.flip <= 1, "in [0, 1]"),
            "ema": (self.ema is None or 0 <= self.ema < 1, "in [0, 1)"),
            "backbone_rate": (0 <= self.backbone_rate < float("inf"), "at least 0 and finite"),
            "neighbor_epochs": (self.neighbor_epochs >= 1, "at least 1"),
            "workers": (self.workers >= 0, "at least 0"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"{name} must be {rule}, got {getattr(self, name)}")
        for name, words in {"observe": OBSERVED, "neighbors": NEIGHBORS}.items():
            if getattr(self, name) not in words:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}{there_are(str(getattr(self, name)), words)}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "PictureSettings":
        """Return the settings with these fields; None stands for the default of each.

        Raises:
            ValueError: There is no such field, or a value is out of its range.
        """
        for name in given:
            if name not in NAMES:
                raise ValueError(f"there is no setting {name!r} of pictures{there_are(name, NAMES)}")
        return cls(**{name: value for name, value in given.items() if value is not None})

    def for_training(self, model: str, side: int | None) -> "PictureSettings":
        """Return the settings with numbers in place of None.

        Args:
            model: The name of the backbone.
            side: The longer side of pictures in memory, in pixels; None for pictures in files.

        >>> PictureSettings(flip=0.1).for_training("resnet-small", None)
        PictureSettings(size=64, crop=0.5, flip=0.1, ema=None, backbone_rate=1.0, observe='training', ...)
        """
        usual = SMALL if model in MODELS else LARGE
        defaults: dict[str, Any] = {
            "size": usual if side is None else min(usual, side),
            "crop": CROP if side is None else CROP_IN_MEMORY,
            "flip": FLIP if side is None else FLIP_IN_MEMORY,
        }
        return replace(self, **{name: value for name, value in defaults.items() if getattr(self, name) is None})

    def identity(self) -> dict[str, Any]:
        """Return the fields that decide numbers, by name."""
        return {name: value for name, value in asdict(self).items() if name not in _ONLY_SPEED}


NAMES = tuple(one.name for one in fields(PictureSettings))
