"""Points in a training run, given as epochs or as a share of all epochs."""

import math
from dataclasses import dataclass
from numbers import Integral  # NumPy's integers are such; NumPy itself takes a while to import


def resolve(point: float, epochs: int | None, name: str) -> int:
    """Return the epoch meant by a schedule point: an int is an epoch, a float a share of `epochs`, rounded up.

    Args:
        point: The schedule point.
        epochs: Number of epochs; None where it is not known.
        name: Name of the option, for messages.

    Raises:
        ValueError: The point is a negative epoch, a share outside [0, 1], or a share of an unknown number of epochs.
        TypeError: It is neither int nor float.

    >>> resolve(0.1, 25, "warmup"), resolve(10, 25, "warmup")
    (3, 10)
    """
    if isinstance(point, bool) or not isinstance(point, int | float | Integral):
        raise TypeError(f"{name} must be an int (epochs) or a float (share of the epochs), got {point!r}")
    if isinstance(point, int | Integral):
        if point < 0:
            raise ValueError(f"{name}={point} must not be negative")
        return int(point)
    if not 0 <= point <= 1:
        raise ValueError(f"{name}={point} is a share of the epochs and must lie in [0, 1]; give epochs as an int")
    if epochs is None:
        raise ValueError(
            f"{name}={point} is a share of the epochs, but epochs is None: give epochs, or {name} as an int"
        )
    return math.ceil(point * epochs - 1e-9)  # 0.07 * 100 is 7.000000000000001


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """The share beta of draws that follow the uncertainty, going linearly from `start` to `end` (IJCAI-26).

    Attributes:
        start: beta up to `start_epoch`, in [0, 1].
        end: beta from `end_epoch` on, in [0, 1].
        start_epoch: An int (epoch) or a float (share of the epochs, rounded up).
        end_epoch: An int or a float of the same kind; not before `start_epoch`.

    >>> Mixture().at(40, epochs=100)
    0.5
    """

    start: float = 0.7
    end: float = 0.3
    start_epoch: float = 0.1
    end_epoch: float = 0.7

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Mixture.{name}={getattr(self, name)} is a probability and must lie in [0, 1]")

    def at(self, epoch: int, epochs: int | None) -> float:
        """Return beta of an epoch.

        Raises:
            ValueError: The mixture would end before it starts, or a share of an unknown number of epochs.
        """
        first = resolve(self.start_epoch, epochs, "Mixture.start_epoch")
        last = resolve(self.end_epoch, epochs, "Mixture.end_epoch")
        if last < first:
            raise ValueError(f"Mixture ends in epoch {last}, before it starts in epoch {first}")
        if epoch <= first:
            return self.start
        share = min(1.0, (epoch - first) / (last - first)) if last > first else 1.0
        return self.start + share * (self.end - self.start)
