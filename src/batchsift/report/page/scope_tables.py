"""The tables of a scope: scores, gains over Random, pairs of methods, epochs to target, time."""

import math
from collections.abc import Iterator, Sequence

from batchsift.image_metrics import ALL_METRICS
from batchsift.report.page.figures.drawing import identifier
from batchsift.report.page.tables import Column, Table, TableCell
from batchsift.statistics import Summary
from batchsift.studies.analysis.chance import measure_chance
from batchsift.studies.analysis.claims import format_time_interval
from batchsift.studies.analysis.contrasts import Contrast
from batchsift.studies.analysis.ranks import PairComparison, compare_pairs
from batchsift.studies.analysis.runs import TARGET
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.summaries import (
    count_still_learning,
    lowest_rank,
    measure_costs,
    ran_side_by_side,
    score_methods,
)
from batchsift.studies.analysis.wording import (
    NOTHING,
    format_epochs,
    format_interval,
    format_p,
    format_percent,
    format_value,
)
from batchsift.studies.config import AGAIN


def number_cell(value: float | None, *, sign: bool = False) -> TableCell:
    """Return a cell that shows a number."""
    return TableCell(format_value(value, sign=sign), value)


def interval_cell(low: float | None, high: float | None) -> TableCell:
    """Return a cell that shows an interval, sorted by its lower end."""
    return TableCell(format_interval(low, high), low)


def scores_table(scope: Scope, key: str, name: str) -> Table:
    """Tabulate mean and standard deviation of a metric: a row a data set, a column a method."""
    rows = []
    for data in scope.data:
        scores = score_methods(scope, key, data)
        cells = [TableCell(_spread(one.summary), one.summary.mean, one.is_best) for one in scores.values()]
        rows.append([TableCell(data), *cells])
    ranks = scope.friedman(key).ranks if len(rows) > 1 else scope.fold_ranks(key)
    lowest = lowest_rank(ranks)
    footer = [TableCell(f"Average rank{'' if len(rows) > 1 else ' over folds'}")] + [
        TableCell(NOTHING if math.isnan(ranks[m]) else f"{ranks[m]:.2f}", ranks[m], ranks[m] == lowest)
        for m in scope.methods
    ]
    return Table(
        name=identifier("scores", key, name),
        caption=ALL_METRICS[key].heading,
        columns=[Column("Data set", numeric=False), *(Column(method) for method in scope.methods)],
        rows=rows,
        footer=footer,
        note="Mean ± standard deviation over runs; the best mean in bold.",
    )


def _spread(summary: Summary) -> str:
    if math.isnan(summary.std):
        return format_value(summary.mean)
    return f"{format_value(summary.mean)} ± {format_value(summary.std)}"


def gains_table(scope: Scope, keys: Sequence[str], name: str) -> Table:
    """Tabulate every method and metric: gain, interval, wins and losses, effect sizes, the test over data sets."""
    confidence = format_percent(1 - scope.alpha)
    contrasts = [(key, contrast) for key in keys for contrast in scope.contrasts(key).values()]
    return Table(
        name=identifier("gains", name),
        caption="Every metric against Random",
        columns=[
            Column("Metric", numeric=False),
            Column("Method", numeric=False),
            Column("Gain", hint="Mean difference to Random; above zero is better, whatever the metric's direction"),
            Column(f"{confidence} interval"),
            Column("Won/tied/lost", hint="Data sets"),
            Column("Told apart", hint="Data sets, as better / as worse, by the corrected t-test over folds, Holm"),
            Column("Rank-biserial", hint="Matched-pairs rank-biserial correlation, in [-1, 1]"),
            Column("Hedges' g", hint="Cohen's d_z of the paired differences with Hedges' correction"),
            Column("p", hint="Adjusted for the methods and metrics that are looked at together (Holm)"),
        ],
        rows=[*(_gain_row(key, contrast) for key, contrast in contrasts), *_chance_rows(scope, keys)],
        note=_note_on_gains(contrasts[0][1]) if contrasts else "",
    )


def _gain_row(key: str, contrast: Contrast) -> list[TableCell]:
    better, worse = contrast.told_apart
    return [
        TableCell(ALL_METRICS[key].name),
        TableCell(contrast.method),
        number_cell(contrast.gain, sign=True),
        interval_cell(contrast.interval.low, contrast.interval.high),
        TableCell(str(contrast.record), contrast.record.wins - contrast.record.losses),
        TableCell(f"{better}/{worse}", better - worse),
        _two_decimals(contrast.effect),
        _two_decimals(contrast.g),
        TableCell(format_p(contrast.p_value), contrast.p_value),
    ]


def _chance_rows(scope: Scope, keys: Sequence[str]) -> Iterator[list[TableCell]]:
    """Yield what Random run again differs by from itself: no contender, so without tests."""
    nothing = TableCell(NOTHING)
    for key in keys:
        chance = measure_chance(scope, key)
        if chance is not None:
            gain, interval = (
                number_cell(chance.gain, sign=True),
                interval_cell(chance.interval.low, chance.interval.high),
            )
            yield [TableCell(ALL_METRICS[key].name), TableCell(AGAIN), gain, interval, *[nothing] * 5]


def _two_decimals(value: float | None) -> TableCell:
    return TableCell(NOTHING if value is None else f"{value:+.2f}".replace("-", "−"), value)


def _note_on_gains(contrast: Contrast) -> str:
    """Say what intervals, effect sizes and p are over, and why there is no p where there is none."""
    over = "data sets" if len(contrast.data_sets) > 1 else "folds"
    how = (
        "Intervals: paired bootstrap over data sets."
        if contrast.over == "data sets"
        else "Intervals: of the mean over these data sets, by the corrected resampled t over folds."
    )
    if contrast.p_value is None:
        p = f"No p: {contrast.reason_for_no_test}."
    else:
        p = f"p: {'Wilcoxon over data sets' if contrast.over == 'data sets' else 'corrected t over folds'}, Holm."
    return f"{how} Effect sizes: over {over}. {p}"


