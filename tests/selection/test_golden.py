"""The project's reference numbers: small training histories, and what the published definitions give on them.

The files of `golden/` always; those beside the folder named by BATCHSIFT_DATA where there is one. Half precision:
`LOOSER` holds what the signals may be off, somewhat above the worst that was measured.
"""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import batchsift as bs
from batchsift.functional.correlation import local_context, positive_cosine
from batchsift.functional.imbalance import imbalance_ratio, minority_labels
from batchsift.functional.neighbors import nearest_neighbors
from batchsift.functional.signals import label_weights
from reference.closeness import assert_same_probabilities
from reference.correlation import local_imbalance_weights
from reference.twin import TWINS

HERE = Path(__file__).parents[1] / "golden"
BESIDE = Path(os.environ["BATCHSIFT_DATA"]).parent / "golden" if "BATCHSIFT_DATA" in os.environ else HERE
FILES = {path.stem: path for folder in (BESIDE, HERE) for path in sorted(folder.glob("golden_*.npz"))}
CLOSE = {torch.float32: {"rtol": 1e-4, "atol": 1e-6}, torch.float64: {"rtol": 1e-6, "atol": 1e-9}}
LOOSER = {
    torch.float16: {"uncertainty": 0.006, "flip_ema": 0.001, "hardness": 0.0015, "deviation": 0.001, "loss": 0.001},
    torch.bfloat16: {"uncertainty": 0.04, "flip_ema": 0.005, "hardness": 0.01, "deviation": 0.003, "loss": 0.004},
}
METHODS = {
    "d2ace": bs.D2ACE,
    "d2ace_released": lambda **options: bs.D2ACE(hardness="released", **options),
    "uncertainty_released": lambda **options: bs.Uncertainty(correlation="none", binned=True, **options),
    "active_bias": lambda **options: bs.ActiveBias(window=5, **options),
    "recency_bias": bs.RecencyBias,
    **{f"hard_se{s}": lambda s=s, **options: bs.Hard(pressure=float(s), **options) for s in (2, 16, 64)},
    **{f"hard_imb_se{s}": lambda s=s, **options: bs.HardImbalanced(pressure=float(s), **options) for s in (2, 16, 64)},
}
by_file = pytest.mark.parametrize("name", FILES)
by_storage = pytest.mark.parametrize("storage", CLOSE, ids=str)


@cache
def golden(name):
    """One file's arrays."""
    with np.load(FILES[name]) as arrays:
        return dict(arrays)


@cache
def observed(name, method, storage):
    """A selector that has seen the whole history."""
    data = golden(name)
    selector = bs.Selector(
        data["y"], method=METHODS[method](storage=storage), features=data["X"], batch_size=16, epochs=100, seed=0
    )
    for epoch in range(int(data["epochs"])):
        ids, probs = data[f"ids_{epoch}"], torch.from_numpy(data[f"probs_{epoch}"])
        selector.observe(ids, probs, probabilities=True, in_plan=False)
    return selector


def agree(actual, expected, storage):
    """Equal as far as the storage promises, not-a-number included."""
    np.testing.assert_allclose(np.asarray(actual, dtype=np.float64), expected, equal_nan=True, **CLOSE[storage])


def test_the_projects_own_files_are_there():
    assert {"golden_small", "golden_imbalanced"} <= set(FILES)


@by_file
@by_storage
@pytest.mark.parametrize(
    ("method", "signal", "key"),
    [
        ("d2ace", "uncertainty", "uncertainty"),
        ("d2ace", "flip_ema", "flip_ema"),
        ("d2ace", "loss", "loss"),
        ("d2ace", "hardness", "hardness_paper"),
        ("d2ace_released", "hardness", "hardness_released"),
        ("uncertainty_released", "uncertainty", "uncertainty"),
        ("hard_se2", "loss", "loss"),
        ("hard_imb_se2", "loss", "loss"),
        ("active_bias", "prediction_deviation", "active_bias_window"),
        ("recency_bias", "decision_entropy", "recency_bias_window"),
    ],
)
def test_signals(name, storage, method, signal, key):
    agree(observed(name, method, storage).signals()[signal], golden(name)[key], storage)


@by_file
@by_storage
@pytest.mark.parametrize("method", ["active_bias", "recency_bias"])
def test_windows(name, storage, method):
    predictions = observed(name, method, storage).method.predictions
    ring_TNL, count_N = predictions.ring_TNL, predictions.count_N
    expected = golden(name)["window_nan_padded"]
    assert set(count_N.tolist()) & set(range(5)), "every golden history has samples with a window that is not full"
    for count in set(count_N.tolist()):
        rows, size = (count_N == count).nonzero()[:, 0], min(count, 5)
        newest_slots = [t % 5 for t in range(count - size, count)]
        filled = ~np.isnan(expected[rows.numpy()][:, :, 0])
        assert (filled.sum(1) == size).all()
        oldest_first = ring_TNL[newest_slots][:, rows].transpose(0, 1)
        agree(oldest_first.reshape(-1, ring_TNL.shape[2]), expected[rows.numpy()][filled], storage)


