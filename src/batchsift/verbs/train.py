"""Training one model for use: `batchsift train`, and the same in Python."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsift.files import folder_of, locked
from batchsift.training.loggers.opening import check_logs, open_logs
from batchsift.training.presets import RECIPES
from batchsift.training.settings import Settings
from batchsift.training.thresholds import check_calibration
from batchsift.verbs.choices import TrainingChoices
from batchsift.verbs.searching import console_of, searched
from batchsift.verbs.sources import check_installed, check_reading, load_data, load_test, parted
from batchsift.verbs.words import check_method, check_recipe, check_unknown_category, word_list

if TYPE_CHECKING:
    from rich.console import Console

    from batchsift.data import ImageData, MultiLabelData
    from batchsift.training.folder import TrainingResult
    from batchsift.training.loggers.opening import Logs
    from batchsift.training.model import TrainedModel
    from batchsift.training.recording import EpochRecord

METHOD = "d2ace"


def train(
    data: Any,
    *,
    method: str | None = None,
    recipe: str | None = None,
    method_options: Mapping[str, Any] | None = None,
    test: Any = None,
    unknown_category: str = "error",
    validation_share: float = 0.1,
    calibrate: str | None = None,
    log: str | Sequence[str] = (),
    checkpoint_seconds: float = 30.0,
    out: str | os.PathLike[str] | None = None,
    progress: bool = False,
    model: str = "mlp",
    settings: str = "default",
    epochs: int | str | None = None,
    learning_rate: float | str | None = None,
    weight_decay: float | None = None,
    decay_share: float | None = None,
    batch_size: int | None = None,
    loss: str | None = None,
    scaling: str | None = None,
    drawing: str | None = None,
    center_sparse: bool = False,
    min_positives: int | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = Settings.device,
    threads: int = Settings.threads,
    **options: Any,
) -> "TrainedModel":
    """Train one model for use, as `batchsift train` does; a call that was killed goes on where it stopped.

    Args:
        data: A `MultiLabelData` or `ImageData`; a pair of matrices `(features, labels)`; or what `batchsift.data.load`
            takes: a name, a file, a folder of pictures, a data frame.
        method: The method of batch selection; "d2ace" unless the recipe says otherwise.
        recipe: "short", for few epochs: `method="balanced_pass", loss="pos_weight"`.
        method_options: Options of the method, by name.
        test: Other data of the same kind, to be scored at the end: features and labels are found by their names, as
            `predict` finds them. A finished run is scored on them with the model it left.
        unknown_category: What a value of a category in the test table is that does not occur in `data`: "error" or
            "missing".
        validation_share: Share of the samples to choose the epoch, the thresholds and the calibration by.
        calibrate: "isotonic" or "sigmoid": calibrate probabilities on the validation part.
        log: "tensorboard", "mlflow", "wandb", or several of them.
        checkpoint_seconds: Seconds between checkpoints, at least.
        out: The folder for the files; `runs/<data>-<model>-<method>` by default.
        progress: Whether progress is shown.
        model: A name of `batchsift.models`; for pictures "resnet-small", or a backbone of `transformers`, by name or
            folder.
        settings: "default", "paper" or "tuned"; what follows changes them.
        epochs: Passes over the training part, or "auto".
        learning_rate: Adam's, or "auto".
        weight_decay: Adam's.
        decay_share: Share of the epochs in which the learning rate falls to 0.
        batch_size: Samples in a batch.
        loss: A name of `batchsift.losses`.
        scaling: "standard", "minmax" or "none".
        drawing: "systematic" or "independent".
        center_sparse: Whether standard scaling takes the mean off sparse features too.
        min_positives: Labels with this many positives or fewer are left out, and those of every sample.
        hyperparameters: Hyperparameters of the model, by name.
        seed: Decides the validation part, the initial weights and the selection.
        device: Where to train, in torch's words.
        threads: Threads of torch on the CPU.
        options: Options of `batchsift.data.load`, such as `label_columns`; of pictures also the fields of
            `PictureSettings`: `size`, `workers` and others.

    Returns:
        The model: `predict_proba(data)`, `predict(data, thresholds=...)`, `label_names`; `summary` holds the scores,
        `suspects` the labels that are most likely wrong.

    Raises:
        ValueError: For a name, option or device there is none of; data that cannot be trained on; or a folder that
            holds another run.
        TypeError: For an argument there is none of, or an option of another type.
        OSError: Where the folder cannot be written.
        DivergedError: When the predictions are no longer finite.
    """
    check_installed("train")
    check_reading(options, train)
    reading, pictures = parted(options)
    choices = TrainingChoices(
        model=model,
        settings=settings,
        epochs=epochs,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        decay_share=decay_share,
        batch_size=batch_size,
        loss=loss,
        scaling=scaling,
        drawing=drawing,
        center_sparse=center_sparse,
        min_positives=min_positives,
        hyperparameters=dict(hyperparameters or {}),
        seed=seed,
        device=device,
        threads=threads,
        pictures=pictures,
    )
    unknown = check_unknown_category(unknown_category)
    plan = TrainingPlan.of(
        choices,
        method=method,
        recipe=recipe,
        method_options=method_options or {},
        validation_share=validation_share,
        calibrate=calibrate,
        log=word_list(log),
        checkpoint_seconds=checkpoint_seconds,
        out=None if out is None else Path(out),
    )
    tested = None if test is None else partial(load_test, test, reading, unknown)
    return plan.run(partial(load_data, data, reading), tested, console=console_of(progress)).model


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What is to be trained, all of it checked that can be without the data. Made by `of`."""

    choices: TrainingChoices
    method: str
    method_options: Mapping[str, Any]
    validation_share: float
    calibrate: str | None
    log: Sequence[str]
    checkpoint_seconds: float
    out: Path | None

    @classmethod
    def of(cls, choices: TrainingChoices, *, method: str | None, recipe: str | None, **others: Any) -> "TrainingPlan":
        """Return a plan, for which torch is not needed yet.

        Args:
            choices: How to train.
            method: The method; None for that of the recipe, or the usual one.
            recipe: A name of `RECIPES`, or None.
            others: The other fields.

        Raises:
            ValueError: An unknown word, a value out of its range, a log whose package is missing, or a method or loss
                beside a recipe, which says both.
        """
        if recipe is not None:
            check_recipe(recipe)
            recipe_method, loss = RECIPES[recipe]
            if method is not None or choices.loss is not None:
                raise ValueError(
                    f"recipe {recipe!r} is method {recipe_method!r} with loss {loss!r}: leave those out, or the recipe"
                )
            method, choices = recipe_method, replace(choices, loss=loss)
        plan = cls(choices=choices, method=method or METHOD, **others)
        choices.check(validation_share=plan.validation_share)
        check_method(plan.method)
        check_calibration(plan.calibrate)
        check_logs(plan.log)
        return plan

    def run(
        self,
        load: "Callable[[], MultiLabelData | ImageData]",
        load_test: "Callable[[MultiLabelData | ImageData], MultiLabelData | ImageData] | None" = None,
        *,
        console: "Console | None" = None,
    ) -> "TrainingResult":
        """Load the data and train, or go on; see `train`.

        Args:
            load: Returns the data to train on.
            load_test: Returns the data to be scored at the end, given those to train on; None for none.
            console: Where progress is shown; None shows none.
        """
        from batchsift.devices import check_device
        from batchsift.training.fit import check_data
        from batchsift.training.label_rule import drop_labels, warn_of_dropped_labels
        from batchsift.training.options import check_hyperparameters, check_model_settings, create_method
        from batchsift.training.trials import SEARCH

        choices = self.choices
        check_hyperparameters(choices.model, choices.hyperparameters)
        create_method(self.method, self.method_options)
        whole, test = self._loaded(load, load_test)
        settings, hyperparameters = choices.chosen(whole, validation_share=self.validation_share)
        data, removed = drop_labels(whole, settings.min_positives)
        warn_of_dropped_labels(whole, removed, settings.min_positives)
        if test is not None:
            test = test.select(labels=[name not in removed for name in test.label_names])
        folder = self.out or folder_of("runs", f"{data.name}-{choices.model}-{self.method}")
        check_device(settings.device)
        check_model_settings(choices.model, settings)
        check_data(data, test, self.validation_share, choices.seed, self.calibrate)  # before a search takes its time
        with locked(folder, SEARCH):
            return self._fit(data, test, folder, settings=settings, hyperparameters=hyperparameters, console=console)

    def _fit(
        self,
        data: "MultiLabelData | ImageData",
        test: "MultiLabelData | ImageData | None",
        folder: Path,
        *,
        settings: Settings,
        hyperparameters: Mapping[str, Any],
        console: "Console | None",
    ) -> "TrainingResult":
        """Search what is left to a search, then train, in a folder that nobody else works in."""
        from batchsift.data import ImageData
        from batchsift.report.console.training import TrainingProgress
        from batchsift.report.suspects import write_suspects_page
        from batchsift.training.configuration import Configuration
        from batchsift.training.finding import check_searched, find_settings_of_model
        from batchsift.training.fit import fit
        from batchsift.training.prepare import test_rows

        choices = self.choices
        check_searched(folder, choices.search)
        shared: dict[str, Any] = {"model": choices.model, "hyperparameters": hyperparameters, "seed": choices.seed}
        find = partial(find_settings_of_model, data, settings, folder=folder, **shared)
        found = searched(choices.search, console, find)
        settings = found.settings_of(settings, fold=0, loss=settings.loss)
        configuration = Configuration(
            method=self.method,
            settings=settings,
            method_options=self.method_options,
            model=choices.model,
            hyperparameters=hyperparameters,
        )
        identity = configuration.identity(data, choices.seed) | {"calibrate": self.calibrate}
        log = _Log(self.log, identity, folder)
        pictures = data.num_samples - len(test_rows(data)) if isinstance(data, ImageData) else 0
        bar = None if console is None else TrainingProgress(console, settings.epochs, pictures)

        def on_epoch(record: "EpochRecord") -> None:
            if bar is not None:
                bar.on_epoch(record)
            log.write(record)

        with bar or nullcontext(), log:
            result = fit(
                data,
                folder,
                **shared,
                method=self.method,
                settings=settings,
                method_options=self.method_options,
                test=test,
                calibrate=self.calibrate,
                found=found,
                checkpoint_seconds=self.checkpoint_seconds,
                on_epoch=on_epoch,
            )
            log.finish(result)
        write_suspects_page(folder, data)
        return result

    def _loaded(
        self,
        load: "Callable[[], MultiLabelData | ImageData]",
        load_test: "Callable[[MultiLabelData | ImageData], MultiLabelData | ImageData] | None",
    ) -> "tuple[MultiLabelData | ImageData, MultiLabelData | ImageData | None]":
        """Return what is trained on and what is scored: of pictures the test part of their source, if nothing else."""
        from batchsift.training.prepare import test_rows

        data = self.choices.fitted(load())
        if load_test is not None:
            return data, self.choices.fitted(load_test(data))
        given = test_rows(data)
        return data, data.select(rows=given) if len(given) else None


