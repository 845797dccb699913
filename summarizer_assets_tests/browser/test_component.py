"""The component in a project of somebody else, served by `dg dev`: what its people see, and a bucket by clicking."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from summarizer_assets_tests.browser.site import REPOSITORY, Site, dg_dev, eventually
from summarizer_assets_tests.browser.test_ui import CHROMIUM, QUIET

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_GREEN = """
{ assetNodes(assetKeys: [{path: %s}]) { partitionStats { numMaterialized } } }
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with dg_dev(tmp_path_factory.mktemp("component"), REPOSITORY / "examples" / "catalogue") as running:
        yield running


@pytest.fixture(scope="module")
def page(site: Site) -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = chromium.new_page(viewport={"width": 1440, "height": 720})
        page.set_default_timeout(30_000)
        yield page
        chromium.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of docs/component.md was taken from here."""
    return tmp_path_factory.mktemp("pictures")


def show(page: Page, site: Site, path: str) -> None:
    page.goto(f"{site.url}{path}", wait_until="domcontentloaded")


def wait_until_green(site: Site, *path: str) -> None:
    query = _GREEN % str(list(path)).replace("'", '"')

    def green() -> int:
        return site.graphql(query)["assetNodes"][0]["partitionStats"]["numMaterialized"]

    eventually(lambda: green() == 1, green)


def test_two_instances_stand_beside_the_project_s_own_authors(site: Site, page: Page, pictures: Path) -> None:
    show(page, site, "/asset-groups")
    for group in ("books", "research", "members", "people_summaries"):
        page.get_by_text(group, exact=True).first.wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=pictures / "component.png")


def test_a_bucket_of_an_instance_is_made_by_clicking_and_shows_its_summaries(
    site: Site, page: Page, pictures: Path
) -> None:
    show(page, site, "/assets/members/authors")
    page.get_by_role("button", name="Materialize").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).click()
    dialog.get_by_role("button", name="Launch").click()
    wait_until_green(site, "members", "authors")

    show(page, site, "/assets/members/author_summaries")
    page.get_by_role("button", name="Materialize").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    page.get_by_text("Launch runs to materialize 2 assets").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="All", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Launch").click()
    wait_until_green(site, "members", "author_summaries")

    show(page, site, "/assets/members/author_summaries?view=partitions&partition=0000")
    page.get_by_text("newest_summaries").first.wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=pictures / "member.png")
    assert "Ito, Mei, affiliated with Harbour Institute" in page.locator("body").inner_text()
