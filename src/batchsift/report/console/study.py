"""A study for a terminal: how far it is, and its progress while it runs."""

from collections.abc import Sequence
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from batchsift.messages import count_nouns
from batchsift.report.console.progress import format_duration
from batchsift.studies.config import CellConfig
from batchsift.studies.progress import Forecast, StudyProgress
from batchsift.studies.record import CellRecord
from batchsift.training.recording import EpochRecord

FAILURES_SHOWN = 10


def forecast(now: StudyProgress) -> Forecast:
    """Return how long cells will take, judged by those that are done."""
    return Forecast((outcome.config, outcome.seconds) for outcome in now.done)


def show_progress(console: Console, now: StudyProgress, folder: str) -> None:
    """Print how far a study is: a table, the time it took and needs, what failed, and what else the folder holds."""
    console.print(progress_table(now))
    num_cells = len(now.done) + len(now.failed) + len(now.left)
    seconds_left = forecast(now).seconds(now.left)
    console.out(
        f"{folder}: {count_nouns(num_cells, 'cell')}: {len(now.done)} done "
        f"({format_duration(sum(outcome.seconds for outcome in now.done))} of computing), {len(now.failed)} failed, "
        f"{len(now.left)} left{f' (about {format_duration(seconds_left)} in one process)' if seconds_left else ''}"
    )
    for outcome in now.failed[:FAILURES_SHOWN]:
        console.out(f"failed: {outcome.config}: {outcome.error} (traceback: {folder}/cells/{outcome.config.key}.json)")
    if len(now.failed) > FAILURES_SHOWN:
        console.out(f"... and {len(now.failed) - FAILURES_SHOWN} more")
    if now.failed:
        console.out("--retry-failed runs them again")
    if now.unrelated:
        console.out(f"{count_nouns(now.unrelated, 'cell')} in the folder that this study does not ask for, left alone")
    if now.outdated:
        console.out(f"{count_nouns(len(now.outdated), 'cell')} computed with other versions than those here")


def progress_table(now: StudyProgress) -> Table:
    """Return how many cells are done, failed and left: a row for each data set and model."""
    counts: dict[tuple[str, str], list[int]] = {}
    of_kind = ([outcome.config for outcome in now.done], [outcome.config for outcome in now.failed], now.left)
    for kind, configs in enumerate(of_kind):
        for config in configs:
            counts.setdefault((config.data, config.model), [0, 0, 0])[kind] += 1
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("data", "model"):
        table.add_column(header)
    for header in ("done", "failed", "left"):
        table.add_column(header, justify="right")
    for (data, model), numbers in counts.items():
        table.add_row(data, model, *map(str, numbers))
    return table


class StudyProgressBar:
    """A bar over the whole grid in a terminal, a line for each cell elsewhere; both with the time left.

    Its methods are what `batchsift.studies.run.StudyCallbacks` calls.

    Args:
        console: The console to show it on.
        jobs: The number of cells that run at a time.
    """

    def __init__(self, console: Console, jobs: int) -> None:
        self._console = console
        self._jobs = jobs
        self._forecast = Forecast()
        self._left: dict[str, CellConfig] = {}
        self._total = self._failed = 0
        self._notes_shown: set[str] = set()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.completed:.0f}/{task.total} cells"),
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, left="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_start(self, before: StudyProgress, todo: Sequence[CellConfig]) -> None:
        """Say what is there already, and show the bar."""
        self._forecast = forecast(before)
        self._left = {config.key: config for config in todo}
        self._failed = len(before.failed) - sum(outcome.config.key in self._left for outcome in before.failed)
        self._total = len(before.done) + self._failed + len(todo)
        if before.done or before.failed or before.unrelated:
            words = [f"{len(before.done)} of {self._total} cells are done already"]
            words += [f"{self._failed} failed (--retry-failed runs them again)"] if self._failed else []
            words += [f"{before.unrelated} of another study are left alone"] if before.unrelated else []
            self._console.out("; ".join(words))
        self._bar.start()
        self._bar.update(self._task, total=self._total, completed=self._total - len(todo), left=self._time_left())

    def on_epoch(self, config: CellConfig, record: EpochRecord) -> None:
        """Say in which epoch the running cell is."""
        done = self._total - len(self._left) + (record.epoch + 1) / (config.training.epochs + 1)
        description = f"{config}, epoch {record.epoch + 1}/{config.training.epochs}"
        self._bar.update(self._task, completed=done, description=description)

    def on_cell(self, cell: CellRecord) -> None:
        """Count a cell that ended, and say how."""
        del self._left[cell.key]
        done = self._total - len(self._left)
        for message in cell.warnings:
            if message not in self._notes_shown:
                self._notes_shown.add(message)
                self._console.out(f"note: {message}")
        if cell.error is None:
            self._forecast.add(cell.config, cell.seconds)
            outcome = f"Macro-AUC {cell.result.metrics['macro_auc']:.4f}, {cell.seconds:.1f} s"
        else:
            self._failed += 1
            message = " ".join(cell.error.message.split())
            outcome = f"FAILED: {cell.error.type}: {message}"
        if cell.error is not None or not self._console.is_terminal:
            left = self._time_left()
            self._console.out(f"cell {done}/{self._total}: {cell.config}: {outcome}{left and '; '}{left}")
        self._bar.update(self._task, completed=done, description=str(cell.config), left=self._time_left())

    def _time_left(self) -> str:
        seconds = self._forecast.seconds(self._left.values(), self._jobs)
        return f"about {format_duration(seconds)} left" if seconds else ""
