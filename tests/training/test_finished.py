"""What is finished is matched by all it was made from: data, test data, settings, the model itself."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import batchsift as bs
from batchsift.files import locked
from batchsift.metrics import evaluate
from batchsift.training import loop
from batchsift.training.finding import find_settings_of_model
from batchsift.training.fit import fit
from batchsift.training.folder import load_model
from batchsift.training.settings import Search, Settings
from batchsift.training.trials import SEARCH
from linear_data import made

QUICK = Settings(epochs=2, batch_size=32, learning_rate=1e-2, validation_share=0.2)
OPTIONS = {"method": "random", "settings": QUICK}
SHORT = ["--epochs", "2", "--batch-size", "32", "--learning-rate", "0.01", "--method", "random"]


def scores_in(folder):
    summary = json.loads((folder / "training.json").read_text())
    return summary["test"], summary["tested_on"]


def table(rows=160, seed=0, hues=("red", "green")):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    hue = np.resize(hues, rows)
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(hue=hue, when=pd.date_range("2021-01-01", periods=rows))
    frame["when"] = frame["when"].dt.strftime("%d/%m/%Y")
    frame["y_1"], frame["y_2"] = (x[:, 0] > 0).astype(int), ((hue == "red") ^ (x[:, 1] > 1)).astype(int)
    return frame


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_csv("data.csv", index=False)
    for name, seed in (("d.csv", 1), ("d2.csv", 2)):
        table(60, seed).to_csv(name, index=False)
    return tmp_path


# --- Test data ------------------------------------------------------------------------------------------------


def test_other_test_data_are_scored_with_the_model_there_is(tmp_path, monkeypatch):
    first, second = made(60, seed=1), made(60, seed=2)
    whole = fit(made(), tmp_path / "whole", test=second, **OPTIONS)
    fit(made(), tmp_path / "run", test=first, **OPTIONS)
    monkeypatch.setattr(loop, "train_epoch", lambda *_: pytest.fail("nothing may be trained"))
    for test in (second, first, second):
        result = fit(made(), tmp_path / "run", test=test, **OPTIONS)
        assert result.test == evaluate(
            result.model.predict_proba(test.features), test.labels, result.model.thresholds_L
        )
        assert scores_in(tmp_path / "run")[0] == result.test
    assert result.test == whole.test
    assert scores_in(tmp_path / "run") == scores_in(tmp_path / "whole")


def test_the_same_test_data_are_not_scored_again(tmp_path, monkeypatch):
    first = fit(made(), tmp_path, test=made(60, seed=1), **OPTIONS)
    monkeypatch.setattr("batchsift.training.fit._score", lambda *_: pytest.fail("scored already"))
    assert fit(made(), tmp_path, test=made(60, seed=1), **OPTIONS).test == first.test


def test_test_data_that_come_later_are_scored(tmp_path):
    assert fit(made(), tmp_path, **OPTIONS).test is None
    assert scores_in(tmp_path) == (None, None)
    result = fit(made(), tmp_path, test=made(60, seed=1), **OPTIONS)
    assert result.test == scores_in(tmp_path)[0] is not None
    assert fit(made(), tmp_path, **OPTIONS).test is None, "none were asked for"


def test_a_folder_of_an_older_version_does_not_say_what_it_was_scored_on(tmp_path):
    expected = fit(made(), tmp_path, test=made(60, seed=1), **OPTIONS).test
    summary = json.loads((tmp_path / "training.json").read_text())
    del summary["tested_on"], summary["model_sha256"]
    (tmp_path / "training.json").write_text(json.dumps({**summary, "test": {"macro_auc": 1.0}}))
    assert fit(made(), tmp_path, test=made(60, seed=1), **OPTIONS).test == expected


def test_the_command_line_scores_what_it_is_given(batchsift, files):
    def scores(*arguments):
        code, out, err = batchsift("train", "data.csv", "--label-columns", "y_*", *SHORT, *arguments, "--json")
        assert code == 0, err
        return json.loads(out)["test"]

    alone = scores("--test", "d2.csv", "--out", "alone")
    first = scores("--test", "d.csv", "--out", "run")
    assert scores("--test", "d2.csv", "--out", "run") == alone != first
    assert scores("--out", "run") is None
    assert scores("--test", "d2.csv", "--out", "run") == alone


# --- Test tables are read as `predict` reads them -------------------------------------------------------------


def test_a_table_in_another_order_with_less_in_it(files):
    options = {"label_columns": "y_*", "dates": "day-first", "epochs": 2, "learning_rate": 0.01, "method": "random"}
    frame = table(12, 1, hues=("green",))  # no red; and dates that could be read in two ways
    turned = frame[["y_2", "hue", "c", "y_1", "when", "a", "b"]].assign(note="n")
    turned.to_csv("turned.csv", index=False)
    model = bs.train("data.csv", test="turned.csv", out="run", **options)
    expected = evaluate(model.predict_proba(frame), frame[["y_1", "y_2"]].to_numpy(), model.thresholds_L)
    assert model.summary["test"] == pytest.approx(expected, nan_ok=True)
    in_memory = bs.train("data.csv", test=turned, out="run", **options)
    assert in_memory.summary["test"] == model.summary["test"]
    assert in_memory.summary["tested_on"]["data_fingerprint"] == model.summary["tested_on"]["data_fingerprint"]


@pytest.mark.filterwarnings("default")
def test_unknown_categories_are_an_error_or_missing(batchsift, files):
    table(30, 1, hues=("red", "blue")).to_csv("blue.csv", index=False)
    arguments = ("train", "data.csv", "--label-columns", "y_*", *SHORT, "--test", "blue.csv", "--out", "run")
    code, _, err = batchsift(*arguments)
    assert (code, Path("run").exists()) == (2, False), "before anything is trained"
    assert "'blue' (15) did not occur in training" in err
    assert "--unknown-category 'missing' takes such cells" in err
    code, out, err = batchsift(*arguments, "--unknown-category", "missing", "--json")
    assert (code, json.loads(out)["tested_on"]["data"]) == (0, "blue")
    assert "note: 15 cells hold values that did not occur in training, and count as empty: 'hue': 'blue' (15)" in err
    assert batchsift(*arguments, "--unknown-category", "mising")[0] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="b"), "test.csv: there is no feature 'b', which the model was trained on"),
        (lambda frame: frame.drop(columns="y_2"), "test.csv: there is no label 'y_2', which the model is trained for"),
        (
            lambda frame: frame.assign(a=["x", *frame["a"][1:]]),
            "test.csv: row 1 (counted from 1), column 'a': 'x' is no number",
        ),
        (lambda frame: frame.assign(y_1=2), "test.csv, line 2, column 'y_1': 2 is no label"),
        (lambda frame: frame.assign(y_1=None), "test: 20 of 40 label cells are unknown"),
    ],
)
def test_what_does_not_fit_is_said_before_training(batchsift, files, change, message):
    change(table(20, 1)).to_csv("test.csv", index=False)
    code, _, err = batchsift("train", "data.csv", "--label-columns", "y_*", *SHORT, "--test", "test.csv")
    assert (code, Path("runs").exists(), err.count("\n")) == (2, False, 1)
    assert message in err


def test_tags_that_nobody_has_in_the_test_table(tmp_path):
    rng = np.random.default_rng(0)
    tags = [" | ".join(np.array(["red", "round", "big"])[rng.random(3) < 0.5]) for _ in range(120)]
    frame = pd.DataFrame({"x": rng.normal(size=120), "tags": tags})
    few = pd.DataFrame({"tags": ["red", "round", "red|round", ""], "x": [0.1, 0.2, 0.3, 0.4]})
    options = {"label_column": "tags", "epochs": 1, "learning_rate": 0.01, "method": "random", "out": tmp_path}
    model = bs.train(frame, test=few, **options)
    assert model.label_names == ("big", "red", "round")
    labels = np.array([[0, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0]])
    assert model.summary["test"]["micro_f1"] == evaluate(model.predict_proba(few[["x"]]), labels)["micro_f1"]
    with pytest.raises(ValueError, match="labels in 'tags' are not those of the training: 'blue' did not occur there"):
        bs.train(frame, test=few.replace("red", "blue"), **options)


def test_labels_and_features_of_matrices_are_found_by_their_names(tmp_path):
    test = made(60, seed=1)
    turned = test.select(features=[4, 2, 0, 1, 3], labels=[2, 0, 1])
    expected = fit(made(), tmp_path / "one", test=test, **OPTIONS)
    assert fit(made(), tmp_path / "two", test=turned, **OPTIONS).test == expected.test
    with pytest.raises(ValueError, match="made lacks 1 of the 5 features the model was trained on: "):
        fit(made(), tmp_path / "three", test=test.select(features=[0, 1, 2, 3]), **OPTIONS)
    assert not (tmp_path / "three").exists()


# --- Models, versions, trials ---------------------------------------------------------------------------------


def test_a_model_of_another_run_is_not_taken_for_the_finished_one(tmp_path):
    for name, seed in (("one", 0), ("two", 1)):
        fit(made(), tmp_path / name, seed=seed, **OPTIONS)
    shutil.copy(tmp_path / "two" / "model.pt", tmp_path / "one" / "model.pt")
    words = r"model\.pt is not the model that the training beside it left"
    with pytest.raises(ValueError, match=words):
        fit(made(), tmp_path / "one", **OPTIONS)
    with pytest.raises(ValueError, match=words):
        load_model(tmp_path / "one")
    shutil.copy(tmp_path / "one" / "model.pt", tmp_path / "alone.pt")
    assert load_model(tmp_path / "alone.pt").label_names == made().label_names


def test_a_summary_that_is_damaged_is_refused_by_name(tmp_path):
    fit(made(), tmp_path, **OPTIONS)
    text = (tmp_path / "training.json").read_text()
    (tmp_path / "training.json").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match=r"training\.json is not a JSON document: .*; remove it to train again"):
        fit(made(), tmp_path, **OPTIONS)


def test_other_versions_are_said(tmp_path):
    first = fit(made(), tmp_path, **OPTIONS)
    summary = json.loads((tmp_path / "training.json").read_text())
    summary["versions"]["torch"] = "1.0"
    (tmp_path / "training.json").write_text(json.dumps(summary))
    with pytest.warns(UserWarning, match=r"computed with other versions \(torch 1\.0, here "):
        assert fit(made(), tmp_path, **OPTIONS).epochs == first.epochs


def test_trials_of_other_data_are_not_taken(tmp_path):
    def tried(data):
        ran = []
        search, settings = Search(learning_rate=True, epochs=False), replace(QUICK, epochs=1)
        find_settings_of_model(
            data, settings, search, model="mlp", folder=tmp_path, on_trial=lambda *trial: ran.append(trial)
        )
        return len(ran)

    assert tried(made()) > 0
    assert tried(made(seed=1)) > 0
    assert tried(made()) == 0
    one, other = sorted((tmp_path / SEARCH).iterdir())
    other.write_bytes(one.read_bytes())
    with pytest.raises(ValueError, match=re.escape(f"{other} holds trials of another training part; remove it")):
        [tried(data) for data in (made(), made(seed=1))]


# --- Two at once ----------------------------------------------------------------------------------------------


def test_two_trainings_at_once_in_one_folder(batchsift, files):
    with locked(Path("run")):
        code, out, err = batchsift("train", "data.csv", "--label-columns", "y_*", *SHORT, "--out", "run")
    assert (code, out) == (2, "")
    assert err == "batchsift: another run works in run: wait until it is over, stop it, or use another folder\n"
    assert [path.name for path in Path("run").iterdir()] == ["lock"]


def test_what_a_killed_training_left_half_written_is_swept_away(batchsift, files):
    Path("run/search").mkdir(parents=True)
    for place in ("run", "run/search"):
        Path(place, ".unfinished-1").write_text("half")
    assert batchsift("train", "data.csv", "--label-columns", "y_*", *SHORT, "--out", "run")[0] == 0
    assert not list(Path("run").rglob(".unfinished-*"))
