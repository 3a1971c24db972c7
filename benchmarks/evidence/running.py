"""Running: what the store lacks of a part, the search of its learning rates before its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from batchsift.studies.config import CellConfig
from batchsift.studies.executor import Task
from batchsift.studies.store import Store
from batchsift.training.settings import Settings
from benchmarks.does_it_help.plan import source_of
from benchmarks.does_it_help.running import content_of, run_missing
from benchmarks.evidence.harness import ChangedSource
from benchmarks.evidence.plan import ALL_FOLDS, RANDOM, Part, Row

SEARCH_FOLDS = (0, 1)


@dataclass(frozen=True)
class Cell:
    """A run of a part.

    Attributes:
        row: The way it is trained.
        model: The model of the part.
        task: What is run.
    """

    row: Row
    model: str
    task: Task


def cell(part: Part, data: str, model: str, row: Row, fold: int, rate: float | None = None) -> Cell:
    """Return a run of a row."""
    content, size = content_of(data)
    searched = {} if rate is None else {"learning_rate": rate}
    config = CellConfig(
        data=data,
        model=row.models[model] if row.models else model,
        method=row.name,
        settings=f"{part.settings_name}; {row.change}" if row.change else part.settings_name,
        fold=fold,
        seed=0,
        base_method=row.method,
        method_options=row.options,
        hyperparameters={},
        training=Settings(**{**part.settings, **row.training, **searched}, num_folds=len(ALL_FOLDS)),
        data_fingerprint=content,
    )
    return Cell(row, model, Task(config.repeated() if row.is_repeat else config, _source(data, row), size))


def _source(data: str, row: Row) -> ChangedSource:
    return ChangedSource(source_of(data), row.change)


def search(part: Part, data: str, model: str) -> Iterator[tuple[float, list[Cell]]]:
    """Yield each learning rate with the runs of Random that judge it, on validation parts."""
    for rate in part.rates:
        yield rate, [cell(part, data, model, RANDOM, fold, rate) for fold in SEARCH_FOLDS]


def best_rate(store: Store, part: Part, data: str, model: str) -> float | None:
    """Return the learning rate at which Random does best on the validation parts after the last epoch.

    Returns:
        The rate; None where none is searched.
    """

    def score(cells: list[Cell]) -> float:
        last = [store.read(each.task.config.key).result.epochs[-1].validation for each in cells]
        return fmean(record["macro_auc"] + record["macro_auprc"] for record in last)

    tried = dict(search(part, data, model))
    return max(tried, key=lambda rate: score(tried[rate])) if tried else None


def cells(store: Store, part: Part, data: str, model: str) -> list[Cell]:
    """Return the runs of every row of a part that has this model; the search must be finished."""
    rate = best_rate(store, part, data, model)
    rows = [row for row in part.rows if row.models is None or model in row.models]
    return [cell(part, data, model, row, fold, rate) for fold in part.folds for row in rows]


def finished(store: Store, there: set[str], part: Part, data: str, model: str) -> list[Cell]:
    """Return the runs of every row, if all of them and the search before them are finished; else none."""
    searched = [one for _, tried in search(part, data, model) for one in tried]
    if not _all_there(searched, there):
        return []
    found = cells(store, part, data, model)
    return found if _all_there(found, there) else []


def run(store: Store, part: Part, jobs: int) -> None:
    """Run what the store lacks of a part, one data set and model after the other."""
    for data in part.sets:
        for model in part.models:
            what = f"{part.name}, {data}, {model}"
            tried = [one.task for _, some in search(part, data, model) for one in some]
            run_missing(store, tried, jobs, f"{what}, learning rates")
            run_missing(store, [one.task for one in cells(store, part, data, model)], jobs, what)


def _all_there(some: list[Cell], there: set[str]) -> bool:
    return there.issuperset(one.task.config.key for one in some)
