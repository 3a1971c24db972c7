"""Running cells: one of them, or many, in this process or in several."""

import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from multiprocessing import current_process
from typing import Protocol

from joblib import Parallel, delayed
from joblib.parallel import get_active_backend

from batchsift.studies.config import CellConfig
from batchsift.studies.record import CellRecord, DataFacts
from batchsift.studies.sources import Source
from batchsift.training.fold import run_fold
from batchsift.training.recording import EpochRecord


@dataclass(frozen=True)
class Task:
    """A cell to run.

    Args:
        config: What to run.
        source: Where its data come from.
        size: Samples times features and labels: how large the data are.
    """

    config: CellConfig
    source: Source
    size: int


def run_task(task: Task, *, on_epoch: Callable[[EpochRecord], None] | None = None) -> CellRecord:
    """Run a cell in this process. Whatever goes wrong becomes a failed cell; only an interruption goes through.

    Args:
        task: What to run; a mistake in its data fails the cell too.
        on_epoch: Called with the record of every epoch.
    """
    config, started = task.config, datetime.now(UTC)
    failure: Exception | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            prepared = task.source.prepare(config)
            result = run_fold(
                prepared,
                model=config.model,
                method=config.base_method,
                fold=config.fold,
                hyperparameters=config.hyperparameters,
                method_options=config.method_options,
                drawing_seed=config.drawing_seed,
                on_epoch=on_epoch,
            )
        except Exception as error:
            failure = error
    messages = [str(warning.message) for warning in caught]
    if failure is not None:
        return CellRecord.of_error(config, failure, started=started, warnings=messages)
    facts = DataFacts.of_fold(prepared, config.fold)
    return CellRecord.of_result(config, facts, result, started=started, warnings=messages)


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Sort tasks: the largest data sets first; of each seed by seed and fold by fold, so that methods stay paired.

    One data set at a time: a process prepares it once.
    """
    return sorted(
        tasks,
        key=lambda task: (-task.size, task.config.data, task.config.seed, task.config.fold),
    )


class EngineError(RuntimeError):
    """An engine cannot run the cells of this study."""


class Engine(Protocol):
    """Runs cells somewhere else than in processes of this one."""

    def run(self, tasks: Sequence[Task]) -> Generator[CellRecord]:
        """Run cells, and yield each as soon as it has ended.

        Raises:
            EngineError: It cannot run them.
        """


def execute(
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    engine: Engine | None = None,
    on_cell: Callable[[CellRecord], None],
    on_epoch: Callable[[CellConfig, EpochRecord], None] | None = None,
) -> None:
    """Run cells; each is handed over as soon as it is finished.

    Args:
        tasks: The cells, in the order in which they are begun.
        jobs: The number of processes, of joblib's backend in force (`joblib.parallel_config`; loky if none is).
        engine: What runs the cells instead, such as `batchsift.studies.cluster.RayCluster`; `jobs` is then its own.
        on_cell: Called in this process with every cell that is finished.
        on_epoch: Called after every epoch where there is one process, which then is this one.

    Raises:
        ValueError: The backend in force uses threads.
        EngineError: The engine cannot run the cells.
    """
    if engine is None and jobs == 1:
        for task in tasks:
            on_cell(run_task(task, on_epoch=None if on_epoch is None else partial(on_epoch, task.config)))
        return
    with closing(_run_in_processes(tasks, jobs) if engine is None else engine.run(tasks)) as records:
        for record in records:
            on_cell(record)


def _run_in_processes(tasks: Sequence[Task], jobs: int) -> Generator[CellRecord]:
    backend, _ = get_active_backend()
    if getattr(backend, "uses_threads", False):
        raise ValueError("cells share a process' random state and cannot run in threads: use a backend of processes")
    calls = [delayed(_run_in_worker)(task, os.getpid()) for task in tasks]
    if backend.supports_return_generator:
        yield from Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)(calls)
    else:  # round by round
        for start in range(0, len(calls), jobs):
            yield from Parallel(jobs, batch_size=1)(calls[start : start + jobs])


def _run_in_worker(task: Task, parent: int) -> CellRecord:
    if current_process().name.startswith("LokyProcess"):
        _end_with(parent)
    return run_task(task)


@cache
def _end_with(parent: int) -> None:
    """End this worker when the study is killed: nobody would take its cell."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
