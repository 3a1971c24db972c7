"""Every method, with its options, against the loop-written twin that computes everything anew from the history."""

import math
import random as python_random

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import batchsift as bs
from batchsift import methods
from reference.closeness import assert_same_probabilities
from reference.sampling import by_range, pressure
from reference.twin import TWINS

EPOCHS = 20
ASKED = (0, 1, 2, 5, 13, 14, 19, 20, 23)
often = settings(deadline=None, max_examples=8, derandomize=True)
shapes = st.sampled_from([(1, 1), (1, 3), (2, 1), (2, 2), (5, 1), (9, 4), (13, 3), (17, 2)])

SCORED = [name for name in methods.names() if isinstance(methods.create(name), methods.ScoredMethod)]
VARIANTS = [
    ("random", {}),
    ("stratified", {}),
    ("balanced_pass", {}),
    ("balanced_pass", {"share": 1.0, "power": 1.0}),
    ("balanced_pass", {"share": 0.3, "power": 2, "anneal": False}),
    ("label_balanced", {}),
    ("hard", {}),
    ("hard", {"pressure": 64.0, "warmup": 0}),
    ("hard_imbalanced", {}),
    ("hard_imbalanced", {"pressure": 16.0, "num_neighbors": 3}),
    ("active_bias", {}),
    ("active_bias", {"window": 3, "pressure": 4.0}),
    ("recency_bias", {}),
    ("recency_bias", {"window": 4, "warmup": 0.25}),
    ("uncertainty", {}),
    ("uncertainty", {"correlation": "none"}),
    ("uncertainty", {"correlation": "none", "binned": True, "bins": 3}),
    ("uncertainty", {"binned": True}),
    ("uncertainty", {"window": 2, "fluctuation_weight": 0.3, "bins": 7, "warmup": 2}),
    ("uncertainty", {"window": 1, "fluctuation_weight": 0.0}),
    ("d2ace", {}),
    ("d2ace", {"hardness": "released"}),
    ("d2ace", {"label_weights": False}),
    ("d2ace", {"correlation": False}),
    ("d2ace", {"mixture": 1.0}),
    ("d2ace", {"mixture": 0.0}),
    ("d2ace", {"flip_decay": 0.0}),
    ("d2ace", {"flip_decay": 1.0, "fluctuation_weight": 1.0}),
    ("d2ace", {"label_weights": False, "correlation": False, "mixture": 0.25}),
    ("d2ace", {"window": 3, "num_neighbors": 2, "mixture": (0.9, 0.2, 3, 0.5), "pressure": 30.0}),
]


def made_up(seed, shape, unknown, steps=9):
    """Labels, features, and a history: uneven, sometimes a sample twice in one call; the last sample is never seen."""
    random = np.random.default_rng(seed)
    n, q = shape
    labels = (random.random(shape) < random.random(q)).astype(np.float64)
    labels[random.random(shape) < unknown] = np.nan
    features = random.normal(size=(n, 4))
    history = []
    for _ in range(random.integers(steps + 1)):
        ids = random.integers(0, max(1, n - 1), random.integers(0, 2 * n))
        history.append((ids, random.normal(size=(len(ids), q)) * random.choice([0.1, 1.0, 5.0])))
    return labels, features, history


