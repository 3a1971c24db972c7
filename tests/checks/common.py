"""What every batch-selection method must keep to, whoever wrote it.

For a method of your own, anywhere that this folder can be imported from:

    from checks.common import CHECKS, check_method

    def test_my_method():
        check_method(MyMethod)                  # a class, or any function that makes a new instance

or, for a line in the report for each check:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_method(check):
        check(lambda: MyMethod(pressure=4.0))

A method needs nothing but the protocol `batchsift.methods.Method`. What only some methods have (a warm-up, scores,
signals, probabilities of zero) is looked for and checked where it is. It must be able to serve any number of samples
and labels; it is always given features.
"""

import io
import itertools
import math
import random

import numpy as np
import pytest
import torch
from scipy import sparse

import batchsift as bs

EPOCHS = 12
BATCH_SIZE = 8


def made_up(n=45, q=4, seed=0, unknown=0.0):
    """Labels (some cells NaN), features, and predictions for a number of epochs, without ties."""
    stream = np.random.default_rng(seed)
    labels = (stream.random((n, q)) < np.linspace(0.6, 0.15, q)).astype(np.float64)
    labels[0], labels[1] = 1, 0
    labels[stream.random((n, q)) < unknown] = np.nan
    features = stream.normal(size=(n, 5))
    logits = torch.from_numpy(stream.normal(size=(EPOCHS + 2, n, q)).cumsum(0))
    return labels, features, logits


def select(factory, labels, features, **options):
    """A selector with a new instance."""
    return bs.Selector(
        labels,
        method=factory(),
        features=features,
        **{"batch_size": BATCH_SIZE, "epochs": EPOCHS, "seed": 3, **options},
    )


def watch(selector, logits, epochs):
    """Whole passes beside the plan, one an epoch: every sample is seen equally often, in the same order."""
    for epoch in range(epochs):
        selector.observe(torch.arange(logits.shape[1]), logits[epoch], in_plan=False)
        selector.end_epoch()


def train(selector, logits, epochs):
    """Epochs as a training loop has them; gives all blocks."""
    blocks = []
    for _ in range(epochs):
        for block in selector.batches():
            selector.observe(block, logits[selector.epoch][block])
            blocks.append(block)
        selector.end_epoch()
    return blocks


def is_uniform(probabilities):
    """All equal, to rounding."""
    n = len(probabilities)
    return bool(((probabilities * n - 1).abs() < 1e-12).all())


def has_scores(factory):
    """Whether the method ranks samples by scores."""
    labels, features, _ = made_up()
    return bool(select(factory, labels, features).scores)


def assert_nearly(actual, expected, n, pressure=64.0):
    """Equal, but for scores that rounding moved over the edge of a level; a level is a factor exp(ln s / n)."""
    away = (actual.log() - expected.log()).abs()
    away = torch.where((actual == 0) & (expected == 0), 0.0, away)
    level = math.log(pressure) / n
    assert float(away.max()) <= level * 1.05
    assert float((away < 1e-3).double().mean()) >= 0.9


def same_state(one, other):
    """Whatever the two selectors show is equal to the bit."""
    assert one.epoch == other.epoch
    assert torch.equal(one.probabilities, other.probabilities)
    assert torch.equal(one.counts, other.counts)
    for mine, theirs in ((one.signals(), other.signals()), (one.scores, other.scores)):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            assert torch.equal(value, theirs[name]), name


