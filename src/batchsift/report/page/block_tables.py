"""Tables that belong to data sets rather than to statistics: labels, suspects, failures."""

from collections.abc import Mapping, Sequence

import numpy as np

from batchsift.report.page.figures.drawing import identifier
from batchsift.report.page.tables import Cell, Column, Table
from batchsift.studies.analysis import words
from batchsift.studies.analysis.runs import BASELINE, Block, Floats, Run, Study, mean_of_known

MOST_SUSPECTS = 20


def label_gains(runs: Mapping[str, Sequence[Run]]) -> dict[str, Floats]:
    """Method to its labels' mean difference of AUC to Random over paired runs, `(L,)`; NaN where never defined."""
    base = {run.place.pair: run.label_auc for run in runs.get(BASELINE, ())}
    found = {}
    for method, of in runs.items():
        gains = [run.label_auc - base[run.place.pair] for run in of if run.place.pair in base]
        if method != BASELINE and gains and gains[0].size:
            found[method] = mean_of_known(np.array(gains))
    return found


def labels(block: Block, runs: Mapping[str, Sequence[Run]], gains: Mapping[str, Floats]) -> Table:
    """Every label: its positives, Random's AUC, what each method adds."""
    facts = runs[BASELINE][0].facts
    base = mean_of_known(np.array([run.label_auc for run in runs[BASELINE]]))
    rows = [
        [
            Cell(name),
            Cell(str(facts.label_counts[j]), float(facts.label_counts[j])),
            Cell(words.value(float(base[j])), float(base[j])),
            *(Cell(words.value(float(gain[j]), sign=True), float(gain[j])) for gain in gains.values()),
        ]
        for j, name in enumerate(facts.label_names)
    ]
    return Table(
        name=identifier("labels", block.data, block.model, block.settings),
        caption="AUC of each label",
        columns=[
            Column("Label", numeric=False),
            Column("Positives", hint="In the training part of the first fold"),
            Column("random"),
            *(Column(f"{method} less random") for method in gains),
        ],
        rows=rows,
        note="Means over runs. Among many labels some gain by chance alone.",
    )


def suspects(study: Study) -> list[Table]:
    """For each data set, the labels most often and most strongly contradicted."""
    tables = []
    for data in study.data:
        named: dict[tuple[int, str], list[float]] = {}
        runs = [run for run in study.runs if run.block.data == data and run.suspects]
        for run in runs:
            for suspect in run.suspects:
                named.setdefault((suspect.sample, suspect.label), []).append(suspect.hardness)
        if not named:
            continue
        order = sorted(named, key=lambda place: (-len(named[place]), -float(np.mean(named[place])), place))
        rows = [
            [
                Cell(str(sample), float(sample)),
                Cell(label),
                Cell(f"{len(named[sample, label])}/{len(runs)}", len(named[sample, label]) / len(runs)),
                Cell(words.value(float(np.mean(named[sample, label]))), float(np.mean(named[sample, label]))),
            ]
            for sample, label in order[:MOST_SUSPECTS]
        ]
        tables.append(
            Table(
                name=identifier("suspects", data),
                caption=data,
                columns=[
                    Column("Row", hint="In the data set as loaded, from 0"),
                    Column("Label", numeric=False),
                    Column("Named by runs", hint="A run sees only its training part, so not every run can name it"),
                    Column("Hardness", hint="Mean noise-resistant hardness: 1 is steadily and fully contradicted"),
                ],
                rows=rows,
            )
        )
    return tables
