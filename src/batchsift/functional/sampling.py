"""From scores to probabilities, and from probabilities to the blocks of an epoch, each drawn afresh.

`systematic` draws all blocks of an epoch together.

Shapes: N samples, B samples in a block, M draws. Probabilities are float64 throughout.
"""

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LastBatch = Literal["short", "drop", "fill"]
Drawing = Literal["systematic", "independent"]
_DRAWS_AT_ONCE = 2**18
_LEVEL_TOLERANCE = 1e-9  # share of a range that keeps a score on the edge of a level from being rounded up


def uniform(num_samples: int) -> Tensor:
    """Return equal probabilities, `(N,)` float64.

    >>> uniform(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return torch.full((num_samples,), 1.0 / num_samples, dtype=torch.float64, device="cpu")


def pressure_at(epoch: int, initial: float, warmup: int, epochs: int) -> float:
    """Return the selection pressure of an epoch, `s_0 ** ((t_end - t) / (t_end - gamma))` (CIKM-20, AAAI-25).

    It is s_0 after the warm-up and falls to 1.

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
    """Return P by quantised selection, min-max form: `P_i` proportional to `exp(-ln(s) / n * Q_i)` (AAAI-25).

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
    level_N = (best - score_N).div_(span).mul_(n).sub_(_LEVEL_TOLERANCE * n).ceil_().clamp_(1, n)
    weight_N = level_N.mul_(-math.log(pressure) / n).exp_()
    return weight_N.div_(weight_N.sum())


def probabilities_by_maximum(score_N: Tensor, pressure: float) -> Tensor:
    """Return P by quantised selection, max form: `P_i` proportional to `exp(ln(s) / n * Q_i)` (ECML-24).

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
    level_N = (score_N / score_N.max()).mul_(n).sub_(_LEVEL_TOLERANCE * n).ceil_().clamp_(0, n)
    weight_N = level_N.sub_(n).mul_(math.log(pressure) / n).exp_()
    return weight_N.div_(weight_N.sum())


