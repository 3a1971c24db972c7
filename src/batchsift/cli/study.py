"""`batchsift study run` and `batchsift study status`: a grid of runs that survives."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchsift.cli.endings import (
    FAILED,
    USER_MISTAKE,
    complain,
    deaths_explained,
    mistakes_explained,
    plain_endings,
    show_json,
)
from batchsift.cli.options import AsJson, Jobs, Log
from batchsift.files import folder_of
from batchsift.training.loggers.opening import check_logs
from batchsift.verbs.choices import number_of_processes
from batchsift.verbs.words import word_list

if TYPE_CHECKING:
    from batchsift.studies.config import CellConfig
    from batchsift.studies.grid import Study
    from batchsift.studies.progress import StudyProgress
    from batchsift.studies.record import CellRecord
    from batchsift.studies.store import Store

_INTERRUPTED = "interrupted; every finished cell is kept, and the same command goes on with the others"

study = typer.Typer(
    help="Run a grid of cells that survives, and see how far it is.", add_completion=False, rich_markup_mode=None
)

Out = Annotated[Path | None, typer.Option(help="The study's folder; results/<name of the file> by default.")]


@study.command("run")
def run(
    *,
    file: Annotated[Path, typer.Argument(help="The study file (TOML); see docs/studies.md.")],
    out: Out = None,
    jobs: Jobs = 1,
    log: Log = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run again what failed.")] = False,
    mix_versions: Annotated[
        bool, typer.Option("--mix-versions", help="Go on beside cells computed with other versions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is missing of a study. Killed at any moment, the same command goes on."""
    with mistakes_explained():
        processes = number_of_processes(jobs, "--jobs")
        check_logs(logs := word_list(log))
    from batchsift.report.console.study import StudyProgressBar
    from batchsift.report.console.terminal import Terminal
    from batchsift.studies.logs import log_cell
    from batchsift.studies.run import StudyCallbacks, run_study
    from batchsift.studies.store import Store

    with plain_endings(_INTERRUPTED):
        study = _study(file)
        folder = out or _default_folder(file)
        progress = StudyProgressBar(Terminal(on_stderr=True), processes)

        def on_cell(cell: "CellRecord") -> None:
            progress.on_cell(cell)
            log_cell(logs, cell, folder=folder)

        with mistakes_explained(), deaths_explained(), progress:
            after = run_study(
                study,
                Store(folder),
                jobs=processes,
                retry_failed=retry_failed,
                mix_versions=mix_versions,
                command=["batchsift", "study", "run", str(file), "--out", str(folder)],
                callbacks=StudyCallbacks(on_start=progress.on_start, on_cell=on_cell, on_epoch=progress.on_epoch),
            )
        _show(after, folder, as_json=as_json)
    if after.failed:
        sys.exit(FAILED)


@study.command("status")
def status(
    *,
    place: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="A study's folder, or its file.")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Show what of a study is done, failed and left, and the time that needs."""
    from batchsift.studies.progress import study_progress
    from batchsift.studies.store import Store

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
    return folder_of("results", file.stem)


def _study(file: Path) -> "Study":
    from batchsift.studies.file import StudyFileError
    from batchsift.studies.grid import read_study

    with mistakes_explained():
        try:
            return read_study(file)
        except StudyFileError as error:
            for line in str(error).splitlines():
                complain(f"batchsift: {line}")
            sys.exit(USER_MISTAKE)


def _configs(store: "Store") -> "Sequence[CellConfig]":
    from batchsift.studies.store import STUDY

    manifest = store.manifest()
    if manifest is None:
        raise ValueError(f"{store.folder} is no folder of a study: there is no {STUDY}")
    return tuple(manifest.cells.values())


def _show(now: "StudyProgress", folder: Path, *, as_json: bool) -> None:
    from batchsift.report.console.study import show_progress
    from batchsift.report.console.terminal import Terminal

    if as_json:
        show_json(_document(now, folder))
    else:
        show_progress(Terminal(), now, folder)


def _document(now: "StudyProgress", folder: Path) -> dict[str, Any]:
    from batchsift.report.console.study import forecast

    return {
        "folder": str(folder),
        "cells": len(now.done) + len(now.failed) + len(now.left),
        "done": len(now.done),
        "failed": len(now.failed),
        "left": len(now.left),
        "others": now.unrelated,
        "other_versions": len(now.outdated),
        "seconds": sum(outcome.seconds for outcome in now.done),
        "seconds_left": forecast(now).seconds(now.left),
        "failures": [
            {"key": outcome.config.key, "cell": str(outcome.config), "error": outcome.error} for outcome in now.failed
        ],
    }
