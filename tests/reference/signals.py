"""Signals of one cell or of one label's column.

A history is the list of one cell's observed probabilities, in order.
"""

import itertools
import math

import numpy as np


def logistic(logit):
    """The probability of a logit, without overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def clamped(p, eps):
    """A probability kept `eps` away from 0 and 1."""
    return min(max(p, eps), 1 - eps)


def entropy(p, eps):
    """Binary entropy in bits of the clamped probability; 0 log 0 is 0."""
    p = clamped(p, eps)
    total = 0.0
    for share in (p, 1 - p):
        if share > 0:
            total -= share * math.log2(share)
    return total


def fluctuation(history, window):
    """Mean absolute difference of successive probabilities among the last `window`."""
    recent = history[-window:]
    if len(recent) < 2:
        return 0.0
    total = 0.0
    for before, after in itertools.pairwise(recent):
        total += abs(after - before)
    return total / (len(recent) - 1)


def uncertainty(d, e, weight):
    """Lambda parts fluctuation, the rest entropy."""
    return weight * d + (1 - weight) * e


def flip_ema(history, decay):
    """The flip average after the whole history."""
    f = 0.0
    for t, p in enumerate(history):
        change = abs(p - history[t - 1]) if t > 0 else 0.0
        f = decay * change + (1 - decay) * f
    return f


def cross_entropy(p, present, eps):
    """Minus the log of what the clamped prediction gives to the truth."""
    p = clamped(p, eps)
    return -math.log(p) if present else -math.log(1 - p)


def cross_entropy_of_logit(logit, present):
    """`-log(logistic(logit))` if present, `-log(1 - logistic(logit))` if not, from the logit itself."""
    margin = logit if present else -logit
    return math.log1p(math.exp(-margin)) if margin >= 0 else -margin + math.log1p(math.exp(margin))


def hardness(loss, f, released=False):
    """Noise-resistant hardness, as in the paper or as in the authors' code."""
    return (2 - math.exp(-loss) if released else 1 - math.exp(-loss)) * (1 - f)


def sample_variance(values):
    """Two-pass sample variance (ddof 1); 0 for fewer than two."""
    m = len(values)
    if m < 2:
        return 0.0
    mean = math.fsum(values) / m
    return math.fsum((value - mean) ** 2 for value in values) / (m - 1)


def prediction_deviation(values):
    """Active Bias: deviation of the mean of the given probabilities; 0 for fewer than two."""
    m = len(values)
    if m < 2:
        return 0.0
    v = sample_variance(values)
    return math.sqrt(v + v**2 / (m - 1))


def decision_entropy(history, window):
    """Recency Bias: entropy of the share of the last predictions above one half; 0 without any."""
    recent = history[-window:]
    if not recent:
        return 0.0
    above = 0
    for p in recent:
        above += p > 0.5
    return entropy(above / len(recent), 0.0)


def label_weight(column, known):
    """`exp(mean / 2 + deviation / 2)` over a label's known cells."""
    values = [float(value) for value, is_known in zip(column, known, strict=True) if is_known]
    if not values:
        return 1.0
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
    return math.exp(mean / 2 + math.sqrt(variance) / 2)


def label_weights(signal, known):
    """The weight of each column."""
    return np.array([label_weight(signal[:, j], known[:, j]) for j in range(signal.shape[1])])