def saved_and_loaded(state):
    """A state after a trip through a file, as strictly as PyTorch can read one."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def check_probabilities(factory):
    """Float64 on the CPU, finite, summing to 1, and positive wherever a sample can be drawn at all."""
    labels, features, logits = made_up()
    selector = select(factory, labels, features)
    for epoch in range(EPOCHS):
        p = selector.probabilities
        assert p.shape == (len(labels),)
        assert p.dtype == torch.float64
        assert p.isfinite().all()
        assert (p >= 0).all()
        assert float(p.sum()) == pytest.approx(1, abs=1e-9)
        assert (p[torch.from_numpy(labels.sum(1) > 0)] > 0).all()
        watch(selector, logits[epoch:], 1)


def check_shapes(factory):
    """Signals are (N, L), scores (N,), all finite, before and after observing."""
    labels, features, logits = made_up()
    selector = select(factory, labels, features)
    for _ in range(3):
        for value in selector.signals().values():
            assert value.shape == labels.shape
            assert value.isfinite().all()
        for value in selector.scores.values():
            assert value.shape == (len(labels),)
            assert value.isfinite().all()
        watch(selector, logits, 1)


def check_indistinguishable_samples(factory):
    """Samples with the same labels, neighbourhood and predictions, or the same up to rounding: uniform."""
    _, _, logits = made_up()
    n = 45
    labels = np.tile([[1.0, 0.0, 1.0, 0.0]], (n, 1))
    features = np.random.default_rng(1).normal(size=(n, 3))
    rounding = 1 + 1e-15 * torch.randn(n, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for factor in (torch.ones(n, 1, dtype=torch.float64), rounding):
        selector = select(factory, labels, features)
        watch(selector, logits[:, :1].expand(-1, n, -1) * factor, 6)
        assert is_uniform(selector.probabilities)


def check_order_of_samples(factory):
    """Samples in another order: probabilities in that order."""
    labels, features, logits = made_up()
    order = np.random.default_rng(2).permutation(len(labels))
    plain, permuted = select(factory, labels, features), select(factory, labels[order], features[order])
    watch(plain, logits, 5)
    watch(permuted, logits[:, order], 5)
    assert_nearly(permuted.probabilities, plain.probabilities[order], len(labels))


def check_order_of_labels(factory):
    """Labels in another order: the same probabilities."""
    labels, features, logits = made_up()
    order = np.array([2, 0, 3, 1])
    plain, permuted = select(factory, labels, features), select(factory, labels[:, order], features)
    watch(plain, logits, 5)
    watch(permuted, logits[:, :, order], 5)
    assert_nearly(permuted.probabilities, plain.probabilities, len(labels))
    for name, value in plain.signals().items():
        torch.testing.assert_close(permuted.signals()[name], value[:, order])


def check_warm_up(factory):
    """A method with an order of its own passes over all samples once; one with scores begins uniformly, so."""
    labels, features, _ = made_up()
    selector = select(factory, labels, features)
    method = factory()
    method.setup(torch.from_numpy(labels).to(torch.uint8), EPOCHS, features)
    own = method.plan(0, BATCH_SIZE, 6, torch.Generator().manual_seed(0))
    if own is not None:
        assert sorted(selector) == list(range(len(labels)))
        assert list(selector) != list(range(len(labels)))
        assert (selector.importance_weights(torch.arange(len(labels))) == 1).all()
    if selector.scores:
        assert is_uniform(selector.probabilities)


def check_resume(factory):
    """Saved at the start or in the middle of an epoch, the first or a later one, a new object goes on exactly alike.

    Through a file that is read without running code. The new object was made with another seed.
    """
    labels, features, logits = made_up()
    whole = select(factory, labels, features)
    blocks = train(whole, logits, 6)
    per_epoch = len(blocks) // 6
    for epochs_before in (0, 4):
        for blocks_before in (0, 2, per_epoch - 1):
            first = select(factory, labels, features)
            seen = train(first, logits, epochs_before)
            for block in itertools.islice(first.batches(), blocks_before):
                first.observe(block, logits[epochs_before][block])
                seen.append(block)
            second = select(factory, labels, features, seed=99)
            second.load_state_dict(saved_and_loaded(first.state_dict()))
            same_state(first, second)
            seen += train(second, logits, 6 - epochs_before)
            assert len(seen) == len(blocks)
            assert all(torch.equal(mine, theirs) for mine, theirs in zip(seen, blocks, strict=True))
            same_state(second, whole)
            assert list(second) == list(whole)


def check_resume_flat(factory):
    """The same through plain iteration, as a DataLoader does it: a resumed object yields what is left."""
    labels, features, logits = made_up()
    first, second = select(factory, labels, features), select(factory, labels, features, seed=99)
    train(first, logits, 4)
    plan = list(first)
    for block in itertools.islice(first.batches(), 2):
        first.observe(block, logits[4][block])
    assert list(first) == plan
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    assert list(second) == plan[2 * BATCH_SIZE :]
    assert len(second) == len(plan)


def check_resume_at_the_end(factory):
    """Saved after the last block and before `end_epoch`: nothing is left of the epoch, and the next one is the same."""
    labels, features, logits = made_up()
    first, second = select(factory, labels, features), select(factory, labels, features, seed=99)
    for block in first.batches():
        first.observe(block, logits[0][block])
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    same_state(first, second)
    assert list(second) == []
    assert [block.tolist() for block in second.batches()] == []
    first.end_epoch()
    second.end_epoch()
    same_state(first, second)
    assert list(first) == list(second)


def check_states_are_copies(factory):
    """A saved state does not change with what is observed later, and is refused for other labels."""
    labels, features, logits = made_up()
    selector, twin = select(factory, labels, features), select(factory, labels, features)
    watch(selector, logits, 2)
    state = selector.state_dict()
    watch(selector, logits[2:], 2)
    watch(twin, logits, 2)
    selector.load_state_dict(state)
    same_state(selector, twin)
    other = labels.copy()
    other[0, 0] = 1 - other[0, 0]
    with pytest.raises(ValueError, match="labels"):
        select(factory, other, features).load_state_dict(state)


def check_random_states(factory):
    """Python's, NumPy's and PyTorch's global random states stay as they were."""
    labels, features, logits = made_up()

    def states():
        kind, keys, *rest = np.random.get_state()
        return random.getstate(), (kind, keys.tolist(), *rest), torch.get_rng_state().tolist()

    before = states()
    selector = select(factory, labels, features, last_batch="fill")
    assert states() == before
    for _ in range(3):
        for block in selector.batches():
            selector.observe(block, logits[0][block])
        selector.end_epoch()
        assert states() == before
    selector.load_state_dict(selector.state_dict())
    selector.importance_weights(torch.arange(3))
    assert states() == before


