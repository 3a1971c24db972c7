"""Running a study: the cells that its store lacks, and nothing twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchsift.studies.config import CellConfig
from batchsift.studies.executor import Engine, execute, in_order
from batchsift.studies.grid import Study
from batchsift.studies.progress import CellOutcome, StudyProgress, study_progress
from batchsift.studies.record import CellRecord
from batchsift.studies.store import Store
from batchsift.training.provenance import differing_versions, versions
from batchsift.training.recording import EpochRecord


class MixedVersionsError(ValueError):
    """Finished cells of a store were computed with other versions than those here."""


@dataclass(frozen=True, kw_only=True)
class StudyCallbacks:
    """Functions that are called while a study runs.

    Args:
        on_start: Called with the progress so far and the cells that will be run.
        on_cell: Called with every cell that ends.
        on_epoch: Called after every epoch, where the study runs in one process.
    """

    on_start: Callable[[StudyProgress, Sequence[CellConfig]], None] = lambda _, __: None
    on_cell: Callable[[CellRecord], None] = lambda _: None
    on_epoch: Callable[[CellConfig, EpochRecord], None] | None = None


def run_study(
    study: Study,
    store: Store,
    *,
    jobs: int = 1,
    engine: Engine | None = None,
    retry_failed: bool = False,
    mix_versions: bool = False,
    command: Sequence[str] = (),
    callbacks: StudyCallbacks | None = None,
) -> StudyProgress:
    """Run the cells that a store does not have yet.

    Killed at any moment, a repeated call goes on with the cells that are missing. Cells of a study that has been
    changed stay where they still belong to it; others are left alone.

    Args:
        study: What to run.
        store: Where the cells go; nobody else may run a study there meanwhile.
        jobs: The number of processes.
        engine: What runs the cells instead of them, such as `batchsift.studies.cluster.RayCluster`.
        retry_failed: Run again what failed.
        mix_versions: Go on beside cells of other versions of batchsift or the packages it computes with.
        command: The words that run the study again, for `study.json`.
        callbacks: Functions that are called on the way.

    Returns:
        How far the study is then.

    Raises:
        MixedVersionsError: Cells of other versions are there and `mix_versions` is not set.
        OSError: The store is in use or cannot be written.
    """
    callbacks = callbacks or StudyCallbacks()
    versions()  # of the code as it is when the study begins
    with store.locked():
        before = study_progress(study.configs, store)
        again = [outcome.config for outcome in before.failed] if retry_failed else []
        wanted = {config.key for config in [*before.left, *again]}
        if wanted and before.outdated and not mix_versions:
            raise MixedVersionsError(_versions_message(before.outdated, store))
        store.write_manifest(study.manifest(command))
        tasks = in_order(task for task in study.tasks if task.config.key in wanted)
        callbacks.on_start(before, [task.config for task in tasks])

        def keep(cell: CellRecord) -> None:
            store.write(cell)
            callbacks.on_cell(cell)

        execute(tasks, jobs=jobs, engine=engine, on_cell=keep, on_epoch=callbacks.on_epoch)
        return study_progress(study.configs, store)


def _versions_message(outdated: Sequence[CellOutcome], store: Store) -> str:
    differences = sorted({difference for outcome in outdated for difference in differing_versions(outcome.versions)})
    return (
        f"{len(outdated)} finished cells in {store.place} were computed with other versions "
        f"({', '.join(differences)}): "
        "take another folder, or --mix-versions to keep them beside new ones"
    )
