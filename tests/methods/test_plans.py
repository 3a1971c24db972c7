"""Methods with an order or a law of their own: Stratified, LabelBalanced, Random; and what follows for a selector."""

import math

import numpy as np
import pytest
import torch

import batchsift as bs
from reference.sampling import approximate_inclusion, by_maximum, label_balanced

LABELS = np.random.default_rng(0).random((300, 6)) < [0.5, 0.3, 0.2, 0.1, 0.05, 0.03]


def unevenness(blocks):
    """How far the label frequencies of the blocks are from those of the whole set, on average."""
    whole = LABELS.mean(0)
    return np.mean([np.abs(LABELS[block.numpy()].mean(0) - whole) / np.sqrt(whole) for block in blocks])


class TestStratified:
    @pytest.mark.parametrize(("batch_size", "share"), [(16, 0.7), (32, 0.35), (100, 0.35)])
    def test_batches_mirror_the_whole_set(self, batch_size, share):
        """Far more evenly than a plain shuffle, as far as labels with fewer positives than batches allow."""
        stratified, shuffled = (
            bs.Selector(LABELS, method=name, batch_size=batch_size, seed=0, last_batch="drop")
            for name in ("stratified", "random")
        )
        for _ in range(3):
            assert unevenness(stratified.batches()) < share * unevenness(shuffled.batches())
            stratified.end_epoch()
            shuffled.end_epoch()

    def test_no_rare_label_is_left_out(self):
        """Thirty or so positives in ten batches: each has some."""
        rare = np.zeros((100, 2), dtype=int)
        rare[:20, 0] = 1
        rare[50:, 1] = 1
        selector = bs.Selector(rare, method="stratified", batch_size=10, seed=0)
        for block in selector.batches():
            assert rare[block, 0].sum() == 2
            assert rare[block, 1].sum() == 5

    @pytest.mark.parametrize(("n", "batch_size"), [(300, 32), (300, 300), (7, 3), (5, 8), (33, 32), (1, 1)])
    def test_exact_sizes(self, n, batch_size):
        selector = bs.Selector(LABELS[:n], method="stratified", batch_size=batch_size, seed=1)
        epochs = []
        for _ in range(3):
            sizes = [len(block) for block in selector.batches()]
            assert sizes == [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
            assert sorted(selector) == list(range(n))
            epochs.append(tuple(selector))
            selector.end_epoch()
        assert len(set(epochs)) == 3 or n < 3

    def test_odd_labels(self):
        for labels in (np.zeros((20, 2)), np.ones((20, 2)), np.full((20, 2), np.nan)):
            assert sorted(bs.Selector(labels, method="stratified", batch_size=6)) == list(range(20))


class TestLabelBalanced:
    labels = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, np.nan]])

    def test_law(self):
        selector = bs.Selector(self.labels, method="label_balanced", batch_size=2)
        by_hand = [1 / 12, 1 / 12 + 1 / 6, 1 / 12, 1 / 6 + 1 / 3, 0, 1 / 12]
        np.testing.assert_allclose(selector.probabilities, by_hand, rtol=1e-12)
        np.testing.assert_allclose(selector.probabilities, label_balanced(self.labels == 1), rtol=1e-12)

    def test_labels_come_up_equally_often(self):
        """One sample a block: the mass on each label's holders by first draws, in many epochs."""
        selector = bs.Selector(self.labels, method="label_balanced", batch_size=1, num_batches=20_000)
        counts = np.bincount(list(selector), minlength=6) / 20_000
        spread = np.sqrt(selector.probabilities.numpy() / 20_000)
        assert (np.abs(counts - selector.probabilities.numpy()) <= 5 * spread).all()
        assert counts[4] == 0

    def test_never_drawn_and_infinite_weight(self):
        selector = bs.Selector(self.labels, method="label_balanced", batch_size=3, drawing="independent")
        for _ in range(50):
            assert 4 not in list(selector)
            selector.end_epoch()
        weights = selector.importance_weights(torch.arange(6))
        assert weights[4] == math.inf
        chances = approximate_inclusion(selector.probabilities.tolist(), 3)
        drawable = [0, 1, 2, 3, 5]
        np.testing.assert_allclose(weights[drawable], 3 / (6 * chances[drawable]), rtol=1e-9)

    def test_power(self):
        """Counts of the labels are 4, 2, 0 and 1."""
        selector = bs.Selector(self.labels, method=bs.LabelBalanced(power=0.5), batch_size=2)
        weights = np.array([0.5, 0.5 + 0.5**0.5, 0.5, 0.5**0.5 + 1, 0, 0.5])
        np.testing.assert_allclose(selector.probabilities, weights / weights.sum(), rtol=1e-12)

    def test_floor(self):
        selector = bs.Selector(self.labels, method=bs.LabelBalanced(power=0.5, floor=True), batch_size=2)
        assert selector.probabilities[4] == selector.probabilities[0] > 0

    @pytest.mark.parametrize("power", [-0.1, float("inf"), float("nan")])
    def test_power_out_of_range(self, power):
        with pytest.raises(ValueError, match="power"):
            bs.LabelBalanced(power=power)

    def test_weights_are_computed_once(self, monkeypatch):
        selector = bs.Selector(self.labels, method="label_balanced", batch_size=2)
        monkeypatch.setattr("batchsift.methods.label_balanced.rarity_weights", None)
        selector.end_epoch()
        selector.probabilities.zero_()  # a copy
        selector.end_epoch()
        assert selector.probabilities[0] > 0

    def test_fewer_samples_with_a_label_than_a_block(self):
        labels = np.zeros((10, 2))
        labels[:3, 0] = 1
        selector = bs.Selector(labels, method="label_balanced", batch_size=4)
        with pytest.warns(UserWarning, match="3") as said:
            blocks, again = [list(selector.batches()) for _ in range(2)]
        assert len(said) == 1
        assert len(blocks) == len(again) == 3
        assert [sorted(block.tolist()) for block in blocks[:2]] == [[0, 1, 2]] * 2
        assert set(blocks[2].tolist()) < {0, 1, 2}
        with pytest.raises(ValueError, match="batch_size=4"):
            list(selector)
        for block in blocks:
            selector.observe(block, torch.zeros(len(block), 2))
        selector.end_epoch()

    def test_no_label_at_all(self):
        selector = bs.Selector(np.zeros((10, 2)), method="label_balanced", batch_size=4)
        np.testing.assert_allclose(selector.probabilities, 0.1)


