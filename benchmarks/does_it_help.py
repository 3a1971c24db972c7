"""The table of differences to Random in the README, from the store of a study.

python benchmarks/does_it_help.py results/does_it_help
"""

import sys
from collections import defaultdict
from pathlib import Path

from batchsift.metrics import METRICS
from batchsift.statistics import corrected_resampled_t
from batchsift.studies.store import Store

KEYS = ("macro_auc", "ranking_loss", "macro_f1")
README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- does it help: -->\n", "<!-- end -->"


def table(cells):
    """A row for each data set and method: mean difference over folds and seeds, its 95 % interval."""
    runs = defaultdict(dict)
    for cell in cells:
        runs[cell.config.data, cell.config.method][cell.config.seed, cell.config.fold] = cell.result.metrics
    folds = 1 + max(cell.config.fold for cell in cells)
    yield f"| data | method | {' | '.join(METRICS[key].name for key in KEYS)} |"
    yield f"| --- | --- |{' --- |' * len(KEYS)}"
    for (data, method), own in runs.items():
        baseline = runs[data, "random"]
        if method == "random":
            cells_of = [f"{sum(run[key] for run in own.values()) / len(own):.4f}" for key in KEYS]
        elif own.keys() == baseline.keys():
            cells_of = [difference([own[at][key] - baseline[at][key] for at in own], folds) for key in KEYS]
        else:
            sys.exit(f"{data}, {method}: not all runs are there; let the study finish")
        yield f"| {data} | {method} | {' | '.join(cells_of)} |"


def difference(differences, folds):
    """Mean and interval; bold where the interval leaves out zero."""
    test = corrected_resampled_t(differences, test_to_train=1 / (folds - 1))
    text = f"{test.mean:+.4f} ({test.low:+.4f} to {test.high:+.4f})"
    return f"**{text}**" if test.low > 0 or test.high < 0 else text


if __name__ == "__main__":
    finished = [cell for cell in Store(sys.argv[1]).cells() if cell.status == "done"]
    text = "\n".join(table(finished)) + "\n"
    page = README.read_text(encoding="utf-8")
    before, found, rest = page.partition(BEGIN)
    if not found:
        sys.exit(f"{README} has no line {BEGIN.strip()!r}")
    README.write_text(before + BEGIN + text + END + rest.partition(END)[2], encoding="utf-8")
    print(text)
