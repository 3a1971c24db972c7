"""The tables of a scope: scores, gains over Random, pairs of methods, epochs to target, time."""

import math
from collections.abc import Sequence

import numpy as np

from batchsift.metrics import METRICS
from batchsift.report.page.figures.drawing import identifier
from batchsift.report.page.tables import Cell, Column, Table
from batchsift.statistics import bootstrap_interval, win_tie_loss
from batchsift.studies.analysis import words
from batchsift.studies.analysis.claims import until
from batchsift.studies.analysis.contrasts import Contrast, Scope
from batchsift.studies.analysis.runs import BASELINE, TARGET


def number(value: float | None, *, sign: bool = False, best: bool = False) -> Cell:
    """A cell of a number."""
    return Cell(words.value(value, sign=sign), value, best)


def span(low: float | None, high: float | None) -> Cell:
    """A cell of an interval, sorted by its lower end."""
    return Cell(
        words.NOTHING if low is None else f"{words.value(low, sign=True)} to {words.value(high, sign=True)}", low
    )


def arrow(key: str) -> str:
    """A metric's name and direction."""
    return f"{METRICS[key].name} {'↑' if METRICS[key].higher_is_better else '↓'}"


def scores(scope: Scope, key: str, name: str) -> Table:
    """Mean and standard deviation of a metric: a row a data set, a column a method."""
    better = max if METRICS[key].higher_is_better else min
    rows = []
    for data, by in scope.runs.items():
        values = {method: np.array([run.metrics[key] for run in by[method].values()]) for method in scope.methods}
        means = {method: float(of.mean()) for method, of in values.items()}
        rounded = {round(mean, 4) for mean in means.values() if not math.isnan(mean)}
        best = better(rounded) if len(rounded) > 1 else None  # nothing stands out where all are alike
        cells = [Cell(_spread(values[m]), means[m], round(means[m], 4) == best) for m in scope.methods]
        rows.append([Cell(data), *cells])
    ranks = scope.friedman(key).ranks if len(rows) > 1 else scope.fold_ranks(key)
    least = min((rank for rank in ranks.values() if not math.isnan(rank)), default=None)
    footer = [Cell(f"Average rank{'' if len(rows) > 1 else ' over folds'}")] + [
        Cell(words.NOTHING if math.isnan(ranks[m]) else f"{ranks[m]:.2f}", ranks[m], ranks[m] == least)
        for m in scope.methods
    ]
    return Table(
        name=identifier("scores", key, name),
        caption=arrow(key),
        columns=[Column("Data set", numeric=False), *(Column(method) for method in scope.methods)],
        rows=rows,
        footer=footer,
        note="Mean ± standard deviation over runs; the best mean in bold.",
    )


def _spread(values: np.ndarray) -> str:
    if len(values) < 2 or np.isnan(values).any():
        return words.value(float(values.mean()))
    return f"{words.value(float(values.mean()))} ± {words.value(float(values.std(ddof=1)))}"


def against_random(scope: Scope, keys: Sequence[str], name: str) -> Table:
    """Every method and metric: gain, interval, wins and losses, effect sizes, the test over data sets."""
    confidence = words.percent(1 - scope.alpha)
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
            Column("p", hint="Signed-rank test over data sets, adjusted for the number of methods (Holm)"),
        ],
        rows=[_gain_row(key, contrast) for key, contrast in contrasts],
        note=_basis(contrasts[0][1]) if contrasts else "",
    )


def _gain_row(key: str, contrast: Contrast) -> list[Cell]:
    better, worse = contrast.told_apart
    return [
        Cell(METRICS[key].name),
        Cell(contrast.method),
        number(contrast.gain, sign=True),
        span(contrast.interval.low, contrast.interval.high),
        Cell(str(contrast.record), contrast.record.wins - contrast.record.losses),
        Cell(f"{better}/{worse}", better - worse),
        _two(contrast.effect),
        _two(contrast.g),
        Cell(words.p_value(contrast.significance.p_value), contrast.significance.p_value),
    ]


def _two(value: float | None) -> Cell:
    return Cell(words.NOTHING if value is None else f"{value:+.2f}".replace("-", "−"), value)


def _basis(contrast: Contrast) -> str:
    """What the intervals and effect sizes are over, and why there is no p where there is none."""
    over = "data sets" if len(contrast.units) > 1 else "folds"
    how = (
        "Intervals: paired bootstrap over data sets."
        if contrast.over == "data sets"
        else "Intervals: of the mean over these data sets, by the corrected resampled t over folds."
    )
    reason = contrast.significance.reason
    p = f"No p: {reason}." if reason else "p: Wilcoxon over data sets, Holm."
    return f"{how} Effect sizes: over {over}. {p}"


