"""The verdict: which method to use, from one look at all methods and all metrics that were asked for.

- A method is *better* by a metric where it is told apart from Random after adjustment for all methods and metrics of
  the scope's family (`contrasts`), and *worse* likewise.
- The method to use is one that is better by a metric at least and worse by none; of several, the one that is better
  by most metrics, then the one with the best average rank. A method that has another loss must also be told apart from
  Random with that loss, else Random with that loss is the simpler choice.
- Where there is none, it is Random.
- Where Random, or the method that would be chosen, was still improving when training ended, there is no verdict.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns
from batchsift.statistics import corrected_resampled_t, holm
from batchsift.studies.analysis.contrasts import Contrast, Verdict
from batchsift.studies.analysis.convergence import FEWEST_EPOCHS, Tail, rising_methods
from batchsift.studies.analysis.doubts import find_doubts
from batchsift.studies.analysis.planning import MetricPower, measure_power
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.wording import format_value, join_words, state_p

WORSE = {Verdict.WORSE, Verdict.PARTLY_WORSE, Verdict.MIXED}


@dataclass(frozen=True)
class Answer:
    """What to use, and how surely.

    Args:
        use: The name of a method; None where there is no verdict.
        headline: The verdict in one sentence.
        why: What it rests on, in one or two sentences.
        doubts: What speaks against it, a sentence each.
        converged: Whether training was over for Random and for the method to use.
        comparisons: The number of comparisons that p are adjusted for.
        power: What these runs could have told apart, a metric each; none where there are several data sets.
    """

    use: str | None
    headline: str
    why: str
    doubts: tuple[str, ...]
    converged: bool
    comparisons: int
    power: tuple[MetricPower, ...]

    def document(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class _Candidate:
    """A method that is better by some metrics and worse by none."""

    method: str
    better: tuple[Contrast, ...]
    others: tuple[Contrast, ...]


def find_answer(scope: Scope, *, budget: bool = False) -> Answer:
    """Say which method to use.

    Args:
        scope: The runs; its family are the metrics that the verdict looks at.
        budget: Whether the number of epochs is one that is meant, so that training need not be over.

    Raises:
        ValueError: The scope has no family of metrics.
    """
    if not scope.family:
        raise ValueError("a verdict needs metrics to look at: the scope has no family")
    reason = _nothing_to_compare(scope)
    if reason is not None:
        over = not rising_methods(scope)
        return Answer(None, f"No verdict: {reason}.", f"{reason[:1].upper()}{reason[1:]}.", (), over, 0, ())
    contrasts = {key: scope.contrasts(key) for key in scope.family}
    candidates = _simplest(scope, _candidates(scope, contrasts))
    chosen = _best(scope, candidates)
    rising = rising_methods(scope)
    judged = [BASELINE, *([chosen.method] if chosen else [])]
    converged = not any(method in rising for method in judged)
    power = measure_power(scope)
    better = chosen.better if chosen else ()
    use: str | None = chosen.method if chosen else BASELINE
    headline = _headline_of(chosen, len(scope.family)) if chosen else _headline_of_random(contrasts)
    why = _why(chosen, scope.num_comparisons) if chosen else _why_random(contrasts, scope.num_comparisons)
    if not converged and not budget:
        tail = next(rising[method] for method in judged if method in rising)
        use, headline, why, better = None, _headline_of_rising(tail), _why_rising(tail), ()
    doubts = find_doubts(scope, better, rising, power, budget=budget)
    return Answer(use, headline, why, tuple(doubts), converged, scope.num_comparisons, power)


def _nothing_to_compare(scope: Scope) -> str | None:
    if BASELINE not in scope.methods:
        return f"{BASELINE} is not among the methods, so there is nothing to compare with"
    if not scope.challengers:
        return f"there is nothing to compare {BASELINE} with"
    if not scope.runs:
        return "there is no run yet that all methods have finished"
    return None


def _candidates(scope: Scope, contrasts: Mapping[str, Mapping[str, Contrast]]) -> list[_Candidate]:
    """Return the methods that are told apart as better by a metric and as worse by none."""
    found = []
    for method in scope.challengers:
        own = [by_method[method] for by_method in contrasts.values()]
        better = tuple(one for one in own if one.verdict == Verdict.BETTER)
        if better and not any(one.verdict in WORSE for one in own):
            found.append(_Candidate(method, better, tuple(one for one in own if one not in better)))
    return found


def _simplest(scope: Scope, candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Leave out a method with another loss where Random with that loss may do as well."""
    names = {one.method for one in candidates}
    kept = []
    for one in candidates:
        _, plus, loss = one.method.partition("+")
        plain = f"{BASELINE}{plus}{loss}"
        if one.method == plain or plain not in names or _beats(scope, one, plain):
            kept.append(one)
    return kept


