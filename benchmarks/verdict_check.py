"""How often does the verdict say "better" where nothing can help? Comparisons of methods on shuffled labels.

    python benchmarks/verdict_check.py emotions.arff --labels 6 --comparisons 50

The rows of the labels are shuffled, anew for each comparison, so that features tell nothing of them: every method is as
good as Random, and whatever is called better is an error. The tests do the same with made-up numbers, many more and
in seconds; this trains. Prints one line a comparison that was wrong, and the count.
"""

import argparse
from dataclasses import replace

import numpy as np
from scipy.stats import binom

from batchsift.data import load
from batchsift.studies.comparison import compare
from batchsift.studies.config import ALPHA
from batchsift.training.prepare import prepare
from batchsift.training.settings import Settings

METHODS = ("random", "label_balanced", "hard", "d2ace")


def check(data, seed, epochs):
    """Compare the methods on the data with shuffled labels, as a verdict."""
    order = np.random.default_rng(seed).permutation(data.num_samples)
    shuffled = replace(data, labels=data.labels[order])
    settings = Settings(epochs=epochs, learning_rate=1e-3, batch_size=64)
    comparison = compare(
        prepare(shuffled, settings, seed=seed),
        model="mlp",
        methods=METHODS,
        hyperparameters={"hidden": [16]},
        repeat_random=True,
        budget=True,  # what is learned by heart never converges
    )
    return comparison.answer


def main():
    """Check many seeds, and print how often the verdict was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--labels", type=int)
    parser.add_argument("--comparisons", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=10)
    given = parser.parse_args()
    data = load(given.source, labels=given.labels)
    wrong = 0
    for seed in range(given.comparisons):
        answer = check(data, seed, given.epochs)
        if answer.use != "random":
            wrong += 1
            print(f"seed {seed}: {answer.headline}", flush=True)
    most = binom.ppf(0.99, given.comparisons, ALPHA)
    count = f"{wrong} of {given.comparisons} verdicts were wrong"
    print(f"{data.name}: {count}; at {ALPHA:g}, up to {most:.0f} are to be expected")


if __name__ == "__main__":
    main()
