"""The verbs in Python: the same words, files and numbers as on the command line."""

import inspect
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from scipy.sparse import csr_array
from typer.main import get_command

import batchsift as bs
from batchsift.cli.compare import compare as compare_command
from batchsift.cli.train import train as train_command
from batchsift.metrics import METRICS
from batchsift.studies import comparison as comparisons
from batchsift.training.pictures import NAMES
from linear_data import made

SHORT = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 16}
COMPARED = {**SHORT, "methods": "random,hard", "folds": 3, "min_positives": 5}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def frame():
    data = made()
    return pd.DataFrame(data.features, columns=list("abcde")).join(
        pd.DataFrame(data.labels, columns=["y_1", "y_2", "y_3"])
    )


def as_options(arguments):
    return [word for name, value in arguments.items() for word in (f"--{name.replace('_', '-')}", value)]


def without_times(document):
    """A document without seconds, which differ between two runs of the same."""
    if isinstance(document, dict):
        return {key: without_times(value) for key, value in document.items() if "seconds" not in key}
    return [without_times(value) for value in document] if isinstance(document, list) else document


def test_compare_is_the_command(batchsift, frame, capsys):
    frame.to_csv("toys.csv", index=False)
    comparison = bs.compare("toys.csv", label_columns="y_*", **COMPARED)
    assert capsys.readouterr() == ("", "")
    code, out, _ = batchsift(
        "compare", "toys.csv", "--label-columns", "y_*", *as_options(COMPARED), "--out", "again", "--json"
    )
    assert code == 0
    in_python, on_the_line = Path("results/toys-mlp"), Path("again")
    names = {path.name for path in in_python.iterdir() if path.is_file()}
    assert names == {path.name for path in on_the_line.iterdir() if path.is_file()} >= {"results.json", "epochs.csv"}
    documents = [json.loads((folder / "results.json").read_text()) for folder in (in_python, on_the_line)]
    assert without_times(documents[0]) == without_times(documents[1])
    table = comparison.to_frame().set_index(["method", "metric"])
    assert set(table.index) == {(method, key) for method in ("random", "hard") for key in METRICS}
    shown = {one["method"]: one["metrics"] for one in json.loads(out)["results"]}
    contrast = json.loads(out)["comparison"]["contrasts"]["macro_auc"]["hard"]
    row = table.loc[("hard", "macro_auc")]
    assert (row["mean"], row["std"]) == (shown["hard"]["macro_auc"]["mean"], shown["hard"]["macro_auc"]["std"])
    for key in ("gain", "low", "high", "p_value"):
        np.testing.assert_equal(row[key], np.nan if contrast[key] is None else contrast[key])
    assert table.loc[("random", "macro_auc"), ["gain", "p_value"]].isna().all()
    assert repr(comparison).startswith("Comparison(random, hard; toys, mlp, 3 folds")


def test_train_is_the_command(batchsift, frame):
    frame.to_csv("toys.csv", index=False)
    model = bs.train("toys.csv", label_columns="y_*", **SHORT, method="random", test="toys.csv")
    arguments = [
        "train",
        "toys.csv",
        "--label-columns",
        "y_*",
        *as_options(SHORT),
        "--method",
        "random",
        "--test",
        "toys.csv",
    ]
    code, out, _ = batchsift(*arguments, "--out", "again", "--json")
    assert code == 0
    assert model.folder == Path("runs/toys-mlp-random")
    assert {path.name for path in model.folder.iterdir()} == {path.name for path in Path("again").iterdir()}
    assert without_times(model.summary) == without_times(json.loads(out))
    assert model.label_names == ("y_1", "y_2", "y_3")
    again = bs.load_model("again")
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    pd.testing.assert_frame_equal(again.suspects, model.suspects)
    assert {"sample", "label"} <= set(model.suspects)


@pytest.mark.parametrize("form", ["data", "arrays", "sparse", "frame"])
def test_data_in_every_form(frame, form):
    data, options = made(), {}
    features, labels = data.features, data.labels
    source = {
        "data": data,
        "arrays": (features, labels),
        "sparse": (csr_array(features), csr_array(labels)),
        "frame": frame,
    }[form]
    if form == "frame":
        options = {"label_columns": ["y_1", "y_2", "y_3"]}
    model = bs.train(source, **SHORT, **options, method="random", scaling="none", out=form)
    probs_NL = model.predict_proba(frame if form == "frame" else source[0] if isinstance(source, tuple) else source)
    other = bs.train(data, **SHORT, method="random", scaling="none", out="plain")
    np.testing.assert_allclose(probs_NL, other.predict_proba(data), atol=1e-5)
    comparison = bs.compare(source, **COMPARED, **options, out=f"{form}-compared")
    assert len(comparison.to_frame()) == 2 * len(METRICS)