@by_file
@by_storage
@pytest.mark.parametrize("method", ["d2ace", "uncertainty_released"])
def test_steps(name, storage, method):
    """The latest prediction, and the steps between those in the window, the newest first."""
    predictions = observed(name, method, storage).method.predictions
    windows = golden(name)["window_nan_padded"]
    for i, window in enumerate(windows):
        seen = window[~np.isnan(window[:, 0])]
        agree(predictions.latest_NL[i], seen[-1] if len(seen) else np.full(seen.shape[1], 0.5), storage)
        newest = int(predictions.count_N[i]) - 2
        slots = [(newest - age) % 4 for age in range(len(seen) - 1)]
        np.testing.assert_allclose(predictions.steps_SNL[slots, i], np.abs(np.diff(seen, axis=0))[::-1], atol=2e-7)
        unused = sorted({0, 1, 2, 3} - set(slots))
        assert not predictions.steps_SNL[unused, i].any()


@by_file
def test_neighbors(name):
    """As sets: each sample's own six, and with itself all seven; equal distances may be broken either way."""
    data = golden(name)
    X = data["X"].astype(np.float64)
    found = nearest_neighbors(data["X"], 6).numpy()
    for i, expected in enumerate(data["neighbours_with_self"]):
        assert i in expected
        others = np.setdiff1d(expected, [i])
        assert i not in found[i]
        np.testing.assert_allclose(
            np.sort(np.linalg.norm(X[found[i]] - X[i], axis=1)),
            np.sort(np.linalg.norm(X[others] - X[i], axis=1)),
            rtol=1e-6,
        )
        if len(np.unique(np.linalg.norm(X - X[i], axis=1))) == len(X):
            assert set(found[i]) == set(others)


@by_file
@by_storage
@pytest.mark.parametrize(("method", "variant"), [("d2ace", "paper"), ("d2ace_released", "released")])
def test_d2ace_steps(name, storage, method, variant):
    data = golden(name)
    selector = observed(name, method, storage)
    signals, scores = selector.signals(), selector.scores
    positive = torch.from_numpy(data["y"]).bool()
    context = local_context(positive, nearest_neighbors(data["X"], 6))
    agree(context, data[f"d2ace_{variant}_Z"], storage)
    for signal, letter, weight in (("uncertainty", "u", "e"), ("hardness", "h", "h")):
        m = signals[signal].double()
        v = label_weights(m)
        C = positive_cosine(m, positive)
        S = context.double() @ C.T
        agree(v, data[f"d2ace_{variant}_v_{weight}"], storage)
        agree(C, data[f"d2ace_{variant}_C_{letter}"], storage)
        agree((v * m).sum(1), data[f"d2ace_{variant}_S1_{letter}"], storage)
        agree((v * m * positive * S).sum(1), data[f"d2ace_{variant}_S2_{letter}"], storage)
        agree(scores[signal], data[f"d2ace_{variant}_score_{letter}"], storage)


@by_file
@by_storage
@pytest.mark.parametrize("epoch", [10, 40, 70, 99])
def test_d2ace_probabilities(name, storage, epoch):
    data = golden(name)
    method = observed(name, "d2ace", storage).method
    assert method.beta(epoch) == pytest.approx(float(data[f"d2ace_beta_{epoch}"]), abs=1e-12)
    pressure = 8 ** ((100 - epoch) / 90)
    assert_same_probabilities(method.probabilities(epoch), data[f"d2ace_paper_prob_{epoch}"], pressure)


@by_file
@by_storage
def test_released_uncertainty_score(name, storage):
    data = golden(name)
    score = observed(name, "uncertainty_released", storage).scores["uncertainty"].numpy()
    published = data["released_uncertain_weight_epoch5"]
    factor = data["y"].shape[1]
    if storage == torch.float64:
        np.testing.assert_allclose(score * factor, published, rtol=1e-6)
    else:  # a value on the edge of a bin may fall into the next one, which is a fifth aside
        steps = np.abs(score * factor - published) / (factor / 5)
        assert (steps < 1e-4).mean() >= 0.98
        assert steps.max() <= 1 + 1e-4


@by_file
@by_storage
@pytest.mark.parametrize("s", [2, 16, 64])
def test_hard_probabilities(name, storage, s):
    data = golden(name)
    for method in (f"hard_se{s}", f"hard_imb_se{s}"):
        probabilities = observed(name, method, storage).method.probabilities(50)
        assert_same_probabilities(probabilities, data[method.replace("_se", "_prob_se")], s)


