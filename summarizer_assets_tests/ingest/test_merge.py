"""Uniting rows of authors, and the hash of a record."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.records import AUTHOR, PAPER
from summarizer_assets.ingest.merge import merge, record_hashes

PAPERS = st.fixed_dictionaries(
    {
        "ut": st.sampled_from([None, "1", "2", "10"]),
        "prefinstitution": st.sampled_from([None, "I", "Inst"]),
        "hot_paper": st.sampled_from([None, True, False]),
        "highly_cited_paper": st.just(None),
        "citingsrcslocalcount": st.sampled_from([None, 0, 7]),
        "title": st.sampled_from([None, "A", "B", "Bé"]),
        "woscategory": st.just(None),
        "journal": st.sampled_from([None, "J"]),
    }
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "author_id": st.sampled_from(["a", "b", "aa", "é"]),
            "author_name": st.sampled_from([None, "N", "M"]),
            "primary_affiliation": st.sampled_from([None, "I", "J"]),
            "topics": st.lists(st.sampled_from(["t", "u", "v"]), max_size=3, unique=True),
            "papers": st.lists(PAPERS, max_size=4),
        }
    ),
    max_size=10,
)


def frame(rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=AUTHOR)


def author(author_id="a", papers=(), **fields):
    return {"author_id": author_id, "author_name": None, "primary_affiliation": None, "topics": [], **fields} | {
        "papers": [dict.fromkeys(field.name for field in PAPER.fields) | paper for paper in papers]
    }


def content(paper):
    return tuple(sorted((name, value) for name, value in paper.items() if value is not None))


@settings(deadline=None, max_examples=40)
@given(ROWS)
def test_each_author_comes_once_sorted_and_nothing_known_is_lost(rows):
    merged = merge(frame(rows))
    assert merged.authors.schema == AUTHOR
    assert merged.authors["author_id"].to_list() == sorted({row["author_id"] for row in rows})
    assert merged.duplicate_rows == len(rows) - merged.authors.height
    for found in merged.authors.to_dicts():
        mine = [row for row in rows if row["author_id"] == found["author_id"]]
        assert found["author_name"] == next((row["author_name"] for row in mine if row["author_name"]), None)
        assert found["topics"] == list(dict.fromkeys(topic for row in mine for topic in row["topics"]))
        papers = [paper for row in mine for paper in row["papers"] if any(v is not None for v in paper.values())]
        uts = [paper["ut"] for paper in found["papers"]]
        keyed = [ut for ut in uts if ut is not None]
        assert keyed == sorted({paper["ut"] for paper in papers if paper["ut"] is not None})
        assert uts == [*keyed, *[None] * (len(uts) - len(keyed))]
        keyless = {content(paper) for paper in papers if paper["ut"] is None}
        assert {content(p) for p in found["papers"] if p["ut"] is None} == keyless
        assert len(uts) - len(keyed) == len(keyless)
        for paper in found["papers"]:
            copies = [p for p in papers if p["ut"] == paper["ut"]] if paper["ut"] else [paper]
            for name, value in paper.items():
                known = [copy[name] for copy in copies if copy[name] is not None]
                assert value in known if known else value is None


@settings(deadline=None, max_examples=40)
@given(ROWS, st.integers(0, 10))
def test_merging_in_parts_gives_what_merging_at_once_gives(rows, cut):
    whole = merge(frame(rows))
    first, second = merge(frame(rows[:cut])), merge(frame(rows[cut:]))
    again = merge(pl.concat([first.authors, second.authors]))
    assert again.authors.equals(whole.authors)
    parts = (first, second, again)
    assert sum(part.duplicate_rows for part in parts) == whole.duplicate_rows
    assert sum(part.duplicate_papers for part in parts) == whole.duplicate_papers


@settings(deadline=None, max_examples=40)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing_about_papers(rows, random):
    shuffled = random.sample(rows, len(rows))
    for row in shuffled:
        row["papers"] = random.sample(row["papers"], len(row["papers"]))
    assert merge(frame(rows)).authors["papers"].equals(merge(frame(shuffled)).authors["papers"])


@settings(deadline=None, max_examples=40)
@given(ROWS, ROWS)
def test_hashes_are_equal_exactly_when_records_are(one, other):
    authors = pl.concat([merge(frame(one)).authors, merge(frame(other)).authors])
    hashes = record_hashes(authors).to_list()
    records = [repr(record) for record in authors.to_dicts()]
    assert len(set(zip(hashes, records, strict=True))) == len(set(hashes)) == len(set(records))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (author(author_name="a:1"), author(author_name="a", primary_affiliation="1")),
        (author(author_name="-"), author()),
        (author(topics=["a", "b"]), author(topics=["a1:b"])),
        (author(papers=[{"title": "t"}]), author(papers=[{"journal": "t"}])),
        (author(papers=[{"hot_paper": True}]), author(papers=[{"highly_cited_paper": True}])),
        (author(papers=[{"ut": "1", "hot_paper": False}]), author(papers=[{"ut": "1"}])),
        (author(topics=["0[0["]), author()),
    ],
)
def test_records_that_differ_in_shape_only_have_different_hashes(one, other):
    first, second = record_hashes(frame([one, other]))
    assert first != second


def test_the_hash_of_a_record_is_what_earlier_versions_stored():
    """A change here makes every stored row look changed: then it must be wanted."""
    full = author(
        "7",
        author_name="Ada Ünïcode",
        topics=["t", "u"],
        papers=[{"ut": "1", "title": "中文", "citingsrcslocalcount": 45, "hot_paper": True}, {"journal": "J"}],
    )
    assert record_hashes(frame([full, author()])).to_list() == [
        "f3cf06414b58911f04da5b20b13d5304",
        "f96e44b44b8981ce2113145b2abcffb3",
    ]


def test_of_two_copies_of_a_paper_the_richer_values_are_kept():
    copies = [
        {"ut": "1", "title": "Short", "citingsrcslocalcount": 3, "hot_paper": False},
        {"ut": "1", "title": "A longer title", "journal": "J", "hot_paper": True},
        {"ut": "1", "title": "B longer title", "citingsrcslocalcount": 5},
    ]
    merged = merge(frame([author(papers=copies[:2]), author(papers=copies[2:])]))
    [paper] = merged.authors["papers"].to_list()[0]
    kept = {name: value for name, value in paper.items() if value is not None}
    richest = {"title": "A longer title", "journal": "J", "hot_paper": True, "citingsrcslocalcount": 5}
    assert kept == {"ut": "1", **richest}
    assert (merged.duplicate_rows, merged.duplicate_papers) == (1, 2)
