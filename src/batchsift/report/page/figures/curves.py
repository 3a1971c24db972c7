"""Curves over epochs: convergence, and what the selector said of itself."""

from collections.abc import Mapping, Sequence

import numpy as np

from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns
from batchsift.report.page import svg
from batchsift.report.page.figures.drawing import Drawing, draw_curves, hover_content, identifier, stack_curves
from batchsift.studies.analysis.runs import BASELINE, TARGET, Block, Floats, Run

ByMethod = Mapping[str, Sequence[Run]]


def draw_convergence(block: Block, runs: ByMethod, methods: Sequence[str]) -> Drawing:
    """Draw the validation curves; below them, where Random is among several, the paired differences to it.

    Folds differ more than methods do: in the differences their own levels cancel.
    """
    curves = {methods.index(method): stack_curves([run.curve for run in own]) for method, own in runs.items()}
    paired = _paired(runs, methods)
    num_epochs = min(curve.shape[1] for curve in curves.values())
    curves = {number: curve[:, :num_epochs] for number, curve in curves.items()}
    with svg.settings():
        figure = svg.figure(290 if paired else 200)
        panels = figure.subplots(
            2 if paired else 1, sharex=True, height_ratios=[5, 3] if paired else [1], squeeze=False
        )
        drawn = [(panels[0, 0], draw_curves(panels[0, 0], curves))]
        if paired:
            cut = {number: curve[:, :num_epochs] for number, curve in paired.items()}
            panels[1, 0].axhline(0, color=svg.color(0), linewidth=1.2)
            drawn.append((panels[1, 0], draw_curves(panels[1, 0], cut)))
            panels[1, 0].set_title("Difference to Random", color=svg.MUTED)
        panels[-1, 0].set_xlabel("Epoch")
        panels[0, 0].set_title(f"Validation {ALL_METRICS[TARGET].name}", color=svg.MUTED)
        content = hover_content(figure, drawn, methods, num_epochs)
        name = identifier("convergence", block.data, block.model, block.settings)
        label = f"Validation {ALL_METRICS[TARGET].name} against epoch on {block}"
        note = _describe_lines([len(curve) for curve in curves.values()])
        return Drawing(svg.inline(figure, name=name, label=label), f"{block.data} · {block.model}", note, content)


def _describe_lines(num_runs: Sequence[int]) -> str:
    """Say what lines and bands of convergence are: of how many runs a method."""
    fewest, most = min(num_runs), max(num_runs)
    if most == 1:
        return "Lines: one run a method."
    runs = count_nouns(most, "run") if fewest == most else f"{fewest} to {most} runs"
    return f"Lines: means of {runs} a method; bands: one standard deviation to each side."


def _paired(runs: ByMethod, methods: Sequence[str]) -> dict[int, Floats]:
    base = {run.pair: run.curve for run in runs.get(BASELINE, ())}
    differences: dict[int, Floats] = {}
    for method, own in runs.items():
        both = [(run.curve, base[run.pair]) for run in own if run.pair in base]
        if method != BASELINE and both:
            curves, random = stack_curves([pair[0] for pair in both]), stack_curves([pair[1] for pair in both])
            shortest = min(curves.shape[1], random.shape[1])
            differences[methods.index(method)] = curves[:, :shortest] - random[:, :shortest]
    return differences


def draw_share_drawn(block: Block, runs: ByMethod, methods: Sequence[str]) -> Drawing | None:
    """Draw the share of the training samples that an epoch draws at all."""
    curves = {method: [100 * run.summaries["share_drawn"] for run in own] for method, own in runs.items()}
    return _draw_selector_curve(block, curves, methods, "Samples drawn in an epoch, %", "share")


def draw_entropy(block: Block, runs: ByMethod, methods: Sequence[str]) -> Drawing | None:
    """Draw the entropy of the probabilities over that of the uniform distribution."""
    curves = {
        method: [100 * run.summaries["entropy"] / np.log(run.facts.num_train) for run in own]
        for method, own in runs.items()
    }
    return _draw_selector_curve(block, curves, methods, "Entropy, % of the uniform", "entropy")


def _draw_selector_curve(
    block: Block, curves: Mapping[str, Sequence[Floats]], methods: Sequence[str], title: str, name: str
) -> Drawing | None:
    known = {
        methods.index(m): stack_curves(own)
        for m, own in curves.items()
        if own and not np.isnan(stack_curves(own)).any()
    }
    if not known:
        return None
    num_epochs = min(curve.shape[1] for curve in known.values())
    with svg.settings():
        figure = svg.figure(180)
        axes = figure.subplots()
        means = draw_curves(axes, {number: curve[:, :num_epochs] for number, curve in known.items()}, band=False)
        axes.set_xlabel("Epoch")
        content = hover_content(figure, [(axes, means)], methods, num_epochs)
        identity = identifier(name, block.data, block.model, block.settings)
        return Drawing(svg.inline(figure, name=identity, label=f"{title}, on {block}"), title, hover=content)


def draw_counts(block: Block, runs: ByMethod, methods: Sequence[str]) -> Drawing | None:
    """Draw how often samples were drawn, as a quantile function."""
    with svg.settings():
        figure = svg.figure(180)
        axes = figure.subplots()
        has_draws = False
        for method, own in runs.items():
            quantiles = [run.draws for run in own if run.draws.size]
            if not quantiles:
                continue
            has_draws, number = True, methods.index(method)
            mean = np.array(quantiles).mean(axis=0)
            share = np.linspace(0, 100, len(mean))
            (line,) = axes.plot(share, mean, color=svg.color(number), linestyle=svg.dash(number), linewidth=1.5)
            line.set_gid(f"series-{number}")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.grid(visible=True, axis="y", color=svg.GRID, linewidth=0.7)
        axes.set_xlabel("Samples, from the least to the most drawn, %")
        name = identifier("draws", block.data, block.model, block.settings)
        title = "Draws of a sample in a run"
        return Drawing(svg.inline(figure, name=name, label=f"{title}, on {block}"), title) if has_draws else None
