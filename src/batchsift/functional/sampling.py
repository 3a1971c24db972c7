"""From scores to probabilities, and from probabilities to the blocks of an epoch.

Shapes: N samples, B samples in a block. Probabilities are float64 throughout.
"""

import math
from typing import Literal

import torch
from torch import Tensor

LastBatch = Literal["short", "drop", "fill"]
_LEVEL_TOLERANCE = 1e-9  # share of a range that keeps a score on the edge of a level from being rounded up


def uniform(num_samples: int) -> Tensor:
    """Equal probabilities, `(N,)` float64."""
    return torch.full((num_samples,), 1.0 / num_samples, dtype=torch.float64)


def pressure_at(epoch: int, initial: float, warmup: int, epochs: int) -> float:
    """Selection pressure of an epoch, `s_0 ** ((t_end - t) / (t_end - gamma))`: s_0 after the warm-up, falling to 1.

    Args:
        epoch: t, counted from 0.
        initial: s_0, at least 1.
        warmup: gamma, the number of warm-up epochs.
        epochs: t_end. From there on the pressure is 1 (uniform).

    >>> [round(pressure_at(t, 8.0, warmup=10, epochs=100), 9) for t in (10, 40, 70, 100)]
    [8.0, 4.0, 2.0, 1.0]
    """
    if epoch >= epochs or warmup >= epochs:
        return 1.0
    return float(initial ** ((epochs - epoch) / (epochs - warmup)))


def probabilities_by_range(score_N: Tensor, pressure: float, tolerance: float = 1e-6) -> Tensor:
    """Quantised selection, min-max form: `P_i` proportional to `exp(-ln(s) / n * Q_i)`.

    `Q_i = ceil(n (max w - w_i) / (max w - min w))`, from 1 (best) to n: between the best and the worst sample lies
    a factor of nearly s.

    Args:
        score_N: w; the higher, the likelier.
        pressure: s, at least 1.
        tolerance: Scores whose range is at most this share of the largest absolute score are equal: uniform.

    Returns:
        `(N,)` float64 on the CPU, positive, summing to 1.

    >>> probabilities_by_range(torch.tensor([1.0, 0.0]), pressure=4.0)
    tensor([0.6667, 0.3333], dtype=torch.float64)
    """
    score_N = score_N.detach().cpu().double()
    n = len(score_N)
    best = score_N.max()
    span = best - score_N.min()
    if span <= tolerance * score_N.abs().max():
        return uniform(n)
    level_N = ((best - score_N) / span * n - _LEVEL_TOLERANCE * n).ceil().clamp(1, n)
    weight_N = (-math.log(pressure) / n * level_N).exp()
    return weight_N / weight_N.sum()


def probabilities_by_maximum(score_N: Tensor, pressure: float) -> Tensor:
    """Quantised selection, max form: `P_i` proportional to `exp(ln(s) / n * Q_i)` (ECML 2024).

    `Q_i = ceil(n w_i / max w)`, from 0 to n.

    Args:
        score_N: w, not negative; the higher, the likelier.
        pressure: s, at least 1.

    Returns:
        `(N,)` float64 on the CPU, positive, summing to 1; uniform if all scores are 0.

    >>> probabilities_by_maximum(torch.tensor([1.0, 0.0]), pressure=4.0)
    tensor([0.8000, 0.2000], dtype=torch.float64)
    """
    score_N = score_N.detach().cpu().double()
    n = len(score_N)
    if score_N.max() <= 0:
        return uniform(n)
    level_N = (score_N / score_N.max() * n - _LEVEL_TOLERANCE * n).ceil().clamp(0, n)
    weight_N = (math.log(pressure) / n * (level_N - n)).exp()
    return weight_N / weight_N.sum()


