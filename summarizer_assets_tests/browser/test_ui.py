"""The UI as a person uses it, from the first click to the report; and no secret anywhere.

One installation for all of it: authors, one bucket, a backfill watched under way, an author who fails, the sensor that
asks again, the report. Each step is a fixture, so that any test may be run alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, WebSocket, sync_playwright

from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.llm.embedded.app import answer
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.sample import sample_path
from summarizer_assets_tests.browser.site import Site, dagster_dev, eventually
from testing.provider import serving

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


REFUSED_IN = "0002"


@pytest.fixture(scope="module")
def refused() -> list[str]:
    """Two authors whom the provider refuses until it is healed."""
    with_papers = pl.read_parquet(sample_path()).filter(pl.col("papers").list.len() > 2)
    ids = with_papers["daisngid"].drop_nulls().cast(pl.String)
    return ids.filter(buckets_of(ids, BUCKETS) == REFUSED_IN).sort().head(2).to_list()


@pytest.fixture(scope="module")
def provider(refused) -> FaultyProvider:
    """Slow enough that a run can be watched."""
    return FaultyProvider(answer, Plan(rules=(Rule("refusal", authors=tuple(refused)),), latency_s=0.8))


@pytest.fixture(scope="module")
def site(tmp_path_factory, provider) -> Iterator[Site]:
    with serving(provider) as url:
        settings = {
            "SUMMARIZER_BUCKETS": str(BUCKETS),
            "SUMMARIZER_LLM_BASE_URL": url,
            "SUMMARIZER_LLM_MODEL": "sample-model",
            "SUMMARIZER_LLM_API_KEY": CANARY,
            "SUMMARIZER_PRICE_INPUT_USD": "0.15",
            "SUMMARIZER_PRICE_OUTPUT_USD": "0.60",
            "SUMMARIZER_MAX_IN_FLIGHT": "2",
            "SUMMARIZER_PROGRESS_INTERVAL_S": "0.5",
            "SUMMARIZER_RETRY_AFTER_S": "15",
            "SUMMARIZER_RETRY_INTERVAL_S": "5",
        }
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
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(30_000)
    return page


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Those of docs were taken from here: `pytest -m browser --basetemp=pictures`."""
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


OBSERVED = """{ assetOrError(assetKey: {path: ["author_summaries"]}) {
    ... on Asset { assetObservations(limit: 20) {
        partition timestamp metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }"""


def halfway(site: Site) -> list[dict[str, Any]]:
    """What was observed of the backfill's buckets when some of their authors were done and some were not."""
    found = []
    for one in site.graphql(OBSERVED)["assetOrError"]["assetObservations"]:
        numbers = {entry["label"]: entry.get("intValue") for entry in one["metadataEntries"]}
        if one["partition"] != "0003" and numbers["done"] and numbers["to_go"]:
            found.append(one)
    return found


@pytest.fixture(scope="module")
def under_way(site, page, partition, pictures) -> str:
    """All buckets, as a backfill by clicking; what the asset's page says of a run before it is done."""
    open_summaries_dialog(page, site)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).click()
    dialog.get_by_text(f"{BUCKETS} partitions").first.wait_for()
    dialog.get_by_role("button", name="Launch").click()
    eventually(lambda: bool(halfway(site)), lambda: site.graphql(OBSERVED))
    first = halfway(site)[-1]
    page.set_viewport_size({"width": 1440, "height": 760})
    show(page, site, f"/assets/author_summaries?view=events&time={first['timestamp']}")
    page.get_by_text(f"Partition {first['partition']} observed").wait_for()
    page.get_by_text(" to go, ").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "progress.png")
    return page.inner_text("body")


@pytest.fixture(scope="module")
def backfill(site, under_way) -> None:
    """The same, done."""
    site.wait_for("author_summaries", BUCKETS)
    site.wait_for("failed_authors", BUCKETS)


#: The beginnings of tables of which a part lies outside of what is seen, whether one could scroll there or not.
CUT_OFF = """() => [...document.querySelectorAll("table")].filter(table => {
    const right = table.getBoundingClientRect().right;
    for (let box = table.parentElement; box; box = box.parentElement)
        if (getComputedStyle(box).overflowX !== "visible" && right > box.getBoundingClientRect().right + 1) return true;
    return right > window.innerWidth }).map(table => table.innerText.slice(0, 80))"""


