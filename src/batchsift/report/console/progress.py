"""Live progress of a comparison: a bar in a terminal, a plain line for each finished run elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from batchsift.messages import count_nouns
from batchsift.training.fold import FoldResult
from batchsift.training.recording import EpochRecord
from batchsift.training.trials import Trial


class ComparisonProgress:
    """A context manager whose `on_epoch` and `on_run` are for `batchsift.studies.comparison.compare`.

    Args:
        console: The console to show it on.
        num_runs: The number of runs: folds times methods.
        epochs: The number of epochs of each run.
        num_folds: The number of folds.
        pictures: How many pictures an epoch reads, for training and validation; 0 where there are none.
    """

    def __init__(self, console: Console, *, num_runs: int, epochs: int, num_folds: int, pictures: int = 0) -> None:
        self._console = console
        self._num_folds = num_folds
        self._num_runs = num_runs
        self._epochs, self._pictures = epochs, pictures
        self.finished_runs = 0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}/{task.total} epochs"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=num_runs * epochs)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_start(self, kept: int) -> None:
        """Count the runs that were there before."""
        self.finished_runs = kept
        self._bar.reset(self._task, completed=kept * self._epochs)

    def on_epoch(self, method: str, fold: int, record: EpochRecord) -> None:
        """Move the bar by an epoch."""
        words = (
            f"fold {fold + 1}/{self._num_folds} {method}, epoch {record.epoch + 1}, "
            f"validation Macro-AUC {record.macro_auc:.4f}"
        )
        self._bar.update(self._task, advance=1, description=words)

    def on_run(self, run: FoldResult) -> None:
        """Print a line on the finished run where there is no bar."""
        self.finished_runs += 1
        if not self._console.is_terminal:
            best = run.epochs[run.best_epoch]
            self._console.out(
                f"run {self.finished_runs}/{self._num_runs}: fold {run.fold + 1}/{self._num_folds} {run.method}: "
                f"validation Macro-AUC {best.macro_auc:.4f} at epoch {best.epoch + 1}, "
                f"{run.total_seconds:.1f} s ({run.selection_seconds:.1f} s selection)"
                + (f", {self._pictures * len(run.epochs) / run.total_seconds:.0f} pictures/s" * bool(self._pictures))
            )


class SearchProgress:
    """A line that says which trial of a search was the last; in a file, a line when a fold begins.

    Args:
        console: The console to show it on.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._trials, self._where = console, 0, ""
        self._line = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._line.add_task("searching the learning rate", total=None)

    def __enter__(self) -> Self:
        self._line.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._line.stop()

    def on_trial(self, where: str, trial: Trial) -> None:
        """Show a trial that has ended."""
        self._trials += 1
        score = "diverged" if trial.diverged else f"{trial.score:.4f}"
        words = (
            f"trial {self._trials}: {where}, learning rate {trial.learning_rate:g}, "
            f"{count_nouns(trial.epochs, 'epoch')}: {score}"
        )
        self._line.update(self._task, description=f"searching, {words}")
        if not self._console.is_terminal and where != self._where:
            self._console.out(f"searching the learning rate, {where}", highlight=False)
        self._where = where


def format_duration(seconds: float) -> str:
    """Write a length of time in words.

    >>> format_duration(5), format_duration(200), format_duration(9000)
    ('5 s', '3 min', '2 h 30 min')
    """
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
