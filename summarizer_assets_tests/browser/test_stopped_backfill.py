"""A backfill that the budget stops: what a person sees, and that "failed and missing" selects what is left."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as NothingHappenedError

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.browser.site import Site, dagster_dev, eventually
from summarizer_assets_tests.browser.test_ui import CHROMIUM, QUIET
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BUCKETS, AUTHORS = 4, 240
_LAUNCH = """
mutation { launchPartitionBackfill(backfillParams: %s) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
_STATUS = '{ partitionBackfillOrError(backfillId: "%s") { ... on PartitionBackfill { status } } }'
_PARTITIONS = """
{ assetNodes(assetKeys: [{path: ["author_summaries"]}]) { assetPartitionStatuses {
    ... on DefaultPartitionStatuses { materializedPartitions failedPartitions unmaterializedPartitions } } } }
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Its budget lasts for about half of the authors."""
    home: Path = tmp_path_factory.mktemp("stopped")
    source = write_authors(home / "authors.parquet", AUTHORS)
    Installation(home / "data", source, buckets=BUCKETS).ingest()
    with serving(FaultyProvider(answer, Plan())) as url:
        settings = {
            "SUMMARIZER_SOURCE": str(source),
            "SUMMARIZER_BUCKETS": str(BUCKETS),
            "SUMMARIZER_LLM_BASE_URL": url,
            "SUMMARIZER_LLM_MODEL": "sample-model",
            "SUMMARIZER_PRICE_INPUT_USD": "0.15",
            "SUMMARIZER_PRICE_OUTPUT_USD": "0.60",
            "SUMMARIZER_BUDGET_USD": "0.02",
            "SUMMARIZER_GROUP_SIZE": "2",
            "SUMMARIZER_MAX_IN_FLIGHT": "1",
            "SUMMARIZER_RETRY_INTERVAL_S": "3600",
        }
        with dagster_dev(home, settings) as running:
            yield running


def status(site: Site, backfill: str) -> str:
    return site.graphql(_STATUS % backfill)["partitionBackfillOrError"]["status"]


@pytest.fixture(scope="module")
def stopped(site: Site) -> str:
    """A backfill over all buckets, once it ended; its id."""
    chosen = '{path: ["author_summaries"]}, {path: ["failed_authors"]}'
    params = f"{{assetSelection: [{chosen}], partitionNames: {json.dumps(bucket_keys(BUCKETS))}}}"
    backfill = site.graphql(_LAUNCH % params)["launchPartitionBackfill"]["backfillId"]
    eventually(lambda: status(site, backfill).startswith("COMPLETED"), lambda: status(site, backfill))
    return backfill


def pending(site: Site) -> set[str]:
    """The buckets with authors who have no summary; the provider fails nobody."""
    summaries = site.table("author_summaries").select("author_id")
    return set(site.table("authors").join(summaries, on="author_id", how="anti")["bucket"])


def test_no_partition_with_pending_authors_is_green_and_the_backfill_is_no_success(site, stopped):
    left = pending(site)
    assert left
    shown = site.graphql(_PARTITIONS)["assetNodes"][0]["assetPartitionStatuses"]
    assert set(shown["failedPartitions"]) == left
    assert set(shown["materializedPartitions"]) == set(bucket_keys(BUCKETS)) - left
    assert status(site, stopped) == "COMPLETED_FAILED"


def test_a_person_sees_it_and_failed_and_missing_selects_what_is_left(site, stopped, tmp_path_factory):
    pictures: Path = tmp_path_factory.mktemp("pictures")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page: Page = chromium.new_page(viewport={"width": 1440, "height": 560})
        page.set_default_timeout(30_000)
        page.goto(f"{site.url}/runs/b/{stopped}", wait_until="domcontentloaded")
        for asset in ("author_summaries", "failed_authors"):
            page.get_by_text(asset).first.wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=pictures / "stopped.png")

        page.goto(f"{site.url}/assets/author_summaries", wait_until="domcontentloaded")
        page.get_by_role("button", name="Materialize").click()
        confirm = page.get_by_role("dialog").get_by_role("button", name="Confirm")
        chosen = page.get_by_text("Launch runs to materialize 2 assets")
        for _ in range(4):  # while the page draws itself anew, it takes no notice of a press
            confirm.click()
            with suppress(NothingHappenedError):
                chosen.wait_for(timeout=10_000)
                break
        page.screenshot(path=pictures / "dialog.png")
        page.get_by_role("button", name="Failed and missing").click()
        said = page.get_by_role("dialog").inner_text()
        page.screenshot(path=pictures / "selected.png")
        chromium.close()
    assert f"{len(pending(site))} partition" in said
