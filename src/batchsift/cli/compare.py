"""`batchsift compare`: several methods on one data set."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchsift.cli.endings import (
    USER_MISTAKE,
    complain,
    deaths_explained,
    mistakes_explained,
    plain_endings,
    show_json,
    show_paths,
    stop,
)
from batchsift.cli.options import AsJson, Data, Jobs, ReadingOptions, TrainingOptions, number_of_processes, takes_groups
from batchsift.cli.searching import searched
from batchsift.cli.words import check_loss, check_method_and_loss, check_recipe, split_words
from batchsift.files import claim, folder_of, json_text, write
from batchsift.training.presets import RECIPES
from batchsift.training.settings import Settings, split_loss

if TYPE_CHECKING:
    from batchsift.studies.comparison import Comparison
    from batchsift.studies.store import Store
    from batchsift.training.prepare import Prepared

METHODS = "random,label_balanced,hard,uncertainty,d2ace,balanced_pass"
_INTERRUPTED = "interrupted; every finished run is kept, and the same command goes on with the others"


@takes_groups
def compare(
    *,
    data: Data,
    reading: ReadingOptions,
    training: TrainingOptions,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Separated by commas; METHOD+LOSS for a method with a loss of its own, such as random+pos_weight. "
            f"{METHODS} unless --recipe says otherwise.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="'short': for few epochs, balanced_pass+pos_weight beside random and random+pos_weight.",
            show_default=False,
        ),
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(
            help="Losses by label, separated by commas: every method is trained with each; the first is that of the "
            "plain names.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation; all are run.")] = Settings.num_folds,
    min_positives: Annotated[
        int, typer.Option(help="Drop labels with this many positives or fewer.")
    ] = Settings.min_positives,
    top_features: Annotated[
        float | None,
        typer.Option(help="Keep this share of the features: those with the largest sums in a training part."),
    ] = Settings.top_features,
    jobs: Jobs = 1,
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data>-<model> by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare methods on one data set: progress, tables, a plot. What a killed run finished is not run again."""
    fields = {"num_folds": folds, "min_positives": min_positives, "top_features": top_features}
    with mistakes_explained():
        training, others = _by_losses(training, losses)
        training.check(**fields)
        if recipe is not None:
            check_recipe(recipe)
        names = _names(methods, recipe, others)
        for name in names:
            check_method_and_loss(name)
        processes = number_of_processes(jobs)
    from batchsift.studies.comparison import check_losses, check_methods
    from batchsift.studies.store import Store
    from batchsift.training.options import check_hyperparameters, check_model_settings, try_model
    from batchsift.training.prepare import prepare

    with plain_endings(_INTERRUPTED):
        with mistakes_explained():
            check_methods(names)
            check_hyperparameters(training.model, training.own_hyperparameters())
            source = reading.load(data)
            settings, hyperparameters = training.chosen(source.name, **fields)
            check_model_settings(training.model, settings)
            check_losses(training.model, names, settings)
            prepared = prepare(source, settings, seed=training.seed)
            try_model(training.model, prepared.data, hyperparameters)
            store = Store(out or folder_of("results", f"{prepared.data.name}-{training.model}"))
            claim(store.folder)
        comparison = _computed(
            prepared, training, methods=names, hyperparameters=hyperparameters, store=store, jobs=processes
        )
        _report(comparison, store.folder, as_json=as_json)


def _by_losses(training: TrainingOptions, losses: str | None) -> tuple[TrainingOptions, list[str]]:
    """Return the options with the first of --losses as their loss, and the other losses.

    Raises:
        ValueError: A loss is unknown or comes twice, or --loss is given too.
    """
    if losses is None:
        return training, []
    first, *others = split_words(losses)
    if training.loss is not None:
        raise ValueError(f"--loss {training.loss} came with --losses {losses}: leave out --loss")
    for loss in (first, *others):
        check_loss(loss)
        if [first, *others].count(loss) > 1:
            raise ValueError(f"--losses {losses}: {loss} comes twice")
    return replace(training, loss=first), others


def _names(methods: str | None, recipe: str | None, losses: Sequence[str]) -> list[str]:
    """Return the methods to compare: those given, else those of the recipe, else the usual ones.

    A method whose name says no loss is there once more for each of the losses.
    """
    if methods is not None or recipe is None:
        names = split_words(METHODS if methods is None else methods)
    else:
        names = ["random", f"random+{RECIPES[recipe][1]}"]
    if recipe is not None and "+".join(RECIPES[recipe]) not in names:
        names.append("+".join(RECIPES[recipe]))
    plain = [name for name in names if split_loss(name)[1] is None]
    # A loss at a time: the first Random is the baseline, and each other loss begins with its own.
    more = [f"{name}+{loss}" for loss in losses for name in plain]
    return names + [name for name in more if name not in names]


def _computed(
    prepared: "Prepared",
    training: TrainingOptions,
    *,
    methods: Sequence[str],
    hyperparameters: Mapping[str, Any],
    store: "Store",
    jobs: int,
) -> "Comparison":
    from rich.console import Console

    from batchsift.report.console.progress import ComparisonProgress
    from batchsift.studies.comparison import compare as run_comparison
    from batchsift.studies.comparison import loss_of
    from batchsift.training.finding import find_settings
    from batchsift.training.loop import DivergedError

    console, folds = Console(stderr=True), len(prepared.splits)
    num_runs = folds * len(methods)

    def on_start(kept: int, outdated: int) -> None:
        progress.on_start(kept)
        if kept:
            complain(f"{kept} of {num_runs} runs are taken from {store.folder}, where they were finished before")
        if outdated:
            complain(f"note: {outdated} runs there were computed with other versions and are run again")

    with ExitStack() as stack:
        with mistakes_explained():
            stack.enter_context(store.locked())
        stack.enter_context(deaths_explained())
        try:
            losses = list(dict.fromkeys(loss_of(name, prepared.settings) for name in methods))
            found = searched(
                training.search,
                console,
                partial(
                    find_settings,
                    prepared,
                    model=training.model,
                    losses=losses,
                    hyperparameters=hyperparameters,
                    folder=store.folder,
                ),
            )
            epochs = found.with_epochs(prepared.settings).epochs
            progress = ComparisonProgress(console, num_runs=num_runs, epochs=epochs, num_folds=folds)
            stack.enter_context(progress)
            return run_comparison(
                prepared,
                model=training.model,
                methods=methods,
                hyperparameters=hyperparameters,
                settings=training.settings,
                found=found,
                store=store,
                jobs=jobs,
                on_start=on_start,
                on_epoch=progress.on_epoch,
                on_run=progress.on_run,
            )
        except DivergedError as error:
            stop(str(error), USER_MISTAKE)


def _report(comparison: "Comparison", folder: Path, *, as_json: bool) -> None:
    """Write the files, then show tables or the document: the latter also where files cannot be written any more."""
    from rich.console import Console

    from batchsift.report.console.plots import convergence, image
    from batchsift.report.console.tables import comparison_report
    from batchsift.studies.document import document, epochs_csv

    figure = convergence(comparison)
    files = {
        "results.json": json_text(document(comparison, histories=True)).encode(),
        "epochs.csv": epochs_csv(comparison).encode(),
        "convergence.png": image(figure, "png"),
        "convergence.svg": image(figure, "svg"),
    }
    console = Console(highlight=False)
    try:
        with mistakes_explained():
            written = write(folder, files)
    finally:
        if as_json:
            show_json(document(comparison))
        else:
            console.print(comparison_report(comparison, console.width))
    show_paths(written, as_json=as_json)