@pytest.fixture(scope="module")
def failure(site, page, backfill, refused, pictures) -> str:
    """What the page of a bucket with failures says, two clicks after the asset's own; nothing of it is cut off."""
    page.set_viewport_size({"width": 1440, "height": 900})
    show(page, site, "/assets/failed_authors")
    page.get_by_role("tab", name="Partitions").or_(page.get_by_role("link", name="Partitions")).first.click()
    page.get_by_text(REFUSED_IN, exact=True).first.click()
    page.get_by_text("failures_by_reason").first.wait_for()
    page.get_by_text(refused[0]).first.wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=pictures / "failure.png")
    assert page.evaluate(CUT_OFF) == []
    return page.inner_text("body")


TICKS = """{ sensorOrError(sensorSelector: {repositoryName: "__repository__",
    repositoryLocationName: "summarizer_assets", sensorName: "retry_failed_authors"}) {
    ... on Sensor { sensorState { ticks(limit: 50) { status runIds } } } } }"""


def launched(site: Site) -> list[str]:
    """Runs that the retry sensor asked for."""
    ticks = site.graphql(TICKS)["sensorOrError"]["sensorState"]["ticks"]
    return [run for tick in ticks for run in tick["runIds"]]


@pytest.fixture(scope="module")
def retried(site, page, failure, provider, refused, pictures) -> str:
    """The run that the sensor launched once the provider was healed."""
    provider.heal()
    eventually(lambda: not set(refused) & set(site.table("failed_authors")["author_id"]), lambda: site.graphql(TICKS))
    runs = launched(site)
    page.set_viewport_size({"width": 1440, "height": 900})
    show(page, site, "/locations/summarizer_assets/sensors/retry_failed_authors")
    page.get_by_text("1 run requested").first.wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=pictures / "sensor.png")
    return runs[0]


REPORTED = """{ assetOrError(assetKey: {path: ["summary_report"]}) {
    ... on Asset { assetMaterializations(limit: 1) { runId } } } }"""


@pytest.fixture(scope="module")
def report(site, page, retried, pictures) -> str:
    """The report, by clicking; where its page lies, and nothing cut off."""
    page.set_viewport_size({"width": 1440, "height": 1200})
    show(page, site, "/assets/summary_report")
    page.get_by_role("button", name="Materialize").click()
    eventually(lambda: bool(site.graphql(REPORTED)["assetOrError"]["assetMaterializations"]), lambda: "no report yet")
    show(page, site, "/assets/summary_report")
    page.get_by_text("how_it_stands").first.wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=pictures / "report_in_dagster.png")
    assert page.evaluate(CUT_OFF) == []
    return page.inner_text("body")


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


def test_the_page_of_a_partition_shows_three_summaries_then_eight_numbers_and_a_table(site, page, partition, pictures):
    page.set_viewport_size({"width": 1440, "height": 1300})
    show(page, site, f"/assets/author_summaries?view=partitions&partition={partition}")
    page.get_by_text("everything_else").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "partition.png")
    text = page.inner_text("body")
    numbers = ("authors", "summaries", "failed", "pending", "calls", "tokens", "spent_usd", "authors_per_second")
    labels = [line for line in text.splitlines() if line in {"newest_summaries", *numbers, "everything_else"}]
    assert labels == ["newest_summaries", *numbers, "everything_else"]
    newest = site.table("author_summaries").sort("summarized_at", "author_id", descending=[True, False])
    for summary in newest["summary"].head(3):
        assert summary[:50] in text
    assert page.evaluate(CUT_OFF) == []


def test_a_backfill_by_the_dialog_makes_every_partition_green(site, page, backfill, pictures):
    for asset, partitions in site.partitions().items():
        if partitions.total == 0:
            continue
        assert (partitions.materialized, partitions.failed, partitions.total) == (BUCKETS, 0, BUCKETS), asset
    authors, summaries, failures = (site.table(name) for name in ("authors", "author_summaries", "failed_authors"))
    assert sorted([*summaries["author_id"], *failures["author_id"]]) == sorted(authors["author_id"])

    page.set_viewport_size({"width": 1440, "height": 560})
    newest = site.graphql("{ partitionBackfillsOrError(limit: 1) { ... on PartitionBackfills { results { id } } } }")
    show(page, site, f"/runs/b/{newest['partitionBackfillsOrError']['results'][0]['id']}")
    for asset in ("author_summaries", "failed_authors"):
        page.get_by_text(asset).first.wait_for()
    page.get_by_text("completed").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "backfill.png")


