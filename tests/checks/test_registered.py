"""The common checks over every registered method, and some for the options that several of them share."""

import dataclasses
import itertools
import warnings
from functools import partial

import numpy as np
import pytest
import torch

from batchsift import methods
from batchsift.testing import CHECKS
from batchsift.testing.pretending import (
    EPOCHS,
    is_uniform,
    made_up,
    require_same_state,
    saved_and_loaded,
    select,
    watch,
)
from batchsift.testing.selecting import check_indistinguishable_samples

NAMES = methods.names()
OPTIONS = {name: {field.name for field in dataclasses.fields(methods.create(name)) if field.init} for name in NAMES}
STORED = [name for name in NAMES if "storage" in OPTIONS[name]]
STEPWISE = [name for name in NAMES if "refresh" in OPTIONS[name]]
SCORED = [name for name in NAMES if "pressure" in OPTIONS[name]]
HALF = {torch.float16: 0.02, torch.bfloat16: 0.12}


def test_what_is_registered():
    assert set(NAMES) >= {
        "random",
        "stratified",
        "label_balanced",
        "balanced_pass",
        "hard",
        "hard_imbalanced",
        "active_bias",
        "recency_bias",
        "uncertainty",
        "d2ace",
    }
    assert set(STEPWISE) >= {"hard", "hard_imbalanced"}
    for name in NAMES:
        assert methods.create(name).name == name
        assert isinstance(methods.create(name), methods.Method)
    with pytest.raises(ValueError, match="d2ace"):
        methods.create("d2acee")
    with pytest.raises(TypeError):
        methods.create("d2ace", pressur=3)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("name", NAMES)
def test_check(name, check):
    check(partial(methods.create, name))


@pytest.mark.parametrize("storage", [torch.float64, torch.float16], ids=str)
@pytest.mark.parametrize("name", STORED)
def test_equal_samples_in_other_storage(name, storage):
    check_indistinguishable_samples(partial(methods.create, name, storage=storage))


