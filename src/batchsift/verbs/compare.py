"""Comparing methods on one data set: `batchsift compare`, and the same in Python."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsift.files import claim, folder_of, json_text, write
from batchsift.training.loggers.opening import check_logs
from batchsift.training.presets import RECIPES
from batchsift.training.settings import Settings, split_loss
from batchsift.verbs.choices import TrainingChoices, number_of_processes
from batchsift.verbs.searching import console_of, note, searched
from batchsift.verbs.sources import check_installed, check_reading, load_data
from batchsift.verbs.words import check_loss, check_method_and_loss, check_recipe, word_list

if TYPE_CHECKING:
    from rich.console import Console

    from batchsift.data import MultiLabelData
    from batchsift.studies.comparison import Comparison
    from batchsift.studies.store import Store
    from batchsift.training.found import Found
    from batchsift.training.prepare import Prepared

METHODS = "random,label_balanced,hard,uncertainty,d2ace,balanced_pass"


def compare(
    data: Any,
    *,
    methods: str | Sequence[str] | None = None,
    recipe: str | None = None,
    losses: str | Sequence[str] = (),
    folds: int = Settings.num_folds,
    min_positives: int = Settings.min_positives,
    top_features: float | None = Settings.top_features,
    jobs: int = 1,
    log: str | Sequence[str] = (),
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
    hyperparameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = Settings.device,
    threads: int = Settings.threads,
    **reading: Any,
) -> "Comparison":
    """Compare methods on one data set, as `batchsift compare` does; runs that are finished already are not run again.

    Args:
        data: A `MultiLabelData`; a pair of matrices `(features, labels)`; or what `batchsift.data.load` takes: a name,
            a file, a data frame.
        methods: Names, in a list or with commas between them; "random+pos_weight" is one with a loss of its own. The
            usual ones unless the recipe says otherwise.
        recipe: "short", for few epochs: `balanced_pass+pos_weight` beside `random` and `random+pos_weight`.
        losses: Losses by label: every method is trained with each; the first is that of the plain names.
        folds: Folds of the cross-validation.
        min_positives: Labels with this many positives or fewer are dropped.
        top_features: Share of the features to keep, those with the largest sums in a training part; None keeps all.
        jobs: Processes; -1: as many as there are cores.
        log: "tensorboard", "mlflow", "wandb", or several of them: each run when it is finished.
        out: The folder for the files; `results/<data>-<model>` by default.
        progress: Whether progress is shown.
        model: A name of `batchsift.models`.
        settings: "default", "paper" or "tuned"; what follows changes them.
        epochs: Epochs of each run, or "auto".
        learning_rate: Adam's, or "auto".
        weight_decay: Adam's.
        decay_share: Share of the epochs in which the learning rate falls to 0.
        batch_size: Samples in a batch.
        loss: A name of `batchsift.losses`.
        scaling: "standard", "minmax" or "none".
        drawing: "systematic" or "independent".
        center_sparse: Whether standard scaling takes the mean off sparse features too.
        hyperparameters: Hyperparameters of the model, by name.
        seed: Decides splits, initial weights and selection.
        device: Where to train, in torch's words.
        threads: Threads of torch on the CPU.
        reading: Options of `batchsift.data.load`, such as `label_columns`.

    Returns:
        What came out: `to_frame()` for its numbers; the files in the folder hold all of it.

    Raises:
        ValueError: For a name, option or device there is none of, or data that cannot go through the protocol.
        TypeError: For an argument there is none of.
        OSError: Where the folder cannot be written, or is in use.
        DivergedError: When the predictions of a run are no longer finite.
    """
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
        hyperparameters=dict(hyperparameters or {}),
        seed=seed,
        device=device,
        threads=threads,
    )
    check_installed("compare")
    check_reading(reading, compare)
    plan = ComparisonPlan.of(
        choices,
        methods=None if methods is None else word_list(methods),
        recipe=recipe,
        losses=word_list(losses),
        fields={"num_folds": folds, "min_positives": min_positives, "top_features": top_features},
        jobs=number_of_processes(jobs),
        log=word_list(log),
        out=None if out is None else Path(out),
    )
    ready = plan.prepare(partial(load_data, data, reading))
    console = console_of(progress)
    with ready.store.locked():
        comparison = ready.run(ready.find(console), console)
    write(ready.store.folder, comparison_files(comparison))
    return comparison


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """What is to be compared, all of it checked that can be without the data. Made by `of`."""

    choices: TrainingChoices
    methods: Sequence[str]
    fields: Mapping[str, Any]
    jobs: int
    log: Sequence[str]
    out: Path | None

    @classmethod
    def of(
        cls,
        choices: TrainingChoices,
        *,
        methods: Sequence[str] | None,
        recipe: str | None,
        losses: Sequence[str],
        **others: Any,
    ) -> "ComparisonPlan":
        """Return a plan, for which torch is not needed yet.

        Args:
            choices: How to train.
            methods: The methods; None for those of the recipe, or the usual ones.
            recipe: A name of `RECIPES`, or None.
            losses: The losses to train every method with; none for that of the choices.
            others: The other fields.

        Raises:
            ValueError: An unknown word, a value out of its range, a loss that comes twice or beside several losses, or
                a log whose package is missing.
        """
        if losses and choices.loss is not None:
            raise ValueError(f"loss {choices.loss} came with losses {', '.join(losses)}: leave out the loss")
        for loss in losses:
            check_loss(loss)
            if losses.count(loss) > 1:
                raise ValueError(f"losses {', '.join(losses)}: {loss} comes twice")
        if losses:
            choices = replace(choices, loss=losses[0])
        if recipe is not None:
            check_recipe(recipe)
        plan = cls(choices=choices, methods=_names(methods, recipe, losses[1:]), **others)
        choices.check(**plan.fields)
        for name in plan.methods:
            check_method_and_loss(name)
        check_logs(plan.log)
        return plan

    def prepare(self, load: "Callable[[], MultiLabelData]") -> "ReadyComparison":
        """Load the data, check all runs, and claim the folder.

        Raises:
            ValueError: For unknown names, or data that cannot go through the protocol.
            TypeError: For a hyperparameter of another type.
            OSError: Where the data cannot be read or the folder cannot be written.
        """
        from batchsift.studies.comparison import check_losses, check_methods
        from batchsift.studies.store import Store
        from batchsift.training.options import check_hyperparameters, check_model_settings, try_model
        from batchsift.training.prepare import prepare

        model = self.choices.model
        check_methods(self.methods)
        check_hyperparameters(model, self.choices.hyperparameters)
        data = load()
        settings, hyperparameters = self.choices.chosen(data.name, **self.fields)
        check_model_settings(model, settings)
        check_losses(model, self.methods, settings)
        prepared = prepare(data, settings, seed=self.choices.seed)
        try_model(model, prepared.data, hyperparameters)
        store = Store(self.out or folder_of("results", f"{prepared.data.name}-{model}"))
        claim(store.folder)
        return ReadyComparison(plan=self, prepared=prepared, hyperparameters=hyperparameters, store=store)


@dataclass(frozen=True, kw_only=True)
class ReadyComparison:
    """A comparison whose data are there and whose runs are known to be possible.

    Args:
        plan: What is to be compared.
        prepared: The data, its splits, the settings and the seed.
        hyperparameters: Hyperparameters of the model.
        store: Where runs are kept; locked by whoever runs them.
    """

    plan: ComparisonPlan
    prepared: "Prepared"
    hyperparameters: Mapping[str, Any]
    store: "Store"

    def find(self, console: "Console | None") -> "Found":
        """Search the settings that are left to a search.

        Args:
            console: Where progress is shown; None shows none.

        Raises:
            ValueError: A training part is too small for a search.
            DivergedError: Training diverged with every learning rate.
        """
        from batchsift.studies.comparison import loss_of
        from batchsift.training.finding import find_settings

        choices = self.plan.choices
        find = partial(
            find_settings,
            self.prepared,
            model=choices.model,
            losses=list(dict.fromkeys(loss_of(name, self.prepared.settings) for name in self.plan.methods)),
            hyperparameters=self.hyperparameters,
            folder=self.store.folder,
        )
        return searched(choices.search, console, find)

    def run(self, found: "Found", console: "Console | None") -> "Comparison":
        """Run what the store lacks.

        Args:
            found: What a search chose of the settings.
            console: Where progress is shown; None shows none.

        Raises:
            DivergedError: The predictions of a run are no longer finite.
            RunFailedError: A run failed in another way.
        """
        from batchsift.report.console.progress import ComparisonProgress
        from batchsift.studies.comparison import compare as run_comparison
        from batchsift.studies.logs import log_cell

        plan, folds = self.plan, len(self.prepared.splits)
        num_runs = folds * len(plan.methods)
        epochs = found.with_epochs(self.prepared.settings).epochs
        bar = None
        if console is not None:
            bar = ComparisonProgress(console, num_runs=num_runs, epochs=epochs, num_folds=folds)

        def on_start(kept: int, outdated: int) -> None:
            if bar is not None and console is not None:
                bar.on_start(kept)
                if kept:
                    words = (
                        f"{kept} of {num_runs} runs are taken from {self.store.folder}, where they were finished before"
                    )
                    console.out(words, highlight=False)
            if outdated:
                note(f"{outdated} runs there were computed with other versions and are run again", console)

        with bar or nullcontext():
            return run_comparison(
                self.prepared,
                model=plan.choices.model,
                methods=plan.methods,
                hyperparameters=self.hyperparameters,
                settings=plan.choices.settings,
                found=found,
                store=self.store,
                jobs=plan.jobs,
                on_start=on_start,
                on_epoch=None if bar is None else bar.on_epoch,
                on_run=None if bar is None else bar.on_run,
                on_cell=partial(log_cell, plan.log, folder=self.store.folder) if plan.log else None,
            )


def comparison_files(comparison: "Comparison") -> dict[str, bytes]:
    """Return the files of a comparison, by name: all numbers, the epochs as a table, the curves as a picture."""
    from batchsift.report.console.plots import convergence, image
    from batchsift.studies.document import document, epochs_csv

    figure = convergence(comparison)
    return {
        "results.json": json_text(document(comparison, histories=True)).encode(),
        "epochs.csv": epochs_csv(comparison).encode(),
        "convergence.png": image(figure, "png"),
        "convergence.svg": image(figure, "svg"),
    }


def _names(methods: Sequence[str] | None, recipe: str | None, losses: Sequence[str]) -> list[str]:
    """Return the methods to compare: those given, else those of the recipe, else the usual ones.

    A method whose name says no loss is there once more for each of the losses.
    """
    if methods is not None or recipe is None:
        names = word_list(METHODS if methods is None else methods)
    else:
        names = ["random", f"random+{RECIPES[recipe][1]}"]
    if recipe is not None and "+".join(RECIPES[recipe]) not in names:
        names.append("+".join(RECIPES[recipe]))
    plain = [name for name in names if split_loss(name)[1] is None]
    # A loss at a time: the first Random is the baseline, and each other loss begins with its own.
    more = [f"{name}+{loss}" for loss in losses for name in plain]
    return names + [name for name in more if name not in names]
