"""`summarizer run` and `summarizer status`: real tables, a provider on loopback that fails as planned."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from summarizer_assets.cli import confirm
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.cli.conftest import Run, data, write_settings
from testing.installation import write_authors
from testing.provider import answer, serving


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[FaultyProvider, str]]:
    app = FaultyProvider(answer)
    with serving(app) as url:
        yield app, url


@pytest.fixture
def model(here: Path, provider: tuple[FaultyProvider, str]) -> FaultyProvider:
    """The provider without a fault, asked by the settings in the folder for thirty authors in two buckets."""
    app, url = provider
    app.use(Plan())
    settings(here, url)
    return app


def settings(here: Path, url: str, **more: object) -> None:
    source = here / "authors.parquet"
    if not source.exists():
        write_authors(source, 30)
    given = {"source": source, "buckets": 2, "llm_base_url": url, "llm_model": "test-model", "group_size": 5}
    write_settings(here, **{**given, "price_input_usd": 1, "price_output_usd": 4, **more})


def test_nothing_is_asked_before_a_yes_and_the_source_is_read_once(
    here: Path, model: FaultyProvider, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = len(model.entries)
    status, _, err = run("run")
    assert status == 2
    assert "say --yes" in err
    assert "cost       $" in err
    assert len(model.entries) == asked
    with monkeypatch.context() as terminal:
        terminal.setattr(confirm, "at_a_terminal", lambda: True)
        terminal.setattr("click.confirm", lambda *_, **__: False)
        assert run("run")[:2] == (0, "nobody was asked\n")
    assert len(model.entries) == asked
    status, out, err = run("run", "--yes", "--json")
    assert status == 0
    assert "is read as it is" in err
    found = data(out)
    assert (found["ingested"], found["status"]["summaries"], found["failed_now"]) == (False, 30, {})
    assert found["estimate"]["authors"]["asked"] == 30
    with dg.DagsterInstance.from_config(str(here / "data" / "dagster")) as instance:
        runs = instance.get_runs()
    assert {one.run_id for one in runs} > set(found["runs"])
    assert {one.job_name for one in runs} == {"ingest_authors", "summarize_bucket"}
    assert all(one.status is dg.DagsterRunStatus.SUCCESS for one in runs)
    assert run("run")[0] == 0, "with nobody to ask there is nothing to agree to"
    write_authors(here / "authors.parquet", 32)
    found = data(run("run", "--yes", "--json")[1])
    assert (found["ingested"], found["status"]["summaries"]) == (True, 32)
    write_authors(here / "authors.parquet", 20)
    status, _, err = run("run", "--yes")
    assert status == 1
    code = re.search(r"summarizer run --accept-loss (\S+?)`", err)
    assert code is not None
    found = data(run("run", "--accept-loss", code[1], "--yes", "--json")[1])
    assert (found["status"]["authors"], found["status"]["summaries"]) == (20, 20), "who is gone is removed"


def test_failed_authors_are_told_with_reason_and_remedy_and_the_status_is_1(model: FaultyProvider, run: Run) -> None:
    model.use(Plan(rules=[Rule("content_filter", authors=("7", "8"))]))
    status, out, err = run("run", "--yes")
    assert status == 1
    assert "2 authors failed: content_filter" in err
    assert "summarizer redrive --reason content_filter" in out
    status, out, _ = run("status", "-v")
    assert status == 0
    assert "content_filter: the provider's content filter stopped" in out
    assert out.count("\n00") == 2
    now = data(run("status", "--json")[1])
    assert now["failures"]["content_filter"] == {"authors": 2, "due": 0, "waiting": 0, "exhausted": 0, "final": 2}
    assert sum(bucket["authors"] for bucket in now["buckets"]) == now["authors"] == 30


def test_a_refused_key_stops_before_the_other_buckets(model: FaultyProvider, run: Run) -> None:
    model.use(Plan(rules=[Rule("unauthorized", share=1)]))
    status, out, err = run("run", "--yes", "--json")
    assert status == 1
    found = data(out)
    assert len(found["problems"]) == 1
    assert found["buckets_left"] == ["0001"]
    assert "SUMMARIZER_LLM_API_KEY" in err
    assert "summarizer ping" in found["status"]["next"]["command"]


def test_a_budget_ends_it_and_says_so(here: Path, provider: tuple[FaultyProvider, str], run: Run) -> None:
    provider[0].use(Plan())
    settings(here, provider[1], budget_usd=0.07)
    status, _, err = run("run", "--yes")
    assert status == 1
    assert "SUMMARIZER_BUDGET_USD" in err
    now = data(run("status", "--json")[1])
    assert now["pending"] > 0
    assert now["spent_usd"] <= 0.07


def test_a_source_that_cannot_be_read_ends_with_its_error(here: Path, run: Run) -> None:
    write_settings(here, source="nowhere.parquet")
    status, _, err = run("run", "--yes")
    assert status == 2
    assert "nowhere.parquet" in err


@pytest.mark.slow
def test_ctrl_c_stores_what_was_answered_and_the_same_command_goes_on(
    here: Path, provider: tuple[FaultyProvider, str], run: Run
) -> None:
    app, url = provider
    app.use(Plan(latency_s=0.3))
    settings(here, url, max_in_flight=1, group_size=1)
    before = len(app.entries)

    def interrupt() -> None:
        until = time.monotonic() + 60
        while len(app.entries) < before + 4 and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    status, _, err = run("run", "--yes")
    thread.join()
    assert status == 1
    assert "To go on: summarizer run" in err
    now = data(run("status", "--json")[1])
    assert 0 < now["summaries"] < 30
    app.use(Plan())
    settings(here, url)
    assert run("run", "--yes")[0] == 0
    assert pl.read_delta(str(here / "data" / "author_summaries")).height == 30


def test_without_tables_status_says_where_to_begin(run: Run, here: Path) -> None:
    status, out, _ = run("status")
    assert status == 0
    assert "There are no authors yet: summarizer run" in out
    assert list(here.iterdir()) == []
