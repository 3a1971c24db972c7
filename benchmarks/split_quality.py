"""How well five folds mirror a data set: label distribution (LD) and label pair distribution (LPD), as Markdown.

python benchmarks/split_quality.py yeast CAL500 enron     names of the catalogue, or files
"""

import statistics
import sys
import warnings

import numpy as np

from batchsift.data import folds, load, split_report

FOLDS, SEEDS = 5, 10


def by_chance(labels, seed):
    return np.array_split(np.random.default_rng(seed).permutation(len(labels)), FOLDS)


def stratified(order):
    return lambda labels, seed: [test for _, test in folds(labels, FOLDS, seed, order=order)]


def main():
    warnings.simplefilter("ignore")
    print("| data set | folds | LD | LPD | sizes differ by | labels absent from a fold |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for source in sys.argv[1:]:
        data = load(source)
        for how, divide in {"by chance": by_chance, "order 1": stratified(1), "order 2": stratified(2)}.items():
            reports = [split_report(data.labels, divide(data.labels, seed)) for seed in range(SEEDS)]
            figures = (
                f"{statistics.mean(report.label_distribution for report in reports):.4f}",
                f"{statistics.mean(report.pair_distribution for report in reports):.5f}",
                f"{statistics.mean(max(report.sizes) - min(report.sizes) for report in reports):.0f}",
                f"{statistics.mean(len({name for name, _ in report.absent}) for report in reports):.1f}",
            )
            print(f"| {data.name} | {how} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main()
