"""The figure of all gains: what it draws is what it says, in the units it says."""

import json
import re
from dataclasses import replace

import pytest

from batchsift.report.page.effects import draw_effects
from batchsift.studies.analysis.chance import measure_chance
from batchsift.studies.analysis.contrasts import Verdict
from batchsift.studies.analysis.runs import read_runs
from batchsift.studies.analysis.scopes import find_scopes
from batchsift.studies.analysis.summaries import ran_side_by_side
from report.synthetic_study import write_study

FAMILY = ("macro_auc", "ranking_loss")
ONE = {"data": ("emotions",), "epochs": 6, "labels": 4}


def scope_of(folder, **options):
    (scope,) = find_scopes(read_runs(write_study(folder, **(ONE | options))), alpha=0.05, family=FAMILY)
    return scope


def with_chance(scope, difference):
    """Gives Random second runs that differ by so much, once up and once down."""
    again = {
        data: {
            pair: replace(run, metrics={key: value + (-1) ** n * difference for key, value in run.metrics.items()})
            for n, (pair, run) in enumerate(by_method["random"].items())
        }
        for data, by_method in scope.runs.items()
    }
    return replace(scope, again=again)


def draw(scope):
    return draw_effects(scope, scope.methods)


def place(mark):
    return float(re.search(r'<circle class="\w+" cx="([\d.]+)%"', mark)[1])


def tick(axis):
    """The last tick: its place from the middle and its number."""
    x, number = re.findall(r'<text x="([\d.]+)%"[^>]*>([^<]+)<', axis)[-1]
    return float(x) - 50, float(number)


@pytest.mark.parametrize("difference", [None, 0.004])
def test_a_mark_lies_where_its_gain_over_the_unit_is(tmp_path, difference):
    scope = scope_of(tmp_path)
    scope = scope if difference is None else with_chance(scope, difference)
    effects = draw(scope)
    per_unit = tick(effects.axis)[0] / tick(effects.axis)[1]
    for key, panel in zip(FAMILY, effects.panels, strict=True):
        unit = 1.0 if difference is None else measure_chance(scope, key).spread
        assert panel.unit == ("" if difference is None else "0.0040")
        for method, contrast in scope.contrasts(key).items():
            (row,) = [row for row in panel.rows if row.method == method]
            assert place(row.mark) - 50 == pytest.approx(per_unit * contrast.gain / unit, abs=0.02)
            assert ('class="apart"' in row.mark) == (contrast.verdict in {Verdict.BETTER, Verdict.WORSE})
        assert ("random (again)" in [row.method for row in panel.rows]) == (difference is not None)
        assert all(("chance" in row.mark) == (difference is not None) for row in panel.rows)


def test_its_words_are_of_what_is_drawn(tmp_path):
    told = draw(with_chance(scope_of(tmp_path / "told", gain={"d2ace": 0.2}), 0.004)).note
    assert "Filled: told apart at 5 %, adjusted for 4 comparisons." in told
    assert "Unit, shaded" in told
    alike = draw(scope_of(tmp_path / "alike", gain={})).note
    assert "Filled" not in alike
    assert "Nothing is told apart at 5 %" in alike
    assert "was not run a second time with other draws" in alike
    assert "differs in nothing" in draw(with_chance(scope_of(tmp_path / "equal"), 0.0)).note
    single = draw(scope_of(tmp_path / "single", folds=1)).note
    assert "No test could be made." in single
    assert "Lines" not in single


def test_an_interval_too_wide_ends_in_an_arrow_that_is_explained(tmp_path):
    effects = draw(scope_of(tmp_path, folds=3, gain={}))
    assert any("<path" in row.mark for panel in effects.panels for row in panel.rows)
    assert "95 % intervals, each by itself; arrows: they reach further." in effects.note
    places = [float(x) for panel in effects.panels for row in panel.rows for x in re.findall(r'="([\d.]+)%"', row.mark)]
    assert 0 <= min(places) < max(places) <= 100


def test_no_arrow_is_explained_where_none_is_drawn(tmp_path):
    effects = draw(scope_of(tmp_path, folds=10, gain={"uncertainty": 0.1, "d2ace": 0.2}))
    assert not any("<path" in row.mark for panel in effects.panels for row in panel.rows)
    assert "each by itself." in effects.note
    assert "arrows" not in effects.note


def test_it_is_left_out_where_there_is_nothing_to_compare(tmp_path):
    assert draw(scope_of(tmp_path / "alone", methods=("random",))) is None
    assert draw(scope_of(tmp_path / "without", methods=("hard", "d2ace"))) is None


def test_side_by_side_are_runs_that_overlap(tmp_path):
    assert ran_side_by_side(scope_of(tmp_path))  # all start in one second, and take four
    for number, path in enumerate(sorted((tmp_path / "cells").iterdir())):
        record = json.loads(path.read_text())
        record["timings"]["started"] = f"2026-01-01T00:{number:02d}:00+00:00"
        path.write_text(json.dumps(record))
    (scope,) = find_scopes(read_runs(tmp_path), alpha=0.05)
    assert not ran_side_by_side(scope)
