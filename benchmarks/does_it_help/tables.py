"""The tables of the page and of the README, in Markdown: the numbers and verdicts of the analysis of any study."""

from collections.abc import Iterable, Iterator, Mapping

from batchsift.metrics import METRICS
from batchsift.studies.analysis.contrasts import Contrast, Verdict
from batchsift.studies.analysis.wording import count_epochs, format_value
from benchmarks.does_it_help import plan
from benchmarks.does_it_help.results import Results

RANDOM_WITH_WEIGHT = f"{plan.BASELINE} + pos_weight"
SHOWN_BY_SET = (plan.AGAIN, "stratified", "balanced_pass", "uncertainty", "d2ace", RANDOM_WITH_WEIGHT, plan.RECIPE)


def gains(contrasts: Mapping[str, Mapping[str, Contrast]], first: str, rows: Iterable[str]) -> Iterator[str]:
    """Yield a table of gains over Random.

    Args:
        contrasts: Metric to row to contrast.
        first: The heading of the rows.
        rows: Their names, in order.
    """
    yield f"| {first} | " + " | ".join(METRICS[key].name for key in contrasts) + " |"
    yield "| --- |" + " --- |" * len(contrasts)
    for row in rows:
        yield f"| {row} | " + " | ".join(cell(by_row[row]) for by_row in contrasts.values()) + " |"


def cell(contrast: Contrast) -> str:
    """Return gain, interval, and data sets won and lost; bold where the test tells the row apart from Random."""
    low, high = (format_value(limit, sign=True) for limit in (contrast.interval.low, contrast.interval.high))
    text = f"{format_value(contrast.gain, sign=True)} ({low} to {high})"
    told_apart = contrast.verdict in {Verdict.BETTER, Verdict.WORSE}
    record = f", {contrast.record.wins}-{contrast.record.losses}" if len(contrast.data_sets) > 1 else ""
    return (f"**{text}**" if told_apart else text) + record


def budget_table(results: Results, budget: int, rows: Iterable[str] | None = None) -> Iterator[str]:
    """Yield the table of a budget, the largest gain in mAP first."""
    contrasts = {key: results.contrasts(budget, key) for key in plan.METRICS}
    names = [row.name for row in plan.ROWS if row.name != plan.BASELINE] if rows is None else list(rows)
    names.sort(key=lambda name: -contrasts["macro_auprc"][name].gain)
    return gains(contrasts, count_epochs(budget), names)


def set_table(results: Results, budget: int, metric: str) -> Iterator[str]:
    """Yield a table of every data set: Random's mean, and what some rows gain."""
    contrasts = results.contrasts(budget, metric)
    yield f"| {METRICS[metric].name}, {count_epochs(budget)} | {plan.BASELINE} | " + " | ".join(SHOWN_BY_SET) + " |"
    yield "| --- | --- |" + " --- |" * len(SHOWN_BY_SET)
    for number, data in enumerate(results.sets(budget)):
        random = format_value(float(results.values(budget, data, plan.BASELINE, metric).mean()))
        numbers = [format_value(contrasts[row].data_sets[number].gain, sign=True) for row in SHOWN_BY_SET]
        yield f"| {data} | {random} | " + " | ".join(numbers) + " |"


def steps_table(results: Results) -> Iterator[str]:
    """Yield a table: the recipe in few epochs against Random, plain and with its loss, in as many or more."""
    yield "| recipe after | against | " + " | ".join(METRICS[key].name for key in plan.METRICS) + " |"
    yield "| --- | --- |" + " --- |" * len(plan.METRICS)
    for budget in (each for each in (3, 5) if each in results.budgets):
        for other in (plan.BASELINE, RANDOM_WITH_WEIGHT):
            for longer in (each for each in results.budgets if each >= budget):
                found = [results.contrast(key, (budget, plan.RECIPE), (longer, other)) for key in plan.METRICS]
                cells = " | ".join(map(cell, found))
                yield f"| {count_epochs(budget)} | {other}, {count_epochs(longer)} | {cells} |"
