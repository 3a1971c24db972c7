"""Checks of what a method selects: probabilities, plans, and what they may and may not depend on."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from batchsift.testing.pretending import (
    BATCH_SIZE,
    EPOCHS,
    Factory,
    has_scores,
    is_uniform,
    made_up,
    raises_value_error,
    require,
    require_finite,
    require_nearly,
    select,
    train,
    watch,
)


def check_probabilities(factory: Factory) -> None:
    """Check probabilities: float64, finite, summing to 1, positive wherever a sample can be drawn at all."""
    labels, features, logits = made_up()
    selector = select(factory, labels, features)
    for epoch in range(EPOCHS):
        p = selector.probabilities
        require(p.shape == (len(labels),), f"probabilities must have shape ({len(labels)},), got {tuple(p.shape)}")
        require(p.dtype == torch.float64, f"probabilities must be float64, got {p.dtype}")
        require(p.isfinite().all() and (p >= 0).all(), "probabilities must be finite and not negative")
        require(abs(float(p.sum()) - 1) < 1e-9, f"probabilities must sum to 1, got {float(p.sum())}")
        has_label_N = torch.from_numpy(labels.sum(1) > 0)
        require((p[has_label_N] > 0).all(), "a sample with a label can never be drawn: its probability is 0")
        watch(selector, logits[epoch:], 1)


def check_shapes(factory: Factory) -> None:
    """Check signals, (N, L), and scores, (N,): all finite, before and after observing."""
    labels, features, logits = made_up()
    selector = select(factory, labels, features)
    for _ in range(3):
        for name, value in selector.signals().items():
            require(value.shape == labels.shape, f"signal {name} must be {labels.shape}, got {tuple(value.shape)}")
        for name, value in selector.scores.items():
            require(value.shape == (len(labels),), f"score {name} must be ({len(labels)},), got {tuple(value.shape)}")
        require_finite(selector)
        watch(selector, logits, 1)


def check_indistinguishable_samples(factory: Factory) -> None:
    """Check samples with the same labels, neighborhood and predictions, or the same up to rounding: uniform."""
    _, _, logits = made_up()
    n = logits.shape[1]
    labels = np.tile([[1.0, 0.0, 1.0, 0.0]], (n, 1))
    features = np.random.default_rng(1).normal(size=(n, 3))
    rounding = 1 + 1e-15 * torch.randn(n, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for factor in (torch.ones(n, 1, dtype=torch.float64), rounding):
        selector = select(factory, labels, features)
        watch(selector, logits[:, :1].expand(-1, n, -1) * factor, 6)
        require(is_uniform(selector.probabilities), "samples that nothing distinguishes differ in probability")


def check_order_of_samples(factory: Factory) -> None:
    """Check samples in another order: probabilities in that order."""
    labels, features, logits = made_up()
    order = np.random.default_rng(2).permutation(len(labels))
    plain, permuted = select(factory, labels, features), select(factory, labels[order], features[order])
    watch(plain, logits, 5)
    watch(permuted, logits[:, order], 5)
    require_nearly(permuted.probabilities, plain.probabilities[order])


def check_order_of_labels(factory: Factory) -> None:
    """Check labels in another order: the same probabilities."""
    labels, features, logits = made_up()
    order = np.array([2, 0, 3, 1])
    plain, permuted = select(factory, labels, features), select(factory, labels[:, order], features)
    watch(plain, logits, 5)
    watch(permuted, logits[:, :, order], 5)
    require_nearly(permuted.probabilities, plain.probabilities)
    for name, value in plain.signals().items():
        torch.testing.assert_close(permuted.signals()[name], value[:, order])


def check_warm_up(factory: Factory) -> None:
    """Check the first epoch: where all samples are equally likely, an order of the method's own has each once."""
    labels, features, _ = made_up()
    selector = select(factory, labels, features)
    method = factory()
    method.setup(torch.from_numpy(labels).to(torch.uint8), EPOCHS, features)
    own = method.plan(0, BATCH_SIZE, 6, torch.Generator().manual_seed(0))
    if own is not None and is_uniform(selector.probabilities):
        plan = list(selector)
        require(sorted(plan) == list(range(len(labels))), "the first epoch must have every sample once")
        require(plan != sorted(plan), "the first epoch walks through the samples in order: it must be shuffled")
        weights = selector.importance_weights(torch.arange(len(labels)))
        require((weights == 1).all(), "an order of the method's own has importance weights of 1")
    if selector.scores:
        require(is_uniform(selector.probabilities), "before anything is observed the probabilities must be uniform")


def check_nothing_observed(factory: Factory) -> None:
    """Check that scored methods stay uniform without predictions; all go through all epochs, and some beyond."""
    labels, features, _ = made_up()
    selector = select(factory, labels, features)
    scored = has_scores(factory)
    for _ in range(EPOCHS + 3):
        require(len(list(selector)) == len(labels), "an epoch must have as many samples as the data")
        require_finite(selector)
        if scored:
            require(is_uniform(selector.probabilities), "with nothing observed the probabilities must be uniform")
        selector.end_epoch()


