"""The command line: what it prints and writes, and what it says to mistakes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from batchsift import cli, methods
from batchsift.cli import compare as compare_verb
from batchsift.metrics import METRICS
from batchsift.studies import comparison
from batchsift.studies import record as cells
from batchsift.studies.store import Store
from batchsift.training import presets

SHORT = [
    *("--epochs", "2", "--learning-rate", "1e-4", "--folds", "2"),
    *("--min-positives", "5", "--batch-size", "16", "--no-repeat"),
]


def arff(rows, labels=2):
    attributes = [f"@attribute x{d} numeric" for d in range(3)] + [f"@attribute y{j} {{0,1}}" for j in range(labels)]
    return "\n".join(["@relation made-up", *attributes, "@data", *(",".join(map(str, row)) for row in rows)])


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(240, 3)).round(3)
    path = tmp_path / "data.arff"
    path.write_text(arff([[*row, int(row[0] > 0), int(row[1] > 0)] for row in features.tolist()]))
    return path


def test_methods_are_listed(batchsift):
    code, out, err = batchsift("methods")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(methods.names())
    for name, line in zip(methods.names(), out.splitlines(), strict=True):
        method = methods.create(name)
        what = method.__doc__.partition("\n")[0]
        assert method.paper
        assert line.split(maxsplit=1)[1] == f"{what} [{method.paper}]"


def test_compare_prints_tables_and_writes_files(batchsift, data):
    code, out, err = batchsift("compare", data, "--labels", 2, *SHORT, "--methods", "random,d2ace")
    folder = Path("results") / "data-mlp"
    names = ["results.json", "epochs.csv", "convergence.png", "convergence.svg"]
    assert code == 0
    assert "Macro-AUC ↑" in out
    assert "samples left without a label" in out
    assert out.splitlines()[-4:] == [str(folder / name) for name in names]
    assert all((folder / name).stat().st_size > 500 for name in names)
    assert len(err.splitlines()) == 4, "a line for each run"
    content = json.loads((folder / "results.json").read_text())
    assert len(content["histories"]) == 4
    assert len((folder / "epochs.csv").read_text().splitlines()) == 1 + 4 * 2


def test_json_is_exactly_one_document(batchsift, data, tmp_path):
    out_folder = tmp_path / "out"
    methods = ["--methods", "random,uncertainty,d2ace"]
    code, out, err = batchsift("compare", data, "--labels", 2, *SHORT, *methods, "--json", "--out", out_folder)
    content = json.loads(out)
    assert code == 0
    assert (content["data"], content["model"]) == ("data", "mlp")
    assert [result["method"] for result in content["results"]] == ["random", "uncertainty", "d2ace"]
    assert list(content["results"][0]["metrics"]) == list(METRICS)
    assert "convergence.png" in err
    written = json.loads((out_folder / "results.json").read_text())
    assert {key: written[key] for key in content} == content


def test_the_verdict_stands_first_and_random_runs_twice(batchsift, data):
    options = [data, "--labels", 2, *SHORT[:-1], "--folds", 3, "--methods", "random,hard", "--out", "out"]
    code, text, err = batchsift("compare", *options)
    assert code == 0
    assert err.count("\nrun ") == 8, "3 folds of two methods, and of random again"
    content = json.loads(Path("out/results.json").read_text())
    assert list(content)[2] == "verdict"
    assert [result["method"] for result in content["results"]] == ["random", "hard"]
    assert content["chance"]["method"] == "random (again)"
    assert content["chance"]["metrics"]["macro_auc"]["mean"] != content["results"][0]["metrics"]["macro_auc"]["mean"]
    said = " ".join(text.split())
    assert content["verdict"]["use"] is None
    assert said.index(content["verdict"]["headline"]) < said.index("Macro-AUC ↑")
    assert all(f"- {doubt}" in said for doubt in content["verdict"]["doubts"])
    _, out, err = batchsift("compare", *options, "--json", "--no-repeat")
    assert "6 of 6 runs are taken from out" in err
    assert json.loads(out)["chance"] is None
    assert Store("out").manifest().command[:2] == ("batchsift", "compare")


@pytest.mark.parametrize(
    ("asked", "shown", "comparisons"),
    [
        (None, ("macro_auc", "macro_auprc", "macro_f1_tuned", "ranking_loss"), 4),
        ("micro_f1,coverage", ("micro_f1", "coverage"), 2),
        ("all", tuple(METRICS), 4),
    ],
)
def test_the_table_has_the_metrics_that_were_asked_for(batchsift, data, asked, shown, comparisons):
    options = [data, "--labels", 2, *SHORT, "--methods", "random,hard", *(["--metrics", asked] if asked else [])]
    _, text, _ = batchsift("compare", *options, "--out", "out")
    rows = [line.strip().split("  ")[0] for line in text.splitlines()]
    assert {key for key, metric in METRICS.items() if metric.heading in rows} == set(shown)
    content = json.loads(Path("out/results.json").read_text())
    assert content["verdict"]["comparisons"] == comparisons
    assert list(content["results"][0]["metrics"]) == list(METRICS)


def test_a_recipe_is_a_budget_that_is_meant(batchsift, data):
    options = [data, "--labels", 2, *SHORT, "--methods", "random", "--recipe", "short", "--json"]
    _, out, _ = batchsift("compare", *options)
    verdict = json.loads(out)["verdict"]
    assert verdict["use"] == "random"
    assert any(doubt.startswith("It holds for a training of 2 epochs, as asked for") for doubt in verdict["doubts"])


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_readable_line(batchsift, data):
    _, _, err = batchsift("compare", data, "--labels", 2, *SHORT, "--epochs", 1, "--methods", "d2ace", "--json")
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert notes
    assert "never select" in notes[0]
    _, _, err = batchsift("compare", data, "--labels", 2, *SHORT, "--batch-size", 512, "--methods", "random", "--json")
    assert "note: data: a training part has" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.arff"], "missing.arff"),
        (["{wrong}"], "not an ARFF file"),
        (["{three}", "--labels", "2"], "min_positives"),
        (["{three}", "--labels", "2", "--min-positives", "0"], "3 samples|2 samples"),
        (["{not01}", "--labels", "2"], "expected 0, 1"),
        (["{data}", "--labels", "100"], "--labels 100"),
        (["{data}", "--labels", "2", "--methods", "random,uncertanty"], "'uncertainty'"),
        (["{data}", "--labels", "2", "--methods", "random,random"], "distinct"),
        (["{data}", "--labels", "2", "--methods", "random,hard+pos_wieght"], "hard+pos_wieght: unknown loss"),
        (["{data}", "--labels", "2", "--methods", "random,hadr+focal"], "did you mean 'hard'"),
        (["{data}", "--labels", "2", "--recipe", "shrt"], "there is no recipe 'shrt': did you mean 'short'"),
        (["{data}", "--labels", "2", "--recipe", "short", "--model", "mpvae"], "mpvae has no cross-entropy by label"),
        (["{data}", "--labels", "2", "--methods", ""], "unknown method"),
        (["{data}", "--labels", "2", "--metrics", "macro_f2"], "unknown metric 'macro_f2': did you mean 'macro_f1'?"),
        (["{data}", "--labels", "2", "--metrics", "jaccard,jaccard"], "metrics must be distinct"),
        (["{data}", "--labels", "2", "--model", "mpl", *SHORT], "'mlp'"),
        (["{data}", "--labels", "2", "--folds", "1"], "num_folds"),
        (["{data}", "--labels", "2", "--epochs", "0"], "epochs"),
        (["{data}", "--labels", "2", "--learning-rate", "-1"], "learning_rate"),
        (["{data}", "--labels", "2", "--learning-rate", "nan"], "learning_rate"),
        (["{data}", "--labels", "2", "--seed", "-1"], "seed"),
        (["{data}", "--labels", "2", "--weight-decay", "-1"], "weight_decay"),
        (["{data}", "--labels", "2", "--jobs", "0"], "--jobs"),
        (["{data}", "--labels", "2", "--settings", "tund"], "'tuned'"),
        (["{data}", "--labels", "2", "--settings", "tuned", *SHORT], "no tuned settings for mlp on 'data'"),
        (["{data}", "--labels", "2", "--settings", "paper", "--center-sparse"], "center_sparse belongs to scaling"),
        (["{data}", "--labels", "2", "--model", "mpvae", "--loss", "focal"], "mpvae has no cross-entropy by label"),
        (["{data}", "--labels", "2", "--model", "paca"], "choose scaling 'minmax'"),
        (["{data}", "--labels", "2", "--set", "hidden="], "--set hidden=: expected NAME=VALUE"),
        (["{data}", "--labels", "2", "--set", "dropout=0", "--set", "dropout=1"], "--set dropout comes twice"),
        (["{data}", "--labels", "2", "--set", "hiden=[8]"], "'hidden'"),
        (["{data}", "--labels", "2", "--set", "hidden=8", *SHORT], "hidden=8"),
        (["{data}", "--labels", "2", "--device", "nowhere"], "device"),
        (["{data}", "--labels", "2", "--min-positives", "1000"], "min_positives=1000"),
        (["{data}", "--labels", "2", *SHORT, "--out", "{wrong}"], "cannot write into"),
        (["{data}", "--labels", "2", *SHORT, "--out", "{wrong}/under"], "cannot write into"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(batchsift, data, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(comparison, "compare", lambda *_, **__: pytest.fail("nothing may be computed"))
    paths = {"data": data}
    rows = {"wrong": None, "three": [[1, 2, 3, 1, 0], [3, 4, 5, 0, 1], [5, 6, 9, 1, 1]], "not01": [[1, 2, 3, 0, 7]]}
    for name, content in rows.items():
        paths[name] = tmp_path / f"{name}.arff"
        paths[name].write_text("hello" if content is None else arff(content).replace("{0,1}", "numeric"))
    code, out, err = batchsift("compare", *(argument.format(**paths) for argument in arguments))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("batchsift: ")
    assert any(part in err for part in message.split("|"))
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "settings", "scaling", "loss", "drawing"),
    [
        ([], "default", "standard", "bce", "systematic"),
        (["--drawing", "independent"], "default", "standard", "bce", "independent"),
        (["--settings", "paper"], "paper", "minmax", "bce", "independent"),
        (["--settings", "paper", "--scaling", "none", "--loss", "focal"], "paper", "none", "focal", "independent"),
    ],
)
def test_what_is_trained_with_is_written_down(batchsift, data, options, settings, scaling, loss, drawing):
    _, out, _ = batchsift("compare", data, "--labels", 2, *SHORT, "--methods", "random", *options, "--json")
    config = json.loads(out)["config"]
    assert (config["settings"], config["scaling"], config["loss"]) == (settings, scaling, loss)
    assert config["drawing"] == drawing
    assert config["center_sparse"] is False


def test_a_method_with_a_loss_of_its_own(batchsift, data):
    names = ["random", "random+pos_weight", "hard+focal"]
    options = ["--labels", 2, *SHORT, "--methods", ",".join(names), "--json", "--out", "out"]
    code, out, _ = batchsift("compare", data, *options)
    assert code == 0
    assert [result["method"] for result in json.loads(out)["results"]] == names
    store = Store("out")
    losses = {(cell.config.method, cell.config.base_method, cell.config.training.loss) for cell in store.cells()}
    assert losses == {("random", "random", "bce"), (names[1], "random", "pos_weight"), (names[2], "hard", "focal")}
    first_losses = {cell.config.method: cell.result.epochs[0].loss for cell in store.cells() if cell.config.fold == 0}
    assert first_losses["hard+focal"] != first_losses["random"]  # labels of this data are too frequent to be weighted
    _, text, err = batchsift("compare", data, *options[:-3], "--out", "out")
    assert "6 of 6 runs are taken from out" in err
    assert "gain over random" in text


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([], ["random", "random+pos_weight", "balanced_pass+pos_weight"]),
        (["--methods", "random,hard"], ["random", "hard", "balanced_pass+pos_weight"]),
        (["--methods", "balanced_pass+pos_weight,random"], ["balanced_pass+pos_weight", "random"]),
    ],
)
def test_the_recipe_for_few_epochs(batchsift, data, given, names):
    code, out, _ = batchsift("compare", data, "--labels", 2, *SHORT, "--recipe", "short", *given, "--json")
    assert code == 0
    assert [result["method"] for result in json.loads(out)["results"]] == names


def test_an_option_that_is_no_number_is_explained(batchsift, data):
    code, out, err = batchsift("compare", data, "--epochs", "many")
    assert (code, out) == (2, "")
    assert "--epochs" in err


@pytest.fixture
def one_version(monkeypatch):
    """Of the code too, whoever edits it meanwhile."""
    cells.versions()


def test_what_was_finished_is_not_run_again(batchsift, data, tmp_path, one_version):
    options = [data, "--labels", 2, *SHORT, "--methods", "random,hard", "--json", "--out", tmp_path / "out"]
    _, first, _ = batchsift("compare", *options)
    stored = sorted((tmp_path / "out" / "cells").iterdir())
    assert len(stored) == 4
    stored[0].unlink()
    code, second, err = batchsift("compare", *options)
    assert (code, json.loads(second)["results"][0]["metrics"]) == (0, json.loads(first)["results"][0]["metrics"])
    assert "3 of 4 runs are taken from" in err
    assert err.count("\nrun ") == 1
    _, _, err = batchsift("compare", *options, "--set", "hidden=[8]")
    assert "taken from" not in err


def test_runs_of_other_versions_are_run_again(batchsift, data, monkeypatch):
    options = [data, "--labels", 2, *SHORT, "--methods", "random", "--json"]
    batchsift("compare", *options)
    monkeypatch.setattr(cells, "versions", lambda: {"batchsift": "9"})
    monkeypatch.setattr(comparison, "versions", lambda: {"batchsift": "9"})
    _, _, err = batchsift("compare", *options)
    assert "note: 2 runs there were computed with other versions and are run again" in err
    _, _, err = batchsift("compare", *options)
    assert "2 of 2 runs are taken from" in err


def test_settings_and_hyperparameters_reach_the_runs(batchsift, data, monkeypatch, tmp_path):
    tuned = presets.Preset(settings={"epochs": 3, "learning_rate": 0.01}, hyperparameters={"dropout": 0.1})
    monkeypatch.setattr(presets, "preset", lambda *_, **__: tuned)
    options = ["--methods", "random", "--settings", "tuned", "--epochs", 2, "--weight-decay", 0, "--jobs", 2]
    more = [
        "--decay-share",
        0.5,
        "--folds",
        2,
        "--min-positives",
        5,
        "--batch-size",
        16,
        "--set",
        "hidden=[8]",
        "--json",
    ]
    code, out, _ = batchsift("compare", data, "--labels", 2, *options, *more)
    config = json.loads(out)["config"]
    assert code == 0
    assert (config["settings"], config["epochs"], config["learning_rate"]) == ("tuned", 2, 0.01)
    assert config["decay_share"] == 0.5
    assert (config["weight_decay"], config["hyperparameters"]) == (0, {"dropout": 0.1, "hidden": [8]})


@pytest.mark.filterwarnings("default")
def test_divergence_is_a_message(batchsift, data):
    code, _, err = batchsift("compare", data, "--labels", 2, *SHORT, "--learning-rate", "1e30")
    assert code == 2
    assert err.splitlines()[-1].startswith("batchsift: training diverged")


def test_a_bug_shows_where(batchsift, monkeypatch, data):
    monkeypatch.setattr(comparison, "compare", lambda *_, **__: {}["no such key"])
    monkeypatch.setenv("BATCHSIFT_TRACEBACK", "1")
    with pytest.raises(KeyError):
        batchsift("compare", data, "--labels", 2, *SHORT)


def test_an_interruption_is_said(batchsift, data, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "compare", interrupted)
    code, _, err = batchsift("compare", data, "--labels", 2, *SHORT)
    assert code == 130
    assert err.startswith("batchsift: interrupted; every finished run is kept")


def test_results_are_shown_where_they_can_no_longer_be_written(batchsift, data, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(compare_verb, "write", full)
    code, out, err = batchsift("compare", data, "--labels", 2, *SHORT, "--methods", "random", "--json")
    assert code == 2
    assert json.loads(out)["model"] == "mlp"
    assert err.splitlines()[-1] == "batchsift: no space left"


def test_a_missing_extra_is_explained(batchsift, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == "rich" else object())
    assert batchsift("methods") == (
        2,
        "",
        'batchsift: not installed: rich; pip install "batchsift[experiments]"\n',
    )


def test_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "batchsift", "methods"], capture_output=True, text=True, check=True)
    assert "random" in done.stdout.split()


@pytest.mark.skipif("BATCHSIFT_DATA" not in os.environ, reason="BATCHSIFT_DATA names no folder of data sets")
def test_emotions(batchsift):
    source = Path(os.environ["BATCHSIFT_DATA"]) / "arff" / "emotions.arff"
    options = ["--epochs", 2, "--learning-rate", 1e-4, "--decay-share", 0, "--folds", 2, "--json"]
    code, out, _ = batchsift("compare", source, "--labels", 6, *options, "--methods", "random,uncertainty,d2ace")
    content = json.loads(out)
    assert code == 0
    assert content["config"]["num_samples"] == 593
    assert all(0.4 < r["metrics"]["macro_auc"]["mean"] < 0.8 for r in content["results"])