@by_file
@by_storage
def test_local_imbalance(name, storage):
    data = golden(name)
    positive = torch.from_numpy(data["y"]).bool()
    ratios = imbalance_ratio(positive)
    agree(ratios, data["irlbl"], storage)
    assert float(ratios.nanmean()) == pytest.approx(float(data["mean_ir"]), rel=1e-9)
    assert minority_labels(positive).nonzero()[:, 0].tolist() == data["minority_labels"].tolist()
    agree(observed(name, "hard_imb_se2", storage).method.weight_N, data["hard_imb_weight"], storage)


@by_file
@pytest.mark.parametrize("storage", LOOSER, ids=str)
def test_half_precision_is_off_by_no_more_than_this(name, storage):
    """In units of the signal's own range: all but the loss are in [0, 1], and that is taken relative to 1 + loss."""
    data = golden(name)
    signals = observed(name, "d2ace", storage).signals()
    deviation = observed(name, "active_bias", storage).signals()["prediction_deviation"]
    loss = observed(name, "hard_se2", storage).signals()["loss"]
    worst = {
        "uncertainty": np.abs(signals["uncertainty"].double().numpy() - data["uncertainty"]).max(),
        "flip_ema": np.abs(signals["flip_ema"].double().numpy() - data["flip_ema"]).max(),
        "hardness": np.abs(signals["hardness"].double().numpy() - data["hardness_paper"]).max(),
        "deviation": np.abs(deviation.double().numpy() - data["active_bias_window"]).max(),
        "loss": (np.abs(loss.double().numpy() - data["loss"]) / (1 + data["loss"])).max(),
    }
    for signal, limit in LOOSER[storage].items():
        assert limit / 100 < worst[signal] <= limit, (signal, worst[signal])
    decisions = observed(name, "recency_bias", storage).signals()["decision_entropy"].double().numpy()
    shifted = np.abs(decisions - data["recency_bias_window"]) > 1e-6
    assert shifted.mean() <= 0.01  # a prediction just above one half is stored as one half


@by_file
@pytest.mark.parametrize("storage", LOOSER, ids=str)
def test_half_precision_selects_nearly_alike(name, storage):
    """Total variation: the share of draws that would be of other samples."""
    expected = golden(name)["d2ace_paper_prob_40"]
    actual = observed(name, "d2ace", storage).method.probabilities(40).numpy()
    assert np.abs(actual - expected).sum() / 2 <= (0.001 if storage == torch.float16 else 0.005)


def of_history(name, twin, **options):
    """A loop-written twin that has seen the whole history."""
    data = golden(name)
    twin = TWINS[twin](data["y"], 100, data["X"], **options)
    for epoch in range(int(data["epochs"])):
        probs = np.clip(data[f"probs_{epoch}"], np.float32(2**-23), np.float32(1 - 2**-23)).astype(np.float64)
        twin.observe(data[f"ids_{epoch}"], np.log(probs / (1 - probs)))
    return twin


class TestTwins:
    """The loop-written twins, which all else is compared with, give the same numbers."""

    @pytest.mark.parametrize(
        ("name", "variant"), [("golden_small", "paper"), ("golden_small", "released"), ("golden_imbalanced", "paper")]
    )
    def test_d2ace(self, name, variant):
        data = golden(name)
        twin = of_history(name, "d2ace", hardness=variant)
        signals = twin.signals()
        keys = {"uncertainty": "uncertainty", "hardness": f"hardness_{variant}", "flip_ema": "flip_ema", "loss": "loss"}
        for signal, key in keys.items():
            agree(signals[signal], data[key], torch.float64)
        for signal, letter in (("uncertainty", "u"), ("hardness", "h")):
            plain, correlated = twin.terms(signals[signal])
            agree(plain, data[f"d2ace_{variant}_S1_{letter}"], torch.float64)
            agree(correlated, data[f"d2ace_{variant}_S2_{letter}"], torch.float64)
        if variant == "paper" and name == "golden_small":
            for epoch in (10, 40, 70, 99):
                expected = data[f"d2ace_paper_prob_{epoch}"]
                assert_same_probabilities(twin.probabilities(epoch), expected, 8 ** ((100 - epoch) / 90))

    @pytest.mark.parametrize("name", ["golden_small", "golden_imbalanced"])
    def test_the_other_methods(self, name):
        data = golden(name)
        deviation = of_history(name, "active_bias", window=5).signals()["prediction_deviation"]
        agree(deviation, data["active_bias_window"], torch.float64)
        agree(
            of_history(name, "recency_bias").signals()["decision_entropy"], data["recency_bias_window"], torch.float64
        )
        released = of_history(name, "uncertainty", correlation="none", binned=True)
        factor = data["y"].shape[1]
        agree(released.scores()["uncertainty"] * factor, data["released_uncertain_weight_epoch5"], torch.float64)
        hard = of_history(name, "hard_imbalanced")
        omega = local_imbalance_weights(hard.positive, hard.neighbors, hard.known)
        agree(omega, data["hard_imb_weight"], torch.float64)
        for s in (2, 16, 64):
            hard.options["pressure"] = s
            assert_same_probabilities(hard.probabilities(50), data[f"hard_imb_prob_se{s}"], s)
