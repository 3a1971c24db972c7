"""TensorBoard: event files in the folder `tensorboard` of the run; parameters are in its HParams tab."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from batchsift.training.loggers.opening import plain
from batchsift.training.loggers.run import LoggedRun

if TYPE_CHECKING:
    pass


def open_log(run: LoggedRun) -> "EventFiles":
    """Return the log of a run; its files are made with the first epoch."""
    return EventFiles(run)


class EventFiles:
    """Event files of one run."""

    def __init__(self, run: LoggedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (an extra)

        self._create, self._run = SummaryWriter, run
        self._writer: SummaryWriter | None = None

    def write(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Write the points of one epoch; what an earlier, killed process wrote from this epoch on is taken back."""
        if self._writer is None:
            self._writer = self._create(str(self._run.folder / "tensorboard" / self._run.part), purge_step=epoch)
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)

    def close(self, final: Mapping[str, float]) -> None:
        """Write parameters beside what came out, and put everything on disk."""
        if self._writer is None:
            return
        if final:
            parameters = {name: plain(value) for name, value in self._run.parameters.items()}
            self._writer.add_hparams(parameters, dict(final), run_name=".")
        self._writer.close()
