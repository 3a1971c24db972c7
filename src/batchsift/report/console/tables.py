"""Tables of a comparison for a terminal: means, ranks, gains over Random, and what they come to."""

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchsift.messages import first_few
from batchsift.metrics import METRICS
from batchsift.statistics import Summary
from batchsift.studies.analysis.claims import describe_runs, describe_tests, make_claims
from batchsift.studies.analysis.contrasts import Contrast
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.summaries import lowest_rank, score_methods
from batchsift.studies.analysis.wording import NOTHING, format_p, format_percent, format_value
from batchsift.studies.comparison import Comparison
from batchsift.studies.config import HEADLINES
from batchsift.training.found import Found
from batchsift.training.prepare import Prepared

FIRST_COLUMN = 21  # characters a row's name takes, its borders included
OTHER_COLUMN = 19  # likewise a method's


def comparison_report(comparison: Comparison, width: int = 80) -> RenderableType:
    """Return everything a comparison says in words and numbers, ready for `rich.print`.

    Args:
        comparison: What came out.
        width: Characters a line may take; more methods than fit go into further tables.
    """
    scope = comparison.scope
    lines: list[RenderableType] = [Text(heading(comparison.prepared, comparison.found)), Text()]
    for methods in _fitting(comparison.methods, width):
        lines += [means_table(scope, methods), Text()]
    lines += [
        Text(
            "Mean ± standard deviation over the folds, test part, best validation epoch. "
            "↑ higher is better, ↓ lower is better.",
            style="dim",
        ),
        Text(),
    ]
    if BASELINE not in comparison.results:
        lines.append(Text(f"Nothing to compare with: {BASELINE!r} is not among the methods.", style="dim"))
    elif scope.challengers:
        for methods in _fitting(scope.challengers, width):
            lines += [gains_table(scope, methods), Text()]
        lines += [Text(_describe_gains(scope), style="dim"), Text()]
        lines += [Text(f"{claims.method}: {' '.join(claims.summary)}") for claims in make_claims(scope, HEADLINES)]
    return Group(*lines)


def heading(prepared: Prepared, found: Found | None = None) -> str:
    """Return the data as they went in, what the filters took away, and the settings, those that were searched too."""
    data, settings = prepared.data, prepared.settings
    removed = first_few(prepared.removed_labels)
    features = ""
    if prepared.num_removed_features:
        features = f"; in each training part, the {prepared.num_removed_features} features with the smallest sums"
    found = found or Found()
    rate = found.describe_rates() if found.rates else f"learning rate {settings.learning_rate:g}"
    epochs = f"{settings.epochs} epochs" if found.epochs is None else found.describe_epochs()
    return (
        f"{data.name}: {data.num_samples} samples, {data.num_features} features, {data.num_labels} labels, "
        f"cardinality {data.cardinality:.2f}\n"
        f"removed: {len(prepared.removed_labels)} labels with at most {settings.min_positives} positives"
        f"{f' ({removed})' if removed else ''}; {prepared.num_removed_samples} samples left without a label"
        f"{features}\n"
        f"{settings.num_folds} folds, {epochs}, batch size {settings.batch_size}, "
        f"{rate}, loss {settings.loss}, scaling {settings.scaling}, "
        f"seed {prepared.seed}"
    )


def means_table(scope: Scope, methods: Sequence[str]) -> Table:
    """Tabulate mean and standard deviation of each metric, the best of all methods in bold; average ranks below."""
    table = _table("", methods)
    data = scope.data[0]
    for key in METRICS:
        scores = score_methods(scope, key, data)
        cells = [Text(_mean(scores[m].summary), style="bold" if scores[m].is_best else "") for m in methods]
        table.add_row(METRICS[key].heading, *cells)
    table.add_section()
    ranks = scope.overall_ranks
    lowest = lowest_rank(ranks)
    cells = [Text(f"{ranks[m]:.2f}", style="bold" if ranks[m] == lowest else "") for m in methods]
    table.add_row("Average rank ↓", *cells)
    return table


def gains_table(scope: Scope, methods: Sequence[str]) -> Table:
    """Tabulate each method's gain over Random by each metric, with the p of its test."""
    table = _table(f"gain over {BASELINE} (p)", methods)
    for key in METRICS:
        contrasts = scope.contrasts(key)
        table.add_row(METRICS[key].name, *(_gain(contrasts[method]) for method in methods))
    return table


def _describe_gains(scope: Scope) -> str:
    return (
        f"Gains above zero are better, whatever the metric's direction. {describe_runs(scope)} "
        f"{describe_tests(scope, HEADLINES[0])} Told apart: p below {format_percent(scope.alpha)}."
    )


def _table(first: str, methods: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(first), no_wrap=True)
    for method in methods:
        # A method with a loss of its own has a long name: the loss goes into a line below.
        table.add_column(Text(method.replace("+", "\n+")), justify="right", no_wrap=True)
    return table


def _fitting(methods: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    at_once = max(1, (width - FIRST_COLUMN) // OTHER_COLUMN)
    for start in range(0, len(methods), at_once):
        yield methods[start : start + at_once]


def _mean(summary: Summary) -> str:
    return f"{_number(summary.mean)} ± {_number(summary.std)}"


def _number(value: float) -> str:
    return "n/a" if math.isnan(value) else format_value(value)


def _gain(contrast: Contrast) -> str:
    if math.isnan(contrast.gain):
        return NOTHING
    return f"{format_value(contrast.gain, sign=True)} ({format_p(contrast.p_value)})"
