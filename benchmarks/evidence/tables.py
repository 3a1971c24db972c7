"""The tables of the page, in Markdown: the numbers and verdicts of the analysis of any study."""

from collections.abc import Iterator, Sequence

from batchsift.metrics import METRICS
from batchsift.statistics.significance import critical_difference, friedman
from batchsift.statistics.time_to_target import time_to_target
from batchsift.studies.analysis.wording import count_epochs, format_p, format_value
from batchsift.studies.config import ALPHA
from benchmarks.does_it_help.tables import cell
from benchmarks.evidence import plan
from benchmarks.evidence.results import BEST, LAST, PartResults

# What the paper of D2ACE and that of Uncertainty report, each for its best base model: data set, metric, row, value.
PUBLISHED = (
    ("yeast", "macro_auc", "d2ace", 0.7305),
    ("birds", "macro_auc", "d2ace", 0.809),
    ("scene", "ranking_loss", "d2ace", 0.0629),
    ("Corel5k", "ranking_loss", "d2ace", 0.1543),
    ("mediamill", "macro_f1", "d2ace", 0.1479),
    ("cal500", "macro_auc", "uncertainty", 0.5884),
    ("Corel5k", "ranking_loss", "uncertainty", 0.1568),
)


def gains(results: PartResults, model: str, when: str = BEST) -> Iterator[str]:
    """Yield a table of what every row gains over the row it is compared with."""
    contrasts = {key: results.contrasts(model, key, when) for key in plan.METRICS}
    against = {row.name: row.against for row in results.part.rows}
    yield (
        f"| {model}, {_counted(results.sets(model))} | over | " + " | ".join(METRICS[k].name for k in contrasts) + " |"
    )
    yield "| --- | --- |" + " --- |" * len(contrasts)
    for row in contrasts[plan.METRICS[0]]:
        cells = " | ".join(cell(by_row[row]) for by_row in contrasts.values())
        yield f"| {row} | {against[row]} | {cells} |"


def scores(results: PartResults, metric: str) -> Iterator[str]:
    """Yield a table of every data set and model: the mean of the folds of every row."""
    rows = [row.name for row in results.part.rows]
    yield f"| {METRICS[metric].name} | " + " | ".join(rows) + " |"
    yield "| --- |" + " --- |" * len(rows)
    for model in results.models:
        for data in results.sets(model):
            there = results.row_names(model)
            means = [
                format_value(float(results.values(data, model, row, metric).mean())) if row in there else ""
                for row in rows
            ]
            yield f"| {data}, {model} | " + " | ".join(means) + " |"


def ranks(results: PartResults, rows: Sequence[str]) -> Iterator[str]:
    """Yield a table of average ranks over data sets, one line a model and metric."""
    yield "| | " + " | ".join(rows) + f" | Friedman p | differ from (Nemenyi, {ALPHA:g}) |"
    yield "| --- |" + " --- |" * (len(rows) + 2)
    for model in results.models:
        sets = results.sets(model)
        for metric in plan.METRICS:
            means = {row: [float(results.values(data, model, row, metric).mean()) for data in sets] for row in rows}
            test = friedman(means, higher_is_better=METRICS[metric].higher_is_better)
            cells = " | ".join(f"{test.ranks[row]:.2f}" for row in rows)
            difference = critical_difference(len(rows), len(sets), ALPHA)
            p = "too few sets" if test.significance.p_value is None else format_p(test.significance.p_value)
            yield f"| {METRICS[metric].name}, {model} | {cells} | {p} | {difference:.2f} |"


def speeds(results: PartResults, rows: Sequence[str]) -> Iterator[str]:
    """Yield a table: the median of the epochs until Random's best validation Macro-AUC of the same fold."""
    yield "| | " + " | ".join(rows) + " |"
    yield "| --- |" + " --- |" * len(rows)
    for model in results.models:
        times = [
            time_to_target([one for data in results.sets(model) for one in results.durations(data, model, row)])
            for row in rows
        ]
        words = ["not reached by half" if time.median is None else count_epochs(time.median) for time in times]
        yield f"| {model} | " + " | ".join(words) + " |"


def published(results: Sequence[PartResults]) -> Iterator[str]:
    """Yield a table: figures of the papers beside ours, of the model that does best here."""
    yield "| data set | metric | method | published | here | model | random here |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for data, metric, row, value in PUBLISHED:
        best = _best_model(results, data, metric, row)
        here = ("not run yet", "", "") if best is None else (format_value(best[0]), best[1], format_value(best[2]))
        yield f"| {data} | {METRICS[metric].name} | {row} | {value:g} | " + " | ".join(here) + " |"


def _best_model(results: Sequence[PartResults], data: str, metric: str, row: str) -> tuple[float, str, float] | None:
    sign = 1 if METRICS[metric].higher_is_better else -1
    found = [
        (
            float(part.values(data, model, row, metric).mean()),
            model,
            float(part.values(data, model, plan.BASELINE, metric).mean()),
        )
        for part in results
        for model in part.models
        if data in part.sets(model)
    ]
    return max(found, key=lambda one: sign * one[0]) if found else None


def what_ran(results: Sequence[PartResults]) -> Iterator[str]:
    """Yield a table: what of every part has run."""
    yield "| part | data sets and models run | of | cells |"
    yield "| --- | --- | --- | --- |"
    for part in results:
        done = sum(len(part.sets(model)) for model in part.models)
        yield f"| {part.part.name} | {done} | {len(part.part.sets) * len(part.part.models)} | {len(part)} |"


def _counted(sets: Sequence[str]) -> str:
    return f"{len(sets)} data set{'' if len(sets) == 1 else 's'}"


WHEN = {"best": BEST, "last": LAST}