def test_progress_is_shown_where_it_is_asked_for(capsys):
    bs.compare(made(), **COMPARED, out="results", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "run 8/9: fold 3/3 hard: validation Macro-AUC" in err
    bs.compare(made(), **COMPARED, out="results", progress=True)
    assert "9 of 9 runs are taken from results, where they were finished before" in capsys.readouterr().err


def test_a_finished_run_is_not_run_again(monkeypatch):
    first = bs.compare(made(), **COMPARED, out="results").to_frame()
    monkeypatch.setattr(comparisons, "execute", lambda tasks, **_: pytest.fail("nothing may run") if tasks else None)
    pd.testing.assert_frame_equal(bs.compare(made(), **COMPARED, out="results").to_frame(), first)


def test_what_is_found_by_a_search_is_warned_of_in_python():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = bs.train(made(), method="random", epochs=2, batch_size=16)
    assert model.summary["search"]["learning_rates"]
    assert {warning.filename for warning in caught if "learning rate" in str(warning.message)} <= {__file__}


@pytest.mark.parametrize(("verb", "command"), [(bs.compare, compare_command), (bs.train, train_command)])
def test_python_takes_what_the_command_takes(verb, command):
    application = typer.Typer(add_completion=False)
    application.command()(command)
    options = {
        parameter.name for parameter in get_command(application).params if not getattr(parameter, "hidden", False)
    }
    options -= {"help", "as_json"}
    words = {"option": "method_options"}  # NAME=VALUE on the command line
    options = {words.get(name, name) for name in options}
    own = set(inspect.signature(verb).parameters) - {"options", "progress"}
    reading = set(list(inspect.signature(bs.data.load).parameters)[1:]) - {"offline"}
    assert own | reading | set(NAMES) == options
    for name, parameter in inspect.signature(verb).parameters.items():
        assert name in ("data", "options") or parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert re.search(rf"^\s+{name}: ", verb.__doc__, flags=re.MULTILINE), name


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"epohcs": 3}, TypeError, r"has no argument 'epohcs': did you mean 'epochs'"),
        ({"epochs": "many"}, ValueError, "epochs must be a number or 'auto', got 'many'"),
        ({"model": "mpl"}, ValueError, "unknown model 'mpl': did you mean 'mlp'"),
        ({"settings": "tunde"}, ValueError, "did you mean 'tuned'"),
        ({"labels": 3}, ValueError, "labels came with data that are loaded already: leave it out"),
        ({"device": "nowhere"}, ValueError, "device 'nowhere' cannot be used here"),
        ({"hyperparameters": {"hiden": 2}}, ValueError, "mlp has no hyperparameter 'hiden'"),
        ({"log": "mflow"}, ValueError, "did you mean 'mlflow'"),
    ],
)
@pytest.mark.parametrize("verb", [bs.compare, bs.train])
def test_mistakes_of_both(verb, arguments, error, message):
    with pytest.raises(error, match=message):
        verb(made(), **{**SHORT, **arguments})
    assert not Path("runs").exists()
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": ["random", "hrd"]}, "unknown method 'hrd': did you mean 'hard'"),
        ({"methods": "random,random"}, "distinct"),
        ({"losses": "bce,focl"}, "unknown loss 'focl'"),
        ({"losses": "bce,bce"}, "bce comes twice"),
        ({"losses": "bce,focal", "loss": "bce"}, "loss bce came with losses bce, focal: leave out the loss"),
        ({"recipe": "shrt"}, "there is no recipe 'shrt'"),
        ({"jobs": 0}, "jobs must be at least 1, or -1"),
        ({"folds": 1}, "num_folds must be at least 2 and at most 1000, got 1"),
    ],
)
def test_mistakes_of_compare(arguments, message):
    with pytest.raises(ValueError, match=message):
        bs.compare(made(), **{**SHORT, **arguments})


def test_mistakes_of_train():
    with pytest.raises(ValueError, match="recipe 'short' is method 'balanced_pass' with loss 'pos_weight'"):
        bs.train(made(), **SHORT, recipe="short", method="random")
    with pytest.raises(ValueError, match="random has no option 'window'"):
        bs.train(made(), **SHORT, method="random", method_options={"window": 2})
    bs.train(made(), **SHORT, method="random", out="run")
    with pytest.raises(ValueError, match=r"run holds another run: epochs 2, now 1\. Choose another folder"):
        bs.train(made(), **{**SHORT, "epochs": 1}, method="random", out="run")


def test_a_missing_extra_is_explained(monkeypatch):
    monkeypatch.setattr("batchsift.verbs.sources.find_spec", lambda name: None if name == "filelock" else object())
    for verb in (bs.compare, bs.train):
        with pytest.raises(ImportError, match=r'needs filelock: pip install "batchsift\[experiments\]"'):
            verb(made())
