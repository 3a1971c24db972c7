"""`batchsift study`: runs that survive being killed, what is said of mistakes, and how far a study is."""

import json
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from batchsift.studies import executor
from batchsift.studies import run as study_runs
from batchsift.studies.grid import read_study
from batchsift.studies.store import Store
from batchsift.training.provenance import versions

ROOT = Path(__file__).parents[2]
STUDY = """
data = [{ source = "small.arff", labels = 2 }]
models = ["mlp"]
methods = ["random", "hard", "d2ace"]
folds = 2

[training]
epochs = 2
batch_size = 16
min_positives = 5
"""


@pytest.fixture(autouse=True)
def one_version():
    """Of the code too, whoever edits it meanwhile."""
    versions()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    features = np.random.default_rng(0).normal(size=(160, 3)).round(3)
    names = [f"@attribute x{d} numeric" for d in range(3)] + ["@attribute u {0,1}", "@attribute v {0,1}"]
    rows = [",".join(map(str, [*row, int(row[0] > 0), int(row[1] > 0)])) for row in features.tolist()]
    (tmp_path / "small.arff").write_text("\n".join(["@relation small", *names, "@data", *rows]))
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(store):
    return {cell.key: {**cell.document, "timings": 0} for cell in store.cells()}


# --- Survival -----------------------------------------------------------------------------------------------


def test_killed_again_and_again_it_ends_as_if_undisturbed(batchsift, folder, server):
    text = STUDY.replace("folds = 2", "folds = 2\nseeds = [0, 1, 2]").replace("epochs = 2", "epochs = 20")
    (folder / "study.toml").write_text(text)
    moments, killed = random.Random(0), Store(folder / "killed")
    for jobs in (2, 1, 1):
        words, before = ["study", "run", "study.toml", "--out", "killed", "--jobs", str(jobs)], len(killed.keys())
        process = server.start(words, folder, folder / "stderr")
        while process.ended(0.01) is None and len(killed.keys()) == before:
            pass
        time.sleep(moments.uniform(0, 0.3))
        process.signal(signal.SIGKILL)
        assert process.ended(60) == -signal.SIGKILL, "it was still at work"
    left = 18 - len(killed.keys())
    assert left > 0
    code, _, told = batchsift("study", "run", "study.toml", "--out", "killed", "--jobs", 1)
    assert code == 0, told
    assert told.count("\ncell ") == left
    study, whole = read_study(folder / "study.toml"), Store(folder / "whole")
    study_runs.run_study(study, whole)
    assert contents(killed) == contents(whole)
    assert not list((folder / "killed" / "cells").glob(".*"))


def test_two_at_once_is_refused(batchsift, folder):
    with Store(folder / "out").locked():
        code, _, err = batchsift("study", "run", "study.toml", "--out", "out")
    assert (code, Store(folder / "out").keys()) == (2, set())
    assert err.startswith("batchsift: another run works in out: ")


# --- What is said -------------------------------------------------------------------------------------------


def test_run_and_status(batchsift, folder):
    code, out, err = batchsift("study", "run", "study.toml")
    assert code == 0
    assert [line.partition(":")[0] for line in err.splitlines()] == [f"cell {n}/6" for n in range(1, 7)]
    assert "left" in err.splitlines()[0]
    assert "6 cells: 6 done" in out
    lost = sorted((folder / "results" / "study" / "cells").iterdir())[0]
    lost.unlink()
    for arguments in (["results/study"], ["study.toml"], ["study.toml", "--out", "results/study"]):
        code, out, _ = batchsift("study", "status", *arguments, "--json")
        content = json.loads(out)
        assert (code, content["cells"], content["done"], content["left"]) == (0, 6, 5, 1)
        assert 0 < content["seconds_left"] < content["seconds"]
    code, out, _ = batchsift("study", "status", "results/study")
    assert (code, "5 done" in out, "1 left" in out) == (0, True, True)
    code, out, err = batchsift("study", "run", "study.toml", "--json")
    assert (code, json.loads(out)["done"]) == (0, 6)
    assert err.splitlines()[0] == "5 of 6 cells are done already"
    assert json.loads((folder / "results" / "study" / "study.json").read_text())["source"] == STUDY


