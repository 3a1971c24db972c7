"""One training run for use, not for study: all samples, a validation part to choose the epoch, a folder to go on from.

The loop is that of the protocol (`batchsift.training.loop`). Nothing is filtered: rare labels and samples without
a label stay. In the folder:

    checkpoint.pt   while training lasts: everything needed to go on exactly; gone when it is over
    model.pt        the model with the weights of the best epoch (`TrainedModel.load`)
    selector.pt     what the selector knows at the end (`Selector.load_state_dict`)
    training.json   configuration, metrics, versions, timings
    epochs.csv      one row an epoch
    suspects.csv    the labels that are most likely wrong, where the method keeps a loss
"""

import copy
import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batchsift import data as datasets
from batchsift import models
from batchsift.data import MultiLabelData
from batchsift.files import claim, csv_text, write
from batchsift.messages import first_few
from batchsift.metrics import evaluate
from batchsift.models import BaseModel
from batchsift.selection.selector import Selector
from batchsift.training.loop import Stopwatch, own_generator, own_threads, predicted, train_epoch
from batchsift.training.model import TrainedModel, load_tensors, save_tensors
from batchsift.training.options import check_hyperparameters, create_method
from batchsift.training.parts import Part, Preprocessing
from batchsift.training.prepare import check_device
from batchsift.training.provenance import fingerprint, plain, versions
from batchsift.training.recording import record_suspects
from batchsift.training.settings import Settings

MODEL, SELECTOR, CHECKPOINT, SUMMARY = "model.pt", "selector.pt", "checkpoint.pt", "training.json"
_VERSION = 1
_OF_STUDIES = ("num_folds", "min_positives", "top_features")  # settings that training for use does not look at


