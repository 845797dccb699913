"""A run renders the records of which it does not know what they render to, and decides as if it had rendered all."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer_assets.bucket_run import known_content
from summarizer_assets.bucket_run.asking.prompts import render_bucket
from summarizer_assets.bucket_run.known_content import CODE, KnownContent
from summarizer_assets.core.authors.redrive import Choice, Resummarize
from summarizer_assets.core.prompt import rendering, tokens
from summarizer_assets.core.prompt.rendering import RenderSettings
from summarizer_assets.core.records import AUTHORS
from summarizer_assets_tests.bucket_run.house import AUTHORS as PEOPLE
from summarizer_assets_tests.bucket_run.house import BUCKET, housed, new_titles
from summarizer_assets_tests.test_layering import FILES, NAME, imports, module
from testing.provider import answer

WORDS = st.sampled_from([None, "", "Tides", "<i>Tides</i>", "Glass", "a | b"])
PAPERS = st.lists(st.tuples(WORDS, WORDS, st.sampled_from([None, 0, 3]), st.sampled_from([None, True])), max_size=3)
RECORDS = st.tuples(WORDS, st.sampled_from([None, [], ["bees"], ["iron", "bees"]]), st.none() | PAPERS)
STATED = st.sampled_from(["right", "wrong", None, "of the bucket before"])
SETTINGS = st.sampled_from([RenderSettings(), RenderSettings(max_papers=1, ignore_changes_in=("journal",))])
#: A bucket at one moment: each author's record, and what the content hash of its summary is.
MOMENTS = st.tuples(st.dictionaries(st.sampled_from("abcd"), st.tuples(RECORDS, STATED)), SETTINGS)


def bucket_of(records):
    def paper(title, journal, cited, hot):
        return {"title": title, "journal": journal, "citingsrcslocalcount": cited, "hot_paper": hot}

    rows = [
        {
            "author_id": author_id,
            "author_name": name,
            "topics": topics,
            "papers": None if papers is None else [paper(*one) for one in papers],
            "record_hash": "as somebody else left it",
            "bucket": BUCKET,
        }
        for author_id, ((name, topics, papers), _) in records.items()
    ]
    return pl.DataFrame(rows, schema=AUTHORS)


@pytest.fixture
def rendered(monkeypatch):
    """How many records each run rendered for its plan."""
    counts: list[int] = []

    def counted(authors, rendering):
        counts.append(authors.height)
        return render_bucket(authors, rendering)

    monkeypatch.setattr(known_content, "render_bucket", counted)
    return counts


@given(st.lists(MOMENTS, min_size=2, max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_changes_the_content_is_the_one_that_would_be_rendered(tmp_path_factory, moments):
    folder, earlier = tmp_path_factory.mktemp("journal"), {}
    for records, shown in moments:
        authors = bucket_of(records)
        whole = render_bucket(authors, shown).sort("author_id")
        hashes = dict(whole.select("author_id", "content_hash").iter_rows())
        rows = {"right": hashes, "wrong": dict.fromkeys(hashes, "0" * 32), "of the bucket before": earlier}
        stated = {one: rows[row].get(one) for one, (_, row) in records.items() if row is not None}
        schema = {"author_id": pl.String, "content_hash": pl.String}
        summaries = pl.DataFrame(list(stated.items()), schema=schema, orient="row")
        known = KnownContent(folder, shown, pytest.fail)
        found = known.contents(authors, summaries, keep=True).sort("author_id")
        decisive = ["author_id", "content_hash", "bucket", "empty"]
        assert found.select(decisive).equals(whole.select(decisive))
        read = found["text"].is_not_null()
        assert found.filter(read).equals(whole.filter(read))
        assert all(stated[one] == hashes[one] for one in found.filter(~read)["author_id"])
        again = known.contents(authors, summaries, keep=True)
        current = {one for one, content in stated.items() if content == hashes[one]}
        assert set(again.filter(pl.col("text").is_null())["author_id"]) == current
        earlier = hashes


def test_a_run_that_asks_few_renders_few(tmp_path, rendered):
    with housed(tmp_path) as house:
        house.ingest()
        house.work()
        assert rendered == [PEOPLE]
        house.change_source(new_titles(3, 5))
        house.ingest()
        assert set(house.asked_by(house.work)) == {"3", "5"}
        house.assert_settled()
        assert rendered == [PEOPLE, 2, 0]


def test_who_is_chosen_to_be_asked_again_is_sent_as_before(tmp_path, rendered):
    bodies: list[bytes] = []

    def recorded(body: bytes) -> bytes:
        bodies.append(body)
        return answer(body)

    with housed(tmp_path, group_size=PEOPLE, reply=recorded) as house:
        house.ingest()
        house.work()
        house.work(run=house.prepare(choice=Choice(resummarize=Resummarize(models=frozenset({"test-model"})))))
        assert bodies[0] == bodies[1]
        assert rendered == [PEOPLE, 0]


def test_other_settings_and_other_code_render_all_again(tmp_path, rendered, monkeypatch):
    with housed(tmp_path) as house:
        house.ingest()
        house.work()
        house.with_settings(max_papers=3).work()
        monkeypatch.setattr(known_content, "_code", lambda: b"of another version")
        house.with_settings(max_papers=3).work()
        assert rendered == [PEOPLE] * 3
        assert set(house.asked().values()) == {1}


@pytest.mark.parametrize("damage", ["cut off", "a folder"])
def test_what_is_damaged_is_rendered_and_kept_anew(tmp_path, rendered, damage):
    with housed(tmp_path) as house:
        house.ingest()
        house.work()
        path = house.summarizer.journal / BUCKET / "known.content"
        content, told = path.read_bytes(), []
        if damage == "cut off":
            path.write_bytes(content[: 10 * 8 + 3])
        else:
            path.unlink()
            path.mkdir()
        for _ in range(2):
            assert house.asked_by(lambda: house.work(run=house.prepare(log=told.append))) == {}
        if damage == "cut off":
            assert rendered == [PEOPLE, PEOPLE - 10, 0]
            assert sorted(path.read_bytes()) == sorted(content)
        else:
            assert rendered == [PEOPLE] * 3
            assert "cannot be read" in told[0]
            assert "cannot be written" in told[1]


def test_all_code_of_which_rendering_consists_decides_what_is_known():
    modules = {f"{NAME}.{module(path)}": path for path in FILES}
    reached, found = set(), {rendering.__name__}
    while found:
        reached |= found
        found = {name for one in found for name in imports(modules[one]) if name in modules} - reached
    assert reached - {tokens.__name__} == {part.__name__ for part in CODE}  # of tokens, none decides a content
