"""The console that everything with tables and bars is shown on: names from files of others are shown, never obeyed."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from batchsift.messages import visible


class Terminal(Console):
    """A console of rich that takes nothing in texts for markup, and writes out what a terminal would obey.

    Args:
        on_stderr: Write to stderr instead of stdout.
    """

    def __init__(self, *, on_stderr: bool = False) -> None:
        super().__init__(stderr=on_stderr, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the pieces of what is shown; see `rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text, lines=True), segment.style)

    def out(
        self, *objects: Any, sep: str = " ", end: str = "\n", style: Any = None, highlight: bool | None = None
    ) -> None:
        """Write a line without wrapping it; see `rich.console.Console.out`."""
        super().out(visible(sep.join(map(str, objects)), lines=True), end=end, style=style, highlight=highlight)
