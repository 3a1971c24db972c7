"""A training run for use: what it leaves, and that a killed one goes on exactly."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from batchsift.data import MultiLabelData
from batchsift.methods import names as method_names
from batchsift.metrics import TUNED, choose_thresholds, evaluate
from batchsift.selection.selector import Selector
from batchsift.training import loop
from batchsift.training.fit import fit
from batchsift.training.model import TrainedModel
from batchsift.training.prepare import hold_out_validation
from batchsift.training.settings import BEFORE, Settings
from batchsift.training.tensor_files import load_tensors, save_tensors

QUICK = Settings(epochs=6, batch_size=16, learning_rate=1e-2, validation_share=0.2)


def made(num_samples=120, seed=0, unknown=0, sparse=False):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_samples, 5))
    if sparse:
        features[rng.random(features.shape) < 0.5] = 0
    labels = (features[:, :3] + 0.3 * rng.normal(size=(num_samples, 3)) > 0).astype(float)
    labels[:unknown, 1] = np.nan
    matrix = csr_array(features) if sparse else features
    return MultiLabelData(matrix, labels, tuple("abcde"), ("x", "y", "z"), "made")


class KilledError(Exception):
    pass


def killed_after(epochs):
    def on_epoch(record):
        if record.epoch + 1 == epochs:
            raise KilledError

    return on_epoch


def test_what_it_leaves(tmp_path):
    data, seen = made(), []
    result = fit(
        data, tmp_path / "run", model="mlp", method="d2ace", settings=QUICK, test=made(60, seed=1), on_epoch=seen.append
    )
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["epochs.csv", "model.pt", "selector.pt", "suspects.csv", "training.json"]
    assert tuple(seen) == result.epochs
    assert [record.epoch for record in seen] == list(range(6))
    scores = [record.validation["macro_auc"] for record in result.epochs]
    assert result.best_epoch == int(np.argmax(scores))
    assert result.validation == result.epochs[result.best_epoch].validation
    assert result.test["macro_auc"] > 0.8
    summary = json.loads((tmp_path / "run" / "training.json").read_text())
    assert summary["test"] == result.test
    assert summary["config"]["method"] == "d2ace"
    with (tmp_path / "run" / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["validation_macro_auc"]) for row in rows] == scores
    with (tmp_path / "run" / "suspects.csv").open() as file:
        suspects = list(csv.DictReader(file))
    assert list(suspects[0]) == ["sample", "label", "given", "probability", "rank", "score"]
    assert len(suspects) == 20
    scores = [float(row["score"]) for row in suspects]
    assert scores == sorted(scores, reverse=True)
    for row in suspects:
        assert int(row["given"]) == data.labels[int(row["sample"]), "xyz".index(row["label"])]
        assert 0 < float(row["probability"]) < 1


@pytest.mark.parametrize("method", method_names())
def test_every_method_leaves_suspects(tmp_path, method):
    data = made()
    wrong = data.labels.copy()
    wrong[5, 1] = 1 - wrong[5, 1]
    settings = replace(QUICK, epochs=12, validation_share=0.1)
    fit(replace(data, labels=wrong), tmp_path, settings=settings, method=method)
    with (tmp_path / "suspects.csv").open() as file:
        assert ("5", "y") in {(row["sample"], row["label"]) for row in csv.DictReader(file)}


def test_a_label_is_constant_where_all_its_known_cells_are(tmp_path):
    labels = made().labels.astype(float)
    labels[:, 2] = 1
    labels[:30, 2] = np.nan
    data = MultiLabelData(made().features, labels, tuple("abcde"), ("x", "y", "z"), "made")
    with pytest.warns(UserWarning, match="^1 of 3 labels that every training sample has: z. They cannot be learned"):
        fit(data, tmp_path, settings=replace(QUICK, epochs=1), method="random")


def test_the_kept_model_is_that_of_the_best_epoch(tmp_path):
    data, test = made(), made(60, seed=1)
    result = fit(data, tmp_path, settings=QUICK, test=test)
    loaded = TrainedModel.load(tmp_path / "model.pt")
    probs = loaded.predict_proba(test.features)
    assert probs.dtype == np.float32
    np.testing.assert_array_equal(probs, result.model.predict_proba(test.features))
    assert evaluate(probs, test.labels, result.model.thresholds_L) == result.test


def test_the_kept_selector_goes_on(tmp_path):
    data = made()
    fit(data, tmp_path, settings=QUICK)
    rows = json.loads((tmp_path / "training.json").read_text())["num_train"]
    state = torch.load(tmp_path / "selector.pt", weights_only=True)
    assert state["epoch"] == QUICK.epochs
    assert len(state["counts"]) == rows
    with pytest.raises(ValueError, match="labels="):  # it knows its labels
        Selector(
            torch.zeros(rows, 3), method="d2ace", features=torch.rand(rows, 2), batch_size=16, epochs=6
        ).load_state_dict(state)


@pytest.mark.parametrize(("model", "method"), [("mlp", "d2ace"), ("mpvae", "uncertainty"), ("dela", "active_bias")])
@pytest.mark.parametrize("epochs", [1, 3, 6])
def test_a_killed_run_goes_on_exactly(tmp_path, model, method, epochs):
    data = made()
    options = {"model": model, "method": method, "settings": QUICK, "checkpoint_seconds": 0}
    whole = fit(data, tmp_path / "whole", **options)
    with pytest.raises(KilledError):  # the epoch's checkpoint was not written yet
        fit(data, tmp_path / "killed", **options, on_epoch=killed_after(epochs))
    torch.manual_seed(99)
    went_on = fit(data, tmp_path / "killed", **options)
    assert went_on.resumed_from == epochs - 1
    assert went_on.epochs == whole.epochs
    assert went_on.best_epoch == whole.best_epoch
    for name, value in whole.model.network.state_dict().items():
        assert torch.equal(value, went_on.model.network.state_dict()[name]), name
    assert (tmp_path / "whole" / "suspects.csv").read_text() == (tmp_path / "killed" / "suspects.csv").read_text()
    assert (tmp_path / "whole" / "epochs.csv").read_text() == (tmp_path / "killed" / "epochs.csv").read_text()
    assert not (tmp_path / "killed" / "checkpoint.pt").exists()


def test_a_finished_run_is_not_computed_again(tmp_path, monkeypatch):
    data = made()
    first = fit(data, tmp_path, settings=QUICK)
    monkeypatch.setattr(loop, "train_epoch", lambda *_: pytest.fail("nothing may be computed"))
    again = fit(data, tmp_path, settings=QUICK)
    assert (again.epochs, again.best_epoch, again.resumed_from) == (first.epochs, first.best_epoch, 6)


@pytest.mark.parametrize("finished", [True, False])
def test_another_run_in_the_folder_is_not_overwritten(tmp_path, finished):
    data = made()
    if finished:
        fit(data, tmp_path, settings=QUICK)
    else:
        with pytest.raises(KilledError):
            fit(data, tmp_path, settings=QUICK, checkpoint_seconds=0, on_epoch=killed_after(2))
    with pytest.raises(ValueError, match=r"holds another run: seed 0, now 1\. Choose"):
        fit(data, tmp_path, settings=QUICK, seed=1)
    with pytest.raises(ValueError, match=r"holds another run: content of the data [0-9a-f]+, now [0-9a-f]+"):
        fit(made(seed=3), tmp_path, settings=QUICK)


def test_what_differs_from_the_run_in_the_folder_is_said_key_by_key(tmp_path):
    fit(made(), tmp_path, settings=QUICK, hyperparameters={"hidden": [8]}, method_options={"window": 3})
    other = {"settings": replace(QUICK, epochs=2), "hyperparameters": {"dropout": 0.1}, "calibrate": "sigmoid"}
    differences = (
        "hyperparameters.dropout not given, now 0.1; epochs 6, now 2; calibrate not given, now sigmoid; "
        "hyperparameters.hidden [8], now not given; method_options.window 3, now not given"
    )
    with pytest.raises(ValueError, match=re.escape(f"holds another run: {differences}. Choose another folder")):
        fit(made(), tmp_path, **other)


def test_the_callers_generator_is_left_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    fit(made(), tmp_path, settings=QUICK)
    TrainedModel.load(tmp_path / "model.pt")
    assert torch.equal(torch.rand(3), expected)


def test_samples_with_unknown_labels_are_trained_on_not_validated_by(tmp_path):
    result = fit(made(unknown=40), tmp_path, settings=QUICK)
    summary = json.loads((tmp_path / "training.json").read_text())
    assert (summary["num_train"], summary["num_validation"]) == (104, 16)
    assert all(np.isfinite(record.loss) for record in result.epochs)
    with pytest.raises(ValueError, match="0 samples have all their labels known"):
        fit(made(unknown=120), tmp_path / "none", settings=QUICK)


def test_sparse_features(tmp_path):
    settings = replace(QUICK, center_sparse=True)
    sparse = fit(made(sparse=True), tmp_path / "sparse", settings=settings, test=made(40, 1, sparse=True))
    dense = made(sparse=True)
    dense = MultiLabelData(dense.features.toarray(), dense.labels, dense.feature_names, dense.label_names, "made")
    result = fit(dense, tmp_path / "dense", settings=settings)
    np.testing.assert_allclose([r.loss for r in sparse.epochs], [r.loss for r in result.epochs], rtol=1e-5)


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_saved_model_scales_as_it_was_trained(tmp_path, scaling, sparse):
    data = made(sparse=sparse)
    model = fit(data, tmp_path, method="random", settings=replace(QUICK, epochs=1, scaling=scaling)).model
    loaded = TrainedModel.load(tmp_path / "model.pt")
    np.testing.assert_array_equal(loaded.predict_proba(data.features), model.predict_proba(data.features))
    scale_D, offset_D = loaded.preprocessing.scale_D, loaded.preprocessing.offset_D
    assert (scale_D == 1).all() == (scaling == "none")
    assert offset_D.any() == (scaling == "minmax" or (scaling == "standard" and not sparse))


OLD = replace(QUICK, scaling="minmax", drawing="independent")


def as_older_versions_wrote(training):
    """Settings without the fields that were not there."""
    return {name: value for name, value in training.items() if name not in BEFORE}


def test_an_older_folder_is_the_run_of_what_its_settings_meant(tmp_path):
    fit(made(), tmp_path, settings=OLD)
    summary = json.loads((tmp_path / "training.json").read_text())
    summary["config"]["training"] = as_older_versions_wrote(summary["config"]["training"])
    (tmp_path / "training.json").write_text(json.dumps(summary))
    assert fit(made(), tmp_path, settings=OLD).resumed_from == QUICK.epochs
    for other, words in {
        QUICK: "scaling minmax, now standard; drawing independent, now systematic",
        replace(OLD, loss="focal"): "loss bce, now focal",
    }.items():
        with pytest.raises(ValueError, match=f"holds another run: {words}. Choose"):
            fit(made(), tmp_path, settings=other)


def test_an_older_checkpoint_is_gone_on_from(tmp_path):
    whole = fit(made(), tmp_path / "whole", settings=OLD)
    with pytest.raises(KilledError):
        fit(made(), tmp_path / "killed", settings=OLD, checkpoint_seconds=0, on_epoch=killed_after(4))
    saved = load_tensors(tmp_path / "killed" / "checkpoint.pt")
    identity = json.loads(saved["config"])
    identity["training"] = as_older_versions_wrote(identity["training"])
    save_tensors(tmp_path / "killed" / "checkpoint.pt", {**saved, "config": json.dumps(identity)})
    with pytest.raises(ValueError, match="holds another run: scaling minmax, now standard"):
        fit(made(), tmp_path / "killed", settings=QUICK)
    result = fit(made(), tmp_path / "killed", settings=OLD)
    assert result.resumed_from == 3
    assert result.epochs == whole.epochs


def test_losses_and_scalings_that_a_model_does_not_take(tmp_path):
    with pytest.raises(ValueError, match=r"mpvae has no cross-entropy .* 'focal' .* take one of clif, dela, mlp, paca"):
        fit(made(), tmp_path, model="mpvae", settings=replace(QUICK, loss="focal"))
    with pytest.raises(ValueError, match=r"paca takes features in \[0, 1\], got scaling 'standard': choose .*'minmax'"):
        fit(made(), tmp_path, model="paca", settings=QUICK)
    assert list(tmp_path.iterdir()) == []


def test_features_are_found_by_name(tmp_path):
    model = fit(made(), tmp_path, settings=QUICK).model
    data = made(10)
    turned = data.select(features=[4, 3, 2, 1, 0])
    np.testing.assert_array_equal(model.aligned(turned), data.features)
    with pytest.raises(ValueError, match=r"made lacks 2 of the 5 features .*: d, e; it has a, b, c"):
        model.aligned(data.select(features=[0, 1, 2]))
    with pytest.raises(ValueError, match=r"shape \(N, 5\), got \(10, 4\)"):
        model.predict_proba(data.features[:, :4])


def test_mistakes(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'd2ace'"):
        fit(made(), tmp_path, method="d2ac", settings=QUICK)
    with pytest.raises(ValueError, match="mlp has no hyperparameter 'hiden'"):
        fit(made(), tmp_path, hyperparameters={"hiden": 3}, settings=QUICK)
    with pytest.raises(ValueError, match="labels of made are not those of made"):
        fit(made(), tmp_path, settings=QUICK, test=made(20).select(labels=[0, 1]))
    assert not list(tmp_path.iterdir())
    (tmp_path / "model.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"model\.pt cannot be read"):
        TrainedModel.load(tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        TrainedModel.load(tmp_path / "other.pt")


def test_a_model_keeps_the_thresholds_that_its_validation_part_chose(tmp_path):
    data, test = made(), made(60, seed=1)
    result = fit(data, tmp_path, method="random", settings=QUICK, test=test)
    _, held_out = hold_out_validation(data, QUICK.validation_share, 0)
    expected = choose_thresholds(result.model.predict_proba(data.features[held_out]), data.labels[held_out])
    np.testing.assert_allclose(result.model.thresholds_L, expected, atol=1e-6)
    assert not np.allclose(expected, 0.5)
    loaded = TrainedModel.load(tmp_path / "model.pt")
    np.testing.assert_array_equal(loaded.thresholds_L, result.model.thresholds_L)
    summary = json.loads((tmp_path / "training.json").read_text())
    assert summary["thresholds"] == dict(zip("xyz", result.model.thresholds_L.tolist(), strict=True))
    assert summary["test"] == evaluate(loaded.predict_proba(test.features), test.labels, loaded.thresholds_L)
    assert {"macro_f1", "macro_f1_tuned"} < set(summary["test"])
    assert set(TUNED).isdisjoint(summary["validation"])
    assert set(TUNED).isdisjoint(summary["epochs"][-1]["validation"])


def test_a_model_of_an_older_version_has_no_thresholds(tmp_path):
    model = fit(made(), tmp_path, method="random", settings=replace(QUICK, epochs=1)).model
    content = load_tensors(tmp_path / "model.pt")
    del content["thresholds"]
    save_tensors(tmp_path / "old.pt", content)
    old = TrainedModel.load(tmp_path / "old.pt")
    assert old.thresholds_L is None
    np.testing.assert_array_equal(old.predict_proba(made().features), model.predict_proba(made().features))
    old.save(tmp_path / "again.pt")
    assert TrainedModel.load(tmp_path / "again.pt").thresholds_L is None
