"""`batchsift compare`: several methods on one data set."""

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from batchsift import models
from batchsift.cli.assignments import assigned
from batchsift.cli.endings import USER_MISTAKE, complain, mistakes_explained, plain_endings, stop
from batchsift.cli.processes import Jobs, deaths_explained, number_of
from batchsift.cli.source import Data, Delimiter, Drop, LabelColumn, LabelColumns, Labels, Reading
from batchsift.files import claim, write
from batchsift.report.console.plots import convergence, image
from batchsift.report.console.progress import ComparisonProgress
from batchsift.report.console.tables import comparison_report
from batchsift.studies.comparison import Comparison, check_methods, compare
from batchsift.studies.document import document, epochs_csv, to_json
from batchsift.studies.store import Store
from batchsift.training.loop import DivergedError
from batchsift.training.options import check_hyperparameters, try_model
from batchsift.training.prepare import Prepared, prepare
from batchsift.training.presets import recipe
from batchsift.training.settings import Settings

_INTERRUPTED = "interrupted; every finished run is kept, and the same command goes on with the others"


def _help(what: str, name: str) -> str:
    return f"{what}; {getattr(Settings, name):g} unless the settings say otherwise."


def compare_methods(  # noqa: PLR0917 (typer makes options of them)
    data: Data,
    labels: Labels = None,
    label_columns: LabelColumns = None,
    label_column: LabelColumn = None,
    delimiter: Delimiter = None,
    drop: Drop = None,
    model: Annotated[str, typer.Option(help=f"Base model: {', '.join(models.names())}.")] = "mlp",
    methods: Annotated[str, typer.Option(help="Separated by commas.")] = "random,uncertainty,d2ace",
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation; all are run.")] = Settings.num_folds,
    settings: Annotated[
        str, typer.Option(help="paper, or tuned: found by a search for that model and data set.")
    ] = "paper",
    epochs: Annotated[int | None, typer.Option(help=_help("Epochs of each run", "epochs"))] = None,
    seed: Annotated[int, typer.Option(help="Decides splits, initial weights and selection.")] = 0,
    learning_rate: Annotated[float | None, typer.Option(help=_help("Adam's", "learning_rate"))] = None,
    weight_decay: Annotated[float | None, typer.Option(help=_help("Adam's", "weight_decay"))] = None,
    decay_share: Annotated[
        float | None,
        typer.Option(help=_help("Share of the epochs in which the rate falls to 0", "decay_share")),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help=_help("Samples in a batch", "batch_size"))] = None,
    hyperparameters: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A hyperparameter of the model, such as dropout=0.2; may be repeated."
        ),
    ] = None,
    min_positives: Annotated[
        int, typer.Option(help="Drop labels with this many positives or fewer.")
    ] = Settings.min_positives,
    top_features: Annotated[
        float | None,
        typer.Option(help="Keep this share of the features: those with the largest sums in a training part."),
    ] = Settings.top_features,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = Settings.device,
    threads: Annotated[int, typer.Option(help="Of torch on the CPU.")] = Settings.threads,
    jobs: Jobs = 1,
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data>-<model> by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Compare methods on one data set: progress, tables, a plot. What a killed run finished is not run again."""
    names = [name.strip() for name in methods.split(",")]
    fields = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "decay_share": decay_share,
        "batch_size": batch_size,
        "threads": threads,
        "num_folds": folds,
        "min_positives": min_positives,
        "top_features": top_features,
        "device": device,
    }
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    with plain_endings(_INTERRUPTED):
        with mistakes_explained():
            Settings(**given)
            check_methods(names)
            chosen = assigned(hyperparameters or [], "--set")
            check_hyperparameters(model, chosen)
            processes = number_of(jobs)
            source = Reading(labels, label_columns, label_column, delimiter, drop).load(data)
            named = recipe(settings, model=model, data=source.name)
            prepared = prepare(source, Settings(**{**named.settings, **given}), seed=seed)
            chosen = {**named.hyperparameters, **chosen}
            try_model(model, prepared.data, chosen)
            store = Store(out or _default_folder(prepared.data.name, model))
            claim(store.folder)
        comparison = _computed(
            prepared, model, names, hyperparameters=chosen, settings=settings, jobs=processes, store=store
        )
        _report(comparison, store.folder, as_json=as_json)


def _default_folder(data: str, model: str) -> Path:
    return Path("results") / re.sub(r"[^\w.-]+", "-", f"{data}-{model}")


def _computed(
    prepared: Prepared,
    model: str,
    methods: Sequence[str],
    *,
    hyperparameters: Mapping[str, Any],
    settings: str,
    jobs: int,
    store: Store,
) -> Comparison:
    folds, epochs = len(prepared.splits), prepared.settings.epochs
    num_runs = folds * len(methods)
    progress = ComparisonProgress(Console(stderr=True), num_runs=num_runs, epochs=epochs, num_folds=folds)

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
        stack.enter_context(progress)
        try:
            return compare(
                prepared,
                model=model,
                methods=methods,
                hyperparameters=hyperparameters,
                settings=settings,
                store=store,
                jobs=jobs,
                on_start=on_start,
                on_epoch=progress.on_epoch,
                on_run=progress.on_run,
            )
        except DivergedError as error:
            stop(str(error), USER_MISTAKE)


def _report(comparison: Comparison, folder: Path, *, as_json: bool) -> None:
    """Files, then tables or the document; the latter also where the files cannot be written any more."""
    figure = convergence(comparison)
    files = {
        "results.json": to_json(document(comparison, histories=True)).encode(),
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
            sys.stdout.write(to_json(document(comparison)) + "\n")
        else:
            console.print(comparison_report(comparison, console.width))
    for path in written:
        (sys.stderr if as_json else sys.stdout).write(f"{path}\n")