def draw_blocks(probability_N: Tensor, block_size: int, num_blocks: int, generator: torch.Generator) -> Tensor:
    """Draw blocks by successive sampling without replacement, each block afresh.

    Drawing with replacement and skipping repeats has exactly that law, so all blocks come from one cumulative sum.
    A block that is still incomplete after a few rounds (its mass is on few samples) is finished by exponential keys
    `E / P` over what it lacks, which is the same law without the waiting.

    Args:
        probability_N: P, float64, not negative; what has P = 0 is never drawn.
        block_size: B, at most the number of positive probabilities.
        num_blocks: How many blocks.
        generator: The only source of randomness.

    Returns:
        `(num_blocks, B)` int64; no row has a repeat.

    Raises:
        ValueError: Fewer positive probabilities than a block needs.
    """
    available = int((probability_N > 0).sum())
    if available < block_size:
        raise ValueError(f"a block of {block_size} needs as many positive probabilities, there are {available}")
    cumulative_N = probability_N.cumsum(0)
    top = torch.nextafter(cumulative_N[-1], torch.zeros((), dtype=torch.float64))
    blocks = torch.empty(num_blocks, block_size, dtype=torch.int64)
    open_blocks = torch.arange(num_blocks)
    drawn = torch.empty(num_blocks, 0, dtype=torch.int64)
    for _ in range(4):
        width = block_size + block_size // 4 + 8
        chance = torch.rand(len(open_blocks), width, dtype=torch.float64, generator=generator)
        chance = (chance * cumulative_N[-1]).clamp(max=top)
        drawn = torch.cat([drawn, torch.searchsorted(cumulative_N, chance, right=True)], dim=1)
        is_first = _first_occurrences(drawn)
        rank = is_first.cumsum(1)
        complete = rank[:, -1] >= block_size
        chosen = is_first & (rank <= block_size)
        blocks[open_blocks[complete]] = drawn[complete][chosen[complete]].reshape(-1, block_size)
        open_blocks, drawn = open_blocks[~complete], drawn[~complete]
        if not len(open_blocks):
            return blocks
    for block, candidates in zip(open_blocks.tolist(), drawn, strict=True):
        have = candidates[_first_occurrences(candidates[None])[0]]
        blocks[block] = _completed_by_keys(have, probability_N, block_size, generator)
    return blocks


def _first_occurrences(drawn_BM: Tensor) -> Tensor:
    """True where an entry of a row has not stood earlier in that row."""
    value, order = drawn_BM.sort(dim=1, stable=True)
    first = torch.ones_like(value, dtype=torch.bool)
    first[:, 1:] = value[:, 1:] != value[:, :-1]
    return torch.empty_like(first).scatter_(1, order, first)


def _completed_by_keys(have: Tensor, probability_N: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Go on with successive sampling after the samples in `have`: the smallest keys `E / P`, in their order."""
    key_N = torch.empty_like(probability_N).exponential_(generator=generator).log() - probability_N.log()
    key_N[have] = math.inf
    return torch.cat([have, key_N.topk(size - len(have), largest=False, sorted=True).indices])


def shuffled_passes(num_samples: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor:
    """Shuffled passes over the data, one after the other, without a repeat inside any block.

    Returns:
        Flat int64 tensor of whole passes: the first reaches all samples, more follow until no block but the last
        can be short.

    >>> flat = shuffled_passes(5, batch_size=2, num_batches=5, generator=torch.Generator().manual_seed(0))
    >>> [sorted(flat[:5].tolist()), sorted(flat[5:].tolist())]
    [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    """
    flat = torch.randperm(num_samples, generator=generator)
    return _followed_by_passes(flat, (num_batches - 1) * batch_size + 1, batch_size, generator, num_samples)


def topped_up(flat: Tensor, length: int, batch_size: int, num_samples: int, generator: torch.Generator) -> Tensor:
    """Bring a flat plan to exactly `length` indices.

    A longer one is cut. The unfinished block of a shorter one is filled with samples that are not in it; if blocks are
    missing, shuffled passes follow.
    """
    return _followed_by_passes(flat, length, batch_size, generator, num_samples)[:length]


def _followed_by_passes(
    flat: Tensor, length: int, batch_size: int, generator: torch.Generator, num_samples: int
) -> Tensor:
    """Whole shuffled passes behind a plan until it has `length` indices at least, no repeat inside a block."""
    while len(flat) < length:
        following = torch.randperm(num_samples, generator=generator)
        unfinished = flat[len(flat) - len(flat) % batch_size :]
        fresh = ~torch.isin(following, unfinished)
        lead = fresh & (fresh.cumsum(0) <= batch_size - len(unfinished))
        flat = torch.cat([flat, following[lead], following[~lead]])
    return flat


def inclusion_probabilities(probability_N: Tensor, block_size: int) -> Tensor:
    """The chance that each sample is in a block drawn without replacement: `pi_i = 1 - exp(-lambda P_i)`.

    lambda solves `sum_i pi_i = B` (found by bisection). With no more positive probabilities than the block holds,
    each of them is included for certain.

    Returns:
        `(N,)` float64 in [0, 1].

    >>> inclusion_probabilities(torch.tensor([0.25, 0.25, 0.25, 0.25], dtype=torch.float64), 2)
    tensor([0.5000, 0.5000, 0.5000, 0.5000], dtype=torch.float64)
    """
    positive_N = probability_N > 0
    if block_size >= int(positive_N.sum()):
        return positive_N.double()
    low, high = 0.0, float(block_size)
    while -torch.expm1(-high * probability_N).sum() < block_size:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if -torch.expm1(-middle * probability_N).sum() < block_size else (low, middle)
    return -torch.expm1(-high * probability_N)
