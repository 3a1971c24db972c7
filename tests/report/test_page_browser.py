"""The page in a real browser: what it logs, asks the network for, sorts, draws and shows, wide and narrow.

Needs playwright and a Chromium (Debian's package); where either is missing, the tests are skipped.
"""

import base64
import io
import os
import shutil

import numpy as np
import pytest
from matplotlib.image import imread

from batchsift.report.page import report, write_report
from report.synthetic_study import write_study

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install the package or set CHROMIUM")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
TABLET, SMALL = {"width": 768, "height": 1024}, {"width": 390, "height": 844}
# The contrast of every text with what lies behind it (WCAG 2.1), the least one with its text.
CONTRAST = """() => {
  const channel = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let least = [21, ""];
  for (const element of document.querySelectorAll("body *:not(script):not(style)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest(".skip")) continue;
    const style = getComputedStyle(element);
    const colour = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [luminance(parse(colour)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least[0]) least = [ratio, element.textContent];
  }
  return least;
}"""


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    names = [f"a rather long name of a data set {number}" for number in range(2)]
    write_study(folder, data=names, models=("mlp", "clif"), epochs=8, folds=2, labels=4, failed=(5,))
    return write_report(report(folder), folder / "report.html")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, page_file):
    """Opens the page; at the end, nothing may have been logged or asked for."""
    noise, asked, contexts = [], [], []

    def open_page(size=DESKTOP, scheme="light"):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert noise == []
    assert set(asked) <= {page_file.as_uri()}


def column(table, index):
    return table.locator(f"tbody tr > :nth-child({index + 1})").all_inner_texts()


def test_tables_sort_by_click_and_by_key(opened):
    page = opened()
    table = page.locator("table.sortable").first
    before, footer = column(table, 1), table.locator("tfoot").inner_text()
    heading, button = table.locator("thead th").nth(1), table.locator("thead button").nth(1)
    assert heading.get_attribute("aria-sort") == "none"
    button.click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(table, 1) == sorted(before, reverse=True) != before
    button.focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(table, 1) == sorted(before)
    # Another column, by its words; rows stay whole, the footer stays below.
    rows = set(table.locator("tbody tr").all_inner_texts())
    table.locator("thead button").first.click()
    assert heading.get_attribute("aria-sort") == "none"
    assert column(table, 0) == sorted(column(table, 0))
    assert set(table.locator("tbody tr").all_inner_texts()) == rows
    assert table.locator("tfoot").inner_text() == footer


def test_numbers_sort_as_numbers_and_what_has_none_comes_last(opened):
    page = opened()
    table = page.locator("#labels-a-rather-long-name-of-a-data-set-0-mlp-paper table")
    table.locator("thead button").nth(3).click()
    texts = column(table, 3)
    assert texts[-1] == "–"
    numbers = [float(text.replace("−", "-")) for text in texts[:-1]]
    assert numbers == sorted(numbers, reverse=True)
    assert min(numbers) < 0 < max(numbers)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_is_legible_and_plots_are_drawn(opened, size, scheme):
    page = opened(size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    wide = page.locator(".scroll").evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).length")
    assert size is DESKTOP or wide > 0  # tables scroll inside their container
    assert page.evaluate(CONTRAST)[0] >= 4.5, page.evaluate(CONTRAST)
    plots = page.locator("svg.plot:visible")
    assert plots.count() > 12
    for index in range(0, plots.count(), 5):
        box = plots.nth(index).bounding_box()
        assert 250 < box["width"] <= size["width"]
        assert box["height"] > 50
        pixels = imread(io.BytesIO(plots.nth(index).screenshot()))[..., :3]
        assert len(np.unique((pixels * 255).astype(int).reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize(("size", "least"), [(PHONE, 11.5), (SMALL, 12), (TABLET, 12), (DESKTOP, 12)])
def test_text_of_figures_is_large_enough(opened, size, least):
    page = opened(size)
    assert page.locator(".effects .axis:visible").count() > 0
    scaled = page.locator("svg:visible text").evaluate_all(
        "all => all.map(one => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a)"
    )
    assert min(scaled) >= least


def test_the_answer_and_its_figure_are_on_the_first_screen(opened):
    page = opened({"width": 1440, "height": 900})
    for selector in (".answer", ".effects"):
        box = page.locator(f".scope:visible {selector}").bounding_box()
        assert box["y"] + box["height"] <= 900, selector


def test_curves_are_read_by_pointer_and_by_key(opened):
    page = opened()
    figure = page.locator("#convergence figure[data-hover]").first
    figure.scroll_into_view_if_needed()
    box = figure.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] / 3)
    tip = figure.locator(".tip")
    lines = tip.inner_text().split("\n")
    assert lines[0] == "Epoch 8"
    assert {"random", "uncertainty", "d2ace"} <= set(lines)
    page.mouse.move(box["x"] - 40, box["y"] - 40)
    assert tip.is_hidden()
    figure.focus()
    for key, epoch in (("ArrowRight", 1), ("ArrowRight", 2), ("End", 8), ("ArrowLeft", 7), ("Home", 1)):
        page.keyboard.press(key)
        # The first step starts from where the pointer was.
        if key != "ArrowRight":
            assert tip.inner_text().startswith(f"Epoch {epoch}\n")
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_one_scope_is_shown_at_a_time(opened):
    page = opened()
    shown = page.locator(".scope:visible")
    assert shown.count() == 1
    assert shown.get_attribute("data-scope") == "paper-all"
    page.get_by_role("button", name="clif", exact=True).click()
    assert shown.count() == 1
    assert shown.get_attribute("data-scope") == "paper-clif"
    assert page.get_by_role("button", name="clif", exact=True).get_attribute("aria-pressed") == "true"


def test_a_legend_lets_a_method_stand_out(opened):
    page = opened()
    button = page.locator("#convergence .legend button", has_text="d2ace")
    line = page.locator("#convergence svg [data-series='1']").first
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.wait_for_function("one => getComputedStyle(one).opacity < 0.5", arg=line.element_handle())
    button.click()
    page.wait_for_function("one => getComputedStyle(one).opacity == 1", arg=line.element_handle())


def test_downloads_hold_the_table(opened):
    page = opened()
    for kind, start in (("CSV", "Data set,random"), ("LaTeX", "% Macro-AUC")):
        link = page.locator(".scope:visible figure.table").first.get_by_role("link", name=kind)
        with page.expect_download() as download:
            link.click()
        content = base64.b64decode(link.get_attribute("href").split(",", 1)[1])
        assert download.value.suggested_filename.endswith(".csv" if kind == "CSV" else ".tex")
        assert download.value.path().read_bytes() == content
        assert content.decode().startswith(start)


def test_everything_can_be_reached_by_key(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    stops = page.evaluate(
        "[...document.querySelectorAll('a, button, summary, [tabindex]')].every(one => one.tabIndex === 0)"
    )
    assert stops
    assert page.evaluate("[...document.querySelectorAll('button')].every(one => one.textContent.trim() !== '')")


def test_without_script_everything_is_there(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator(".scope:visible").count() == 3
    context.close()
