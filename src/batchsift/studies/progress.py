"""How far the cells of a study are, and how long the others will take."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from batchsift.studies.config import CellConfig
from batchsift.studies.record import CellRecord
from batchsift.studies.store import Store
from batchsift.training.provenance import versions


@dataclass(frozen=True)
class CellOutcome:
    """How a cell of a store ended, without its numbers.

    Args:
        config: What was run.
        seconds: How long it took.
        error: Type and message of what went wrong; None for a finished cell.
        versions: The versions that computed it.
    """

    config: CellConfig
    seconds: float
    error: str | None
    versions: Mapping[str, str]

    @classmethod
    def of_record(cls, record: CellRecord) -> "CellOutcome":
        """Keep of a record what the progress of a study needs."""
        error = None if record.error is None else f"{record.error.type}: {record.error.message}"
        return cls(record.config, record.seconds, error, record.versions)


@dataclass(frozen=True)
class StudyProgress:
    """How far the cells of a study are.

    Args:
        done: The finished cells, in the study's order.
        failed: The failed cells, in the study's order.
        left: The cells that were not run yet.
        unrelated: The number of cells in the folder that the study does not ask for.
    """

    done: tuple[CellOutcome, ...]
    failed: tuple[CellOutcome, ...]
    left: tuple[CellConfig, ...]
    unrelated: int

    @property
    def outdated(self) -> tuple[CellOutcome, ...]:
        """The finished cells that were computed with other versions than those here."""
        return tuple(outcome for outcome in self.done if outcome.versions != versions())


def study_progress(configs: Sequence[CellConfig], store: Store) -> StudyProgress:
    """Look up which of these cells a store has.

    Raises:
        ValueError: A file of the store cannot be read.
    """
    stored = store.keys()
    keys = [config.key for config in configs if config.key in stored]
    outcomes = [CellOutcome.of_record(record) for record in store.read_all(keys)]
    return StudyProgress(
        done=tuple(outcome for outcome in outcomes if outcome.error is None),
        failed=tuple(outcome for outcome in outcomes if outcome.error is not None),
        left=tuple(config for config in configs if config.key not in stored),
        unrelated=len(stored.difference(config.key for config in configs)),
    )


class Forecast:
    """How long cells will take, estimated from those that are finished.

    A cell is taken to last as long as the mean of the finished ones of the same data set, model, method and settings;
    failing that of the same data set and model, of the same model, or of any; in proportion to the epochs.

    Args:
        finished: Configurations of finished cells and the seconds they took.
    """

    def __init__(self, finished: Iterable[tuple[CellConfig, float]] = ()) -> None:
        self._seconds_per_epoch: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for config, seconds in finished:
            self.add(config, seconds)

    def add(self, config: CellConfig, seconds: float) -> None:
        """Take a finished cell into account."""
        for group in _similar_groups(config):
            self._seconds_per_epoch[group].append(seconds / config.training.epochs)

    def seconds(self, configs: Iterable[CellConfig], jobs: int = 1) -> float | None:
        """Estimate how long these cells will take in that many processes; None as long as nothing is known."""
        if not self._seconds_per_epoch:
            return None
        return sum(self._estimate(config) for config in configs) / jobs

    def _estimate(self, config: CellConfig) -> float:
        known = next(group for group in _similar_groups(config) if group in self._seconds_per_epoch)
        return fmean(self._seconds_per_epoch[known]) * config.training.epochs


def _similar_groups(config: CellConfig) -> list[tuple[str, ...]]:
    """Return the groups of similar cells that a cell belongs to, the most similar first."""
    return [
        (config.data, config.model, config.method, config.settings),
        (config.data, config.model),
        (config.model,),
        (),
    ]
