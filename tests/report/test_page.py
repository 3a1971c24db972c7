"""The page as text: self-contained, escaped, the same twice, and there whatever the study lacks."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from batchsift.report.page import report, write_report
from batchsift.report.page.page import LIMIT
from report.synthetic_study import write_study

SMALL = {"data": ("emotions", "scene"), "epochs": 6, "labels": 4, "folds": 3}
ONE = SMALL | {"data": ("emotions",)}  # half as many figures, which take most of the time
EVIL = '</script><img src=x onerror="alert(1)">{{{{ 7*7 }}}} & \\"{}'


class Page(HTMLParser):
    """All tags with their attributes, and the text that is shown."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] not in {"script", "style"}:
            self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture
def few_figures(monkeypatch):
    """A page without room for figures, for what only its words are looked at: figures take seconds to draw."""
    monkeypatch.setattr("batchsift.report.page.page.LIMIT", 0)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    return report(write_study(tmp_path_factory.mktemp("small"), models=("mlp", "clif"), **SMALL))


def test_it_needs_and_reaches_for_nothing_else(small):
    page = Page(small.html)
    assert not [tag for tag, _ in page.tags if tag in {"link", "iframe", "object", "embed", "base", "form"}]
    addresses = [value for _, attributes in page.tags for key, value in attributes.items() if key in {"src", "href"}]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not re.search(r"url\(\s*['\"]?(?!#)", small.html)
    assert "http://" not in small.html.replace("http://www.w3.org/", "")
    assert "https://" not in small.html
    assert len(small.html.encode()) < LIMIT


def test_the_policy_allows_its_own_script_alone(small):
    policy = next(tag["content"] for tag in Page(small.html).all("meta") if "http-equiv" in tag)
    script = re.search(r"<script>(.*?)</script>", small.html, re.DOTALL)[1]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert len(Page(small.html).all("script")) == 1


def test_ids_are_unique_and_what_is_referred_to_is_there(small):
    page = Page(small.html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for _, a in page.tags for key, value in a.items() if key == "href" and value.startswith("#")}
    targets |= set(re.findall(r"url\(#([\w-]+)\)", small.html))
    assert targets <= set(ids)


def test_the_same_store_gives_the_same_page(small):
    assert report(small.study.folder).html == small.html


def test_no_number_is_missing_in_words(small):
    text = Page(small.html).text
    assert not re.search(r"\b(nan|NaN|None|undefined)\b", text)


def test_names_are_text_and_nothing_more(tmp_path):
    write_study(tmp_path, label_name=EVIL, failed=(3,), left=(5,), **(SMALL | {"data": (EVIL,)}))
    page = Page(report(tmp_path).html)
    assert not page.all("img")
    assert len(page.all("script")) == 1
    assert not [attributes for _, attributes in page.tags if "onerror" in attributes]
    assert EVIL.format(0) in page.text
    assert "training diverged: <b>not numbers</b>" in page.text
    hovers = [attributes["data-hover"] for _, attributes in page.tags if "data-hover" in attributes]
    assert hovers
    assert all(json.loads(hover)["panels"] for hover in hovers)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SMALL | {"left": range(3, 13)}, "10 runs of 18 not there yet."),
        (ONE | {"failed": range(0, 9, 3)}, "random: no run has finished"),
        (SMALL | {"failed": range(18)}, "18 runs failed."),
        (
            ONE | {"methods": ("hard", "d2ace")},
            "No verdict: random is not among the methods, so there is nothing to compare with.",
        ),
        (SMALL | {"methods": ("random",)}, "No verdict: there is nothing to compare random with."),
        (ONE | {"left": [0, 4, 8]}, "No verdict: there is no run yet that all methods have finished."),
        (SMALL | {"epochs": 1, "folds": 2}, "Convergence"),
        (ONE | {"labels": 1, "folds": 1}, "too few folds (1)"),
        (ONE, "With one data set"),
    ],
)
def test_whatever_the_study_lacks_there_is_a_page_that_says_so(tmp_path, options, said):
    text = Page(report(write_study(tmp_path, **options)).html).text
    assert said in " ".join(text.split())
    assert not re.search(r"\b(nan|NaN|None)\b", text)


def test_without_the_study_file_the_cells_suffice(tmp_path, few_figures):
    write_study(tmp_path, **SMALL)
    (tmp_path / "study.json").unlink()
    made = report(tmp_path)
    assert len(made.study.runs) == 18
    assert made.study.name == tmp_path.name


def test_every_figure_is_there(small):
    figures = re.findall(r'aria-label="([^"]*)" class="plot"', small.html)
    blocks = 4
    for start, count in (
        ("Validation Macro-AUC against epoch", blocks),
        ("Samples drawn in an epoch", blocks),
        ("Entropy", blocks),
        ("Draws of a sample", blocks),
        ("Gain in AUC", blocks),
        ("d2ace: label weights (uncertainty)", blocks),
        ("d2ace: label weights (hardness)", blocks),
        ("uncertainty: label means", blocks),
        ("Distribution of the signals", 2 * blocks),
        ("Macro-AUC:", 3),  # ranks: all models, mlp, clif
    ):
        assert sum(label.startswith(start) for label in figures) == count, start


def test_a_page_too_large_leaves_figures_out_and_says_so(tmp_path, monkeypatch):
    folder = write_study(tmp_path, **ONE)
    whole = report(folder).html
    monkeypatch.setattr("batchsift.report.page.page.LIMIT", len(whole.encode()) - 30_000)
    page = report(folder).html
    assert len(page.encode()) < len(whole.encode()) - 30_000
    assert "left out to keep the page below" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["macro_acu"]}, "among macro_auc, .*; got macro_acu"),
        ({"metrics": ["jaccard", "jaccard"]}, "distinct"),
        ({"alpha": 0.0}, "alpha must be between 0 and 0.5, got 0"),
    ],
)
def test_wrong_wishes_are_refused(small, options, message):
    with pytest.raises(ValueError, match=message):
        report(small.study.folder, **options)


def test_metrics_and_level_are_the_readers_choice(small, few_figures):
    made = report(small.study.folder, metrics=["jaccard"], alpha=0.1)
    assert "Jaccard: " in made.html
    assert "90 % interval" in made.html
    assert "95 %" not in made.html
    measures = made.document()["scopes"][0]["claims"][0]["measures"]
    assert [one["measure"] for one in measures] == ["jaccard", "epochs_to_target", "mean_validation"]


def test_document_is_plain_json(small):
    document = json.loads(json.dumps(small.document(), allow_nan=False))
    assert document["cells"] == {"planned": 36, "done": 36, "failed": 0, "missing": 0}
    assert document["scopes"][0]["data"] == ["emotions", "scene"]


def test_the_page_is_written_whole(small, tmp_path):
    path = write_report(small, tmp_path / "new" / "page.html")
    assert path.read_text(encoding="utf-8") == small.html
    assert [one.name for one in path.parent.iterdir()] == ["page.html"]
