"""BalancedPass: how much of what is rare comes when, in which batches, and what undoes it."""

import numpy as np
import pytest
import torch

import batchsift as bs
from reference.balancing import variance_of_label_sums

EPOCHS = 4
SHARES = np.geomspace(0.4, 0.01, 12)
LABELS = np.random.default_rng(0).random((400, 12)) < SHARES


def selecting(labels=LABELS, batch_size=32, epochs=EPOCHS, options=None, **given):
    return bs.Selector(labels, method=bs.BalancedPass(**(options or {})), batch_size=batch_size, epochs=epochs, **given)


def plans(selector, epochs):
    """The blocks of some epochs."""
    for _ in range(epochs):
        yield [block.tolist() for block in selector.batches()]
        selector.end_epoch()


class TestLaw:
    labels = np.array([[1, 0], [1, 0], [1, 0], [1, 1], [0, 0], [np.nan, 0]])

    def test_by_hand(self):
        """Label counts 4 and 1: weights 1/2, 1/2, 1/2, 3/2, and 1/2 for those without; 4 in all."""
        selector = selecting(self.labels, batch_size=2, epochs=2)
        rare = np.array([1, 1, 1, 3, 1, 1]) / 8
        for share in (0.5, 0.25, 0, 0):
            np.testing.assert_allclose(selector.probabilities, share * rare + (1 - share) / 6, rtol=1e-12)
            selector.end_epoch()

    def test_a_share_that_stays(self):
        selector = selecting(self.labels, 2, epochs=None, options={"share": 1, "power": 1, "anneal": False})
        for _ in range(3):
            np.testing.assert_allclose(selector.probabilities, np.array([1, 1, 1, 5, 1, 1]) / 10, rtol=1e-12)
            selector.end_epoch()

    def test_a_share_cannot_fall_over_an_unknown_length(self):
        with pytest.raises(ValueError, match=r"epochs=.*anneal=False"):
            selecting(epochs=None)

    def test_no_label_at_all(self):
        selector = selecting(np.zeros((10, 2)), batch_size=3)
        assert sorted(selector) == list(range(10))

    def test_observing_changes_nothing(self):
        one, other = selecting(), selecting()
        one.observe(range(400), torch.randn(400, 12), in_plan=False)
        assert torch.equal(one.probabilities, other.probabilities)
        assert list(one) == list(other)


class TestPlan:
    @pytest.mark.parametrize(
        ("given", "sizes"),
        [
            ({}, [32] * 12 + [16]),
            ({"last_batch": "drop"}, [32] * 12),
            ({"last_batch": "fill"}, [32] * 13),
            ({"num_batches": 5}, [32] * 5),
            ({"num_batches": 30}, [32] * 30),
        ],
    )
    def test_every_sample_gets_the_floor_or_the_ceiling_of_its_expected_copies(self, given, sizes):
        selector = selecting(options={"share": 1.0}, **given)
        for epoch, blocks in enumerate(plans(selector, EPOCHS)):
            assert [len(block) for block in blocks] == sizes
            assert all(len(set(block)) == len(block) for block in blocks)
            expected = sum(sizes) * selector.method.probabilities(epoch).numpy()
            assert expected.max() < len(sizes) - 1, "no sample is meant to be cut off here"
            counts = np.bincount(np.concatenate(blocks), minlength=400)
            assert (np.abs(counts - expected) < 1 + 1e-9).all()

    def test_after_the_last_epoch_it_is_stratified(self):
        selector = selecting()
        *_, blocks = plans(selector, EPOCHS + 1)
        assert sorted(np.concatenate(blocks)) == list(range(400))

    def test_batches_are_alike(self):
        """Beside the same copies in a random order."""
        random = np.random.default_rng(0)
        for blocks in plans(selecting(options={"share": 1.0}), EPOCHS):
            shuffled = np.split(random.permutation(np.concatenate(blocks)), range(32, 400, 32))
            assert variance_of_label_sums(blocks, LABELS) < variance_of_label_sums(shuffled, LABELS) / 3

    def test_one_sample_with_everything(self):
        """It comes in all batches but one, for the last one is short."""
        labels = np.zeros((60, 30))
        labels[7] = labels[:, 0] = 1
        blocks = next(plans(selecting(labels, batch_size=8, options={"share": 1.0, "power": 0.0}), 1))
        assert all(len(set(block)) == len(block) for block in blocks)
        assert sum(block.count(7) for block in blocks) == 7

    @pytest.mark.parametrize(("samples", "batch_size"), [(1, 1), (5, 8), (7, 7), (7, 1), (9, 8)])
    def test_small_data(self, samples, batch_size):
        for blocks in plans(selecting(LABELS[:samples], batch_size), EPOCHS + 1):
            assert sum(map(len, blocks)) == samples
            assert all(len(set(block)) == len(block) for block in blocks)


class TestImportanceWeights:
    def test_they_undo_the_selection(self):
        """`1 / (N P_i)`: over many epochs the weighted mean of any number is its mean over the samples."""
        selector = selecting(options={"anneal": False, "share": 0.8})
        weight = selector.importance_weights(torch.arange(400))
        np.testing.assert_allclose(weight, 1 / (400 * selector.probabilities), rtol=1e-12)
        value = LABELS @ (1 / SHARES)
        means = [np.mean((weight.numpy() * value)[list(np.concatenate(blocks))]) for blocks in plans(selector, 200)]
        assert abs(np.mean(means) - value.mean()) < 5 * np.std(means) / np.sqrt(len(means))
        assert np.std(means) < 0.05 * value.mean()

    def test_a_sample_that_is_cut_off_counts_more(self):
        labels = np.zeros((12, 5))
        labels[0] = 1
        labels[1:, 0] = 1
        selector = selecting(labels, batch_size=6, options={"share": 1.0, "power": 2})
        weight = selector.importance_weights(torch.arange(12)).numpy()
        expected = 12 / (12 * weight)
        assert expected[0] == pytest.approx(2)  # two blocks, where it would come nearly twelve times
        np.testing.assert_allclose(expected[1:], 10 / 11)

    def test_one_in_uniform_epochs(self):
        selector = selecting(options={"share": 0.0})
        np.testing.assert_allclose(selector.importance_weights(range(400)), 1, rtol=1e-12)
