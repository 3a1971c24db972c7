"""The same runs give the same test and the same words, wherever they are shown."""

import html
import io
import json
import re

import numpy as np
import pytest
from benchmarks.does_it_help.tables import gains
from rich.console import Console

from batchsift.data import MultiLabelData
from batchsift.files import json_text
from batchsift.metrics import METRICS
from batchsift.report.console.tables import comparison_report
from batchsift.report.page import report
from batchsift.studies.analysis.wording import format_p, format_value
from batchsift.studies.comparison import compare
from batchsift.studies.document import document
from batchsift.studies.store import Store
from batchsift.training.prepare import prepare
from batchsift.training.settings import Settings

METHODS = ("random", "label_balanced", "hard")
ASKED = {"metrics": tuple(METRICS), "repeat_random": True, "budget": True}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Three folds of a made-up set: the comparison, its text in a terminal, its document, the page of its store."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(180, 4))
    data = MultiLabelData(features, features[:, :3] > [0, 0.5, 1], tuple("abcd"), ("u", "v", "w"), name="made-up")
    settings = Settings(epochs=3, batch_size=16, learning_rate=1e-2, num_folds=3, min_positives=5)
    folder = tmp_path_factory.mktemp("comparison")
    comparison = compare(prepare(data, settings), model="mlp", methods=METHODS, store=Store(folder), **ASKED)
    console = Console(file=io.StringIO(), width=400)
    console.print(comparison_report(comparison, 400))
    return comparison, console.file.getvalue(), json.loads(json_text(document(comparison))), report(folder)


def words(page):
    """The text of a page, one blank between words."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_page_reads_the_numbers_that_the_comparison_had(shown):
    comparison, _, _, page = shown
    for key in METRICS:
        ours, theirs = comparison.scope.contrasts(key), page.scopes[0].scope.contrasts(key)
        assert {m: one.document() for m, one in ours.items()} == {m: one.document() for m, one in theirs.items()}


def test_terminal_document_and_page_have_one_verdict(shown):
    comparison, terminal, content, page = shown
    said, stated = " ".join(terminal.split()), content["verdict"]
    assert stated == json.loads(json_text(page.document()))["scopes"][0]["verdict"]
    assert stated["use"] == comparison.verdict.use == "random"
    for sentence in (stated["headline"], stated["why"], *stated["doubts"]):
        assert sentence in said
        assert sentence in words(page.html)
    assert said.index(stated["headline"]) < said.index("Macro-AUC ↑")
    first = words(page.html)
    assert first.index(stated["headline"]) < first.index("Better prediction?")


def test_nothing_is_called_better_that_the_verdict_does_not_look_at_together(shown):
    """The number of comparisons is that of the verdict, wherever a p is shown."""
    comparison, terminal, content, page = shown
    words_of_tests = "adjusted for 8 comparisons (2 methods by 4 metrics)"
    for text in (" ".join(terminal.split()), content["comparison"]["tests"], words(page.html)):
        assert words_of_tests in text
    assert content["verdict"]["comparisons"] == comparison.scope.num_comparisons == 8


def test_what_chance_does_is_shown_alike(shown):
    _, terminal, content, page = shown
    gains = terminal[terminal.index("gain over random (p)") :]
    for key, metric in METRICS.items():
        gain = content["chance"]["gains"][key]["gain"]
        (line,) = [line for line in gains.splitlines() if line.strip().startswith(f"{metric.name} ")]
        assert line.split()[-1] == format_value(gain, sign=True)
        rows = page.scopes[0].details[0].rows
        (row,) = [row for row in rows if (row[0].text, row[1].text) == (metric.name, "random (again)")]
        assert row[2].number == gain
    assert "random (again)" not in [method for part in page.scopes for method in part.scope.methods]


def test_terminal_and_page_say_the_same_sentences(shown):
    _, terminal, _, page = shown
    for card in page.scopes[0].cards:
        assert f"{card.claims.method}: {' '.join(card.claims.summary)}" in terminal
        assert " ".join(card.claims.summary) in words(page.html)
    assert page.scopes[0].tests in " ".join(terminal.split())
    assert page.scopes[0].tests in words(page.html)


def test_gains_and_p_of_the_terminal_are_those_of_document_and_page(shown):
    comparison, terminal, content, page = shown
    gains = terminal[terminal.index("gain over random (p)") :]
    rows = page.scopes[0].details[0].rows
    for key, metric in METRICS.items():
        (line,) = [line for line in gains.splitlines() if line.strip().startswith(f"{metric.name} ")]
        for method, contrast in comparison.scope.contrasts(key).items():
            stated = content["comparison"]["contrasts"][key][method]
            assert stated["p_value"] == contrast.p_value
            assert f"{format_value(stated['gain'], sign=True)} ({format_p(stated['p_value'])})" in line
            (row,) = [row for row in rows if (row[0].text, row[1].text) == (metric.name, method)]
            assert (row[2].number, row[-1].number) == (contrast.gain, contrast.p_value)


def test_claims_of_the_document_are_those_of_the_page(shown):
    _, _, content, page = shown
    for claims in page.document()["scopes"][0]["claims"]:
        stated = content["comparison"]["claims"][claims["method"]]
        assert (" ".join(stated["summary"]), stated["measures"]) == (claims["summary"], claims["measures"])


def test_the_tables_of_the_readme_have_gains_and_verdicts_of_the_page(shown):
    comparison, _, _, page = shown
    scope = page.scopes[0].scope
    lines = list(gains({"macro_f1": scope.contrasts("macro_f1")}, "3 epochs", scope.challengers))
    for method, contrast in comparison.scope.contrasts("macro_f1").items():
        (line,) = [line for line in lines if line.startswith(f"| {method} |")]
        cell = line.split(" | ")[-1].removesuffix(" |")
        assert cell.strip("*").startswith(format_value(contrast.gain, sign=True))
        assert cell.startswith("**") == (contrast.verdict in {"better", "worse"})