def _beats(scope: Scope, candidate: _Candidate, other: str) -> bool:
    """Return whether a method is told apart from another as better, by a metric that it is better than Random by."""
    ratio = float(np.mean([run.facts.test_to_train for run in scope.runs_of(BASELINE)]))
    tests = [
        corrected_resampled_t(gains, test_to_train=ratio)
        for one in candidate.better
        for gains in scope.gains(candidate.method, one.measure, over=other).values()
    ]
    p_values = [1.0 if test.significance.p_value is None else test.significance.p_value for test in tests]
    return any(p < scope.alpha and test.mean > 0 for p, test in zip(holm(p_values), tests, strict=True))


def _best(scope: Scope, candidates: Sequence[_Candidate]) -> _Candidate | None:
    ranks = [scope.fold_ranks(key) for key in scope.family]

    def order(one: _Candidate) -> tuple[int, float]:
        own = [by_method[one.method] for by_method in ranks if not math.isnan(by_method[one.method])]
        return -len(one.better), float(np.mean(own)) if own else math.inf

    return min(candidates, key=order, default=None)


# In words -----------------------------------------------------------------------------------------------------


def state_gain(contrast: Contrast) -> str:
    """State a gain with its interval: `+0.0460 (+0.0310 to +0.0610)`."""
    low, high = contrast.interval.low, contrast.interval.high
    span = "" if low is None else f" ({format_value(low, sign=True)} to {format_value(high, sign=True)})"
    return f"{format_value(contrast.gain, sign=True)}{span}"


def _name(contrast: Contrast) -> str:
    return ALL_METRICS[contrast.measure].name


def _headline_of(chosen: _Candidate, num_metrics: int) -> str:
    largest = min(chosen.better, key=lambda one: one.p_value or 0.0)
    if len(chosen.better) == num_metrics:
        gains = ", ".join(f"{_name(one)} {state_gain(one)}" for one in chosen.better)
        return f"Use {chosen.method}: better by {gains}."
    names = join_words([_name(one) for one in chosen.better])
    matter = "matters" if len(chosen.better) == 1 else "matter"
    gain = state_gain(largest) if len(chosen.better) == 1 else f"{_name(largest)} {state_gain(largest)}"
    return f"Use {chosen.method} if {names} {matter}: {gain}."


def _why(chosen: _Candidate, comparisons: int) -> str:
    better = join_words([f"{_name(one)} ({_evidence(one)})" for one in chosen.better])
    sentences = [f"Told apart from {BASELINE} as better by {better}, adjusted for {_count(comparisons)}."]
    costs = [
        f"{format_value(-one.gain)} {_name(one)} ({_span(one)}not told apart)" for one in chosen.others if one.gain < 0
    ]
    if costs:
        sentences.append(f"It costs {join_words(costs)}.")
    elif chosen.others:
        sentences.append(f"It costs nothing on average by {join_words([_name(one) for one in chosen.others])}.")
    return " ".join(sentences)


def _evidence(contrast: Contrast) -> str:
    """State the p, or on how many data sets a method was told apart where each is tested by itself."""
    if contrast.p_value is not None:
        return state_p(contrast.p_value)
    return f"on all {len(contrast.data_sets)} data sets"


