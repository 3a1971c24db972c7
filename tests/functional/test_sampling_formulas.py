"""Pressure, probabilities and drawing: formulas against their twins, laws against enumeration and against NumPy."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.interpolate import CubicSpline

from batchsift.functional import sampling as fast
from reference import sampling as slow

often = settings(deadline=None, max_examples=50, derandomize=True)
SURE = 1e-4  # a correct law fails with this chance, for other seeds than the ones here
score = st.one_of(st.sampled_from([0.0, 1.0, 1.0 + 1e-13, 0.25, 3.0]), st.floats(0, 100, allow_subnormal=False))
scores = st.lists(score, min_size=1, max_size=30)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def float64(values):
    return torch.tensor(values, dtype=torch.float64)


@often
@given(scores, st.floats(1, 64), st.sampled_from([1e-6, 1e-12]))
@example([5.0], 8.0, 1e-6)
@example([1.0, 1.0 + 1e-8], 8.0, 1e-6)
@example([0.0, 0.0], 8.0, 1e-12)
def test_probabilities_by_range(values, pressure, tolerance):
    actual = fast.probabilities_by_range(float64(values), pressure, tolerance)
    np.testing.assert_allclose(actual, slow.by_range(values, pressure, tolerance), rtol=1e-12)
    assert actual.dtype == torch.float64
    assert float(actual.max() / actual.min()) <= pressure * (1 + 1e-9)


@often
@given(scores, st.floats(1, 64))
@example([5.0], 2.0)
@example([0.0, 0.0], 2.0)
@example([0.0, 1e-200], 2.0)
def test_probabilities_by_maximum(values, pressure):
    actual = fast.probabilities_by_maximum(float64(values), pressure)
    np.testing.assert_allclose(actual, slow.by_maximum(values, pressure), rtol=1e-12)


def test_exact_levels_are_not_rounded_up():
    """Scores k/n fall on level n - k exactly, for every n."""
    for n in range(2, 200):
        values = [k / n for k in range(n + 1)][1:]
        expected = [math.exp(-math.log(8) / n * max(1, n * (n - k) / (n - 1))) for k in range(1, n + 1)]
        levels = [max(1, math.ceil(n * (n - k) / (n - 1) - 1e-9 * n)) for k in range(1, n + 1)]
        weights = [math.exp(-math.log(8) / n * level) for level in levels]
        assert max(w / e for w, e in zip(weights, expected, strict=True)) <= 1 + 1e-12
        actual = fast.probabilities_by_range(float64(values), 8.0)
        np.testing.assert_allclose(actual, np.array(weights) / sum(weights), rtol=1e-12)
        by_maximum = [math.exp(math.log(8) / n * k) for k in range(1, n + 1)]
        actual = fast.probabilities_by_maximum(float64(values), 8.0)
        np.testing.assert_allclose(actual, np.array(by_maximum) / sum(by_maximum), rtol=1e-12)


def test_the_threshold_of_equal_scores():
    """The range is compared with 1e-6 of the largest score by default."""
    for shift, is_uniform in ((0.9e-6, True), (1.1e-6, False)):
        probabilities = fast.probabilities_by_range(float64([1.0 - shift, 1.0]), 8.0)
        assert (float(probabilities[0]) == 0.5) == is_uniform
    assert float(fast.probabilities_by_range(float64([1.0 - 1.1e-12, 1.0]), 8.0, 1e-12)[0]) < 0.5


@often
@given(st.integers(0, 300), st.floats(1, 100), st.integers(0, 120), st.integers(1, 200))
def test_pressure(epoch, initial, warmup, epochs):
    if epoch < warmup:
        epoch = warmup
    expected = slow.pressure(epoch, initial, warmup, epochs)
    assert fast.pressure_at(epoch, initial, warmup, epochs) == pytest.approx(expected, rel=1e-12)
    assert 1 <= expected <= initial * (1 + 1e-12)


def chi_square(observed, expected):
    """The chance of counts as odd as these, rare cells put together."""
    observed, expected = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    rare = expected < 5
    if rare.any():
        observed = np.append(observed[~rare], observed[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
        if expected[-1] < 5:
            assert observed[-1] <= 5 + 6 * math.sqrt(expected[-1] + 1)
            observed, expected = observed[:-1], expected[:-1]
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(stats.chi2.sf(statistic, max(1, len(observed) - 1)))


LAWS = {
    "uneven": [0.4, 0.3, 0.15, 0.1, 0.04, 0.01],
    "with zeros": [0.0, 0.5, 0.0, 0.3, 0.15, 0.05, 0.0],
    "one heavy": [1 - 5e-4, 1e-4, 1e-4, 1e-4, 2e-4],
    "twelve orders": [1.0, 1e-3, 1e-6, 1e-9, 2e-9, 1e-12],
    "equal": [0.2] * 5,
    "not normalised": [4.0, 2.0, 1.0, 1.0],
}
HEAVY = ("one heavy", "twelve orders")


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("law", [law for law in LAWS if law not in HEAVY])
def test_order_of_draws(law, size):
    """Over 20,000 blocks, every order of draws as often as successive sampling has it."""
    probabilities = np.array(LAWS[law]) / sum(LAWS[law])
    blocks = fast.draw_blocks(float64(LAWS[law]), size, 20_000, generator(1))
    assert blocks.shape == (20_000, size)
    assert blocks.dtype == torch.int64
    exact = slow.order_law(probabilities.tolist(), size)
    assert sum(exact.values()) == pytest.approx(1)
    counts = Counter(map(tuple, blocks.tolist()))
    assert set(counts) <= set(exact)
    observed, expected = [counts[order] for order in exact], [20_000 * chance for chance in exact.values()]
    assert chi_square(observed, expected) > SURE


@pytest.mark.parametrize("law", ["uneven", "with zeros"])
def test_inclusion_like_numpy(law):
    """The chance to be in a block, as by `Generator.choice`; both against enumeration."""
    probabilities = np.array(LAWS[law]) / sum(LAWS[law])
    exact = slow.inclusion(probabilities.tolist(), 3)
    blocks = fast.draw_blocks(float64(probabilities), 3, 40_000, generator(2)).numpy()
    random = np.random.default_rng(3)
    n = len(probabilities)
    theirs = np.array([random.choice(n, 3, replace=False, p=probabilities) for _ in range(10_000)])
    for drawn in (blocks, theirs):
        share = np.bincount(drawn.ravel(), minlength=n) / len(drawn)
        spread = np.sqrt(exact * (1 - exact) / len(drawn)) + 1e-4
        assert (np.abs(share - exact) <= 5 * spread).all()
    positive = exact > 0
    table = np.stack([np.bincount(blocks[:10_000].ravel(), minlength=n), np.bincount(theirs.ravel(), minlength=n)])
    assert stats.chi2_contingency(table[:, positive])[1] > SURE


class CountsKeys:
    """Lets the fallback work as it is, and counts how often it does."""

    def __init__(self, monkeypatch):
        self.calls = 0
        original = fast._completed_by_keys

        def counted(*args):
            self.calls += 1
            return original(*args)

        monkeypatch.setattr(fast, "_completed_by_keys", counted)


@pytest.mark.parametrize("law", HEAVY)
def test_the_keys_are_used_and_have_the_law(law, monkeypatch):
    """Mass on one sample: rounds of draws with replacement cannot fill the block, exponential keys do."""
    keys = CountsKeys(monkeypatch)
    probabilities = (np.array(LAWS[law]) / sum(LAWS[law])).tolist()
    blocks = fast.draw_blocks(float64(probabilities), 4, 12_000, generator(5))
    assert keys.calls > 6_000
    exact = slow.order_law(probabilities, 4)
    counts = Counter(map(tuple, blocks.tolist()))
    assert set(counts) <= set(exact)
    assert chi_square([counts[o] for o in exact], [12_000 * chance for chance in exact.values()]) > SURE


def test_even_probabilities_need_no_keys(monkeypatch):
    keys = CountsKeys(monkeypatch)
    fast.draw_blocks(fast.uniform(361), 128, 50, generator(0))
    fast.draw_blocks(fast.probabilities_by_range(torch.arange(361.0), 64.0), 128, 50, generator(0))
    assert keys.calls == 0


def test_keys_alone_have_the_law_of_the_order():
    """After a given start, as if the rounds had brought nothing more."""
    probabilities = float64(LAWS["uneven"])
    have = torch.tensor([1])
    g = generator(6)
    drawn = [tuple(fast._completed_by_keys(have, probabilities, 4, g).tolist()) for _ in range(10_000)]
    assert {block[0] for block in drawn} == {1}
    rest = [p if i != 1 else 0.0 for i, p in enumerate(LAWS["uneven"])]
    exact = slow.order_law([p / sum(rest) for p in rest], 3)
    counts = Counter(block[1:] for block in drawn)
    assert chi_square([counts[o] for o in exact], [10_000 * chance for chance in exact.values()]) > SURE


@often
@given(st.integers(0, 2**31 - 1), st.integers(1, 12), st.integers(1, 5))
def test_any_block(seed, n, num_blocks):
    """Any probabilities, up to 12 orders of magnitude and zeros: full blocks without repeats, zeros never drawn."""
    random = np.random.default_rng(seed)
    weights = 10.0 ** random.uniform(-12, 0, n) * (random.random(n) < 0.8)
    weights[random.integers(n)] = 1.0
    positive = int((weights > 0).sum())
    probabilities = float64((weights / weights.sum()).tolist())
    for size in {1, positive}:
        blocks = fast.draw_blocks(probabilities, size, num_blocks, generator(seed))
        assert blocks.shape == (num_blocks, size)
        for block in blocks.tolist():
            assert len(set(block)) == size
            assert (weights[block] > 0).all()
        assert torch.equal(blocks, fast.draw_blocks(probabilities, size, num_blocks, generator(seed)))
    with pytest.raises(ValueError, match=f"there are {positive}"):
        fast.draw_blocks(probabilities, positive + 1, num_blocks, generator(seed))


@pytest.mark.parametrize(("chance", "sample"), [(0.0, 1), (0.5, 2), (1 - 2**-53, 2)])
def test_no_chance_at_all_falls_on_a_zero(chance, sample, monkeypatch):
    """The edges of the unit interval and of a sample's share of it, which real draws hit once in 2**53."""
    monkeypatch.setattr(fast.torch, "rand", lambda *shape, dtype, **_: torch.full(shape, chance, dtype=dtype))
    assert fast.draw_blocks(float64([0.0, 0.5, 0.5, 0.0]), 1, 3, generator(0)).tolist() == [[sample]] * 3