def test_a_run_tells_how_far_it_is_while_it_runs(site, under_way):
    """A green bar, and what is done, failed, to go, a second, spent, in words."""
    assert re.search(r"[\d,]+ summarised, \d+ failed, [\d,]+ to go, [\d.,]+ a (second|minute), \$0\.\d+", under_way)


def test_two_clicks_lead_to_who_failed_why_under_which_request_and_what_comes_next(site, failure, refused):
    row = site.table("failed_authors").filter(pl.col("author_id") == refused[0])
    for value in (refused[0], "refusal", *row["request_id"]):
        assert value in failure


def test_the_sensor_ran_just_the_bucket_with_failures_again_and_its_run_mended_them(site, retried, refused):
    query = f'{{ runOrError(runId: "{retried}") {{ ... on Run {{ status tags {{ key value }} }} }} }}'
    run = site.graphql(query)["runOrError"]
    assert run["status"] == "SUCCESS"
    assert {"key": "dagster/partition", "value": REFUSED_IN} in run["tags"]
    mended = site.table("author_summaries").filter(pl.col("author_id").is_in(refused))
    assert mended["run_id"].to_list() == [retried] * 2
    assert launched(site) == [retried]


def test_the_report_is_opened_from_its_asset_and_says_how_it_stands(site, page, report, pictures):
    assert str(site.root / "report.html") in report
    with page.expect_popup() as opened:
        page.get_by_role("link", name="/author-report/report.html").first.click()
    page = opened.value
    assert page.url == f"{site.url}/author-report/report.html"
    page.locator("#author").get_by_role("heading", level=3).wait_for()  # an author, whose script was served, too
    summaries = site.table("author_summaries").height
    assert f"{summaries:,} of {site.table('authors').height:,} authors have a summary" in page.inner_text("body")
    page.close()


def test_the_asset_graph_shows_the_source_and_the_tables_in_their_group(site, page, backfill, pictures):
    page.set_viewport_size({"width": 1440, "height": 900})
    show(page, site, "/asset-groups?expanded=global@global:summaries")
    for asset in ("source", "authors", "author_summaries", "failed_authors"):
        page.get_by_text(asset, exact=True).first.wait_for()
    page.wait_for_timeout(3000)
    page.screenshot(path=pictures / "asset_graph.png")


PAGES = [
    "/runs",
    "/assets/author_summaries",
    "/assets/failed_authors?view=partitions&partition=0002",
    "/assets/author_summaries?view=checks",
    "/assets/summary_report",
    "/asset-groups",
    "/automation",
    "/locations/summarizer_assets/sensors/retry_failed_authors",
    "/locations/summarizer_assets/jobs/summarize_bucket/playground",
    "/deployment/config",
    "/deployment/daemons",
    "/locations/summarizer_assets/installation",
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
    with page.expect_response(lambda reply: "/graphql" in reply.url and reply.ok, timeout=60_000):
        page.goto(url, wait_until="load", timeout=60_000)
    page.wait_for_timeout(1000)
    seen += [page.content(), *(reply.text() for reply in list(replies) if "/graphql" in reply.url)]
    page.close()
    return seen


def content(file: Path) -> bytes:
    """A file's bytes; none where it is gone: Dagster goes on writing, and SQLite removes its log in between."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def test_the_provider_key_is_on_no_page_in_no_reply_and_in_no_file(site, browser, report):
    runs = site.graphql("{ runsOrError(limit: 1) { ... on Runs { results { runId } } } }")["runsOrError"]["results"]
    context = browser.new_context()
    for path in [*PAGES, f"/runs/{runs[0]['runId']}"]:
        seen = all_that_a_page_receives(context, site.url + path)
        assert any('"data"' in text for text in seen), path
        assert not [text[:200] for text in seen if CANARY in text], path
    files = [file for folder in (site.home, site.root) for file in folder.rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in files)
    assert not [file for file in files if CANARY.encode() in content(file)]
