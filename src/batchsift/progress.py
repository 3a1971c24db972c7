"""A progress bar on a terminal, where rich is installed."""

from collections.abc import Iterable
from typing import TypeVar

_T = TypeVar("_T")


def with_progress(items: Iterable[_T], what: str, total: int) -> Iterable[_T]:
    """Go through items while a bar on stderr says how far it is.

    Args:
        items: What to go through.
        what: What is being done, beside the bar.
        total: How many items there are.

    Returns:
        The same items; without a bar where stderr is no terminal or rich is not there.

    >>> list(with_progress("ab", "spelling", 2))
    ['a', 'b']
    """
    try:
        from rich.console import Console  # noqa: PLC0415 -- an extra
        from rich.progress import track  # noqa: PLC0415
    except ImportError:
        return items
    console = Console(stderr=True)
    return track(items, what, total=total, console=console, disable=not console.is_terminal)
