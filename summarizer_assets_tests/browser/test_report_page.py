"""The report's page in a browser, as a file: hostile data runs nothing, authors are found, all of it fits a phone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, sync_playwright

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.report.make import make
from summarizer_assets_tests.browser.test_ui import CHROMIUM, QUIET
from summarizer_assets_tests.report.planted import SAID, planted
from summarizer_assets_tests.report.tables import HOSTILE, NOW, Root, hostile

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@dataclass(frozen=True)
class Doubted:
    """A report on authors of whom the provider said what their records do not say; `authors`: them, by the flag."""

    address: str
    authors: dict[str, str]


@pytest.fixture(scope="module")
def doubted(tmp_path_factory: pytest.TempPathFactory) -> Doubted:
    with planted(tmp_path_factory.mktemp("doubted")) as root:
        return Doubted(Path(make(root.summarizer, NOW).place).as_uri(), dict(root.authors))


def test_a_page_of_hostile_data_runs_nothing_asks_for_nothing_and_fits_a_phone(
    tmp_path: Path, browser: Browser
) -> None:
    root = Root(tmp_path)
    hostile(root)
    root.authors([{"author_id": "o"}])
    root.summaries([{"author_id": "o", "content_hash": "of before"}])  # the widest table has all its columns
    address = Path(make(root.summarizer, NOW).place).as_uri()
    page = browser.new_page(viewport={"width": 390, "height": 844})
    told: list[str] = []
    asked: list[str] = []
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert told == []  # the policy's own complaints would be here too
    authors = address.replace("report.html", "report_authors/")
    of_files = [url for url in asked if not url.startswith("data:")]
    assert of_files[:2] == [address, f"{authors}index.js"]
    assert all(url.startswith(authors) for url in of_files[1:])
    for number in range(len(HOSTILE)):  # each author, through the search
        page.get_by_label("Name or id").fill(f"a{number}")
        page.locator("#hits a").first.click()
        page.locator("#author").get_by_text(f"author a{number}", exact=False).wait_for()
        assert page.locator("#author blockquote").first.inner_text() == made_visible(HOSTILE[number])
    assert told == []
    assert page.locator("iframe, object, form").count() == 0
    assert page.locator("a").evaluate_all(
        "links => links.every(link => link.getAttribute('href').startsWith('#author='))"
    )
    for text in HOSTILE[:2]:
        assert page.get_by_text(text, exact=True).count() >= 3
    pictures = page.locator("figure img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert pictures
    assert all(pictures)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".scroll").evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")
    assert page.locator("h1").evaluate("node => getComputedStyle(node).fontWeight") == "700"  # the style is let in
    page.close()


def test_doubtful_summaries_stand_beside_their_records_and_below_each_other_on_a_phone(
    doubted: Doubted, browser: Browser, tmp_path: Path
) -> None:
    authors = [doubted.authors[flag] for flag in SAID]
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(doubted.address)
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
    page.close()


def test_an_author_is_found_by_name_and_by_id_and_shown_with_record_summary_doubts_and_cost(
    doubted: Doubted, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(doubted.address)
    author, hits, search = page.locator("#author"), page.locator("#hits a"), page.get_by_label("Name or id")
    author.get_by_role("heading", level=3).wait_for()  # somebody is shown at once
    assert page.locator("#found").inner_text() == "48 authors"
    search.fill(doubted.authors["unknown_place"])
    assert hits.count() == 1
    name = hits.locator("bdi").inner_text()
    hits.click()
    author.get_by_role("heading", name=name).wait_for()
    assert author.locator("blockquote mark").all_inner_texts() == ["Belgium"]
    assert author.locator(".papers li").count() >= 3
    facts = author.locator(".facts").inner_text()
    assert all(word in facts for word in ("cost", "tokens", "support", "model", "prompt"))
    assert "Earlier versions, of the last seven days" in author.inner_text()
    search.fill(" ".join(reversed(name.upper().split())))
    assert name in hits.locator("bdi").all_inner_texts()
    search.fill("")
    page.get_by_label("Show").select_option("doubt")
    assert hits.count() == len(doubted.authors)
    page.screenshot(path=tmp_path / "authors.png")  # the one of docs/report.md
    page.go_back()  # a link to an author is a link like any other
    author.get_by_role("heading", name=name).wait_for(state="detached")
    page.goto(f"{doubted.address}#author={doubted.authors['unknown_place']}")
    author.get_by_role("heading", name=name).wait_for()
    page.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_no_cell_is_narrower_than_three_letters_and_all_can_be_read(
    doubted: Doubted, browser: Browser, tmp_path: Path, width: int, colours: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colours)
    page.goto(f"{doubted.address}#author={doubted.authors['unknown_name']}")
    page.locator("#author .facts").first.wait_for()
    page.screenshot(path=tmp_path / f"{width}-{colours}.png", full_page=True)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    cells = page.locator("td, th, caption, dt, dd, #hits a, section, .doubt li").evaluate_all(
        "cells => cells.filter(cell => cell.innerText.trim().length > 2 && cell.checkVisibility())"
        ".map(cell => [cell.getBoundingClientRect().width, parseFloat(getComputedStyle(cell).fontSize)])"
    )
    assert len(cells) > 60
    assert all(wide >= 1.5 * size for wide, size in cells), "three letters"
    assert page.evaluate(CONTRASTS) == []
    page.close()


#: Texts whose colour is too near to what is behind them (WCAG AA: 4.5), with the ratio.
CONTRASTS = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => { for (; node; node = node.parentElement) {
    const found = parts(getComputedStyle(node).backgroundColor);
    if (found.length === 3 || found[3] === 1) return found; } return [255, 255, 255]; };
  const wrong = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility() || node.closest("script, style, noscript, option")) continue;
    const [one, other] = [light(parts(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) wrong.push([text.data.trim().slice(0, 40), ratio]);
  }
  return wrong; }"""


def _boxes(found: Locator) -> list[dict[str, float]]:
    """On the whole page, whatever is scrolled."""
    return found.evaluate_all(
        "nodes => nodes.map(node => node.getBoundingClientRect()).map("
        "box => ({x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height}))"
    )


def _colour(found: Locator) -> str:
    return str(found.evaluate("node => getComputedStyle(node).backgroundColor"))
