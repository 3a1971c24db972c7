"""`batchsift study run` and `batchsift study status`: a grid of runs that survives."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from batchsift.cli.endings import USER_MISTAKE, complain, mistakes_explained, plain_endings
from batchsift.cli.processes import FAILED, Jobs, deaths_explained, number_of
from batchsift.report.console.progress import duration
from batchsift.studies.config import CellConfig
from batchsift.studies.document import to_json
from batchsift.studies.file import StudyFileError
from batchsift.studies.grid import Study, read_study
from batchsift.studies.progress import Forecast, StudyProgress, study_progress
from batchsift.studies.record import CellRecord
from batchsift.studies.run import StudyCallbacks, run_study
from batchsift.studies.store import STUDY, Store
from batchsift.training.recording import EpochRecord

FAILURES_SHOWN = 10
_INTERRUPTED = "interrupted; every finished cell is kept, and the same command goes on with the others"

study = typer.Typer(help="Run a grid of cells that survives, and see how far it is.", rich_markup_mode=None)

Out = Annotated[Path | None, typer.Option(help="The study's folder; results/<name of the file> by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@study.command("run")
def run(  # noqa: PLR0917 (typer makes options of them)
    file: Annotated[Path, typer.Argument(help="The study file (TOML); see docs/studies.md.")],
    out: Out = None,
    jobs: Jobs = 1,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run again what failed.")] = False,
    mix_versions: Annotated[
        bool, typer.Option("--mix-versions", help="Go on beside cells computed with other versions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is missing of a study. Killed at any moment, the same command goes on."""
    with plain_endings(_INTERRUPTED):
        found = _study(file)
        folder = out or _default_folder(file)
        with mistakes_explained(), deaths_explained():
            processes = number_of(jobs)
            with _Progress(Console(stderr=True, highlight=False), processes) as progress:
                after = run_study(
                    found,
                    Store(folder),
                    jobs=processes,
                    retry_failed=retry_failed,
                    mix_versions=mix_versions,
                    command=["batchsift", "study", "run", str(file), "--out", str(folder)],
                    callbacks=StudyCallbacks(
                        on_start=progress.on_start, on_cell=progress.on_cell, on_epoch=progress.on_epoch
                    ),
                )
        _show(after, folder, as_json=as_json)
    if after.failed:
        sys.exit(FAILED)


@study.command("status")
def status(
    place: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="A study's folder, or its file.")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Show what of a study is done, failed and left, and the time that needs."""
    with plain_endings("interrupted"):
        if place.is_dir():
            folder = place
            with mistakes_explained():
                configs = _configs(Store(folder))
        else:
            folder = out or _default_folder(place)
            configs = _study(place).configs
        with mistakes_explained():
            now = study_progress(configs, Store(folder))
        _show(now, folder, as_json=as_json)


def _default_folder(file: Path) -> Path:
    return Path("results") / file.stem


def _study(file: Path) -> Study:
    with mistakes_explained():
        try:
            return read_study(file)
        except StudyFileError as error:
            for line in str(error).splitlines():
                complain(f"batchsift: {line}")
            sys.exit(USER_MISTAKE)


def _configs(store: Store) -> Sequence[CellConfig]:
    manifest = store.manifest()
    if manifest is None:
        raise ValueError(f"{store.folder} is no folder of a study: there is no {STUDY}")
    return tuple(manifest.cells.values())


# --- How far it is ------------------------------------------------------------------------------------------


def _show(now: StudyProgress, folder: Path, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(to_json(_document(now, folder)) + "\n")
        return
    console = Console(highlight=False)
    console.print(_table(now))
    content = _document(now, folder)
    console.out(
        f"{folder}: {content['cells']} cells: {content['done']} done ({duration(content['seconds'])} of computing), "
        f"{content['failed']} failed, {content['left']} left{_when(content['seconds_left'])}"
    )
    for known in now.failed[:FAILURES_SHOWN]:
        console.out(f"failed: {known.config}: {known.error} (traceback: {folder}/cells/{known.config.key}.json)")
    if len(now.failed) > FAILURES_SHOWN:
        console.out(f"... and {len(now.failed) - FAILURES_SHOWN} more")
    if now.failed:
        console.out("--retry-failed runs them again")
    if now.unrelated:
        console.out(f"{now.unrelated} cells in the folder do not belong to this study and are left alone")
    if now.outdated:
        console.out(f"{len(now.outdated)} cells were computed with other versions than those here")


def _document(now: StudyProgress, folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "cells": len(now.done) + len(now.failed) + len(now.left),
        "done": len(now.done),
        "failed": len(now.failed),
        "left": len(now.left),
        "others": now.unrelated,
        "other_versions": len(now.outdated),
        "seconds": sum(known.seconds for known in now.done),
        "seconds_left": _forecast(now).seconds(now.left),
        "failures": [
            {"key": known.config.key, "cell": str(known.config), "error": known.error} for known in now.failed
        ],
    }


def _forecast(now: StudyProgress) -> Forecast:
    return Forecast((known.config, known.seconds) for known in now.done)


def _table(now: StudyProgress) -> Table:
    counts: dict[tuple[str, str], list[int]] = {}
    of_kind = ([known.config for known in now.done], [known.config for known in now.failed], now.left)
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


def _when(seconds: float | None) -> str:
    return f" (about {duration(seconds)} in one process)" if seconds else ""


# --- Progress -----------------------------------------------------------------------------------------------


class _Progress:
    """A bar over the whole grid in a terminal, a line for each cell elsewhere; both with the time left."""

    def __init__(self, console: Console, jobs: int) -> None:
        self._console = console
        self._jobs = jobs
        self._forecast = Forecast()
        self._left: dict[str, CellConfig] = {}
        self._total = self._failed = 0
        self._said: set[str] = set()
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

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_start(self, before: StudyProgress, todo: Sequence[CellConfig]) -> None:
        """Says what stands, and begins."""
        self._forecast = _forecast(before)
        self._left = {config.key: config for config in todo}
        self._failed = len(before.failed) - sum(known.config.key in self._left for known in before.failed)
        self._total = len(before.done) + self._failed + len(todo)
        if before.done or before.failed or before.unrelated:
            words = [f"{len(before.done)} of {self._total} cells are done already"]
            words += [f"{self._failed} failed (--retry-failed runs them again)"] if self._failed else []
            words += [f"{before.unrelated} of another study are left alone"] if before.unrelated else []
            self._console.out("; ".join(words))
        self._bar.start()
        self._bar.update(self._task, total=self._total, completed=self._total - len(todo), left=self._time_left())

    def on_epoch(self, config: CellConfig, record: EpochRecord) -> None:
        """Says where the cell that runs is."""
        done = self._total - len(self._left) + (record.epoch + 1) / (config.training.epochs + 1)
        description = f"{config}, epoch {record.epoch + 1}/{config.training.epochs}"
        self._bar.update(self._task, completed=done, description=description)

    def on_cell(self, cell: CellRecord) -> None:
        """Counts it, and says how it ended."""
        del self._left[cell.key]
        done = self._total - len(self._left)
        for message in cell.warnings:
            if message not in self._said:
                self._said.add(message)
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
        return f"about {duration(seconds)} left" if seconds else ""
