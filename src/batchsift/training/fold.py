"""The experiment protocol of the papers: one training run, from a fold of a data set to its test metrics.

1. `prepare`, once for a comparison: rare labels are dropped, then the samples left without a label. Iterative
   stratification makes the folds and holds out a share of each training part for validation.
2. `run_fold`, once for each method and fold: features are scaled by what the training part alone tells (to [0, 1] in
   the papers' settings); a model is trained on the batches a method selects; after every epoch the validation part is
   scored; the test part is scored when training is over, at the best validation epoch and at the last, each with
   thresholds that the validation part chose.

Runs of one fold are paired: they share the split, the initial weights and every setting, and differ in the
selection alone. The caller's generators are left as they were.

Where the released code of the papers differs: the best weights are truly copied, the scaler has not seen the
validation and test parts, and the learning rate of an epoch is set before its steps.

Shapes: N samples of a part, L labels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from batchsift.partial_metrics import choose_thresholds, evaluate, evaluate_labels
from batchsift.training.configuration import Configuration
from batchsift.training.environment import isolated
from batchsift.training.loop import TrainingLoop, predict
from batchsift.training.parts import Parts, scale_parts
from batchsift.training.prepare import Prepared
from batchsift.training.recording import EpochRecord, Suspect, record_draws, record_suspects


@dataclass(frozen=True)
class FoldResult:
    """One run: a method on a fold.

    Args:
        method: The name of the method.
        fold: The fold, counted from 0.
        epochs: The records of the epochs.
        best_epoch: The first epoch with the highest validation Macro-AUC.
        metrics: Metrics on the test part, with the weights of the best epoch.
        last_metrics: Metrics on the test part, with the weights of the last epoch.
        label_metrics: `auc`, `average_precision` and `f1` of each label, on the test part, best epoch.
        draws: Quantiles (0, 5, ... 100 %) of how often a training sample was drawn.
        suspects: The labels that are probably wrong, the worst first.
        selection_seconds: Seconds spent in the selector.
        recording_seconds: Seconds spent on what is written down: validation metrics, signals, draws, suspects.
        total_seconds: Seconds spent on selection, training, scoring and recording together.
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


def run_fold(
    prepared: Prepared,
    *,
    model: str,
    method: str,
    fold: int,
    hyperparameters: Mapping[str, Any] | None = None,
    method_options: Mapping[str, Any] | None = None,
    drawing_seed: int | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> FoldResult:
    """Train a model on one fold with one method, and score it.

    Args:
        prepared: The data, its splits, the settings and the seed.
        model: A name of `batchsift.models`.
        method: A name of `batchsift.methods`.
        fold: The number of the split, from 0.
        hyperparameters: Hyperparameters of the model, by name; its own defaults for the others.
        method_options: Options of the method, as a file writes them: see `batchsift.training.options`.
        drawing_seed: A number from 0 to 2**32 - 1 that decides which samples are drawn, and nothing else; that of
            the data by default.
        on_epoch: Called with the record of every epoch.

    Raises:
        ValueError: For an unknown name, a fold there is none of, or a hyperparameter out of its range.
        TypeError: For a hyperparameter the model has not.
        DivergedError: When the predictions are no longer finite.
    """
    settings = prepared.settings
    if not 0 <= fold < len(prepared.splits):
        raise ValueError(f"fold must be in [0, {len(prepared.splits)}), got {fold}")
    configuration = Configuration(
        model=model,
        method=method,
        settings=settings,
        hyperparameters=hyperparameters or {},
        method_options=method_options or {},
    )
    weight_seed, selection_seed = _seeds(prepared.seed, fold)
    parts = scale_parts(prepared.data, prepared.splits[fold], settings, weight_seed)
    if drawing_seed is not None:
        _, selection_seed = _seeds(drawing_seed, fold)
    with isolated(settings.device, seed=weight_seed, threads=settings.threads):
        loop = TrainingLoop(
            configuration, parts.train, parts.validation, selection_seed=selection_seed, with_signals=True
        )
        for record in loop.epochs():
            if on_epoch is not None:
                on_epoch(record)
        with loop.total:
            last_metrics, _ = _score(loop, parts)
            loop.load_best_weights()
            metrics, probs_NL = _score(loop, parts)
            with loop.recording:
                targets_NL = parts.test.labels.cpu()
                by_label = {
                    key: tuple(values_L.tolist()) for key, values_L in evaluate_labels(probs_NL, targets_NL).items()
                }
                draws = record_draws(loop.selector)
                rows = prepared.kept_samples[prepared.splits[fold].train]
                suspects = record_suspects(loop.selector, rows=rows, label_names=prepared.data.label_names)
    return FoldResult(
        method=method,
        fold=fold,
        epochs=tuple(loop.records),
        best_epoch=loop.best_epoch,
        metrics=metrics,
        last_metrics=last_metrics,
        label_metrics=by_label,
        draws=draws,
        suspects=suspects,
        selection_seconds=loop.selection.seconds,
        recording_seconds=loop.recording.seconds,
        total_seconds=loop.total.seconds,
    )


def _seeds(seed: int, fold: int) -> tuple[int, int]:
    """Return the seeds of the initial weights and of the drawing."""
    weight_seed, selection_seed = np.random.SeedSequence((seed, fold)).generate_state(2).tolist()
    return weight_seed, selection_seed


def _score(loop: TrainingLoop, parts: Parts) -> tuple[dict[str, float], Tensor]:
    """Return the metrics of the network as it is on the test part, and its probabilities there, `(N, L)`."""
    by_validation = predict(loop.predictor, parts.validation.features)
    thresholds_L = choose_thresholds(by_validation, parts.validation.labels.cpu())
    probs_NL, targets_NL = predict(loop.predictor, parts.test.features), parts.test.labels.cpu()
    scores = {**evaluate(probs_NL, targets_NL, thresholds_L), **loop.further_metrics(probs_NL, targets_NL)}
    return scores, probs_NL
