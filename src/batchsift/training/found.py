"""What a search found, for every run that is trained with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batchsift.messages import count_nouns
from batchsift.training.search import FoundEpochs, FoundRate
from batchsift.training.settings import Settings
from batchsift.training.trials import METHOD


@dataclass(frozen=True, kw_only=True)
class Found:
    """The settings that a search chose: one number of epochs for all runs, a learning rate for each fold and loss.

    Args:
        epochs: The number of epochs; None where it was not searched.
        rates: Fold, counted from 0, and loss to the learning rate; empty where it was not searched.
    """

    epochs: FoundEpochs | None = None
    rates: Mapping[tuple[int, str], FoundRate] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything was searched."""
        return self.epochs is not None or bool(self.rates)

    def settings_of(self, settings: Settings, *, fold: int, loss: str | None = None) -> Settings:
        """Return settings with the numbers that were found for a fold and a loss, theirs if none is given."""
        changed = replace(self.with_epochs(settings), loss=loss or settings.loss)
        found = self.rates.get((fold, changed.loss))
        return changed if found is None else replace(changed, learning_rate=found.best.learning_rate)

    def with_epochs(self, settings: Settings) -> Settings:
        """Return settings with the number of epochs that was found."""
        return settings if self.epochs is None else replace(settings, epochs=self.epochs.epochs)

    def learning_rates(self, loss: str) -> list[float]:
        """Return the learning rates of a loss, fold by fold."""
        return [found.best.learning_rate for (_, of), found in sorted(self.rates.items()) if of == loss]

    @property
    def losses(self) -> list[str]:
        """The losses that a learning rate was searched for."""
        return list(dict.fromkeys(loss for _, loss in self.rates))

    def describe_rates(self) -> str:
        """Say which learning rates were found, and how: "learning rate 0.0032 to 0.0064 (searched for random, ...)"."""
        several = len(self.losses) > 1
        words = [f"{span(self.learning_rates(loss))}{f' with {loss}' if several else ''}" for loss in self.losses]
        numbers = span([found.num_trials for found in self.rates.values()])
        folds = "" if len(self.rates) == 1 else " a fold"
        return f"learning rate {', '.join(words)} (searched for {METHOD}, {numbers} trials{folds})"

    def describe_epochs(self) -> str:
        """Say which number of epochs was found, and how: "20 epochs (searched: -0.002 ± 0.004 over 10)"; or nothing."""
        if self.epochs is None:
            return ""
        over = f"{self.epochs.gain:+.3f} ± {self.epochs.noise[-1]:.3f} over {self.epochs.steps[-2].epochs}"
        told = over if self.epochs.converged else f"still {over}"
        return f"{count_nouns(self.epochs.epochs, 'epoch')} (searched: {told})"

    def describe(self) -> str:
        """Say in one line what was searched and found; empty where nothing was."""
        rates = self.describe_rates() if self.rates else ""
        return ", ".join(filter(None, [self.describe_epochs(), rates]))

    def doubts(self) -> list[str]:
        """Say what speaks against the numbers: the end of what could be tried, or training that still improves."""
        doubts = []
        ends = [f"fold {fold + 1} with {loss}" for (fold, loss), found in self.rates.items() if found.at_end]
        if ends:
            doubts.append(
                f"the best learning rate of {', '.join(ends)} is the last that can be chosen; there may be a better "
                "one beyond: give it as a number"
            )
        if self.epochs is not None and not self.epochs.converged:
            doubts.append(
                f"training still improves at {count_nouns(self.epochs.epochs, 'epoch')}, the most that are tried: "
                "give a larger number of epochs"
            )
        return doubts

    def document(self) -> dict[str, Any]:
        """Return it as JSON can hold it: `epochs`, with a step for each budget, and `learning_rates`."""
        return {
            "method": METHOD,
            "epochs": None
            if self.epochs is None
            else {
                "epochs": self.epochs.epochs,
                "converged": self.epochs.converged,
                "steps": [
                    {"epochs": step.epochs, "learning_rate": step.learning_rate, "score": step.score}
                    for step in self.epochs.steps
                ],
                "noise": self.epochs.noise,
            },
            "learning_rates": [
                {
                    "fold": fold,
                    "loss": loss,
                    "learning_rate": found.best.learning_rate,
                    "score": found.best.score,
                    "trials": found.num_trials,
                    "at_end": found.at_end,
                }
                for (fold, loss), found in self.rates.items()
            ],
        }


def span(numbers: Sequence[float]) -> str:
    """Write the lowest and the highest of some numbers, or the one number they all are.

    >>> span([0.01, 0.0025, 0.005]), span([5, 5])
    ('0.0025 to 0.01', '5')
    """
    low, high = f"{min(numbers):g}", f"{max(numbers):g}"
    return low if low == high else f"{low} to {high}"
