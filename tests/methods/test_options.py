"""Options: what is refused, and how points of a schedule are understood."""

import math

import numpy as np
import pytest
import torch

import batchsift as bs
from batchsift.functional.schedule import resolve
from batchsift.methods import Mixture

REFUSED = [
    (bs.Hard, {"pressure": 0.5}),
    (bs.Hard, {"pressure": math.inf}),
    (bs.Hard, {"pressure": math.nan}),
    (bs.Hard, {"refresh": "batch"}),
    (bs.Hard, {"warmup": -1}),
    (bs.Hard, {"warmup": 1.5}),
    (bs.Hard, {"warmup": -0.1}),
    (bs.Hard, {"storage": torch.int64}),
    (bs.HardImbalanced, {"num_neighbors": 0}),
    (bs.HardImbalanced, {"refresh": "never"}),
    (bs.ActiveBias, {"window": 0}),
    (bs.ActiveBias, {"window": 1}),  # a variance needs two; every sample would score 0 for ever
    (bs.RecencyBias, {"window": 0}),
    (bs.Uncertainty, {"window": 0}),
    (bs.Uncertainty, {"bins": 0}),
    (bs.Uncertainty, {"fluctuation_weight": 1.1}),
    (bs.Uncertainty, {"fluctuation_weight": math.nan}),
    (bs.Uncertainty, {"correlation": "pearson"}),
    (bs.D2ACE, {"num_neighbors": 0}),
    (bs.D2ACE, {"window": 0}),
    (bs.D2ACE, {"fluctuation_weight": -0.1}),
    (bs.D2ACE, {"flip_decay": 1.1}),
    (bs.D2ACE, {"hardness": "code"}),
    (bs.D2ACE, {"mixture": 1.1}),
    (bs.D2ACE, {"mixture": math.nan}),
    (bs.BalancedPass, {"share": 1.1}),
    (bs.BalancedPass, {"share": math.nan}),
    (bs.BalancedPass, {"power": -0.5}),
    (bs.BalancedPass, {"power": math.inf}),
    (Mixture, {"start": 1.1}),
    (Mixture, {"end": -0.1}),
]


@pytest.mark.parametrize(("method", "options"), REFUSED, ids=str)
def test_values_out_of_range_are_named(method, options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        method(**options)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (bs.Hard, {"warmup": "10"}),
        (bs.Hard, {"warmup": True}),
        (bs.Uncertainty, {"window": 2.5}),
        (bs.Uncertainty, {"window": True}),
        (bs.D2ACE, {"num_neighbors": 6.0}),
    ],
    ids=str,
)
def test_values_of_another_type(method, options):
    (name,) = options
    with pytest.raises(TypeError, match=name):
        method(**options)


@pytest.mark.parametrize("method", [bs.Random, bs.Stratified, bs.LabelBalanced, bs.BalancedPass])
@pytest.mark.parametrize("option", ["warmup", "pressure", "storage"])
def test_plain_methods_have_no_such_option(method, option):
    with pytest.raises(TypeError, match=option):
        method(**{option: 1})


def test_options_are_keywords():
    for method in (bs.Hard, bs.D2ACE, bs.Mixture, bs.Uncertainty, bs.BalancedPass):
        with pytest.raises(TypeError):
            method(0.5)


def test_defaults_are_the_papers():
    d2ace = bs.D2ACE()
    assert (d2ace.warmup, d2ace.pressure, d2ace.window, d2ace.num_neighbors) == (0.1, 8, 5, 6)
    assert (d2ace.fluctuation_weight, d2ace.flip_decay, d2ace.hardness) == (0.5, 0.7, "paper")
    assert d2ace.mixture == bs.Mixture(start=0.7, end=0.3, start_epoch=0.1, end_epoch=0.7)
    assert d2ace.label_weights is d2ace.correlation is True
    hard = bs.HardImbalanced()
    assert (hard.warmup, hard.pressure, hard.num_neighbors, hard.refresh) == (0.03, 2, 5, "epoch")
    assert bs.Hard().storage == torch.float32
    assert bs.ActiveBias().window is None
    assert bs.RecencyBias().window == 5
    uncertainty = bs.Uncertainty()
    assert (uncertainty.bins, uncertainty.correlation, uncertainty.binned) == (5, "mutual_information", False)