def test_blocks_are_drawn_independently():
    """What is in one block says nothing about the next."""
    blocks = fast.draw_blocks(float64(LAWS["uneven"]), 2, 20_000, generator(9))
    first, second = blocks[::2, 0].numpy(), blocks[1::2, 0].numpy()
    table = np.zeros((4, 4))
    for a, b in zip(first, second, strict=True):
        table[min(a, 3), min(b, 3)] += 1
    assert stats.chi2_contingency(table)[1] > SURE


@often
@given(st.integers(0, 2**31 - 1), st.integers(1, 30))
def test_inclusion_formula(seed, n):
    random = np.random.default_rng(seed)
    weights = random.random(n) ** 4 * (random.random(n) < 0.9)
    weights[0] = 1
    probabilities = (weights / weights.sum()).tolist()
    for size in {1, (n + 1) // 2, n}:
        actual = fast.inclusion_probabilities(float64(probabilities), size)
        np.testing.assert_allclose(actual, slow.approximate_inclusion(probabilities, size), rtol=1e-9, atol=1e-15)
        assert float(actual.sum()) == pytest.approx(min(size, (weights > 0).sum()))


@pytest.fixture(scope="module", params=[8.0, 64.0])
def race(request):
    """At (N, B) = (361, 128): probabilities, their exact inclusion, and drawn blocks."""
    P = fast.probabilities_by_range(torch.arange(361, dtype=torch.float64), request.param)
    some = range(0, 361, 20)
    exact = CubicSpline(some, slow.inclusion_by_clocks(P.tolist(), 128, some))(np.arange(361))
    return P, exact, fast.draw_blocks(P, 128, 6000, generator(4))


def test_clocks_agree_with_enumeration():
    for law in ("uneven", "equal"):
        p = LAWS[law]
        by_clocks = slow.inclusion_by_clocks(p, 3, range(len(p)))
        np.testing.assert_allclose(by_clocks, slow.inclusion(p, 3), atol=1e-6)


def test_inclusion_of_large_blocks(race):
    """The exact chances sum to B, the drawn blocks have them, and the formula is near them."""
    P, exact, blocks = race
    assert exact.sum() == pytest.approx(128, abs=2e-3)
    share = np.bincount(blocks.flatten().numpy(), minlength=361) / len(blocks)
    z = (share - exact) / np.sqrt(exact * (1 - exact) / len(blocks))
    assert np.abs(z).max() < 5
    assert 0.8 < (z**2).mean() < 1.25
    np.testing.assert_allclose(fast.inclusion_probabilities(P, 128), exact, rtol=0.005)


LOSSES = {
    "rising with P": lambda share: share + 0.1,
    "falling with P": lambda share: 1.1 - share,
    "waves": lambda share: (20 * share).sin() + 2,
    "few": lambda share: (share > 0.9).double() + 0.01,
}


@pytest.mark.parametrize("loss", LOSSES)
def test_importance_weights_are_unbiased(race, loss):
    """The expected weighted mean over a block is the mean over all, to 0.1 %; `1 / (N P)` is off by per cents."""
    P, exact, blocks = race
    n, size = 361, 128
    loss_N = LOSSES[loss](torch.linspace(0, 1, n, dtype=torch.float64))
    loss_N /= loss_N.mean()
    weight_N = size / (n * fast.inclusion_probabilities(P, size))
    assert float((torch.from_numpy(exact) * weight_N * loss_N).sum() / size) == pytest.approx(1, abs=1e-3)
    drawn = (weight_N * loss_N)[blocks].mean(1)
    error = float(drawn.std()) / math.sqrt(len(blocks))
    assert abs(float(drawn.mean()) - 1) <= 1e-3 + 4 * error
    assert error < 3e-3
    if loss != "waves":
        naive = float((torch.from_numpy(exact) / (n * P) * loss_N).sum() / size)
        assert abs(naive - 1) > 0.01


@often
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9), st.integers(0, 1000))
def test_shuffled_passes(n, size, num_batches, seed):
    size = min(size, n)
    flat = fast.shuffled_passes(n, size, num_batches, generator(seed)).tolist()
    assert len(flat) % n == 0
    assert len(flat) > (num_batches - 1) * size
    for start in range(0, len(flat), n):
        assert sorted(flat[start : start + n]) == list(range(n))
    for b in range(num_batches):
        block = flat[b * size : (b + 1) * size]
        assert len(set(block)) == len(block)
        assert len(block) == size or b == num_batches - 1


def test_shuffled_passes_are_uniform():
    orders = Counter(tuple(fast.shuffled_passes(3, 2, 1, generator(seed)).tolist()) for seed in range(6000))
    assert chi_square([orders[o] for o in itertools.permutations(range(3))], [1000] * 6) > SURE


@often
@given(st.integers(2, 12), st.integers(1, 12), st.integers(0, 100))
def test_topped_up(n, size, seed):
    size = min(size, n)
    length = math.ceil(n / size) * size
    flat = torch.randperm(n, generator=generator(seed))
    filled = fast.topped_up(flat, length, size, n, generator(seed + 1))
    assert len(filled) == length
    assert torch.equal(filled[:n], flat)
    assert len(set(filled[length - size :].tolist())) == size
