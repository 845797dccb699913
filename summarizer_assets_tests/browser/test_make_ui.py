"""`make ui` after `make demo` in a real browser: what its first pages show; its own pages start what they ask for, from
every launchpad; another site's nothing.

The queue lets no run begin: what is looked at is what was launched beside what the demo did. The strangers come first;
how runs end that a person launched is looked at in `test_ui`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as NothingHappenedError

from summarizer_assets_tests.browser.site import Site, ui_after_the_demo
from summarizer_assets_tests.browser.test_ui import CHROMIUM, QUIET

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: To the browser this name leads to loopback, as a name server of a stranger may say.
REBOUND = "rebound.example"
MUTATION = """mutation { launchPartitionBackfill(backfillParams: {
    assetSelection: [{path: ["authors"]}], partitionNames: ["0000"]}) { __typename } }"""

#: Everything by which a page can make a browser ask. `told` says what it was told, where it may know.
ATTACKS = """async ({target, mutation}) => {
    const url = `${target}/graphql`, asked = `${url}?query=${encodeURIComponent(mutation)}`;
    const body = JSON.stringify({query: mutation}), told = {};
    const attempt = async (name, act) => { try { told[name] = await act() } catch (error) { told[name] = `${error}` } };
    const shown = tag => attribute => new Promise(done => {
        const node = document.createElement(tag);
        node.onload = () => done("loaded"); node.onerror = () => done("failed");
        Object.assign(node, attribute); document.body.append(node); setTimeout(() => done("silent"), 1500) });
    const form = (action, enctype, name, value) => new Promise(done => {
        const frame = document.createElement("iframe"), node = document.createElement("form");
        const input = document.createElement("input");
        frame.name = Math.random().toString(36); node.target = frame.name;
        Object.assign(node, {action, enctype, method: "POST"}); Object.assign(input, {name, value}); node.append(input);
        frame.onload = () => done("answered"); document.body.append(frame, node); node.submit();
        setTimeout(() => done("silent"), 1500) });
    const types = ["text/plain", "text/plain; application/json", "application/x-www-form-urlencoded"];
    await attempt("image", () => shown("img")({src: asked}));
    await attempt("script", () => shown("script")({src: asked}));
    await attempt("frame", () => shown("iframe")({src: asked}));
    await attempt("get", async () => (await fetch(asked, {mode: "no-cors", credentials: "include"})).type);
    for (const type of types)
        await attempt(`post ${type}`, async () => (await fetch(url,
            {method: "POST", mode: "no-cors", body, headers: {"content-type": type}})).type);
    await attempt("post to the address", async () => (await fetch(asked, {method: "POST", mode: "no-cors"})).type);
    await attempt("json", async () => (await fetch(url,
        {method: "POST", body, headers: {"content-type": "application/json"}})).status);
    await attempt("beacon", () => navigator.sendBeacon(asked, new Blob([body], {type: "text/plain"})));
    await attempt("form", () => form(asked, "application/x-www-form-urlencoded", "query", mutation));
    await attempt("plain form", () => form(url, "text/plain", body.slice(0, -1) + ', "x": "', '"}'));
    await attempt("report", async () => (await fetch(`${target}/report_asset_materialization/authors?partition=0000`,
        {method: "POST", mode: "no-cors"})).type);
    await attempt("websocket", () => new Promise(done => {
        const socket = new WebSocket(url.replace("http", "ws"), "graphql-ws");
        socket.onerror = () => done("refused");
        socket.onopen = () => { socket.send(JSON.stringify({type: "connection_init"}));
            socket.send(JSON.stringify({type: "start", id: "1", payload: {query: mutation}}));
            setTimeout(() => done("opened"), 1000) } }));
    return told }"""
STARTED = """{ runsOrError { ... on Runs { results { runId jobName status } } }
    partitionBackfillsOrError { ... on PartitionBackfills { results { id } } }
    assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId } } }"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with ui_after_the_demo(tmp_path_factory.mktemp("site"), at_once=0) as running:
        yield running


@pytest.fixture(scope="module")
def done(site) -> dict[str, Any]:
    """What the demo started."""
    return started(site)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        rebinding = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, rebinding])
        yield chromium
        chromium.close()


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The port of another site."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>elsewhere")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def started(site: Site) -> dict[str, Any]:
    found = site.graphql(STARTED)
    made = [node["assetKey"]["path"] for node in found["assetNodes"] if node["assetMaterializations"]]
    return {
        "runs": found["runsOrError"]["results"],
        "backfills": found["partitionBackfillsOrError"]["results"],
        "made": made,
    }


def port_of(site: Site) -> str:
    return site.url.rpartition(":")[2]


#: Made by the demo; the others spend money, or have nothing to do yet.
MADE = {"authors", "author_summaries", "failed_authors", "spend_estimate", "table_checks", "summary_report"}
RAN = {"ingest_authors", "estimate_spend", "summarize_bucket", "check_tables", "report"}


def test_the_first_page_shows_what_the_demo_ran_and_the_graph_what_it_made(site, done, browser) -> None:
    """Only its address was printed, and that it is the demo's."""
    said = (site.root.parent / "ui.log").read_text().splitlines()
    assert said == [f"Dagster's UI of the demo, {site.root}: {site.url}  (Ctrl-C ends it)"]
    assert {path[-1] for path in done["made"]} == MADE
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(site.url, wait_until="domcontentloaded")
    for job in RAN:
        page.get_by_role("link", name=job).first.wait_for()
    assert "/timeline" in page.url
    for group, state, boxes in (
        ("summaries", "100% filled", 3),
        ("planning", "Materialized", 1),
        ("upkeep", "Materialized", 2),
    ):
        page.goto(f"{site.url}/locations/summarizer_assets/asset-groups/{group}/lineage", wait_until="domcontentloaded")
        page.get_by_text(state, exact=True).nth(boxes - 1).wait_for()
    page.close()


