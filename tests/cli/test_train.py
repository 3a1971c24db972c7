"""`batchsift train` and `batchsift predict`, as a user runs them."""

import csv
import io
import json
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from batchsift.training import loop
from batchsift.training.folder import load_model
from batchsift.training.model import TrainedModel

QUICK = ["--epochs", "4", "--batch-size", "32", "--learning-rate", "0.01"]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(hue=rng.choice(["red", "green"], 200))
    frame["y_1"], frame["y_2"] = (x[:, 0] > 0).astype(int), (frame["hue"] == "red").astype(int)
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.drop(columns=["y_1", "y_2"]).head(7).assign(note="n").to_csv(tmp_path / "new.csv", index=False)
    return tmp_path / "data.csv"


def test_train_then_predict(batchsift, table, tmp_path):
    code, out, _ = batchsift("train", table, "--label-columns", "y_*", *QUICK, "--test", table)
    assert code == 0
    assert "Macro-AUC ↑" in out
    assert "test" in out
    folder = Path("runs/data-mlp-d2ace")
    assert out.splitlines()[-1] == f"{folder}/model.pt: batchsift predict {folder} FILE"
    assert out.splitlines()[-2] == f"{folder}/suspects.html: labels that may be wrong"
    assert "y_1" in (folder / "suspects.html").read_text(encoding="utf-8")

    code, out, err = batchsift("predict", folder, "new.csv")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [list(row) for row in rows] == [["y_1", "y_2"]] * 7
    model = TrainedModel.load(folder / "model.pt")
    frame = pd.read_csv("new.csv")
    features = np.column_stack([frame[["a", "b", "c"]], frame["hue"] == "green", frame["hue"] == "red"])
    expected = model.predict_proba(features.astype(float))
    np.testing.assert_allclose([[float(v) for v in row.values()] for row in rows], expected, rtol=1e-5)

    code, out, err = batchsift("predict", folder, "new.csv", "--threshold", 0.5, "--out", "labels.csv")
    assert (code, out) == (0, "")
    assert "labels.csv: predictions for 7 x 2 (samples x labels)" in err
    np.testing.assert_array_equal(pd.read_csv("labels.csv").to_numpy(), (expected > 0.5).astype(int))

    code, out, _ = batchsift("predict", folder, table, "--json")
    document = json.loads(out)
    assert document["labels"] == ["y_1", "y_2"]
    assert len(document["predictions"]) == 200


def test_the_same_command_again_computes_nothing(batchsift, table, monkeypatch):
    first = batchsift("train", table, "--labels", 2, *QUICK, "--json")
    monkeypatch.setattr(loop, "train_epoch", lambda *_: pytest.fail("nothing may be computed"))
    again = batchsift("train", table, "--labels", 2, *QUICK, "--json")
    assert (again[0], again[1]) == (0, first[1])
    assert "held this run, finished" in again[2]
    assert set(json.loads(first[1])) >= {"config", "validation", "best_epoch"}


def test_lines_in_a_file_that_is_no_terminal(batchsift, table, monkeypatch):
    monkeypatch.setattr("batchsift.report.console.training.SECONDS_BETWEEN_LINES", 0.0)
    _, out, err = batchsift("train", table, "--labels", 2, *QUICK)
    assert [line.split(":")[0] for line in err.splitlines()] == [f"epoch {n} of 4" for n in range(1, 5)]
    assert all(re.search(r"Macro-AUC \d\.\d{4}; about \d+ s left$", line) for line in err.splitlines())
    assert "best epoch: " in out


@pytest.mark.filterwarnings("default")
def test_labels_that_cannot_be_learned_are_said_before_training(batchsift, table, monkeypatch):
    monkeypatch.setattr("batchsift.report.console.training.SECONDS_BETWEEN_LINES", 0.0)
    frame = pd.read_csv(table).assign(y_all=1, **{f"y_none{number}": 0 for number in range(7)})
    frame.to_csv("constant.csv", index=False)
    _, _, err = batchsift("train", "constant.csv", "--label-columns", "y_*", *QUICK)
    assert err.splitlines()[0] == (
        "note: constant: left out 7 of 10 labels that no sample has: y_none0, y_none1, y_none2, y_none3, y_none4 and 2 "
        "more; 1 of 10 labels that every sample has: y_all. They cannot be learned, and scores say nothing of them"
    )
    assert err.count("note: ") == 1


