"""Tables of a comparison for a terminal: means, ranks, paired differences to Random."""

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchsift.messages import first_few
from batchsift.metrics import METRICS
from batchsift.statistics import PairedDifference, Summary, smallest_p
from batchsift.studies.comparison import BASELINE, Comparison
from batchsift.training.prepare import Prepared

FIRST_COLUMN = 21  # characters a row's name takes, its borders included
OTHER_COLUMN = 19  # likewise a method's


def comparison_report(comparison: Comparison, width: int = 80) -> RenderableType:
    """Everything a comparison says in words and numbers, ready for `rich.print`.

    Args:
        comparison: What came out.
        width: Characters a line may take; more methods than fit go into further tables.
    """
    lines: list[RenderableType] = [Text(heading(comparison.prepared)), Text()]
    for methods in _fitting(comparison.methods, width):
        lines += [means_table(comparison, methods), Text()]
    lines += [
        Text(
            "Mean ± standard deviation over the folds, test part, best validation epoch. "
            "↑ higher is better, ↓ lower is better.",
            style="dim",
        ),
        Text(),
    ]
    others = [method for method in comparison.methods if method != BASELINE]
    if BASELINE not in comparison.results:
        lines.append(Text(f"No paired differences: {BASELINE!r} is not among the methods.", style="dim"))
    elif others:
        for methods in _fitting(others, width):
            lines += [differences_table(comparison, methods), Text()]
        lines.append(Text(_on_p(len(comparison.prepared.splits)), style="dim"))
    return Group(*lines)


def heading(prepared: Prepared) -> str:
    """The data as they went in, and what the filters took away."""
    data, settings = prepared.data, prepared.settings
    removed = first_few(prepared.removed_labels)
    features = ""
    if prepared.num_removed_features:
        features = f"; in each training part, the {prepared.num_removed_features} features with the smallest sums"
    return (
        f"{data.name}: {data.num_samples} samples, {data.num_features} features, {data.num_labels} labels, "
        f"cardinality {data.cardinality:.2f}\n"
        f"removed: {len(prepared.removed_labels)} labels with at most {settings.min_positives} positives"
        f"{f' ({removed})' if removed else ''}; {prepared.num_removed_samples} samples left without a label"
        f"{features}\n"
        f"{settings.num_folds} folds, {settings.epochs} epochs, batch size {settings.batch_size}, "
        f"learning rate {settings.learning_rate:g}, seed {prepared.seed}"
    )


def means_table(comparison: Comparison, methods: Sequence[str]) -> Table:
    """Mean and standard deviation of each metric, the best mean of all methods in bold; average ranks below."""
    table = _table("", methods)
    for key, by_method in comparison.summaries().items():
        metric = METRICS[key]
        means = {method: round(summary.mean, 4) for method, summary in by_method.items()}
        defined = [mean for mean in means.values() if not math.isnan(mean)]
        best = (max if metric.higher_is_better else min)(defined, default=math.nan)
        cells = [Text(_mean(by_method[m]), style="bold" if means[m] == best else "") for m in methods]
        table.add_row(f"{metric.name} {'↑' if metric.higher_is_better else '↓'}", *cells)
    table.add_section()
    ranks = comparison.overall_ranks()
    lowest = min((rank for rank in ranks.values() if not math.isnan(rank)), default=math.nan)
    cells = [Text(f"{ranks[m]:.2f}", style="bold" if ranks[m] == lowest else "") for m in methods]
    table.add_row("Average rank ↓", *cells)
    return table


def differences_table(comparison: Comparison, methods: Sequence[str]) -> Table:
    """Each method less Random, paired by fold, with the p of the signed-rank test."""
    table = _table(f"less {BASELINE} (p)", methods)
    for key, by_method in comparison.differences().items():
        metric = METRICS[key]
        table.add_row(
            f"{metric.name} {'↑' if metric.higher_is_better else '↓'}",
            *(_difference(by_method[method]) for method in methods),
        )
    return table


def _on_p(num_folds: int) -> str:
    return (
        "p: two-sided Wilcoxon signed-rank test over the folds, not corrected for the number of comparisons. With "
        f"{num_folds} folds it cannot be smaller than {smallest_p(num_folds):.4g}"
        f"{', so nothing here can reach 0.05' if smallest_p(num_folds) > 0.05 else ''}."
    )


def _table(first: str, methods: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(first), no_wrap=True)
    for method in methods:
        table.add_column(Text(method), justify="right", no_wrap=True)
    return table


def _fitting(methods: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    at_once = max(1, (width - FIRST_COLUMN) // OTHER_COLUMN)
    for start in range(0, len(methods), at_once):
        yield methods[start : start + at_once]


def _mean(summary: Summary) -> str:
    return f"{_number(summary.mean)} ± {_number(summary.std)}"


def _difference(difference: PairedDifference) -> str:
    return f"{_number(difference.mean, sign='+')} ({_number(difference.p_value)})"


def _number(value: float, *, sign: str = "") -> str:
    """Four decimals below 1, five digits above: coverage can be in the hundreds."""
    if math.isnan(value):
        return "n/a"
    return format(value, f"{sign}.4f" if abs(value) < 1 else f"{sign}#.5g")
