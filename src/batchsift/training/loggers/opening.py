"""Which logs there are, and opening them. Imported before torch is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from batchsift.messages import there_are

if TYPE_CHECKING:
    from batchsift.training.loggers.run import LoggedRun, RunLog

# Name to the package that writes it, and what installs that.
LOGS: Mapping[str, str] = {"tensorboard": "tensorboard", "mlflow": "mlflow-skinny", "wandb": "wandb"}


class LogError(ValueError):
    """A log cannot be written: a login, a server or a folder is missing."""


def check_logs(names: Sequence[str]) -> None:
    """Check that logs of these names can be written here.

    Raises:
        ValueError: For an unknown name, one that comes twice, or a package that is not installed.
    """
    for name in names:
        if name not in LOGS:
            raise ValueError(f"there is no log {name!r}{there_are(name, LOGS)}")
        spec = find_spec(name)
        if spec is None or spec.origin is None:  # a folder of that name, such as `wandb` makes, is no package
            raise ValueError(f"logging to {name} needs its package: pip install {LOGS[name]}, or leave it out")
    if len(set(names)) < len(names):
        raise ValueError(f"each log is given once, got {', '.join(names)}")


def open_logs(names: Sequence[str], run: "LoggedRun") -> "Logs":
    """Open the logs of a run.

    Args:
        names: Names of `LOGS`.
        run: The run.

    Raises:
        ValueError: As `check_logs`.
        LogError: Where a log cannot be opened.
    """
    check_logs(names)
    return Logs([import_module(f"batchsift.training.loggers.{name}").open_log(run) for name in names])


class Logs:
    """Several logs of one run, written to together."""

    def __init__(self, logs: "Sequence[RunLog]") -> None:
        self._logs = logs

    def write(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers of an epoch."""
        for log in self._logs:
            log.write(epoch, numbers)

    def close(self, final: Mapping[str, float]) -> None:
        """Write what came out in the end, and put everything in its place."""
        for log in self._logs:
            log.close(final)


@contextmanager
def failures_explained(name: str) -> Iterator[None]:
    """Take what a package of logging refuses for a mistake of the user: a login, a server, a folder.

    Raises:
        LogError: In place of whatever was raised.
    """
    try:
        yield
    except Exception as error:  # each package has its own kinds
        raise LogError(f"{name} cannot log: {str(error).strip().partition(chr(10))[0]}") from error


def plain(value: Any) -> Any:
    """Return a parameter as every log takes it: a number, a word or a truth value; the text of anything else.

    >>> plain(0.1), plain([8, 4]), plain(None)
    (0.1, '[8, 4]', 'None')
    """
    return value if isinstance(value, bool | int | float | str) else str(value)
