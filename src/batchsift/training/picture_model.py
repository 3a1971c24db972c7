"""What a trained model of pictures keeps beside its weights, and what it takes for pictures.

Shapes: N samples, H height, W width.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from batchsift.data import ImageData, MultiLabelData
from batchsift.data.images import ImageArrays, ImageFiles
from batchsift.data.schema import TableColumn
from batchsift.entries import check_keys, part, whole_number
from batchsift.models import BaseModel
from batchsift.models.images import ImageModel, TransformersBackbone, build
from batchsift.models.images.pretrained import from_config, import_transformers
from batchsift.training import networks
from batchsift.training.picture_rows import PictureRows
from batchsift.training.pictures import PictureSettings, takes_pictures

LEAST, MOST = -0.5, 1.5  # gray values in memory become 8 bits: their range [0, 1], and room for noise


@dataclass(frozen=True)
class PictureReading:
    """How a model reads pictures.

    Args:
        settings: The settings of its training.
        batch_size: B, of its training.
    """

    settings: PictureSettings
    batch_size: int

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """None: there is no table of features."""
        return ()

    def transform(self, data: Any, device: str, workers: int = 0) -> PictureRows:
        """Return the pictures as the model takes them.

        Args:
            data: As for `pictures_of`.
            device: The device that batches go to.
            workers: Processes that decode.

        Raises:
            ValueError: They are no pictures.
        """
        settings = replace(self.settings, workers=workers)
        return PictureRows(pictures_of(data), settings, device=device, batch_size=self.batch_size)

    def content(self, network: BaseModel) -> dict[str, Any]:
        """Return what a file holds of it, and of a backbone that has no other description than its own."""
        content = {"pictures": self.settings.identity(), "batch_size": self.batch_size}
        if isinstance(network, ImageModel) and isinstance(network.backbone, TransformersBackbone):
            content["backbone"] = network.backbone.module.config.to_json_string(use_diff=False)
        return content

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> "PictureReading":
        """Return what `content` was made from.

        Raises:
            ValueError: It is something else.
        """
        with part("pictures"):
            check_keys(content["pictures"], PictureSettings().identity())
            settings = PictureSettings.of(content["pictures"])
        return cls(settings, whole_number(content, "batch_size", 1))


def empty_network(name: str, *, num_labels: int, backbone: str | None, **hyperparameters: Any) -> BaseModel:
    """Build a model of pictures whose weights are yet to be loaded; nothing is downloaded.

    Args:
        name: The name of the backbone.
        num_labels: L.
        backbone: What the file holds of a backbone of `transformers`; None for another one.
        hyperparameters: Hyperparameters of the model.

    Raises:
        ImportError: The backbone needs a package that is not installed.
    """
    if backbone is None:
        return networks.create(name, 0, num_labels, hyperparameters)
    described = json.loads(backbone)
    config = import_transformers().AutoConfig.for_model(described.pop("model_type"), **described)
    given = {key: value for key, value in networks.normalized(hyperparameters).items() if key != "pretrained"}
    return build(from_config(config), num_labels, **given)


def pictures_of(data: Any) -> ImageData:
    """Return pictures in any of the forms that one has them in.

    Args:
        data: An `ImageData`; a `MultiLabelData` whose samples are gray pictures in memory, such as
            "digits"; or a list of paths.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(data, ImageData):
        return data
    if isinstance(data, MultiLabelData) and data.images is not None:
        least, most = float(data.images.min()), float(data.images.max())
        if not LEAST <= least <= most <= MOST:
            raise ValueError(
                f"{data.name}: its pictures have values from {least:g} to {most:g}; expected gray values from 0 to 1, "
                f"or from {LEAST:g} to {MOST:g} with noise"
            )
        pixels_NHW = np.round((data.images[:, 0] - LEAST) / (MOST - LEAST) * 255).astype(np.uint8)
        return ImageData(ImageArrays(pixels_NHW), data.labels, data.label_names, data.name)
    if isinstance(data, Sequence) and data and all(isinstance(path, str | Path) for path in data):
        paths = [str(Path(path).absolute()) for path in data]
        return ImageData(ImageFiles.of("", paths), np.full((len(paths), 1), np.nan), ("unknown",), "pictures")
    raise ValueError(
        f"got {type(data).__name__}; expected pictures: what batchsift.data.load makes of a folder, or a list of paths"
    )


def fitting(data: MultiLabelData | ImageData, model: str) -> MultiLabelData | ImageData:
    """Return a data set as a model takes it: gray pictures in memory as pictures, for a model of those.

    Raises:
        ValueError: The values of pictures in memory are no gray values.
    """
    return pictures_of(data) if takes_pictures(model) and data_has_images(data) else data


def data_has_images(data: MultiLabelData | ImageData) -> bool:
    """Return whether the samples are pictures, beside what features they may have."""
    return isinstance(data, ImageData) or data.images is not None


def side_in_memory(data: ImageData) -> int | None:
    """Return the longer side of pictures that are in memory, in pixels; None for those in files."""
    return max(data.pictures.pixels.shape[1:3]) if isinstance(data.pictures, ImageArrays) else None
