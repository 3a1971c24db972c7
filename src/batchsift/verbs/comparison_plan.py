"""What a comparison will do: checked without the data, then made ready with them, then run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsift.files import claim, folder_of, json_text
from batchsift.training.loggers.opening import check_logs
from batchsift.training.presets import RECIPES
from batchsift.training.settings import split_loss
from batchsift.verbs.choices import TrainingChoices
from batchsift.verbs.searching import note, searched
from batchsift.verbs.words import check_loss, check_method_and_loss, check_recipe, word_list

if TYPE_CHECKING:
    from rich.console import Console

    from batchsift.data import ImageData, MultiLabelData
    from batchsift.studies.comparison import Comparison
    from batchsift.studies.store import Store
    from batchsift.training.found import Found
    from batchsift.training.prepare import Prepared

METHODS = "random,label_balanced,hard,uncertainty,d2ace,balanced_pass"


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """What is to be compared, all of it checked that can be without the data. Made by `of`."""

    choices: TrainingChoices
    methods: Sequence[str]
    fields: Mapping[str, Any]
    metrics: Sequence[str] | None
    repeat: bool
    budget: bool
    jobs: int
    log: Sequence[str]
    out: Path | None
    command: Sequence[str] = ()

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
        plan = cls(choices=choices, methods=_names(methods, recipe, losses[1:]), budget=recipe is not None, **others)
        choices.check(**plan.fields)
        for name in plan.methods:
            check_method_and_loss(name)
        check_logs(plan.log)
        return plan

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The metrics that were asked for: the usual ones where none were."""
        from batchsift.metrics import METRICS
        from batchsift.studies.config import HEADLINES

        if self.metrics is None:
            return HEADLINES
        return tuple(METRICS) if list(self.metrics) == ["all"] else tuple(self.metrics)

    @property
    def repeats_random(self) -> bool:
        """Whether Random is run a second time: asked for, and there is a first time."""
        return self.repeat and "random" in self.methods

    def prepare(self, load: "Callable[[], MultiLabelData | ImageData]") -> "ReadyComparison":
        """Load the data, check all runs, and claim the folder.

        Raises:
            ValueError: For unknown names, or data that cannot go through the protocol.
            TypeError: For a hyperparameter of another type.
            OSError: Where the data cannot be read or the folder cannot be written.
        """
        from batchsift.studies.comparison_checks import check_losses, check_methods, check_metrics, check_metrics_of
        from batchsift.studies.store import Store
        from batchsift.training.label_rule import warn_of_dropped_labels
        from batchsift.training.options import check_hyperparameters, check_model_settings, try_model
        from batchsift.training.prepare import prepare

        model = self.choices.model
        check_methods(self.methods)
        check_metrics(self.metric_keys)
        check_hyperparameters(model, self.choices.hyperparameters)
        data = self.choices.fitted(load(), **self.fields)
        settings, hyperparameters = self.choices.chosen(data, **self.fields)
        check_model_settings(model, settings)
        check_losses(model, self.methods, settings)
        check_metrics_of(data, self.metric_keys)
        prepared = prepare(data, settings, seed=self.choices.seed)
        warn_of_dropped_labels(data, prepared.removed_labels, settings.min_positives)
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
        from batchsift.studies.comparison_checks import loss_of
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
        from batchsift.data import ImageData
        from batchsift.report.console.progress import ComparisonProgress
        from batchsift.studies.comparison import compare as run_comparison
        from batchsift.studies.logs import log_cell

        plan, folds = self.plan, len(self.prepared.splits)
        num_runs = folds * (len(plan.methods) + plan.repeats_random)
        epochs = found.with_epochs(self.prepared.settings).epochs
        bar = None
        if console is not None:
            first = self.prepared.splits[0]
            of_pictures = isinstance(self.prepared.data, ImageData)
            pictures = (len(first.train) + len(first.validation)) * of_pictures
            bar = ComparisonProgress(console, num_runs=num_runs, epochs=epochs, num_folds=folds, pictures=pictures)

        def on_start(kept: int, outdated: int) -> None:
            if bar is not None and console is not None:
                bar.on_start(kept)
                if kept:
                    words = (
                        f"{kept} of {num_runs} runs are taken from {self.store.folder}, where they were finished before"
                    )
                    console.out(words, highlight=False)
            if outdated:
                words = "1 run there was" if outdated == 1 else f"{outdated} runs there were"
                note(f"{words} computed with other versions and {'is' if outdated == 1 else 'are'} run again", console)

        with bar or nullcontext():
            return run_comparison(
                self.prepared,
                model=plan.choices.model,
                methods=plan.methods,
                hyperparameters=self.hyperparameters,
                settings=plan.choices.settings,
                found=found,
                repeat_random=plan.repeats_random,
                metrics=plan.metric_keys,
                budget=plan.budget,
                command=plan.command,
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