def check_unlabelled_cells(factory):
    """Whatever is predicted where nothing is labelled changes nothing; signals are 0 there."""
    labels, features, logits = made_up(unknown=0.3)
    unknown = torch.from_numpy(np.isnan(labels))
    assert unknown.any()
    one, other = select(factory, labels, features), select(factory, labels, features)
    watch(one, logits, 6)
    watch(other, torch.where(unknown, -5 * logits.flip(0), logits), 6)
    same_state(one, other)
    assert torch.equal(torch.as_tensor(list(one)), torch.as_tensor(list(other)))
    for name, value in one.signals().items():
        assert (value[unknown] == 0).all(), name
    if has_scores(factory):
        assert not is_uniform(one.probabilities)


def check_a_label_without_a_labelled_cell(factory):
    """Nothing is known of one label: selection goes on by the others."""
    labels, features, logits = made_up()
    labels[:, 2] = np.nan
    selector = select(factory, labels, features)
    train(selector, logits, 5)
    assert selector.probabilities.isfinite().all()
    assert all(value.isfinite().all() for value in [*selector.signals().values(), *selector.scores.values()])


def check_twice_in_one_call(factory):
    """A sample that comes twice in one call counts twice, in order, as in two calls."""
    labels, features, logits = made_up()
    n = len(labels)
    together, apart = select(factory, labels, features), select(factory, labels, features)
    every = torch.arange(n)
    for step in (0, 2):
        together.observe(torch.cat([every, every]), torch.cat([logits[step], logits[step + 1]]), in_plan=False)
        apart.observe(every, logits[step], in_plan=False)
        apart.observe(every, logits[step + 1], in_plan=False)
    same_state(together, apart)
    mixed = torch.tensor([3, 5, 3, 1, 5, 3])
    rows = logits[4][:6]
    together.observe(mixed, rows, in_plan=False)
    for i in range(6):
        apart.observe(mixed[i : i + 1], rows[i : i + 1], in_plan=False)
    for name, value in together.signals().items():
        torch.testing.assert_close(apart.signals()[name], value)


def check_order_of_observations(factory):
    """What was predicted for other samples in between does not matter: a history is a sample's own."""
    labels, features, logits = made_up()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    together, apart = select(factory, labels, features), select(factory, labels, features)
    for step in range(4):
        together.observe(torch.arange(len(labels)), logits[step], in_plan=False)
    for half in (order[:20], order[20:]):
        for step in range(4):
            apart.observe(half, logits[step][half], in_plan=False)
    for name, value in together.signals().items():
        torch.testing.assert_close(apart.signals()[name], value)


def check_nothing_observed(factory):
    """Scored methods stay uniform without predictions; all go through all epochs, and some beyond."""
    labels, features, _ = made_up()
    selector = select(factory, labels, features)
    scored = has_scores(factory)
    for _ in range(EPOCHS + 3):
        assert len(list(selector)) == len(labels)
        assert selector.probabilities.isfinite().all()
        if scored:
            assert is_uniform(selector.probabilities)
        selector.end_epoch()


