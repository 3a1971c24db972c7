"""`batchsift report` as it is typed."""

import json
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from batchsift.cli.verbs import verbs
from report.synthetic_study import write_study

SMALL = {"data": ("emotions",), "epochs": 4, "labels": 3, "folds": 3}


def run(*words):
    return CliRunner().invoke(verbs, ["report", *map(str, words)])


def test_it_writes_the_page_and_says_what_it_says(tmp_path):
    write_study(tmp_path, gain={"d2ace": 0.05}, **SMALL)
    done = run(tmp_path)
    assert done.exit_code == 0, done.output
    assert (
        "mlp, d2ace: Prediction: better than Random by Macro-AUC, mAP, Tuned Macro-F1 and Ranking loss." in done.stdout
    )
    assert done.stdout.splitlines()[-1] == str(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_as_json_stdout_is_one_document(tmp_path):
    write_study(tmp_path, **SMALL)
    page = tmp_path / "elsewhere" / "p.html"
    done = run(tmp_path, "--json", "--out", page, "--metric", "jaccard, macro_f1", "--alpha", "0.1")
    document = json.loads(done.stdout)
    assert document["page"] == str(page)
    assert page.exists()
    measures = document["scopes"][0]["claims"][1]["measures"]
    assert [one["measure"] for one in measures] == ["jaccard", "macro_f1", "epochs_to_target", "mean_validation"]
    assert all(one["low"] <= one["gain"] <= one["high"] for one in measures[:2])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "auc"], "metrics must be distinct and among macro_auc"),
        (["--alpha", "2"], "alpha must be between 0 and 0.5, got 2.0"),
        (["--out", "/dev/null/page.html"], "cannot write into /dev/null"),
    ],
)
def test_mistakes_end_in_a_line(tmp_path, words, message):
    write_study(tmp_path, **SMALL)
    done = run(tmp_path, *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_a_folder_that_holds_no_study_is_said(tmp_path):
    done = run(tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "no study in" in done.stderr


def test_the_pages_parts_are_in_the_package():
    names = {path.name for path in files("batchsift.report.page").iterdir()}
    assert {"page.html.j2", "parts.html.j2", "style.css", "script.js"} <= names
