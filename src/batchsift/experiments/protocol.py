"""The experiment protocol of the papers: one training run, from a fold of a data set to its test metrics.

1. `prepare`, once for a comparison: rare labels are dropped, then the samples left without a label. Iterative
   stratification makes the folds and holds out a share of each training part for validation.
2. `run_fold`, once for each method and fold: features are scaled to [0, 1] by what the training part alone
   tells; a model is trained on the batches a method selects; after every epoch the validation part is scored;
   the test part is scored when training is over, at the best validation epoch and at the last.

Runs of one fold are paired: they share the split, the initial weights and every setting, and differ in the
selection alone. The caller's generators are left as they were.

Where the released code of the papers differs: the best weights are truly copied, the scaler has not seen the
validation and test parts, and the learning rate of an epoch is set before its steps.

Shapes: N samples of a part, B batch, D features, L labels.
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batchsift import models
from batchsift.data import MultiLabelData
from batchsift.experiments.parts import Part, Parts, SparseRows, scaled_parts
from batchsift.experiments.preparation import Prepared, Settings, prepare
from batchsift.metrics import evaluate, macro_auc
from batchsift.models import BaseModel
from batchsift.selector import Selector

PREDICTION_ROWS = 4096  # of one forward pass without gradients: bounds memory


class DivergedError(ArithmeticError):
    """The model's predictions are no longer finite."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a run.

    Args:
        epoch: Counted from 0.
        learning_rate: Of all its steps.
        loss: Training loss, the mean over the samples drawn.
        macro_auc: On the validation part, after the epoch.
        summary: The selector's, at the end of the epoch it describes.
    """

    epoch: int
    learning_rate: float
    loss: float
    macro_auc: float
    summary: Mapping[str, float]


@dataclass(frozen=True)
class FoldResult:
    """One run: a method on a fold.

    Args:
        method: Its name.
        fold: Counted from 0.
        epochs: One record an epoch.
        best_epoch: The first epoch with the highest validation Macro-AUC.
        metrics: On the test part, with the weights of the best epoch.
        last_metrics: On the test part, with the weights of the last epoch.
        selection_seconds: Spent in the selector.
        total_seconds: Of selection, training and scoring together.
    """

    method: str
    fold: int
    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    metrics: Mapping[str, float]
    last_metrics: Mapping[str, float]
    selection_seconds: float
    total_seconds: float


def run(
    data: MultiLabelData,
    *,
    model: str,
    method: str,
    fold: int,
    seed: int = 0,
    settings: Settings | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> FoldResult:
    """One run from a data set: `prepare`, then `run_fold`. For several runs, prepare once.

    Raises:
        ValueError: for an unknown name, a fold there is none of, or data that cannot go through the protocol.
        DivergedError: when the predictions are no longer finite.
    """
    prepared = prepare(data, settings, seed=seed)
    return run_fold(prepared, model=model, method=method, fold=fold, hyperparameters=hyperparameters, on_epoch=on_epoch)


def run_fold(
    prepared: Prepared,
    *,
    model: str,
    method: str,
    fold: int,
    hyperparameters: Mapping[str, Any] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> FoldResult:
    """Trains a model on one fold with one method, and scores it.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: A name of `batchsift.models`.
        method: A name of `batchsift.methods`.
        fold: Which split, from 0.
        hyperparameters: Of the model, by name; its own defaults for the others.
        on_epoch: Called with the record of every epoch.

    Raises:
        ValueError: for an unknown name, a fold there is none of, or a hyperparameter out of its range.
        TypeError: for a hyperparameter the model has not.
        DivergedError: when the predictions are no longer finite.
    """
    settings = prepared.settings
    if not 0 <= fold < len(prepared.splits):
        raise ValueError(f"fold must be in [0, {len(prepared.splits)}), got {fold}")
    parts = scaled_parts(prepared.data, prepared.splits[fold], settings.device)
    weight_seed, selection_seed = np.random.SeedSequence((prepared.seed, fold)).generate_state(2).tolist()
    selection = _Stopwatch()
    with _own_generator(torch.device(settings.device), weight_seed), _own_threads(settings.threads):
        # Built on the CPU: the same initial weights on every device.
        network = models.build(model, *parts.train.widths, **(hyperparameters or {})).to(settings.device)
        network.prepare(parts.train.feature_tensor, parts.train.labels)
        # Fused: the same steps in one pass over memory, which saves a third of a small network's time on a CPU.
        optimizer = torch.optim.Adam(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        start = time.perf_counter()
        with selection:
            selector = Selector(
                parts.train.labels.cpu(),
                method=method,
                features=parts.train.neighbour_features,
                batch_size=settings.batch_size,
                epochs=settings.epochs,
                seed=selection_seed,
            )
        trained = _train(network, optimizer, selector, parts, settings, selection=selection, on_epoch=on_epoch)
        last_metrics = _test(network, parts.test)
        network.load_state_dict(trained.best_weights)
        metrics = _test(network, parts.test)
    return FoldResult(
        method=method,
        fold=fold,
        epochs=trained.records,
        best_epoch=trained.best_epoch,
        metrics=metrics,
        last_metrics=last_metrics,
        selection_seconds=selection.seconds,
        total_seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True, eq=False)
class _Trained:
    records: tuple[EpochRecord, ...]
    best_epoch: int
    best_weights: Mapping[str, Any]


def _train(
    network: BaseModel,
    optimizer: torch.optim.Optimizer,
    selector: Selector,
    parts: Parts,
    settings: Settings,
    *,
    selection: "_Stopwatch",
    on_epoch: Callable[[EpochRecord], None] | None,
) -> _Trained:
    records: list[EpochRecord] = []
    best_epoch, best_weights = 0, network.state_dict()
    for epoch in range(settings.epochs):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate_at(epoch)
        loss, summary = _train_epoch(network, optimizer, selector, parts.train, selection)
        score = macro_auc(_probabilities(network, parts.validation.features), parts.validation.labels.cpu())
        record = EpochRecord(epoch, settings.learning_rate_at(epoch), loss, score, summary)
        if epoch == 0 or score > records[best_epoch].macro_auc:
            # A plain copy of the dictionary would share its tensors with the model, and train on with it.
            best_epoch, best_weights = epoch, copy.deepcopy(network.state_dict())
        records.append(record)
        if on_epoch is not None:
            on_epoch(record)
    return _Trained(tuple(records), best_epoch, best_weights)


def _train_epoch(
    network: BaseModel,
    optimizer: torch.optim.Optimizer,
    selector: Selector,
    train: Part,
    selection: "_Stopwatch",
) -> tuple[float, Mapping[str, float]]:
    """One epoch of selected batches: the mean loss of the samples drawn, and the selector's summary."""
    network.train()
    total, rows = torch.zeros((), device=train.features.device), 0
    for indices_B in selection.each(selector.batches()):
        on_device_B = indices_B.to(train.features.device)
        loss, logits_BL = network.training_loss(train.features[on_device_B], train.labels[on_device_B])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total, rows = total + loss.detach() * len(indices_B), rows + len(indices_B)
        with selection:
            selector.observe(indices_B, logits_BL)
    with selection:
        summary = selector.summary()
        selector.end_epoch()
    return float(total / rows), summary


