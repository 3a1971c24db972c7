"""All that was measured in a run, by what was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from benchmarks.selection import asked
from benchmarks.selection.cell import Cell
from benchmarks.selection.jobs import Job, Outcome
from benchmarks.selection.sizes import MAIN, Size

T = TypeVar("T")


@dataclass(frozen=True)
class Findings:
    """Outcomes by the key of their job."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def result(self, job: Job) -> Any:
        """What the job measured, as plain numbers, lists and dictionaries; None if it did not."""
        return self.outcomes.get(job.key, Outcome()).result

    def of(self, job: Job, kind: Callable[..., T]) -> T | None:
        """The same as the dataclass it was."""
        found = self.result(job)
        return None if found is None else kind(**found)

    def reason(self, job: Job) -> str:
        """Why nothing was measured."""
        return self.outcomes.get(job.key, Outcome()).reason or "not measured"

    def cell(self, method: str, size: Size) -> Cell | None:
        """One method at one size."""
        return self.of(asked.cell(method, size), Cell)

    def cnn(self, size: Size) -> float | None:
        """Seconds of a training epoch of the CNN: measured at one size, scaled by the number of blocks."""
        found = self.result(asked.TRAINING_CNN)
        return None if found is None else found / MAIN.batches * size.batches
