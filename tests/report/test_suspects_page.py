"""The page to go through the labels that may be wrong: every name is shown, and none can do harm."""

import csv
import json
from html.parser import HTMLParser

import pytest

from batchsift.files import csv_text
from batchsift.report.suspects import PAGE, write_suspects_page

COLUMNS = ["sample", "label", "given", "probability", "rank", "score"]
NASTY = [
    "<script>alert(1)</script>",
    "tag\x00\x1b[31m\r\nnew",
    "\u202egnorw",
    "",
    "a\"b'c&amp;",
    "x" * 300,
    "名前",
    "</script>",
]


def written(folder, names=NASTY):
    rows = [[n, name, n % 2, 0.9 - n / 100, 1, 0.8 - n / 100] for n, name in enumerate(names)]
    (folder / "suspects.csv").write_text(csv_text(rows, COLUMNS), encoding="utf-8", newline="")
    summary = {"config": {"data": "<b>toys</b>", "model": "mlp", "method": "random"}}
    (folder / "training.json").write_text(json.dumps(summary), encoding="utf-8")
    return write_suspects_page(folder)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.texts.append(data)


def read(page):
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def test_names_are_text_and_nothing_else(tmp_path):
    page = written(tmp_path)
    assert page == tmp_path / PAGE
    reader = read(page)
    assert reader.tags.count("script") == 2
    assert "b" not in reader.tags
    assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in reader.attributes)
    for shown in (
        "<script>alert(1)</script>",
        "tag\\x00\\x1b[31m\\r\\nnew",
        "\\u202egnorw",
        "(empty)",
        NASTY[4],
        "名前",
    ):
        assert shown in reader.texts, shown


def test_exact_names_are_kept_for_the_marks(tmp_path):
    html = written(tmp_path).read_text(encoding="utf-8")
    data = html.split('id="names">')[1].split("</script>")[0]
    assert sorted(json.loads(data)) == sorted(NASTY)


def test_it_reaches_for_nothing(tmp_path):
    html = written(tmp_path).read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert "http://" not in html
    assert "https://" not in html


def test_numbers_and_order_are_those_of_the_list(tmp_path):
    reader = read(written(tmp_path, ["u", "v", "u"]))
    values = [float(value) for name, value in reader.attributes if name == "data-score"]
    with (tmp_path / "suspects.csv").open(encoding="utf-8", newline="") as file:
        assert values == [float(row["score"]) for row in csv.DictReader(file)]
    assert {"u (2)", "v (1)"} <= set(reader.texts)


@pytest.mark.parametrize("columns", [None, ["sample", "label", "hardness"]])
def test_lists_of_earlier_versions_have_no_page(tmp_path, columns):
    if columns:
        (tmp_path / "suspects.csv").write_text(csv_text([[0, "u", 0.9]], columns), encoding="utf-8")
    assert write_suspects_page(tmp_path) is None
    assert not (tmp_path / PAGE).exists()
