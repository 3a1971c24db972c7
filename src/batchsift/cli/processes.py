"""The option for several processes, and what is said when one of them dies."""

from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Annotated

import joblib
import typer

from batchsift.cli.endings import stop

FAILED = 1

Jobs = Annotated[int, typer.Option(help="Processes; -1: as many as there are cores.")]


def number_of(jobs: int) -> int:
    """How many processes `--jobs` means.

    Raises:
        ValueError: for one that makes no sense.
    """
    if jobs < 1 and jobs != -1:
        raise ValueError(f"--jobs must be at least 1, or -1 for as many as there are cores, got {jobs}")
    return int(joblib.cpu_count()) if jobs == -1 else jobs


@contextmanager
def deaths_explained() -> Iterator[None]:
    """A process that the system ended is no bug of ours."""
    try:
        yield
    except BrokenProcessPool as error:
        reason = str(error).partition("\n")[0]
        stop(f"a process died, for want of memory? What was finished is kept. {reason}", FAILED)
