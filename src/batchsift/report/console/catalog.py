"""The named data sets for a terminal: a table of them, and the progress of their downloads."""

from collections.abc import Sequence
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from batchsift.data import catalog
from batchsift.report.console.terminal import Terminal


def catalog_table(entries: Sequence[catalog.Entry]) -> Table:
    """Return a table with a row for each data set."""
    table = Table("Name", box=None, pad_edge=False)
    for header in ("Samples", "Features", "Labels", "Card."):
        table.add_column(header, justify="right", no_wrap=True)
    for header in ("Domain", "Licence", "Source", "Check", "Split", "Cached"):
        table.add_column(header, overflow="fold")
    for entry in entries:
        table.add_row(
            entry.name + ("*" if entry.protocol else ""),
            str(entry.samples),
            str(entry.features),
            str(entry.labels),
            "" if entry.cardinality is None else f"{entry.cardinality:.3f}",
            entry.domain,
            entry.licence,
            entry.source,
            "published" if entry.has_checksums else "recorded",
            "yes" if entry.has_published_split else "",
            "yes" if catalog.is_cached(entry) else "",
        )
    return table


class DownloadProgress:
    """A progress bar on stderr for each file that is downloaded, and notices above them."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Terminal(on_stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def advance(self, name: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes of a file are there."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)

    def notice(self, line: str) -> None:
        """Write a line above the bars."""
        self._bars.console.print(line, soft_wrap=True, markup=False)
