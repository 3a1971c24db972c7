"""What the command line does by itself: the search of learning rate and epochs, losses for all methods, rare labels."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from batchsift.cli import compare as compare_verb
from batchsift.studies.store import Store
from batchsift.training import search
from batchsift.training.model import TrainedModel

QUICK = ["--folds", 2, "--batch-size", 32, "--set", "hidden=[8]"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "BUDGETS", (2, 4))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    for number in range(2):
        frame[f"y_{number}"] = (x[:, number] + rng.normal(size=200) > 0).astype(int)
    frame.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_compare_searches_by_default(batchsift, table):
    options = [table, "--label-columns", "y_*", *QUICK, "--no-repeat", "--methods", "random,hard", "--out", "out"]
    code, out, err = batchsift("compare", *options)
    assert code == 0
    content = json.loads(Path("out/results.json").read_text())
    rates = [entry["learning_rate"] for entry in content["search"]["learning_rates"]]
    assert len(rates) == 2
    assert (content["config"]["epochs"], content["search"]["epochs"]["epochs"]) == (4, 4)
    assert content["config"]["learning_rate"] == (rates[0] if rates[0] == rates[1] else None)
    assert content["config"]["decay_share"] == 1.0
    for cell in Store("out").cells():
        assert cell.config.training.learning_rate == rates[cell.config.fold]
        assert (cell.config.training.epochs, cell.config.training.decay_share) == (4, 1.0)
        assert cell.result.epochs[-1].learning_rate == rates[cell.config.fold] / 4
    assert "4 epochs (searched: " in " ".join(out.split())
    assert "(searched for random, " in " ".join(out.split())
    assert err.startswith("searching the learning rate, fold 1/2, bce\n")

    code, again, err = batchsift("compare", *options)
    assert (code, "4 of 4 runs are taken from out" in err, "searching" in err) == (0, True, False)
    assert again == out
    _, _, err = batchsift("compare", *options[:-4], "--methods", "random,hard,stratified", "--out", "out")
    assert "4 of 6 runs are taken from out" in err
    assert "searching" not in err


def test_numbers_and_named_settings_are_not_searched(batchsift, table, monkeypatch):
    base = [table, "--label-columns", "y_*", *QUICK, "--methods", "random", "--json"]
    _, out, err = batchsift("compare", *base, "--epochs", 2, "--learning-rate", 0.01, "--out", "given")
    content = json.loads(out)
    assert (content["search"], content["config"]["learning_rate"], "searching" in err) == (None, 0.01, False)
    _, out, err = batchsift("compare", *base, "--settings", "paper", "--epochs", 2, "--out", "paper")
    content = json.loads(out)
    assert (content["search"], content["config"]["learning_rate"], content["config"]["decay_share"]) == (None, 1e-4, 0)
    _, out, _ = batchsift(
        "compare", *base, "--settings", "paper", "--epochs", 2, "--learning-rate", "auto", "--out", "x"
    )
    content = json.loads(out)
    assert len(content["search"]["learning_rates"]) == 2
    assert (content["search"]["epochs"], content["config"]["epochs"]) == (None, 2)
    _, out, _ = batchsift("compare", *base, "--learning-rate", 0.01, "--out", "y")
    content = json.loads(out)
    assert [step["learning_rate"] for step in content["search"]["epochs"]["steps"]] == [0.01, 0.01]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "many"], "'many' is no whole number, nor 'auto'"),
        (["--epochs", "2.5"], "'2.5' is no whole number, nor 'auto'"),
        (["--learning-rate", "atuo"], "'atuo' is no number, nor 'auto'"),
        (["--losses", "bce,pos_wieght"], "unknown loss 'pos_wieght': did you mean 'pos_weight'"),
        (["--losses", "bce,bce"], "bce comes twice"),
        (["--losses", "bce,focal", "--loss", "focal"], "leave out the loss"),
        (["--losses", "bce,focal", "--model", "mpvae"], "leave the loss at 'bce', or take one of"),
    ],
)
def test_mistakes(batchsift, table, options, message):
    code, out, err = batchsift("compare", table, "--label-columns", "y_*", *options)
    assert (code, out) == (2, "")
    assert message in " ".join(err.replace("│", "").split())


def test_every_method_with_every_loss(batchsift, table):
    options = ["--label-columns", "y_*", *QUICK, "--epochs", 2, "--json", "--out", "out"]
    code, out, _ = batchsift("compare", table, *options, "--methods", "random,hard", "--losses", "bce,focal")
    content = json.loads(out)
    assert code == 0
    assert [result["method"] for result in content["results"]] == ["random", "hard", "random+focal", "hard+focal"]
    found = {(each["fold"], each["loss"]): each["learning_rate"] for each in content["search"]["learning_rates"]}
    assert set(found) == {(fold, loss) for fold in (0, 1) for loss in ("bce", "focal")}
    for cell in Store("out").cells():
        training = cell.config.training
        assert training.loss == ("focal" if "+" in cell.config.method else "bce")
        assert training.learning_rate == found[cell.config.fold, training.loss]


def test_the_first_loss_is_that_of_the_plain_names(batchsift, table):
    given = ["--epochs", 1, "--learning-rate", 0.01, "--methods", "random", "--json"]
    _, out, _ = batchsift("compare", table, "--label-columns", "y_*", *QUICK, *given, "--losses", "focal,bce")
    content = json.loads(out)
    assert [result["method"] for result in content["results"]] == ["random", "random+bce"]
    assert content["config"]["loss"] == "focal"


def test_the_usual_methods():
    assert compare_verb.METHODS == "random,label_balanced,hard,uncertainty,d2ace,balanced_pass"


def test_train_searches_by_default(batchsift, table, monkeypatch):
    options = [table, "--label-columns", "y_*", "--batch-size", 32, "--method", "random", "--out", "run", "--json"]
    code, out, err = batchsift("train", *options)
    content = json.loads(out)
    assert code == 0
    (found,) = content["search"]["learning_rates"]
    training = content["config"]["training"]
    assert (training["learning_rate"], training["epochs"]) == (found["learning_rate"], 4)
    assert training["decay_share"] == 1.0
    assert "4 epochs (searched: " in err
    code, again, err = batchsift("train", *options)
    assert (code, again, "held this run, finished" in err) == (0, out, True)
    assert "searching" not in err


def test_a_run_that_was_not_searched_is_not_gone_on_with(batchsift, table):
    options = [table, "--label-columns", "y_*", "--method", "random", "--out", "run"]
    assert batchsift("train", *options, "--epochs", 1, "--learning-rate", 0.01)[0] == 0
    code, out, err = batchsift("train", *options)
    assert (code, out) == (2, "")
    assert "give both as numbers to go on with it" in err


@pytest.mark.filterwarnings("default")
def test_rare_and_constant_labels_are_alike_in_all_verbs(batchsift, table):
    rare = (np.arange(200) % 20 == 0).astype(int)
    frame = pd.read_csv(table).assign(y_rare=rare, y_none=0, y_all=1)
    frame.to_csv("rare.csv", index=False)
    note = (
        "note: rare: left out 1 of 5 labels that no sample has: y_none; 1 of 5 labels that every sample has: y_all; "
        "1 of 5 labels with 20 positives or fewer (min_positives): y_rare."
    )
    once = ["--epochs", 2, "--learning-rate", 0.01]
    _, out, err = batchsift(
        "compare", "rare.csv", "--label-columns", "y_*", *QUICK, *once, "--methods", "random", "--json"
    )
    assert note in err
    assert json.loads(out)["filters"]["removed_labels"] == ["y_rare", "y_none", "y_all"]
    train = ["train", "rare.csv", "--label-columns", "y_*", *once, "--test", "rare.csv", "--out"]
    _, _, err = batchsift(*train, "run")
    assert note in err
    assert TrainedModel.load("run/model.pt").label_names == ("y_0", "y_1")
    _, _, err = batchsift(*train, "more", "--min-positives", 5)
    assert "y_rare" not in err
    assert TrainedModel.load("more/model.pt").label_names == ("y_0", "y_1", "y_rare")
    Path("study.toml").write_text(
        'data = [{source = "rare.csv", label_columns = "y_*"}]\nmodels = ["mlp"]\nmethods = ["random"]\nfolds = 2\n'
        "training = {epochs = 2, batch_size = 32}\n"
    )
    _, _, err = batchsift("study", "run", "study.toml", "--out", "study")
    assert err.count(note) == 1
    assert Store("study").cells()[0].facts.removed_labels == ["y_rare", "y_none", "y_all"]


@pytest.mark.parametrize("key", ["epochs", "learning_rate"])
def test_a_study_takes_numbers_alone(batchsift, table, key):
    Path("study.toml").write_text(
        f'data = [{{source = "data.csv", label_columns = "y_*"}}]\nmodels = ["mlp"]\nmethods = ["random"]\n'
        f'[training]\n{key} = "auto"\n'
    )
    code, _, err = batchsift("study", "run", "study.toml", "--out", "study")
    assert code == 2
    assert f"study.toml, line 5: training, {key}: 'auto' is for compare and train" in " ".join(err.split())
