"""Running: the search of a learning rate for each data set, budget and loss, then every row with it."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from statistics import fmean

from batchsift.studies.config import CellConfig
from batchsift.studies.executor import Task, execute, in_order
from batchsift.studies.record import CellRecord
from batchsift.studies.store import Store
from batchsift.training.provenance import fingerprint
from benchmarks.does_it_help import plan
from benchmarks.does_it_help.plan import Row


@cache
def content_of(data: str) -> tuple[str, int]:
    """Return a data set's fingerprint and its size."""
    loaded = plan.source_of(data).load()
    return fingerprint(loaded), loaded.num_samples * (loaded.num_features + loaded.num_labels)


def task(data: str, row: Row, budget: int, rate: float, seed: int, fold: int) -> Task:
    """Return a run of a row."""
    content, size = content_of(data)
    config = CellConfig(
        data=data,
        model=plan.MODEL,
        method=row.name,
        settings=f"{budget} epochs",
        fold=fold,
        seed=seed,
        base_method=row.method,
        method_options=row.options,
        hyperparameters=plan.HYPERPARAMETERS,
        training=plan.settings(budget, row.loss, rate, row.drawing),
        data_fingerprint=content,
    )
    return Task(config, plan.source_of(data), size)


def search_tasks(data: str, budget: int, loss: str) -> Iterator[tuple[float, list[Task]]]:
    """Yield each learning rate with the runs of Random that judge it."""
    row = Row(f"search + {loss}", plan.BASELINE, loss=loss)
    for rate in plan.RATES:
        yield (
            rate,
            [task(data, row, budget, rate, seed, fold) for seed in plan.SEEDS for fold in plan.SEARCH_FOLDS],
        )


def best_rate(store: Store, data: str, budget: int, loss: str) -> float:
    """Return the learning rate with which Random does best on the validation parts after the last epoch."""

    def score(tasks: list[Task]) -> float:
        last = [store.read(each.config.key).result.epochs[-1].validation for each in tasks]
        return fmean(record["macro_auc"] + record["macro_auprc"] for record in last)

    return max(search_tasks(data, budget, loss), key=lambda rate_and_tasks: score(rate_and_tasks[1]))[0]


def row_tasks(store: Store, data: str, budget: int) -> list[Task]:
    """Return the runs of every row."""
    rates = {loss: best_rate(store, data, budget, loss) for loss in plan.LOSSES}
    return [
        task(data, row, budget, rates[row.loss], seed, fold)
        for seed in plan.SEEDS
        for fold in range(plan.FOLDS)
        for row in plan.ROWS
    ]


def finished_tasks(store: Store, there: set[str], data: str, budget: int) -> list[Task]:
    """Return the runs of every row, if all of them and the search before them are finished; else none."""
    searched = [task for loss in plan.LOSSES for _, tasks in search_tasks(data, budget, loss) for task in tasks]
    if not there.issuperset(each.config.key for each in searched):
        return []
    tasks = row_tasks(store, data, budget)
    return tasks if there.issuperset(each.config.key for each in tasks) else []


def run(store: Store, sets: Sequence[str], budgets: Sequence[int], jobs: int) -> None:
    """Run what the store lacks: for each budget and data set the search of learning rates, then all rows."""
    with store.locked():
        for budget in budgets:
            for data in sets:
                what = f"{data}, {budget} epochs"
                searches = [
                    task for loss in plan.LOSSES for _, tasks in search_tasks(data, budget, loss) for task in tasks
                ]
                run_missing(store, searches, jobs, f"{what}, learning rates")
                run_missing(store, row_tasks(store, data, budget), jobs, what)


def run_missing(store: Store, tasks: Iterable[Task], jobs: int, what: str) -> None:
    """Run the cells that a store lacks, and say how far that is.

    Args:
        store: Where they are kept.
        tasks: All cells.
        jobs: The number of processes.
        what: What they are, for the messages.

    Raises:
        SystemExit: A cell failed.
    """
    there = store.keys()
    missing = in_order(each for each in tasks if each.config.key not in there)
    start, done = time.monotonic(), 0

    def keep(cell: CellRecord) -> None:
        nonlocal done
        if cell.error is not None:
            sys.exit(f"{cell.config} failed:\n{cell.error.traceback}")
        store.write(cell)
        done += 1
        if done % 20 == 0 or done == len(missing):
            left = (time.monotonic() - start) / done * (len(missing) - done) / 60
            print(f"{what}: {done} of {len(missing)} runs, about {left:.0f} minutes left", file=sys.stderr, flush=True)

    execute(missing, jobs=jobs, on_cell=keep)
