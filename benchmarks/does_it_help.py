"""The table of gains over Random in the README, from the store of a study.

python benchmarks/does_it_help.py results/does_it_help
"""

import sys
from pathlib import Path

from batchsift.metrics import METRICS
from batchsift.studies.analysis.claims import describe_runs
from batchsift.studies.analysis.contrasts import Verdict
from batchsift.studies.analysis.runs import BASELINE, read_runs
from batchsift.studies.analysis.scopes import find_scopes
from batchsift.studies.analysis.summaries import score_methods
from batchsift.studies.analysis.wording import format_interval, format_value
from batchsift.studies.config import ALPHA, HEADLINES

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- does it help: -->\n", "<!-- end -->"


def table(scope):
    """A row for each data set and method: Random's means, the gains over it with their intervals."""
    yield f"| data | method | {' | '.join(METRICS[key].name for key in HEADLINES)} |"
    yield f"| --- | --- |{' --- |' * len(HEADLINES)}"
    contrasts = {key: scope.contrasts(key) for key in HEADLINES}
    for number, data in enumerate(scope.data):
        means = [score_methods(scope, key, data)[BASELINE].summary.mean for key in HEADLINES]
        yield f"| {data} | {BASELINE} | {' | '.join(map(format_value, means))} |"
        for method in scope.challengers:
            gains = [gain(contrasts[key][method].data_sets[number]) for key in HEADLINES]
            yield f"| {data} | {method} | {' | '.join(gains)} |"


def gain(contrast):
    """Gain and interval; bold where the test tells the method apart."""
    interval = format_interval(contrast.test.low, contrast.test.high)
    text = f"{format_value(contrast.gain, sign=True)} ({interval})"
    return f"**{text}**" if contrast.verdict in {Verdict.BETTER, Verdict.WORSE} else text


if __name__ == "__main__":
    study = read_runs(Path(sys.argv[1]))
    if study.missing or study.failures:
        sys.exit(f"{len(study.missing)} runs are missing and {len(study.failures)} failed; let the study finish")
    (scope,) = find_scopes(study, alpha=ALPHA)
    text = "\n".join([*table(scope), "", describe_runs(scope)]) + "\n"
    page = README.read_text(encoding="utf-8")
    before, found, rest = page.partition(BEGIN)
    if not found:
        sys.exit(f"{README} has no line {BEGIN.strip()!r}")
    README.write_text(before + BEGIN + text + END + rest.partition(END)[2], encoding="utf-8")
    print(text)
