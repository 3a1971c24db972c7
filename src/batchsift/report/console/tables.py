"""Tables of a comparison for a terminal: means, ranks, gains over Random, and what they come to."""

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns, first_few
from batchsift.metrics import METRICS
from batchsift.statistics import Summary
from batchsift.studies.analysis.chance import Chance, measure_chance
from batchsift.studies.analysis.claims import describe_runs, describe_tests, make_claims
from batchsift.studies.analysis.contrasts import Contrast
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.summaries import lowest_rank, measure_costs, score_methods
from batchsift.studies.analysis.verdict import Answer
from batchsift.studies.analysis.wording import NOTHING, format_epochs, format_p, format_percent, format_value
from batchsift.studies.comparison import Comparison
from batchsift.studies.config import AGAIN
from batchsift.training.found import Found
from batchsift.training.pictures import PictureSettings
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
    heads = Text(heading(comparison.prepared, comparison.found))
    lines: list[RenderableType] = [heads, Text(), verdict(comparison.verdict), Text()]
    for methods in _fitting(comparison.methods, width):
        lines += [means_table(scope, methods, comparison.metrics), Text()]
    lines += [Text(_describe_means(comparison), style="dim"), Text()]
    if BASELINE not in comparison.results:
        lines.append(Text(f"Nothing to compare with: {BASELINE!r} is not among the methods.", style="dim"))
    elif scope.challengers or comparison.again:
        compared = [*scope.challengers, *([AGAIN] if comparison.again else [])]
        for methods in _fitting(compared, width):
            lines += [gains_table(scope, methods, comparison.metrics), Text()]
        lines += [Text(_describe_gains(scope), style="dim"), Text()]
        lines += [Text(f"{claims.method}: {' '.join(claims.summary)}") for claims in make_claims(scope, scope.family)]
    return Group(*lines)


def verdict(answer: Answer) -> RenderableType:
    """Return what to use, why, and what speaks against it."""
    color = "yellow" if answer.use is None else "green"
    lines = [Text(answer.headline, style=f"bold {color}"), Text(answer.why)]
    return Group(*lines, *(Text(f"- {doubt}") for doubt in answer.doubts))


def heading(prepared: Prepared, found: Found | None = None) -> str:
    """Return the data as they went in, what the filters took away, and the settings, those that were searched too."""
    data, settings = prepared.data, prepared.settings
    removed = first_few(prepared.removed_labels)
    features = ""
    if prepared.num_removed_features:
        features = (
            f"; in each training part, the {count_nouns(prepared.num_removed_features, 'feature')} "
            f"with the smallest sums"
        )
    found = found or Found()
    rate = found.describe_rates() if found.rates else f"learning rate {settings.learning_rate:g}"
    epochs = f"{count_nouns(settings.epochs, 'epoch')}" if found.epochs is None else found.describe_epochs()
    size, scaling = count_nouns(data.num_features, "feature"), f"scaling {settings.scaling}"
    if settings.pictures is not None:
        size, scaling = (
            f"pictures of {settings.pictures.size} x {settings.pictures.size}",
            _of_pictures(settings.pictures),
        )
    return (
        f"{data.name}: {count_nouns(data.num_samples, 'sample')}, "
        f"{size}, {count_nouns(data.num_labels, 'label')}, "
        f"cardinality {data.cardinality:.2f}\n"
        f"removed: {count_nouns(len(prepared.removed_labels), 'label')} with at most "
        f"{count_nouns(settings.min_positives, 'positive')}"
        f"{f' ({removed})' if removed else ''} or on every sample,\n"
        f"{count_nouns(prepared.num_removed_samples, 'sample')} left without a label"
        f"{features}\n"
        f"{count_nouns(settings.num_folds, 'fold')}, {epochs}, batch size {settings.batch_size}, "
        f"{rate}, loss {settings.loss}, {scaling}, "
        f"seed {prepared.seed}"
    )


