"""The page of suspects in a real browser: keys, marks, filters; wide and narrow. Skipped where there is none."""

import pytest

from report.test_page_browser import CHROMIUM, FLAGS
from report.test_suspects_page import written

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: install the package or set CHROMIUM")


@pytest.mark.parametrize("width", [1440, 390])
def test_going_through_them(tmp_path, width):
    file = written(tmp_path)
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page(viewport={"width": width, "height": 900})
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        for key in ("ArrowDown", "w", "j", "r"):
            page.keyboard.press(key)
        assert page.inner_text("#state") == "8 of 8 shown, 2 marked"
        page.locator("tbody tr").nth(5).locator(".mark button").click()
        with page.expect_download() as download:
            page.click("#save")
        saved = download.value.path().read_text(encoding="utf-8").splitlines()
        assert (saved[0], saved[1]) == ("sample,label,given,mark", "0,<script>alert(1)</script>,0,wrong")
        page.select_option("#given", "1")
        assert page.inner_text("#state") == "4 of 8 shown, 3 marked"
        page.click("th[data-key=probability] button")
        page.click("th[data-key=probability] button")
        shown = page.eval_on_selector_all("tbody tr:not([hidden])", "rows => rows.map(r => +r.dataset.probability)")
        assert shown == sorted(shown)
        chromium.close()
    assert said == []
