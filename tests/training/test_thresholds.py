"""From probabilities to labels: calibration on the validation part, and the thresholds a word means."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from batchsift.metrics import choose_thresholds
from batchsift.training.calibration import Calibration, check_calibratable
from batchsift.training.fit import fit
from batchsift.training.folder import load_model
from batchsift.training.prepare import hold_out_validation
from batchsift.training.settings import Settings
from batchsift.training.tensor_files import load_tensors, save_tensors
from batchsift.training.thresholds import check_thresholds
from linear_data import made

QUICK = Settings(epochs=6, batch_size=16, learning_rate=1e-2, validation_share=0.4)


def overconfident(num_samples=4000, seed=0):
    """Logits that are three times too large, and one label too rare for them."""
    rng = np.random.default_rng(seed)
    true_NL = rng.normal(size=(num_samples, 2)) - [0, 1]
    targets_NL = (rng.random(true_NL.shape) < expit(true_NL)).astype(float)
    return expit(3 * true_NL + [0, 1]), targets_NL, expit(true_NL)


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_calibration_finds_the_probabilities_that_labels_were_drawn_with(kind):
    probs_NL, targets_NL, true_NL = overconfident()
    calibrated_NL = Calibration.fit(kind, probs_NL, targets_NL).apply(probs_NL)
    assert np.abs(probs_NL - true_NL).mean() > 0.1
    assert np.abs(calibrated_NL - true_NL).mean() < 0.03
    for label in range(2):  # no sample passes another
        assert (np.diff(calibrated_NL[np.argsort(probs_NL[:, label]), label]) >= 0).all()


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_calibration_is_that_of_scikit_learn(kind):
    probs_NL, targets_NL, _ = overconfident(500)
    ours_N = Calibration.fit(kind, probs_NL, targets_NL).apply(probs_NL)[:, 0]
    logits_N1, targets_N = logit(probs_NL[:, :1]), targets_NL[:, 0]
    model = LogisticRegression().fit(logits_N1, targets_N)
    model.coef_, model.intercept_ = np.ones((1, 1)), np.zeros(1)  # its decision function is the logit
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method=kind).fit(logits_N1, targets_N)
    np.testing.assert_allclose(ours_N, theirs.predict_proba(logits_N1)[:, 1], atol=2e-3)


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_a_calibrated_model_keeps_its_curves_and_thresholds(tmp_path, kind):
    data = made(400)
    plain = fit(data, tmp_path / "plain", method="random", settings=QUICK).model
    model = fit(data, tmp_path / "run", method="random", settings=QUICK, calibrate=kind).model
    _, held_out = hold_out_validation(data, QUICK.validation_share, 0)
    probs_NL, targets_NL = plain.predict_proba(data.features[held_out]), data.labels[held_out]
    expected_NL = Calibration.fit(kind, probs_NL, targets_NL).apply(probs_NL)
    np.testing.assert_allclose(model.predict_proba(data.features[held_out]), expected_NL, atol=1e-6)
    np.testing.assert_allclose(model.thresholds_L, choose_thresholds(expected_NL, targets_NL), atol=1e-6)
    assert not np.allclose(model.thresholds_L, plain.thresholds_L)
    loaded = load_model(tmp_path / "run")
    np.testing.assert_array_equal(loaded.predict_proba(data.features), model.predict_proba(data.features))
    content = load_tensors(tmp_path / "run" / "model.pt")  # nothing but tensors, numbers and words
    assert (content["version"], content["calibration"]["kind"]) == (2, kind)
    assert load_tensors(tmp_path / "plain" / "model.pt")["version"] == 1
    assert loaded.summary["config"]["calibrate"] == kind


def test_too_few_of_a_class_to_calibrate_by(tmp_path):
    targets_NL = np.zeros((60, 3))
    targets_NL[:9, 0], targets_NL[:51, 1], targets_NL[:30, 2] = 1, 1, 1
    few = re.escape("too few have few (9 with it, 51 without), most (51 with it, 9 without): give")
    with pytest.raises(ValueError, match=few):
        check_calibratable("sigmoid", targets_NL, ["few", "most", "half"])
    check_calibratable("isotonic", targets_NL[:, 2:], ["half"])
    with pytest.raises(ValueError, match=r"30 samples with .* or calibrate by 'sigmoid', or do not calibrate"):
        check_calibratable("isotonic", targets_NL[1:, 2:], ["half"])
    with pytest.raises(ValueError, match=r"'sigmoid' needs 10 samples .* too few have x \(\d with it"):
        fit(made(60), tmp_path, settings=replace(QUICK, validation_share=0.2), calibrate="sigmoid")
    with pytest.raises(ValueError, match="there is no calibration 'isotone': did you mean 'isotonic'"):
        fit(made(60), tmp_path, settings=QUICK, calibrate="isotone")
    assert list(tmp_path.iterdir()) == []


def test_labels_by_thresholds(tmp_path):
    data = made(400)
    model = fit(data, tmp_path, method="random", settings=QUICK, calibrate="sigmoid").model
    probs_NL = model.predict_proba(data)
    np.testing.assert_array_equal(model.predict(data), probs_NL > model.thresholds_L)
    np.testing.assert_array_equal(model.predict(data, thresholds=0.5), probs_NL > 0.5)
    np.testing.assert_array_equal(model.predict(data, thresholds="cost", cost_ratio=3), probs_NL > 0.25)
    assert model.predict(data).dtype == np.uint8
    # A missed label that costs nine false alarms: fewer are missed, and the sum of costs is smaller.
    cost = [
        9 * (data.labels > predicted).sum() + (predicted > data.labels).sum()
        for predicted in (model.predict(data, thresholds=0.5), model.predict(data, thresholds="cost", cost_ratio=9))
    ]
    assert cost[1] < cost[0]


def test_costs_are_weighed_by_calibrated_probabilities(tmp_path):
    model = fit(made(), tmp_path, method="random", settings=replace(QUICK, epochs=1)).model
    with pytest.warns(UserWarning, match="are right for calibrated probabilities") as caught:
        model.thresholds("cost", cost_ratio=3)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.thresholds(0.3)


@pytest.mark.parametrize(
    ("rule", "cost_ratio", "message"),
    [
        ("f2", None, r"unknown thresholds 'f2': There are f1, cost, and numbers in \[0, 1\)"),
        ("1", None, r"a threshold must be in \[0, 1\), got 1"),
        ("nan", None, r"a threshold must be in \[0, 1\), got nan"),
        ("cost", None, "thresholds came without a cost ratio"),
        ("f1", 3.0, "'f1' came with the cost ratio 3"),
        ("cost", 0.0, "a cost ratio must be above 0 and finite, got 0"),
    ],
)
def test_mistakes(rule, cost_ratio, message):
    with pytest.raises(ValueError, match=message):
        check_thresholds(rule, cost_ratio)


def test_a_model_without_thresholds_says_so(tmp_path):
    fit(made(), tmp_path, method="random", settings=replace(QUICK, epochs=1))
    content = load_tensors(tmp_path / "model.pt")
    del content["thresholds"]
    save_tensors(tmp_path / "old.pt", content)
    old = load_model(tmp_path / "old.pt")
    with pytest.raises(ValueError, match="saved by a version that chose no thresholds: give a number"):
        old.predict(made())
    assert old.predict(made(), thresholds=0.5).shape == (120, 3)


def test_what_lies_beside_a_model(tmp_path):
    result = fit(made(), tmp_path / "run", method="d2ace", settings=QUICK)
    model = load_model(tmp_path / "run")
    assert model.folder == result.model.folder == tmp_path / "run"
    assert model.summary["best_epoch"] == result.best_epoch
    assert set(model.suspects["label"]) <= set("xyz")
    (tmp_path / "run" / "model.pt").rename(tmp_path / "moved.pt")
    moved = load_model(tmp_path / "moved.pt")
    for name in ("summary", "suspects"):
        with pytest.raises(FileNotFoundError, match=r"beside the model: it is a file by itself"):
            getattr(moved, name)


def test_an_unfinished_run_has_no_model_yet(tmp_path):
    def kill(record):
        if record.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(made(), tmp_path / "run", settings=QUICK, checkpoint_seconds=0, on_epoch=kill)
    with pytest.raises(ValueError, match=r"the training in .*run is not finished \(3 of 6 epochs\): train again with"):
        load_model(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere/model\.pt"):
        load_model(tmp_path / "nowhere")
