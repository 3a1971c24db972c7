"""The search of settings, as `compare` and `train` show it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from batchsift.cli.endings import complain, mistakes_explained
from batchsift.training.settings import Search

if TYPE_CHECKING:
    from rich.console import Console

    from batchsift.training.found import Found


def searched(search: Search, console: "Console", find: "Callable[..., Found]") -> "Found":
    """Search what the options leave to a search, and say what was found; what a killed search tried is not tried again.

    Args:
        search: What is to be searched.
        console: Where progress is shown.
        find: A function of `training.finding`, which still lacks `search` and `on_trial`.

    Raises:
        DivergedError: Training diverged with every learning rate.
    """
    from batchsift.report.console.progress import SearchProgress
    from batchsift.training.found import Found

    if not search:
        return Found()
    with SearchProgress(console) as progress, mistakes_explained():
        found = find(search=search, on_trial=progress.on_trial)
    complain(found.describe())
    for doubt in found.doubts():
        complain(f"note: {doubt}")
    return found
