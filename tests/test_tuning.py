"""The search for tuned settings, on a made-up set and with hardly any training; and the tables made of its outcome."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from arff_text import TWO_AND_TWO, arff, xml
from batchsift import data as datasets
from batchsift.training import fold as protocol
from batchsift.training import presets
from batchsift.training.prepare import prepare

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def tune(monkeypatch, tmp_path):
    pytest.importorskip("optuna")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import tune

    features = np.random.default_rng(0).normal(size=(300, 2)).round(3)
    rows = [f"{x},{y},{int(x > 0)},{int(y > 0)}" for x, y in features.tolist()]
    (tmp_path / "made.arff").write_text(arff(TWO_AND_TWO, rows))
    (tmp_path / "made.xml").write_text(xml("a", "b"))
    monkeypatch.setenv("BATCHSIFT_DATA", str(tmp_path))
    monkeypatch.setattr(tune, "STEPS", (2, 4))
    monkeypatch.setattr(tune, "FOUND", tmp_path / "tuning.json")
    monkeypatch.setattr(presets, "TUNED", tmp_path / "presets.json")
    return tune


def run(tune, monkeypatch, tmp_path, *options):
    command = ["tune.py", "made", "--models", "mlp", "--folds", "2", "--journal", str(tmp_path / "log"), *options]
    monkeypatch.setattr(sys, "argv", command)
    tune.main()


def test_a_search_goes_on_where_it_stopped_and_leaves_settings_that_run(tune, monkeypatch, tmp_path, capsys):
    run(tune, monkeypatch, tmp_path, "--trials", "2")
    assert len(capsys.readouterr().out.splitlines()) == 2
    run(tune, monkeypatch, tmp_path, "--trials", "3")
    assert len(capsys.readouterr().out.splitlines()) == 1
    run(tune, monkeypatch, tmp_path, "--trials", "3", "--minutes", "0")
    assert capsys.readouterr().out == ""
    found = presets.read(tmp_path / "presets.json")["mlp"]["made"]
    assert found.settings["decay_share"] == 0.9
    assert found.hyperparameters["hidden"] in ([256, 256], [512, 512], [1024, 1024])
    assert json.loads((tmp_path / "tuning.json").read_text())["mlp"]["made"]["trials"] == 3


def test_a_search_sees_no_sample_of_the_test_part_of_its_fold(tune, monkeypatch, tmp_path):
    seen = []
    run_fold = protocol.run_fold
    monkeypatch.setattr(
        protocol,
        "run_fold",
        lambda prepared, **options: seen.append((options["fold"], prepared.splits)) or run_fold(prepared, **options),
    )
    run(tune, monkeypatch, tmp_path, "--trials", "1")
    outer = prepare(datasets.load(tmp_path / "made.arff")).splits
    assert [fold for fold, _ in seen] == [0, 1]
    for fold, splits in seen:
        inner, parts = splits[fold], outer[fold]
        rows = np.concatenate([inner.train, inner.test])
        assert sorted(rows) == parts.train.tolist()
        assert inner.validation.tolist() == parts.validation.tolist()
        assert len(inner.test) == pytest.approx(0.25 * len(parts.train), abs=3)
        assert not set(rows) & set(parts.test.tolist())


def test_the_page_has_the_tables_of_what_was_measured(monkeypatch, tmp_path):
    pytest.importorskip("optuna")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import model_figures

    page = model_figures.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(model_figures, "PAGE", tmp_path / "models.md")
    model_figures.PAGE.write_text(page, encoding="utf-8")
    model_figures.write_tables()
    assert model_figures.PAGE.read_text(encoding="utf-8") == page
