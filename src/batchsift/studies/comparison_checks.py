"""What is checked of a comparison before anything runs: its methods, losses and metrics."""

from collections.abc import Sequence
from dataclasses import replace

from batchsift.data import ImageData, MultiLabelData
from batchsift.image_metrics import ALL_METRICS, IMAGE_METRICS
from batchsift.messages import there_are
from batchsift.methods import create
from batchsift.training.options import check_model_settings
from batchsift.training.settings import Settings, split_loss


def loss_of(name: str, settings: Settings) -> str:
    """Return the loss that a method is trained with: the one that its name says, else that of the settings."""
    return split_loss(name)[1] or settings.loss


def check_methods(methods: Sequence[str]) -> None:
    """Check that `compare` can run these methods.

    Raises:
        ValueError: An unknown name, or methods that are none or not distinct.
    """
    for method in methods:
        create(split_loss(method)[0])
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"methods must be distinct, and at least one, got {', '.join(methods) or 'none'}")


def check_metrics(metrics: Sequence[str]) -> None:
    """Check that these are metrics.

    Raises:
        ValueError: An unknown one, or metrics that are none or not distinct.
    """
    for key in metrics:
        if key not in ALL_METRICS:
            raise ValueError(f"unknown metric {key!r}{there_are(key, ALL_METRICS)}")
    if not metrics or len(set(metrics)) < len(metrics):
        raise ValueError(f"metrics must be distinct, and at least one, got {', '.join(metrics) or 'none'}")


def check_metrics_of(data: MultiLabelData | ImageData, metrics: Sequence[str]) -> None:
    """Check that a data set has these metrics.

    Raises:
        ValueError: They are of pictures, and it has features.
    """
    of_pictures = [key for key in metrics if key in IMAGE_METRICS]
    if of_pictures and not isinstance(data, ImageData):
        raise ValueError(f"{', '.join(of_pictures)}: metrics of pictures, and {data.name} has features; leave them out")


def check_losses(model: str, methods: Sequence[str], settings: Settings) -> None:
    """Check that a model can be trained with the losses that the names of the methods say, and those of the settings.

    Raises:
        ValueError: It cannot.
    """
    for method in methods:
        check_model_settings(model, replace(settings, loss=loss_of(method, settings)))
