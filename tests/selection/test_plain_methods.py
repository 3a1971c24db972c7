"""Methods of the plain protocol: they need not know what else the selector asks."""

import pytest
import torch

import batchsift as bs
from batchsift.methods import CompleteMethod, Method, completed
from batchsift.selection.device import DeviceObserver

N, L, B = 22, 3, 5
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).to(torch.uint8)


class Counting:
    """Draws what was seen often, and notes what it is shown."""

    name = "counting"

    def setup(self, labels, epochs, features):
        self.seen = torch.zeros(labels.shape, dtype=torch.float64)
        self.calls = []

    def observe(self, indices, logits):
        self.calls.append(indices.tolist())
        for i in indices.tolist():
            self.seen[i] += 1

    def probabilities(self, epoch):
        weight = 1 + self.seen.sum(1)
        return weight / weight.sum()

    def plan(self, epoch, batch_size, num_batches, generator):
        return None

    def signals(self):
        return {"seen": self.seen.clone()}

    def scores(self):
        return {"seen": self.seen.sum(1)}

    def state_dict(self):
        return {"seen": self.seen.clone()}

    def load_state_dict(self, state):
        self.seen = state["seen"].clone()


class EveryStep(Counting):
    """The same, renewed before every block."""

    refresh = "step"


def select(method):
    return bs.Selector(LABELS, method=method, batch_size=B, epochs=4, seed=2)


def test_a_plain_method_is_completed_once_and_stays_the_users_own():
    method = Counting()
    assert isinstance(method, Method)
    assert not isinstance(method, CompleteMethod)
    assert select(method).method is method
    whole = completed(method)
    assert isinstance(whole, CompleteMethod)
    assert completed(whole) is whole


@pytest.mark.parametrize("name", bs.methods.names())
def test_registered_methods_are_complete(name):
    method = bs.methods.create(name)
    assert completed(method) is method


def test_a_plain_method_is_shown_whole_calls():
    chosen = select(Counting())
    block = next(chosen.batches())
    chosen.observe(block, torch.zeros(B, L))
    chosen.observe([4, 7, 4], torch.zeros(3, L), in_plan=False)
    with pytest.warns(UserWarning, match="not finite"):
        chosen.observe([1, 2], torch.tensor([[0.0] * L, [float("nan")] * L]), in_plan=False)
    assert chosen.method.calls == [block.tolist(), [4, 7, 4], [1]]
    assert chosen.summary()["mean_seen"] == pytest.approx((B + 4) / N)
    assert chosen.scores["seen"].sum() == (B + 4) * L
    assert len(chosen.suspects(1)) == 1


def test_it_may_be_renewed_before_every_block():
    chosen = select(EveryStep())
    with pytest.raises(ValueError, match=r"iterate batches\(\)"):
        iter(chosen)
    before = chosen.probabilities
    blocks = chosen.batches()
    chosen.observe(next(blocks), torch.zeros(B, L))
    next(blocks)
    assert not torch.equal(chosen.probabilities, before)
    with pytest.raises(ValueError, match="call observe"):
        next(blocks)


@pytest.mark.filterwarnings("ignore:rows of logits that are not finite:UserWarning")
def test_on_a_device_it_is_shown_the_valid_rows():
    chosen = select(Counting())
    chosen._observer = DeviceObserver(chosen._progress)
    chosen._observer.start(chosen._progress.position)
    first, second, *_ = chosen.batches()
    logits = torch.zeros(B, L)
    logits[1, 1] = float("nan")
    chosen.observe(first, logits)
    chosen.observe(second, torch.full((B, L), float("nan")))
    assert chosen.method.calls == [[first[0].item(), *first[2:].tolist()]]
    assert chosen.summary()["skipped_rows"] == B + 1


def test_it_is_not_asked_whether_it_observed(caplog):
    select(Counting()).end_epoch()
    assert not caplog.records
