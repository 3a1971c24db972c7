"""Doubts: what speaks against a verdict, a sentence each."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from batchsift.image_metrics import ALL_METRICS
from batchsift.messages import count_nouns
from batchsift.statistics.power import POWER
from batchsift.studies.analysis.chance import measure_chance
from batchsift.studies.analysis.contrasts import Contrast
from batchsift.studies.analysis.convergence import Tail
from batchsift.studies.analysis.planning import MetricPower
from batchsift.studies.analysis.runs import BASELINE
from batchsift.studies.analysis.scopes import Scope
from batchsift.studies.analysis.wording import format_epochs, format_percent, format_value, join_words

FEW_RUNS = 10  # of a method on a data set: below, a test sees large effects alone


def find_doubts(
    scope: Scope,
    better: Sequence[Contrast],
    rising: Mapping[str, Tail],
    power: Sequence[MetricPower],
    *,
    budget: bool,
) -> Iterator[str]:
    """Yield what a reader should know before believing a verdict.

    Args:
        scope: The runs.
        better: What the method to use is better by; nothing where it is Random, or there is none.
        rising: The methods whose training was not over.
        power: What the runs could tell apart.
        budget: Whether the number of epochs is one that is meant.
    """
    yield from _of_training(scope, rising, budget=budget)
    yield from _of_chance(scope, better)
    yield from _of_the_last_epoch(scope, better)
    yield from _of_few_runs(scope, power)
    undefined = [
        ALL_METRICS[key].name
        for key in scope.family
        if any(math.isnan(contrast.gain) for contrast in scope.contrasts(key).values())
    ]
    if undefined:
        yield f"Undefined on some fold, and so not looked at: {join_words(undefined)}."
    if len(scope.data) == 1:
        yield f"It holds for {scope.data[0]} with this model and these settings."


def _of_training(scope: Scope, rising: Mapping[str, Tail], *, budget: bool) -> Iterator[str]:
    if budget:
        epochs = max(len(run.curve) for run in scope.runs_of(BASELINE))
        over = "training was not over" if rising else "a longer training may come out otherwise"
        yield f"It holds for a training of {count_nouns(epochs, 'epoch')}, as asked for: {over}."
    elif rising and BASELINE not in rising:
        yield f"Still improving at the last epoch, and perhaps better with more of them: {join_words(list(rising))}."


def _of_chance(scope: Scope, better: Sequence[Contrast]) -> Iterator[str]:
    chance = {key: one for key in scope.family if (one := measure_chance(scope, key)) is not None}
    if not chance:
        yield (f"{BASELINE} was not run a second time with other draws, so the part that chance has is not shown.")
        return
    alike = [
        f"{ALL_METRICS[one.measure].name} {format_value(chance[one.measure].gain, sign=True)}"
        for one in better
        if one.measure in chance and abs(chance[one.measure].gain) >= abs(one.gain)
    ]
    if alike:
        yield f"{BASELINE} with other draws differs from itself by as much: {join_words(alike)}."


def _of_the_last_epoch(scope: Scope, better: Sequence[Contrast]) -> Iterator[str]:
    for one in better:
        last = scope.last_gain(one.method, one.measure)
        if not math.isnan(last) and last < one.gain / 2:
            yield (
                f"By {ALL_METRICS[one.measure].name}, {one.method} gains {format_value(one.gain, sign=True)} at the "
                f"best epoch and {format_value(last, sign=True)} at the last."
            )
    runs = scope.runs_of(BASELINE)
    ends = float(np.mean([len(run.curve) for run in runs]))
    best = float(np.mean([run.best_epoch + 1 for run in runs]))
    if best < ends / 2:
        yield (
            f"The best epoch of {BASELINE} is {format_epochs(best)} of {format_epochs(ends)} on average: it gets worse "
            "from there on, and fewer epochs or a smaller learning rate would do."
        )


def _of_few_runs(scope: Scope, power: Sequence[MetricPower]) -> Iterator[str]:
    fewest = min(len(gains) for gains in scope.gains(scope.challengers[0], scope.family[0]).values())
    if fewest < FEW_RUNS and power:
        smallest = [f"{format_value(one.detectable)} {ALL_METRICS[one.metric].name}" for one in power]
        yield (
            f"{count_nouns(fewest, 'run')} a method are few: a true gain is told apart in {format_percent(POWER)} of "
            f"cases from {join_words(smallest)} on."
        )
    needed = [one for one in power if one.seeds_needed is not None and one.seeds_needed > one.seeds]
    hopeless = [one for one in power if one.seeds_needed is None and one.gain > 0]
    if needed:
        words = [
            f"{one.seeds_needed} for {ALL_METRICS[one.metric].name} ({format_value(one.gain, sign=True)})"
            for one in needed
        ]
        yield f"To see gains as large as the largest found, a study needs more seeds: {join_words(words)}."
    if hopeless:
        names = [f"{ALL_METRICS[one.metric].name} ({format_value(one.gain, sign=True)})" for one in hopeless]
        yield f"No number of seeds would show gains as small as the largest found, only more data: {join_words(names)}."
