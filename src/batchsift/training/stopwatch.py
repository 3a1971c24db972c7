"""A stopwatch for parts of a run."""

import time
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Stopwatch:
    """A sum of the seconds spent inside it.

    >>> watch = Stopwatch()
    >>> with watch:
    ...     total = sum(range(1000))
    >>> watch.seconds > 0
    True
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start

    def each(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield the items; the time it takes to make them counts, the time between them does not."""
        while True:
            with self:
                item = next(items, None)
            if item is None:
                return
            yield item
