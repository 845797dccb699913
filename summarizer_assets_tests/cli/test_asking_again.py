"""`summarizer redrive` and `summarizer resummarize`: the price first, then those who were chosen and nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.cli.conftest import Run, data, write_settings
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

POISON = ("7", "8", "9")


@pytest.fixture
def model(here: Path) -> Iterator[FaultyProvider]:
    """Thirty authors in two buckets, three of them failed for good; the provider is well now."""
    app = FaultyProvider(answer, Plan(rules=[Rule("content_filter", authors=POISON)]))
    with serving(app) as url:
        given = {"source": write_authors(here / "authors.parquet", 30), "buckets": 2, "group_size": 5}
        prices = {"price_input_usd": 1, "price_output_usd": 4}
        write_settings(here, **given, **prices, llm_base_url=url, llm_model="test-model")
        house = Installation(here / "data", **given, **prices, llm_base_url=url, llm_model="test-model")
        house.ingest()
        house.summarize()
        app.use(Plan())
        yield app


def test_failures_of_a_reason_are_asked_again_once_their_price_was_agreed_to(model: FaultyProvider, run: Run) -> None:
    before = len(model.entries)
    status, _, err = run("redrive", "--reason", "content_filter")
    assert status == 2
    assert "3 authors, in " in err
    assert "$" in err
    assert len(model.entries) == before
    found = data(run("redrive", "--author", "8", "--yes", "--json")[1])
    assert found["estimate"]["authors"] == 1
    assert (found["status"]["summaries"], found["status"]["failed"]) == (28, 2)
    assert run("redrive", "--reason", "content_filter", "--yes")[0] == 0
    again = [author for entry in list(model.entries)[before:] for author in entry.ids]
    assert sorted(again) == sorted(POISON)
    assert data(run("status", "--json")[1])["failed"] == 0
    assert run("redrive", "--reason", "content_filter", "--yes")[1] == "nobody is chosen\n"


def test_a_bucket_alone_names_all_of_its_failures(model: FaultyProvider, run: Run) -> None:
    buckets = data(run("status", "--json")[1])["buckets"]
    one = max(buckets, key=lambda bucket: int(bucket["failed"]))
    found = data(run("redrive", "--bucket", one["bucket"], "--yes", "--json")[1])
    assert found["estimate"]["authors"] == one["failed"] > 0
    assert found["problems"] == []
    assert found["status"]["failed"] == len(POISON) - one["failed"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "say whom"),
        (("--reason", "no_such"), "unknown reason no_such; allowed:"),
        (("--reason", "no_papers"), "no request is made"),
        (("--bucket", "0002"), "there is no bucket 0002; allowed: 0000 to 0001"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    model: FaultyProvider,
    run: Run,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    status, _, err = run("redrive", *arguments, "--yes")
    assert status == 2
    assert says in err


def test_summaries_of_another_prompt_are_made_anew(here: Path, model: FaultyProvider, run: Run) -> None:
    assert run("resummarize", "--other-prompt-or-model", "--yes")[1] == "nobody is chosen\n"
    with (here / ".env").open("a") as file:
        file.write("SUMMARIZER_WORDS=40\n")
    before = len(model.entries)
    status, _, err = run("resummarize", "--other-prompt-or-model")
    assert status == 2
    assert "27 authors and 3 more who are asked anyway, in 2 buckets, would be asked: " in err
    assert "tokens, $" in err
    assert len(model.entries) == before
    assert run("resummarize", "--other-prompt-or-model", "--yes")[0] == 0
    again = [author for entry in list(model.entries)[before:] for author in entry.ids]
    assert len(again) == len(set(again)) == 30, "a failure under another prompt blocks nobody"
    assert run("resummarize", "--other-prompt-or-model", "--yes")[1] == "nobody is chosen\n"
    assert run("resummarize")[0] == 2
