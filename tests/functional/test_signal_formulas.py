"""Signals, label weights and trackers against their loop-written twins."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchsift.functional import signals as fast
from batchsift.trackers import LatestValue, PredictionWindow, RecentSteps, RunningMoments, distinct_rows, write_rows
from reference import signals as slow

EPS = 2.0**-52
often = settings(deadline=None, max_examples=40, derandomize=True)
shapes = st.tuples(st.integers(1, 9), st.integers(1, 5))
seeds = st.integers(0, 2**31 - 1)
probability = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-300, 1e-16, 1 - 1e-16, 0.2, 0.4]), st.floats(0, 1))


def matrix_of(formula, *matrices):
    """A scalar formula on every cell."""
    return np.vectorize(formula, otypes=[float])(*matrices)


def some_probabilities(seed, shape):
    """Random cells, some of them 0, 1 or 1/2."""
    random = np.random.default_rng(seed)
    values = random.random(shape)
    special = random.random(shape) < 0.3
    return np.where(special, random.choice([0.0, 0.5, 1.0], shape), values)


@often
@given(st.lists(probability, min_size=1, max_size=20))
def test_elementwise_formulas(values):
    p = torch.tensor(values, dtype=torch.float64)
    np.testing.assert_array_equal(fast.clamp_probabilities(p), [slow.clamped(v, EPS) for v in values], strict=True)
    np.testing.assert_allclose(fast.entropy(p), [slow.entropy(v, EPS) for v in values], rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(fast.entropy(p, 0.0), [slow.entropy(v, 0.0) for v in values], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(fast.entropy(p, 0.1), [slow.entropy(v, 0.1) for v in values], rtol=1e-12)
    for present in (True, False):
        expected = [slow.cross_entropy(v, present, EPS) for v in values]
        actual = fast.binary_cross_entropy(p, torch.full(p.shape, present))
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-18)
    assert fast.entropy(p).max() <= 1
    assert fast.entropy(p).min() >= 0


@often
@given(probability, probability, probability, st.floats(0, 1))
def test_combinations(first, second, third, weight):
    a, b = (torch.tensor(value, dtype=torch.float64) for value in (first, second))
    assert float(fast.uncertainty(a, b, weight)) == pytest.approx(slow.uncertainty(first, second, weight), abs=1e-15)
    step = float(fast.flip_ema(a, b, weight))
    assert step == pytest.approx(weight * second + (1 - weight) * first, abs=1e-15)
    loss = third * 20
    for released in (False, True):
        hard = fast.hardness(torch.tensor(loss, dtype=torch.float64), a, released=released)
        assert float(hard) == pytest.approx(slow.hardness(loss, first, released), abs=1e-14)


def test_hardness_is_the_distance_to_the_label():
    p = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    flips = torch.linspace(0, 1, 99, dtype=torch.float64)
    for present in (True, False):
        y = torch.full(p.shape, present)
        loss = fast.binary_cross_entropy(p, y)
        np.testing.assert_allclose(fast.hardness(loss, torch.zeros(())), (float(present) - p).abs(), rtol=1e-12)
        for released in (False, True):
            expected = [slow.hardness(one, f, released) for one, f in zip(loss.tolist(), flips.tolist(), strict=True)]
            actual = fast.hardness_of_probabilities(p, y, flips, released=released)
            np.testing.assert_allclose(actual, expected, rtol=1e-12)
    sure = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert fast.hardness_of_probabilities(sure, sure == 1, torch.zeros(2)).tolist() == [0, 0]


@often
@given(seeds, st.integers(1, 30), st.integers(1, 4), st.booleans(), st.sampled_from([0.0, 1e6]))
def test_moments_of_parts(seed, n, q, some_unknown, offset):
    """Cut anywhere, the parts together have the moments of the whole, also far from zero."""
    random = np.random.default_rng(seed)
    signal = torch.from_numpy(some_probabilities(seed, (n, q)) + offset)
    known = torch.from_numpy(random.random((n, q)) < (0.6 if some_unknown else 2)) if some_unknown else None
    cuts = [0, *sorted(random.integers(0, n + 1, 3).tolist()), n]
    parts = [
        fast.ColumnMoments.of(signal[a:b], None if known is None else known[a:b])
        for a, b in itertools.pairwise(cuts)
        if b > a
    ]
    together, whole = fast.ColumnMoments.together(parts), fast.ColumnMoments.of(signal, known)
    np.testing.assert_allclose(together.mean_L, whole.mean_L, rtol=1e-12)
    np.testing.assert_allclose(together.squares_L, whole.squares_L, rtol=1e-9, atol=1e-9 if offset else 1e-14)
    assert torch.equal(together.count_L, whole.count_L)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@often
@given(seeds, st.integers(1, 9), st.integers(1, 6), st.integers(0, 9), st.booleans())
def test_rows_are_written(dtype, seed, n, q, rows, some_invalid):
    random = np.random.default_rng(seed)
    target = torch.from_numpy(random.random((n, q))).to(dtype)
    at = torch.from_numpy(random.permutation(n)[:rows])
    values = torch.from_numpy(random.random((len(at), q)))
    valid = torch.from_numpy(random.random(len(at)) < 0.5) if some_invalid else None
    expected = target.clone()
    for b, row in enumerate(at.tolist()):
        if valid is None or valid[b]:
            expected[row] = values[b].to(dtype)
    write_rows(target, at, values, valid)
    assert torch.equal(target, expected)


@often
@given(seeds, shapes, st.booleans())
@example(0, (1, 1), False)
@example(3, (4, 1), True)
def test_label_weights(seed, shape, some_unknown):
    random = np.random.default_rng(seed)
    signal = some_probabilities(seed, shape)
    signal[:, random.integers(shape[1])] = random.random()  # a constant column
    known = random.random(shape) < (0.6 if some_unknown else 2)
    actual = fast.label_weights(torch.from_numpy(signal), torch.from_numpy(known) if some_unknown else None)
    np.testing.assert_allclose(actual, slow.label_weights(signal, known), rtol=1e-12)
    assert actual.dtype == torch.float64
    assert fast.label_weights(torch.from_numpy(signal).float()).dtype == torch.float64


@often
@given(seeds, shapes, st.integers(1, 6), st.integers(0, 12))
def test_window_and_moments(seed, shape, window, calls):
    """Samples are observed unevenly, some never, some twice in one call; values repeat."""
    random = np.random.default_rng(seed)
    n, q = shape
    labels = torch.zeros(shape, dtype=torch.bool)
    tracker = PredictionWindow(labels, window, torch.float64)
    steps = RecentSteps(labels, window, torch.float64)
    moments = RunningMoments(labels, torch.float64)
    latest = LatestValue(labels, 0.25, torch.float64)
    histories = [[[] for _ in range(q)] for _ in range(n)]
    for _ in range(calls):
        ids = torch.from_numpy(random.integers(0, max(1, n - 1), random.integers(0, 7)))
        values = torch.from_numpy(some_probabilities(random.integers(2**31), (len(ids), q)))
        for rows in distinct_rows(ids):
            change = steps.update(ids[rows], values[rows])
            for row, step in zip(rows.tolist(), change, strict=True):
                history = histories[int(ids[row])]
                for j in range(q):
                    expected = abs(float(values[row, j]) - history[j][-1]) if history[j] else 0.0
                    assert float(step[j]) == expected
                    history[j].append(float(values[row, j]))
            tracker.update(ids[rows], values[rows])
            moments.update(ids[rows], values[rows])
            latest.update(ids[rows], values[rows])

    def cells(formula):
        return np.array([[formula(histories[i][j]) for j in range(q)] for i in range(n)])

    close = {"rtol": 1e-9, "atol": 1e-15}
    np.testing.assert_array_equal(steps.latest_NL, cells(lambda h: h[-1] if h else 0.5))
    np.testing.assert_array_equal(latest.value_NL, cells(lambda h: h[-1] if h else 0.25))
    np.testing.assert_array_equal(tracker.count_N, [len(h[0]) for h in histories])
    np.testing.assert_array_equal(tracker.size_N, [min(len(h[0]), window) for h in histories])
    fluctuation = cells(lambda h: slow.fluctuation(h, window))
    np.testing.assert_allclose(steps.fluctuation(torch.float64), fluctuation, **close)
    some = slice(n // 2, n)
    for whole, part in (
        (steps.fluctuation(torch.float64), steps.fluctuation(torch.float64, some)),
        (tracker.share_above(0.5, torch.float64), tracker.share_above(0.5, torch.float64, some)),
        (tracker.variance(torch.float64), tracker.variance(torch.float64, some)),
        (moments.variance(torch.float64), moments.variance(torch.float64, some)),
    ):
        torch.testing.assert_close(whole[some], part, rtol=1e-12, atol=1e-15)
    share = cells(lambda h: sum(p > 0.5 for p in h[-window:]) / max(1, len(h[-window:])))
    np.testing.assert_allclose(tracker.share_above(0.5, torch.float64), share, rtol=1e-6)
    decision = fast.entropy(tracker.share_above(0.5, torch.float64), 0.0)
    np.testing.assert_allclose(decision, cells(lambda h: slow.decision_entropy(h, window)), rtol=1e-6, atol=1e-9)
    in_window = cells(lambda h: slow.sample_variance(h[-window:]))
    np.testing.assert_allclose(tracker.variance(torch.float64), in_window, **close)
    np.testing.assert_allclose(moments.variance(torch.float64), cells(slow.sample_variance), **close)
    np.testing.assert_allclose(
        fast.prediction_deviation(moments.variance(torch.float64), moments.size_N),
        cells(slow.prediction_deviation),
        rtol=1e-9,
        atol=1e-15,
    )


@often
@given(seeds, st.lists(probability, min_size=1, max_size=12), st.floats(0, 1))
def test_flip_average_over_a_history(seed, history, decay):
    f = torch.zeros((), dtype=torch.float64)
    for t, p in enumerate(history):
        change = torch.tensor(abs(p - history[t - 1]) if t else 0.0, dtype=torch.float64)
        f = fast.flip_ema(f, change, decay)
    assert float(f) == pytest.approx(slow.flip_ema(history, decay), abs=1e-12)


@often
@given(st.lists(st.integers(0, 4), max_size=12))
def test_distinct_rows(ids):
    """Pieces without a repeat that keep every sample's own order and leave nothing out."""
    pieces = [piece.tolist() for piece in distinct_rows(torch.tensor(ids, dtype=torch.int64))]
    assert sorted(row for piece in pieces for row in piece) == list(range(len(ids)))
    for piece in pieces:
        assert len({ids[row] for row in piece}) == len(piece)
    for sample in set(ids):
        order = [row for piece in pieces for row in piece if ids[row] == sample]
        assert order == sorted(order)


