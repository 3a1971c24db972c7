"""The search of a learning rate and a number of epochs with Random, inside a training part, by Optuna.

The learning rate, for a given number of epochs: successive halving (Jamieson and Talwalkar, AISTATS 2016) in its
asynchronous form, Optuna's `SuccessiveHalvingPruner`. Each rate is first tried for a quarter of the epochs, at four
times the rate: the best rate falls about as the number of epochs grows, so that short trials would else favor rates
that are too high. The better ones are tried for all epochs. The range grows by another rate as long as the best is at
its end.

The number of epochs: budgets are doubled, each with a learning rate of its own, until one gains no more than noise over
half as many (see `trials.noise_of_difference`). That one is taken, not the half: its last epochs show that training has
converged.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from batchsift.training.loop import DivergedError
from batchsift.training.trials import Trial, Trials, noise_of_difference

RATES = tuple(1e-4 * 2**power for power in range(-4, 12))  # those that can be chosen; powers of two scale exactly
FIRST = 5  # rates that are tried first, around the usual one
USUAL = 0.05  # the product of learning rate and epochs around which the search begins
BUDGETS = (10, 20, 40, 80, 160)  # the least that can be chosen is the second: methods need epochs to differ in
SHORTER, SHORTEST = 4, 5  # trials are first so much shorter, but take so many epochs
HALVING = 3  # of so many trials, one goes on


@dataclass(frozen=True)
class FoundRate:
    """The learning rate that was found for a number of epochs.

    Args:
        best: The trial with the highest score.
        num_trials: How many learning rates were tried.
        at_end: Whether it is the lowest or highest of all that could be tried.
    """

    best: Trial
    num_trials: int
    at_end: bool


@dataclass(frozen=True)
class FoundEpochs:
    """The number of epochs that was found.

    Args:
        steps: The best trial of each budget that was tried, by growing budgets; the last has what was chosen.
        noise: The standard error of the gain of each step over the one before it; one fewer than there are steps.
        converged: Whether the last step gained no more than noise.
    """

    steps: tuple[Trial, ...]
    noise: tuple[float, ...]
    converged: bool

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return self.steps[-1].epochs

    @property
    def gain(self) -> float:
        """What the chosen number of epochs gains over half as many, in points of the score."""
        return self.steps[-1].score - self.steps[-2].score


def search_rate(trials: Trials, epochs: int) -> FoundRate:
    """Find the learning rate for a number of epochs.

    Args:
        trials: The trials on the training part.
        epochs: The number of epochs, at least 1.

    Raises:
        DivergedError: Training diverged with every learning rate.
    """
    import optuna  # noqa: PLC0415 (an extra)

    short = min(epochs, max(SHORTEST, -(-epochs // SHORTER)))

    def promise_of(number: int) -> float:
        return trials.run(RATES[number] * (epochs / short), short).score

    def value_of(trial: optuna.Trial) -> float:
        number = trial.suggest_int("rate", 0, len(RATES) - 1)
        if short < epochs:
            trial.report(promise_of(number), 1)
            if trial.should_prune():
                raise optuna.TrialPruned
        return trials.run(RATES[number], epochs).score

    with _quiet():
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),  # of nothing: all rates are enqueued
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=HALVING),
        )
        untried = _usual_rates(epochs)
        while untried:
            best_first = sorted(untried, key=promise_of, reverse=True)
            # A trial goes on if it is the best so far: of those that begin with the runner-up, these are two.
            for number in (*best_first[1::-1], *best_first[2:]):
                study.enqueue_trial({"rate": number})
            study.optimize(value_of, n_trials=len(untried))
            tried = sorted(trial.params["rate"] for trial in study.trials)
            best = study.best_trial.params["rate"]
            beyond = {tried[0]: tried[0] - 1, tried[-1]: tried[-1] + 1}.get(best, -1)
            untried = [beyond] if 0 <= beyond < len(RATES) else []
    found = trials.run(RATES[best], epochs)
    if found.diverged:
        raise DivergedError(
            f"training diverged with every learning rate from {RATES[tried[0]]:g} to {RATES[tried[-1]]:g}"
        )
    return FoundRate(found, len(tried), best in (0, len(RATES) - 1))


def search_epochs(trials: Trials, learning_rate: float | None = None) -> FoundEpochs:
    """Find the number of epochs.

    Args:
        trials: The trials on the training part.
        learning_rate: The learning rate of every budget; None searches one for each.

    Raises:
        DivergedError: Training diverged with every learning rate, or with that one.
    """
    steps: list[Trial] = []
    noise: list[float] = []
    for budget in BUDGETS:
        best = search_rate(trials, budget).best if learning_rate is None else trials.run(learning_rate, budget)
        if best.diverged:
            raise DivergedError(f"training diverged with the learning rate {learning_rate:g}: choose a lower one")
        steps.append(best)
        if len(steps) > 1:
            noise.append(noise_of_difference(*steps[-2:]))
            if steps[-1].score - steps[-2].score <= noise[-1]:
                return FoundEpochs(tuple(steps), tuple(noise), converged=True)
    return FoundEpochs(tuple(steps), tuple(noise), converged=False)


def _usual_rates(epochs: int) -> list[int]:
    """List the numbers of the rates that are tried first: the usual one and its neighbors."""
    middle, half = round(math.log2(USUAL / epochs / RATES[0])), FIRST // 2
    middle = min(max(middle, half), len(RATES) - 1 - half)
    return list(range(middle - half, middle + half + 1))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's lines on trials away: the caller shows them in its own way."""
    import optuna  # noqa: PLC0415 (an extra)

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