class TestImportanceWeights:
    def selecting(self, **options):
        selector = bs.Selector(LABELS, method=bs.Hard(warmup=1, pressure=8.0), batch_size=64, seed=0, **options)
        logits = torch.randn(300, 6, generator=torch.Generator().manual_seed(0)) * 3
        selector.observe(range(300), logits, in_plan=False)
        return selector

    def test_one_in_the_warm_up(self):
        selector = self.selecting()
        assert selector.importance_weights([0, 5]).tolist() == [1, 1]
        assert selector.importance_weights([0, 5]).dtype == torch.float64

    def test_systematic(self):
        """`1 / (n P)`: nothing is capped."""
        selector = self.selecting()
        selector.end_epoch()
        weights = selector.importance_weights(torch.arange(300))
        np.testing.assert_allclose(weights, 1 / (300 * selector.probabilities), rtol=1e-12)

    def test_formula(self):
        """`B / (n pi)`, with the full size of a block although the last one is shorter."""
        for options in ({}, {"last_batch": "drop"}, {"num_batches": 3}):
            selector = self.selecting(**options, drawing="independent")
            selector.end_epoch()
            p = by_maximum(selector.scores["loss"].tolist(), 8.0)
            np.testing.assert_allclose(selector.probabilities, p, rtol=1e-9)
            expected = 64 / (300 * approximate_inclusion(p.tolist(), 64))
            np.testing.assert_allclose(selector.importance_weights(torch.arange(300)), expected, rtol=1e-9)

    def test_one_for_an_order_of_its_own(self):
        for name in ("random", "stratified"):
            selector = bs.Selector(LABELS, method=name, batch_size=64)
            selector.end_epoch()
            assert (selector.importance_weights(range(300)) == 1).all()

    def test_they_go_to_the_samples_asked_for(self):
        selector = self.selecting()
        selector.end_epoch()
        every = selector.importance_weights(torch.arange(300))
        some = torch.tensor([7, 3, 7])
        assert torch.equal(selector.importance_weights(some), every[some])


class TestRandom:
    def test_passes(self):
        """Successive shuffled passes; every order is new, every sample comes as often as the others."""
        selector = bs.Selector(LABELS[:10], method="random", batch_size=4, num_batches=5, seed=0)
        orders = set()
        for _ in range(20):
            order = list(selector)
            assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
            orders.add(tuple(order))
            selector.end_epoch()
        assert len(orders) == 20