def both(name, options, labels, features, history, storage=torch.float64):
    """The method inside a selector, and its twin; both have seen the history."""
    given_options = dict(options)
    if isinstance(given_options.get("mixture"), tuple):
        start, end, first, last = given_options["mixture"]
        given_options["mixture"] = bs.Mixture(start=start, end=end, start_epoch=first, end_epoch=last)
    if name in SCORED:
        given_options["storage"] = storage
    method = methods.create(name, **given_options)
    selector = bs.Selector(labels, method=method, features=features, batch_size=4, epochs=EPOCHS, seed=1)
    twin = TWINS[name](labels, EPOCHS, features, **options)
    for ids, logits in history:
        selector.observe(ids, torch.from_numpy(logits), in_plan=False)
        twin.observe(ids, logits)
    return selector, twin


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
@often
@given(st.integers(0, 2**31 - 1), shapes, st.sampled_from([0.0, 0.0, 0.3, 1.0]))
@example(0, (9, 4), 0.0)
@example(1, (13, 3), 0.3)
def test_twin(name, options, seed, shape, unknown):
    selector, twin = both(name, options, *made_up(seed, shape, unknown))
    expected = twin.signals()
    assert selector.signals().keys() == expected.keys()
    for signal, value in selector.signals().items():
        np.testing.assert_allclose(value, expected[signal], rtol=1e-9, atol=1e-12, err_msg=signal)
    expected = twin.scores()
    assert selector.scores.keys() == expected.keys()
    for score, value in selector.scores.items():
        np.testing.assert_allclose(value, expected[score], rtol=1e-9, atol=1e-12)
    for epoch in ASKED:
        actual, probabilities = selector.method.probabilities(epoch), twin.probabilities(epoch)
        if name == "recency_bias":  # its few values fall on the edges of levels
            s = pressure(epoch, 8.0, twin.warmup, EPOCHS) if epoch >= twin.warmup else 1.0
            assert_same_probabilities(actual, probabilities, s, share=0, tolerance=1e-9)
        else:
            np.testing.assert_allclose(actual, probabilities, rtol=1e-8, err_msg=f"epoch {epoch}")


@pytest.mark.parametrize("name", SCORED)
def test_twin_in_single_precision(name):
    for seed in range(4):
        labels, features, history = made_up(seed, (30, 4), 0.1)
        selector, twin = both(name, {}, labels, features, history, torch.float32)
        twin.precision, twin.eps = "float32", 2.0**-23
        expected = twin.signals()
        for signal, value in selector.signals().items():
            np.testing.assert_allclose(value, expected[signal], rtol=1e-4, atol=1e-6, err_msg=signal)
        for score, value in twin.scores().items():
            np.testing.assert_allclose(selector.scores[score], value, rtol=1e-4)


def plain_d2ace(**options):
    """A D2ACE with some parts off, after a history, and what it shows."""
    labels, features, history = made_up(python_random.Random(0).randrange(1000), (17, 3), 0.0)
    random = np.random.default_rng(5)
    history += [(np.arange(17), random.normal(size=(17, 3))) for _ in range(4)]
    selector, twin = both("d2ace", options, labels, features, history)
    return selector, {name: value.numpy() for name, value in selector.signals().items()}, twin


class TestPartsSwitchedOff:
    """By hand: what is left of the equations without a part."""

    def test_without_label_weights_and_correlation_the_score_is_the_sum(self):
        selector, signals, _ = plain_d2ace(label_weights=False, correlation=False)
        for name in ("uncertainty", "hardness"):
            np.testing.assert_allclose(selector.scores[name], signals[name].sum(1), rtol=1e-12)

    def test_without_correlation_the_score_is_the_weighted_sum(self):
        selector, signals, _ = plain_d2ace(correlation=False)
        for name in ("uncertainty", "hardness"):
            m = signals[name]
            v = np.exp(m.mean(0) / 2 + m.std(0) / 2)
            np.testing.assert_allclose(selector.scores[name], m @ v, rtol=1e-12)

    def test_without_label_weights_the_correlated_sum(self):
        selector, signals, twin = plain_d2ace(label_weights=False)
        full = plain_d2ace()[0].scores
        for name in ("uncertainty", "hardness"):
            plain, correlated = twin.terms(signals[name])
            np.testing.assert_allclose(plain, signals[name].sum(1), rtol=1e-12)
            np.testing.assert_allclose(selector.scores[name], plain + correlated, rtol=1e-12)
            assert (correlated > 0).any()
            assert not np.allclose(selector.scores[name], full[name])

    @pytest.mark.parametrize(("mixture", "family"), [(1.0, "uncertainty"), (0.0, "hardness"), (1, "uncertainty")])
    def test_one_family_alone(self, mixture, family):
        selector, _, _ = plain_d2ace(mixture=mixture)
        for epoch in (2, 9, 19):
            s = 8 ** ((20 - epoch) / 18)
            expected = by_range(selector.scores[family].tolist(), s, 1e-12)
            np.testing.assert_allclose(selector.method.probabilities(epoch), expected, rtol=1e-12)

    def test_without_flips_hardness_is_the_distance_to_the_label(self):
        _, signals, twin = plain_d2ace(flip_decay=0.0)
        assert (signals["flip_ema"] == 0).all()
        latest = np.array([[cell[-1] if cell else 0.5 for cell in row] for row in twin.probs])
        np.testing.assert_allclose(signals["hardness"], np.abs(twin.positive - latest), rtol=1e-9)

    def test_all_off_is_the_plain_uncertainty_method(self):
        selector, _, twin = plain_d2ace(label_weights=False, correlation=False, mixture=1.0)
        other = bs.Selector(
            twin.positive.astype(int),
            method=bs.Uncertainty(correlation="none", storage=torch.float64),
            batch_size=4,
            epochs=EPOCHS,
        )
        for i, row in enumerate(twin.logits):
            for t in range(len(row[0])):
                other.observe([i], torch.tensor([[cell[t] for cell in row]], dtype=torch.float64), in_plan=False)
        torch.testing.assert_close(other.scores["uncertainty"], selector.scores["uncertainty"], rtol=1e-12, atol=0)
        for epoch in (3, 11):
            torch.testing.assert_close(other.method.probabilities(epoch), selector.method.probabilities(epoch))

    def test_features_are_needed_for_the_correlation_only(self):
        labels = np.eye(4)
        bs.Selector(labels, method=bs.D2ACE(correlation=False), batch_size=2, epochs=20)
        bs.Selector(labels, method=bs.D2ACE(neighbors=[[1], [0], [3], [2]]), batch_size=2, epochs=20)
        with pytest.raises(ValueError, match="features"):
            bs.Selector(labels, method=bs.D2ACE(), batch_size=2, epochs=20)


