"""Running cells: which ones, in which order, in how many processes, and how long it will take."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import current_process
from statistics import fmean

from joblib import Parallel, delayed
from joblib.parallel import get_active_backend

from batchsift.studies.record import Cell, CellConfig, run_cell
from batchsift.studies.sources import Source
from batchsift.studies.store import Store
from batchsift.training.provenance import versions
from batchsift.training.recording import EpochRecord

FIXED_SIZE = 500  # features' worth of the work that does not depend on the data's width


@dataclass(frozen=True)
class Task:
    """A cell to run.

    Args:
        config: Of the cell.
        source: Its data.
        size: Samples times features and labels: how large the data are.
    """

    config: CellConfig
    source: Source
    size: int

    def run(self, on_epoch: Callable[[EpochRecord], None] | None = None) -> Cell:
        """Runs the cell in this process."""
        return run_cell(self.config, lambda: self.source.prepared(self.config), on_epoch=on_epoch)


@dataclass(frozen=True)
class Known:
    """What a store says of a cell, without its numbers.

    Args:
        config: Of the cell.
        seconds: It took.
        error: Type and message, of a failed one.
        versions: It was computed with.
    """

    config: CellConfig
    seconds: float
    error: str | None
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Standing:
    """How far the cells of a study are.

    Args:
        done: In the study's order.
        failed: Likewise.
        left: Not run yet.
        others: How many cells of something else lie in the folder.
    """

    done: tuple[Known, ...]
    failed: tuple[Known, ...]
    left: tuple[CellConfig, ...]
    others: int

    @property
    def of_other_versions(self) -> tuple[Known, ...]:
        """The finished ones that were computed with other versions than those here."""
        return tuple(known for known in self.done if known.versions != versions())


def standing(configs: Sequence[CellConfig], store: Store) -> Standing:
    """Looks at what a store has of these cells."""
    stored = store.keys()
    known = [_known(store.read(config.key)) for config in configs if config.key in stored]
    return Standing(
        done=tuple(one for one in known if one.error is None),
        failed=tuple(one for one in known if one.error is not None),
        left=tuple(config for config in configs if config.key not in stored),
        others=len(stored.difference(config.key for config in configs)),
    )


def _known(cell: Cell) -> Known:
    error = None if cell.error is None else f"{cell.error.type}: {cell.error.message}"
    return Known(cell.config, cell.seconds, error, cell.versions)


class Forecast:
    """How long cells will take, from those that are finished.

    A cell is taken to last as long as the mean of the finished ones of the same data set, model, method and settings;
    failing that of the same data set and model, of the same model or of any, in proportion to epochs and samples.
    """

    def __init__(self, finished: Iterable[tuple[CellConfig, float]] = ()) -> None:
        self._seconds: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for config, seconds in finished:
            self.add(config, seconds)

    def add(self, config: CellConfig, seconds: float) -> None:
        """A cell has been finished."""
        for kin in _kin(config):
            self._seconds[kin].append(seconds / config.training.epochs)

    def seconds(self, configs: Iterable[CellConfig], jobs: int = 1) -> float | None:
        """How long these cells will take in that many processes; None as long as nothing is known."""
        if not self._seconds:
            return None
        return sum(self._of(config) for config in configs) / jobs

    def _of(self, config: CellConfig) -> float:
        known = next(self._seconds[kin] for kin in _kin(config) if kin in self._seconds)
        return fmean(known) * config.training.epochs


def _kin(config: CellConfig) -> list[tuple[str, ...]]:
    return [
        (config.data, config.model, config.method, config.settings),
        (config.data, config.model),
        (config.model,),
        (),
    ]


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """The most expensive data sets first; of each seed by seed and fold by fold, so that methods stay paired.

    A data set at a time: a process prepares it once.
    """
    return sorted(
        tasks,
        key=lambda task: (-task.size, task.config.data, task.config.seed, task.config.fold),
    )


def execute(
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    on_cell: Callable[[Cell], None],
    on_epoch: Callable[[CellConfig, EpochRecord], None] | None = None,
) -> None:
    """Runs cells; each is handed over as soon as it is finished.

    Args:
        tasks: In the order in which they are begun.
        jobs: Processes, of joblib's backend in force (`joblib.parallel_config`; loky if none is).
        on_cell: Called in this process.
        on_epoch: Called after every epoch where there is one process, which then is this one.

    Raises:
        ValueError: for a backend of threads.
    """
    if jobs == 1:
        for task in tasks:
            on_cell(task.run(_of(task.config, on_epoch)))
        return
    for cell in _in_processes(tasks, jobs):
        on_cell(cell)


def _in_processes(tasks: Sequence[Task], jobs: int) -> Iterator[Cell]:
    backend, _ = get_active_backend()
    if getattr(backend, "uses_threads", False):
        raise ValueError("cells share a process' random state and cannot run in threads: use a backend of processes")
    calls = [delayed(_in_worker)(task, os.getpid()) for task in tasks]
    if backend.supports_return_generator:
        yield from Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)(calls)
    else:  # round by round
        for start in range(0, len(calls), jobs):
            yield from Parallel(jobs, batch_size=1)(calls[start : start + jobs])


def _of(
    config: CellConfig, on_epoch: Callable[[CellConfig, EpochRecord], None] | None
) -> Callable[[EpochRecord], None] | None:
    return None if on_epoch is None else lambda record: on_epoch(config, record)


def _in_worker(task: Task, parent: int) -> Cell:
    if current_process().name.startswith("LokyProcess"):
        _end_with(parent)
    return task.run()


@cache
def _end_with(parent: int) -> None:
    """Ends this worker when the study is killed: nobody would take its cell."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
