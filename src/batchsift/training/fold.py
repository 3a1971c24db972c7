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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from batchsift import models
from batchsift.data import MultiLabelData
from batchsift.metrics import evaluate, evaluate_labels
from batchsift.models import BaseModel
from batchsift.selection.selector import Selector
from batchsift.training.loop import Stopwatch, own_generator, own_threads, predicted, train_epoch
from batchsift.training.options import create_method
from batchsift.training.parts import Parts, scaled_parts
from batchsift.training.prepare import Prepared, prepare
from batchsift.training.recording import SignalRecord, Suspect, record_draws, record_signals, record_suspects
from batchsift.training.settings import Settings


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a run.

    Args:
        epoch: Counted from 0.
        learning_rate: Of all its steps.
        loss: Training loss, the mean over the samples drawn.
        validation: Metric key to value on the validation part, after the epoch.
        summary: The selector's, at the end of the epoch it describes.
        signals: The method's, at the same time.
    """

    epoch: int
    learning_rate: float
    loss: float
    validation: Mapping[str, float]
    summary: Mapping[str, float]
    signals: SignalRecord

    @property
    def macro_auc(self) -> float:
        """On the validation part: what the epoch is chosen by."""
        return self.validation["macro_auc"]


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
        label_metrics: `auc`, `average_precision` and `f1` of each label, on the test part, best epoch.
        draws: Quantiles (0, 5, ... 100 %) of how often a training sample was drawn.
        suspects: The labels that are probably wrong, the worst first; none where the method keeps no loss.
        selection_seconds: Spent in the selector.
        recording_seconds: Spent on what is written down: validation metrics, signals, draws, suspects.
        total_seconds: Of selection, training, scoring and recording together.
    """

    method: str
    fold: int
    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    metrics: Mapping[str, float]
    last_metrics: Mapping[str, float]
    label_metrics: Mapping[str, tuple[float, ...]]
    draws: tuple[float, ...]
    suspects: tuple[Suspect, ...]
    selection_seconds: float
    recording_seconds: float
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
    method_options: Mapping[str, Any] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> FoldResult:
    """Trains a model on one fold with one method, and scores it.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: A name of `batchsift.models`.
        method: A name of `batchsift.methods`.
        fold: Which split, from 0.
        hyperparameters: Of the model, by name; its own defaults for the others.
        method_options: Of the method, as a file writes them: see `batchsift.training.options`.
        on_epoch: Called with the record of every epoch.

    Raises:
        ValueError: for an unknown name, a fold there is none of, or a hyperparameter out of its range.
        TypeError: for a hyperparameter the model has not.
        DivergedError: when the predictions are no longer finite.
    """
    settings = prepared.settings
    if not 0 <= fold < len(prepared.splits):
        raise ValueError(f"fold must be in [0, {len(prepared.splits)}), got {fold}")
    parts = scaled_parts(prepared.data, prepared.splits[fold], settings.device, settings.top_features)
    weight_seed, selection_seed = np.random.SeedSequence((prepared.seed, fold)).generate_state(2).tolist()
    selection, recording = Stopwatch(), Stopwatch()
    with own_generator(torch.device(settings.device), weight_seed), own_threads(settings.threads):
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
                method=create_method(method, method_options or {}),
                features=parts.train.neighbour_features,
                batch_size=settings.batch_size,
                epochs=settings.epochs,
                seed=selection_seed,
            )
        trained = _train(
            network, optimizer, selector, parts, settings, selection=selection, recording=recording, on_epoch=on_epoch
        )
        targets_NL = parts.test.labels.cpu()
        last_metrics = evaluate(predicted(network, parts.test.features), targets_NL)
        network.load_state_dict(trained.best_weights)
        probs_NL = predicted(network, parts.test.features)
        metrics = evaluate(probs_NL, targets_NL)
        with recording:
            label_metrics = {key: tuple(of.tolist()) for key, of in evaluate_labels(probs_NL, targets_NL).items()}
            draws = record_draws(selector)
            rows = prepared.kept_samples[prepared.splits[fold].train]
            suspects = record_suspects(selector, rows=rows, label_names=prepared.data.label_names)
    return FoldResult(
        method=method,
        fold=fold,
        epochs=trained.records,
        best_epoch=trained.best_epoch,
        metrics=metrics,
        last_metrics=last_metrics,
        label_metrics=label_metrics,
        draws=draws,
        suspects=suspects,
        selection_seconds=selection.seconds,
        recording_seconds=recording.seconds,
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
    selection: Stopwatch,
    recording: Stopwatch,
    on_epoch: Callable[[EpochRecord], None] | None,
) -> _Trained:
    records: list[EpochRecord] = []
    best_epoch, best_weights = 0, network.state_dict()
    for epoch in range(settings.epochs):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate_at(epoch)
        loss = train_epoch(network, optimizer, selector, parts.train, selection)
        probs_NL = predicted(network, parts.validation.features)
        with recording:
            validation = evaluate(probs_NL, parts.validation.labels.cpu())
            signals = record_signals(selector)
        with selection:
            summary = selector.summary()
            selector.end_epoch()
        record = EpochRecord(epoch, settings.learning_rate_at(epoch), loss, validation, summary, signals)
        if epoch == 0 or record.macro_auc > records[best_epoch].macro_auc:
            # A plain copy of the dictionary would share its tensors with the model, and train on with it.
            best_epoch, best_weights = epoch, copy.deepcopy(network.state_dict())
        records.append(record)
        if on_epoch is not None:
            on_epoch(record)
    return _Trained(tuple(records), best_epoch, best_weights)
