"""Taking times."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch


class Clock:
    """Reads the time when the device has done all it was told to do.

    Attributes:
        read: Seconds on the wall; inside `processor_time` those of the processors on this process alone, which is
            fair on a machine that others use too.
    """

    read: ClassVar[Callable[[], float]] = staticmethod(time.perf_counter)

    def __init__(self, device: str = "cpu") -> None:
        self.wait: Callable[[], None] = torch.cuda.synchronize if device.startswith("cuda") else lambda: None

    def now(self) -> float:
        """Seconds, from some moment on."""
        self.wait()
        return Clock.read()

    def seconds(self, work: Callable[[], object]) -> float:
        """How long it takes."""
        start = self.now()
        work()
        return self.now() - start


@contextmanager
def processor_time() -> Iterator[None]:
    """Clocks read the time of the processors on this process, not that of the wall."""
    before, Clock.read = Clock.read, time.process_time
    try:
        yield
    finally:
        Clock.read = before