@torch.no_grad()
def _probabilities(network: BaseModel, features: Tensor | SparseRows) -> Tensor:
    """What the model predicts in evaluation mode: `(N, L)` in [0, 1], on the CPU.

    Raises:
        DivergedError: when a prediction is not a number.
    """
    network.eval()
    probs_NL = torch.cat([network(rows).sigmoid() for rows in features.split(PREDICTION_ROWS)]).cpu()
    if probs_NL.isnan().any():
        raise DivergedError("training diverged: the predictions are no longer numbers; lower the learning rate")
    return probs_NL


def _test(network: BaseModel, test: Part) -> dict[str, float]:
    return evaluate(_probabilities(network, test.features), test.labels.cpu())


class _Stopwatch:
    """Adds up the seconds spent inside it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start

    def each(self, items: Iterator[Tensor]) -> Iterator[Tensor]:
        """The same items; the time it takes to make them counts."""
        while True:
            with self:
                item = next(items, None)
            if item is None:
                return
            yield item


@contextmanager
def _own_threads(threads: int) -> Iterator[None]:
    """Sets the number of torch's threads, and puts back what the caller had."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _own_generator(device: torch.device, seed: int) -> Iterator[None]:
    """Seeds the device's and the CPU's generator, and puts back what the caller had.

    `torch.manual_seed` would reach every accelerator, hence one by one.
    """
    on_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
