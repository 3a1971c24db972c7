"""Claims: what may be said of a method, in words. Does it predict better than Random, does it converge faster?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns
from batchsift.statistics import TimeToTarget
from batchsift.studies.analysis.contrasts import AREA, EPOCHS, Contrast, Verdict
from batchsift.studies.analysis.runs import BASELINE, TARGET
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.wording import (
    NOTHING,
    count_epochs,
    format_epochs,
    format_percent,
    format_value,
    join_words,
    state_p,
)

NAMES = {EPOCHS: "Epochs to target", AREA: f"Mean validation {ALL_METRICS[TARGET].name}"}
Show = Callable[..., str]


@dataclass(frozen=True)
class Claim:
    """One measure of one method.

    Args:
        contrast: The numbers.
        name: The name of the measure.
        sentence: What the numbers say, and how surely.
    """

    contrast: Contrast
    name: str
    sentence: str

    @property
    def verdict(self) -> Verdict:
        """The claim in a word."""
        return self.contrast.verdict

    def document(self) -> dict[str, Any]:
        """Return the claim as JSON can hold it."""
        return {**self.contrast.document(), "sentence": self.sentence}


@dataclass(frozen=True)
class MethodClaims:
    """All that is claimed of a method.

    Args:
        method: The name of the method.
        prediction: One claim a metric.
        convergence: A claim by epochs to target, and one by the level over all epochs.
        summary: One sentence on prediction and one on convergence.
    """

    method: str
    prediction: tuple[Claim, ...]
    convergence: tuple[Claim, ...]
    summary: tuple[str, str]


def make_claims(scope: Scope, metrics: Sequence[str]) -> tuple[MethodClaims, ...]:
    """Say what may be said of every method but Random.

    Args:
        scope: The runs.
        metrics: Keys of the metrics that claims on prediction are made of.

    Returns:
        One entry a method; none where there is nothing to compare with.
    """
    by_metric = {key: scope.contrasts(key) for key in metrics}
    claims = []
    for method in scope.challengers if scope.runs else ():
        prediction = tuple(
            Claim(contrasts[method], ALL_METRICS[key].name, state_contrast(contrasts[method], format_value))
            for key, contrasts in by_metric.items()
        )
        speed, area = scope.convergence[method], scope.areas[method]
        time, random = scope.time_to_target(method), scope.time_to_target(BASELINE)
        convergence = (
            Claim(speed, NAMES[EPOCHS], f"{_state_time(time, random)} {state_contrast(speed, format_epochs)}"),
            Claim(area, NAMES[AREA], state_contrast(area, format_value)),
        )
        claims.append(MethodClaims(method, prediction, convergence, _summarize_claims(prediction, speed, time, random)))
    return tuple(claims)


def describe_runs(scope: Scope) -> str:
    """Describe in a sentence how many data sets and runs the statistics are over."""
    num_pairs = [len(next(iter(by_method.values()))) for by_method in scope.runs.values()]
    if not num_pairs:
        return "No run that all methods have finished."
    fewest, most = min(num_pairs), max(num_pairs)
    runs = count_nouns(most, "run") if fewest == most else f"{fewest} to {most} runs"
    return f"{count_nouns(len(num_pairs), 'data set')}, {runs} a method on each, paired by fold and seed."


def describe_tests(scope: Scope, key: str) -> str:
    """Describe what tests and intervals are over; once, since all claims of a scope share it.

    Args:
        scope: The runs.
        key: The metric whose tests stand for all.

    Returns:
        Whole sentences; empty where there is nothing to compare.
    """
    contrast = next(iter(scope.contrasts(key).values()), None)
    if contrast is None:
        return ""
    if contrast.significance.p_value is not None:
        return (
            f"Signed-rank tests over data sets, adjusted for {_counted_comparisons(scope)} (Holm). Intervals: paired "
            "bootstrap over data sets, not adjusted."
        )
    adjusted = _counted_comparisons(scope)
    if all(one.p_value is None for one in contrast.data_sets):
        return f"No tests: {contrast.data_sets[0].test.significance.reason}."
    if len(scope.data) == 1:
        return (
            "With one data set, all of this holds for it alone. Tests and intervals: the corrected resampled t-test "
            f"over folds, p adjusted for {adjusted} (Holm), intervals not."
        )
    reason = contrast.significance.reason or ""
    return (
        f"{reason[:1].upper()}{reason[1:]}. So each data set is tested by itself, by the corrected resampled t-test "
        f"over folds, adjusted for {adjusted} on each data set (Holm). Intervals: of the mean over these data sets, "
        "corrected for the overlap, not adjusted. Nothing here "
        "speaks of others."
    )


def _counted_comparisons(scope: Scope) -> str:
    """Say what p are adjusted for: "8 comparisons (2 methods by 4 metrics)", or "the number of methods"."""
    if not scope.family:
        return "the number of methods"
    methods, metrics = count_nouns(len(scope.challengers), "method"), count_nouns(len(scope.family), "metric")
    return f"{count_nouns(scope.num_comparisons, 'comparison')} ({methods} by {metrics})"


def state_contrast(contrast: Contrast, show: Show) -> str:
    """State the gain, its interval and what the tests say.

    Args:
        contrast: The numbers.
        show: Writes a number of the measure as text.
    """
    if math.isnan(contrast.gain):
        return "Undefined on some fold."
    return f"{_state_gain(contrast, show)}{_state_interval(contrast, show)}. {_state_evidence(contrast)}"


def _state_gain(contrast: Contrast, show: Show) -> str:
    better = contrast.gain > 0
    if not contrast.gain:
        return "No difference on average"
    if contrast.measure == EPOCHS:
        return f"{count_epochs(abs(contrast.gain))} {'fewer' if better else 'more'} on average"
    return f"{'Better' if better else 'Worse'} by {show(abs(contrast.gain))}"


def _state_interval(contrast: Contrast, show: Show) -> str:
    low, high = contrast.interval.low, contrast.interval.high
    if low is None or high is None:
        return ""
    return f" ({format_percent(1 - contrast.alpha)} interval {show(low, sign=True)} to {show(high, sign=True)})"


def _state_evidence(contrast: Contrast) -> str:
    record = contrast.record
    if contrast.significance.p_value is not None:
        ahead = f"Ahead on {record.wins} and behind on {record.losses} of {record.total} data sets"
        return f"{ahead}, {state_p(contrast.significance.p_value)}."
    p_values = [one.p_value for one in contrast.data_sets]
    if len(contrast.data_sets) == 1:
        folds = contrast.data_sets[0].folds
        ahead = f"Ahead on {sum(gain > 0 for gain in folds)} of {count_nouns(len(folds), 'fold')}"
        return f"{ahead}, {state_p(p_values[0])}." if p_values[0] is not None else f"{ahead}."
    ahead = f"Ahead on {record.wins} of {record.total} data sets"
    better, worse = contrast.told_apart
    if all(p is None for p in p_values):
        return f"{ahead}."
    apart = [f"as better on {better}"] * bool(better) + [f"as worse on {worse}"] * bool(worse)
    return f"{ahead}, told apart {' and '.join(apart) or 'on none'}."


def _state_time(time: TimeToTarget, random: TimeToTarget) -> str:
    own = f"Random's own after {format_epochs(random.median)}" if random.median is not None else "Random's own later"
    if time.median is None:
        return (
            f"Only {time.num_reached} of {time.num_runs} runs reach Random's best within {time.horizon} epochs; {own}."
        )
    span = "" if time.low is None else f" ({format_time_interval(time)})"
    return (
        f"Half of the runs reach Random's best after {count_epochs(time.median)}{span}, {own}; "
        f"{time.num_reached} of {time.num_runs} get there."
    )


def format_time_interval(time: TimeToTarget) -> str:
    """Write the interval of a median time; its end may lie beyond the epochs there were."""
    if time.low is None:
        return NOTHING
    return f"{format_epochs(time.low)} {f'to {format_epochs(time.high)}' if time.high is not None else 'or later'}"


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


def _summarize_claims(
    prediction: tuple[Claim, ...], speed: Contrast, time: TimeToTarget, random: TimeToTarget
) -> tuple[str, str]:
    """Write one sentence on prediction, which names the measures of each verdict, and one on convergence."""
    by_verdict: dict[Verdict, list[str]] = {}
    for claim in prediction:
        by_verdict.setdefault(claim.verdict, []).append(claim.name)
    predicts = "; ".join(f"{PREDICTION[verdict]} by {join_words(names)}" for verdict, names in by_verdict.items())
    converges = CONVERGENCE.get(speed.verdict, PREDICTION[speed.verdict])
    if time.median is not None and random.median is not None:
        converges += f": {count_epochs(time.median)} to Random's {format_epochs(random.median)}, in the median"
    return f"Prediction: {predicts}.", f"Convergence: {converges}."
