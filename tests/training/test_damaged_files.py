"""Files of trainings that are damaged, or were written by somebody else, are refused by name and key."""

import json
import math
import random
import shutil

import numpy as np
import pytest
import torch

from batchsift import models
from batchsift.data import MultiLabelData
from batchsift.training.fit import fit
from batchsift.training.folder import load_model, read_summary
from batchsift.training.model import TrainedModel
from batchsift.training.settings import Settings
from batchsift.training.tensor_files import load_tensors, save_tensors
from states import copied, inner, leaves, same

SETTINGS = Settings(epochs=3, batch_size=16, learning_rate=1e-2, validation_share=0.4)
ARGUMENTS = {"model": "mlp", "method": "hard", "settings": SETTINGS, "hyperparameters": {"hidden": [4]}}
FEATURES = np.random.default_rng(0).normal(size=(80, 5))


def made():
    noise = 0.3 * np.random.default_rng(1).normal(size=(80, 3))
    return MultiLabelData(
        FEATURES, (FEATURES[:, :3] + noise > 0).astype(float), tuple("abcde"), ("x", "y", "z"), "made"
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished training."""
    folder = tmp_path_factory.mktemp("finished")
    fit(made(), folder, calibrate="sigmoid", **ARGUMENTS)
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a training that was stopped after two epochs."""
    folder = tmp_path_factory.mktemp("stopped")

    def stop(record):
        if record.epoch == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(made(), folder, checkpoint_seconds=0, on_epoch=stop, **ARGUMENTS)
    return folder


def changed(content, path, change):
    """A copy of what a file holds with one entry changed, or removed."""
    content = copied(content)
    holder = inner(content, path)
    holder[path[-1]] = change(holder.get(path[-1]))
    if holder[path[-1]] is None:
        del holder[path[-1]]
    return content


MODEL_FAULTS = [
    (("weights",), lambda x: {}, "weights: it does not hold the"),
    (("weights", "head.weight"), lambda x: None, "weights: it does not hold the head.weight"),
    (("weights", "more"), lambda x: torch.zeros(1), "weights: it holds 'more'"),
    (("weights", "head.weight"), lambda x: x * math.nan, "head.weight: values must lie .* got nan"),
    (("weights", "head.weight"), lambda x: x[:1], r"head.weight: must be torch.float32 of shape \(3, 4\)"),
    (("weights", "head.weight"), lambda x: x.double(), "head.weight: must be torch.float32"),
    (("scale",), torch.zeros_like, "scale: values must lie"),
    (("scale",), lambda x: x[:-1], r"scale: must be torch.float64 of shape \(5\), got .*\(4,\)"),
    (("scale",), lambda x: None, "it does not hold the scale"),
    (("mean",), lambda x: x * math.nan, "mean: values must lie"),
    (("offset",), lambda x: x.tolist(), "offset: must be torch.float64 .* got list"),
    (("thresholds",), lambda x: x[:2], r"thresholds: must be torch.float64 of shape \(3\)"),
    (("thresholds",), lambda x: x + 7, "thresholds: values must lie from 0 to 1"),
    (("calibration", "curves"), lambda x: x[:1], "calibration: curves: must be 3"),
    (("calibration", "kind"), lambda x: "magic", "calibration: kind: there is no 'magic'"),
    (("calibration", "kind"), lambda x: "isotonic", "calibration: curves: label 0: first: values"),
    (("calibration",), lambda x: 3, "calibration: must be a dictionary, got 3"),
    (("feature_names",), lambda x: x[:-1], r"mean: must be torch.float64 of shape \(4\)"),
    (("feature_names",), lambda x: "abcde", "feature_names: must be a list of texts"),
    (("feature_names",), lambda x: ["a"] * 5, "feature_names: has a name twice"),
    (("label_names",), lambda x: [*x, "more"], "calibration: curves: must be 4"),
    (("columns",), lambda x: [{}], "columns: it does not hold the name"),
    (("name",), lambda x: "nothing", "hyperparameters: no nothing can be built"),
    (("name",), lambda x: 7, "name: must be a text, got 7"),
    (("name",), lambda x: "clif", "hyperparameters: no clif can be built"),
    (("hyperparameters",), lambda x: {"hidden": [2**60]}, "hyperparameters|weights"),
    (("hyperparameters",), lambda x: {"deep": 1}, "hyperparameters: no mlp can be built"),
    (("hyperparameters",), lambda x: {"hidden": [2**40]}, "weights"),
    (("more",), lambda x: 1, "it holds 'more', which is unknown here"),
    (("version",), lambda x: 9, "no trained model of this version"),
]


@pytest.mark.parametrize(("path", "change", "message"), MODEL_FAULTS)
def test_a_model_that_cannot_be_is_refused_by_its_key(path, change, message, finished, tmp_path):
    save_tensors(tmp_path / "model.pt", changed(load_tensors(finished / "model.pt"), path, change))
    with pytest.raises(ValueError, match=rf"model\.pt.*{message}"):
        TrainedModel.load(tmp_path / "model.pt")


CHECKPOINT_FAULTS = [
    *(
        ((key,), lambda x: None, key)
        for key in ("network", "optimizer", "selector", "epochs", "best_epoch", "best_weights", "seconds", "generators")
    ),
    (("config",), lambda x: "{", "config: "),
    (("config",), lambda x: "{}", "config: it does not hold the training"),
    (("network", "head.weight"), lambda x: x * math.nan, "network: head.weight: values must lie"),
    (("best_weights",), lambda x: {}, "best_weights: it does not hold the"),
    (("best_epoch",), lambda x: 2, "best_epoch: must be from 0 to 1, got 2"),
    (("best_epoch",), lambda x: True, "best_epoch: must be an int"),
    (("seconds",), lambda x: -1.0, "seconds: must be"),
    (("epochs",), lambda x: "[]", "epochs: must be from 1 to 3, it has 0"),
    (("epochs",), lambda x: "[{}]", "epochs: epoch 0: it does not hold the epoch"),
    (("epochs",), lambda x: "[" * 5000, "epochs|recursion"),
    (("epochs",), lambda x: x.replace("macro_auc", "macro_abc"), "epochs: epoch 0: validation: it does not hold the"),
    (("epochs",), lambda x: json.dumps(json.loads(x)[:1]), "best_epoch: must be from 0 to 0, got 1"),
    (("selector", "epoch"), lambda x: 1, "selector: epoch: must be 2, got 1"),
    (("selector", "plan"), lambda x: x - 1, "plan: values must lie from 0"),
    (("selector", "method_state", "trackers", "losses", "value_NL"), lambda x: -x, "value_NL: values must lie"),
    (("optimizer", "state", 0), lambda x: {}, "optimizer: state: 0: it does not hold the step"),
    (("optimizer", "state", 0, "exp_avg_sq"), lambda x: x - 1, "exp_avg_sq: values must lie from 0"),
    (("optimizer", "state", 0, "exp_avg"), lambda x: x[:1], "exp_avg: must be torch.float32"),
    (("optimizer", "state", 99), lambda x: {}, "state: holds 99, there are 4 parameters"),
    (("optimizer", "param_groups"), lambda x: [], "param_groups: must be 1"),
    (("optimizer", "param_groups"), lambda x: [x[0] | {"betas": (0, 0)}], "param_groups: betas: must be"),
    (("generators", "cpu"), lambda x: x[:7], "generators: "),
    (("generators", "cpu"), lambda x: "x", "generators: "),
    (("version",), lambda x: None, "another version"),
]


@pytest.mark.parametrize(("path", "change", "message"), CHECKPOINT_FAULTS)
def test_a_checkpoint_that_cannot_be_is_refused_by_its_key(path, change, message, stopped, tmp_path):
    save_tensors(tmp_path / "checkpoint.pt", changed(load_tensors(stopped / "checkpoint.pt"), path, change))
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match=rf"checkpoint\.pt.*({message}).*remove it"):
        fit(made(), tmp_path, **ARGUMENTS)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("key", ["config", "best_epoch", "epochs", "validation", "test", "versions"])
