"""From a store to claims: what is read, what is compared with what, what is said of it."""

import json
import math
import re

import numpy as np
import pytest

from batchsift.metrics import METRICS
from batchsift.studies.analysis.claims import describe_tests, make_claims
from batchsift.studies.analysis.contrasts import Verdict
from batchsift.studies.analysis.runs import Block, read_runs
from batchsift.studies.analysis.scopes import find_scopes
from report.synthetic_study import write_study

SMALL = {"epochs": 8, "labels": 4}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    return read_runs(write_study(folder, models=("mlp", "clif"), failed=(4,), left=(0, 9), **SMALL))


def scope_of(folder, alpha=0.05, **options):
    return find_scopes(read_runs(write_study(folder, **(SMALL | options))), alpha=alpha)[0]


def test_reading_keeps_the_order_and_says_what_is_not_there(three):
    assert (len(three.planned), len(three.runs), len(three.failures), len(three.missing)) == (90, 87, 1, 2)
    assert three.methods == ("random", "uncertainty", "d2ace")
    assert three.data == ("emotions", "scene", "yeast")
    assert Block.of_config(three.missing[0]) == Block("emotions", "mlp", "paper")
    assert three.missing[0].method == "random"
    assert three.failures[0].error.type == "DivergedError"
    assert three.manifest.command[:3] == ("batchsift", "study", "run")
    run = three.runs[-1]
    assert run.curve.shape == (8,)
    assert run.label_traces["uncertainty"].shape == (8, 4)
    assert run.quantiles["loss"].shape == (8, 21)
    assert math.isnan(run.label_auc[0])
    assert run.facts.test_to_train == pytest.approx(0.25)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no study in"):
        read_runs(tmp_path)
    write_study(tmp_path, data=("emotions",), **SMALL)
    next((tmp_path / "cells").glob("*.json")).write_text("{")
    with pytest.raises(ValueError, match="is not a JSON document"):
        read_runs(tmp_path)


def test_cells_the_study_does_not_ask_for_are_left_out(tmp_path):
    """Its file was changed from 9 epochs to 8: the old cells lie in the same folder."""
    write_study(tmp_path, data=("emotions",), **(SMALL | {"epochs": 9}))
    study = read_runs(write_study(tmp_path, data=("emotions",), **SMALL))
    assert (len(study.runs), study.unrelated, len(study.planned)) == (15, 15, 15)
    assert {len(run.curve) for run in study.runs} == {8}


def test_without_a_study_file_the_latest_of_its_kind_count(tmp_path):
    """Two comparisons into one folder: only runs of the same settings are compared."""
    for started, epochs, methods in (
        ("2026-01-01", 9, ("random", "hard", "d2ace")),
        ("2026-01-02", 8, ("random", "hard")),
    ):
        write_study(tmp_path / "new", data=("emotions",), methods=methods, **(SMALL | {"epochs": epochs}))
        for path in list((tmp_path / "new" / "cells").glob("*.json")):
            cell = json.loads(path.read_text())
            cell["timings"]["started"] = started
            (tmp_path / "cells").mkdir(exist_ok=True)
            (tmp_path / "cells" / path.name).write_text(json.dumps(cell))
            path.unlink()
    study = read_runs(tmp_path)
    assert (len(study.runs), study.unrelated) == (10, 15)
    assert study.methods == ("random", "hard")
    assert {len(run.curve) for run in study.runs} == {8}
    assert study.missing == ()


def test_only_what_all_methods_have_finished_is_compared(three):
    scope = find_scopes(three, alpha=0.05)[0]
    # Of emotions with mlp, Random lacks fold 0, uncertainty fold 1, Random fold 3.
    assert {len(runs) for runs in scope.runs["emotions"].values()} == {7}
    assert {len(runs) for runs in scope.runs["scene"].values()} == {10}
    assert scope.notes == ("emotions: only the 7 of 10 runs that all methods have finished",)


def test_data_sets_are_the_units_not_models(three):
    found = find_scopes(three, alpha=0.05)
    assert [scope.model for scope in found] == [None, "mlp", "clif"]
    contrast = found[0].contrasts("macro_auc")["d2ace"]
    assert [one.data for one in contrast.data_sets] == ["emotions", "scene", "yeast"]
    assert len(contrast.data_sets[1].folds) == 5  # two models on a fold are one difference


@pytest.mark.parametrize(("key", "sign"), [("macro_auc", 1), ("ranking_loss", -1)])
def test_gains_are_paired_differences_for_the_better(tmp_path, key, sign):
    scope = scope_of(tmp_path, data=("emotions",))
    cells = [json.loads(path.read_text()) for path in (tmp_path / "cells").glob("*.json")]
    by = {(cell["config"]["method"], cell["config"]["fold"]): cell["metrics"][key] for cell in cells}
    expected = [sign * (by["d2ace", fold] - by["random", fold]) for fold in range(5)]
    unit = scope.contrasts(key)["d2ace"].data_sets[0]
    assert unit.folds == pytest.approx(expected)
    assert unit.gain == pytest.approx(np.mean(expected))


def test_random_reaches_its_own_best_at_its_best_epoch(tmp_path):
    scope = scope_of(tmp_path)
    for by in scope.runs.values():
        for run in by["random"].values():
            assert scope.duration(run).epochs == run.best_epoch + 1
            assert scope.duration(run).reached


