"""Studies: from the file to cells, and what is run of them."""

import dataclasses

import joblib
import numpy as np
import pytest

from batchsift.studies import executor, progress
from batchsift.studies import grid as study_module
from batchsift.studies import run as running
from batchsift.studies.analysis.runs import read_runs
from batchsift.studies.analysis.scopes import find_scopes
from batchsift.studies.executor import in_order
from batchsift.studies.file import StudyFileError
from batchsift.studies.grid import read_study
from batchsift.studies.progress import Forecast, study_progress
from batchsift.studies.run import MixedVersionsError, StudyCallbacks, run_study
from batchsift.studies.store import Store
from batchsift.training import presets, provenance
from batchsift.training.provenance import versions

STUDY = """
data = [{ source = "small.arff", labels = 2 }]
models = ["mlp"]
methods = ["random", "hard"]
folds = 2

[training]
epochs = 2
batch_size = 16
min_positives = 5
"""


def arff(features):
    names = [f"@attribute x{d} numeric" for d in range(3)] + ["@attribute u {0,1}", "@attribute v {0,1}"]
    rows = [",".join(map(str, [*row, int(row[0] > 0), int(row[1] > 0)])) for row in features.tolist()]
    return "\n".join(["@relation small", *names, "@data", *rows])


@pytest.fixture
def folder(tmp_path):
    features = np.random.default_rng(0).normal(size=(160, 3)).round(3)
    (tmp_path / "small.arff").write_text(arff(features))
    (tmp_path / "half.arff").write_text(arff(features[:80]))
    return tmp_path


@pytest.fixture(autouse=True)
def one_version():
    """Of the code too, whoever edits it meanwhile."""
    versions()


def study_of(folder, text=STUDY):
    (folder / "study.toml").write_text(text)
    return read_study(folder / "study.toml")


def contents(store):
    return {cell.key: {**cell.document, "timings": 0} for cell in store.cells()}


# --- From the file to cells ---------------------------------------------------------------------------------


def test_every_cell_of_the_grid(folder):
    text = STUDY.replace("folds = 2", 'folds = 2\nseeds = [4, 5]\nsettings = ["paper", {name = "long", epochs = 9}]')
    configs = study_of(folder, text).configs
    found = {(c.data, c.model, c.method, c.settings, c.fold, c.seed) for c in configs}
    expected = {
        ("small", "mlp", method, settings, fold, seed)
        for method in ("random", "hard")
        for settings in ("paper", "long")
        for fold in (0, 1)
        for seed in (4, 5)
    }
    assert (len(configs), found) == (16, expected)
    assert {c.training.epochs for c in configs if c.settings == "long"} == {9}
    assert {(c.training.num_folds, c.training.batch_size) for c in configs} == {(2, 16)}


def test_random_is_repeated_where_the_study_asks_for_it(folder):
    study = study_of(folder, STUDY.replace("folds = 2", "folds = 2\nrepeat_random = true\nbudget = true"))
    names = ("random", "random (again)", "hard")
    assert [(c.fold, c.method) for c in study.configs] == [(fold, name) for fold in (0, 1) for name in names]
    assert study.manifest(()).budget
    store = Store(folder / "out")
    run_study(study, store)
    runs = read_runs(store.folder)
    assert (runs.methods, len(runs.runs), len(runs.again)) == (("random", "hard"), 4, 2)
    scope = find_scopes(runs, alpha=0.05, family=study.metrics)[0]
    assert list(scope.gains_of_chance("macro_auc")) == ["small"]


def test_parts_are_put_together_and_named(folder):
    text = STUDY.replace('"small.arff", ', '["half.arff", "half.arff"], name = "twice", ')
    task = study_of(folder, text).tasks[0]
    prepared = task.source.prepare(task.config)
    assert (task.config.data, prepared.kept_samples.max() >= 80) == ("twice", True)


