"""Numbers that stand for something inside are no numbers that a user may hand in."""

import pytest
import torch

import batchsift as bs
from batchsift.selection.device import DeviceObserver
from batchsift.trackers import RunningMoments
from states import B, L, N, make, predicted, require_sound, same, train


@pytest.mark.parametrize("kind", ["host", "device"])
@pytest.mark.parametrize("marker", [-1, 2**64 - 1])
def test_a_place_that_was_not_drawn_is_no_sample(kind, marker):
    selector, twin = make("hard, by step"), make("hard, by step")
    for each in (selector, twin):
        if kind == "device":
            each._observer = DeviceObserver(each._progress)
            each._observer.start(each._progress.position)
        train(each, 1)
    indices = torch.tensor([marker] * B, dtype=torch.uint64 if marker > 0 else torch.int64)
    with pytest.raises(ValueError, match="index -1 is outside the 14 samples"):
        selector.observe(indices, torch.zeros(B, L))
    assert same(selector.state_dict(), twin.state_dict())
    assert train(selector, 2) == train(twin, 2)


def test_a_sample_never_observed_and_a_loss_that_is_not_a_number_are_not_mixed_up():
    selector = make("info_batch")
    selector.observe([0, 1], torch.tensor([[1e308] * L, [-1e308] * L], dtype=torch.float64), in_plan=False)
    losses = selector.method.losses.value_NL[:, 0]
    assert losses[:2].isfinite().all()
    assert losses[2:].isnan().all()
    other = make("info_batch")
    other.load_state_dict(selector.state_dict())
    require_sound(other)


@pytest.mark.parametrize("storage", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("method", [bs.Hard, bs.HardImbalanced, bs.D2ACE, bs.Uncertainty, bs.ActiveBias])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_largest_logits_there_are_leave_a_sound_state(method, storage, dtype):
    largest = torch.finfo(dtype).max
    selector = bs.Selector(
        make("random")._labels.tensor(),
        method=method(storage=storage, warmup=0),
        features=predicted(range(N), 0),
        batch_size=B,
        epochs=4,
    )
    for sign in (1, -1):
        logits = torch.tensor([[sign * largest], [-sign * largest]], dtype=dtype).repeat(N // 2, L)
        selector.observe(torch.arange(N), logits, in_plan=False)
    selector.end_epoch()
    require_sound(selector)


@pytest.mark.parametrize("storage", [torch.float16, torch.bfloat16])
def test_moments_do_not_stand_still_in_half_precision(storage):
    labels = torch.ones(1, 1, dtype=torch.bool)
    narrow, wide = (RunningMoments(labels, dtype) for dtype in (storage, torch.float64))
    for step in range(3000):
        for moments in (narrow, wide):
            moments.update(torch.tensor([0]), torch.tensor([[float(step % 2)]], dtype=moments.mean_NL.dtype))
    for name in ("mean_NL", "squares_NL"):
        torch.testing.assert_close(getattr(narrow, name).double(), getattr(wide, name), rtol=1e-4, atol=0)
