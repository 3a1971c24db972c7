"""`batchsift compare`: several methods on one data set."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from batchsift import models
from batchsift.cli.endings import USER_MISTAKE, mistakes_explained, plain_endings, stop
from batchsift.cli.source import Data, Delimiter, Drop, LabelColumn, LabelColumns, Labels, loaded
from batchsift.experiments import Comparison, DivergedError, Prepared, Settings, compare, prepare
from batchsift.experiments.comparison import check_methods
from batchsift.experiments.document import document, epochs_csv, to_json
from batchsift.experiments.store import claim, write
from batchsift.report.plots import convergence, image
from batchsift.report.progress import ComparisonProgress
from batchsift.report.tables import comparison_report


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
    epochs: Annotated[int, typer.Option(help="Epochs of each run.")] = Settings.epochs,
    seed: Annotated[int, typer.Option(help="Decides splits, initial weights and selection.")] = 0,
    learning_rate: Annotated[float, typer.Option(help="Adam's.")] = Settings.learning_rate,
    batch_size: Annotated[int, typer.Option(help="Samples in a batch.")] = Settings.batch_size,
    min_positives: Annotated[
        int, typer.Option(help="Drop labels with this many positives or fewer.")
    ] = Settings.min_positives,
    top_features: Annotated[
        float | None,
        typer.Option(help="Keep this share of the features: those with the largest sums in a training part."),
    ] = Settings.top_features,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = Settings.device,
    threads: Annotated[int, typer.Option(help="Of torch on the CPU.")] = Settings.threads,
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data>-<model> by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Compare methods on one data set: progress, tables, a plot."""
    names = [name.strip() for name in methods.split(",")]
    with plain_endings():
        with mistakes_explained():
            settings = Settings(
                epochs=epochs,
                learning_rate=learning_rate,
                batch_size=batch_size,
                threads=threads,
                num_folds=folds,
                min_positives=min_positives,
                top_features=top_features,
                device=device,
            )
            check_methods(names)
            source = loaded(
                data,
                labels=labels,
                label_columns=label_columns,
                label_column=label_column,
                delimiter=delimiter,
                drop=drop,
            )
            prepared = prepare(source, settings, seed=seed)
            models.build(model, prepared.data.num_features, prepared.data.num_labels)
            folder = out or _default_folder(prepared.data.name, model)
            claim(folder)
        _report(_computed(prepared, model, names), folder, as_json=as_json)


def _default_folder(data: str, model: str) -> Path:
    return Path("results") / re.sub(r"[^\w.-]+", "-", f"{data}-{model}")


def _computed(prepared: Prepared, model: str, methods: Sequence[str]) -> Comparison:

    folds, epochs = len(prepared.splits), prepared.settings.epochs
    progress = ComparisonProgress(Console(stderr=True), num_runs=folds * len(methods), epochs=epochs, num_folds=folds)
    with progress:
        try:
            return compare(prepared, model=model, methods=methods, on_epoch=progress.on_epoch, on_run=progress.on_run)
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