class TestSchedule:
    @pytest.mark.parametrize(
        ("point", "epochs", "expected"),
        [
            (0.1, 25, 3),
            (0.07, 100, 7),
            (0.1, 100, 10),
            (0.7, 100, 70),
            (0.03, 100, 3),
            (0.03, 10, 1),
            (0.29, 100, 29),
            (0.0, 100, 0),
            (1.0, 100, 100),
            (0, 100, 0),
            (1, 100, 1),
            (10, 5, 10),
            (7, None, 7),
        ],
    )
    def test_points(self, point, epochs, expected):
        assert resolve(point, epochs, "warmup") == expected
        assert isinstance(resolve(point, epochs, "warmup"), int)

    def test_every_hundredth_of_a_hundred(self):
        assert [resolve(k / 100, 100, "warmup") for k in range(101)] == list(range(101))

    def test_a_share_of_an_unknown_length(self):
        with pytest.raises(ValueError, match="warmup"):
            resolve(0.1, None, "warmup")
        with pytest.raises(ValueError, match="warmup"):
            bs.Selector(np.eye(4), method=bs.Hard(), batch_size=2)
        with pytest.raises(ValueError, match="epochs"):
            bs.Selector(np.eye(4), method=bs.RecencyBias(warmup=1), batch_size=2)
        with pytest.raises(ValueError, match="epochs"):
            bs.Selector(np.eye(4), method=bs.D2ACE(correlation=False, warmup=1, mixture=0.5), batch_size=2)

    def test_constant_pressure_needs_no_length(self):
        selector = bs.Selector(np.eye(4), method=bs.Hard(warmup=2), batch_size=2)
        uniform = []
        for _ in range(5):
            uniform.append(float(selector.probabilities.max()) == 0.25)
            selector.observe(range(4), torch.arange(16.0).reshape(4, 4), in_plan=False)
            selector.end_epoch()
        assert uniform == [True, True, False, False, False]
        for name in ("random", "stratified", "label_balanced"):
            bs.Selector(np.eye(4), method=name, batch_size=2).end_epoch()

    @pytest.mark.parametrize(("epochs", "warmup"), [(100, 10), (25, 3), (11, 2)])
    def test_the_warm_up_of_a_method(self, epochs, warmup):
        method = bs.Uncertainty()
        selector = bs.Selector(np.eye(4), method=method, batch_size=2, epochs=epochs)
        selector.observe(range(4), torch.arange(16.0).reshape(4, 4), in_plan=False)
        spread = [float(method.probabilities(e).max() / method.probabilities(e).min()) for e in range(epochs + 2)]
        assert [s > 1 + 1e-9 for s in spread] == [warmup <= e < epochs for e in range(epochs + 2)]
        assert spread[warmup] == pytest.approx(8 ** (3 / 4))  # levels 1 and 4 of 4
        assert spread[epochs - 1] == pytest.approx(8 ** (3 / 4 / (epochs - warmup)))


class TestMixture:
    def test_the_papers(self):
        values = {0: 0.7, 10: 0.7, 25: 0.6, 40: 0.5, 55: 0.4, 70: 0.3, 71: 0.3, 500: 0.3}
        assert {epoch: round(Mixture().at(epoch, 100), 12) for epoch in values} == values

    def test_epochs_and_shares(self):
        mixture = Mixture(start=1.0, end=0.0, start_epoch=2, end_epoch=0.5)
        assert [round(mixture.at(epoch, 12), 12) for epoch in (1, 2, 3, 4, 5, 6, 7)] == [1, 1, 0.75, 0.5, 0.25, 0, 0]
        rising = Mixture(start=0.2, end=0.8, start_epoch=0, end_epoch=2)
        assert [round(rising.at(epoch, None), 12) for epoch in range(4)] == [0.2, 0.5, 0.8, 0.8]

    def test_a_step(self):
        mixture = Mixture(start_epoch=5, end_epoch=5)
        assert (mixture.at(4, 10), mixture.at(6, 10)) == (0.7, 0.3)

    def test_it_cannot_end_before_it_starts(self):
        with pytest.raises(ValueError, match="before"):
            Mixture(start_epoch=9, end_epoch=5).at(0, 10)
        method = bs.D2ACE(correlation=False, mixture=Mixture(start_epoch=9, end_epoch=5))
        with pytest.raises(ValueError, match="before"):
            bs.Selector(np.eye(4), method=method, batch_size=2, epochs=10)

    def test_a_share_needs_the_length(self):
        with pytest.raises(ValueError, match="epochs"):
            Mixture().at(0, None)
