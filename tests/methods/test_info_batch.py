"""InfoBatch: what is left out, how often, and that the weights make up for it."""

import math

import numpy as np
import pytest
import torch

import batchsift as bs

N, L, B = 400, 3, 16
LABELS = np.random.default_rng(0).integers(0, 2, (N, L))
EASY = np.arange(N) % 4 != 0


def logits_of(indices, size=None):
    """Right by 4 for easy samples, wrong by 1 for the others."""
    right = 2.0 * torch.from_numpy(LABELS)[indices] - 1
    return right * torch.where(torch.from_numpy(EASY)[indices], 4.0, -1.0)[:, None]


def train(selector):
    plan = torch.cat(list(selector.batches()))
    for block in torch.split(plan, B):
        selector.observe(block, logits_of(block))
    selector.end_epoch()
    return plan


def test_epochs_are_full_at_first_and_at_last():
    selector = bs.Selector(LABELS, method="info_batch", batch_size=B, epochs=16, seed=0)
    lengths = [len(train(selector).unique()) for _ in range(16)]
    assert lengths[0] == N
    assert lengths[14:] == [N] * 2
    assert all(N * 0.5 < length < N * 0.75 for length in lengths[1:14])


def test_half_of_the_easy_samples_are_left_out():
    selector = bs.Selector(LABELS, method="info_batch", batch_size=B, epochs=400, seed=0)
    train(selector)
    kept = np.zeros(N)
    for _ in range(300):
        plan = train(selector)
        assert len(plan.unique()) == len(plan)
        kept[plan] += 1
    assert (kept[~EASY] == 300).all()
    assert (np.abs(kept[EASY] - 150) < 5 * math.sqrt(300 / 4)).all()
    weights = selector.importance_weights(range(N)).numpy()
    np.testing.assert_allclose(weights, np.where(EASY, 2, 1))


def test_weights_make_up_for_what_is_left_out():
    """The weighted sum of a column over an epoch is that over all samples, on average."""
    selector = bs.Selector(LABELS, method=bs.InfoBatch(prune_ratio=0.7), batch_size=B, epochs=2000, seed=0)
    train(selector)
    column, sums = torch.arange(N).double() ** 2, []
    for _ in range(300):
        plan = torch.cat(list(selector.batches()))
        sums.append(float((selector.importance_weights(plan) * column[plan]).sum()))
        train(selector)
    error = np.std(sums) / math.sqrt(len(sums))
    assert abs(np.mean(sums) - float(column.sum())) < 4 * error


def test_weights_are_those_of_the_plan_after_a_resume():
    """The losses that are observed meanwhile move the next plan, not the weights of this one."""
    selector = bs.Selector(LABELS, method="info_batch", batch_size=B, epochs=16, seed=0)
    train(selector)
    weights = selector.importance_weights(range(N))
    for block in list(selector.batches())[:6]:
        selector.observe(block, -logits_of(block))
    other = bs.Selector(LABELS, method="info_batch", batch_size=B, epochs=16, seed=0)
    other.load_state_dict(selector.state_dict())
    assert torch.equal(other.importance_weights(range(N)), weights)
    assert torch.equal(torch.cat(list(other.batches())), torch.cat(list(selector.batches())[6:]))


def test_the_loss_is_the_mean_over_labelled_cells():
    labels = np.array([[1, np.nan], [0, 1.0], [np.nan, np.nan]])
    selector = bs.Selector(labels, method="info_batch", batch_size=3, epochs=8)
    selector.observe([0, 1], torch.tensor([[1.0, 5.0], [1.0, 2.0]]), in_plan=False)
    soft = torch.nn.functional.softplus
    expected = [soft(torch.tensor(-1.0)), (soft(torch.tensor(1.0)) + soft(torch.tensor(-2.0))) / 2, math.log(2)]
    np.testing.assert_allclose(selector.scores["loss"], expected, rtol=1e-6)


def test_a_block_always_stays():
    labels = np.ones((40, 1))
    selector = bs.Selector(labels, method=bs.InfoBatch(prune_ratio=0.99), batch_size=30, epochs=8)
    for _ in range(6):
        blocks = list(selector.batches())
        assert len(blocks[0]) == 30
        for block in blocks:
            logits = torch.full((len(block), 1), 5.0)
            logits[block == 0] = -5.0
            selector.observe(block, logits)
        selector.end_epoch()


def test_extreme_logits_leave_something_to_select_by():
    selector = bs.Selector(LABELS, method="info_batch", batch_size=B, epochs=16)
    indices = torch.arange(N)
    selector.observe(indices, logits_of(indices).double() * 1e300, in_plan=False)
    selector.end_epoch()
    assert selector.probabilities.isfinite().all()
    assert float(selector.probabilities.sum()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "match"), [({"prune_ratio": 1.0}, "prune_ratio"), ({"full_from": 2.0}, "full_from")]
)
def test_options_out_of_range(options, match):
    with pytest.raises(ValueError, match=match):
        bs.InfoBatch(**options)


def test_a_share_of_unknown_epochs_is_refused():
    with pytest.raises(ValueError, match=r"full_from=0\.875 is a share of the epochs"):
        bs.Selector(LABELS, method="info_batch", batch_size=B)
    bs.Selector(LABELS, method=bs.InfoBatch(full_from=7), batch_size=B)