def check_odd_labels(factory):
    """Labels nobody or everybody has, no label at all, all of them, a single label, a single sample."""
    _, features, logits = made_up()
    some = made_up()[0]
    some[:, 0], some[:, 1] = 0, 1
    for labels in (some, np.zeros_like(some), np.ones_like(some), some[:, 2:3], some[:1], some[:9]):
        n, q = labels.shape
        drawable = int((labels.sum(1) > 0).sum()) or n
        selector = select(factory, labels, features[:n], batch_size=min(BATCH_SIZE, drawable))
        drawn = train(selector, logits[:, :n, :q], 4)
        assert all(len(set(block.tolist())) == len(block) for block in drawn)
        assert selector.probabilities.isfinite().all()
        assert all(value.isfinite().all() for value in [*selector.signals().values(), *selector.scores.values()])


def check_sure_predictions(factory):
    """Logits as large as a diverging model gives them: nothing overflows."""
    labels, features, logits = made_up()
    for scale in (30.0, 1e4):
        selector = select(factory, labels, features)
        watch(selector, (logits * scale).float(), 5)
        assert selector.probabilities.isfinite().all()
        assert all(value.isfinite().all() for value in [*selector.signals().values(), *selector.scores.values()])


def check_sparse_labels(factory):
    """Dense, sparse, tensor, nested lists: the same labels."""
    labels, features, logits = made_up()
    plain = select(factory, labels, features)
    watch(plain, logits, 4)
    for form in (sparse.csr_matrix(labels), sparse.coo_array(labels), torch.from_numpy(labels).bool(), labels.tolist()):
        other = select(factory, form, features)
        watch(other, logits, 4)
        same_state(other, plain)
        other.load_state_dict(plain.state_dict())


def check_one_selector(factory):
    """An instance serves one selector."""
    labels, features, _ = made_up()
    method = factory()
    select(lambda: method, labels, features)
    with pytest.raises(ValueError, match=r"."):
        select(lambda: method, labels, features)


def check_blocks(factory):
    """Exact sizes, no repeat inside a block, in the first epoch and in a later one."""
    labels, features, logits = made_up()
    for options, sizes in (
        ({}, [8] * 5 + [5]),
        ({"last_batch": "drop"}, [8] * 5),
        ({"last_batch": "fill"}, [8] * 6),
        ({"num_batches": 14}, [8] * 14),
        ({"num_batches": 2}, [8] * 2),
        ({"batch_size": 45}, [45]),
        ({"batch_size": 15, "last_batch": "fill"}, [15] * 3),
    ):
        selector = select(factory, labels, features, **options)
        for epoch in range(4):
            if int((selector.probabilities > 0).sum()) < sizes[0]:
                break  # fewer can be drawn than a block holds
            blocks = list(selector.batches())
            assert [len(block) for block in blocks] == sizes, options
            assert all(len(set(block.tolist())) == len(block) for block in blocks)
            assert all(int(block.min()) >= 0 and int(block.max()) < len(labels) for block in blocks)
            assert len(selector) == sum(sizes)
            assert list(selector) == torch.cat(blocks).tolist()
            watch(selector, logits[epoch:], 1)


def check_frozen(factory):
    """Plan and probabilities stay as they are until `end_epoch`; another seed or epoch has another plan."""
    labels, features, logits = made_up()
    selector, other_seed = select(factory, labels, features), select(factory, labels, features, seed=4)
    plans = []
    for epoch in range(5):
        before, plan = selector.probabilities, list(selector)
        selector.observe(torch.arange(len(labels)), logits[epoch], in_plan=False)
        other_seed.observe(torch.arange(len(labels)), logits[epoch], in_plan=False)
        assert torch.equal(selector.probabilities, before)
        assert list(selector) == plan
        assert list(other_seed) != plan
        plans.append(tuple(plan))
        selector.end_epoch()
        other_seed.end_epoch()
    assert len(set(plans)) == 5


def check_pure_probabilities(factory):
    """`probabilities(epoch)` depends on the epoch and on what was observed, not on when or how often it is asked."""
    labels, features, logits = made_up()
    selector = select(factory, labels, features)
    watch(selector, logits, 4)
    method = selector.method
    once = [method.probabilities(epoch) for epoch in range(EPOCHS + 3)]
    again = [method.probabilities(epoch) for epoch in reversed(range(EPOCHS + 3))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert torch.equal(selector.probabilities, once[4])


CHECKS = tuple(value for name, value in list(globals().items()) if name.startswith("check_"))


def check_method(factory):
    """All checks, one after the other; `factory()` gives a new instance."""
    for check in CHECKS:
        check(factory)