def test_with_enough_data_sets_the_test_is_over_them(tmp_path):
    names = [f"set {number}" for number in range(8)]
    scope = scope_of(tmp_path, data=names, gain={"d2ace": 0.02, "uncertainty": -0.02}, folds=3)
    contrasts = scope.contrasts("macro_auc")
    assert contrasts["d2ace"].verdict == Verdict.BETTER
    assert contrasts["uncertainty"].verdict == Verdict.WORSE
    assert contrasts["d2ace"].over == "data sets"
    assert contrasts["d2ace"].significance.p_value == pytest.approx(2 * 2 / 2**8)
    assert scope.friedman("macro_auc").significance.below(0.01)
    # At a stricter level eight data sets cannot tell anything apart, whatever they say.
    strict = find_scopes(read_runs(tmp_path), alpha=0.001)[0].contrasts("macro_auc")["d2ace"]
    assert strict.significance.p_value is None


def test_with_few_data_sets_each_is_tested_by_itself(tmp_path):
    scope = scope_of(tmp_path, gain={"d2ace": 0.05, "uncertainty": 0.0})
    contrasts = scope.contrasts("macro_auc")
    assert contrasts["d2ace"].significance.p_value is None
    assert contrasts["d2ace"].told_apart == (3, 0)
    assert contrasts["d2ace"].verdict == Verdict.BETTER
    assert contrasts["uncertainty"].verdict == Verdict.OPEN
    assert "Too few data sets (3; 2 comparisons)" in describe_tests(scope, "macro_auc")
    assert "Nothing here speaks of others" in describe_tests(scope, "macro_auc")


@pytest.mark.parametrize(
    ("better", "worse", "of", "verdict"),
    [
        (3, 0, 3, Verdict.BETTER),
        (0, 3, 3, Verdict.WORSE),
        (1, 0, 3, Verdict.PARTLY_BETTER),
        (0, 1, 3, Verdict.PARTLY_WORSE),
        (1, 1, 3, Verdict.MIXED),
        (0, 0, 3, Verdict.OPEN),
    ],
)
def test_verdicts_of_data_sets_one_by_one(tmp_path, better, worse, of, verdict):
    import dataclasses

    contrast = scope_of(tmp_path, folds=3).contrasts("macro_auc")["d2ace"]
    signs = [1] * better + [-1] * worse + [0] * (of - better - worse)
    data_sets = tuple(
        dataclasses.replace(one, gain=float(sign or 1), p_value=0.01 if sign else 0.5)
        for one, sign in zip(contrast.data_sets, signs, strict=True)
    )
    assert dataclasses.replace(contrast, data_sets=data_sets).verdict == verdict


def test_two_folds_are_too_few_for_any_test(tmp_path):
    scope = scope_of(tmp_path, folds=2)
    contrast = scope.contrasts("macro_auc")["d2ace"]
    assert contrast.verdict == Verdict.UNTESTED
    assert "too few folds (2)" in describe_tests(scope, "macro_auc")
    assert "no test could be made" in make_claims(scope, ("macro_auc",))[0].summary[0]


@pytest.mark.parametrize("options", [{}, {"data": ("one",)}, {"folds": 2}, {"folds": 1}, {"epochs": 1}])
def test_no_sentence_holds_what_is_no_number(tmp_path, options):
    scope = scope_of(tmp_path, **options)
    for one in make_claims(scope, tuple(METRICS)):
        for text in (*one.summary, *(claim.sentence for claim in (*one.prediction, *one.convergence))):
            assert not re.search(r"\b(nan|None|inf)\b", text)


def test_sentences_say_how_much_how_surely_and_on_what(tmp_path):
    scope = scope_of(tmp_path, data=("emotions",), gain={"d2ace": 0.05})
    claim = make_claims(scope, ("macro_auc",))[1].prediction[0]
    assert re.fullmatch(
        r"Better by 0\.05\d\d \(95 % interval \+0\.0\d{3} to \+0\.0\d{3}\)\. Ahead on 5 of 5 folds, p (=|<) 0\.\d+\.",
        claim.sentence,
    )
    speed = make_claims(scope, ("macro_auc",))[1].convergence[0]
    assert "epochs fewer on average" in speed.sentence
    assert "5 of 5 get there" in speed.sentence


def test_runs_that_never_get_there_are_said(tmp_path):
    scope = scope_of(tmp_path, gain={"d2ace": -0.2})
    sentence = make_claims(scope, ("macro_auc",))[1].convergence[0].sentence
    assert sentence.startswith("Only 0 of 15 runs reach Random's best within 8 epochs; Random's own after ")


def test_an_undefined_metric_is_named_not_printed(tmp_path):
    write_study(tmp_path, **SMALL)
    for path in (tmp_path / "cells").glob("*.json"):
        cell = json.loads(path.read_text())
        cell["metrics"]["macro_f1"] = None
        path.write_text(json.dumps(cell))
    scope = find_scopes(read_runs(tmp_path), alpha=0.05)[0]
    claim = make_claims(scope, ("macro_f1",))[0].prediction[0]
    assert claim.sentence == "Undefined on some fold."
    assert claim.verdict == Verdict.UNTESTED


def test_without_random_nothing_is_claimed(tmp_path):
    scope = scope_of(tmp_path, methods=("hard", "d2ace"))
    assert make_claims(scope, ("macro_auc",)) == ()
    assert scope.contrasts("macro_auc") == {}


def test_settings_are_kept_apart(tmp_path):
    found = find_scopes(read_runs(write_study(tmp_path, data=("a",), settings=("paper", "tuned"), **SMALL)), alpha=0.05)
    assert [(scope.settings, scope.model) for scope in found] == [("paper", "mlp"), ("tuned", "mlp")]
    assert {run.block.settings for run in found[1].runs["a"]["d2ace"].values()} == {"tuned"}
