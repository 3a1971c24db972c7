"""Small selectors of every method, the leaves of their states, and whether a selector is sound."""

import math
import warnings
from functools import partial
from itertools import islice

import torch

import batchsift as bs

N, L, B, EPOCHS = 14, 3, 4, 6
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()
UNKNOWN = LABELS.clone()
UNKNOWN[1::4, 1] = math.nan
FEATURES = torch.arange(2.0 * N).view(N, 2).sin()
SCORED = tuple(name for name in bs.methods.names() if hasattr(bs.methods.create(name), "storage"))
OTHER_STORAGE = {str(dtype).removeprefix("torch."): dtype for dtype in (torch.float16, torch.bfloat16, torch.float64)}
METHODS = {
    **{name: partial(bs.methods.create, name) for name in bs.methods.names()},
    **{
        f"{name}, {word}": partial(bs.methods.create, name, storage=storage)
        for name in SCORED
        for word, storage in OTHER_STORAGE.items()
    },
    "hard, by step": partial(bs.Hard, refresh="step"),
    "hard_imbalanced, by step": partial(bs.HardImbalanced, refresh="step"),
    "active_bias, window": partial(bs.ActiveBias, window=3),
    "d2ace, no correlation": partial(bs.D2ACE, correlation=False, window=1),
    "balanced_pass, constant": partial(bs.BalancedPass, anneal=False),
}


def make(name, labels=LABELS, **options):
    """A selector of one of `METHODS`."""
    settings = {"features": FEATURES, "batch_size": B, "epochs": EPOCHS, "seed": 3} | options
    return bs.Selector(labels, method=METHODS[name](), **settings)


def predicted(indices, step):
    """Logits that depend on the sample and the step alone."""
    return 4 * torch.sin(torch.as_tensor(indices)[:, None] * torch.tensor([1.0, 2.0, 3.0]) + step)


def train(selector, epochs, blocks=0, *, done=0):
    """Train epochs, the first of which had some blocks already, and some blocks of one more; return all blocks."""
    seen = []
    for epoch in range(epochs + 1):
        for block in islice(selector.batches(), done if epoch == 0 else 0, blocks if epoch == epochs else None):
            selector.observe(block, predicted(block, selector.epoch))
            seen.append(block.tolist())
        if epoch < epochs:
            selector.end_epoch()
    return seen


def same(one, other):
    """Whether two states are equal to the bit."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, torch.Tensor):
        plain = isinstance(other, torch.Tensor) and one.dtype == other.dtype and one.shape == other.shape
        return plain and torch.equal(one.nan_to_num(nan=-1.0), other.nan_to_num(nan=-1.0))
    return type(one) is type(other) and one == other


def leaves(state, path=()):
    """Yield the path of every entry of a state that is no dictionary."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def inner(state, path):
    """The dictionary that holds the last key of a path."""
    for key in path[:-1]:
        state = state[key]
    return state


def copied(state):
    """A copy whose dictionaries can be changed; the tensors are shared."""
    return {key: copied(value) if isinstance(value, dict) else value for key, value in state.items()}


def require_sound(selector, epochs=2):
    """Go on with a selector, and check whatever it says on the way.

    Raises:
        AssertionError: It says something that cannot be.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # epochs beyond the last
        for _ in range(epochs):
            require_sound_epoch(selector)
    other = selector.state_dict()
    selector.load_state_dict(other)
    assert same(selector.state_dict(), other)


def require_sound_epoch(selector):
    """The same for what is left of one epoch."""
    probs = selector.probabilities
    assert probs.dtype == torch.float64
    assert probs.shape == (N,)
    assert (probs >= 0).all()
    assert abs(float(probs.sum()) - 1) < 1e-6
    left = 0
    for block in selector.batches():
        assert 1 <= len(block) <= B
        assert len(set(block.tolist())) == len(block)
        assert 0 <= int(block.min()) <= int(block.max()) < N
        left += len(block)
        selector.observe(block, predicted(block, selector.epoch % 97))
    assert left <= len(selector)
    for name, said in [*selector.signals().items(), *selector.scores.items(), *selector.summary().items()]:
        value = torch.as_tensor(said)
        assert value.isfinite().all(), name
        bounds = (0, 2) if name in ("uncertainty", "hardness") and value.ndim == 2 else (0, math.inf)
        assert bounds[0] <= float(value.min()), name
        assert float(value.max()) <= bounds[1], name
    found = selector.suspects(3)
    assert (found.score.abs() <= 1).all()
    assert ((found.probability >= 0) & (found.probability <= 1)).all()
    assert (selector.counts >= 0).all()
    assert (selector.importance_weights(torch.arange(N)) >= 0).all()
    epoch = selector.epoch
    selector.end_epoch()
    assert selector.epoch == epoch + 1