def test_overrides_come_last_and_where_they_belong(folder, monkeypatch):
    tuned = presets.Preset(settings={"epochs": 50, "learning_rate": 0.5}, hyperparameters={"dropout": 0.5})
    monkeypatch.setattr(study_module, "preset", lambda *_, **__: tuned)
    text = (
        STUDY.replace("data = [", 'data = [{ source = "half.arff", labels = 2 }, ').replace("epochs = 2\n", "")
        + '[[overrides]]\nwhere = {data = "half"}\nset = {learning_rate = 0.1, hyperparameters = {hidden = [4]}}\n'
    )
    configs = study_of(folder, 'settings = ["tuned"]\n' + text).configs
    found = {(c.data, c.training.epochs, c.training.learning_rate, str(c.hyperparameters)) for c in configs}
    assert found == {
        ("half", 50, 0.1, "{'dropout': 0.5, 'hidden': [4]}"),
        ("small", 50, 0.5, "{'dropout': 0.5}"),
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("small.arff", "smal.arff", 2, "smal.arff"),
        ("small.arff", "digts", 2, "'digits'"),
        ("labels = 2", "labels = 9", 2, "9 labels among 5"),
        ("data = [", 'data = [{ source = "small.arff", labels = 2 }, ', 2, "two data sets named 'small'"),
        ("folds = 2", 'settings = ["tuned"]', 5, "no tuned settings for mlp on 'small'"),
        ("min_positives = 5", "min_positives = 500", 2, "min_positives=500"),
        ("epochs = 2", 'device = "nowhere"', 8, "device 'nowhere' cannot be used"),
        (
            "folds = 2",
            'settings = [{name="x", hyperparameters={hiden=[3]}}]',
            5,
            "hyperparameters, hiden: mlp has no hyperparameter 'hiden': did you mean 'hidden'?",
        ),
        ("folds = 2", 'settings = [{name="x", hyperparameters={dropout=2}}]', 5, "dropout must be in [0, 1), got 2"),
        ("[training]", '[[overrides]]\nwhere = {data="smal"}\nset = {}\n[training]', 8, "'small'"),
    ],
)
def test_what_the_file_alone_does_not_tell_is_found_too(folder, old, new, line, words):
    with pytest.raises(StudyFileError) as caught:
        study_of(folder, STUDY.replace(old, new, 1))
    assert f"line {line}: " in str(caught.value)
    assert words in str(caught.value)


# --- Running ------------------------------------------------------------------------------------------------


def test_nothing_is_run_twice(folder):
    study, store = study_of(folder), Store(folder / "out")
    after = run_study(study, store, command=["again"])
    assert (len(after.done), after.failed, after.left, after.unrelated) == (4, (), (), 0)
    assert [cell.config for cell in store.cells()] == list(study.configs)
    assert store.manifest().command == ("again",)
    before = contents(store)
    lost = study.configs[2].key
    (folder / "out" / "cells" / f"{lost}.json").unlink()
    ran = []
    run_study(study, store, callbacks=StudyCallbacks(on_cell=lambda cell: ran.append(cell.key)))
    assert ran == [lost]
    assert contents(store) == before, "bit by bit, timings apart"


def test_processes_change_nothing(folder):
    study, one, two = study_of(folder), Store(folder / "one"), Store(folder / "two")
    run_study(study, one)
    run_study(study, two, jobs=2)
    assert contents(one) == contents(two)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_another_backend_changes_nothing(folder):
    study, one, two = study_of(folder), Store(folder / "one"), Store(folder / "two")
    run_study(study, one)
    with joblib.parallel_config(backend="multiprocessing"):
        run_study(study, two, jobs=2)
    assert contents(one) == contents(two)
    with joblib.parallel_config(backend="threading"), pytest.raises(ValueError, match="cannot run in threads"):
        run_study(study, Store(folder / "three"), jobs=2)


def test_cells_of_a_fold_are_paired(folder):
    store = Store(folder / "out")
    run_study(study_of(folder, STUDY.replace("epochs = 2", "epochs = 1")), store)
    by_fold = {}
    for cell in store.cells():
        # One epoch of shuffled passes: the same weights and the same split start alike.
        by_fold.setdefault(cell.config.fold, []).append((cell.facts, cell.result.epochs[0].loss))
    for (facts, loss), (other_facts, other_loss) in by_fold.values():
        assert facts == other_facts
        assert loss == pytest.approx(other_loss, rel=0.05)


def test_a_changed_study_keeps_what_still_belongs_to_it(folder):
    store = Store(folder / "out")
    run_study(study_of(folder), store)
    changed = study_of(folder, STUDY.replace('"hard"', '"d2ace"'))
    told = []
    after = run_study(
        changed, store, callbacks=StudyCallbacks(on_start=lambda before, todo: told.append((before, todo)))
    )
    [(before, todo)] = told
    assert (len(before.done), before.unrelated, {c.method for c in todo}) == (2, 2, {"d2ace"})
    assert (len(after.done), after.unrelated, len(store.keys())) == (4, 2, 6)