@dataclass(frozen=True)
class TrainingEpoch:
    """One epoch.

    Attributes:
        epoch: Counted from 0.
        learning_rate: Of all its steps.
        loss: Training loss, the mean over the samples drawn.
        validation: Metric key to value on the validation part, after the epoch.
        summary: The selector's.
    """

    epoch: int
    learning_rate: float
    loss: float
    validation: Mapping[str, float]
    summary: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a training run ends with.

    Attributes:
        folder: Where it lies.
        model: With the weights of the best epoch.
        epochs: One record an epoch.
        best_epoch: The first with the highest validation Macro-AUC.
        validation: Metrics of that epoch on the validation part.
        test: Metrics on the test data, if there were any.
        resumed_from: The epoch this call began with; the number of epochs if there was nothing left to do.
    """

    folder: Path
    model: TrainedModel
    epochs: tuple[TrainingEpoch, ...]
    best_epoch: int
    validation: Mapping[str, float]
    test: Mapping[str, float] | None
    resumed_from: int


def fit(
    data: MultiLabelData,
    folder: Path,
    *,
    model: str = "mlp",
    method: str = "d2ace",
    settings: Settings | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    method_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    test: MultiLabelData | None = None,
    checkpoint_seconds: float = 30.0,
    on_epoch: Callable[[TrainingEpoch], None] | None = None,
) -> TrainingResult:
    """Trains a model, or goes on where a killed run of the same configuration stopped.

    Args:
        data: Label cells may be unknown (NaN) in some samples; the validation part is drawn from the others.
        folder: For the files; made where it is missing.
        model: A name of `batchsift.models`.
        method: A name of `batchsift.methods`.
        settings: Of the training; `num_folds` and `min_positives` are not looked at. The papers' by default.
        hyperparameters: Of the model.
        method_options: Of the method, as files write them.
        seed: Decides the validation part, the initial weights and the selection.
        test: Scored once, with the weights of the best epoch; it decides nothing.
        checkpoint_seconds: A checkpoint is written at the end of an epoch when the last is at least this old.
        on_epoch: Called with the record of every epoch of this call.

    Raises:
        ValueError: A name, option or device there is none of; data that cannot be trained on; or a folder that holds
            another run.
        TypeError: A hyperparameter of another type.
        OSError: The folder cannot be written.
        DivergedError: The predictions are no longer finite.

    Warns:
        UserWarning: of labels that no training sample has, or every one.
    """
    run = _Run(
        data,
        folder,
        model=model,
        method=method,
        settings=settings or Settings(),
        hyperparameters=dict(hyperparameters or {}),
        method_options=dict(method_options or {}),
        seed=seed,
    )
    if test is not None:
        _check_test(data, test)
    finished = run.finished()
    if finished is not None:
        return finished
    _warn_of_constant_labels(data.labels[run.rows], data.label_names)
    with own_generator(torch.device(run.settings.device), run.weight_seed), own_threads(run.settings.threads):
        state = run.start()
        resumed_from = len(state.epochs)
        saved = time.monotonic()
        while len(state.epochs) < run.settings.epochs:
            record = run.train_one(state)
            if on_epoch is not None:
                on_epoch(record)
            if time.monotonic() - saved >= checkpoint_seconds:
                run.save_checkpoint(state)
                saved = time.monotonic()
        state.network.load_state_dict(state.best_weights)
        trained = run.trained(state)
        tested = None if test is None else _scores(trained, test, run.settings.device)
    result = TrainingResult(
        folder,
        trained,
        tuple(state.epochs),
        state.best_epoch,
        state.epochs[state.best_epoch].validation,
        tested,
        resumed_from,
    )
    run.finish(state, result)
    return result


@dataclass(eq=False)
class _State:
    """What changes while training lasts."""

    network: BaseModel
    optimizer: torch.optim.Optimizer
    selector: Selector
    epochs: list[TrainingEpoch]
    best_epoch: int
    best_weights: Mapping[str, Tensor]
    seconds: float = 0.0


class _Run:
    """What is fixed from the start: configuration, parts, preprocessing."""

    def __init__(
        self,
        data: MultiLabelData,
        folder: Path,
        *,
        model: str,
        method: str,
        settings: Settings,
        hyperparameters: dict[str, Any],
        method_options: dict[str, Any],
        seed: int,
    ) -> None:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed must be in [0, 2**32), got {seed}")
        check_device(settings.device)
        check_hyperparameters(model, hyperparameters)
        create_method(method, method_options)
        self.data, self.folder, self.settings = data, folder, settings
        self.model, self.hyperparameters = model, hyperparameters
        self.method, self.method_options = method, method_options
        self.config: dict[str, Any] = plain(
            {
                "data": data.name,
                "data_fingerprint": fingerprint(data),
                "model": model,
                "hyperparameters": hyperparameters,
                "method": method,
                "method_options": method_options,
                "training": {k: v for k, v in asdict(settings).items() if k not in _OF_STUDIES},
                "seed": seed,
            }
        )
        self.weight_seed, self.selection_seed = np.random.SeedSequence(seed).generate_state(2).tolist()
        self.rows, held_out = _held_out(data, settings.validation_share, seed)
        self.preprocessing = Preprocessing.fit(data.features[self.rows])
        self.train, self.validation = self._part(self.rows), self._part(held_out)
        self.selection = Stopwatch()
        claim(folder)

    def _part(self, rows: NDArray[np.int64]) -> Part:
        labels = torch.from_numpy(self.data.labels[rows]).to(self.settings.device, torch.float32)
        return Part(self.preprocessing(self.data.features[rows], self.settings.device), labels)

    def finished(self) -> TrainingResult | None:
        """What the folder holds of this very run, if it is over."""
        if not (self.folder / SUMMARY).is_file():
            return None
        summary = json.loads((self.folder / SUMMARY).read_text(encoding="utf-8"))
        self._check_same(summary["config"])
        epochs = tuple(TrainingEpoch(**record) for record in summary["epochs"])
        trained = TrainedModel.load(self.folder / MODEL)
        best = summary["best_epoch"]
        return TrainingResult(self.folder, trained, epochs, best, summary["validation"], summary["test"], len(epochs))

    def _check_same(self, config: Mapping[str, Any]) -> None:
        different = [key for key in self.config if config.get(key) != self.config[key]]
        if different:
            raise ValueError(
                f"{self.folder} holds another run, which differs in {', '.join(different)} "
                f"({different[0]} was {config.get(different[0])!r}, now {self.config[different[0]]!r}): choose another "
                "folder, or remove it"
            )

    def start(self) -> _State:
        """From the beginning, or from the checkpoint."""
        network = models.build(self.model, *self.train.widths, **self.hyperparameters).to(self.settings.device)
        network.prepare(self.train.feature_tensor, self.train.labels)
        optimizer = torch.optim.Adam(
            network.parameters(), lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay, fused=True
        )
        selector = Selector(
            self.train.labels.cpu(),
            method=create_method(self.method, self.method_options),
            features=self.train.neighbour_features,
            batch_size=self.settings.batch_size,
            epochs=self.settings.epochs,
            seed=self.selection_seed,
        )
        state = _State(network, optimizer, selector, [], 0, {})
        if (self.folder / CHECKPOINT).is_file():
            self._resume(state)
        return state

    def train_one(self, state: _State) -> TrainingEpoch:
        """One epoch: train, score, end the selector's epoch, remember the best weights."""
        start, epoch = time.perf_counter(), len(state.epochs)
        for group in state.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate_at(epoch)
        loss = train_epoch(state.network, state.optimizer, state.selector, self.train, self.selection)
        probs_NL = predicted(state.network, self.validation.features)
        validation = evaluate(probs_NL, self.validation.labels.cpu())
        summary = state.selector.summary()
        state.selector.end_epoch()
        record = TrainingEpoch(epoch, self.settings.learning_rate_at(epoch), loss, validation, summary)
        if epoch == 0 or validation["macro_auc"] > state.epochs[state.best_epoch].validation["macro_auc"]:
            state.best_epoch, state.best_weights = epoch, copy.deepcopy(state.network.state_dict())
        state.epochs.append(record)
        state.seconds += time.perf_counter() - start
        return record

    def save_checkpoint(self, state: _State) -> None:
        """Everything that `_resume` needs to go on exactly."""
        content = {
            "version": _VERSION,
            "config": json.dumps(self.config),
            "network": state.network.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "selector": state.selector.state_dict(),
            "epochs": json.dumps([asdict(record) for record in state.epochs]),
            "best_epoch": state.best_epoch,
            "best_weights": dict(state.best_weights),
            "seconds": state.seconds,
            "generators": _generators(self.settings.device),
        }
        save_tensors(self.folder / CHECKPOINT, content)

    def _resume(self, state: _State) -> None:
        saved = load_tensors(self.folder / CHECKPOINT)
        if saved.get("version") != _VERSION:
            raise ValueError(f"{self.folder / CHECKPOINT} is of another version of batchsift: remove it to start again")
        self._check_same(json.loads(saved["config"]))
        state.network.load_state_dict(saved["network"])
        state.optimizer.load_state_dict(saved["optimizer"])
        state.selector.load_state_dict(saved["selector"])
        state.epochs = [TrainingEpoch(**record) for record in json.loads(saved["epochs"])]
        state.best_epoch, state.seconds = saved["best_epoch"], saved["seconds"]
        state.best_weights = saved["best_weights"]
        _set_generators(saved["generators"], self.settings.device)

    def trained(self, state: _State) -> TrainedModel:
        """The model as the state's network is."""
        names = self.data.feature_names, self.data.label_names
        return TrainedModel(self.model, self.hyperparameters, state.network.eval(), self.preprocessing, *names)

    def finish(self, state: _State, result: TrainingResult) -> None:
        """Write what the run leaves; the summary last, then the checkpoint is not needed any more."""
        result.model.save(self.folder / MODEL)
        save_tensors(self.folder / SELECTOR, state.selector.state_dict())
        suspects = record_suspects(state.selector, rows=self.rows, label_names=self.data.label_names)
        tables = {
            "epochs.csv": _csv([_flat(record) for record in state.epochs]),
            **({"suspects.csv": _csv([asdict(one) for one in suspects])} if suspects else {}),
        }
        write(self.folder, {name: text.encode() for name, text in tables.items()})
        summary = {
            "config": self.config,
            "best_epoch": result.best_epoch,
            "epochs": result.epochs,
            "validation": result.validation,
            "test": result.test,
            "num_train": len(self.rows),
            "num_validation": len(self.validation.labels),
            "seconds": state.seconds,
            "versions": versions(),
        }
        text = json.dumps(plain(summary), indent=1, allow_nan=False, ensure_ascii=False)
        write(self.folder, {SUMMARY: text.encode()})
        (self.folder / CHECKPOINT).unlink(missing_ok=True)


