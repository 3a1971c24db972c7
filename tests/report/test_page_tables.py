"""Tables as CSV and LaTeX, numbers as text, SVG as part of a page."""

import base64
import csv
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from batchsift.report.page import svg
from batchsift.report.page.figures.drawing import MOST_POINTS, identifier, shown
from batchsift.report.page.figures.ranks import critical_difference
from batchsift.report.page.tables import Cell, Column, Table
from batchsift.studies.analysis import words

TABLE = Table(
    name="t",
    caption="100 % & more",
    columns=[Column("Data set", numeric=False), Column("a_b"), Column("p")],
    rows=[
        [Cell('x, "y"'), Cell("0.8123 ± 0.0100", 0.81234567), Cell("−0.0100", -0.01, best=True)],
        [Cell("=1+1"), Cell("–", None), Cell("–", float("nan"))],
    ],
    footer=[Cell("Average rank"), Cell("1.50", 1.5), Cell("1.50", 1.5)],
)


def test_csv_has_unrounded_numbers_and_no_formulas():
    rows = list(csv.reader(io.StringIO(TABLE.csv())))
    assert rows[0] == ["Data set", "a_b", "p"]
    assert rows[1] == ['x, "y"', "0.81234567", "-0.01"]
    assert rows[2] == ["'=1+1", "–", "–"]
    assert rows[3][0] == "Average rank"


def test_latex_is_booktabs_and_escaped():
    latex = TABLE.latex()
    assert latex.startswith("% 100 % & more\n\\begin{tabular}{lrr}\n\\toprule\nData set & a\\_b & p \\\\\n\\midrule\n")
    assert r'x, "y" & 0.8123 $\pm$ 0.0100 & \textbf{$-$0.0100} \\' in latex
    assert latex.rstrip().endswith("\\midrule\nAverage rank & 1.50 & 1.50 \\\\\n\\bottomrule\n\\end{tabular}")


def test_addresses_hold_the_files():
    kind, content = TABLE.latex_uri.split(";base64,")
    assert kind == "data:application/x-tex;charset=utf-8"
    assert base64.b64decode(content).decode() == TABLE.latex()


@pytest.mark.parametrize("number", [0.0, -0.00001, 0.5, -12.0, 123.4, 1e-9, float("nan"), float("inf"), None])
def test_numbers_are_never_spelt_nan(number):
    for text in (words.value(number, sign=True), words.p_value(number and 1 / (1 + abs(number)))):
        assert not re.search("nan|inf|None|-", text)
    assert words.value(-0.00001, sign=True) == "0.0000"


def drawn(name="f", values=None):
    with svg.settings():
        figure = svg.figure(120)
        axes = figure.subplots()
        for number in range(3):
            (line,) = axes.plot(range(9), np.arange(9.0) * number, color=svg.color(number))
            line.set_gid(f"series-{number}")
        axes.plot(range(9), range(9), "o", color=svg.INK)
        axes.set_title("<script>alert(1)</script> $x_1$ & co")
        return svg.inline(figure, name=name, label='it\'s "quoted" <b>')


def test_svg_is_small_themed_and_its_ids_its_own():
    first, second = drawn("one"), drawn("two")
    roots = [ElementTree.fromstring(picture) for picture in (first, second)]
    assert len(first) < 6000
    assert not re.search(r"#0[123a]0[123a]", first)
    assert {f"var(--series-{number})" for number in range(3)} <= set(re.findall(r"var\([\w-]+\)", first))
    ids = [{element.attrib["id"] for element in root.iter() if "id" in element.attrib} for root in roots]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert all(f"#{identity}" in first for identity in ids[0])
    assert {element.get("data-series") for element in roots[0].iter()} >= {"0", "1", "2"}
    assert first == drawn("one")


def points_of(path):
    """Absolute points of a path of straight lines, given absolutely or by steps."""
    points = []
    for command, numbers in re.findall(r"([MLlz])([^MLlz]*)", path):
        found = [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", numbers)]
        if command == "l":
            found = [before + step for before, step in zip(points[-1], found, strict=True)]
        if command != "z":
            points.append(found)
    return np.array(points)


def test_long_paths_are_shorter_and_the_same():
    rng = np.random.default_rng(0)
    path = "M0.06 -3.25" + "".join(f" L {x:.6f} {y:.6f}" for x, y in rng.normal(size=(200, 2)).cumsum(axis=0)) + " z "
    short = svg._short_path(path)
    assert short.endswith("z")
    assert len(short) < 0.8 * len(svg._rounded(path, 1))
    np.testing.assert_allclose(points_of(short), points_of(path.replace(" L ", "L")), atol=0.0501)
    assert svg._short_path("M 0 0 L 1 1 z") == "M0 0L1 1z"


def test_svg_text_stays_text_and_is_escaped():
    picture = drawn()
    assert "<script" not in picture
    texts = [element.text for element in ElementTree.fromstring(picture).iter("text")]
    assert "<script>alert(1)</script> $x_1$ & co" in texts
    assert "DejaVu" not in picture
    assert ElementTree.fromstring(picture).get("aria-label") == 'it\'s "quoted" <b>'


def test_rank_diagram_has_a_name_and_a_dot_for_each_and_the_bars():
    methods = ("random", "a", "b", "c", "d")
    ranks = {"random": 4.5, "a": 1.25, "b": 2.0, "c": 3.0, "d": 4.25}
    drawing = critical_difference(
        ranks, [("a", "b"), ("c", "d", "random")], methods, name="x", title="T", difference=1.5
    )
    root = ElementTree.fromstring(drawing.picture)
    texts = [element.text for element in root.iter("text")]
    assert {"a 1.25", "b 2.00", "c 3.00", "4.25 d", "4.50 random", "critical difference 1.50"} <= set(texts)
    assert len([e for e in root.iter("path") if "stroke-width:3.2" in e.get("style", "")]) == 2
    assert len(list(root.iter("use"))) == 5


def test_names_of_ids_and_epochs_that_are_drawn():
    assert identifier("a b", "x_y", 3) == "a-b-x-y-3"
    assert len({identifier("f", name) for name in ("日本", "中国", "a<b", "a>b", "a-b")}) == 5
    assert re.fullmatch(r"[A-Za-z0-9-]+", identifier("日本"))
    assert shown(5).tolist() == [0, 1, 2, 3, 4]
    assert (len(shown(1000)), shown(1000)[0], shown(1000)[-1]) == (MOST_POINTS, 0, 999)
    assert shown(1).tolist() == [0]
