"""The number of threads belongs to the training: observing leaves it alone, and never asks for more than one."""

import threading

import pytest
import torch

import batchsift as bs
from batchsift.functional.chunks import one_thread_pieces
from batchsift.functional.signals import binary_cross_entropy_of_logits

N, B = 200, 96
NAMES = bs.methods.names()


def build(method, num_labels):
    labels = torch.arange(N)[:, None] % torch.arange(2, num_labels + 2) == 0
    features = torch.arange(2.0 * N).view(N, 2).sin()
    return bs.Selector(labels, method=method, features=features, batch_size=B, epochs=5, seed=1)


def logits_for(indices, num_labels, step):
    return torch.sin(indices[:, None] * torch.arange(1.0, num_labels + 1) + step)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class SeesThreads(bs.methods.BaseMethod):
    """Notes how many threads there are while it observes, as this thread and another one see it."""

    name = "sees_threads"
    seen = ()

    def observe(self, indices_B, logits_BL):
        elsewhere = threading.Thread(target=self.look)
        elsewhere.start()
        elsewhere.join()
        self.look()

    def look(self):
        self.seen = (*self.seen, torch.get_num_threads())


@pytest.mark.usefixtures("two_threads")
def test_a_method_sees_the_number_of_the_training():
    chosen = build(SeesThreads(), 3)
    block = next(chosen.batches())
    chosen.observe(block, torch.zeros(B, 3))
    assert chosen.method.seen == (2, 2)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("num_labels", [3, 400])
@pytest.mark.parametrize("name", NAMES)
def test_observing_never_sets_the_number(name, num_labels, monkeypatch):
    chosen = build(name, num_labels)
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    for step, block in enumerate(chosen.batches()):
        logits = logits_for(block, num_labels, step)
        if step == 1:
            logits = logits.sigmoid()
        if step == 2:
            logits[0, 0] = float("nan")
            with pytest.warns(UserWarning, match="not finite"):
                chosen.observe(block, logits)
        else:
            chosen.observe(block, logits, probabilities=step == 1)
    chosen.observe(torch.tensor([4, 7, 4]), torch.zeros(3, num_labels), in_plan=False)
    assert asked == []
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_number_changes_no_bit(name):
    """More cells in a block than one thread takes at once."""
    before, states = torch.get_num_threads(), []
    torch.set_num_threads(1)
    logits = logits_for(torch.arange(N), 401, 0)
    probabilities = logits.sigmoid()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        chosen = build(name, 401)
        for _ in range(2):
            for step, block in enumerate(chosen.batches()):
                chosen.observe(block, (logits if step else probabilities)[block], probabilities=step == 0)
            chosen.end_epoch()
        states.append((chosen.probabilities, *chosen.signals().values()))
    torch.set_num_threads(before)
    for other in states[1:]:
        assert all(torch.equal(one, two) for one, two in zip(states[0], other, strict=True))


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("shape", "most"), [((128, 14), 128), ((128, 374), 64), ((128, 2000), 16), ((3, 50_000), 1)])
def test_chunks_of_one_thread(shape, most):
    matrix, rows = torch.zeros(shape), torch.arange(shape[0])
    pieces = one_thread_pieces(matrix, rows)
    assert torch.equal(torch.cat([part for _, part in pieces]), rows)
    assert all(len(part) == len(belonging) <= most for part, belonging in pieces)
    assert len(pieces[0][0]) == most


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [1, 7, 33, 64, 1000])
def test_the_loss_is_that_of_torch(count, dtype):
    logits = 10 * torch.arange(float(count), dtype=dtype).sin()
    positive = logits.cos() > 0
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, positive.to(dtype), reduction="none")
    assert torch.equal(binary_cross_entropy_of_logits(logits, positive), expected)
