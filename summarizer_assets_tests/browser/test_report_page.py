"""The report's page in a browser: hostile data runs nothing, asks for nothing, fits a phone; doubts can be compared."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, sync_playwright

from summarizer_assets.report.make import make
from summarizer_assets_tests.browser.test_ui import CHROMIUM, QUIET
from summarizer_assets_tests.report.planted import SAID, planted
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


def test_doubtful_summaries_stand_beside_their_records_and_below_each_other_on_a_phone(tmp_path: Path) -> None:
    with planted(tmp_path) as root:
        address = Path(make(root.summarizer, NOW).place).as_uri()
        authors = [root.authors[flag] for flag in SAID]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        doubts = page.locator(".doubt")
        assert [doubts.nth(at).locator("bdi code").inner_text() for at in range(doubts.count())] == authors
        assert page.get_by_role("heading", name="Summaries to look at").is_visible()
        mark = doubts.first.locator("blockquote mark")
        assert mark.inner_text() == "papers was later retracted"
        assert _colour(mark) != _colour(doubts.first)
        record, summary = _boxes(doubts.first.locator(".sides > section"))
        assert record["x"] + record["width"] <= summary["x"]
        page.set_viewport_size({"width": 1100, "height": 1200})
        heading, second = _boxes(page.locator("#doubts").or_(doubts.nth(1)))
        clip = {"x": 0, "y": heading["y"], "width": 1100, "height": second["y"] + second["height"] - heading["y"] + 6}
        page.screenshot(path=tmp_path / "doubts.png", full_page=True, clip=clip)  # the one of docs/report.md
        page.set_viewport_size({"width": 400, "height": 850})
        record, summary = _boxes(doubts.first.locator(".sides > section"))
        assert summary["y"] + summary["height"] <= record["y"]
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        cells = page.locator("td, th, caption, .doubt section, .doubt li").evaluate_all(
            "cells => cells.filter(cell => cell.innerText.trim().length > 2)"
            ".map(cell => [cell.getBoundingClientRect().width, parseFloat(getComputedStyle(cell).fontSize)])"
        )
        assert cells
        assert all(width >= 1.5 * size for width, size in cells if width), "three letters"
        chromium.close()


def _boxes(found: Locator) -> list[dict[str, float]]:
    """On the whole page, whatever is scrolled."""
    return found.evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect()).map("
        "box => ({x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height}))"
    )


def _colour(found: Locator) -> str:
    return str(found.evaluate("node => getComputedStyle(node).backgroundColor"))
