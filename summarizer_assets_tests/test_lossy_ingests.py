"""An ingest that would take too much is refused before anything is written, and says yes to nothing by accident."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable

from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.records import PAPER
from testing.installation import Installation, metadata_of

AUTHORS = 40
BUCKETS = 4
HEADER = "author_id,author_name,primary_affiliation,ut,title\n"


def line(author: Any, title: str | None = None) -> str:
    return f"{author},Name {author},Inst,U{author},{title or f'A study of topic {author}'}\n"


def lines(ids: Any = range(AUTHORS)) -> str:
    return HEADER + "".join(map(line, ids))


class Place:
    """An installation with its forty authors in the table, over a CSV file that a test may spoil."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.source = folder / "authors.csv"
        self.source.write_text(lines())
        self.house = Installation(folder / "root", self.source, **{"buckets": BUCKETS, **settings})

    def all_versions(self) -> list[tuple[str, int]]:
        """Of every table under the root, however it came there."""
        logs = Path(self.house.settings.root).glob("*/_delta_log")
        return sorted((log.parent.name, DeltaTable(str(log.parent)).version()) for log in logs)

    def refusal(self, *keys: str, **options: Any) -> dg.Failure:
        with pytest.raises(dg.Failure) as caught:
            self.house.ingest(*keys, **options)
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.house.ingest()
    return made


def code_in(failure: dg.Failure) -> str:
    found = re.search(r"accept_loss: (\S+?)`", str(failure.description))
    assert found is not None
    return found[1]


SPOILT: dict[str, tuple[str, str]] = {
    "a header alone": (HEADER, "came out empty"),
    "all rows without an id": (HEADER + line("") * AUTHORS, "wrong column"),
    "half of the authors": (lines(range(20)), "part of an export"),
    "ids with dashes": (lines(f"0000-{n}" for n in range(AUTHORS)), "written in another way"),
    "ids with a prefix": (lines(f"A{n}" for n in range(AUTHORS)), "written in another way"),
    "other authors": (lines(range(1000, 1040)), "another table"),
    "five of forty": (lines(range(35)), "part of an export"),
    "a tenth and one row without an id": (lines() + line("") * 5, "wrong column"),
    "titles and so papers gone": ("author_id,author_name\n" + "".join(f"{n},Name {n}\n" for n in range(AUTHORS)), ""),
}


@pytest.mark.parametrize("case", SPOILT)
def test_too_much_is_refused_before_anything_is_written(place: Place, case: str) -> None:
    text, cause = SPOILT[case]
    before = place.house.frame("authors").sort("author_id")
    versions = place.all_versions()
    place.source.write_text(text)
    if not cause:  # the source itself is refused: it has nothing to summarise
        assert not place.house.ingest(raise_on_error=False).success
    else:
        failure = place.refusal()
        assert cause in str(failure.description)
        assert "nothing was written" in str(failure.description)
        assert "--partition-range 0000...0003" in str(failure.description)
        assert failure.metadata["accept_loss"].value == code_in(failure)
    assert place.all_versions() == versions
    assert place.house.frame("authors").sort("author_id").equals(before)


def test_what_is_lost_to_a_tenth_goes_without_a_word(place: Place) -> None:
    place.source.write_text(lines(range(36)))
    told = metadata_of(place.house.ingest(), "authors")
    assert (told["removed"], told["authors"]) == (4, 36)


def test_yes_is_said_to_one_loss_only(place: Place) -> None:
    place.source.write_text(lines(range(20)))
    code = code_in(place.refusal())
    place.source.write_text(lines(range(19)))
    other = place.refusal(accept_loss=code)
    assert f"given as {code}, another loss" in str(other.description)
    place.source.write_text(lines([*range(20, 40)]))  # as many, but others
    assert code_in(place.refusal(accept_loss=code)) != code
    place.source.write_text(lines(range(20)))
    told = metadata_of(place.house.ingest(accept_loss=code), "authors")
    assert (told["removed"], told["authors"]) == (20, 20)
    assert place.house.ingest(accept_loss=code).success  # not needed any more
    place.source.write_text(lines(range(10)))
    assert code_in(place.refusal(accept_loss=code)) != code


@pytest.mark.parametrize("word", ["yes", "true", "all", "20-lost-0-rejected", "*"])
def test_a_word_that_is_no_code_is_refused_before_the_source_is_read(place: Place, word: str) -> None:
    place.source.unlink()
    assert "is no code" in str(place.refusal(accept_loss=word).description)