def test_mirrored_decisions_are_equally_inconsistent():
    """A share of 1/3 and one of 2/3 have the same entropy: nothing to select by, in any storage."""
    for storage in (torch.float32, torch.float64):
        for window in (3, 5, 6, 7, 9):
            for times in range(1, window):
                method = bs.RecencyBias(window=window, storage=storage, warmup=0)
                selector = bs.Selector(np.zeros((8, 1)), method=method, batch_size=4, epochs=10)
                for t in range(window):
                    one, other = (2.0, -2.0) if t < times else (-2.0, 2.0)
                    selector.observe(range(8), torch.tensor([[one], [other]] * 4), in_plan=False)
                p = selector.method.probabilities(1)
                assert float(p.max() - p.min()) < 1e-12, (storage, window, times)


@pytest.mark.parametrize("storage", [torch.float32, torch.float64])
def test_equal_sums_of_bins_are_equal(storage):
    """Centres .1 and .7 are as much as .3 and .5: nothing to select by, in any storage."""
    method = bs.Uncertainty(correlation="none", binned=True, fluctuation_weight=0.0, warmup=0, storage=storage)
    selector = bs.Selector(np.zeros((8, 2)), method=method, batch_size=4, epochs=10)
    in_bins_0_3_and_1_2 = torch.tensor([[0.01, 0.2], [0.05, 0.1]] * 4)  # entropies .08 and .72, .29 and .47
    selector.observe(range(8), in_bins_0_3_and_1_2, probabilities=True, in_plan=False)
    torch.testing.assert_close(selector.scores["uncertainty"], torch.full((8,), 0.8, dtype=torch.float64))
    p = selector.method.probabilities(1)
    assert float(p.max() - p.min()) < 1e-12


@pytest.mark.parametrize("storage", [torch.float32, torch.float64])
@pytest.mark.parametrize("window", [None, 2, 5, 7])
def test_predictions_that_never_change_do_not_vary(storage, window):
    """A frozen model: every deviation is 0, so nothing to select by; rounding must not rank the samples."""
    method = bs.ActiveBias(window=window, storage=storage, warmup=0)
    selector = bs.Selector(np.zeros((50, 2)), method=method, batch_size=4, epochs=10)
    logits = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    for _ in range(8):
        selector.observe(range(50), logits, in_plan=False)
    p = selector.method.probabilities(1)
    assert float(p.max() - p.min()) < 1e-12


def test_loss_does_not_saturate():
    """Hard takes it from the logit: 40 nats where a single-precision probability would say 1."""
    selector = bs.Selector([[0, 1]], method="hard", batch_size=1, epochs=10)
    selector.observe([0], torch.tensor([[40.0, -50.0]]))
    assert selector.signals()["loss"].tolist() == [[40.0, 50.0]]
    assert math.isclose(float(selector.scores["loss"]), 90)
