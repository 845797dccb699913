"""`summarizer ping`: one request to a provider that is as particular as a real one."""

from pathlib import Path

import pytest

from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings import load_settings
from summarizer_assets_tests.cli.conftest import Run, data, write_settings
from summarizer_assets_tests.fake_provider import Fake, serving_fake
from testing.installation import Installation, write_authors
from testing.provider import answer, serving


def settings(here: Path, url: str, **more: object) -> None:
    source = write_authors(here / "authors.parquet", 10)
    given = {"source": source, "llm_base_url": url, "llm_model": "m", "llm_api_key": "a-key", "buckets": 2}
    write_settings(here, **{**given, "price_input_usd": 1, "price_output_usd": 4, "budget_usd": 1, **more})


def ledger() -> int:
    return int(Summarizer(load_settings()).ledger.totals()["spent"])


def test_it_shows_reply_tokens_price_and_how_the_model_wants_to_be_asked_and_books_it(here: Path, run: Run) -> None:
    with serving_fake(Fake(key="a-key", formats=frozenset({"json_object"}))) as fake:
        settings(here, fake.url)
        found = data(run("ping", "--json")[1])
        assert "is the author of the papers recorded here." in found["summary"]
        assert (found["prompt_tokens"], found["completion_tokens"], found["cost_usd"]) == (1000, 500, 0.003)
        assert found["asked_as"] == "json_object instead of json_schema"
        assert len(found["adapted"]) == 1
        assert ledger() == 3_000_000
        status, out, err = run("ping")
        assert status == 0
        assert "as learnt before: json_object instead of json_schema" in out
        assert "a-key" not in out + err
        assert ledger() == 6_000_000
        assert data(run("status", "--json")[1])["summaries"] == 0, "the answer is shown, not stored"


def test_it_asks_for_the_author_that_is_named_and_tells_the_limits_of_the_headers(here: Path, run: Run) -> None:
    app = FaultyProvider(answer)
    with serving(app) as url:
        settings(here, url)
        app.use(Plan(requests_per_minute=600, tokens_per_minute=60_000))
        Installation(here / "data", here / "authors.parquet", buckets=2).ingest()
        found = data(run("ping", "--author", "3", "--json")[1])
        assert found["author_id"] == "3"
        assert (found["requests_a_minute"], found["tokens_a_minute"]) == (600, 60_000)
        status, _, err = run("ping", "--author", "nobody")
        assert status == 2
        assert "there is no author nobody" in err


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("unauthorized", "SUMMARIZER_LLM_API_KEY"),
        ("content_filter", "filter"),
        ("html_page", "a page instead of a reply"),
        ("unknown_id", "id_mismatch"),
    ],
)
def test_an_answer_of_no_use_is_told_with_its_cause(here: Path, run: Run, fault: str, says: str) -> None:
    with serving(FaultyProvider(answer, Plan(rules=[Rule(fault, share=1)]))) as url:
        settings(here, url)
        status, out, _ = run("ping")
        assert status == 1
        assert says in out
        assert "summarizer run" not in out


def test_a_budget_that_holds_no_request_sends_none(here: Path, run: Run) -> None:
    app = FaultyProvider(answer)
    with serving(app) as url:
        settings(here, url, budget_usd=0.001)
        status, out, _ = run("ping")
    assert status == 1
    assert "SUMMARIZER_BUDGET_USD" in out
    assert not app.entries


def test_whoever_is_never_to_be_sent_is_not(here: Path, run: Run) -> None:
    (here / "never").write_text("".join(f"{number}\n" for number in range(1, 11)))
    app = FaultyProvider(answer)
    with serving(app) as url:
        settings(here, url, exclude="never")
        status, _, err = run("ping")
    assert status == 2
    assert "SUMMARIZER_EXCLUDE" in err
    assert not app.entries