def _held_out(data: MultiLabelData, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and rows to choose the epoch by; the latter completely labelled."""
    if np.isinf(data.features.data if data.is_sparse else data.features).any():
        raise ValueError(f"{data.name}: features hold infinite values; replace them (NaN means missing)")
    complete = np.flatnonzero(~np.isnan(data.labels).any(axis=1))
    if len(complete) < 2:
        raise ValueError(f"{data.name}: {len(complete)} samples have all their labels known, too few to validate by")
    _, chosen = datasets.holdout(data.labels[complete], share, seed)
    held_out = complete[chosen]
    positives_L = data.labels[held_out].sum(axis=0)
    if not ((positives_L > 0) & (positives_L < len(held_out))).any():
        raise ValueError(
            f"{data.name}: the validation part has {len(held_out)} samples and no label with both classes, so no epoch "
            "could be chosen; ask for a larger validation share"
        )
    return np.setdiff1d(np.arange(data.num_samples), held_out), held_out


def _warn_of_constant_labels(labels_NL: NDArray[Any], names: tuple[str, ...]) -> None:
    absent_L = ~(labels_NL == 1).any(axis=0)
    found = {"no": absent_L, "every": ~(labels_NL == 0).any(axis=0) & ~absent_L}
    words = [
        f"{constant_L.sum()} of {len(names)} labels that {how} training sample has: "
        f"{first_few([name for name, constant in zip(names, constant_L, strict=True) if constant])}"
        for how, constant_L in found.items()
        if constant_L.any()
    ]
    if words:
        warnings.warn(f"{'; '.join(words)}. They cannot be learned, and scores say nothing of them", stacklevel=3)


def _check_test(data: MultiLabelData, test: MultiLabelData) -> None:
    if test.label_names != data.label_names:
        raise ValueError(
            f"the labels of {test.name} are not those of {data.name}: {', '.join(test.label_names[:5])}, ..."
        )
    if np.isnan(test.labels).any():
        raise ValueError(f"{test.name}: some label cells are unknown; only complete labels can be scored")


def _scores(trained: TrainedModel, test: MultiLabelData, device: str) -> dict[str, float]:
    return evaluate(trained.predict(trained.aligned(test), device), test.labels)


def _generators(device: str) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_generators(states: Mapping[str, Tensor], device: str) -> None:
    torch.set_rng_state(states["cpu"])
    if torch.device(device).type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def _flat(record: TrainingEpoch) -> dict[str, float]:
    validation = {f"validation_{key}": value for key, value in record.validation.items()}
    return {
        **{key: value for key, value in record.summary.items() if key != "epoch"},
        **validation,
        "epoch": record.epoch,
        "learning_rate": record.learning_rate,
        "loss": record.loss,
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    first = [key for key in ("epoch", "learning_rate", "loss") if key in rows[0]]
    columns = [*first, *(key for key in rows[0] if key not in first)]
    return csv_text([[row[column] for column in columns] for row in rows], columns)
