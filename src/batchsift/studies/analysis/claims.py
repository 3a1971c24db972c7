"""The two claims about a method, in a sentence each: does it predict better, does it converge faster than Random?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from batchsift.metrics import METRICS
from batchsift.statistics import TimeToTarget
from batchsift.studies.analysis import words
from batchsift.studies.analysis.contrasts import AREA, EPOCHS, Contrast, Scope, Verdict
from batchsift.studies.analysis.runs import BASELINE, TARGET

NAMES = {EPOCHS: "Epochs to target", AREA: f"Mean validation {METRICS[TARGET].name}"}
Show = Callable[..., str]


@dataclass(frozen=True)
class Claim:
    """One measure of one method.

    Args:
        contrast: The numbers.
        name: Of the measure.
        sentence: What they say, with its uncertainty.
    """

    contrast: Contrast
    name: str
    sentence: str

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        return self.contrast.verdict


@dataclass(frozen=True)
class MethodClaims:
    """All that is claimed of a method.

    Args:
        method: Name.
        prediction: One claim a metric.
        convergence: Epochs to target, and the level over all epochs.
        summary: One sentence for each question.
    """

    method: str
    prediction: tuple[Claim, ...]
    convergence: tuple[Claim, ...]
    summary: tuple[str, str]


def claims(scope: Scope, metrics: tuple[str, ...]) -> tuple[MethodClaims, ...]:
    """Of every method but Random; empty where there is nothing to compare with."""
    by_metric = {key: scope.contrasts(key) for key in metrics}
    found = []
    for method in scope.challengers if scope.runs else ():
        prediction = tuple(
            Claim(by[method], METRICS[key].name, sentence(by[method], words.value)) for key, by in by_metric.items()
        )
        speed, area = scope.convergence[method], scope.areas[method]
        time, random = scope.time_to_target(method), scope.time_to_target(BASELINE)
        convergence = (
            Claim(speed, NAMES[EPOCHS], f"{_reaches(time, random)} {sentence(speed, words.epochs)}"),
            Claim(area, NAMES[AREA], sentence(area, words.value)),
        )
        found.append(MethodClaims(method, prediction, convergence, _summary(prediction, speed, time, random)))
    return tuple(found)


def basis(scope: Scope, contrast: Contrast) -> str:
    """What tests and intervals are over; said once, since all claims of a scope share it."""
    if contrast.significance.p_value is not None:
        return (
            "Signed-rank tests over data sets, adjusted for the number of methods (Holm). Intervals: paired bootstrap "
            "over data sets, not adjusted."
        )
    over_folds = "the corrected resampled t-test over folds, adjusted for the number of methods"
    if all(unit.p_value is None for unit in contrast.units):
        return f"No tests: {contrast.units[0].test.significance.reason}."
    if len(scope.data) == 1:
        return f"With one data set, all of this holds for it alone. Tests and intervals: {over_folds} (Holm)."
    reason = contrast.significance.reason or ""
    return (
        f"{reason[:1].upper()}{reason[1:]}. So each data set is tested by itself, by {over_folds} and data sets "
        "(Holm). Intervals: of the mean over these data sets, corrected for the overlap, not adjusted. Nothing here "
        "speaks of others."
    )


def sentence(contrast: Contrast, show: Show) -> str:
    """The gain, its interval and what the tests say."""
    if math.isnan(contrast.gain):
        return "Undefined on some fold."
    return f"{_gain(contrast, show)}{_interval(contrast, show)}. {_evidence(contrast)}"


def _gain(contrast: Contrast, show: Show) -> str:
    better = contrast.gain > 0
    if not contrast.gain:
        return "No difference on average"
    if contrast.measure == EPOCHS:
        return f"{words.counted_epochs(abs(contrast.gain))} {'fewer' if better else 'more'} on average"
    return f"{'Better' if better else 'Worse'} by {show(abs(contrast.gain))}"


def _interval(contrast: Contrast, show: Show) -> str:
    low, high = contrast.interval.low, contrast.interval.high
    if low is None or high is None:
        return ""
    return f" ({words.percent(1 - contrast.alpha)} interval {show(low, sign=True)} to {show(high, sign=True)})"


def _evidence(contrast: Contrast) -> str:
    record = contrast.record
    if contrast.significance.p_value is not None:
        ahead = f"Ahead on {record.wins} and behind on {record.losses} of {record.total} data sets"
        return f"{ahead}, {words.equals(contrast.significance.p_value)}."
    p_values = [unit.p_value for unit in contrast.units]
    if len(contrast.units) == 1:
        folds = contrast.units[0].folds
        ahead = f"Ahead on {sum(gain > 0 for gain in folds)} of {words.counted(len(folds), 'fold')}"
        return f"{ahead}, {words.equals(p_values[0])}." if p_values[0] is not None else f"{ahead}."
    ahead = f"Ahead on {record.wins} of {record.total} data sets"
    better, worse = contrast.told_apart
    if all(p is None for p in p_values):
        return f"{ahead}."
    apart = [f"as better on {better}"] * bool(better) + [f"as worse on {worse}"] * bool(worse)
    return f"{ahead}, told apart {' and '.join(apart) or 'on none'}."


def _reaches(time: TimeToTarget, random: TimeToTarget) -> str:
    own = f"Random's own after {words.epochs(random.median)}" if random.median is not None else "Random's own later"
    if time.median is None:
        return (
            f"Only {time.num_reached} of {time.num_runs} runs reach Random's best within {time.horizon} epochs; {own}."
        )
    span = "" if time.low is None else f" ({until(time)})"
    return (
        f"Half of the runs reach Random's best after {words.counted_epochs(time.median)}{span}, {own}; "
        f"{time.num_reached} of {time.num_runs} get there."
    )


def until(time: TimeToTarget) -> str:
    """The interval of a median; its end may lie beyond what was seen."""
    if time.low is None:
        return words.NOTHING
    return f"{words.epochs(time.low)} {f'to {words.epochs(time.high)}' if time.high is not None else 'or later'}"


PREDICTION = {
    Verdict.BETTER: "better than Random",
    Verdict.WORSE: "worse than Random",
    Verdict.PARTLY_BETTER: "better than Random on some data sets",
    Verdict.PARTLY_WORSE: "worse than Random on some data sets",
    Verdict.MIXED: "better than Random on some data sets and worse on others",
    Verdict.OPEN: "not told apart from Random",
    Verdict.UNTESTED: "no test could be made",
}
CONVERGENCE = {
    Verdict.BETTER: "faster than Random",
    Verdict.WORSE: "slower than Random",
    Verdict.PARTLY_BETTER: "faster than Random on some data sets",
    Verdict.PARTLY_WORSE: "slower than Random on some data sets",
    Verdict.MIXED: "faster than Random on some data sets and slower on others",
}


def _summary(
    prediction: tuple[Claim, ...], speed: Contrast, time: TimeToTarget, random: TimeToTarget
) -> tuple[str, str]:
    """The claims of a kind put together: by verdict, the measures it was reached for."""
    by_verdict: dict[Verdict, list[str]] = {}
    for claim in prediction:
        by_verdict.setdefault(claim.verdict, []).append(claim.name)
    predicts = "; ".join(f"{PREDICTION[verdict]} by {_listed(names)}" for verdict, names in by_verdict.items())
    converges = CONVERGENCE.get(speed.verdict, PREDICTION[speed.verdict])
    if time.median is not None and random.median is not None:
        converges += f": {words.counted_epochs(time.median)} to Random's {words.epochs(random.median)}, in the median"
    return f"Prediction: {predicts}.", f"Convergence: {converges}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
