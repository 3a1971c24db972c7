"""Figures with a row or a band for each label or signal. L labels, E epochs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from batchsift.messages import cut_short
from batchsift.report.page import svg
from batchsift.report.page.figures.drawing import Drawing, epochs_to_draw, few_ticks, identifier, mean_over_runs
from batchsift.studies.analysis.labels import mean_of_known
from batchsift.studies.analysis.runs import Block, Floats, Run

MOST_NAMES = 26  # labels that can be named beside a heat map
MOST_SIGNALS = 6  # that a figure has room for
MOST_GAINS = 16  # labels of a dot plot
LINE = 16  # points of a row with a name
LONGEST = 16  # characters of a label's name in a figure


def draw_heat_maps(block: Block, method: str, runs: Sequence[Run]) -> list[Drawing]:
    """Draw label weights over epochs, one map a signal; of a method without them, the labels' mean signals."""
    signals = [signal for signal in runs[0].label_traces if all(signal in run.label_traces for run in runs)]
    facts = runs[0].facts
    order = np.argsort(-np.array(facts.label_counts), kind="stable")
    names = [facts.label_names[j] for j in order]
    what = "weights" if runs[0].trace_kind == "label_weights" else "means"
    drawings = []
    for signal in signals:
        weights_EL = mean_over_runs([run.label_traces[signal] for run in runs])
        title = f"{method}: label {what} ({signal.replace('_', ' ')})"
        with svg.settings():
            drawings.append(_heat(block, title, weights_EL[:, order].T, names))
    return drawings


def _heat(block: Block, title: str, weights_LE: Floats, names: Sequence[str]) -> Drawing:
    num_labels, num_epochs = weights_LE.shape
    figure = svg.figure(min(70 + LINE * num_labels, 70 + LINE * MOST_NAMES))
    axes, scale = figure.subplots(1, 2, width_ratios=[30, 1])
    at = epochs_to_draw(num_epochs)
    low, high = float(np.nanmin(weights_LE)), float(np.nanmax(weights_LE))
    high = high if high > low else low + 1e-6
    image = {"aspect": "auto", "interpolation": "none", "cmap": "cividis", "vmin": low, "vmax": high}
    axes.imshow(weights_LE[:, at], extent=(0.5, num_epochs + 0.5, num_labels - 0.5, -0.5), **image)
    scale.imshow(np.linspace(high, low, 64)[:, None], extent=(0, 1, low, high), **image)
    scale.set_xticks([])
    scale.yaxis.tick_right()
    scale.yaxis.set_major_locator(few_ticks(4))
    if num_labels <= MOST_NAMES:
        axes.set_yticks(range(num_labels), [cut_short(name, LONGEST) for name in names])
    else:
        axes.set_yticks([0, num_labels - 1], ["most frequent", "rarest"])
    axes.xaxis.set_major_locator(few_ticks(6, integer=True))
    axes.set_xlabel("Epoch")
    for panel in (axes, scale):
        panel.spines[:].set_visible(False)
    name = identifier("heat", title, block.data, block.model, block.settings)
    label = f"{title} by epoch on {block}; labels from the most frequent to the rarest"
    return Drawing(svg.inline(figure, name=name, label=label), title, "From the most frequent label to the rarest.")


def draw_signal_bands(block: Block, method: str, runs: Sequence[Run], number: int) -> Drawing | None:
    """Draw the distribution of each signal over all cells, by epoch: median, quartiles, 5 and 95 %."""
    signals = [signal for signal in runs[0].quantiles if all(signal in run.quantiles for run in runs)][:MOST_SIGNALS]
    if not signals:
        return None
    columns = min(2, len(signals))
    rows = -(-len(signals) // columns)
    with svg.settings():
        figure = svg.figure(44 + 112 * rows)
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
        for axes in panels.flat[len(signals) :]:
            axes.set_axis_off()
        for axes, signal in zip(panels.flat, signals, strict=False):
            _bands(axes, mean_over_runs([run.quantiles[signal] for run in runs]), number)
            axes.set_title(signal.replace("_", " "), color=svg.MUTED)
        for axes in panels[-1]:
            axes.set_xlabel("Epoch")
        name = identifier("signals", method, block.data, block.model, block.settings)
        label = f"Distribution of the signals of {method} over epochs on {block}"
        title, note = (
            f"{method}: distribution of its signals",
            "Median, middle half and middle nine tenths of all cells.",
        )
        return Drawing(svg.inline(figure, name=name, label=label), title, note)


def _bands(axes: Axes, quantiles_EQ: Floats, number: int) -> None:
    at = epochs_to_draw(len(quantiles_EQ))
    drawn = quantiles_EQ[at]
    color = svg.color(number)
    for low, high, alpha in ((1, 19, 0.14), (5, 15, 0.28)):
        axes.fill_between(at + 1, drawn[:, low], drawn[:, high], color=color, alpha=alpha, linewidth=0)
    axes.plot(at + 1, drawn[:, 10], color=color, linewidth=1.4)
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(drawn))))
    axes.grid(visible=True, axis="y", color=svg.GRID, linewidth=0.7)
    axes.xaxis.set_major_locator(few_ticks(2, integer=True))
    axes.yaxis.set_major_locator(few_ticks(3))
    axes.margins(x=0.01)


def draw_gains(
    block: Block, gains_ML: Mapping[str, Floats], names: Sequence[str], methods: Sequence[str]
) -> Drawing | None:
    """Draw a dot for each label and method: the AUC less Random's, the labels that gain most on top."""
    table = np.array(list(gains_ML.values()))
    if not table.size or np.isnan(table).all():
        return None
    mean_L = mean_of_known(table)
    order = [int(j) for j in np.argsort(-mean_L, kind="stable") if not np.isnan(mean_L[j])]
    half = MOST_GAINS // 2
    chosen = order if len(order) <= MOST_GAINS else [*order[:half], *order[-half:]]
    with svg.settings():
        figure = svg.figure(54 + LINE * len(chosen))
        axes = figure.subplots()
        axes.axvline(0, color=svg.color(0), linewidth=1.2)
        for row, j in enumerate(chosen):
            axes.axhline(row, color=svg.GRID, linewidth=0.7)
            for method, gain_L in gains_ML.items():
                number = methods.index(method)
                (dot,) = axes.plot(gain_L[j], row, "o", color=svg.color(number), markersize=6)
                dot.set_gid(f"series-{number}")
        if len(chosen) < len(order):
            axes.axhline(half - 0.5, color=svg.MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_yticks(range(len(chosen)), [cut_short(names[j], LONGEST) for j in chosen])
        axes.set_ylim(len(chosen) - 0.4, -0.6)
        axes.xaxis.set_major_locator(few_ticks(5))
        axes.set_xlabel("AUC less Random's")
        axes.spines[["bottom"]].set_visible(False)
        name = identifier("gains", block.data, block.model, block.settings)
        label = f"Gain in AUC over Random by label on {block}"
        note = f"The {half} labels that gain most and the {half} that lose most of {len(order)}." * (
            len(chosen) < len(order)
        )
        return Drawing(svg.inline(figure, name=name, label=label), "Which labels gain", note)
