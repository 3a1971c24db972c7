"""Running a study into a store: what is missing there, and nothing twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from batchsift.studies.executor import Known, Standing, execute, in_order, standing
from batchsift.studies.grid import Study
from batchsift.studies.record import Cell, CellConfig
from batchsift.studies.store import Store
from batchsift.training.provenance import versions
from batchsift.training.recording import EpochRecord


class MixedVersionsError(ValueError):
    """Cells of a store were computed with other versions than those that would go on."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Who is told while a study runs.

    Args:
        on_start: What stands already, and the cells that will be run.
        on_cell: Every cell that ends.
        on_epoch: Every epoch, where the study runs in one process.
    """

    on_start: Callable[[Standing, Sequence[CellConfig]], None] = lambda _, __: None
    on_cell: Callable[[Cell], None] = lambda _: None
    on_epoch: Callable[[CellConfig, EpochRecord], None] | None = None


def run_study(
    study: Study,
    store: Store,
    *,
    jobs: int = 1,
    retry_failed: bool = False,
    mix_versions: bool = False,
    command: Sequence[str] = (),
    watch: Watch | None = None,
) -> Standing:
    """Runs the cells that a store does not have yet.

    Killed at any moment, a repeated call goes on with the cells that are missing. Cells of a study that has been
    changed stay where they still belong to it; others are left alone.

    Args:
        study: What to run.
        store: Where the cells go; nobody else may run a study there meanwhile.
        jobs: Processes.
        retry_failed: Run again what failed.
        mix_versions: Go on beside cells of other versions of batchsift or the packages it computes with.
        command: The words that run the study again, for `study.json`.
        watch: Is told what happens.

    Returns:
        How far the study is.

    Raises:
        MixedVersionsError: where cells of other versions are there and `mix_versions` is not set.
        OSError: where the store is in use or cannot be written.
    """
    watch = watch or Watch()
    versions()  # of the code as it is when the study begins
    with store.locked():
        before = standing(study.configs, store)
        again = [known.config for known in before.failed] if retry_failed else []
        wanted = {config.key for config in [*before.left, *again]}
        if wanted and before.of_other_versions and not mix_versions:
            raise MixedVersionsError(_on_versions(before.of_other_versions, store))
        store.write_study(study.document(command))
        tasks = in_order(task for task in study.tasks if task.config.key in wanted)
        watch.on_start(before, [task.config for task in tasks])

        def keep(cell: Cell) -> None:
            store.write(cell)
            watch.on_cell(cell)

        execute(tasks, jobs=jobs, on_cell=keep, on_epoch=watch.on_epoch)
        return standing(study.configs, store)


def _on_versions(others: Sequence[Known], store: Store) -> str:
    differences = sorted({difference for known in others for difference in _differences(known.versions)})
    return (
        f"{len(others)} finished cells in {store.folder} were computed with other versions ({', '.join(differences)}): "
        "take another folder, or --mix-versions to keep them beside new ones"
    )


def _differences(theirs: Mapping[str, str]) -> list[str]:
    mine = versions()
    return [
        f"{name} {theirs.get(name)}, here {mine.get(name)}"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]
