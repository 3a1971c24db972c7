"""Running cells on a cluster, or in several processes of one machine, as tasks of Ray.

Every cell is one task. Data are put into Ray's object store once, and read from there by all processes of a machine:
the machines of the cluster need no files. A task whose worker or machine is lost is run again by Ray. What a cell
gives does not depend on where it is run, so a study ends with the same cells as in one process.

joblib's Ray backend is not used: it has no retries, and hands results back by rounds.
"""

import logging
import socket
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from batchsift.messages import warn
from batchsift.studies.config import CellConfig
from batchsift.studies.executor import EngineError, Task, run_task
from batchsift.studies.record import CellRecord
from batchsift.studies.sources import Source
from batchsift.training.prepare import Prepared
from batchsift.training.provenance import differing_versions, versions

try:
    import ray
    from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayTaskError, WorkerCrashedError
except ImportError as error:
    raise ImportError(f'the engine ray needs Ray ({error}): pip install "batchsift[ray]"') from error

RETRIES = 3  # of a cell whose worker is lost; one that takes its worker along every time has failed
AHEAD = 2  # cells that are handed to Ray for each that there is room for
_LOST = (WorkerCrashedError, NodeDiedError, OutOfMemoryError, ObjectLostError)


@dataclass
class RayCluster:
    """Ray, for as long as the context lasts: a cluster that runs already, or processes on this machine.

    Where Ray was begun in this process before, that is used, and left running.

    Args:
        address: Of a cluster that runs already: `"auto"`, `"10.0.0.1:6379"` or `"ray://10.0.0.1:10001"`. None starts
            Ray on this machine.
        jobs: The most cells at a time; by default one on this machine, and as many as there is room for on a cluster.
        mix_versions: Let workers compute with other versions than those here.

    Raises:
        ConnectionError: There is no cluster at the address, or Ray runs here already (on entering).
    """

    address: str | None = None
    jobs: int | None = None
    mix_versions: bool = False
    _is_ours: bool = field(init=False, default=False)

    def __enter__(self) -> Self:
        if ray.is_initialized():
            if self.address is not None:
                raise ConnectionError(f"Ray runs in this process already: leave out the address {self.address}")
            return self
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address is None:
            options |= {"num_cpus": self.jobs or 1, "include_dashboard": False}
        try:
            _knock(self.address)
            ray.init(self.address or "local", **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConnectionError(f"cannot use Ray at {self.address or 'this machine'}: {error}") from error
        self._is_ours = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_ours:
            ray.shutdown()

    @property
    def slots(self) -> int:
        """The number of cells at a time, as the cluster is now: it may grow and shrink."""
        return self.jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]

    def run(self, tasks: Sequence[Task]) -> Generator[CellRecord]:
        """Run cells, and yield each as soon as it has ended; where it is left early, those that run are given up.

        Args:
            tasks: The cells, in the order in which they are begun.

        Raises:
            EngineError: The workers cannot run cells, or have other versions.
        """
        self._warn_of_small_machines(tasks)
        expected = None if self.mix_versions else versions()
        queue, shared = deque(tasks), dict[Source, StoredSource]()
        running: dict[Any, Task] = {}
        run = ray.remote(max_retries=RETRIES)(_run_on_worker)
        try:
            while queue or running:
                while queue and len(running) < (self.jobs or AHEAD * self.slots):
                    task = queue.popleft()
                    if task.source not in shared:
                        shared[task.source] = StoredSource(ray.put(task.source.in_memory()))
                    there = replace(task, source=shared[task.source])
                    name = f"batchsift {task.config}"
                    running[run.options(name=name, **self._needs(task)).remote(there, expected)] = task
                ended, _ = ray.wait(list(running), num_returns=1)
                yield _record(ended[0], running.pop(ended[0]))
        finally:
            for reference in () if self._is_ours else running:  # Ray that ends takes its tasks along
                ray.cancel(reference, force=True)

    def _needs(self, task: Task) -> dict[str, int]:
        """Return what Ray reserves for a cell: on this machine, one of the processes that were asked for."""
        training = task.config.training
        cpus = training.threads if self.address is not None else 1
        return {"num_cpus": cpus, "num_gpus": int(training.device.startswith("cuda"))}

    def _warn_of_small_machines(self, tasks: Sequence[Task]) -> None:
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        for cpus, gpus in {tuple(self._needs(task).values()) for task in tasks}:
            if not any(machine.get("CPU", 0) >= cpus and machine.get("GPU", 0) >= gpus for machine in machines):
                warn(
                    f"no machine of the cluster has the {cpus} CPUs and {gpus} GPUs that a cell asks for (`threads`, "
                    "`device`): it waits until one joins"
                )


@dataclass(frozen=True)
class StoredSource:
    """A source in Ray's object store.

    Args:
        reference: Ray's reference to it.
    """

    reference: Any

    def prepare(self, config: CellConfig) -> Prepared:
        """Return the data of that cell, filtered and split."""
        return _fetched(self.reference).prepare(config)

    def in_memory(self) -> Source:
        """Return the source itself."""
        return _fetched(self.reference)


@lru_cache(maxsize=2)
def _fetched(reference: Any) -> Source:
    source: Source = ray.get(reference)
    return source


def _knock(address: str | None) -> None:
    """Check that something listens at an address with a port: Ray itself tries for minutes.

    Raises:
        OSError: Nothing does.
    """
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _run_on_worker(task: Task, expected: Mapping[str, str] | None) -> CellRecord:
    differences = [] if expected is None else differing_versions(expected)
    if differences:
        raise EngineError(
            f"a worker has other versions than the process that runs the study ({', '.join(differences)}, on the "
            "worker): install the same there, or --mix-versions to compute with what there is"
        )
    return run_task(task)


def _record(reference: Any, task: Task) -> CellRecord:
    """Return the record of a task that ended: that of a failed cell where its worker was lost again and again."""
    try:
        record: CellRecord = ray.get(reference)
    except _LOST as error:
        return CellRecord.of_error(task.config, error, started=datetime.now(UTC), warnings=[])
    except RayTaskError as error:
        if isinstance(error.cause, EngineError):
            raise error.cause from None
        raise EngineError(
            f"a worker cannot run {task.config}: {error.cause}; batchsift and what it needs must be installed there"
        ) from error
    return record