def data_sets_table(scope: Scope, keys: Sequence[str], name: str) -> Table:
    """Tabulate every data set by itself, over its folds."""
    confidence = format_percent(1 - scope.alpha)
    rows = []
    for key in keys:
        for method, contrast in scope.contrasts(key).items():
            for one in contrast.data_sets:
                bootstrap = one.bootstrap
                rows.append(
                    [
                        TableCell(one.data),
                        TableCell(ALL_METRICS[key].name),
                        TableCell(method),
                        number_cell(one.gain, sign=True),
                        interval_cell(one.test.low, one.test.high),
                        interval_cell(bootstrap.low, bootstrap.high),
                        TableCell(str(one.record), one.record.wins - one.record.losses),
                        TableCell(format_p(one.p_value), one.p_value),
                    ]
                )
    return Table(
        name=identifier("by-data", name),
        caption="Each data set by itself",
        columns=[
            Column("Data set", numeric=False),
            Column("Metric", numeric=False),
            Column("Method", numeric=False),
            Column("Gain"),
            Column(f"{confidence}, corrected t"),
            Column(f"{confidence}, bootstrap"),
            Column("Won/tied/lost", hint="Folds"),
            Column("p (corrected t)"),
        ],
        rows=rows,
        note="Corrected t: Nadeau and Bengio's, which allows for folds sharing training data; p adjusted for all "
        "methods and data sets of a metric. The bootstrap does not allow for it: too narrow.",
    )


def pairs_table(scope: Scope, keys: Sequence[str], name: str) -> Table | None:
    """Tabulate every pair of methods, over data sets; None where there is no test at all."""
    rows = [_pair_row(pair) for key in keys for pair in compare_pairs(scope, key)]
    columns = [
        Column("Pair", numeric=False),
        Column("Metric", numeric=False),
        Column("Difference in rank"),
        Column("p (Nemenyi)"),
        Column("p (Wilcoxon, Holm)"),
    ]
    note = "Nemenyi's p depends on which other methods were compared; Wilcoxon's does not."
    return Table(identifier("pairs", name), "Every pair of methods", columns, rows, note=note) if rows else None


def _pair_row(pair: PairComparison) -> list[TableCell]:
    return [
        TableCell(f"{pair.one} – {pair.other}"),
        TableCell(ALL_METRICS[pair.metric].name),
        _two_decimals(pair.rank_difference),
        TableCell(format_p(pair.nemenyi_p), pair.nemenyi_p),
        TableCell(format_p(pair.wilcoxon_p), pair.wilcoxon_p),
    ]


def times_table(scope: Scope, name: str) -> Table:
    """Tabulate the epochs until Random's best validation value, by data set and method."""
    confidence = format_percent(1 - scope.alpha)
    rows = []
    for data in scope.data:
        for method in scope.methods:
            time = scope.time_to_target(method, data)
            rows.append(
                [
                    TableCell(data),
                    TableCell(method),
                    TableCell("not reached" if time.median is None else format_epochs(time.median), time.median),
                    TableCell(format_time_interval(time), time.low),
                    TableCell(f"{time.num_reached}/{time.num_runs}", time.num_reached / time.num_runs),
                    TableCell(f"{time.restricted_mean:.1f}", time.restricted_mean),
                ]
            )
    return Table(
        name=identifier("epochs-to-target", name),
        caption=f"Epochs until Random's best validation {ALL_METRICS[TARGET].name}",
        columns=[
            Column("Data set", numeric=False),
            Column("Method", numeric=False),
            Column("Median", hint="Kaplan-Meier"),
            Column(f"{confidence} interval"),
            Column("Runs that reach it"),
            Column("Mean", hint="Runs that do not reach it count with all their epochs: a lower bound"),
        ],
        rows=rows,
        note="Each run against the best value of Random's run on the same fold, which favours Random: the target is "
        "its own luckiest epoch, and a method exactly as good as Random reaches it in about half of the runs."
        + _note_on_still_learning(scope),
    )


def _note_on_still_learning(scope: Scope) -> str:
    """Say whether the target is a plateau at all."""
    still_learning, num_runs = count_still_learning(scope)
    if not still_learning:
        return ""
    return (
        f" In {still_learning} of {num_runs} runs Random's best epoch is its last: it was still learning, and more "
        "epochs would move the target."
    )


def cost_table(scope: Scope, name: str) -> Table:
    """Tabulate the seconds of a run, and how many of them went into selection."""
    rows = []
    for method, cost in measure_costs(scope).items():
        share = cost.selection_seconds / cost.total_seconds if cost.total_seconds else None
        rows.append(
            [
                TableCell(method),
                TableCell(f"{cost.total_seconds:.1f}", cost.total_seconds),
                TableCell(f"{cost.selection_seconds:.2f}", cost.selection_seconds),
                TableCell(NOTHING if share is None else f"{100 * share:.0f} %", share),
                TableCell(NOTHING if cost.times_random is None else f"{cost.times_random:.2f}", cost.times_random),
                TableCell(f"{cost.best_epoch:.1f}", cost.best_epoch),
            ]
        )
    return Table(
        name=identifier("cost", name),
        caption="What it costs: means over runs",
        columns=[
            Column("Method", numeric=False),
            Column("Seconds a run"),
            Column("of them selection"),
            Column("Share"),
            Column("Times Random"),
            Column("Best epoch"),
        ],
        rows=rows,
        note="Measured while runs went on side by side: only as good as the machine was quiet."
        if ran_side_by_side(scope)
        else "",
    )
