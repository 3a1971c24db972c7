"""Losses cell by cell, in exact enough arithmetic: what the fast versions must equal."""

import math


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def minus_log_sigmoid(z):
    return math.log1p(math.exp(-z)) if z >= 0 else -z + math.log1p(math.exp(z))


def mean_over_known(cell, logits, targets):
    """The mean of `cell(row, label)` over the cells whose target is not NaN; 0 where there is none."""
    known = [(b, j) for b, row in enumerate(targets) for j, target in enumerate(row) if not math.isnan(target)]
    return sum(cell(b, j) for b, j in known) / len(known) if known else 0.0


def weighted(logits, targets, weights):
    def cell(b, j):
        z = logits[b][j]
        return weights[j] * minus_log_sigmoid(z) if targets[b][j] else minus_log_sigmoid(-z)

    return mean_over_known(cell, logits, targets)


def focal(logits, targets, gamma, alpha):
    def cell(b, j):
        z = logits[b][j] if targets[b][j] else -logits[b][j]
        balance = 1 if alpha is None else alpha if targets[b][j] else 1 - alpha
        return balance * sigmoid(-z) ** gamma * minus_log_sigmoid(z)

    return mean_over_known(cell, logits, targets)


def asymmetric(logits, targets, gamma_negative, gamma_positive, clip):
    def cell(b, j):
        z = logits[b][j]
        if targets[b][j]:
            return sigmoid(-z) ** gamma_positive * minus_log_sigmoid(z)
        shifted = max(sigmoid(z) - clip, 0)
        return shifted**gamma_negative * -(math.log1p(-shifted) if clip else -minus_log_sigmoid(-z))

    return mean_over_known(cell, logits, targets)


def distribution_balanced(logits, targets, counts, totals, alpha, beta, mu, negative_scale, kappa):
    def cell(b, j):
        of_sample = sum(1 / max(n, 1) for n, target in zip(counts, targets[b], strict=True) if target == 1)
        ratio = 1 / max(counts[j], 1) / of_sample if of_sample else math.inf
        weight = alpha + (1.0 if ratio == math.inf else sigmoid(beta * (ratio - mu)))
        share = counts[j] / totals[j] if totals[j] else 0
        share = min(max(share, 1 / (totals[j] + 1)), totals[j] / (totals[j] + 1)) if totals[j] else 0.5
        z = logits[b][j] - kappa * math.log(1 / share - 1)
        if targets[b][j]:
            return weight * minus_log_sigmoid(z)
        return weight / negative_scale * minus_log_sigmoid(-negative_scale * z)

    return mean_over_known(cell, logits, targets)
