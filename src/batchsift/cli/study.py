"""`batchsift study run` and `batchsift study status`: a grid of runs that survives."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
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
from batchsift.cli.options import AsJson, Log
from batchsift.files import folder_of
from batchsift.training.loggers.opening import check_logs
from batchsift.verbs.engines import EngineChoice
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

Out = Annotated[
    str | None,
    typer.Option(
        help="The study's folder, or an address such as s3://bucket/study; results/<name of the file> by default.",
        show_default=False,
    ),
]


@study.command("run")
def run(
    *,
    file: Annotated[Path, typer.Argument(help="The study file (TOML); see docs/studies.md.")],
    out: Out = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Processes; -1: one a core. 1 unless given; on a cluster as many as there is room for.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="'joblib': processes of this machine; 'ray': tasks of Ray, here or on a cluster."),
    ] = "joblib",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of a Ray cluster that runs already: auto, HOST:PORT or ray://HOST:PORT.", show_default=False
        ),
    ] = None,
    log: Log = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run again what failed.")] = False,
    mix_versions: Annotated[
        bool, typer.Option("--mix-versions", help="Go on beside cells computed with other versions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is missing of a study. Killed at any moment, the same command goes on."""
    with mistakes_explained():
        chosen = EngineChoice.of(engine, address=address, jobs=jobs)
        check_logs(logs := word_list(log))
    from batchsift.report.console.study import StudyProgressBar
    from batchsift.report.console.terminal import Terminal
    from batchsift.studies.logs import log_cell
    from batchsift.studies.run import StudyCallbacks, run_study
    from batchsift.studies.store import Store

    with plain_endings(_INTERRUPTED), ExitStack() as ending:
        study = _study(file, check_devices=address is None)
        place = out or _default_place(file)
        with mistakes_explained():
            store = Store(place)
            folder = store.folder if logs else None
            runner, cells_at_a_time = ending.enter_context(chosen.started(mix_versions=mix_versions))
        progress = StudyProgressBar(Terminal(on_stderr=True), cells_at_a_time)

        def on_cell(cell: "CellRecord") -> None:
            progress.on_cell(cell)
            if folder is not None:
                log_cell(logs, cell, folder=folder)

        with mistakes_explained(), deaths_explained(), progress:
            after = run_study(
                study,
                store,
                jobs=cells_at_a_time,
                engine=runner,
                retry_failed=retry_failed,
                mix_versions=mix_versions,
                command=["batchsift", "study", "run", str(file), "--out", place],
                callbacks=StudyCallbacks(on_start=progress.on_start, on_cell=on_cell, on_epoch=progress.on_epoch),
            )
        _show(after, place, as_json=as_json)
    if after.failed:
        sys.exit(FAILED)


@study.command("status")
def status(
    *,
    place: Annotated[str, typer.Argument(metavar="DIR|FILE", help="A study's folder or address, or its file.")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Show what of a study is done, failed and left, and the time that needs."""
    from batchsift.studies.progress import study_progress
    from batchsift.studies.store import Store, is_address

    with plain_endings("interrupted"):
        if is_address(place) or Path(place).is_dir():
            out = place
            with mistakes_explained():
                configs = _configs(Store(out))
        else:
            out = out or _default_place(Path(place))
            configs = _study(Path(place), check_devices=False).configs
        with mistakes_explained():
            now = study_progress(configs, Store(out))
        _show(now, out, as_json=as_json)


def _default_place(file: Path) -> str:
    return str(folder_of("results", file.stem))


def _study(file: Path, *, check_devices: bool) -> "Study":
    from batchsift.studies.file import StudyFileError
    from batchsift.studies.grid import read_study

    with mistakes_explained():
        try:
            return read_study(file, check_devices=check_devices)
        except StudyFileError as error:
            for line in str(error).splitlines():
                complain(f"batchsift: {line}")
            sys.exit(USER_MISTAKE)


def _configs(store: "Store") -> "Sequence[CellConfig]":
    from batchsift.studies.store import STUDY

    manifest = store.manifest()
    if manifest is None:
        raise ValueError(f"{store.place} is no folder of a study: there is no {STUDY}")
    return tuple(manifest.cells.values())


def _show(now: "StudyProgress", folder: str, *, as_json: bool) -> None:
    from batchsift.report.console.study import show_progress
    from batchsift.report.console.terminal import Terminal

    if as_json:
        show_json(_document(now, folder))
    else:
        show_progress(Terminal(), now, folder)


def _document(now: "StudyProgress", folder: str) -> dict[str, Any]:
    from batchsift.report.console.study import forecast

    return {
        "folder": folder,
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