def _of_pictures(settings: PictureSettings) -> str:
    """Return in words how pictures are trained on: what is not so by default."""
    shown = {"ema": settings.ema, "observe": settings.observe, "backbone rate": settings.backbone_rate}
    usual = {"ema": None, "observe": "training", "backbone rate": 1.0}
    words = [f"{name} {value}" for name, value in shown.items() if value != usual[name]]
    return ", ".join([f"crop {settings.crop:g}", f"flip {settings.flip:g}", f"neighbors {settings.neighbors}", *words])


def means_table(scope: Scope, methods: Sequence[str], metrics: Sequence[str] = tuple(METRICS)) -> Table:
    """Tabulate mean and standard deviation of metrics, the best of all methods in bold; the last epoch below each."""
    table = _table("", methods)
    data = scope.data[0]
    for key in metrics:
        scores, last = score_methods(scope, key, data), score_methods(scope, key, data, last=True)
        cells = [Text(_mean(scores[m].summary), style="bold" if scores[m].is_best else "") for m in methods]
        table.add_row(ALL_METRICS[key].heading, *cells)
        table.add_row("  last epoch", *(_mean(last[m].summary) for m in methods), style="dim")
    table.add_section()
    costs = measure_costs(scope)
    table.add_row("Best epoch", *(format_epochs(costs[m].best_epoch) for m in methods))
    ranks = scope.overall_ranks
    lowest = lowest_rank(ranks)
    cells = [Text(_rank(ranks[m]), style="bold" if ranks[m] == lowest else "") for m in methods]
    table.add_row("Average rank ↓", *cells)
    return table


def gains_table(scope: Scope, methods: Sequence[str], metrics: Sequence[str] = tuple(METRICS)) -> Table:
    """Tabulate each method's gain over Random by metrics, with the p of its test; what chance does as a method."""
    table = _table(f"gain over {BASELINE} (p)", methods)
    for key in metrics:
        contrasts = scope.contrasts(key)
        cells = [_chance(measure_chance(scope, key)) if m == AGAIN else _gain(contrasts[m]) for m in methods]
        table.add_row(ALL_METRICS[key].name, *cells)
    return table


def _describe_means(comparison: Comparison) -> str:
    epochs = comparison.prepared.settings.epochs
    others = "" if len(comparison.metrics) == len(METRICS) else " results.json has the others."
    return (
        "Mean ± standard deviation over the folds, test part, at the best validation epoch and at the last, which is "
        f"{epochs}. ↑ higher is better, ↓ lower is better. Average rank: over all {len(METRICS)} metrics, those apart "
        f"that do not differ.{others}"
    )


def _describe_gains(scope: Scope) -> str:
    chance = f" {AGAIN}: other draws and nothing else, which is what chance does." if scope.again else ""
    tests = f" {describe_tests(scope, scope.family[0])} Told apart: p below {format_percent(scope.alpha)}."
    return (
        f"Gains above zero are better, whatever the metric's direction.{chance} {describe_runs(scope)}"
        f"{tests if scope.challengers else ''}"
    )


def _table(first: str, methods: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(Text(first), no_wrap=True)
    for method in methods:
        # A method with a loss of its own has a long name: the loss goes into a line below.
        table.add_column(Text(method.replace("+", "\n+").replace(" (", "\n(")), justify="right", no_wrap=True)
    return table


def _fitting(methods: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    at_once = max(1, (width - FIRST_COLUMN) // OTHER_COLUMN)
    for start in range(0, len(methods), at_once):
        yield methods[start : start + at_once]


def _mean(summary: Summary) -> str:
    return f"{_number(summary.mean)} ± {_number(summary.std)}"


def _number(value: float) -> str:
    return "n/a" if math.isnan(value) else format_value(value)


def _rank(rank: float) -> str:
    return NOTHING if math.isnan(rank) else f"{rank:.2f}"


def _chance(chance: Chance | None) -> str:
    return NOTHING if chance is None else format_value(chance.gain, sign=True)


def _gain(contrast: Contrast) -> str:
    if math.isnan(contrast.gain):
        return NOTHING
    return f"{format_value(contrast.gain, sign=True)} ({format_p(contrast.p_value)})"
