"""The pages of Dagster's UI in Chromium: when their content is seen, and what their queries cost the webserver."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
from playwright.sync_api import Browser, Request, sync_playwright

_CHROMIUM = "/usr/bin/chromium"
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_PATIENCE_S = 120.0
_SETTLING_MS = 1500  # the last queries of a page are sent when its content is seen
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Page:
    name: str
    path: str
    text: str  # what is seen once the content is there


@dataclass
class Query:
    """One query of a page, and how long each answer to it took."""

    name: str
    body: str
    seconds: list[float] = field(default_factory=list)
    size: int = 0


@dataclass
class Measured:
    page: Page
    seen_s: list[float]
    queries: list[Query]
    cpu_s: float  # of one round of its queries

    @property
    def slowest(self) -> Query:
        return max(self.queries, key=lambda query: median(query.seconds))

    def figures(self) -> dict[str, object]:
        slowest = self.slowest
        return {
            "first_seen_s": round(self.seen_s[0], 2),
            "seen_s": round(median(self.seen_s[1:]), 2),
            "seen_max_s": round(max(self.seen_s), 2),
            "queries": len(self.queries),
            "all_queries_ms": round(1000 * sum(median(query.seconds) for query in self.queries)),
            "slowest": slowest.name,
            "slowest_ms": round(1000 * median(slowest.seconds)),
            "slowest_max_ms": round(1000 * max(slowest.seconds)),
            "kb": round(sum(query.size for query in self.queries) / 1024),
            "cpu_ms": round(1000 * self.cpu_s),
        }


def measure(url: str, pages: Sequence[Page], session: int, rounds: int, pictures: Path) -> list[Measured]:
    """Each page `rounds` times in Chromium, then its queries `rounds` times alone; `session` is the webserver's."""
    with sync_playwright() as playwright, httpx.Client(timeout=_PATIENCE_S) as client:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_QUIET)
        measured = []
        for page in pages:
            visits = [_visit(browser, url, page, pictures) for _ in range(rounds)]
            queries = visits[-1][1]
            before = cpu_of(session)
            for _ in range(rounds):
                for query in queries:
                    _ask(client, url, query)
            cpu_s = (cpu_of(session) - before) / rounds
            measured.append(Measured(page, [seconds for seconds, _ in visits], queries, cpu_s))
        browser.close()
        return measured


def _visit(browser: Browser, url: str, page: Page, pictures: Path) -> tuple[float, list[Query]]:
    """Open the page as a new visitor: seconds until its content is seen, and its queries."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(_PATIENCE_S * 1000)
    queries: dict[str, Query] = {}

    def note(request: Request) -> None:
        if "/graphql" in request.url and request.post_data:
            queries.setdefault(
                request.post_data, Query(json.loads(request.post_data)["operationName"], request.post_data)
            )

    tab.on("request", note)
    began = time.monotonic()
    tab.goto(url + page.path, wait_until="commit")
    tab.get_by_text(page.text).filter(visible=True).first.wait_for()
    seconds = time.monotonic() - began
    tab.wait_for_timeout(_SETTLING_MS)
    tab.screenshot(path=pictures / f"{page.name.replace(' ', '_').replace(',', '')}.png")
    context.close()
    return seconds, list(queries.values())


def _ask(client: httpx.Client, url: str, query: Query) -> None:
    began = time.monotonic()
    reply = client.post(f"{url}/graphql", content=query.body, headers={"content-type": "application/json"})
    query.seconds.append(time.monotonic() - began)
    reply.raise_for_status()
    if reply.json().get("errors"):
        raise SystemExit(f"{query.name}: {reply.json()['errors']}")
    query.size = len(reply.content)


def cpu_of(session: int) -> float:
    """CPU seconds so far of the living processes of a session."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while we looked
        if int(fields[3]) == session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_A_SECOND
