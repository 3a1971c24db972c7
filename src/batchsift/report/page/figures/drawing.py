"""What all figures share: the drawing, curves with bands, where the pointer is. E epochs, R runs."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from batchsift.report.page import svg
from batchsift.studies.analysis.runs import Floats

MOST_POINTS = 60  # of a curve: more cannot be told apart at this width


@dataclass(frozen=True)
class Drawing:
    """One figure of the page.

    Args:
        picture: The SVG.
        title: The title above it.
        note: The note below it: what bands and marks are.
        hover: What the script needs to read values off it, as JSON; empty where there is nothing to read.
    """

    picture: Markup
    title: str
    note: str = ""
    hover: str = ""


def identifier(*parts: object) -> str:
    """Make an id of letters, digits and dashes: readable, and unique where the parts are, up to spaces and underscores.

    >>> identifier("curve", "my_set", 3)
    'curve-my-set-3'
    >>> identifier("curve", "Übung").startswith("curve-bung-")
    True
    """
    text = "-".join(map(str, parts))
    plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    if re.fullmatch(r"[\w .-]*", text, re.ASCII):
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".strip("-")


def epochs_to_draw(num_epochs: int) -> np.ndarray:
    """Return the epochs to draw, from 0: all, or as many as can be told apart, the first and the last among them."""
    return np.unique(np.linspace(0, num_epochs - 1, min(num_epochs, MOST_POINTS)).round().astype(int))


def stack_curves(curves: Sequence[Floats]) -> Floats:
    """Stack the curves `(E, ...)` of R runs as `(R, E, ...)`, cut to the shortest."""
    shortest = min(len(curve) for curve in curves)
    return np.array([curve[:shortest] for curve in curves])


def mean_over_runs(traces: Sequence[Floats]) -> Floats:
    """Average `(E, ...)` traces of runs, cut to the shortest."""
    mean: Floats = stack_curves(traces).mean(axis=0)
    return mean


def few_ticks(most: int, *, integer: bool = False) -> MaxNLocator:
    """Choose about so many ticks, at round numbers."""
    return MaxNLocator(nbins=most, integer=integer)


def draw_curves(axes: Axes, curves: Mapping[int, Floats], *, band: bool = True) -> dict[int, list[float]]:
    """Draw a line for each method's mean and a band of a standard deviation to each side.

    Args:
        axes: The axes to draw into.
        curves: Number of the method to `(R, E)`.
        band: False for the line alone.

    Returns:
        The means of the epochs that are drawn.
    """
    means = {}
    for number, curve_RE in curves.items():
        at = epochs_to_draw(curve_RE.shape[1])
        mean = curve_RE.mean(axis=0)[at]
        if band and len(curve_RE) > 1:
            std = curve_RE.std(axis=0, ddof=1)[at]
            area = axes.fill_between(at + 1, mean - std, mean + std, color=svg.color(number), alpha=0.13, linewidth=0)
            area.set_gid(f"series-{number}")
        (line,) = axes.plot(
            at + 1,
            mean,
            color=svg.color(number),
            linestyle=svg.dash(number),
            linewidth=1.5,
            marker="o" if len(at) == 1 else None,
        )
        line.set_gid(f"series-{number}")
        means[number] = [float(value) for value in mean]
    axes.grid(visible=True, axis="y", color=svg.GRID, linewidth=0.7)
    axes.xaxis.set_major_locator(few_ticks(6, integer=True))
    axes.yaxis.set_major_locator(few_ticks(5))
    axes.margins(x=0.01)
    return means


def hover_content(
    figure: Figure, panels: Sequence[tuple[Axes, Mapping[int, Sequence[float]]]], names: Sequence[str], num_epochs: int
) -> str:
    """Write down for the script where each panel lies in the SVG, its epochs, and each method's values there."""
    svg.lay_out(figure)
    height = figure.get_window_extent().height
    content: dict[str, Any] = {"epochs": (epochs_to_draw(num_epochs) + 1).tolist(), "panels": []}
    for axes, series in panels:
        box = axes.get_window_extent()
        content["panels"].append(
            {
                "left": round(box.x0, 1),
                "right": round(box.x1, 1),
                "top": round(height - box.y1, 1),
                "bottom": round(height - box.y0, 1),
                "range": [round(float(edge), 4) for edge in axes.get_xlim()],
                "series": [
                    {"number": number, "name": names[number], "values": [_plain(value) for value in values]}
                    for number, values in series.items()
                ],
            }
        )
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _plain(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
