"""`batchsift train`: one training run for use."""

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from batchsift import methods as registered
from batchsift import models
from batchsift.cli.assignments import assigned
from batchsift.cli.endings import USER_MISTAKE, complain, mistakes_explained, plain_endings, stop
from batchsift.cli.source import Data, Delimiter, Drop, LabelColumn, LabelColumns, Labels, Reading
from batchsift.metrics import METRICS
from batchsift.report.console.progress import duration
from batchsift.training.fit import fit
from batchsift.training.folder import MODEL, TrainingResult
from batchsift.training.loop import DivergedError
from batchsift.training.options import check_hyperparameters, create_method
from batchsift.training.presets import recipe
from batchsift.training.recording import EpochRecord
from batchsift.training.settings import Settings
from batchsift.training.tensorboard import EpochLog

SHOWN = ("macro_auc", "macro_f1", "micro_f1", "ranking_loss", "hamming_loss", "average_precision")
SECONDS_BETWEEN_LINES = 10.0


def train_model(  # noqa: PLR0917 (typer makes options of them)
    data: Data,
    labels: Labels = None,
    label_columns: LabelColumns = None,
    label_column: LabelColumn = None,
    delimiter: Delimiter = None,
    drop: Drop = None,
    model: Annotated[str, typer.Option(help=f"Base model: {', '.join(models.names())}.")] = "mlp",
    method: Annotated[str, typer.Option(help=f"Of batch selection: {', '.join(registered.names())}.")] = "d2ace",
    settings: Annotated[
        str, typer.Option(help="'paper', or 'tuned' where a search was made for this model and data set.")
    ] = "paper",
    epochs: Annotated[int | None, typer.Option(help="Instead of those of --settings.", show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's, likewise.", show_default=False)] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Adam's, likewise.", show_default=False)] = None,
    decay_share: Annotated[
        float | None,
        typer.Option(help="Share of the epochs in which the rate falls to 0, likewise.", show_default=False),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a batch, likewise.", show_default=False)] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter of the model. Repeat for more."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of the method. Repeat for more.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Another file of the same kind, to be scored at the end.", show_default=False)
    ] = None,
    validation_share: Annotated[float, typer.Option(help="Of the samples, to choose the epoch by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides the validation part, initial weights and selection.")] = 0,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, ...")] = Settings.device,
    threads: Annotated[int, typer.Option(help="Of torch on the CPU.")] = Settings.threads,
    checkpoint_seconds: Annotated[float, typer.Option(help="Between checkpoints, at least.")] = 30.0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write event files into the folder.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder; runs/<data>-<model>-<method> by default.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Train one model for use; the same command goes on where a killed one stopped."""
    with plain_endings("interrupted; the same command goes on from the last checkpoint"):
        with mistakes_explained():
            reading = Reading(labels, label_columns, label_column, delimiter, drop)
            source = reading.load(data)
            tested = None if test is None else reading.load(test)
            chosen = recipe(settings, model=model, data=source.name)
            given = {
                "epochs": epochs,
                "learning_rate": learning_rate,
                "weight_decay": weight_decay,
                "decay_share": decay_share,
                "batch_size": batch_size,
            }
            shared = Settings(validation_share=validation_share, device=device, threads=threads)
            own = {name: value for name, value in given.items() if value is not None}
            training = replace(shared, **{**chosen.settings, **own})
            folder = out or Path("runs") / re.sub(r"[^\w.-]+", "-", f"{source.name}-{model}-{method}")
            arguments: dict[str, Any] = {
                "model": model,
                "method": method,
                "settings": training,
                "hyperparameters": {**chosen.hyperparameters, **assigned(set_ or [], "--set")},
                "method_options": assigned(option or [], "--option"),
                "seed": seed,
                "test": tested,
                "checkpoint_seconds": checkpoint_seconds,
            }
            check_hyperparameters(model, arguments["hyperparameters"])
            create_method(method, arguments["method_options"])
            log = EpochLog(folder / "tensorboard") if tensorboard else None
            with _Bar(training.epochs) as bar:
                result = _fitted(source, folder, arguments, bar, log)
        if as_json:
            sys.stdout.write((folder / "training.json").read_text(encoding="utf-8") + "\n")
        else:
            Console(highlight=False).print(_table(result))
        lines = [f"{folder / MODEL}: batchsift predict {folder} FILE"]
        if result.resumed_from == training.epochs:
            lines.insert(0, f"{folder} held this run, finished; nothing was computed")
        elif result.resumed_from:
            lines.insert(0, f"went on after epoch {result.resumed_from}, where an earlier run was stopped")
        (sys.stderr if as_json else sys.stdout).write("\n".join(lines) + "\n")


def _fitted(source: Any, folder: Path, arguments: dict[str, Any], bar: "_Bar", log: EpochLog | None) -> TrainingResult:
    def on_epoch(record: EpochRecord) -> None:
        bar.on_epoch(record)
        if log is not None:
            log.write(record.epoch, {"loss": record.loss, "learning_rate": record.learning_rate})
            log.write(record.epoch, {f"validation/{key}": value for key, value in record.validation.items()})
            log.write(record.epoch, {f"selection/{key}": value for key, value in record.summary.items()})

    try:
        return fit(source, folder, **arguments, on_epoch=on_epoch)
    except DivergedError as error:
        stop(str(error), USER_MISTAKE)
    finally:
        if log is not None:
            log.close()


class _Bar(Progress):
    """Epochs done, the last validation score, time left; on stderr."""

    def __init__(self, epochs: int) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}")
        console = Console(stderr=True)
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.epochs = self.add_task("training", total=epochs, left="")
        self._total, self._ran = epochs, 0
        self._began = self._said = time.monotonic()

    def on_epoch(self, record: EpochRecord) -> None:
        """One more; in a file, a line every ten seconds."""
        now, done = time.monotonic(), record.epoch + 1
        self._ran += 1  # fewer than are done where an earlier run was gone on with
        left = f"about {duration((now - self._began) / self._ran * (self._total - done))} left"
        score = f"Macro-AUC {record.validation['macro_auc']:.4f}"
        self.update(self.epochs, completed=done, description=score, left=left)
        if not self.console.is_terminal and now - self._said >= SECONDS_BETWEEN_LINES:
            complain(f"epoch {done} of {self._total}: {score}; {left}")
            self._said = now


def _table(result: TrainingResult) -> Table:
    table = Table(title=f"best epoch: {result.best_epoch + 1} of {len(result.epochs)}", title_justify="left", box=None)
    table.add_column("")
    table.add_column("validation", justify="right")
    if result.test is not None:
        table.add_column("test", justify="right")
    for key in SHOWN:
        cells = [part[key] for part in (result.validation, result.test) if part is not None]
        arrow = "↑" if METRICS[key].higher_is_better else "↓"
        table.add_row(f"{METRICS[key].name} {arrow}", *(f"{cell:.4f}" if cell is not None else "-" for cell in cells))
    return table
