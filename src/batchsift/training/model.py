"""A trained model with everything it needs to predict, in one file.

Shapes: N samples, D features, L labels.
"""

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
from batchsift.data.schema import TableColumn, Unknown, category_blocks
from batchsift.messages import first_few
from batchsift.models import BaseModel
from batchsift.training.loop import predict
from batchsift.training.parts import Preprocessing
from batchsift.training.tensor_files import load_tensors, save_tensors

_VERSION = 1


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network and everything between a file and its predictions.

    Attributes:
        name: A name of `batchsift.models`.
        hyperparameters: Hyperparameters of the model; its own defaults for the others.
        network: The network with the weights of the best epoch, in evaluation mode.
        preprocessing: Means and ranges of the features it was trained on.
        feature_names: D names.
        label_names: L names.
        thresholds_L: The threshold of each label with the highest F1 on the validation part of the training, `(L,)`
            float64; None for a model that was saved by a version without them.
    """

    name: str
    hyperparameters: Mapping[str, Any]
    network: BaseModel
    preprocessing: Preprocessing
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]
    thresholds_L: NDArray[np.float64] | None = None

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """What the columns of the table held that the features were made of; empty where there was no table."""
        return self.preprocessing.columns

    def predict(self, features: Any, device: str = "cpu") -> NDArray[np.float32]:
        """Return the predicted probabilities, `(N, L)` in [0, 1].

        Args:
            features: `(N, D)` as they are in files, not scaled, dense or scipy sparse; NaN where missing.
            device: The device to compute on.

        Raises:
            ValueError: For another number of features.
        """
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise ValueError(f"features must have shape (N, {len(self.feature_names)}), got {tuple(features.shape)}")
        rows = self.preprocessing.transform(features, device)
        probabilities: NDArray[np.float32] = predict(self.network.to(device), rows).numpy()
        return probabilities

    def features_of(self, frame: Any, unknown_category: Unknown = "error") -> NDArray[np.float64]:
        """Return the features of a table, which needs no labels, as the model was trained on them.

        Args:
            frame: A pandas data frame with one row a sample; columns that were no features are passed over.
            unknown_category: What a value of a category is that did not occur in training: `"error"`, or `"missing"`,
                as if the cell were empty.

        Returns:
            `(N, D)` float64, NaN where missing.

        Raises:
            ValueError: Columns that are not there, cells that do not fit, unknown categories: all of them.

        Warns:
            UserWarning: Cells were taken for empty: which, and how many.
        """
        from batchsift.data.readers.matching import matching_features  # noqa: PLC0415 (pandas)

        blocks = category_blocks(self.columns)
        unseen = {self.feature_names[d] for block in blocks for d in np.r_[block] if self.preprocessing.mean_D[d] == 0}
        return matching_features(
            frame, self.feature_names, columns=self.columns, unknown=unknown_category, unseen=unseen
        )

    def aligned(self, data: MultiLabelData) -> Any:
        """Return the features of a data set in the order of those the model was trained on.

        Raises:
            ValueError: Where one of them is not there, or its dates were read in another order.
        """
        orders = {column.name: column.order for column in self.columns if column.order is not None}
        for column in data.columns:
            if column.order is not None and orders.get(column.name, column.order) != column.order:
                raise ValueError(
                    f"{data.name}: the dates in {column.name!r} are read as {column.order}, in training as "
                    f"{orders[column.name]}; say which with dates={orders[column.name]!r}"
                )
        columns = {name: column for column, name in enumerate(data.feature_names)}
        missing = [name for name in self.feature_names if name not in columns]
        if missing:
            raise ValueError(
                f"{data.name} lacks {len(missing)} of the {len(self.feature_names)} features the model was trained on: "
                f"{first_few(missing)}; it has {first_few(data.feature_names)}"
            )
        return data.select(features=[columns[name] for name in self.feature_names]).features

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file, whole or not at all; `torch.load(..., weights_only=True)` reads it.

        Raises:
            OSError: Where that cannot be done.
        """
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
        if self.columns:
            content["columns"] = [column.document() for column in self.columns]
        if self.thresholds_L is not None:
            content["thresholds"] = torch.from_numpy(self.thresholds_L)
        save_tensors(Path(path), content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TrainedModel":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: Where there is no such file.
            ValueError: Where it is damaged, or of another kind or version.
        """
        content = load_tensors(Path(path))
        if content.get("version") != _VERSION or "weights" not in content:
            raise ValueError(f"{path} is no trained model of this version of batchsift")
        features, labels = tuple(content["feature_names"]), tuple(content["label_names"])
        with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten: no one's numbers are used up
            network = models.build(content["name"], len(features), len(labels), **content["hyperparameters"])
        network.load_state_dict(content["weights"])
        columns = tuple(map(TableColumn.from_document, content.get("columns", ())))
        mean_D, scale_D, offset_D = (content[key].numpy() for key in ("mean", "scale", "offset"))
        preprocessing = Preprocessing(mean_D, scale_D, offset_D, columns)
        chosen = content.get("thresholds")
        return cls(
            name=content["name"],
            hyperparameters=content["hyperparameters"],
            network=network.eval(),
            preprocessing=preprocessing,
            feature_names=features,
            label_names=labels,
            thresholds_L=None if chosen is None else chosen.numpy(),
        )
