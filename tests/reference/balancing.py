"""Greedy vector balancing, one copy after the other."""

import math

import numpy as np


def vectors(counts, positive):
    """`y_ij / sqrt(n_j)` less the mean over the copies."""
    n, q = positive.shape
    with_label = [sum(positive[i, j] for i in range(n)) for j in range(q)]
    z = np.array([[1 / math.sqrt(with_label[j]) if positive[i, j] else 0.0 for j in range(q)] for i in range(n)])
    return z - sum(counts[i] * z[i] for i in range(n)) / sum(counts)


def greedy_blocks(counts, positive, block_size, random):
    """Copies by falling `|z_i| exp(0.1 eps)`, each to the block with room and without it where `<S_b, z_i>` is least.

    Where copies of a sample are left and all blocks with room have it, this way has no answer: a ValueError.
    """
    z = vectors(counts, positive)
    key = [np.linalg.norm(z[i]) * math.exp(0.1 * random.standard_normal()) for i in range(len(z))]
    blocks = [[] for _ in range(math.ceil(sum(counts) / block_size))]
    room = [block_size] * len(blocks)
    room[-1] = sum(counts) - (len(blocks) - 1) * block_size
    total = np.zeros((len(blocks), positive.shape[1]))
    for i in sorted(range(len(z)), key=lambda i: -key[i]):
        for _ in range(counts[i]):
            product = total @ z[i]
            b = min(
                (b for b in range(len(blocks)) if len(blocks[b]) < room[b] and i not in blocks[b]),
                key=product.__getitem__,
            )
            blocks[b].append(i)
            total[b] += z[i]
    return blocks


def unlikeness(blocks, counts, positive):
    """The sum of `|S_b|^2`: what balancing makes small."""
    z = vectors(counts, positive)
    return sum(float((z[block].sum(0) ** 2).sum()) for block in blocks)


def variance_of_label_sums(blocks, positive):
    """How much the number of positives differs between full blocks, summed over labels."""
    size = max(map(len, blocks))
    sums = np.array([positive[block].sum(0) for block in blocks if len(block) == size], dtype=float)
    return float(sums.var(0).sum())