def test_tracker_states_are_copies_and_refuse_others():
    tracker = PredictionWindow(torch.zeros(3, 2, dtype=torch.bool), 2, torch.float32)
    before = tracker.state_dict()
    tracker.update(torch.tensor([1]), torch.tensor([[0.9, 0.1]]))
    assert float(before["ring_TNL"].max()) == 0.5
    after = tracker.state_dict()
    tracker.load_state_dict(before)
    assert int(tracker.count_N.sum()) == 0
    tracker.load_state_dict(after)
    assert float(tracker.ring_TNL[0, 1, 0]) == pytest.approx(0.9)
    with pytest.raises(ValueError, match="ring_TNL"):
        PredictionWindow(torch.zeros(3, 2, dtype=torch.bool), 3, torch.float32).load_state_dict(before)
    with pytest.raises(ValueError, match="float64"):
        PredictionWindow(torch.zeros(3, 2, dtype=torch.bool), 2, torch.float64).load_state_dict(before)


def test_deviation_of_equal_predictions_is_nothing():
    """Predictions that never change have no variance; a rounding error would become a rank among such samples."""
    probs = torch.rand(200, 1, generator=torch.Generator().manual_seed(0))
    window = PredictionWindow(torch.zeros(200, 1, dtype=torch.bool), 5, torch.float32)
    moments = RunningMoments(torch.zeros(200, 1, dtype=torch.bool), torch.float32)
    for _ in range(7):
        window.update(torch.arange(200), probs)
        moments.update(torch.arange(200), probs)
    assert float(moments.variance(torch.float32).max()) == 0
    assert math.sqrt(float(window.variance(torch.float32).max())) == 0
