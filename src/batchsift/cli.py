"""The command line: a few verbs, no logic.

A user's mistake ends with one short message on stderr and exit code 2; everything a user can get wrong is
looked at before anything is computed. What fails after that is a bug, and shows where.
"""

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

from batchsift import methods as registered
from batchsift import models
from batchsift.data import load
from batchsift.experiments import Comparison, DivergedError, Prepared, Settings, compare, prepare
from batchsift.experiments.comparison import check_methods
from batchsift.experiments.store import claim, document, epochs_csv, to_json, write

if TYPE_CHECKING:
    import typer

USER_MISTAKE = 2
INTERRUPTED = 130


def main() -> None:
    """The console entry point."""
    missing = [package for package in ("typer", "rich", "matplotlib") if find_spec(package) is None]
    if missing:
        _stop(f'not installed: {", ".join(missing)}; pip install "batchsift[experiments]"', USER_MISTAKE)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show an arrow must not cost anyone a result.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()()


def app() -> "typer.Typer":
    """The verbs and their options."""
    import typer  # noqa: PLC0415 (an extra: `main` says how to get it)

    verbs = typer.Typer(
        help="Batch selection for multi-label training.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @verbs.command("methods")
    def list_methods() -> None:
        """List the batch-selection methods."""
        for name in registered.names():
            typer.echo(name)

    @verbs.command("compare")
    def compare_methods(  # noqa: PLR0917 (typer makes options of them)
        data: Annotated[str, typer.Argument(help="'digits', or the path of an .arff file.")],
        labels: Annotated[int | None, typer.Option(help="How many of the last columns are labels.")] = None,
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
        device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = Settings.device,
        threads: Annotated[int, typer.Option(help="Of torch on the CPU.")] = Settings.threads,
        out: Annotated[Path | None, typer.Option(help="Folder; results/<data>-<model> by default.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    ) -> None:
        """Compare methods on one data set: progress, tables, a plot."""
        names = [name.strip() for name in methods.split(",")]
        with _plain_endings():
            with _mistakes_explained():
                settings = Settings(
                    epochs=epochs,
                    learning_rate=learning_rate,
                    batch_size=batch_size,
                    threads=threads,
                    num_folds=folds,
                    min_positives=min_positives,
                    device=device,
                )
                check_methods(names)
                prepared = prepare(load(data, labels), settings, seed=seed)
                models.build(model, prepared.data.num_features, prepared.data.num_labels)
                folder = out or _default_folder(prepared.data.name, model)
                claim(folder)
            _report(_computed(prepared, model, names), folder, as_json=as_json)

    return verbs


def _default_folder(data: str, model: str) -> Path:
    return Path("results") / re.sub(r"[^\w.-]+", "-", f"{data}-{model}")


def _computed(prepared: Prepared, model: str, methods: Sequence[str]) -> Comparison:
    from rich.console import Console  # noqa: PLC0415 (an extra)

    from batchsift.report.progress import ComparisonProgress  # noqa: PLC0415 (needs an extra)

    folds, epochs = len(prepared.splits), prepared.settings.epochs
    progress = ComparisonProgress(Console(stderr=True), num_runs=folds * len(methods), epochs=epochs, num_folds=folds)
    with progress:
        try:
            return compare(prepared, model=model, methods=methods, on_epoch=progress.on_epoch, on_run=progress.on_run)
        except DivergedError as error:
            _stop(str(error), USER_MISTAKE)


def _report(comparison: Comparison, folder: Path, *, as_json: bool) -> None:
    """Files, then tables or the document; the latter also where the files cannot be written any more."""
    from rich.console import Console  # noqa: PLC0415 (an extra)

    from batchsift.report.plots import convergence, image  # noqa: PLC0415 (needs an extra)
    from batchsift.report.tables import comparison_report  # noqa: PLC0415 (needs an extra)

    figure = convergence(comparison)
    files = {
        "results.json": to_json(document(comparison, histories=True)).encode(),
        "epochs.csv": epochs_csv(comparison).encode(),
        "convergence.png": image(figure, "png"),
        "convergence.svg": image(figure, "svg"),
    }
    console = Console(highlight=False)
    try:
        with _mistakes_explained():
            written = write(folder, files)
    finally:
        if as_json:
            sys.stdout.write(to_json(document(comparison)) + "\n")
        else:
            console.print(comparison_report(comparison, console.width))
    for path in written:
        (sys.stderr if as_json else sys.stdout).write(f"{path}\n")


@contextmanager
def _mistakes_explained() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        _stop(str(error), USER_MISTAKE)


@contextmanager
def _plain_endings() -> Iterator[None]:
    """Warnings as lines a user can read, and no traceback for an interruption."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _complain(f"note: {message}")
        try:
            yield
        except KeyboardInterrupt:
            _stop("interrupted; nothing was written", INTERRUPTED)


def _complain(message: str) -> None:
    sys.stderr.write(" ".join(message.split()) + "\n")


def _stop(message: str, code: int) -> NoReturn:
    _complain(f"batchsift: {message}")
    sys.exit(code)