def by_data(scope: Scope, keys: Sequence[str], name: str) -> Table:
    """Every data set by itself, over its folds."""
    confidence = words.percent(1 - scope.alpha)
    rows = []
    for key in keys:
        for method, contrast in scope.contrasts(key).items():
            for unit in contrast.units:
                resampled = bootstrap_interval(unit.folds, confidence=1 - scope.alpha)
                record = win_tie_loss(unit.folds)
                rows.append(
                    [
                        Cell(unit.data),
                        Cell(METRICS[key].name),
                        Cell(method),
                        number(unit.gain, sign=True),
                        span(unit.test.low, unit.test.high),
                        span(resampled.low, resampled.high),
                        Cell(str(record), record.wins - record.losses),
                        Cell(words.p_value(unit.p_value), unit.p_value),
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


def pairs(scope: Scope, keys: Sequence[str], name: str) -> Table | None:
    """Every pair of methods, over data sets; None where there is no test at all."""
    rows = []
    for key in keys:
        ranks = scope.friedman(key).ranks
        by_rank, by_sign = scope.pairwise(key)
        for number_, one in enumerate(scope.methods):
            for other in scope.methods[number_ + 1 :]:
                p_rank, p_sign = by_rank.between(one, other).p_value, by_sign.between(one, other).p_value
                if p_rank is None and p_sign is None:
                    continue
                gap = ranks[one] - ranks[other]
                rows.append(
                    [
                        Cell(f"{one} – {other}"),
                        Cell(METRICS[key].name),
                        Cell(f"{gap:+.2f}".replace("-", "−"), gap),
                        Cell(words.p_value(p_rank), p_rank),
                        Cell(words.p_value(p_sign), p_sign),
                    ]
                )
    columns = [
        Column("Pair", numeric=False),
        Column("Metric", numeric=False),
        Column("Difference in rank"),
        Column("p (Nemenyi)"),
        Column("p (Wilcoxon, Holm)"),
    ]
    note = "Nemenyi's p depends on which other methods were compared; Wilcoxon's does not."
    return Table(identifier("pairs", name), "Every pair of methods", columns, rows, note=note) if rows else None


def times(scope: Scope, name: str) -> Table:
    """Epochs until Random's best validation value, by data set and method."""
    confidence = words.percent(1 - scope.alpha)
    rows = []
    for data in scope.data:
        for method in scope.methods:
            time = scope.time_to_target(method, data)
            rows.append(
                [
                    Cell(data),
                    Cell(method),
                    Cell("not reached" if time.median is None else words.epochs(time.median), time.median),
                    Cell(until(time), time.low),
                    Cell(f"{time.num_reached}/{time.num_runs}", time.num_reached / time.num_runs),
                    Cell(f"{time.restricted_mean:.1f}", time.restricted_mean),
                ]
            )
    return Table(
        name=identifier("epochs-to-target", name),
        caption=f"Epochs until Random's best validation {METRICS[TARGET].name}",
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
        + _still_learning(scope),
    )


def cost(scope: Scope, name: str) -> Table:
    """Seconds of a run, and how many of them went into selection."""
    rows = []
    runs_of = {m: [run for by in scope.runs.values() for run in by[m].values()] for m in scope.methods}
    base = _mean([run.total_seconds for run in runs_of.get(BASELINE, [])])
    for method, runs in runs_of.items():
        selection = _mean([run.selection_seconds for run in runs])
        total = _mean([run.total_seconds for run in runs])
        best = _mean([run.best_epoch + 1 for run in runs])
        rows.append(
            [
                Cell(method),
                Cell(f"{total:.1f}", total),
                Cell(f"{selection:.2f}", selection),
                Cell(
                    f"{100 * selection / total:.0f} %" if total else words.NOTHING, selection / total if total else None
                ),
                Cell(words.NOTHING if not base > 0 else f"{total / base:.2f}", total / base if base > 0 else None),
                Cell(f"{best:.1f}", best),
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
        note="Measured while cells ran side by side: only as good as the machine was quiet.",
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _still_learning(scope: Scope) -> str:
    """Whether the target is a plateau at all."""
    runs = [run for by in scope.runs.values() for run in by[BASELINE].values()]
    last = sum(run.best_epoch + 1 == len(run.curve) for run in runs)
    if not last:
        return ""
    return (
        f" In {last} of {len(runs)} runs Random's best epoch is its last: it was still learning, and more epochs would "
        "move the target."
    )
