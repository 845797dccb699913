"""`summarizer author`: one author by id or by words of a name."""

from pathlib import Path

import pytest

from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.cli.conftest import Run, data, write_settings
from testing.installation import Installation, write_authors
from testing.provider import answer, serving


def wrong_place(body: bytes) -> bytes:
    return answer(body).replace(b"is the author of the papers", b"of Portugal is the author of the papers")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty authors; one failed for good, and each summary names a country that no record has."""
    folder = tmp_path_factory.mktemp("root")
    with serving(FaultyProvider(wrong_place, Plan(rules=[Rule("content_filter", authors=("7",))]))) as url:
        source = write_authors(folder / "authors.parquet", 30)
        house = Installation(folder / "tables", source, buckets=2, llm_base_url=url, llm_model="test-model")
        house.ingest()
        house.summarize()
    return folder / "tables"


@pytest.fixture
def told(here: Path, root: Path, run: Run) -> Run:
    write_settings(here, root=root, buckets=2, llm_base_url="http://127.0.0.1:9/v1", llm_model="test-model")
    return run


def test_an_id_shows_the_record_as_sent_and_the_summary_with_its_doubts_marked(told: Run) -> None:
    status, out, _ = told("author", "3")
    assert status == 0
    assert out.startswith("C2, Somebody  (3)\nInstitute 2\nbucket 000")
    assert '  #"3" C2, Somebody @ Institute 2' in out
    assert "[?Portugal]" in out
    assert "unknown_place (portugal): it names a country" in out.replace("Portugal)", "portugal)")
    found = data(told("author", "3", "--json")[1])
    assert found["state"] == "summary"
    assert found["summary"]["author_id"] == "3"
    assert [word.lower() for word in found["doubted"]["unknown_place"]] == ["portugal"]


def test_a_failed_author_shows_reason_tries_and_what_comes_next(told: Run) -> None:
    out = told("author", "7")[1]
    assert "failed" in out.splitlines()[2]
    assert "Failed: content_filter" in out
    assert "1 attempt, the last on " in out
    assert "next retry: none by itself; look at the record" in out


def test_words_of_a_name_find_one_and_several_are_listed(told: Run) -> None:
    assert told("author", "somebody c2,")[1].startswith("C2, Somebody  (3)")
    status, out, _ = told("author", "SOMEBODY")
    assert status == 0
    assert out.count(", Somebody, Institute ") == 20
    assert "and more: give another word" in out
    assert len(data(told("author", "a0", "--json")[1])["author_id"]) > 0
    status, out, _ = told("author", "nobody of this name")
    assert status == 1
    assert "no author has this id" in out
