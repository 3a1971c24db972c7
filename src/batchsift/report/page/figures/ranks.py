"""The critical-difference diagram (Demsar, JMLR 2006, figure 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from batchsift.report.page import svg
from batchsift.report.page.figures.drawing import Drawing, identifier

MARGIN = 22  # points left and right of the axis
ROW = 18  # points between two methods' names
BAR = 7  # points between two bars
LETTER = 7.6  # points a letter takes, about


def draw_ranks(
    ranks: Mapping[str, float],
    bars: Sequence[Sequence[str]],
    methods: Sequence[str],
    *,
    name: str,
    title: str,
    difference: float | None = None,
) -> Drawing:
    """Draw the methods on a line by average rank, the best to the left; a bar joins those that were not told apart.

    Args:
        ranks: Method to average rank.
        bars: Groups of methods to be joined.
        methods: All methods of the study, which decide the colors.
        name: The start of the ids.
        title: The title of the figure.
        difference: The length of the critical difference, drawn above the axis; None for none.
    """
    order = sorted(ranks, key=lambda method: ranks[method])
    rows = (len(order) + 1) // 2
    axis = 52.0 if difference is not None else 26.0
    first = axis + 14 + BAR * len(bars)
    with svg.settings():
        figure, axes = _canvas(first + ROW * rows)
        scale = _Scale(len(ranks))
        _axis(axes, scale, axis)
        if difference is not None:
            _difference(axes, scale, difference)
        for number, bar in enumerate(bars):
            y = axis + 9 + BAR * number
            ends = scale.at(min(ranks[m] for m in bar)) - 3, scale.at(max(ranks[m] for m in bar)) + 3
            axes.plot(ends, (y, y), color=svg.INK, linewidth=3.2, solid_capstyle="round")
        for place, method in enumerate(order):
            left = place < rows
            y = first + ROW * ((place if left else len(order) - 1 - place) + 0.4)
            _Mark(method, ranks[method], svg.color(methods.index(method)), left).draw(axes, scale, axis, y)
        label = f"{title}: " + ", ".join(f"{method} {ranks[method]:.2f}" for method in order)
        return Drawing(svg.inline(figure, name=identifier(name), label=label), title)


def _canvas(height: float) -> tuple[Figure, Axes]:
    """Make axes that are all of the figure, in points from the upper left."""
    figure = svg.figure(height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, svg.WIDTH)
    axes.set_ylim(height, 0)
    return figure, axes


class _Scale:
    """Average rank to points."""

    def __init__(self, num_methods: int) -> None:
        self.last = max(2, num_methods)

    def at(self, rank: float) -> float:
        return MARGIN + (rank - 1) / (self.last - 1) * (svg.WIDTH - 2 * MARGIN)


def _axis(axes: Axes, scale: _Scale, y: float) -> None:
    axes.plot((scale.at(1), scale.at(scale.last)), (y, y), color=svg.MUTED, linewidth=1)
    for rank in range(1, scale.last + 1):
        x = scale.at(rank)
        axes.plot((x, x), (y - 5, y), color=svg.MUTED, linewidth=1)
        axes.text(x, y - 8, str(rank), color=svg.MUTED, ha="center", va="baseline")


def _difference(axes: Axes, scale: _Scale, difference: float) -> None:
    start, end = scale.at(1), scale.at(1 + difference)
    axes.plot((start, min(end, svg.WIDTH)), (20, 20), color=svg.INK, linewidth=1)
    for x in (start, end):
        axes.plot((x, x), (16.5, 23.5), color=svg.INK, linewidth=1)
    axes.text(start, 12, f"critical difference {difference:.2f}", color=svg.INK, ha="left", va="baseline")


@dataclass(frozen=True)
class _Mark:
    """A method's dot on the axis, and its name at the edge."""

    method: str
    rank: float
    color: str
    left: bool

    def draw(self, axes: Axes, scale: _Scale, axis: float, y: float) -> None:
        """Draw down from the axis and, where the name does not lie right below, outwards to it."""
        x, edge = scale.at(self.rank), 2.0 if self.left else svg.WIDTH - 2.0
        text = f"{self.method} {self.rank:.2f}" if self.left else f"{self.rank:.2f} {self.method}"
        width = LETTER * len(text) + 4
        inner = edge + width if self.left else edge - width
        if (x > inner) == self.left:
            axes.plot((x, x, inner), (axis, y, y), color=self.color, linewidth=1.1)
        else:
            axes.plot((x, x), (axis, y - 6), color=self.color, linewidth=1.1)
        axes.plot(x, axis, "o", color=self.color, markersize=6.5)
        axes.text(edge, y, text, ha="left" if self.left else "right", va="center")