def draw_blocks(probability_N: Tensor, block_size: int, num_blocks: int, generator: torch.Generator) -> Tensor:
    """Draw blocks by successive sampling without replacement, each block afresh (as published: AAAI-25, IJCAI-26).

    Drawing with replacement and skipping repeats has exactly that law, so all blocks come from one cumulative sum.
    Several blocks at once, which bounds the memory. In double precision: any number of samples.
    A block that is still incomplete after a few rounds (its mass is on few samples) is finished by exponential keys
    `E / P` over what it lacks, which is the same law without the waiting (Efraimidis and Spirakis, Information
    Processing Letters 97, 2006).

    Args:
        probability_N: P, float64, not negative; what has P = 0 is never drawn.
        block_size: B, at most the number of positive probabilities.
        num_blocks: How many blocks.
        generator: The only source of randomness.

    Returns:
        `(num_blocks, B)` int64; no row has a repeat.

    Raises:
        ValueError: There are fewer positive probabilities than a block needs.

    >>> half = torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64)
    >>> draw_blocks(half, block_size=2, num_blocks=1, generator=torch.Generator().manual_seed(0)).sort().values
    tensor([[0, 2]])
    """
    available = int((probability_N > 0).sum())
    if available < block_size:
        raise ValueError(f"a block of {block_size} needs as many positive probabilities, there are {available}")
    # As many draws as a block nearly always needs: with r repeats expected among B, r + 4 sqrt(r) and some more.
    repeats = block_size**2 / 2 * float((probability_N / probability_N.sum()).square().sum())
    width = block_size + min(math.ceil(repeats + 4 * math.sqrt(repeats)), block_size // 4) + 8
    cumulative_N = probability_N.cumsum(0).numpy()
    blocks = np.empty((num_blocks, block_size), dtype=np.int64)
    at_once = max(1, _DRAWS_AT_ONCE // width)
    for first in range(0, num_blocks, at_once):
        some_blocks = blocks[first : first + at_once]
        open_blocks = np.arange(len(some_blocks))
        drawn = np.empty((len(some_blocks), 0), dtype=np.int64)
        for _ in range(4):
            drawn = np.concatenate([drawn, _drawn(cumulative_N, len(open_blocks), width, generator)], axis=1)
            is_first = _first_occurrences(drawn)
            rank = is_first.cumsum(1)
            complete = rank[:, -1] >= block_size
            chosen = is_first & (rank <= block_size) & complete[:, None]
            some_blocks[open_blocks[complete]] = drawn[chosen].reshape(-1, block_size)
            open_blocks, drawn = open_blocks[~complete], drawn[~complete]
            if not len(open_blocks):
                break
        for block, candidates in zip(open_blocks, drawn, strict=True):
            have = torch.from_numpy(candidates[_first_occurrences(candidates[None])[0]])
            some_blocks[block] = _completed_by_keys(have, probability_N, block_size, generator).numpy()
    return torch.from_numpy(blocks)


def _drawn(cumulative_N: NDArray[np.float64], rows: int, width: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Draw independently and with replacement, `(rows, width)`.

    Sorted chances are looked up in one walk through the cumulative sum, at a fifth of the cost of as many searches; a
    random order makes independent draws of them again.
    """
    chance = torch.rand(rows * width, dtype=torch.float64, device="cpu", generator=generator).numpy()
    chance *= cumulative_N[-1]
    np.minimum(chance, np.nextafter(cumulative_N[-1], 0), out=chance)
    chance.sort()
    sorted_draws = np.searchsorted(cumulative_N, chance, side="right")
    order = torch.randperm(rows * width, device="cpu", generator=generator).numpy()
    drawn: NDArray[np.int64] = sorted_draws[order].reshape(rows, width)
    return drawn


def _first_occurrences(drawn_BM: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which entries have not stood earlier in their row, `(rows, M)`."""
    bits = drawn_BM.shape[1].bit_length()
    entry_and_place = (drawn_BM << bits) | np.arange(drawn_BM.shape[1])
    entry_and_place.sort(axis=1)
    entry = entry_and_place >> bits
    row, at = np.nonzero(entry[:, 1:] == entry[:, :-1])
    first = np.ones(drawn_BM.shape, dtype=bool)
    first[row, entry_and_place[row, at + 1] & ((1 << bits) - 1)] = False
    return first


def _completed_by_keys(have: Tensor, probability_N: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Go on with successive sampling after the samples in `have`: the smallest keys `E / P`, in their order."""
    key_N = torch.empty_like(probability_N).exponential_(generator=generator).log() - probability_N.log()
    key_N[have] = math.inf
    return torch.cat([have, key_N.topk(size - len(have), largest=False, sorted=True).indices])


def shuffled_passes(num_samples: int, batch_size: int, num_batches: int, generator: torch.Generator) -> Tensor:
    """Draw shuffled passes over the data, one after the other, without a repeat inside any block.

    Args:
        num_samples: N.
        batch_size: B.
        num_batches: Number of blocks.
        generator: The only source of randomness.

    Returns:
        Flat int64 tensor of whole passes: the first reaches all samples, more follow until no block but the last
        can be short.

    >>> flat = shuffled_passes(5, batch_size=2, num_batches=5, generator=torch.Generator().manual_seed(0))
    >>> [sorted(flat[:5].tolist()), sorted(flat[5:].tolist())]
    [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    """
    flat = torch.randperm(num_samples, device="cpu", generator=generator)
    return _followed_by_passes(flat, (num_batches - 1) * batch_size + 1, batch_size, generator, num_samples)


def topped_up(flat: Tensor, length: int, batch_size: int, num_samples: int, generator: torch.Generator) -> Tensor:
    """Bring a flat plan to exactly `length` indices.

    A longer one is cut. The unfinished block of a shorter one is filled with samples that are not in it; if blocks are
    missing, shuffled passes follow.

    Args:
        flat: Indices of samples, int64, in blocks.
        length: Number of indices wanted.
        batch_size: B.
        num_samples: N.
        generator: The only source of randomness.

    Returns:
        `(length,)` int64.

    >>> topped_up(torch.tensor([1, 0, 1]), 4, batch_size=2, num_samples=2, generator=torch.Generator())
    tensor([1, 0, 1, 0])
    """
    return _followed_by_passes(flat, length, batch_size, generator, num_samples)[:length]


def _followed_by_passes(
    flat: Tensor, length: int, batch_size: int, generator: torch.Generator, num_samples: int
) -> Tensor:
    """Put whole shuffled passes behind a plan until it has at least `length` indices, without a repeat in a block."""
    while len(flat) < length:
        following = torch.randperm(num_samples, device="cpu", generator=generator)
        unfinished = flat[len(flat) - len(flat) % batch_size :]
        fresh = ~torch.isin(following, unfinished)
        lead = fresh & (fresh.cumsum(0) <= batch_size - len(unfinished))
        flat = torch.cat([flat, following[lead], following[~lead]])
    return flat


def inclusion_probabilities(probability_N: Tensor, block_size: int) -> Tensor:
    """Return the chance that each sample is in a block drawn without replacement: `pi_i = 1 - exp(-lambda P_i)`.

    lambda solves `sum_i pi_i = B` (found by bisection); it is the limit for large N (Rosen, Annals of Mathematical
    Statistics 43, 1972). With no more positive probabilities than the block holds, each of them is included for
    certain.

    Args:
        probability_N: P, float64, not negative.
        block_size: B.

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