def check_random_states(factory: Factory) -> None:
    """Check that Python's, NumPy's and PyTorch's global random states stay as they were."""
    labels, features, logits = made_up()

    def require_untouched(action: Callable[[], Any], what: str) -> Any:
        before = _random_states()
        result = action()
        require(_random_states() == before, f"a global random state changed in {what}: draw from the given generator")
        return result

    selector = require_untouched(lambda: select(factory, labels, features, last_batch="fill"), "setup or planning")
    require_untouched(lambda: train(selector, logits, 3), "training")
    require_untouched(lambda: selector.load_state_dict(selector.state_dict()), "saving and loading")
    require_untouched(lambda: selector.importance_weights(torch.arange(3)), "importance weights")


def _random_states() -> tuple[Any, ...]:
    """Return all global random states, in a form that can be compared."""
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 -- it must not change
    key = numpy_state["state"].pop("key")
    return random.getstate(), numpy_state, key.tolist(), torch.get_rng_state().tolist()


def check_odd_labels(factory: Factory) -> None:
    """Check labels nobody or everybody has, no label at all, all of them, a single label, a single sample."""
    some, features, logits = made_up()
    some[:, 0], some[:, 1] = 0, 1
    for labels in (some, np.zeros_like(some), np.ones_like(some), some[:, 2:3], some[:1], some[:9]):
        num_samples, num_labels = labels.shape
        drawable = int((labels.sum(1) > 0).sum()) or num_samples
        selector = select(factory, labels, features[:num_samples], batch_size=min(BATCH_SIZE, drawable))
        for block in train(selector, logits[:, :num_samples, :num_labels], 4):
            require(len(set(block.tolist())) == len(block), "a block has a sample twice")
        require_finite(selector)


def check_one_selector(factory: Factory) -> None:
    """Check that an instance serves one selector."""
    labels, features, _ = made_up()
    method = factory()
    select(lambda: method, labels, features)
    with raises_value_error("", "setup() must raise a ValueError where the instance serves a selector already"):
        select(lambda: method, labels, features)


def check_blocks(factory: Factory) -> None:
    """Check blocks: exact sizes, no repeat inside a block, in the first epoch and in later ones."""
    labels, features, logits = made_up()
    layouts: tuple[tuple[dict[str, Any], list[int]], ...] = (
        ({}, [8] * 5 + [5]),
        ({"last_batch": "drop"}, [8] * 5),
        ({"last_batch": "fill"}, [8] * 6),
        ({"num_batches": 14}, [8] * 14),
        ({"num_batches": 2}, [8] * 2),
        ({"batch_size": 45}, [45]),
        ({"batch_size": 15, "last_batch": "fill"}, [15] * 3),
    )
    for options, sizes in layouts:
        selector = select(factory, labels, features, **options)
        for epoch in range(4):
            if int((selector.probabilities > 0).sum()) < sizes[0]:
                break  # fewer can be drawn than a block holds
            own = selector.method.plan(epoch, sizes[0], len(sizes), torch.Generator())
            blocks = list(selector.batches())
            lengths = [len(block) for block in blocks]
            expected = sizes if own is None else _shorter(sizes, len(lengths), lengths[-1])
            require(lengths == expected, f"with {options} the blocks must have the sizes {expected}, got {lengths}")
            for block in blocks:
                require(len(set(block.tolist())) == len(block), "a block has a sample twice")
                require(0 <= int(block.min()) <= int(block.max()) < len(labels), "an index is outside the samples")
            require(len(selector) == sum(lengths), f"len() must be {sum(lengths)}, got {len(selector)}")
            require(list(selector) == torch.cat(blocks).tolist(), "flat, the plan is another than in blocks")
            watch(selector, logits[epoch:], 1)


def _shorter(sizes: list[int], count: int, last: int) -> list[int]:
    """Return the sizes of the blocks of an epoch that a method's own order makes shorter, if it does."""
    if sum(sizes[:count]) >= sum(sizes) or count < 1:
        return sizes
    may_end_short = len(set(sizes)) > 1
    return [*sizes[: count - 1], min(last, sizes[0]) if may_end_short else sizes[0]]


def check_frozen(factory: Factory) -> None:
    """Check that plan and probabilities stay until `end_epoch`; another seed or epoch has another plan."""
    labels, features, logits = made_up()
    selector, other_seed = select(factory, labels, features), select(factory, labels, features, seed=4)
    plans = []
    for epoch in range(5):
        before, plan = selector.probabilities, list(selector)
        for each in (selector, other_seed):
            each.observe(torch.arange(len(labels)), logits[epoch], in_plan=False)
        require(torch.equal(selector.probabilities, before), "the probabilities changed within an epoch")
        require(list(selector) == plan, "the plan changed within an epoch")
        require(list(other_seed) != plan, "another seed gives the same plan: draw from the given generator")
        plans.append(tuple(plan))
        selector.end_epoch()
        other_seed.end_epoch()
    require(len(set(plans)) == len(plans), "two epochs have the same plan")


def check_pure_probabilities(factory: Factory) -> None:
    """Check that `probabilities(epoch)` depends on the epoch and what was observed, not on when or how often asked."""
    labels, features, logits = made_up()
    selector = select(factory, labels, features)
    watch(selector, logits, 4)
    method = selector.method
    once = [method.probabilities(epoch) for epoch in range(EPOCHS + 3)]
    again = [method.probabilities(epoch) for epoch in reversed(range(EPOCHS + 3))][::-1]
    for epoch, (first, second) in enumerate(zip(once, again, strict=True)):
        require(torch.equal(first, second), f"probabilities({epoch}) differ when they are asked for again")
    require(torch.equal(selector.probabilities, once[4]), "probabilities(4) changed after the epoch had begun")
