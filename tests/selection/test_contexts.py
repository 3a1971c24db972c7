"""Default device, default dtype, inference mode, no_grad: whatever a training sets around any part, nothing changes."""

from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np
import pytest
import torch

import batchsift as bs

N, L, B, EPOCHS = 43, 5, 8, 8
STREAM = np.random.default_rng(0)
FEATURES = STREAM.normal(size=(N, 4)).tolist()
LOGITS = torch.from_numpy(STREAM.normal(size=(EPOCHS, N, L)).cumsum(0)).float()
WHOLE = (STREAM.random((N, L)) < 0.4).astype(float)
LABELS = {"all labelled": WHOLE, "some not": np.where(STREAM.random((N, L)) < 0.2, np.nan, WHOLE)}
PARTS = (
    "construct",
    "iterate",
    "observe",
    "end_epoch",
    "load_state_dict",
    "every other reading",
    "the other readings",
    "everything",
)
# What only reads: in turn inside the context and outside, so that what one keeps for the next crosses the border.
READINGS = {
    "scores": "every other reading",
    "signals": "the other readings",
    "suspects": "every other reading",
    "importance_weights": "the other readings",
    "summary": "every other reading",
    "state_dict": "the other readings",
}


class Smoothed(bs.methods.BaseMethod):
    """Replaces its state by new tensors, wherever it is asked for something."""

    name = "smoothed"

    def setup(self, labels, epochs, features=None):
        super().setup(labels, epochs, features)
        self.size_N = torch.zeros(len(labels), dtype=torch.float64, device="cpu")

    def observe(self, indices_B, logits_BL):
        self.size_N = self.size_N + 0
        self.size_N[indices_B] += logits_BL.double().square().mean(1)

    def probabilities(self, epoch):
        self.size_N += 1
        self.size_N = self.size_N * 0.5
        return self.size_N / self.size_N.sum()

    def scores(self):
        return {"size": self.size_N.clone()}


METHODS = {
    **{name: lambda name=name: bs.methods.create(name) for name in bs.methods.names()},
    "hard, every step": lambda: bs.Hard(refresh="step"),
    "hard_imbalanced, every step": lambda: bs.HardImbalanced(refresh="step"),
    "active_bias, window": lambda: bs.ActiveBias(window=4),
    "uncertainty, binned": lambda: bs.Uncertainty(correlation="none", binned=True),
    "d2ace, half precision": lambda: bs.D2ACE(storage=torch.float16),
    "one's own": Smoothed,
}


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


CONTEXTS = {
    "another device": lambda: default_device("meta"),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no_grad": torch.no_grad,
}


class Loop:
    """A training that enters a context around one part of it, and notes all that it saw."""

    def __init__(self, method, labels, part=None, context=nullcontext):
        self.method, self.labels, self.part, self.context = method, labels, part, context
        self.seen = []

    def during(self, part):
        return self.context() if self.part in (part, READINGS.get(part), "everything") else nullcontext()

    def build(self):
        with self.during("construct"):
            return bs.Selector(
                LABELS[self.labels].tolist(),
                method=METHODS[self.method](),
                features=FEATURES,
                batch_size=B,
                epochs=EPOCHS,
                seed=1,
            )

    def blocks(self, selector):
        with self.during("iterate"):
            if "step" not in self.method:
                self.seen.append(list(selector))
            blocks = selector.batches()
        while True:
            with self.during("iterate"):
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def observe(self, selector, block, step):
        targets = torch.from_numpy(LABELS["all labelled"])[block].tolist()
        logits = LOGITS[selector.epoch][block]
        if step == 2:
            logits[1, 1] = float("nan")
        with self.during("observe"):
            if step % 2:
                selector.observe(block, logits.sigmoid(), targets, probabilities=True)
            else:
                selector.observe(block, logits, targets)
        self.seen.append(block.tolist())
        block.zero_()  # what was handed out can be changed

    def look(self, selector):
        with self.during("scores"):
            self.seen.append(selector.scores)
        with self.during("signals"):
            self.seen.append(selector.signals())
        with self.during("suspects"):
            try:
                self.seen.append(vars(selector.suspects(5)))
            except ValueError as error:
                self.seen.append(str(error))
        with self.during("importance_weights"):
            self.seen.append(selector.importance_weights([3, 1, 4]))
        with self.during("summary"):
            self.seen += [selector.summary(), selector.counts, selector.probabilities]

    def run(self):
        selector = self.build()
        for epoch in range(4):
            self.look(selector)
            for step, block in enumerate(self.blocks(selector)):
                self.observe(selector, block, step)
                if (epoch, step) == (3, 2):
                    break
            if epoch < 3:
                repeated = torch.tensor([2, 7, 2])
                with self.during("observe"):
                    selector.observe(repeated, LOGITS[7][repeated], in_plan=False)
                with self.during("end_epoch"):
                    selector.end_epoch()
        with self.during("state_dict"):
            state = selector.state_dict()
        resumed = self.build()
        with self.during("load_state_dict"):
            resumed.load_state_dict(state)
        for step, block in enumerate(self.blocks(resumed), 3):
            self.observe(resumed, block, step)
        with self.during("end_epoch"):
            resumed.end_epoch()
        self.look(resumed)
        self.seen.append(state)
        return self.seen


@cache
def undisturbed(method, labels):
    return Loop(method, labels).run()


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert one.device == other.device
        assert torch.equal(one, other)
        assert not one.is_inference()
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key, value in one.items():
            assert_same(value, other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    else:
        assert one == other


@pytest.mark.filterwarnings("ignore:rows of logits that are not finite:UserWarning")
@pytest.mark.parametrize(("part", "labels"), [*((part, "some not") for part in PARTS), ("everything", "all labelled")])
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("method", METHODS)
def test_nothing_changes(method, context, part, labels):
    loop = Loop(method, labels, part, CONTEXTS[context])
    assert_same(loop.run(), undisturbed(method, labels))
