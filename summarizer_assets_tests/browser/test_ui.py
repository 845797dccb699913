"""The UI as a person uses it: the graph, one partition by clicking, a backfill by clicking, and no secret anywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, WebSocket, sync_playwright

from summarizer_assets_tests.browser.site import Site, dagster_dev

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BUCKETS = 4
CANARY = "sk-canary-7f3d9b1e5a"
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    settings = {"SUMMARIZER_BUCKETS": str(BUCKETS), "SUMMARIZER_LLM_API_KEY": CANARY}
    with dagster_dev(tmp_path_factory.mktemp("site"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(30_000)
    return page


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Those of the README were taken from here: `pytest -m browser --basetemp=pictures`."""
    return tmp_path_factory.mktemp("pictures")


def show(page: Page, site: Site, path: str) -> None:
    page.goto(f"{site.url}{path}", wait_until="domcontentloaded")


@pytest.fixture(scope="module")
def authors(site, page) -> None:
    """All buckets of `authors`, by clicking."""
    show(page, site, "/assets/authors")
    page.get_by_role("button", name="Materialize").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).click()
    dialog.get_by_role("button", name="Launch").click()
    site.wait_for("authors", BUCKETS)


def open_summaries_dialog(page: Page, site: Site) -> None:
    show(page, site, "/assets/author_summaries")
    page.get_by_role("button", name="Materialize").click()
    # Dagster says that failed_authors comes with it: one answer feeds both.
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    page.get_by_text("Launch runs to materialize 2 assets").wait_for()


@pytest.fixture(scope="module")
def partition(site, page, authors) -> str:
    """One bucket of summaries and failures, by clicking."""
    open_summaries_dialog(page, site)
    page.get_by_text("Select a partition or create one").click()
    page.keyboard.type("0003")
    page.get_by_text("0003", exact=True).filter(visible=True).last.click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name="Launch").click()
    site.wait_for("author_summaries", 1)
    return "0003"


@pytest.fixture(scope="module")
def backfill(site, page, partition) -> None:
    """The buckets still missing, as a backfill by clicking."""
    open_summaries_dialog(page, site)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Missing", exact=True).click()
    dialog.get_by_text(f"{BUCKETS - 1} partitions").first.wait_for()
    dialog.get_by_role("button", name="Launch").click()
    site.wait_for("author_summaries", BUCKETS)
    site.wait_for("failed_authors", BUCKETS)


def test_authors_are_materialised_by_clicking(site, authors):
    assert site.table("authors")["bucket"].n_unique() == BUCKETS
    assert site.partitions()["authors"].materialized == BUCKETS


def test_one_partition_materialised_by_clicking_fills_both_tables_for_its_bucket_only(site, page, partition, pictures):
    authors = site.table("authors").filter(bucket=partition)
    summaries, failures = site.table("author_summaries"), site.table("failed_authors")
    assert set(summaries["bucket"]) == {partition}
    assert set(failures["bucket"]) <= {partition}
    assert set(summaries["author_id"]) | set(failures["author_id"]) == set(authors["author_id"])
    assert authors.height == summaries.height + failures.height

    page.set_viewport_size({"width": 1200, "height": 1460})
    show(page, site, f"/assets/author_summaries?view=partitions&partition={partition}")
    page.get_by_text("authors_per_second").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "partition.png", clip={"x": 240, "y": 0, "width": 960, "height": 1440})


def test_a_backfill_by_the_dialog_makes_every_partition_green(site, page, backfill, pictures):
    for asset, partitions in site.partitions().items():
        assert (partitions.materialized, partitions.failed, partitions.total) == (BUCKETS, 0, BUCKETS), asset
    authors, summaries, failures = (site.table(name) for name in ("authors", "author_summaries", "failed_authors"))
    assert sorted([*summaries["author_id"], *failures["author_id"]]) == sorted(authors["author_id"])

    page.set_viewport_size({"width": 1180, "height": 480})
    newest = site.graphql("{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }")
    show(page, site, f"/runs/b/{newest['partitionBackfillsOrError']['results'][0]['id']}")
    for asset in ("author_summaries", "failed_authors"):
        page.get_by_text(asset).first.wait_for()
    page.get_by_text("completed").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "backfill.png")


def test_the_asset_graph_shows_all_three_assets_filled(site, page, backfill, pictures):
    page.set_viewport_size({"width": 1180, "height": 560})
    show(page, site, "/asset-groups")
    for asset in ("authors", "author_summaries", "failed_authors"):
        page.get_by_text(asset, exact=True).first.wait_for()
    page.wait_for_timeout(3000)
    page.screenshot(path=pictures / "asset_graph.png")


PAGES = [
    "/runs",
    "/assets/author_summaries",
    "/automation",
    "/deployment/config",
    "/deployment/daemons",
    "/locations/summarizer_assets/resources",
]


def all_that_a_page_receives(context: BrowserContext, url: str) -> list[str]:
    """Its text, the replies to its queries, and what comes over its sockets."""
    seen: list[str] = []
    replies: list[Response] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: seen.append(str(payload)))

    page = context.new_page()
    page.on("websocket", listen)
    page.on("response", lambda reply: replies.append(reply))  # noqa: PLW0108 - playwright marks the function it is given
    page.goto(url, wait_until="load", timeout=60_000)
    page.wait_for_timeout(1500)
    seen += [page.content(), *(reply.text() for reply in list(replies) if "/graphql" in reply.url)]
    page.close()
    return seen


def test_the_provider_key_is_on_no_page_in_no_reply_and_in_no_file(site, browser, backfill):
    runs = site.graphql("{ runsOrError(limit: 1) { ... on Runs { results { runId } } } }")["runsOrError"]["results"]
    context = browser.new_context()
    for path in [*PAGES, f"/runs/{runs[0]['runId']}"]:
        seen = all_that_a_page_receives(context, site.url + path)
        assert any('"data"' in text for text in seen), path
        assert not [text[:200] for text in seen if CANARY in text], path
    files = [file for folder in (site.home, site.root) for file in folder.rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in files)
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]
