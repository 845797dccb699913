"""The report's page in a browser: hostile data runs nothing, asks for nothing, and fits a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from summarizer_assets.report.make import make
from summarizer_assets_tests.browser.test_ui import CHROMIUM, QUIET
from summarizer_assets_tests.report.tables import HOSTILE, NOW, Root, hostile

pytestmark = [pytest.mark.browser]


def test_a_page_of_hostile_data_runs_nothing_asks_for_nothing_and_fits_a_phone(tmp_path: Path) -> None:
    root = Root(tmp_path)
    hostile(root)
    address = Path(make(root.summarizer, NOW).place).as_uri()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        told: list[str] = []
        asked: list[str] = []
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert told == []  # the policy's own complaints would be here too
        assert [url for url in asked if not url.startswith("data:")] == [address]
        assert page.locator("script, iframe, object, form, a").count() == 0
        for text in HOSTILE[:2]:
            assert page.get_by_text(text, exact=True).count() >= 3
        pictures = page.locator("figure img").evaluate_all("images => images.map(image => image.naturalWidth)")
        assert pictures
        assert all(pictures)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator("h1").evaluate("node => getComputedStyle(node).fontWeight") == "700"  # the style is let in
        chromium.close()
