"""A training run for a terminal: its progress, and a table of its scores."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from batchsift.image_metrics import ALL_METRICS, IMAGE_METRICS
from batchsift.report.console.progress import format_duration
from batchsift.training.folder import TrainingResult
from batchsift.training.recording import EpochRecord

SHOWN = (
    "macro_auc",
    "macro_auprc",
    "macro_f1",
    "micro_f1",
    "macro_f1_tuned",
    "micro_f1_tuned",
    "ranking_loss",
    "hamming_loss",
    "average_precision",
    *IMAGE_METRICS,
)
SECONDS_BETWEEN_LINES = 10.0


class TrainingProgress(Progress):
    """A bar of the epochs done, with the last validation score and the time left; a line now and then in a file.

    Args:
        console: The console to show it on.
        epochs: The number of epochs of the run.
        pictures: How many pictures an epoch reads, for training and validation; 0 where there are none.
    """

    def __init__(self, console: Console, epochs: int, pictures: int = 0) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}")
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._bar = self.add_task("training", total=epochs, left="")
        self._total, self._ran, self._pictures = epochs, 0, pictures
        self._began = self._last_line = time.monotonic()

    def on_epoch(self, record: EpochRecord) -> None:
        """Move the bar by an epoch; in a file, write a line every ten seconds."""
        now, done = time.monotonic(), record.epoch + 1
        self._ran += 1  # fewer than are done where an earlier run was gone on with
        left = f"about {format_duration((now - self._began) / self._ran * (self._total - done))} left"
        score = f"Macro-AUC {record.validation['macro_auc']:.4f}"
        if self._pictures:
            score += f", {self._pictures * self._ran / (now - self._began):.0f} pictures/s"
        self.update(self._bar, completed=done, description=score, left=left)
        if not self.console.is_terminal and now - self._last_line >= SECONDS_BETWEEN_LINES:
            self.console.out(f"epoch {done} of {self._total}: {score}; {left}", highlight=False)
            self._last_line = now


def training_table(result: TrainingResult) -> Table:
    """Return the scores of the best epoch: on the validation part, and on test data where there were any."""
    table = Table(title=f"best epoch: {result.best_epoch + 1} of {len(result.epochs)}", title_justify="left", box=None)
    table.add_column("")
    table.add_column("validation", justify="right")
    if result.test is not None:
        table.add_column("test", justify="right")
    for key in SHOWN:
        cells = [part.get(key) for part in (result.validation, result.test) if part is not None]
        if all(cell is None for cell in cells):  # tuned thresholds are scored on test data alone
            continue
        table.add_row(ALL_METRICS[key].heading, *(f"{cell:.4f}" if cell is not None else "-" for cell in cells))
    return table
