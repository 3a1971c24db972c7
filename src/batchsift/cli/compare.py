"""`batchsift compare`: several methods on one data set."""

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsift.cli.endings import (
    USER_MISTAKE,
    deaths_explained,
    mistakes_explained,
    plain_endings,
    show_json,
    show_paths,
    stop,
)
from batchsift.cli.options import AsJson, Data, Jobs, Log, TrainingOptions, takes_groups
from batchsift.cli.pictures import PictureOptions
from batchsift.cli.reading import ReadingOptions, as_options
from batchsift.files import write
from batchsift.training.settings import Settings
from batchsift.verbs.choices import number_of_processes
from batchsift.verbs.comparison_plan import METHODS, ComparisonPlan, ReadyComparison, comparison_files
from batchsift.verbs.words import split_words, word_list

if TYPE_CHECKING:
    from batchsift.studies.comparison import Comparison

_INTERRUPTED = "interrupted; every finished run is kept, and the same command goes on with the others"


@takes_groups
def compare(
    *,
    data: Data,
    reading: ReadingOptions,
    training: TrainingOptions,
    pictures: PictureOptions,
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
    top_features: Annotated[
        float | None,
        typer.Option(help="Keep this share of the features: those with the largest sums in a training part."),
    ] = Settings.top_features,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Metrics that the verdict looks at and the table shows, separated by commas; 'all' shows all. Unless "
            "given: macro_auc,macro_auprc,macro_f1_tuned,ranking_loss.",
            show_default=False,
        ),
    ] = None,
    repeat: Annotated[bool, typer.Option(help="Run random a second time with other draws: what chance does.")] = True,
    jobs: Jobs = 1,
    log: Log = "",
    out: Annotated[Path | None, typer.Option(help="Folder; results/<data>-<model> by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare methods on one data set: progress, tables, a plot. What a killed run finished is not run again."""
    with mistakes_explained():
        plan = ComparisonPlan.of(
            training.choices(pictures.settings()),
            methods=None if methods is None else split_words(methods),
            recipe=recipe,
            losses=word_list(losses or ""),
            fields={"num_folds": folds, "top_features": top_features},
            metrics=None if metrics is None else split_words(metrics),
            repeat=repeat,
            jobs=number_of_processes(jobs, "--jobs"),
            log=word_list(log),
            out=out,
            command=("batchsift", *sys.argv[1:]),
        )
    import batchsift.studies.comparison  # noqa: F401 (imports torch: an interruption meanwhile ends the process itself)

    with plain_endings(_INTERRUPTED):
        with mistakes_explained():
            ready = plan.prepare(partial(reading.load, data))
        _report(_computed(ready), ready.store.folder, as_json=as_json)


def _computed(ready: ReadyComparison) -> "Comparison":
    from batchsift.data.images import PictureError
    from batchsift.report.console.terminal import Terminal
    from batchsift.training.loggers.opening import LogError
    from batchsift.training.loop import DivergedError

    console = Terminal(on_stderr=True)
    with ExitStack() as stack:
        with mistakes_explained():
            stack.enter_context(ready.store.locked())
        stack.enter_context(deaths_explained())
        try:
            with mistakes_explained():
                found = ready.find(console)
            return ready.run(found, console)
        except (DivergedError, LogError, OSError, PictureError) as error:
            stop(as_options(str(error)), USER_MISTAKE)


def _report(comparison: "Comparison", folder: Path, *, as_json: bool) -> None:
    """Write the files, then show tables or the document: the latter also where files cannot be written any more."""
    from batchsift.report.console.tables import comparison_report
    from batchsift.report.console.terminal import Terminal
    from batchsift.studies.document import document

    files = comparison_files(comparison)
    console = Terminal()
    try:
        with mistakes_explained():
            written = write(folder, files)
    finally:
        if as_json:
            show_json(document(comparison))
        else:
            console.print(comparison_report(comparison, console.width))
    show_paths(written, as_json=as_json)