@pytest.mark.parametrize("value", [None, 7, "x", [], [1], {"a": "b"}])
def test_a_summary_that_cannot_be_is_refused_by_its_key(key, value, finished, tmp_path):
    summary = json.loads((finished / "training.json").read_text())
    if (key, value) in (("test", None), ("versions", {"a": "b"}), ("config", {"a": "b"})):
        return  # of a training that was not tested; words that are compared with those of the run that goes on
    summary[key] = value
    if value is None:
        del summary[key]
    (tmp_path / "training.json").write_text(json.dumps(summary))
    with pytest.raises(ValueError, match=rf"training\.json.*{key}.*remove it to train again"):
        read_summary(tmp_path)


@pytest.mark.parametrize("file", ["model.pt", "checkpoint.pt"])
def test_a_flipped_bit_or_a_cut_is_refused_or_changes_nothing(file, finished, stopped, tmp_path):
    whole = bytes(((finished if file == "model.pt" else stopped) / file).read_bytes())
    expected = load_tensors((finished if file == "model.pt" else stopped) / file)
    stream, outcomes = random.Random(0), {"refused": 0, "the same": 0}
    path = tmp_path / file
    for number in range(300):
        content = bytearray(whole)
        if number % 10:
            content[stream.randrange(len(content))] ^= 1 << stream.randrange(8)
        else:
            del content[stream.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            found = load_tensors(path)
        except ValueError:
            outcomes["refused"] += 1
        else:
            assert same(found, expected), "what is read differs from what was written"
            outcomes["the same"] += 1
    assert min(outcomes.values()) > 10, outcomes


def test_a_model_of_every_kind_is_read_again(tmp_path, finished):
    trained = TrainedModel.load(finished / "model.pt")
    content = load_tensors(finished / "model.pt")
    for name in models.names():
        network = models.build(name, 5, 3)
        network.prepare(torch.from_numpy(FEATURES).float(), torch.from_numpy(made().labels).float())
        save_tensors(
            tmp_path / "model.pt",
            content | {"name": name, "hyperparameters": {}, "weights": network.state_dict()},
        )
        loaded = TrainedModel.load(tmp_path / "model.pt")
        for key, value in network.state_dict().items():
            assert torch.equal(loaded.network.state_dict()[key], value)
    assert trained.predict_proba(FEATURES).shape == (80, 3)


@pytest.mark.parametrize(("name", "asked"), [("training.json", "summary"), ("suspects.csv", "suspects")])
def test_damaged_files_beside_a_model_are_named(name, asked, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    model = load_model(tmp_path / "run")
    for content in (b"", b"[", b"\xff\xfe\x00"):
        (tmp_path / "run" / name).write_bytes(content)
        if name == "suspects.csv" and content == b"[":
            continue  # a table of one column, which may be
        with pytest.raises(ValueError, match=f"{name} is damaged.*train again"):
            getattr(model, asked)


def test_a_folder_with_a_damaged_checkpoint_says_so_to_who_asks_for_a_model(stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "run")
    for change, message in ((lambda x: "[", "epochs"), (lambda x: None, "does not hold the epochs")):
        save_tensors(
            tmp_path / "run" / "checkpoint.pt",
            changed(load_tensors(stopped / "checkpoint.pt"), ("epochs",), change),
        )
        with pytest.raises(ValueError, match=rf"checkpoint\.pt.*{message}.*remove it"):
            load_model(tmp_path / "run")


def test_the_leaves_of_a_checkpoint_are_all_checked(stopped, tmp_path):
    content = load_tensors(stopped / "checkpoint.pt")
    passed_over = ("versions",)  # of which a difference is a warning
    for path in leaves(content):
        if path[0] in passed_over:
            continue
        save_tensors(tmp_path / "checkpoint.pt", changed(content, path, lambda x: {"b": 1}))
        with pytest.raises(ValueError, match=r"."):
            fit(made(), tmp_path, **ARGUMENTS)