@pytest.mark.parametrize("name", STORED)
def test_equal_up_to_single_precision(name):
    """Predictions that differ in the last bit of float32, as they do between the body and the tail of an array."""
    _, _, logits = made_up()
    n = 45
    labels = np.tile([[1.0, 0.0, 1.0, 0.0]], (n, 1))
    noise = 1 + 3e-8 * torch.randn(EPOCHS + 2, n, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    selector = select(partial(methods.create, name), labels, np.random.default_rng(0).normal(size=(n, 3)))
    watch(selector, logits[:, :1] * noise, 6)
    assert is_uniform(selector.probabilities)


@pytest.mark.parametrize("name", SCORED)
def test_warm_up_is_a_uniform_permutation(name):
    labels, features, logits = made_up()
    selector = select(partial(methods.create, name, warmup=3), labels, features)
    passes = set()
    for epoch in range(5):
        warming_up = epoch < 3
        assert is_uniform(selector.probabilities) == warming_up
        assert (sorted(selector) == list(range(45))) == warming_up
        passes.add(tuple(selector))
        watch(selector, logits[epoch:], 1)
    assert len(passes) == 5


@pytest.mark.parametrize("name", SCORED)
def test_all_positive_after_the_warm_up(name):
    labels, features, logits = made_up()
    selector = select(partial(methods.create, name), labels, features)
    watch(selector, logits, 6)
    p = selector.probabilities
    assert (p > 0).all()
    assert 1.05 < float(p.max() / p.min()) <= 8 * (1 + 1e-9)


@pytest.mark.parametrize("storage", HALF, ids=str)
@pytest.mark.parametrize("name", STORED)
def test_half_precision(name, storage):
    """Signals within `HALF` of float64 storage, relative to 1 + the signal: entropies near 0 are the worst.

    D2ACE takes its loss from the stored prediction, which ends at the storage's resolution: there exp(-l) is compared.
    """
    labels, features, logits = made_up()
    half, full = (select(partial(methods.create, name, storage=s), labels, features) for s in (storage, torch.float64))
    watch(half, logits, 10)
    watch(full, logits, 10)
    for signal, exact in full.signals().items():
        value, stored = exact, half.signals()[signal].double()
        if (name, signal) == ("d2ace", "loss"):
            value, stored = (-value).exp(), (-stored).exp()
        off = (stored - value).abs() / (1 + value)
        if signal == "decision_entropy":  # a prediction just above one half is stored as one half
            assert float((off > 1e-6).double().mean()) < 0.02
        else:
            assert 0 < float(off.max()) <= HALF[storage], signal


@pytest.mark.parametrize("name", STORED)
def test_losses_beyond_half_precision(name):
    """A finite logit that float16 cannot hold must not make the selection fail."""
    labels, features, logits = made_up()
    selector = select(partial(methods.create, name, storage=torch.float16), labels, features)
    watch(selector, logits * 1e5, 4)
    assert selector.probabilities.isfinite().all()


@pytest.mark.parametrize("name", STEPWISE)
class TestStepRefresh:
    """Block b is drawn when block b - 1 was observed."""

    def selector(self, name, **options):
        labels, features, logits = made_up()
        return select(partial(methods.create, name, refresh="step", warmup=1), labels, features, **options), logits

    def epoch(self, selector, logits):
        blocks = []
        for step, block in enumerate(selector.batches()):
            selector.observe(block, logits[(selector.epoch + step) % len(logits)][block])
            blocks.append(block)
        return blocks

    def test_asking_early_raises(self, name):
        selector, logits = self.selector(name)
        self.epoch(selector, logits)
        selector.end_epoch()
        blocks = selector.batches()
        first = next(blocks)
        with pytest.raises(ValueError, match="observe"):
            next(blocks)
        assert torch.equal(next(selector.batches()), first)
        with pytest.raises(ValueError, match="batches"):
            iter(selector)
        selector.observe(first, logits[0][first])
        assert len(self.epoch(selector, logits)) == 5

    def test_probabilities_follow_every_block(self, name):
        selector, logits = self.selector(name)
        self.epoch(selector, logits)
        selector.end_epoch()
        seen = []
        for step, block in enumerate(selector.batches()):
            assert torch.equal(selector.probabilities, selector.method.probabilities(1))
            seen.append(selector.probabilities)
            assert len(set(block.tolist())) == len(block) == (8 if step < 5 else 5)
            selector.observe(block, -20 * logits[step][block])
        assert len(seen) == 6
        assert all(not torch.equal(a, b) for a, b in itertools.pairwise(seen))

    @pytest.mark.parametrize("blocks_before", [0, 1, 4, 5])
    def test_resume(self, name, blocks_before):
        original, logits = self.selector(name)
        self.epoch(original, logits)
        original.end_epoch()
        for step, block in zip(range(blocks_before), original.batches(), strict=False):
            original.observe(block, logits[step][block])
        resumed, _ = self.selector(name, seed=50)
        resumed.load_state_dict(saved_and_loaded(original.state_dict()))
        assert all(
            torch.equal(a, b) for a, b in zip(self.epoch(original, logits), self.epoch(resumed, logits), strict=True)
        )
        for selector in (original, resumed):
            selector.end_epoch()
        require_same_state(original, resumed)
        more = self.epoch(original, logits), self.epoch(resumed, logits)
        assert len(more[0]) == 6
        assert all(torch.equal(a, b) for a, b in zip(*more, strict=True))

    def test_num_batches(self, name):
        selector, logits = self.selector(name, num_batches=9)
        for _ in range(3):
            assert [len(block) for block in self.epoch(selector, logits)] == [8] * 9
            selector.end_epoch()


@pytest.mark.parametrize("name", SCORED)
def test_an_instance_that_was_refused_can_be_used_again(name):
    """A mistake in the call is not the end of the instance: it serves no selector yet."""
    labels, features, _ = made_up()
    method = methods.create(name)
    with pytest.raises(ValueError, match=r"."):
        select(lambda: method, np.full_like(labels, 7), features)
    select(lambda: method, labels, features)
    if "neighbors" in OPTIONS[name]:
        method = methods.create(name)
        with pytest.raises(ValueError, match="neighb"):
            select(lambda: method, labels, None)
        select(lambda: method, labels, features)


@pytest.mark.parametrize("name", SCORED)
def test_a_warm_up_as_long_as_the_training_is_said_once(name):
    labels, features, _ = made_up()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        select(partial(methods.create, name, warmup=EPOCHS), labels, features)
    assert [w.category for w in said] == [UserWarning]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select(partial(methods.create, name, warmup=EPOCHS - 1), labels, features)
