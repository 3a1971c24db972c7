"""TensorBoard event files, where that package is installed."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path


class EpochLog:
    """A log of scalars, one point an epoch.

    Args:
        folder: The folder for the event files; made with the first point.

    Raises:
        ValueError: Where TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        if find_spec("tensorboard") is None:
            raise ValueError("TensorBoard is not installed: pip install tensorboard, or leave out --tensorboard")
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (an extra)

        self._create_writer, self._folder = SummaryWriter, folder
        self._writer: SummaryWriter | None = None

    def write(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Write the points of one epoch; what an earlier, killed process wrote from this epoch on is taken back."""
        if self._writer is None:
            self._writer = self._create_writer(str(self._folder), purge_step=epoch)
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, epoch)

    def close(self) -> None:
        """Put everything on disk."""
        if self._writer is not None:
            self._writer.close()
