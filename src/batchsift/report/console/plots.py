"""Plots of a comparison, drawn without a display and without matplotlib's global state. F folds, E epochs."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from batchsift.report.words import make_visible
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.comparison import Comparison

# Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow: too pale on white.
COLORS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
# Lines that lie on each other stay visible, in grey print too.
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1, 1.5)))


def convergence(comparison: Comparison) -> Figure:
    """Draw validation Macro-AUC against epoch: a line for each method's mean, a band of one standard deviation.

    Folds differ more than methods do; where Random is among several methods, a second panel shows the paired
    differences to it, in which the folds' own levels cancel.
    """
    curves = {
        method: np.array([[record.macro_auc for record in run.epochs] for run in runs])
        for method, runs in comparison.results.items()
    }
    paired = BASELINE in curves and len(curves) > 1
    figure = Figure(figsize=(7.2, 6.4 if paired else 4.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1 + paired, sharex=True, height_ratios=[2, 1][: 1 + paired], squeeze=False)[:, 0]
    _draw(panels[0], curves, "Validation Macro-AUC")
    if paired:
        differences = {method: curve_FE - curves[BASELINE] for method, curve_FE in curves.items()}
        _draw(panels[1], differences, f"Difference to {BASELINE}")
    name = comparison.prepared.data.name
    panels[0].set_title(f"{name}, {comparison.model}", loc="left", parse_math=False)
    panels[0].legend(title=f"mean ± sd of {len(comparison.prepared.splits)} folds", loc="lower right")
    panels[-1].set_xlabel("Epoch")
    return figure


def _draw(axes: Axes, curves: Mapping[str, NDArray[np.float64]], quantity: str) -> None:
    for number, (method, curve_FE) in enumerate(curves.items()):
        color, dash = COLORS[number % len(COLORS)], DASHES[number % len(DASHES)]
        epochs_E = np.arange(1, curve_FE.shape[1] + 1)
        mean_E, std_E = curve_FE.mean(axis=0), curve_FE.std(axis=0, ddof=1)
        axes.fill_between(epochs_E, mean_E - std_E, mean_E + std_E, color=color, alpha=0.12, linewidth=0)
        # A single epoch has no line to draw.
        marker = "o" if len(epochs_E) == 1 else None
        axes.plot(epochs_E, mean_E, color=color, linestyle=dash, linewidth=1.6, marker=marker, label=method)
    axes.set_ylabel(quantity)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.01)
    axes.grid(visible=True, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def image(figure: Figure, form: str) -> bytes:
    """Return a figure as the bytes of a file.

    Args:
        figure: What was drawn.
        form: "png" or "svg".
    """
    make_visible(figure)
    content = io.BytesIO()
    # Without the date a repeated run gives the same file.
    figure.savefig(content, format=form, metadata={"Date": None} if form == "svg" else None)
    return content.getvalue()
