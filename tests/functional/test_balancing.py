"""Balanced blocks: exact whatever the counts, and more alike than greedy balancing makes them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.functional import balancing
from batchsift.functional.balancing import balanced_blocks
from reference.balancing import greedy_blocks, unlikeness, variance_of_label_sums


def dealt(counts, positive, block_size, seed=0):
    """The blocks, as lists."""
    generator = torch.Generator().manual_seed(seed)
    plan = balanced_blocks(torch.tensor(counts), torch.tensor(positive), block_size, generator)
    assert plan.dtype == torch.int64
    return [block.tolist() for block in plan.split(block_size)]


def require_exact(blocks, counts, block_size):
    """Sizes, no sample twice in a block, and all copies there."""
    assert [len(block) for block in blocks[:-1]] == [block_size] * (len(blocks) - 1)
    assert 0 < len(blocks[-1]) <= block_size
    assert all(len(set(block)) == len(block) for block in blocks)
    assert np.bincount(np.concatenate(blocks), minlength=len(counts)).tolist() == list(counts)


@st.composite
def dealable(draw):
    """Counts that can be dealt, up to one for each block; the size of the blocks; labels."""
    num_blocks, block_size = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    last_size = draw(st.integers(1, block_size))
    num_copies = (num_blocks - 1) * block_size + last_size
    everywhere = draw(st.integers(0, last_size)) if num_blocks > 1 else num_copies
    counts, left = [num_blocks] * everywhere, num_copies - everywhere * num_blocks
    most = draw(st.integers(1, max(1, num_blocks - 1)))
    while left > 0:
        counts.append(draw(st.integers(1, min(most, left))))
        left -= counts[-1]
    counts = draw(st.permutations(counts + [0] * draw(st.integers(0, 3))))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    positive = random.random((len(counts), draw(st.integers(1, 5)))) < draw(st.sampled_from([0, 0.2, 0.7, 1]))
    return counts, block_size, positive


@settings(max_examples=300, deadline=None, derandomize=True)
@given(dealable(), st.sampled_from([1, 2, 48]))
def test_exact(case, group):
    counts, block_size, positive = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balancing, "_GROUP", group)
        require_exact(dealt(counts, positive, block_size), counts, block_size)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 300), st.integers(1, 320), st.integers(0, 2**32))
def test_exact_passes(num_samples, block_size, seed):
    positive = np.random.default_rng(seed).random((num_samples, 4)) < [0.5, 0.1, 0.02, 0]
    counts = [1] * num_samples
    require_exact(dealt(counts, positive, block_size, seed), counts, block_size)


def test_many_blocks_and_many_pieces():
    """More blocks than one piece of work holds, and copies that lie across the end of each round."""
    random = np.random.default_rng(0)
    positive = random.random((6000, 600)) < 0.01
    counts = random.integers(0, 4, 6000)
    counts[7] = 900
    require_exact(dealt(counts.tolist(), positive, 7), counts.tolist(), 7)


def long_tail(random, n=1500):
    return random.random((n, 40)) < 0.5 / np.arange(1, 41)


def many_labels(random, n=1500):
    return random.random((n, 200)) < 1.5 / np.arange(4, 204)


def dense_labels(random, n=2000):
    """As those of music: 26 of 174 labels a sample."""
    return random.random((n, 174)) < np.linspace(0.29, 0.01, 174)


def correlated_labels(random, n=1500):
    groups = random.integers(0, 6, n)
    return random.random((n, 30)) < np.where(np.arange(30) // 5 == groups[:, None], 0.6, 0.03)


KINDS = [(long_tail, 64), (long_tail, 100), (many_labels, 100), (dense_labels, 64), (correlated_labels, 64)]


class TestAlike:
    @pytest.mark.parametrize(("kind", "block_size"), KINDS)
    def test_beside_greedy_balancing_and_chance(self, kind, block_size):
        random = np.random.default_rng(0)
        positive = kind(random)
        counts = [1] * len(positive)
        blocks = dealt(counts, positive, block_size)
        greedy = greedy_blocks(counts, positive, block_size, random)
        assert unlikeness(blocks, counts, positive) <= unlikeness(greedy, counts, positive)
        by_chance = np.split(random.permutation(len(positive)), range(block_size, len(positive), block_size))
        assert variance_of_label_sums(blocks, positive) <= variance_of_label_sums(by_chance, positive) / 5

    def test_a_few_blocks_of_dense_labels(self):
        """Hardly any room to choose, as four blocks have 174 labels: about as alike as by greedy balancing."""
        random = np.random.default_rng(0)
        positive, counts = dense_labels(random, 400), [1] * 400
        fast = np.mean([unlikeness(dealt(counts, positive, 128, seed), counts, positive) for seed in range(5)])
        greedy = [unlikeness(greedy_blocks(counts, positive, 128, random), counts, positive) for _ in range(5)]
        assert fast <= 1.5 * np.mean(greedy)

    def test_with_copies(self):
        """Those with rare labels come several times."""
        random = np.random.default_rng(1)
        positive = long_tail(random)
        counts = (1 + positive[:, 10:].any(1) + 2 * positive[:, 30:].any(1)).tolist()
        blocks, greedy = dealt(counts, positive, 64), greedy_blocks(counts, positive, 64, random)
        assert unlikeness(blocks, counts, positive) <= unlikeness(greedy, counts, positive)

    def test_the_short_last_block_mirrors_too(self):
        positive = np.random.default_rng(0).random((1000, 3)) < [0.5, 0.25, 0.1]
        last = dealt([1] * 1000, positive, 160)[-1]
        assert len(last) == 40
        assert (np.abs(positive[last].sum(0) - 40 * positive.mean(0)) <= 1).all()

    def test_blocks_of_many_samples(self):
        """More positives of a label in a block than a byte can count."""
        positive = np.zeros((5100, 1), dtype=bool)
        positive[:2560] = True
        for block in dealt([1] * 5100, positive, 510):
            assert positive[block].sum() == 256

    def test_labels_without_weight(self):
        """Labels nobody has, labels everybody has, and samples without any."""
        positive = np.zeros((90, 3), dtype=bool)
        positive[:, 0] = positive[:30, 2] = True
        for block in dealt([1] * 90, positive, 9):
            assert positive[block].sum(0).tolist() == [9, 0, 3]


class TestPure:
    positive = np.random.default_rng(0).random((500, 8)) < 0.1

    def test_equal_generators_equal_plans(self):
        assert dealt([1] * 500, self.positive, 32, seed=3) == dealt([1] * 500, self.positive, 32, seed=3)
        assert dealt([1] * 500, self.positive, 32, seed=3) != dealt([1] * 500, self.positive, 32, seed=4)

    def test_inputs_stay_as_they_were(self):
        counts = torch.ones(500, dtype=torch.int64)
        counts[0] = 16  # as many as blocks
        counts[1:16] = 0
        positive = torch.tensor(self.positive)
        balanced_blocks(counts, positive, 32, torch.Generator().manual_seed(0))
        assert int(counts[0]) == 16
        assert torch.equal(positive, torch.tensor(self.positive))

    def test_the_grid_makes_sums_exact(self):
        """Labels from one sample to nearly all: in any order the costs add up to the same."""
        positive = np.random.default_rng(0).random((5000, 40)) < np.geomspace(0.9, 0.0002, 40)
        weights = balancing._Weights.of(torch.ones(5000, dtype=torch.int64), torch.tensor(positive), 128)
        block = torch.tensor(positive[:128]).double().sum(0) * weights.label_L
        for labels in torch.tensor(positive[:50]).double():
            products = block * labels - 127 * labels * weights.mean_L
            assert float(products.sum()) == math.fsum(products.tolist()) == float(products.flip(0).cumsum(0)[-1])
        exact = 1 / np.maximum(positive.sum(0), 1)
        np.testing.assert_allclose(weights.label_L[positive.any(0)], exact[positive.any(0)], rtol=1e-5)

    def test_blocks_and_places_in_them_are_random(self):
        """One sample with a rare label: it comes in any block, anywhere in it."""
        positive = np.zeros((12, 1), dtype=bool)
        positive[0] = True
        places = {
            next((b, block.index(0)) for b, block in enumerate(dealt([1] * 12, positive, 4, seed)) if 0 in block)
            for seed in range(200)
        }
        assert len(places) == 12


@pytest.mark.parametrize(
    ("counts", "block_size", "said"),
    [
        ([0, 0], 2, "largest 0"),
        ([3, -1], 2, "least is -1"),
        ([3, 1], 2, "3 copies for 2 blocks"),
        ([2, 2, 1], 4, "2 samples have 2 copies"),
    ],
)
def test_counts_that_cannot_be_dealt(counts, block_size, said):
    with pytest.raises(ValueError, match=said):
        dealt(counts, np.ones((len(counts), 1), dtype=bool), block_size)