def _span(contrast: Contrast) -> str:
    low, high = contrast.interval.low, contrast.interval.high
    return "" if low is None else f"{format_value(low, sign=True)} to {format_value(high, sign=True)}, "


def _headline_of_random(contrasts: Mapping[str, Mapping[str, Contrast]]) -> str:
    if any(one.verdict == Verdict.BETTER for by_method in contrasts.values() for one in by_method.values()):
        return f"Use {BASELINE}: nothing is better here without being worse elsewhere."
    return f"Use {BASELINE}: nothing is reliably better here."


def _why_random(contrasts: Mapping[str, Mapping[str, Contrast]], comparisons: int) -> str:
    every = [one for by_method in contrasts.values() for one in by_method.values()]
    better = [one for one in every if one.verdict == Verdict.BETTER]
    if better:
        return " ".join(_state_trades(contrasts, better))
    tested = [one for one in every if one.p_value is not None and one.gain > 0]
    if tested:
        nearest = min(tested, key=lambda one: (one.p_value or 0.0, -one.gain))
        return (
            f"No gain over {BASELINE} is told apart, adjusted for {_count(comparisons)}; the clearest is "
            f"{nearest.method}'s by {_name(nearest)}, {state_gain(nearest)}, {state_p(nearest.p_value)}."
        )
    partly = [one for one in every if one.verdict == Verdict.PARTLY_BETTER]
    if partly:
        words = [f"{one.method} by {_name(one)} on {one.told_apart[0]} of {len(one.data_sets)}" for one in partly]
        return f"No gain over {BASELINE} is told apart on all data sets; on some is {join_words(words)}."
    if any(unit.p_value is not None for one in every if len(one.data_sets) > 1 for unit in one.data_sets):
        return f"No gain over {BASELINE} is told apart on any data set, adjusted for {_count(comparisons)} on each."
    reason = next((one.reason_for_no_test for one in every if one.reason_for_no_test), None)
    if reason is not None:
        return f"No test could be made: {reason}."
    return f"No method gains anything over {BASELINE} on average."


def _state_trades(contrasts: Mapping[str, Mapping[str, Contrast]], better: Sequence[Contrast]) -> list[str]:
    """Say of methods that are better by some metrics what they are worse by."""
    sentences = []
    for method in dict.fromkeys(one.method for one in better):
        gains = [f"{_name(one)} {state_gain(one)}" for one in better if one.method == method]
        worse = [by_method[method] for by_method in contrasts.values() if by_method[method].verdict in WORSE]
        losses = [f"{_name(one)} {state_gain(one)}" for one in worse]
        sentences.append(f"{method} is better by {join_words(gains)} and worse by {join_words(losses)}.")
    return sentences


def _count(comparisons: int) -> str:
    return count_nouns(comparisons, "comparison")


def _headline_of_rising(tail: Tail) -> str:
    if tail.epochs < FEWEST_EPOCHS:
        return f"No verdict: {count_nouns(tail.epochs, 'epoch')} cannot show whether training was over."
    return f"No verdict: {tail.method} was still improving when training ended."


def _why_rising(tail: Tail) -> str:
    longer = max(2 * tail.epochs, 4 * FEWEST_EPOCHS)
    mend = (
        f"Train longer (--epochs {longer}, or --epochs auto) or with a larger --learning-rate "
        "(or --learning-rate auto)."
    )
    if tail.epochs < FEWEST_EPOCHS:
        return f"What methods gain in so few may be speed alone. {mend}"
    where = "last epoch" if tail.epochs < 20 else f"last tenth of {tail.epochs} epochs"
    return (
        f"Its validation {ALL_METRICS['macro_auc'].name} rose by {format_value(tail.rise)} in the {where}, and was "
        f"best at epoch {tail.best_epoch} of {tail.epochs}: what methods gain now may be speed alone. {mend}"
    )
