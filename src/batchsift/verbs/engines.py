"""Where the cells of a study are run: in processes of this machine, or by Ray."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchsift.messages import there_are
from batchsift.verbs.choices import number_of_processes

if TYPE_CHECKING:
    from batchsift.studies.executor import Engine

ENGINES = ("joblib", "ray")


@dataclass(frozen=True)
class EngineChoice:
    """Where cells are run, and how many at a time. Made by `of`.

    Args:
        name: A name of `ENGINES`.
        address: Of a Ray cluster that runs already; None for this machine.
        jobs: The number of cells at a time; None for as many as a cluster has room for.
    """

    name: str
    address: str | None
    jobs: int | None

    @classmethod
    def of(cls, name: str, *, address: str | None, jobs: int | None) -> "EngineChoice":
        """Check a choice.

        Args:
            name: A name of `ENGINES`.
            address: Of a Ray cluster; such a one is meant by `ray` alone.
            jobs: At least 1, or -1 for as many as there are cores; None for one here, as many as fit on a cluster.

        Raises:
            ValueError: For something else.
        """
        if name not in ENGINES:
            raise ValueError(f"unknown engine {name!r}{there_are(name, ENGINES)}")
        if address is not None and name != "ray":
            raise ValueError(f"--address {address} is of a Ray cluster: give --engine ray with it")
        given = None if jobs is None else number_of_processes(jobs, "--jobs")
        if address is None:
            return cls(name, address, given or 1)
        return cls(name, address, None if jobs == -1 else given)

    @contextmanager
    def started(self, *, mix_versions: bool = False) -> Iterator[tuple["Engine | None", int]]:
        """Yield the engine, None for processes of joblib, and the number of cells at a time, for as long as it lasts.

        Args:
            mix_versions: Let the workers of a cluster compute with other versions than those here.

        Raises:
            ImportError: Ray is not installed.
            ConnectionError: There is no cluster at the address.
        """
        if self.name == "ray":
            from batchsift.studies.cluster import RayCluster

            with RayCluster(self.address, self.jobs, mix_versions) as cluster:
                yield cluster, cluster.slots
        else:
            yield None, self.jobs or 1
