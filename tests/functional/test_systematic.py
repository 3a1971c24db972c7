"""Systematic drawing: against its twin, and by what it promises of counts, blocks and means."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.functional import systematic as fast
from batchsift.functional.sampling import uniform
from reference import systematic as slow

ALLOWED = 1e-9  # what an expected number of copies may be off by rounding


def generator(seed):
    return torch.Generator().manual_seed(seed)


@st.composite
def drawings(draw):
    """P of several kinds, and blocks that its positive entries can fill."""
    size = draw(st.integers(1, 40))
    kinds = st.one_of(
        st.just([1.0] * size),
        st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=size, max_size=size),
        st.just([1.0] + [1e-6] * (size - 1)),
        st.just([0.5**k for k in range(size)]),
        st.lists(st.floats(0, 1), min_size=size, max_size=size),
    )
    weights = np.array(draw(kinds.filter(lambda some: sum(some) > 0)))
    positive = int((weights / weights.sum() > 0).sum())
    block_size, num_blocks = draw(st.integers(1, positive)), draw(st.integers(1, 12))
    length = draw(st.integers((num_blocks - 1) * block_size + 1, num_blocks * block_size))
    return torch.from_numpy(weights / weights.sum()), block_size, num_blocks, length


def check(P, block_size, num_blocks, length, g):
    """Check what is promised of every plan."""
    expected = fast.expected_copies(P, block_size, num_blocks, length)
    flat = fast.draw_systematically(P, block_size, num_blocks, length, g)
    counts = torch.bincount(flat, minlength=len(P))
    assert len(flat) == int(counts.sum()) == length
    assert math.isclose(float(expected.sum()), length, rel_tol=1e-12)
    assert (counts >= (expected - ALLOWED).floor()).all()
    assert (counts <= (expected + ALLOWED).ceil()).all()
    assert not counts[P == 0].any()
    block_and_sample = torch.arange(length) // block_size * len(P) + flat
    assert len(block_and_sample.unique()) == length, "a sample is twice in a block"


@settings(deadline=None, max_examples=500, derandomize=True)
@given(drawings(), st.integers(0, 2**31))
def test_every_count_is_the_floor_or_the_ceiling_of_what_is_expected(drawing, seed):
    check(*drawing, generator(seed))


def test_ten_thousand_plans():
    """As above, for P made at random: ties, zeros, one huge, equal, over many orders of magnitude."""
    random, g = np.random.default_rng(0), generator(0)
    for number in range(10_000):
        size = int(random.integers(1, 60))
        weights = random.random(size)
        match number % 6:
            case 0:
                weights = np.ones(size)
            case 1:
                weights = random.integers(0, 3, size).astype(float)
                weights[0] += 1
            case 2:
                weights = np.full(size, 1e-6)
                weights[-1] = 1
            case 3:
                weights = 0.5 ** np.arange(size)
            case 4:
                weights **= 20
        P = torch.from_numpy(weights / weights.sum())
        block_size, num_blocks = int(random.integers(1, int((P > 0).sum()) + 1)), int(random.integers(1, 15))
        length = int(random.integers((num_blocks - 1) * block_size + 1, num_blocks * block_size + 1))
        check(P, block_size, num_blocks, length, g)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(drawings())
def test_expected_copies(drawing):
    P, *blocks = drawing
    expected = [float(m) for m in slow.expected_copies(P.tolist(), *blocks)]
    np.testing.assert_allclose(fast.expected_copies(P, *blocks), expected, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(drawings(), st.integers(0, 2**31))
def test_counts_are_those_of_the_twin(drawing, seed):
    """The same order and offset, taken from the same generator."""
    P, *blocks, length = drawing
    actual = fast.systematic_counts(P, *blocks, length, generator(seed))
    g = generator(seed)
    order = torch.randperm(len(P), generator=g)
    bits = min(44, 62 - length.bit_length())
    offset = Fraction(int(torch.randint(2**bits, (), dtype=torch.int64, generator=g)), 2**bits)
    expected = slow.expected_copies(P.tolist(), *blocks, length)
    counts = slow.counts([expected[i] for i in order.tolist()], offset)
    if min(abs(m + offset - round(m + offset)) for m in np.cumsum([expected[i] for i in order])) > Fraction(1, 2**30):
        assert actual[order].tolist() == counts
    assert int(actual.sum()) == length


@pytest.mark.parametrize(
    ("block_size", "num_blocks", "length"), [(4, 5, 20), (4, 5, 17), (3, 1, 2), (3, 1, 3), (1, 6, 6)]
)
def test_dealing_is_that_of_the_twin(block_size, num_blocks, length):
    copies = np.arange(length)
    blocks = fast._dealt(copies, block_size, num_blocks)
    expected = slow.deal(copies.tolist(), block_size, num_blocks)
    assert [row[: len(block)].tolist() for row, block in zip(blocks, expected, strict=True)] == expected


LAWS = {
    "uneven": ([0.1, 0.2, 0.3, 0.25, 0.15], 2, 3, 5),
    "zeros and ties": ([0.0, 0.25, 0.25, 0.0, 0.25, 0.25], 2, 4, 8),
    "one huge": ([0.9, 0.02, 0.02, 0.02, 0.02, 0.02], 2, 4, 7),
    "more than an epoch": ([0.3, 0.3, 0.4], 2, 5, 10),
}


@pytest.mark.parametrize(
    ("law", "times"), [("uneven", 20_000), ("one huge", 6000), ("zeros and ties", 4000), ("more than an epoch", 4000)]
)
def test_mean_counts_and_weighted_means(law, times):
    """Over many seeds: the mean count is what is expected, and a weighted mean of a column is that of all samples."""
    values, *blocks = LAWS[law]
    P = torch.tensor(values, dtype=torch.float64)
    counts = torch.stack([fast.systematic_counts(P, *blocks, generator(seed)) for seed in range(times)]).double()
    expected = fast.expected_copies(P, *blocks)
    error = counts.std(0) / math.sqrt(times)
    assert ((counts.mean(0) - expected).abs() <= 4 * error + 1e-12).all()
    column = torch.arange(1.0, len(P) + 1, dtype=torch.float64) ** 2
    drawable = P > 0
    weight = blocks[-1] / (int(drawable.sum()) * expected[drawable])
    means = (counts[:, drawable] * weight * column[drawable]).sum(1) / blocks[-1]
    standard_error = float(means.std()) / math.sqrt(times)
    assert abs(float(means.mean()) - float(column[drawable].mean())) <= 4 * standard_error + 1e-12


def test_equal_probabilities_are_a_shuffled_pass():
    flat = fast.draw_systematically(uniform(1000), 64, 16, 1000, generator(0))
    assert flat.sort().values.tolist() == list(range(1000))
    assert flat.tolist() != list(range(1000))
    other = fast.draw_systematically(uniform(1000), 64, 16, 1000, generator(1))
    assert flat.tolist() != other.tolist()


def test_every_partition_is_equally_likely_where_probabilities_are_equal():
    """Random's law: four samples in two blocks; each of the six first blocks in a sixth of 6,000 plans."""
    first = [
        tuple(sorted(fast.draw_systematically(uniform(4), 2, 2, 4, generator(seed))[:2].tolist()))
        for seed in range(6000)
    ]
    counts = np.unique(first, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert (np.abs(counts - 1000) < 5 * math.sqrt(6000 * 5 / 36)).all()


def test_copies_of_a_sample_are_not_in_neighboring_blocks_more_often_than_others():
    """A sample in 2 of 10 blocks: side by side in 9 of the 45 pairs."""
    P = torch.tensor([0.1] + [0.9 / 18] * 18, dtype=torch.float64)
    together = 0
    for seed in range(4000):
        flat = fast.draw_systematically(P, 2, 10, 20, generator(seed))
        places = (flat == 0).nonzero().flatten() // 2
        assert len(places) == 2
        together += int(places[1] - places[0] == 1)
    assert abs(together / 4000 - 9 / 45) < 4 * math.sqrt(0.2 * 0.8 / 4000)


def test_too_few_samples_are_refused():
    P = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    with pytest.raises(ValueError, match="a block of 3 needs as many positive probabilities, there are 2"):
        fast.draw_systematically(P, 3, 1, 3, generator(0))


def test_a_million_samples_lose_nothing():
    """Fixed point has the bits: all copies are there, and rounding moves no expectation by more than 1e-9."""
    weight = torch.rand(1_000_000, dtype=torch.float64, generator=generator(0)) ** 8
    P = weight / weight.sum()
    counts = fast.systematic_counts(P, 128, 7813, 1_000_000, generator(1))
    expected = fast.expected_copies(P, 128, 7813, 1_000_000)
    assert int(counts.sum()) == 1_000_000
    assert (counts >= (expected - 1e-6).floor()).all()
    assert (counts <= (expected + 1e-6).ceil()).all()
