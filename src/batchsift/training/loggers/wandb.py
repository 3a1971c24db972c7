"""Weights & Biases: a run of the project that WANDB_PROJECT says; WANDB_MODE=offline keeps it in the run's folder."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from batchsift.training.loggers.opening import failures_explained, plain
from batchsift.training.loggers.run import PROJECT, LoggedRun

if TYPE_CHECKING:
    from wandb import Run


def open_log(run: LoggedRun) -> "WandbRun":
    """Return the log of a run: the one an earlier process began, or a new one.

    Raises:
        LogError: Where Weights & Biases has no login, or cannot be reached.
    """
    import wandb  # noqa: PLC0415 (an extra)

    with failures_explained("wandb"):
        run.folder.mkdir(parents=True, exist_ok=True)
        return WandbRun(
            wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                id=run.key,
                name=run.name,
                group=run.group,
                config={name: plain(value) for name, value in run.parameters.items()},
                dir=run.folder,
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(silent=True, console="off"),
            )
        )


class WandbRun:
    """An open run of Weights & Biases."""

    def __init__(self, run: "Run") -> None:
        self._run = run

    def write(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers of one epoch; one that an earlier, killed process wrote already is left as it is."""
        self._run.log(dict(numbers), step=epoch)

    def close(self, final: Mapping[str, float]) -> None:
        """Write what came out into the summary, and finish the run."""
        self._run.summary.update(dict(final))
        self._run.finish(exit_code=0 if final else 1)
