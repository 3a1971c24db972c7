"""The options of a training on pictures, as a group that verbs take; see `cli.options`."""

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from batchsift.training.pictures import (
    CROP,
    FLIP,
    LARGE,
    NEIGHBORS,
    OBSERVED,
    SMALL,
    PictureSettings,
)


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How pictures are read and trained on; None for the default of each, or where samples are no pictures."""

    size: Annotated[
        int | None,
        typer.Option(help=f"Pictures: height and width in pixels; {SMALL} for resnet-small, else {LARGE}."),
    ] = None
    crop: Annotated[
        float | None,
        typer.Option(help=f"Pictures: the smallest share of the area that training crops to; {CROP:g}."),
    ] = None
    flip: Annotated[
        float | None,
        typer.Option(help=f"Pictures: the probability of mirroring left and right; {FLIP:g}."),
    ] = None
    ema: Annotated[
        float | None,
        typer.Option(help="Pictures: keep a moving average of the weights, with this decay, such as 0.9997."),
    ] = None
    backbone_rate: Annotated[
        float | None,
        typer.Option(help="Pictures: the learning rate of the backbone over that of the head; 0 leaves it as it is."),
    ] = None
    observe: Annotated[
        str | None,
        typer.Option(help=f"Pictures: what the selector sees, {' or '.join(OBSERVED)} (no augmentation; slower)."),
    ] = None
    neighbors: Annotated[
        str | None,
        typer.Option(help=f"Pictures: where d2ace finds neighbors: {', '.join(NEIGHBORS)}."),
    ] = None
    neighbor_epochs: Annotated[
        int | None, typer.Option(help="Pictures: epochs from one search of neighbors to the next; 5.")
    ] = None
    workers: Annotated[int | None, typer.Option(help="Pictures: processes that decode and augment; 0.")] = None

    def settings(self) -> PictureSettings:
        """Return what the options say.

        Raises:
            ValueError: A value out of its range.
        """
        return PictureSettings.of(asdict(self))
