"""From scores to probabilities, and the exact law of a block by going through every order of draws."""

import itertools
import math

import numpy as np


def uniform(n):
    """Equal probabilities."""
    return np.full(n, 1 / n)


def pressure(epoch, initial, warmup, epochs):
    """Selection pressure of an epoch."""
    if epoch >= epochs or warmup >= epochs:
        return 1.0
    return initial ** ((epochs - epoch) / (epochs - warmup))


def by_range(scores, s, tolerance):
    """Min-max form."""
    n = len(scores)
    high, low = max(scores), min(scores)
    if high - low <= tolerance * max(abs(w) for w in scores):
        return uniform(n)
    weights = []
    for w in scores:
        level = min(max(math.ceil(n * (high - w) / (high - low) - 1e-9 * n), 1), n)
        weights.append(math.exp(-math.log(s) / n * level))
    return np.array(weights) / math.fsum(weights)


def by_maximum(scores, s):
    """Max form."""
    n = len(scores)
    high = max(scores)
    if high == 0:
        return uniform(n)
    weights = []
    for w in scores:
        level = min(max(math.ceil(n * w / high - 1e-9 * n), 0), n)
        weights.append(math.exp(math.log(s) * (level / n - 1)))
    return np.array(weights) / math.fsum(weights)


def beta(epoch, start, end, first, last):
    """The mixture's weight of an epoch, linear from `first` to `last`."""
    if epoch <= first:
        return start
    if epoch >= last:
        return end
    return start + (end - start) * (epoch - first) / (last - first)


def epochs_of(point, epochs):
    """A schedule point in epochs: an int as it is, a float as a share rounded up (0.07 of 100 is 7, not 8)."""
    if isinstance(point, int):
        return point
    nearest = round(point * epochs)
    return nearest if abs(point * epochs - nearest) < 1e-9 else math.ceil(point * epochs)


def order_law(probabilities, size):
    """The chance of every order of draws of a block: successive sampling without replacement."""
    law = {}
    for order in itertools.permutations([i for i, p in enumerate(probabilities) if p > 0], size):
        chance, left = 1.0, math.fsum(probabilities)
        for i in order:
            chance *= probabilities[i] / left
            left = math.fsum(p for k, p in enumerate(probabilities) if k not in order[: order.index(i) + 1])
        law[order] = chance
    return law


def inclusion(probabilities, size):
    """The exact chance that each sample is in a block, by enumeration."""
    chances = [0.0] * len(probabilities)
    for order, chance in order_law(probabilities, size).items():
        for i in order:
            chances[i] += chance
    return np.array(chances)


def approximate_inclusion(probabilities, size):
    """`1 - exp(-lambda P_i)` with lambda such that they sum to the size of the block; plain bisection."""
    if sum(p > 0 for p in probabilities) <= size:
        return np.array([1.0 if p > 0 else 0.0 for p in probabilities])

    def chances(rate):
        return [-math.expm1(-rate * p) for p in probabilities]

    low, high = 0.0, 1.0
    while math.fsum(chances(high)) < size:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if math.fsum(chances(middle)) < size:
            low = middle
        else:
            high = middle
    return np.array(chances(high))


def label_balanced(positive):
    """A label that occurs, uniformly; then one of those that have it."""
    n, num_labels = positive.shape
    holders = [[i for i in range(n) if positive[i, j]] for j in range(num_labels)]
    occurring = [members for members in holders if members]
    if not occurring:
        return uniform(n)
    chances = np.zeros(n)
    for members in occurring:
        for i in members:
            chances[i] += 1 / len(occurring) / len(members)
    return chances


def rarity(positive, power):
    """Labels count by their rarity; who has none counts as little as any; adds up to 1."""
    n, num_labels = positive.shape
    count = [sum(bool(positive[i, j]) for i in range(n)) for j in range(num_labels)]
    weights = [math.fsum(count[j] ** -power for j in range(num_labels) if positive[i, j]) for i in range(n)]
    some = [w for w in weights if w > 0]
    if not some:
        return uniform(n)
    weights = [w if w > 0 else min(some) for w in weights]
    return np.array(weights) / math.fsum(weights)


def inclusion_by_clocks(probabilities, size, samples):
    """The exact chance that each of `samples` is in a block, by quadrature, for many samples.

    Successive sampling is a race: sample i rings at an exponential time of rate P_i, and the block is who rings first.
    So i is in it if, when it rings, fewer than `size` others have: a sum of independent chances, one for each other,
    whose distribution is built up one other at a time.
    """
    nodes, weights = np.polynomial.legendre.leggauss(300)
    quantile = (nodes + 1) / 2
    chances = []
    for i in samples:
        time = -np.log1p(-quantile) / probabilities[i]  # when i rings
        number = np.zeros((len(time), size))  # chance that so many others have rung; `size` and more are let go
        number[:, 0] = 1
        for other, p in enumerate(probabilities):
            if other != i:
                rung = -np.expm1(-p * time)[:, None]
                one_more = np.roll(number, 1, axis=1)
                one_more[:, 0] = 0
                number = number * (1 - rung) + one_more * rung
        chances.append(float((weights / 2 * number.sum(1)).sum()))
    return np.array(chances)
