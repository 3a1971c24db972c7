"""Single labels: which of them gain, and which cells are probably wrong. L labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from batchsift.studies.analysis.runs import BASELINE, Floats, Run, StudyRuns

MOST_SUSPECTS = 20


def gains_by_label(runs: Mapping[str, Sequence[Run]]) -> dict[str, Floats]:
    """Average each label's difference of AUC to Random over paired runs.

    Args:
        runs: Method to its runs of one block.

    Returns:
        Method to `(L,)`; NaN for a label whose AUC is never defined. Methods without a paired run are left out.
    """
    random = {run.pair: run.label_auc for run in runs.get(BASELINE, ())}
    found = {}
    for method, own in runs.items():
        gains = [run.label_auc - random[run.pair] for run in own if run.pair in random]
        if method != BASELINE and gains and gains[0].size:
            found[method] = mean_of_known(np.array(gains))
    return found


def mean_of_known(table_RL: Floats) -> Floats:
    """Average each column over what is not NaN; NaN where nothing is."""
    known = ~np.isnan(table_RL)
    counts = known.sum(axis=0)
    means: Floats = np.where(
        counts > 0, np.where(known, table_RL, 0).sum(axis=0) / np.maximum(counts, 1), np.float64("nan")
    )
    return means


@dataclass(frozen=True)
class SuspectCell:
    """A label of a sample that runs contradicted.

    Args:
        sample: The row in the data set as loaded.
        label: The name of the label.
        num_named: The number of runs that named it.
        num_runs: The number of runs that named any.
        score: The mean score over the runs that named it.
    """

    sample: int
    label: str
    num_named: int
    num_runs: int
    score: float


def find_suspects(study: StudyRuns, data: str) -> list[SuspectCell]:
    """Find the labels of a data set that its runs contradicted most often and most strongly, the worst first."""
    scores: dict[tuple[int, str], list[float]] = {}
    runs = [run for run in study.runs if run.config.data == data and run.suspects]
    for run in runs:
        for suspect in run.suspects:
            scores.setdefault((suspect.sample, suspect.label), []).append(suspect.score)
    order = sorted(scores, key=lambda cell: (-len(scores[cell]), -float(np.mean(scores[cell])), cell))
    return [
        SuspectCell(*cell, len(scores[cell]), len(runs), float(np.mean(scores[cell]))) for cell in order[:MOST_SUSPECTS]
    ]
