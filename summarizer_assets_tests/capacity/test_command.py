"""`summarizer capacity`: what a person is told, and what it rests on."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import PREFIX, load_settings
from summarizer_assets.storage.delta.stream import persist
from testing.command_line import run_command
from testing.installation import write_authors

AUTHORS, KEYS = 40, ("0000", "0001")
Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tell(tmp_path, monkeypatch, capsys) -> Told:
    """Run the command in an empty folder with these settings: its status, and what it printed."""
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def told(*arguments: str, **settings: str) -> tuple[int, str, str]:
        for name, value in settings.items():
            monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
        status = run_command("capacity", *arguments)
        return status, *capsys.readouterr()

    return told


@pytest.fixture(scope="module")
def summarised(tmp_path_factory) -> dict[str, str]:
    """Settings of a root whose authors have summaries, from the embedded template."""
    folder: Path = tmp_path_factory.mktemp("summarised")
    source = write_authors(folder / "authors.parquet", AUTHORS)
    given = {"root": str(folder / "root"), "source": str(source), "buckets": str(len(KEYS)), "group_size": "5"}
    house = Summarizer(load_settings(None, **given))
    persist(house.tables.authors, house.ingest(KEYS, log=lambda _: None, describe=lambda *_: None))
    for key in KEYS:
        with house.bucket_run(key, f"run-{key}", log=lambda _: None) as run:
            persist(house.tables.summaries, run.summaries)
            persist(house.tables.failures, run.failures)
            run.finish()
    return given


def test_a_plan_for_authors_who_are_nowhere_yet_tells_what_binds_and_what_helps_and_makes_no_file(tell, tmp_path):
    status, out, _ = tell("--authors", "20_000_000", "--rpm", "10000", "--tpm", "1e7", "--price-input-usd", "0.15",
                          "--price-output-usd", "0.6", "--workers", "2")  # fmt: skip
    assert status == 0
    assert "bound by how long answers take" in out
    assert "SUMMARIZER_MAX_IN_FLIGHT=" in out
    assert "Buckets: 256 recommended" in out
    assert "$2,058.00" in out
    assert [row.split()[0] for row in out.splitlines() if row[1:2] in "1248" and row[:1] == " "][:4] == list("1248")
    assert "|--" not in out
    assert "**" not in out
    assert not list(tmp_path.iterdir())


def test_a_machine_reads_the_same_and_the_tables_tell_what_was_measured(tell, summarised):
    status, out, _ = tell("--json", "--latency-s", "2", "--by-model", **summarised)
    found = json.loads(out)
    assert status == 0
    assert found["given"]["job"]["authors"] == AUTHORS
    assert found["given"]["job"]["group_size"] == 5
    assert found["given"]["fleet"]["buckets"] == len(KEYS)
    assert "requests in `author_summaries`" in found["given"]["origins"]["tokens in, an author"]
    assert found["plan"]["in_flight_in_all"] is None
    assert [plan["workers"] for plan in found["by_workers"]] == [1, 2, 4, 8]
    assert found["by_model"]["models"][0]["online_usd"] > 0
    # Larger groups share the instruction: fewer tokens in, as many out.
    larger = json.loads(tell("--json", "--group-size", "20", **summarised)[1])["given"]["job"]
    assert larger["prompt_tokens"] < found["given"]["job"]["prompt_tokens"]
    assert larger["completion_tokens"] == found["given"]["job"]["completion_tokens"]


def test_what_is_missing_or_wrong_is_named_with_what_is_allowed(tell):
    status, out, error = tell()
    assert (status, out) == (2, "")
    assert "give --authors, or materialise the asset `authors` first" in error
    status, _, error = tell("--authors", "none")
    assert status == 2
    assert "'--authors': 'none'; allowed: a whole number from 1" in error
    assert "give both or none" in tell("--authors", "5", "--price-input-usd", "1")[2]
    assert "allowed: a number above 0" in tell("--authors", "5", "--rpm", "0")[2]
