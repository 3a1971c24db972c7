"""Logging the runs of comparisons and studies: each when it is finished, so that a killed one leaves no half of it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from batchsift.studies.record import CellRecord
from batchsift.training.loggers.opening import open_logs
from batchsift.training.loggers.run import LoggedRun, epoch_numbers, flat_parameters


def log_cell(names: Sequence[str], cell: CellRecord, *, folder: Path) -> None:
    """Log a cell; one that failed is passed over.

    Args:
        names: Names of logs, see `training.loggers`.
        cell: The cell.
        folder: The folder of the study or comparison.

    Raises:
        LogError: A log cannot be opened.
    """
    if cell.status != "done" or not names:
        return
    config, result = cell.config, cell.result
    document = config.document()
    training = document.pop("training")
    logs = open_logs(
        names,
        LoggedRun(
            key=hashlib.sha256(f"{config.key} {folder.resolve()}".encode()).hexdigest()[:20],
            name=str(config),
            group=config.data,
            parameters=flat_parameters({**document, **training}),
            folder=folder,
            part=str(config).replace(" ", "-"),
        ),
    )
    for record in result.epochs:
        logs.write(record.epoch, epoch_numbers(record))
    logs.close({"best_epoch": result.best_epoch, **{f"test/{key}": value for key, value in result.metrics.items()}})