def test_failed_cells_are_shown_and_run_again(batchsift, folder, monkeypatch):
    real = executor.run_fold

    def failing(*args, **options):
        if options["method"] == "hard":
            raise RuntimeError("out of luck")
        return real(*args, **options)

    monkeypatch.setattr(executor, "run_fold", failing)
    code, out, err = batchsift("study", "run", "study.toml", "--out", "out")
    assert (code, err.count("FAILED: RuntimeError: out of luck")) == (1, 2)
    assert "--retry-failed runs them again" in out
    code, out, _ = batchsift("study", "status", "out", "--json")
    assert (code, [failure["error"] for failure in json.loads(out)["failures"]]) == (
        0,
        ["RuntimeError: out of luck"] * 2,
    )
    monkeypatch.setattr(executor, "run_fold", real)
    assert batchsift("study", "run", "study.toml", "--out", "out")[0] == 1
    code, out, _ = batchsift("study", "run", "study.toml", "--out", "out", "--retry-failed", "--json")
    assert (code, json.loads(out)["failed"]) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"hard"', '"hrd"', "study.toml, line 4: methods, entry 2: unknown method 'hrd': did you mean 'hard'?"),
        ("folds", "fold", "study.toml, line 5: fold: unknown key 'fold': did you mean 'folds'?"),
        ("epochs = 2", 'epochs = "2"', "study.toml, line 8: training, epochs: this should be a valid integer, got '2'"),
        ("small.arff", "smal.arff", "line 2: data, entry 1: there is no file"),
        ("data =", "data", "study.toml, line 2: not TOML: "),
    ],
)
def test_mistakes_are_said_and_nothing_runs(batchsift, folder, old, new, message):
    (folder / "study.toml").write_text(STUDY.replace(old, new))
    code, out, err = batchsift("study", "run", "study.toml", "--out", "out")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("batchsift: ")
    assert message in err
    assert not (folder / "out").exists()


def test_every_mistake_has_a_line(batchsift, folder):
    (folder / "study.toml").write_text(STUDY.replace('"hard"', '"hrd"').replace("folds", "fold"))
    _, _, err = batchsift("study", "run", "study.toml")
    assert [line.partition(": ")[2].partition(":")[0] for line in err.splitlines()] == [
        "study.toml, line 4",
        "study.toml, line 5",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "stdy.toml"], "batchsift: there is no file stdy.toml: did you mean 'study.toml'?"),
        (["run", "study.toml", "--jobs", "0"], "--jobs"),
        (["run", "study.toml", "--out", "small.arff"], "cannot write into"),
        (["status", "."], "no folder of a study"),
        (["status", "none"], "batchsift: there is no file none: There are study.toml"),
    ],
)
def test_other_mistakes(batchsift, folder, arguments, message):
    code, out, err = batchsift("study", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_an_interruption_is_said(batchsift, folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(study_runs, "run_study", interrupted)
    code, _, err = batchsift("study", "run", "study.toml")
    assert (code, err.startswith("batchsift: interrupted; every finished cell is kept")) == (130, True)


# --- The example --------------------------------------------------------------------------------------------


def test_the_example_in_brief(batchsift, folder):
    """`make study` runs the whole of it."""
    text = (ROOT / "examples" / "study.toml").read_text(encoding="utf-8")
    assert len(read_study(ROOT / "examples" / "study.toml").tasks) == 50
    (folder / "brief.toml").write_text(text.replace("epochs = 20", "epochs = 1").replace("folds = 5", "folds = 2"))
    _, out, err = batchsift("study", "run", "brief.toml", "--json")
    assert json.loads(out)["done"] == 20
    assert err.count("note: D2ACE would never select") == 1


def test_the_store_is_read_by_duckdb_and_pandas(batchsift, folder):
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    batchsift("study", "run", "study.toml", "--out", "results/study")
    query = page.partition("```sql\n")[2].partition("```")[0]
    assert "results/study/cells/*.json" in query
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    rows = duckdb.sql(query).fetchall()
    assert [row[:4] for row in rows] == [("small", "mlp", method, 2) for method in ("d2ace", "hard", "random")]
    values = [cell.result.metrics["macro_auc"] for cell in Store("results/study").cells()]
    assert np.mean([row[4] for row in rows]) == pytest.approx(np.mean(values))