class _Log:
    """The logs of a training, opened with its first epoch: what has nothing left to compute leaves no run behind."""

    def __init__(self, names: Sequence[str], identity: Mapping[str, Any], folder: Path) -> None:
        self._names, self._identity, self._folder = names, identity, folder
        self._logs: Logs | None = None
        self._final: dict[str, float] = {}

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *_: object) -> None:
        if self._logs is not None:
            self._logs.close(self._final)

    def write(self, record: "EpochRecord") -> None:
        """Write the numbers of an epoch."""
        from batchsift.training.loggers.run import epoch_numbers

        if not self._names:
            return
        if self._logs is None:
            self._logs = self._opened()
        self._logs.write(record.epoch, epoch_numbers(record))

    def finish(self, result: "TrainingResult") -> None:
        """Say what came out."""
        scores = {f"test/{key}": value for key, value in (result.test or {}).items()}
        self._final = {"best_epoch": result.best_epoch, **scores}

    def _opened(self) -> "Logs":
        from batchsift.training.loggers.run import LoggedRun, flat_parameters

        identity = dict(self._identity)
        key = hashlib.sha256(json.dumps([identity, str(self._folder.resolve())], sort_keys=True).encode())
        training = identity.pop("training")
        run = LoggedRun(
            key=key.hexdigest()[:20],
            name=self._folder.name,
            group=identity["data"],
            parameters=flat_parameters({**identity, **training}),
            folder=self._folder,
        )
        return open_logs(self._names, run)
