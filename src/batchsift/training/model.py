"""A model that was trained for use: what it needs to predict, in one file.

Shapes: N samples, D features, L labels.
"""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from batchsift import models
from batchsift.data import MultiLabelData
from batchsift.files import write
from batchsift.messages import first_few
from batchsift.models import BaseModel
from batchsift.training.loop import predicted
from batchsift.training.parts import Preprocessing

_VERSION = 1


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network and all that stands between a file and its predictions.

    Attributes:
        name: Of the model, in `batchsift.models`.
        hyperparameters: What it was built with beside its widths.
        network: With the weights of the best epoch, in evaluation mode.
        preprocessing: Means and ranges of the features it was trained on.
        feature_names: D names.
        label_names: L names.
    """

    name: str
    hyperparameters: Mapping[str, Any]
    network: BaseModel
    preprocessing: Preprocessing
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]

    def predict(self, features: Any, device: str = "cpu") -> NDArray[np.float32]:
        """Probabilities `(N, L)` in [0, 1].

        Args:
            features: `(N, D)` as they are in files, not scaled, dense or scipy sparse; NaN where missing.
            device: Where to compute.

        Raises:
            ValueError: Features of another number.
        """
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise ValueError(f"features must have shape (N, {len(self.feature_names)}), got {tuple(features.shape)}")
        rows = self.preprocessing(features, device)
        probabilities: NDArray[np.float32] = predicted(self.network.to(device), rows).numpy()
        return probabilities

    def aligned(self, data: MultiLabelData) -> Any:
        """The features of a data set in the order of those the model was trained on.

        Raises:
            ValueError: One of them is not there.
        """
        place = {name: column for column, name in enumerate(data.feature_names)}
        missing = [name for name in self.feature_names if name not in place]
        if missing:
            raise ValueError(
                f"{data.name} lacks {len(missing)} of the {len(self.feature_names)} features the model was trained on: "
                f"{first_few(missing)}; it has {first_few(data.feature_names)}"
            )
        return data.select(features=[place[name] for name in self.feature_names]).features

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes one file, whole or not at all; `torch.load(..., weights_only=True)` reads it."""
        content = {
            "version": _VERSION,
            "name": self.name,
            "hyperparameters": dict(self.hyperparameters),
            "weights": {name: value.cpu() for name, value in self.network.state_dict().items()},
            "mean": torch.from_numpy(self.preprocessing.mean_D),
            "scale": torch.from_numpy(self.preprocessing.scale_D),
            "offset": torch.from_numpy(self.preprocessing.offset_D),
            "feature_names": list(self.feature_names),
            "label_names": list(self.label_names),
        }
        save_tensors(Path(path), content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TrainedModel":
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: The file is not there.
            ValueError: It is no such file.
        """
        content = load_tensors(Path(path))
        if content.get("version") != _VERSION or "weights" not in content:
            raise ValueError(f"{path} is no trained model of this version of batchsift")
        features, labels = tuple(content["feature_names"]), tuple(content["label_names"])
        with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten: no one's numbers are used up
            network = models.build(content["name"], len(features), len(labels), **content["hyperparameters"])
        network.load_state_dict(content["weights"])
        preprocessing = Preprocessing(*(content[key].numpy() for key in ("mean", "scale", "offset")))
        return cls(content["name"], content["hyperparameters"], network.eval(), preprocessing, features, labels)


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Tensors, numbers, strings and containers of them as one file, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write(path.parent, {path.name: buffer.getvalue()})


def load_tensors(path: Path) -> dict[str, Any]:
    """What `save_tensors` wrote, on the CPU.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, which batchsift did not write")
    return content
