"""The search of settings, as `compare` and `train` show it; and what else they say on the way."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from batchsift.messages import warn
from batchsift.training.settings import Search

if TYPE_CHECKING:
    from rich.console import Console

    from batchsift.training.found import Found


def searched(search: Search, console: "Console | None", find: "Callable[..., Found]") -> "Found":
    """Search what the choices leave to a search, and say what was found; what a killed search tried is not tried again.

    Args:
        search: What is to be searched.
        console: Where progress is shown; None shows none.
        find: A function of `training.finding`, which still lacks `search` and `on_trial`.

    Raises:
        ValueError: The data are too few for a search.
        DivergedError: Training diverged with every learning rate.
    """
    from batchsift.training.found import Found

    if not search:
        return Found()
    if console is None:
        found = find(search=search)
    else:
        from batchsift.report.console.progress import SearchProgress

        with SearchProgress(console) as progress:
            found = find(search=search, on_trial=progress.on_trial)
        console.out(found.describe(), highlight=False)
    for doubt in found.doubts():
        note(doubt, console)
    return found


def note(message: str, console: "Console | None") -> None:
    """Say what a user should know: a line on the console, or else a warning."""
    if console is None:
        warn(message)
    else:
        console.out(f"note: {message}", highlight=False)


def console_of(progress: bool) -> "Console | None":
    """Return the console for progress, on standard error; None for none.

    Raises:
        ValueError: The package that draws it is not installed.
    """
    if not progress:
        return None
    from batchsift.report.console.terminal import Terminal

    return Terminal(on_stderr=True)