def test_changed_data_are_other_cells(folder):
    store = Store(folder / "out")
    run_study(study_of(folder), store)
    (folder / "small.arff").write_text((folder / "half.arff").read_text())
    assert len(study_progress(study_of(folder).configs, store).left) == 4


def test_data_that_change_meanwhile_fail_the_cell(folder):
    study, store = study_of(folder), Store(folder / "out")
    (folder / "small.arff").write_text((folder / "half.arff").read_text())
    after = run_study(study, store)
    assert len(after.failed) == 4
    assert "its content has changed" in after.failed[0].error


def test_a_failed_cell_stops_no_other_and_is_run_again_when_asked(folder, monkeypatch):
    study, store = study_of(folder), Store(folder / "out")
    real = executor.run_fold

    def failing(*args, **options):
        if (options["method"], options["fold"]) == ("hard", 1):
            raise RuntimeError("out of luck")
        return real(*args, **options)

    monkeypatch.setattr(executor, "run_fold", failing)
    after = run_study(study, store)
    assert (len(after.done), [known.error for known in after.failed]) == (3, ["RuntimeError: out of luck"])
    assert "out of luck" in store.read(after.failed[0].config.key).error.traceback
    monkeypatch.setattr(executor, "run_fold", real)
    assert len(run_study(study, store).failed) == 1, "it is not run again by itself"
    assert len(run_study(study, store, retry_failed=True).done) == 4


def test_versions_are_not_mixed_unasked(folder, monkeypatch):
    study, store = study_of(folder), Store(folder / "out")
    run_study(study, store)
    changed = {**versions(), "torch": "99"}
    for module in (progress, running, provenance):
        monkeypatch.setattr(module, "versions", lambda: changed)
    assert len(run_study(study, store).outdated) == 4, "nothing is left to run: nothing to refuse"
    more = study_of(folder, STUDY.replace('"hard"', '"hard", "d2ace"'))
    with pytest.raises(MixedVersionsError, match=r"4 finished cells .*torch .*, here 99.*--mix-versions"):
        run_study(more, store)
    assert len(store.keys()) == 4
    assert len(run_study(more, store, mix_versions=True).done) == 6


def test_large_data_come_first_and_folds_stay_together(folder):
    text = STUDY.replace("data = [", 'data = [{ source = "half.arff", labels = 2 }, ')
    order = [(task.config.data, task.config.fold) for task in in_order(study_of(folder, text).tasks)]
    assert order == [(data, fold) for data in ("small", "half") for fold in (0, 0, 1, 1)]


def test_forecast(folder):
    configs = {(c.method, c.fold): c for c in study_of(folder).configs}
    random, hard = configs["random", 0], configs["hard", 0]
    forecast = Forecast()
    assert forecast.seconds([hard]) is None
    forecast.add(random, 10.0)
    assert forecast.seconds([hard, random], jobs=2) == 10.0, "of the same model, until there is one of its own"
    forecast.add(hard, 30.0)
    assert forecast.seconds([configs["hard", 1], configs["random", 1]]) == 40.0
    longer = dataclasses.replace(hard, training=dataclasses.replace(hard.training, epochs=4))
    assert forecast.seconds([longer]) == 60.0


def test_settings_that_do_not_go_together_are_said_with_their_line(folder):
    text = STUDY.replace('models = ["mlp"]', 'models = ["mlp", "mpvae", "paca"]')
    text = text.replace("folds = 2", 'settings = ["paper", { name = "own", loss = "focal" }]\nfolds = 2')
    with pytest.raises(StudyFileError) as caught:
        study_of(folder, text)
    said = str(caught.value)
    assert "line 5: settings, entry 2: mpvae has no cross-entropy by label that the loss 'focal' could replace" in said
    assert "line 5: settings, entry 2: paca takes features in [0, 1], got scaling 'standard'" in said
    assert "entry 1" not in said
    text = STUDY.replace("folds = 2", 'settings = [{ name = "own", base = "paper", center_sparse = true }]\nfolds = 2')
    with pytest.raises(
        StudyFileError, match=r"line 5: settings, entry 1: center_sparse belongs to .*'minmax': leave it"
    ):
        study_of(folder, text)


def test_one_word_says_the_papers_settings(folder):
    (_, cell, *_) = study_of(folder, STUDY.replace("folds = 2", 'settings = ["paper", "default"]\nfolds = 2')).configs
    assert cell.training == dataclasses.replace(cell.training, **presets.PAPER)
    cell = study_of(folder).configs[0]
    assert (cell.settings, cell.training.scaling) == ("default", "standard")