def test_options_reach_model_and_method(batchsift, table):
    arguments = [
        "--labels",
        2,
        *QUICK,
        "--set",
        "hidden=[8]",
        "--option",
        "correlation=false",
        "--out",
        "run",
        "--json",
    ]
    code, out, _ = batchsift("train", table, *arguments)
    config = json.loads(out)["config"]
    assert code == 0
    assert (config["hyperparameters"], config["method_options"]) == ({"hidden": [8]}, {"correlation": False})
    assert TrainedModel.load("run/model.pt").network.head.in_features == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "d2ac"], "did you mean 'd2ace'"),
        (["--model", "clf"], "did you mean 'clif'"),
        (["--set", "hiden=3"], "mlp has no hyperparameter 'hiden'"),
        (["--set", "hidden"], "--set hidden: expected NAME=VALUE"),
        (["--option", "window=1", "--option", "window=2"], "--option window comes twice"),
        (["--calibrate", "isotonc"], "there is no calibration 'isotonc': did you mean 'isotonic'"),
        (["--calibrate", "isotonic"], "needs 30 samples with and 30 without each label"),
        (["--settings", "tunde"], "did you mean 'tuned'"),
        (["--epochs", "0"], "epochs must be at least 1, got 0"),
        (["--test", "nowhere.csv"], "there is no file nowhere.csv"),
    ],
)
def test_mistakes(batchsift, table, arguments, message, tmp_path):
    code, out, err = batchsift("train", table, "--labels", 2, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_predict_explains_mistakes(batchsift, table):
    assert batchsift("train", table, "--labels", 2, *QUICK, "--out", "run")[0] == 0
    pd.DataFrame({"a": [1.0], "b": [2.0]}).to_csv("few.csv", index=False)
    for arguments, message in [
        (["run", "few.csv"], "no feature 'c'"),
        (["run", "nowhere.csv"], "there is no file nowhere.csv"),
        (["norun", "new.csv"], "there is no file norun"),
        (["run", "new.csv", "--threshold", "2"], "--threshold must be in [0, 1), got 2"),
        (["run", "new.csv", "--thresholds", "f3"], "unknown thresholds 'f3'"),
        (["run", "new.csv", "--thresholds", "cost"], "thresholds came without a cost ratio"),
        (["run", "new.csv", "--cost-ratio", "2"], "'f1' came with the cost ratio 2"),
        (["run", "new.csv", "--thresholds", "f1", "--threshold", "0.5"], "--threshold prints 0 and 1 alone"),
        (["run", "new.csv", "--id-column", "nte"], "'nte' is none of the columns of new.csv: did you mean 'note'?"),
        (["run", table, "--id-column", "y_1"], "'y_1' is a label of the model"),
        (["run", "data.arff", "--id-column", "id"], "--id-column id came with data.arff, which is no table"),
    ]:
        code, out, err = batchsift("predict", *arguments)
        assert (code, out) == (2, "")
        assert message in err


def test_predictions_carry_the_ids_as_they_were_written(batchsift, table):
    batchsift("train", table, "--labels", 2, *QUICK, "--out", "run")
    frame = pd.read_csv("new.csv").head(3)
    ids = ["007", "b,c", None]
    frame.assign(key=ids).to_csv("keyed.csv", index=False)
    frame.assign(key=ids).to_parquet("keyed.parquet", index=False)
    frame.assign(key=[7, 8, 9]).to_parquet("numbered.parquet", index=False)
    plain = list(csv.reader(io.StringIO(batchsift("predict", "run", "keyed.csv")[1])))
    for file in ("keyed.csv", "keyed.parquet"):
        code, out, _ = batchsift("predict", "run", file, "--id-column", "key")
        rows = list(csv.reader(io.StringIO(out)))
        assert (code, [row[0] for row in rows]) == (0, ["key", "007", "b,c", ""])
        assert [row[1:] for row in rows] == plain
        assert json.loads(batchsift("predict", "run", file, "--id-column", "key", "--json")[1])["ids"] == ids
    _, out, _ = batchsift("predict", "run", "numbered.parquet", "--id-column", "key", "--json")
    assert json.loads(out)["ids"] == [7, 8, 9]


def test_predict_writes_over_nothing_it_needs(batchsift, table):
    batchsift("train", table, "--labels", 2, *QUICK, "--out", "run")
    Path("hard.csv").hardlink_to("new.csv")
    Path("soft.csv").symlink_to("new.csv")
    Path("model.csv").symlink_to("run/model.pt")
    before = {path: path.read_bytes() for path in [*Path("run").iterdir(), Path("new.csv")]}
    for run in ("run", "run/model.pt", "model.csv"):
        for out in ("new.csv", "hard.csv", "soft.csv", "model.csv", "run/model.pt", "run/training.json"):
            code, _, err = batchsift("predict", run, "new.csv", "--out", out)
            assert (code, f"--out {out} would overwrite" in err) == (2, True)
    assert {path: path.read_bytes() for path in before} == before
    shutil.copy("run/model.pt", "moved.pt")
    Path("labels.csv").touch()
    assert batchsift("predict", "moved.pt", "new.csv", "--out", "labels.csv")[0] == 0


def test_labels_beside_probabilities(batchsift, table):
    arguments = ["--labels", 2, *QUICK, "--validation-share", 0.4, "--calibrate", "sigmoid", "--out", "run", "--json"]
    code, out, _ = batchsift("train", table, *arguments)
    assert code == 0
    assert json.loads(out)["config"]["calibrate"] == "sigmoid"
    model = load_model("run")
    probs_NL = pd.read_csv(io.StringIO(batchsift("predict", "run", "new.csv")[1])).to_numpy()
    for given, thresholds in [
        (["f1"], [float(threshold) for threshold in json.loads(out)["thresholds"].values()]),
        (["0.4"], [0.4, 0.4]),
        (["cost", "--cost-ratio", 4], [0.2, 0.2]),
    ]:
        code, predicted, err = batchsift("predict", "run", "new.csv", "--thresholds", *given)
        assert (code, err) == (0, "")
        frame = pd.read_csv(io.StringIO(predicted))
        assert list(frame) == ["y_1", "y_2", "predicted_y_1", "predicted_y_2"]
        np.testing.assert_array_equal(frame[["y_1", "y_2"]], probs_NL)
        np.testing.assert_array_equal(frame.iloc[:, 2:], (probs_NL > thresholds).astype(int))
    _, out, _ = batchsift("predict", "run", "new.csv", "--thresholds", "f1", "--json")
    document = json.loads(out)
    np.testing.assert_allclose(document["thresholds"], model.thresholds_L)
    np.testing.assert_array_equal(document["predicted"], np.greater(document["predictions"], model.thresholds_L))


def test_labels_that_would_share_a_column(batchsift, table):
    pd.read_csv(table).rename(columns={"y_2": "predicted_y_1"}).to_csv("named.csv", index=False)
    assert batchsift("train", "named.csv", "--labels", 2, *QUICK, "--out", "run")[0] == 0
    code, out, err = batchsift("predict", "run", "new.csv", "--thresholds", 0.5)
    assert (code, out) == (2, "")
    assert "a label or id is called as the 0/1 column of another (predicted_...): take --json" in err
    assert batchsift("predict", "run", "new.csv", "--thresholds", 0.5, "--json")[0] == 0


def test_the_recipe_for_few_epochs(batchsift, table):
    code, out, _ = batchsift("train", table, "--label-columns", "y_*", *QUICK, "--recipe", "short", "--json")
    assert code == 0
    config = json.loads(out)["config"]
    assert (config["method"], config["training"]["loss"]) == ("balanced_pass", "pos_weight")
    assert Path("runs/data-mlp-balanced_pass/model.pt").exists()
    code, plain, _ = batchsift(
        *("train", table, "--label-columns", "y_*", *QUICK, "--method", "balanced_pass", "--loss", "pos_weight"),
        *("--json", "--out", "plain"),
    )
    assert json.loads(plain)["validation"] == json.loads(out)["validation"]


@pytest.mark.parametrize("given", [["--method", "hard"], ["--loss", "bce"]])
def test_a_recipe_says_method_and_loss(batchsift, table, given):
    code, out, err = batchsift("train", table, "--label-columns", "y_*", "--recipe", "short", *given)
    assert (code, out) == (2, "")
    assert "recipe 'short' is method 'balanced_pass' with loss 'pos_weight': leave those out, or the recipe" in err


def test_event_files(batchsift, table):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert batchsift("train", table, "--labels", 2, *QUICK, "--tensorboard", "--out", "run")[0] == 0
    events = EventAccumulator("run/tensorboard").Reload()
    records = json.loads(Path("run/training.json").read_text())["epochs"]
    logged = [event.value for event in events.Scalars("validation/macro_auc")]
    np.testing.assert_allclose(logged, [record["validation"]["macro_auc"] for record in records], rtol=1e-6)


def test_a_killed_process_goes_on_to_the_same_model(batchsift, table, tmp_path, server):
    arguments = ["train", str(table), "--labels", "2", "--batch-size", "32"]
    arguments += ["--epochs", "40", "--learning-rate", "0.01", "--checkpoint-seconds", "0", "--json"]
    process = server.start([*arguments, "--out", "killed"], tmp_path, tmp_path / "stderr")
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.signal(signal.SIGKILL)
    assert process.ended(60) == -signal.SIGKILL, "it was still at work"
    assert (tmp_path / "killed" / "checkpoint.pt").exists()
    went_on, whole = (batchsift(*arguments, "--out", str(tmp_path / name)) for name in ("killed", "whole"))
    assert (went_on[0], whole[0]) == (0, 0)
    first, second = json.loads(whole[1]), json.loads(went_on[1])
    assert first["epochs"] == second["epochs"]
    pairs = (TrainedModel.load(tmp_path / name / "model.pt").network.state_dict() for name in ("whole", "killed"))
    for (name, one), other in zip(next(pairs).items(), next(pairs).values(), strict=True):
        assert one.equal(other), name
