"""Tables that belong to data sets rather than to statistics: labels and suspects."""

from collections.abc import Mapping, Sequence

import numpy as np

from batchsift.report.page.figures.drawing import identifier
from batchsift.report.page.scope_tables import number_cell
from batchsift.report.page.tables import Column, Table, TableCell
from batchsift.studies.analysis.labels import find_suspects, mean_of_known
from batchsift.studies.analysis.runs import BASELINE, Block, Floats, Run, StudyRuns


def labels_table(block: Block, runs: Mapping[str, Sequence[Run]], gains: Mapping[str, Floats]) -> Table:
    """Tabulate every label: its positives, Random's AUC, what each method adds.

    Args:
        block: Whose labels.
        runs: Method to its runs of the block, Random among them.
        gains: Method to what it adds to the AUC of each label, `(L,)`.
    """
    facts = runs[BASELINE][0].facts
    random_L = mean_of_known(np.array([run.label_auc for run in runs[BASELINE]]))
    rows = [
        [
            TableCell(name),
            TableCell(str(facts.label_counts[j]), float(facts.label_counts[j])),
            number_cell(float(random_L[j])),
            *(number_cell(float(gain_L[j]), sign=True) for gain_L in gains.values()),
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


def suspect_tables(study: StudyRuns) -> list[Table]:
    """Tabulate, for each data set, the labels most often and most strongly contradicted."""
    tables = []
    for data in study.data:
        rows = [
            [
                TableCell(str(cell.sample), float(cell.sample)),
                TableCell(cell.label),
                TableCell(f"{cell.num_named}/{cell.num_runs}", cell.num_named / cell.num_runs),
                number_cell(cell.score),
            ]
            for cell in find_suspects(study, data)
        ]
        if rows:
            tables.append(
                Table(
                    name=identifier("suspects", data),
                    caption=data,
                    columns=[
                        Column("Row", hint="In the data set as loaded, from 0"),
                        Column("Label", numeric=False),
                        Column("Named by runs", hint="A run sees only its training part, so not every run can name it"),
                        Column(
                            "Score", hint="How far the model contradicted it while it learned, on average: 1 is fully"
                        ),
                    ],
                    rows=rows,
                )
            )
    return tables
