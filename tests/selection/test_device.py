"""A state on another device, pretended on the CPU: the same numbers, and no value is looked at while observing."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import batchsift as bs
from batchsift import trackers
from batchsift.selection import device
from batchsift.selection.device import DeviceObserver

N, L, B = 26, 3, 5
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).to(torch.uint8)
FEATURES = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
NAMES = bs.methods.names()


def plain(method, labels=LABELS):
    return bs.Selector(labels, method=method, features=FEATURES, batch_size=B, epochs=8, seed=3)


def on_a_device(selector):
    """The selector, observing as if its state were on a device."""
    selector._observer = DeviceObserver(selector._progress)
    selector._observer.start(selector._progress.position)
    return selector


@pytest.fixture(params=["indices on the CPU", "indices on the device"])
def pretended(request, monkeypatch):
    """Makes selectors that take their state to be elsewhere, and their indices too, or not."""
    monkeypatch.setattr(trackers, "on_host", lambda _: False)
    monkeypatch.setattr(device, "on_host", lambda _: request.param == "indices on the CPU")

    def build(method, labels=LABELS):
        selector = plain(method, labels)
        return on_a_device(selector)

    return build


def logits_for(indices, step):
    return torch.sin(indices[:, None] * torch.tensor([1.0, 2.0, 3.0]) + step)


def run_epoch(selector, bad=False):
    for indices in selector.batches():
        logits = logits_for(indices, selector.epoch)
        if bad and indices[0] % 2:
            logits[-1, 2] = float("nan")
        selector.observe(indices, logits, LABELS[indices])
    selector.end_epoch()


class LooksAtValues(TorchDispatchMode):
    """Notes every operation whose result the host must wait for; comparing whole indices, which it has, is allowed."""

    waits = (
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "is_nonzero",
        "_unique",
        "bincount",
        "repeat_interleave",
    )

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        boolean_index = name in ("index", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if name.startswith(self.waits) or boolean_index:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:rows of logits that are not finite:UserWarning")
def test_the_same_as_on_the_cpu(name, pretended, monkeypatch):
    elsewhere = pretended(name)
    for _ in range(5):
        run_epoch(elsewhere, bad=True)
    elsewhere.observe(torch.tensor([4, 7, 4]), logits_for(torch.tensor([4, 7, 4]), 9), in_plan=False)
    state, summary, signals = elsewhere.state_dict(), elsewhere.summary(), elsewhere.signals()
    monkeypatch.undo()
    here = plain(name)
    for _ in range(5):
        run_epoch(here, bad=True)
    here.observe([4, 7, 4], logits_for(torch.tensor([4, 7, 4]), 9), in_plan=False)
    assert torch.equal(elsewhere.probabilities, here.probabilities)
    assert list(elsewhere) == list(here)
    assert torch.equal(state["counts"], here.counts)
    assert state["in_order"]
    assert summary == here.summary()
    assert all(torch.equal(signals[key], value) for key, value in here.signals().items())
    assert summary["skipped_rows"] > 0


@pytest.mark.parametrize("method", [bs.Hard, bs.HardImbalanced])
def test_every_step_the_same_as_on_the_cpu(method, pretended, monkeypatch):
    elsewhere = pretended(method(refresh="step"))
    for _ in range(4):
        run_epoch(elsewhere)
    state = elsewhere.state_dict()
    monkeypatch.undo()
    here = plain(method(refresh="step"))
    for _ in range(4):
        run_epoch(here)
    assert torch.equal(elsewhere.probabilities, here.probabilities)
    assert torch.equal(state["counts"], here.counts)
    assert state["in_order"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("probabilities", [False, True])
def test_no_value_is_looked_at(name, probabilities, pretended):
    selector = pretended(name)
    for indices in selector.batches():
        values = logits_for(indices, 0)
        values = values.sigmoid() if probabilities else values
        with LooksAtValues() as looks:
            selector.observe(indices, values, LABELS[indices], probabilities=probabilities)
        assert looks.seen == []


def test_the_check_finds_waiting():
    with LooksAtValues() as looks:
        x = torch.ones(3)
        float(x.sum())
        x[x > 0]
    assert len(looks.seen) >= 2


class TestReports:
    """At the end of the epoch, once; the epoch can then be ended."""

    def last_block(self, selector):
        *blocks, last = selector.batches()
        for indices in blocks:
            selector.observe(indices, logits_for(indices, 0))
        return last

    def refused_once(self, selector, message):
        with pytest.raises(ValueError, match=message):
            selector.end_epoch()
        assert selector.epoch == 0
        selector.end_epoch()
        assert selector.epoch == 1

    def test_a_wrong_target(self, pretended):
        selector = pretended("d2ace")
        last = self.last_block(selector)
        targets = LABELS[last].clone()
        targets[0, 1] = 1 - targets[0, 1]
        wrong, right = int(targets[0, 1]), int(LABELS[last[0], 1])
        selector.observe(last, logits_for(last, 0), targets)
        self.refused_once(selector, rf"sample {int(last[0])}, label 1 is {wrong}, its label is {right}")

    def test_no_probabilities(self, pretended):
        selector = pretended("d2ace")
        last = self.last_block(selector)
        selector.observe(last, torch.full((len(last), L), 1.5), probabilities=True)
        self.refused_once(selector, "are these logits")

    def test_shapes_are_refused_at_once(self, pretended):
        selector = pretended("d2ace")
        with pytest.raises(ValueError, match=r"\(2, 3\).*got \(2, 4\)"):
            selector.observe(torch.tensor([0, 1]), torch.zeros(2, 4), in_plan=False)
        with pytest.raises(ValueError, match="observed 4 rows"):
            selector.observe(torch.arange(4), torch.zeros(4, L))

    def test_rows_that_are_not_finite_are_said(self, pretended):
        selector = pretended("d2ace")
        last = self.last_block(selector)
        selector.observe(last, torch.full((len(last), L), float("inf")))
        with pytest.warns(UserWarning, match="not finite are skipped"):
            selector.end_epoch()
        assert selector.summary()["skipped_rows"] == len(last)
        assert int(selector.counts.sum()) == N - len(last)

    def test_probabilities_instead_of_logits(self, pretended):
        selector = pretended("d2ace")
        for indices in selector.batches():
            selector.observe(indices, logits_for(indices, 0).sigmoid())
        with pytest.warns(UserWarning, match="are these probabilities"):
            selector.end_epoch()
        assert selector.epoch == 1

    def test_blocks_in_another_order(self, pretended):
        selector = pretended("d2ace")
        first, second, *_ = selector.batches()
        for indices in (second, first):
            selector.observe(indices, logits_for(indices, 0))
        state = selector.state_dict()
        assert not state["in_order"]
        assert state["counts"][torch.cat([first, second])].tolist() == [1] * 2 * B


def test_an_index_outside_on_the_device(monkeypatch):
    monkeypatch.setattr(trackers, "on_host", lambda _: False)
    monkeypatch.setattr(device, "on_host", lambda _: False)
    selector = on_a_device(plain("d2ace"))
    indices = next(selector.batches())
    indices[2] = N
    selector.observe(indices, torch.zeros(B, L))
    with pytest.raises(ValueError, match=f"outside the {N} samples"):
        selector.signals()
    assert int(selector.counts.sum()) == B - 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", NAMES)
def test_on_a_gpu(name):
    here = plain(name)
    there = bs.Selector(LABELS, method=name, features=FEATURES, batch_size=B, epochs=8, seed=3, device="cuda")
    run_epoch(here)
    for block in there.batches():
        logits, indices, targets = logits_for(block, 0).cuda(), block.cuda(), LABELS[block].cuda()
        torch.cuda.set_sync_debug_mode("error")
        there.observe(indices, logits, targets)
        torch.cuda.set_sync_debug_mode("default")
    there.end_epoch()
    for key, value in here.signals().items():
        torch.testing.assert_close(there.signals()[key].cpu(), value)
    torch.testing.assert_close(there.probabilities, here.probabilities, rtol=0.05, atol=1e-4)