@pytest.mark.parametrize(
    ("name", "target"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), (REBOUND, REBOUND)]
)
def test_a_page_of_another_site_starts_nothing(site, done, browser, elsewhere, name: str, target: str) -> None:
    page = browser.new_page()
    statuses: list[int] = []
    target = f"http://{target}:{port_of(site)}"
    page.on("response", lambda reply: statuses.append(reply.status) if reply.url.startswith(target) else None)
    page.goto(f"http://{name}:{elsewhere}/")
    told = page.evaluate(ATTACKS, {"target": target, "mutation": MUTATION})
    assert told["websocket"] == "refused", told
    assert told["image"] != "loaded", told
    assert "Failed to fetch" in str(told["json"]), told
    for _ in range(150):  # those that the page itself does not wait for: a form, a frame, a window
        if len(statuses) >= 10:
            break
        page.wait_for_timeout(200)
    assert len(statuses) >= 10, told
    assert set(statuses) <= {403, 405, 415}, told
    assert started(site) == done
    page.close()


def test_a_name_that_was_made_to_lead_here_shows_nothing_and_starts_nothing(site, done, browser) -> None:
    page = browser.new_page()
    target = f"http://{REBOUND}:{port_of(site)}"
    reply = page.goto(f"{target}/assets")
    assert reply is not None
    assert reply.status == 403
    told = page.evaluate(ATTACKS, {"target": target, "mutation": MUTATION})
    assert (told["websocket"], told["json"]) == ("refused", 403), told
    assert started(site) == done
    page.close()


def test_the_same_words_from_its_own_page_start_what_they_say(site, browser) -> None:
    """So the strangers above failed for who they were."""
    page = browser.new_page()
    page.goto(f"{site.url}/assets")
    asked = {"url": "/graphql", "body": json.dumps({"query": MUTATION})}
    ask = """({url, body}) => fetch(url, {method: "POST", body, headers: {"content-type": "application/json"}})
        .then(reply => reply.json())"""
    assert page.evaluate(ask, asked)["data"]["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess"
    assert len(started(site)["backfills"]) == 1
    page.close()


OF_OURS = '(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "summarizer_assets"})'
JOBS = f"{{ repositoryOrError{OF_OURS} {{ ... on Repository {{ jobs {{ name }} }} }} }}"


LAUNCHED_OR_NOT = """() => location.pathname.startsWith("/runs/") ||
    [...document.querySelectorAll("[role=dialog]")].some(shown => shown.innerText.trim().startsWith("Error"))"""


def launch(page: Page, button: str) -> str:
    """Press Launch in an open launchpad; the id of its run."""
    page.get_by_text("No errors", exact=True).wait_for()
    page.get_by_text("All defaults expanded").wait_for()  # until then it is not drawn to its end
    unchosen = page.get_by_text("launch a run without a partition specified")
    for _ in range(4):  # while the page draws itself anew, it takes no notice of a press
        partition = page.get_by_placeholder("Partition")
        if partition.count():
            partition.fill("0000")
            page.keyboard.press("Enter")
        page.get_by_role("button", name=button).last.click()
        with suppress(NothingHappenedError):
            page.wait_for_function(LAUNCHED_OR_NOT, timeout=20_000)
            break
        if unchosen.count():  # it took no notice of the choice
            page.get_by_role("button", name="Cancel").last.click()
        elif page.locator(".dagster-backdrop").count():  # it took notice, and is slow
            with suppress(NothingHappenedError):
                page.wait_for_function(LAUNCHED_OR_NOT, timeout=120_000)
            break
    assert "/runs/" in page.url, page.get_by_role("dialog").last.inner_text()
    return page.url.rpartition("/")[2]


def launched(site: Site) -> set[tuple[str, str]]:
    """Each run's id and job."""
    return {(run["runId"], run["jobName"]) for run in started(site)["runs"]}


def test_every_launchpad_opens_without_an_error_and_launches(site, browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    jobs = [job["name"] for job in site.graphql(JOBS)["repositoryOrError"]["jobs"] if not job["name"].startswith("__")]
    nodes = site.graphql("{ assetNodes { assetKey { path } isMaterializable } }")["assetNodes"]
    assets = [node["assetKey"]["path"][-1] for node in nodes if node["isMaterializable"]]
    assert len(jobs) >= 8
    assert len(assets) >= 8
    for name in sorted(jobs):
        page.goto(f"{site.url}/locations/summarizer_assets/jobs/{name}/playground", wait_until="domcontentloaded")
        run = launch(page, "Launch Run")
        assert (run, name) in launched(site)
    for name in sorted(assets):
        page.goto(f"{site.url}/assets/{name}", wait_until="domcontentloaded")
        page.get_by_role("button", name="Materialize").locator("xpath=following::button[1]").click()
        page.get_by_text("Open launchpad").click()
        ready, sure = page.get_by_text("No errors", exact=True), page.get_by_role("button", name="Confirm")
        sure.or_(ready).first.wait_for()
        while not ready.count():  # what else is made with it, what is not made yet
            sure.click()
            page.wait_for_timeout(1000)
            sure.or_(ready).first.wait_for()
        run = launch(page, "Materialize")
        assert (run, "__ASSET_JOB") in launched(site)
    page.close()
