"""Comparisons of methods, and the files they leave."""

import csv
import dataclasses
import io
import json
import math

import numpy as np
import pytest

from batchsift.data import MultiLabelData
from batchsift.files import claim, json_text, write
from batchsift.metrics import METRICS
from batchsift.studies.analysis.runs import read_runs
from batchsift.studies.comparison import compare
from batchsift.studies.config import StudyManifest
from batchsift.studies.document import document, epochs_csv
from batchsift.studies.store import Store
from batchsift.training.prepare import prepare
from batchsift.training.settings import Settings


@pytest.fixture(scope="module")
def comparison():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 4))
    data = MultiLabelData(features, features[:, :2] > 0, tuple("abcd"), ("u", "v"), name="made-up")
    settings = Settings(epochs=2, batch_size=32, num_folds=2, min_positives=5)
    return compare(prepare(data, settings, seed=1), model="mlp", methods=["uncertainty", "random"])


def test_progress_is_told_fold_by_fold(comparison):
    told = []
    compare(
        comparison.prepared,
        model="mlp",
        methods=["random", "hard"],
        on_epoch=lambda method, fold, record: told.append((fold, method, record.epoch)),
        on_run=lambda run: told.append((run.fold, run.method, "done")),
    )
    expected = [(f, m, e) for f in (0, 1) for m in ("random", "hard") for e in (0, 1, "done")]
    assert told == expected


@pytest.mark.parametrize(
    ("methods", "message"), [([], "at least one"), (["random"] * 2, "distinct"), (["randm"], "'random'")]
)
def test_methods_that_cannot_be_compared_are_refused(comparison, methods, message):
    with pytest.raises(ValueError, match=message):
        compare(comparison.prepared, model="mlp", methods=methods)


def test_random_again_is_no_method_but_chance(comparison, tmp_path):
    told = []
    again = compare(
        comparison.prepared,
        model="mlp",
        methods=["random", "hard"],
        repeat_random=True,
        store=Store(tmp_path),
        on_run=lambda run: told.append((run.fold, run.method)),
    )
    assert told == [(fold, method) for fold in (0, 1) for method in ("random", "hard", "random (again)")]
    assert (again.methods, len(again.again)) == (("random", "hard"), 2)
    assert again.scope.methods == ("random", "hard")
    assert set(again.scope.overall_ranks) == {"random", "hard"}
    expected = [
        one.metrics["macro_auc"] - other.metrics["macro_auc"]
        for one, other in zip(again.again, again.results["random"], strict=True)
    ]
    assert any(expected)
    (gains,) = again.scope.gains_of_chance("macro_auc").values()
    assert gains == pytest.approx(expected)
    assert document(again)["chance"]["gains"]["macro_auc"]["gain"] == pytest.approx(np.mean(expected))


def test_a_folder_tells_of_the_latest_comparison(comparison, tmp_path):
    store = Store(tmp_path)
    for methods in (["random", "hard"], ["random", "uncertainty"]):
        compare(
            comparison.prepared, model="mlp", methods=methods, store=store, metrics=("jaccard",), command=("a", "b")
        )
    runs = read_runs(tmp_path)
    assert (runs.methods, runs.unrelated) == (("random", "uncertainty"), 2)
    assert (runs.manifest.metrics, runs.manifest.command) == (("jaccard",), ("a", "b"))


def test_the_manifest_of_a_study_is_left_alone(comparison, tmp_path):
    store, manifest = Store(tmp_path), StudyManifest(name="study", file="study.toml", cells={})
    store.write_manifest(manifest)
    compare(comparison.prepared, model="mlp", methods=["random"], store=store)
    assert store.manifest() == manifest


@pytest.mark.parametrize(("metrics", "message"), [((), "at least one"), (("macro_f2",), "did you mean 'macro_f1'")])
def test_metrics_that_are_none_are_refused(comparison, metrics, message):
    with pytest.raises(ValueError, match=message):
        compare(comparison.prepared, model="mlp", methods=["random"], metrics=metrics)


def test_gains_are_differences_to_random_for_the_better(comparison):
    contrasts = comparison.scope.contrasts("coverage")
    assert list(contrasts) == ["uncertainty"]
    values = {method: [run.metrics["coverage"] for run in runs] for method, runs in comparison.results.items()}
    expected = np.subtract(values["random"], values["uncertainty"]).mean()
    assert contrasts["uncertainty"].gain == pytest.approx(expected)
    alone = dataclasses.replace(comparison, results={"uncertainty": comparison.results["uncertainty"]})
    assert alone.scope.contrasts("coverage") == {}


def test_document_holds_the_contract(comparison):
    content = json.loads(json_text(document(comparison)))
    assert (content["data"], content["model"]) == ("made-up", "mlp")
    assert [result["method"] for result in content["results"]] == ["uncertainty", "random"]
    for result in content["results"]:
        for shape in ("metrics", "last_metrics"):
            assert list(result[shape]) == list(METRICS)
            assert all(list(entry) == ["mean", "std", "folds"] for entry in result[shape].values())
            assert all(len(entry["folds"]) == 2 for entry in result[shape].values())
    assert content["config"]["learning_rate"] == 1e-4
    assert set(content["versions"]) == {"python", "torch", "numpy", "batchsift"}
    assert "histories" not in content


def test_histories_are_the_records_of_all_runs(comparison):
    histories = document(comparison, histories=True)["histories"]
    assert [(h["method"], h["fold"]) for h in histories] == [
        ("uncertainty", 0),
        ("uncertainty", 1),
        ("random", 0),
        ("random", 1),
    ]
    record = comparison.results["random"][1].epochs[1]
    kept = ("epoch", "learning_rate", "loss", "macro_auc", "summary")
    assert histories[3]["epochs"][1] == {name: getattr(record, name) for name in kept}


def test_nan_becomes_null(comparison):
    runs = [
        dataclasses.replace(run, metrics={**run.metrics, "macro_auc": math.nan}) for run in comparison.results["random"]
    ]
    undefined = dataclasses.replace(comparison, results={"random": tuple(runs)})
    content = json.loads(json_text(document(undefined)))
    assert content["results"][0]["metrics"]["macro_auc"] == {"mean": None, "std": None, "folds": [None, None]}


def test_epochs_table_has_a_row_an_epoch(comparison):
    rows = list(csv.DictReader(io.StringIO(epochs_csv(comparison))))
    assert len(rows) == 2 * 2 * 2
    assert [row["epoch"] for row in rows[:2]] == ["0", "1"]
    assert float(rows[5]["loss"]) == comparison.results["random"][0].epochs[1].loss
    assert rows[0]["mean_uncertainty"] != ""
    assert rows[-1]["mean_uncertainty"] == ""


def test_files_are_written_whole_and_replace_what_was_there(tmp_path):
    folder = tmp_path / "new" / "folder"
    assert write(folder, {"a.txt": b"first"}) == [folder / "a.txt"]
    write(folder, {"a.txt": b"second"})
    assert (folder / "a.txt").read_bytes() == b"second"
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write(tmp_path, {"a.txt": b"first"})
    with pytest.raises(TypeError):
        write(tmp_path, {"a.txt": "no bytes"})
    assert (tmp_path / "a.txt").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_is_a_file_cannot_be_claimed(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "under"):
        with pytest.raises(OSError, match="cannot write into"):
            claim(folder)