def test_every_author_of_a_bucket_is_too_many_however_few_they_are(tmp_path: Path) -> None:
    place = Place(tmp_path, buckets=32)
    place.house.ingest()
    alone = next(
        n for n in range(AUTHORS) if [bucket_of(str(m), 32) for m in range(AUTHORS)].count(bucket_of(str(n), 32)) == 1
    )
    place.source.write_text(lines(n for n in range(AUTHORS) if n != alone))
    failure = place.refusal()
    assert f"every author of the bucket {bucket_of(str(alone), 32)}" in str(failure.description)
    assert metadata_of(place.house.ingest(accept_loss=code_in(failure)), "authors")["removed"] == 1


def test_an_ingest_of_some_buckets_is_judged_by_their_authors(place: Place) -> None:
    place.source.write_text(lines(range(20)))
    for key in place.house.keys:
        assert f"--partition {key}" in str(place.refusal(key).description)
    assert place.house.frame("authors").height == AUTHORS
    failure = place.refusal("0001", "0002")
    place.house.ingest("0001", "0002", accept_loss=code_in(failure))
    left = place.house.frame("authors")
    assert set(left.filter(pl.col("bucket").is_in(["0000", "0003"]))["author_id"]) >= {
        str(n) for n in range(AUTHORS) if bucket_of(str(n), BUCKETS) in {"0000", "0003"}
    }


def test_the_shares_are_settings(tmp_path: Path) -> None:
    place = Place(tmp_path, max_removed_share=1.0, max_rejected_share=1.0)
    place.house.ingest()
    place.source.write_text(lines([]) + line("") * 10)
    assert metadata_of(place.house.ingest(), "authors")["removed"] == AUTHORS
    place.source.write_text(HEADER)
    assert "reads no rows" in str(place.refusal().description)
    strict = Place(tmp_path, max_removed_share=0.0)
    strict.house = Installation(tmp_path / "strict", strict.source, buckets=BUCKETS, max_removed_share=0.0)
    strict.house.ingest()
    strict.source.write_text(lines(range(39)))
    assert "(2.5%; SUMMARIZER_MAX_REMOVED_SHARE is 0)" in str(strict.refusal().description)


@pytest.mark.parametrize("text", [HEADER, HEADER + line("") * 5], ids=["no rows", "all rejected"])
def test_a_first_ingest_that_brings_nobody_is_refused_and_makes_no_table(tmp_path: Path, text: str) -> None:
    place = Place(tmp_path)
    place.source.write_text(text)
    failure = place.refusal()
    assert place.all_versions() == []
    assert place.house.ingest(accept_loss=code_in(failure)).success


def test_all_four_tables_are_there_after_the_first_ingest(place: Place) -> None:
    names = ["author_summaries", "authors", "failed_authors", "rejected_source_rows"]
    versions = place.all_versions()
    assert [name for name, _ in versions] == names
    for name in ("author_summaries", "failed_authors", "rejected_source_rows"):
        assert pl.read_delta(str(Path(place.house.settings.root) / name)).is_empty()
    assert place.house.ingest().success
    assert place.all_versions() == versions


def nested(path: Path, papers: Callable[[int], Any]) -> None:
    kind = pl.List(pl.Struct({field.name: field.dtype for field in PAPER.fields}))
    frame = pl.DataFrame({"author_id": range(AUTHORS), "author_name": [f"Name {n}" for n in range(AUTHORS)]})
    frame.with_columns(pl.Series("papers", [papers(n) for n in range(AUTHORS)], dtype=kind)).write_parquet(path)


def test_authors_who_keep_nothing_to_summarise_count_as_lost(tmp_path: Path) -> None:
    source = tmp_path / "authors.parquet"
    nested(source, lambda n: [{"ut": f"U{n}", "title": "On tides"}])
    place = Place(tmp_path)
    place.house = Installation(tmp_path / "nested", source, buckets=BUCKETS)
    place.house.ingest()
    nested(source, lambda n: [] if n < 5 else [{"ut": f"U{n}", "title": "On tides"}])
    failure = place.refusal()
    assert "leave 5 without any paper or topic" in str(failure.description)
    assert "column of papers" in str(failure.description)


def test_summaries_that_were_carried_into_a_root_count_where_no_ingest_was(place: Place) -> None:
    place.house.summarize()
    shutil.rmtree(Path(place.house.settings.root) / "authors")
    place.source.write_text(lines(range(20)))
    assert "remove 20 of the 40 authors" in str(place.refusal().description)
    place.source.write_text(lines())
    assert place.house.ingest().success


def test_after_a_yes_the_next_ingests_and_runs_need_none(place: Place) -> None:
    place.house.summarize()
    place.source.write_text(lines(range(20)))
    code = code_in(place.refusal())
    place.house.ingest(accept_loss=code)
    place.house.ingest()
    assert place.house.frame("summaries").height == AUTHORS
    place.house.summarize()
    assert set(place.house.frame("summaries")["author_id"]) == {str(n) for n in range(20)}
    place.house.ingest()
