"""One training run for use, not for study: all samples, a validation part to choose the epoch, a folder to go on from.

Nothing is filtered: rare labels and samples without a label stay. `batchsift.training.folder` says what the folder
holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsift.data import ImageData, MultiLabelData
from batchsift.files import claim
from batchsift.partial_metrics import choose_thresholds, evaluate
from batchsift.training.calibration import Calibration, check_calibratable
from batchsift.training.checkpoint import Checkpoint
from batchsift.training.checks import check_complete_labels, check_seed, warn_of_constant_labels
from batchsift.training.configuration import Configuration
from batchsift.training.environment import isolated
from batchsift.training.folder import CHECKPOINT, TrainingResult, identity_of, read_result, write_result, write_test
from batchsift.training.found import Found
from batchsift.training.loop import TrainingLoop, picture_metrics, predict
from batchsift.training.matching import with_features, with_labels
from batchsift.training.model import TrainedModel
from batchsift.training.parts import Part, Preprocessing, picture_part, scale_part
from batchsift.training.picture_model import PictureReading
from batchsift.training.pictures import PictureSettings
from batchsift.training.prepare import Indices, hold_out_validation
from batchsift.training.recording import EpochRecord, count_listed, record_suspects
from batchsift.training.settings import Settings
from batchsift.training.thresholds import check_calibration


def fit(
    data: MultiLabelData | ImageData,
    folder: Path,
    *,
    model: str = "mlp",
    method: str = "d2ace",
    settings: Settings | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    method_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    test: MultiLabelData | ImageData | None = None,
    calibrate: str | None = None,
    found: Found | None = None,
    checkpoint_seconds: float = 30.0,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> TrainingResult:
    """Train a model, or go on where a killed run of the same configuration stopped.

    Args:
        data: Features, or pictures. Label cells may be unknown (NaN) in some samples; the validation part is drawn from
            the others, of pictures from all, unless their source has one.
        folder: The folder for the files; made where it is missing.
        model: A name of `batchsift.models`.
        method: A name of `batchsift.methods`.
        settings: The settings of the training, those of `Settings` by default; those of folds and filters (`num_folds`,
            `min_positives`, `top_features`) are not looked at.
        hyperparameters: Hyperparameters of the model, by name; its own defaults for the others.
        method_options: Options of the method, as a file writes them: see `batchsift.training.options`.
        seed: The seed that decides the validation part, the initial weights and the selection.
        test: Data that are scored once, with the weights of the best epoch; it decides nothing.
        calibrate: "isotonic" or "sigmoid": how probabilities are calibrated, on the validation part; None: not at all.
        found: What `finding.find_settings_of_model` chose of the settings; nothing by default.
        checkpoint_seconds: A checkpoint is written at the end of an epoch, of pictures after any batch, when the last
            is at least this old.
        on_epoch: Called with the record of every epoch of this call.

    Raises:
        ValueError: For a name, option or device there is none of; data that cannot be trained on or calibrated by; or a
            folder that holds another run.
        TypeError: For an option of another type.
        OSError: Where the folder cannot be written.
        PictureError: A picture cannot be decoded; the message names it.
        DivergedError: When the predictions are no longer finite.

    Warns:
        UserWarning: There are labels that no training sample has, or every one.
    """
    found = found or Found()
    settings = found.settings_of(settings or Settings(), fold=0)
    options = {"hyperparameters": dict(hyperparameters or {}), "method_options": dict(method_options or {})}
    configuration = Configuration(model=model, method=method, settings=settings, **options)
    check_seed(seed)
    configuration.check()
    check_data(data, test, settings.validation_share, seed, calibrate)
    test = None if test is None else matched(test, data)
    identity = configuration.identity(data, seed) | {"calibrate": calibrate}
    rows, held_out = hold_out_validation(data, settings.validation_share, seed)
    tested_on = None if test is None else identity_of(test)
    finished = read_result(folder, identity, tested_on)
    if finished is not None:
        (folder / CHECKPOINT).unlink(missing_ok=True)  # of a call that was killed in its last moment
        return _scored(finished, test, settings, data.labels[rows])
    warn_of_constant_labels(data.labels[rows], data.label_names)
    weight_seed, selection_seed = np.random.SeedSequence(seed).generate_state(2).tolist()
    preprocessing, train, validation = _parts(data, rows, held_out, settings, weight_seed)
    claim(folder)
    checkpoint = Checkpoint(folder / CHECKPOINT, identity, device=settings.device, seconds=checkpoint_seconds)
    with isolated(settings.device, seed=weight_seed, threads=settings.threads):
        loop = TrainingLoop(configuration, train, validation, selection_seed=selection_seed)
        checkpoint.restore(loop)
        if isinstance(data, ImageData):  # whose epochs are long; of features in memory they take seconds
            loop.on_batch = partial(checkpoint.save_if_due, loop)
        resumed_from = len(loop.records)
        for record in loop.epochs():
            if on_epoch is not None:
                on_epoch(record)
            checkpoint.save_if_due(loop)
        loop.load_best_weights()
        trained = keep_model(loop, configuration, data, preprocessing, calibrate=calibrate, folder=folder)
        scores = None if test is None else _score(trained, test, settings, data.labels[rows])
    best, records = loop.best_epoch, tuple(loop.records)
    result = TrainingResult(folder, trained, records, best, records[best].validation, scores, resumed_from)
    most = count_listed(train.labels.numel())
    suspects = record_suspects(loop.selector, rows=rows, label_names=data.label_names, most=most)
    write_result(
        result,
        identity,
        selector=loop.selector,
        suspects=suspects,
        found=found,
        tested_on=tested_on,
        num_train=len(rows),
        num_validation=len(held_out),
        seconds=loop.total.seconds,
    )
    checkpoint.remove()
    return result


def check_data(
    data: MultiLabelData | ImageData,
    test: MultiLabelData | ImageData | None,
    validation_share: float,
    seed: int,
    calibrate: str | None,
) -> None:
    """Check that a model can be trained on data, calibrated by their validation part and scored on test data.

    Args:
        data: The data to train on.
        test: The data to score, if there are any.
        validation_share: As in `Settings`.
        seed: The seed of `fit`.
        calibrate: As in `fit`.

    Raises:
        ValueError: It cannot.
    """
    check_calibration(calibrate)
    if test is not None:
        check_complete_labels(matched(test, data))
    _, held_out = hold_out_validation(data, validation_share, seed)
    if calibrate is not None:
        if np.isnan(data.labels[held_out]).any():
            raise ValueError(f"{data.name}: some labels of the validation part are unknown: leave calibrate out")
        check_calibratable(calibrate, data.labels[held_out], data.label_names)


def matched(test: MultiLabelData | ImageData, data: MultiLabelData | ImageData) -> MultiLabelData | ImageData:
    """Return test data with the features and labels of the training data, in their order.

    Raises:
        ValueError: They have others.
    """
    test = with_labels(test, data)
    if isinstance(test, ImageData) or isinstance(data, ImageData):
        return test
    return with_features(test, data.feature_names, data.columns)


def keep_model(
    loop: TrainingLoop,
    configuration: Configuration,
    data: MultiLabelData | ImageData,
    preprocessing: Preprocessing | PictureReading,
    *,
    calibrate: str | None = None,
    folder: Path | None = None,
) -> TrainedModel:
    """Return the model of a loop with its weights as they are, calibrated and with thresholds by the validation part.

    Args:
        loop: The loop; without a validation part there are no thresholds.
        configuration: Model, method and settings of the loop.
        data: The data it was trained on, for their names.
        preprocessing: How their features were scaled, or the pictures read.
        calibrate: How probabilities are calibrated; None: not at all.
        folder: The folder of the run, if there is one.
    """
    thresholds_L = calibration = None
    if loop.validation is not None:
        probs_NL = predict(loop.network, loop.validation.features).numpy()
        targets_NL = loop.validation.labels.cpu().numpy()
        if calibrate is not None:
            calibration = Calibration.fit(calibrate, probs_NL, targets_NL)
            probs_NL = calibration.apply(probs_NL)
        thresholds_L = choose_thresholds(probs_NL, targets_NL)
    return TrainedModel(
        name=configuration.model,
        hyperparameters=configuration.hyperparameters,
        network=loop.network.eval(),
        preprocessing=preprocessing,
        feature_names=data.feature_names if isinstance(data, MultiLabelData) else (),
        label_names=data.label_names,
        thresholds_L=thresholds_L,
        calibration=calibration,
        folder=folder,
    )


def _parts(
    data: MultiLabelData | ImageData, rows: Indices, held_out: Indices, settings: Settings, seed: int
) -> tuple[Preprocessing | PictureReading, Part, Part]:
    """Return how features are scaled or pictures read, and what is trained on and what is validated by."""
    if isinstance(data, ImageData):
        train, validation = (picture_part(data, part, settings, seed=seed) for part in (rows, held_out))
        return PictureReading(settings.pictures or PictureSettings(), settings.batch_size), train, validation
    preprocessing = Preprocessing.fit(data.features[rows], settings, data.columns)
    train, validation = (scale_part(data, part, preprocessing, settings.device) for part in (rows, held_out))
    return preprocessing, train, validation


def _scored(
    finished: TrainingResult,
    test: MultiLabelData | ImageData | None,
    settings: Settings,
    train_labels_NL: NDArray[Any],
) -> TrainingResult:
    """Return the result of a run that was finished before, with its scores on the test data of this call."""
    if test is None or finished.test is not None:
        return finished
    scores = _score(finished.model, test, settings, train_labels_NL)
    write_test(finished.folder, scores, identity_of(test))
    return replace(finished, test=scores)


def _score(
    trained: TrainedModel,
    test: MultiLabelData | ImageData,
    settings: Settings,
    train_labels_NL: NDArray[Any],
) -> dict[str, float]:
    workers = 0 if settings.pictures is None else settings.pictures.workers
    probs_NL = trained.predict_proba(test, device=settings.device, workers=workers)
    scores = evaluate(probs_NL, test.labels, trained.thresholds_L)
    return scores | (picture_metrics(probs_NL, test.labels, train_labels_NL) if trained.takes_pictures else {})
