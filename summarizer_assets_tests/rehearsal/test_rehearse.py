"""The rehearsal as a command: what it does to whom, what it reports, and what it never does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from summarizer_assets.rehearsal.audit import paid_twice, right_answers
from summarizer_assets.rehearsal.batches.terms import BadLine, BatchTerms, CallFault
from summarizer_assets.rehearsal.mixture import something_of_everything
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.process import ProviderError, running
from summarizer_assets.rehearsal.request_log import Entry
from summarizer_assets.settings import PREFIX
from testing.installation import write_authors


def rehearse(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "DAGSTER_"))}
    environment |= {PREFIX + name.upper(): value for name, value in settings.items()}
    command = [sys.executable, "-m", "summarizer_assets", "rehearse", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def found(ended: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(line.startswith("  bucket ") for line in ended.stderr.splitlines()[1:])
    return json.loads(ended.stdout)


def plan_file(folder: Path, plan: Plan) -> str:
    file = folder / "plan.json"
    file.write_bytes(msgspec.json.encode(plan))
    return str(file)


@pytest.mark.slow
def test_a_rehearsal_brings_each_author_to_one_place_through_the_faults_of_its_plan(tmp_path):
    source = write_authors(tmp_path / "authors.parquet", 80)
    rules = (
        Rule("unprocessable", authors=("7",)),
        Rule("reset", share=0.2, each_request=True),
        Rule("missing_id", share=0.2, each_request=True),
    )
    # A provider that must never be called: nothing listens there, and the key would be refused in a message.
    told = found(
        rehearse(
            tmp_path,
            *("--authors", "60", "--plan", plan_file(tmp_path, Plan(rules=rules)), "--root", "kept", "--json"),
            source=str(source),
            llm_base_url="http://127.0.0.1:9/v1",
            llm_model="dear",
            llm_api_key="sk-canary-0123456789",
            group_size="5",
            rpm="1",
        )
    )
    assert (told["authors"], told["summaries"], told["failed"]) == (60, 59, {"rejected": 1})
    assert (told["pending"], told["stored_twice"], told["paid_twice"]) == (0, 0, 0)
    assert told["answers"]["unprocessable"] > 1
    assert told["retries"] >= told["answers"]["reset"] > 0
    assert told["authors_asked_again"] > 0
    assert told["calls"] == told["requests"] == sum(told["answers"].values())
    assert 0 < told["wasted_tokens"] < told["billed_tokens"]
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"dagster", "source.parquet", "tables"}
    assert pl.read_delta(str(tmp_path / "kept" / "tables" / "author_summaries")).height == 59
    assert not (tmp_path / "data").exists()
    kept = [path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert not any(b"sk-canary" in content for content in kept)


@pytest.mark.slow
def test_without_a_plan_something_of_everything_happens_in_the_configured_protocol_too(tmp_path):
    never_called = {"llm_base_url": "http://127.0.0.1:9/v1", "llm_protocol": "anthropic", "llm_model": "dear"}
    extra_body = '{"thinking": {"type": "disabled"}}'  # the other protocol's server would not know it
    ended = rehearse(tmp_path, "--authors", "40", group_size="4", llm_extra_body=extra_body, **never_called)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for part in ("40 authors in", "have a summary", "are stored twice", "right", "tokens billed", "paid for twice"):
        assert part in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_by_batch_jobs_nobody_is_lost_or_paid_twice_and_the_bill_is_booked_and_no_day_is_waited(tmp_path):
    source = write_authors(tmp_path / "authors.parquet", 8)
    given = {"source": str(source), "llm_base_url": "http://127.0.0.1:9/v1", "llm_model": "dear"}
    unheard = CallFault("create", "gateway_timeout", done=True)
    terms = BatchTerms(running_s=7_200, calls=(unheard,), lines=(BadLine(0, "twice"),))
    rule = Rule("link", authors=("3",), times_per_group=1)
    plan = plan_file(tmp_path, Plan(rules=(rule,), batch=terms))
    told = found(rehearse(tmp_path, "--plan", plan, "--route", "batch", "--json", **given))
    batch = told["batch"]
    assert (told["authors"], told["summaries"], told["failed"]) == (8, 8, {})
    assert (told["pending"], told["stored_twice"], told["paid_twice"]) == (0, 0, 0)
    assert told["requests"] == 0, "nobody was asked online"
    assert batch["lines"] == sum(told["answers"].values())
    assert told["answers"]["link"] > 0
    assert set(batch["jobs"]) == {"completed"}
    assert batch["runs_that_waited"] >= sum(batch["jobs"].values()) > 3
    assert batch["provider_hours"] >= 4
    assert batch["billed_usd"] == batch["booked_usd"] > 0
    assert (batch["uncertain_usd"], batch["reserved_usd"], batch["agree"]) == (0, 0, True)


def test_a_rehearsal_that_cannot_begin_says_why(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for arguments, said in (
        (["--source", "nowhere.parquet"], "nowhere.parquet"),
        (["--root", "full"], "not empty"),
        (["--plan", "none.json"], "none.json"),
    ):
        ended = rehearse(tmp_path, *arguments)
        assert ended.returncode == 2
        assert said in ended.stderr


def test_the_default_plan_has_something_for_every_author_count():
    for count in (1, 2, 3, 500):
        authors = [str(number) for number in range(count)]
        plan = something_of_everything(authors)
        poisoned = [author for rule in plan.rules for author in rule.authors]
        assert set(poisoned) <= set(authors)
        assert len(set(poisoned)) == len(poisoned) == min(2, count)


def test_the_provider_in_a_process_of_its_own_is_told_and_asked():
    with running(Plan(seed=3)) as provider:
        assert provider.stats()["requests"] == 0
        assert provider.record() == []
        provider.use(Plan(rules=(Rule("refuse", share=1, seconds=1000),)))
        provider.heal()


def test_a_provider_that_does_not_start_is_an_error():
    with pytest.raises(ProviderError, match="status 1"), running(Plan(), ["--answer", "no.such.module:answer"]):
        pass


def entry(ids: str, fault: str | None = None, hit: str = "", *, answered: bool = True) -> Entry:
    return Entry(1, 0.0, tuple(ids), fault, tuple(hit), 200, 1.0 if answered else None)


def test_an_author_is_paid_for_twice_who_was_answered_right_twice():
    entries = [
        entry("abc"),
        entry("a", "slow"),
        entry("bc", "missing_id", "c"),
        entry("ab", "truncated_json"),
        entry("ab", "swapped", "a"),
        entry("ab", answered=False),
    ]
    assert right_answers(entries) == {"a": 2, "b": 2, "c": 1}
    assert paid_twice(entries) == 2
