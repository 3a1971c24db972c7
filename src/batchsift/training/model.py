"""A trained model with everything it needs to predict, in one file.

Shapes: N samples, D features, L labels.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift import models
from batchsift.data import ImageData, MultiLabelData
from batchsift.data.dataset import first_infinite
from batchsift.data.labelled import checked_matrix
from batchsift.data.schema import TableColumn, Unknown, category_blocks
from batchsift.devices import check_device
from batchsift.entries import check_keys
from batchsift.files import from_csv
from batchsift.messages import warn
from batchsift.models import BaseModel
from batchsift.training.calibration import Calibration
from batchsift.training.contents import (
    check_calibration_state,
    columns_of,
    content_of,
    names_of,
    network_of,
    scales_of,
    thresholds_of,
)
from batchsift.training.loop import predict
from batchsift.training.matching import with_features
from batchsift.training.parts import Preprocessing, SparseRows
from batchsift.training.picture_model import PictureReading, empty_network
from batchsift.training.picture_rows import PictureRows
from batchsift.training.tensor_files import load_tensors, save_tensors
from batchsift.training.thresholds import check_thresholds, threshold_of_cost

if TYPE_CHECKING:
    import pandas as pd

SUMMARY, SUSPECTS = "training.json", "suspects.csv"  # files of the run beside the model, see `training.folder`
_OF_FEATURES = ("mean", "scale", "offset")
_OF_PICTURES = ("pictures", "batch_size")
_KEYS = ("version", "name", "hyperparameters", "weights", "feature_names", "label_names")
_OPTIONAL = ("columns", "thresholds", "calibration", "backbone")
# Versions that know no calibration, or no pictures, would pass over them, so they refuse those files.
_VERSION, _CALIBRATED_VERSION, _PICTURES_VERSION = _VERSIONS = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network and everything between a file and its predictions.

    Attributes:
        name: A name of `batchsift.models`.
        hyperparameters: Hyperparameters of the model; its own defaults for the others.
        network: The network with the weights of the best epoch, in evaluation mode.
        preprocessing: Means and ranges of the features it was trained on; or how it reads pictures.
        feature_names: D names; none of pictures.
        label_names: L names.
        thresholds_L: The threshold of each label with the highest F1 on the validation part of the training, `(L,)`
            float64, for calibrated probabilities where they are; None for a model that was saved by a version without
            them.
        calibration: What probabilities are calibrated by; None where they are what the network says.
        folder: The folder of the training run; None for a file by itself.
    """

    name: str
    hyperparameters: Mapping[str, Any]
    network: BaseModel
    preprocessing: Preprocessing | PictureReading
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]
    thresholds_L: NDArray[np.float64] | None = None
    calibration: Calibration | None = None
    folder: Path | None = None

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """What the columns of the table held that the features were made of; empty where there was no table."""
        return self.preprocessing.columns

    @property
    def summary(self) -> dict[str, Any]:
        """What the training wrote down: configuration, best epoch, metrics of every epoch and of test data, versions.

        Raises:
            FileNotFoundError: Where the model is a file by itself.
            ValueError: Where the file is damaged.
        """
        path = self._beside(SUMMARY)
        with content_of(path, "train again"):
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            check_keys(content, (), others=True)
        return content

    @property
    def suspects(self) -> "pd.DataFrame":
        """The labels of the training samples that are most likely wrong, the worst first: one row a cell.

        Raises:
            FileNotFoundError: Where the model is a file by itself, or the method of its training names no suspects.
            ValueError: Where the file is damaged.
        """
        import pandas as pd  # noqa: PLC0415 (an extra)

        path = self._beside(SUSPECTS)
        with content_of(path, "train again"):
            frame = pd.read_csv(path, dtype={"label": str}, keep_default_na=False)
            return frame.assign(label=frame["label"].map(from_csv))

    @property
    def takes_pictures(self) -> bool:
        """Whether it was trained on pictures."""
        return isinstance(self.preprocessing, PictureReading)

    def predict_proba(self, data: Any, *, device: str = "cpu", workers: int = 0) -> NDArray[np.float32]:
        """Return the predicted probabilities, `(N, L)` in [0, 1], calibrated where the training was told to.

        Args:
            data: `(N, D)` features as they are in files, not scaled, dense or scipy sparse, NaN where missing; or a
                `MultiLabelData`, or a pandas data frame, in which the features are found by name. Of a model of
                pictures: an `ImageData`, or a list of paths.
            device: The device to compute on.
            workers: Processes that decode pictures; 0 for this one.

        Raises:
            ValueError: For another number of features, where one is not there; for pictures in the place of features,
                or the reverse.
            PictureError: A picture cannot be decoded; the message names it.
        """
        check_device(device)
        rows: Tensor | SparseRows | PictureRows
        if isinstance(self.preprocessing, PictureReading):
            rows = self.preprocessing.transform(data, device, workers)
        else:
            features = self._features(data)
            if features.ndim != 2 or features.shape[1] != len(self.feature_names):
                expected = f"(N, {len(self.feature_names)})"
                raise ValueError(f"features must have shape {expected}, got {tuple(features.shape)}")
            for column, row, value in first_infinite(features)[:1]:
                raise ValueError(
                    f"features hold {value} in row {row}, column {self.feature_names[column]!r}; expected finite "
                    "numbers (NaN: missing)"
                )
            rows = self.preprocessing.transform(features, device)
        probs_NL: NDArray[np.float32] = predict(self.network.to(device), rows).numpy()
        if (unusable_N := ~np.isfinite(probs_NL).all(axis=1)).any():
            raise ValueError(
                f"the model has no prediction for row {int(unusable_N.argmax())}: its features are too far from those "
                "of the training"
            )
        return probs_NL if self.calibration is None else self.calibration.apply(probs_NL)

    def predict(
        self, data: Any, *, thresholds: str | float = "f1", cost_ratio: float | None = None, device: str = "cpu"
    ) -> NDArray[np.uint8]:
        """Return the predicted labels, `(N, L)` of 0 and 1.

        Args:
            data: As in `predict_proba`.
            thresholds: As in `thresholds`.
            cost_ratio: As in `thresholds`.
            device: The device to compute on.

        Raises:
            ValueError: As in `predict_proba` and `thresholds`.
        """
        thresholds_L = self.thresholds(thresholds, cost_ratio=cost_ratio)
        return (self.predict_proba(data, device=device) > thresholds_L).astype(np.uint8)

    def thresholds(self, rule: str | float = "f1", *, cost_ratio: float | None = None) -> NDArray[np.float64]:
        """Return the probability above which each label is predicted, `(L,)`.

        Args:
            rule: "f1": those with the highest F1 on the validation part of the training; "cost": the one of the least
                cost; a number in [0, 1): that one for all labels.
            cost_ratio: What a false negative costs, in false positives; for "cost".

        Raises:
            ValueError: For an unknown rule, a cost ratio without "cost" or the reverse, or "f1" for a model that was
                saved without thresholds.

        Warns:
            UserWarning: Costs are weighed by probabilities that are not calibrated.
        """
        rule = check_thresholds(rule, cost_ratio)
        if rule == "f1":
            if self.thresholds_L is None:
                raise ValueError(
                    "this model was saved by a version that chose no thresholds: give a number, or train it again"
                )
            return self.thresholds_L
        if rule == "cost" and self.calibration is None:
            warn("thresholds of cost are right for calibrated probabilities; these are not: train with a calibration")
        number = threshold_of_cost(cost_ratio) if cost_ratio is not None else float(rule)
        return np.full(len(self.label_names), number)

    def _beside(self, name: str) -> Path:
        if self.folder is None or not (self.folder / name).is_file():
            raise FileNotFoundError(f"there is no {name} beside the model: {self.folder or 'it is a file by itself'}")
        return self.folder / name

    def _features(self, data: Any) -> Any:
        if isinstance(data, ImageData):
            raise ValueError(f"got {data}; this model was trained on {len(self.feature_names)} features of other data")
        if isinstance(data, MultiLabelData):
            return self.aligned(data)
        if hasattr(data, "iloc"):
            return self.features_of(data)
        return checked_matrix("features", data)

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
        unseen = (
            set()
            if isinstance(self.preprocessing, PictureReading)
            else {self.feature_names[d] for block in blocks for d in np.r_[block] if self.preprocessing.mean_D[d] == 0}
        )
        return matching_features(
            frame, self.feature_names, columns=self.columns, unknown=unknown_category, unseen=unseen
        )

    def aligned(self, data: MultiLabelData) -> Any:
        """Return the features of a data set in the order of those the model was trained on.

        Raises:
            ValueError: Where one of them is not there, or its dates were read in another order.
        """
        return with_features(data, self.feature_names, self.columns).features

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file, whole or not at all; `torch.load(..., weights_only=True)` reads it.

        Raises:
            OSError: Where that cannot be done.
        """
        content = {
            "version": self._version,
            "name": self.name,
            "hyperparameters": dict(self.hyperparameters),
            "weights": {name: value.cpu() for name, value in self.network.state_dict().items()},
            **self._content_of_preprocessing(),
            "feature_names": list(self.feature_names),
            "label_names": list(self.label_names),
        }
        if self.columns:
            content["columns"] = [column.document() for column in self.columns]
        if self.thresholds_L is not None:
            content["thresholds"] = torch.from_numpy(self.thresholds_L)
        if self.calibration is not None:
            content["calibration"] = self.calibration.state()
        save_tensors(Path(path), content)

    @property
    def _version(self) -> int:
        if self.takes_pictures:
            return _PICTURES_VERSION
        return _VERSION if self.calibration is None else _CALIBRATED_VERSION

    def _content_of_preprocessing(self) -> dict[str, Any]:
        if isinstance(self.preprocessing, PictureReading):
            return self.preprocessing.content(self.network)
        return {
            "mean": torch.from_numpy(self.preprocessing.mean_D),
            "scale": torch.from_numpy(self.preprocessing.scale_D),
            "offset": torch.from_numpy(self.preprocessing.offset_D),
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TrainedModel":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: Where there is no such file.
            ValueError: Where it is damaged, or of another kind or version.
        """
        content = load_tensors(Path(path))
        if content.get("version") not in _VERSIONS or "weights" not in content:
            raise ValueError(f"{path} is no trained model of this version of batchsift")
        preprocessing: Preprocessing | PictureReading
        build: Callable[..., BaseModel]
        with content_of(Path(path), "take another copy of the file, or train again"):
            calibration = content.get("calibration")
            optional = [key for key in _OPTIONAL if key in content]
            of_pictures = content["version"] == _PICTURES_VERSION
            check_keys(content, (*_KEYS, *(_OF_PICTURES if of_pictures else _OF_FEATURES), *optional))
            labels = names_of(content, "label_names")
            features = () if of_pictures else names_of(content, "feature_names")
            if calibration is not None:
                check_calibration_state(calibration, len(labels))
            chosen_L = thresholds_of(content, len(labels))
            if of_pictures:
                preprocessing = PictureReading.of_content(content)
                build = partial(empty_network, num_labels=len(labels), backbone=content.get("backbone"))
            else:
                columns = columns_of(content, len(features))
                mean_D, scale_D, offset_D = (values.numpy() for values in scales_of(content, len(features)))
                preprocessing = Preprocessing(mean_D, scale_D, offset_D, columns)
                build = partial(models.build, num_features=len(features), num_labels=len(labels))
            network = network_of(content, build)
        return cls(
            name=content["name"],
            hyperparameters=content["hyperparameters"],
            network=network.eval(),
            preprocessing=preprocessing,
            feature_names=features,
            label_names=labels,
            thresholds_L=None if chosen_L is None else chosen_L.numpy(),
            calibration=None if calibration is None else Calibration.of_state(calibration),
        )
