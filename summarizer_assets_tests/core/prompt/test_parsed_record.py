"""A rendered record taken apart again holds what was put in."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.prompt.parsed_record import PaperView, RecordView, view_of
from summarizer_assets.core.prompt.rendering import RenderSettings, render
from summarizer_assets.core.records import AUTHOR


def test_every_part_of_a_record_has_its_place():
    record = (
        '#"2 | \\"3" Chen, Cory @ MIT | 24 papers, cited 50, 1 hot, shown 3 | topics: enzymes; proteins\n'
        "cell | chemistry, medical\n this a title | cited 45, hot @ MIT, harvard\n another title | cited 3\n"
        "?\n a paper whose journal is not known @ MIT"
    )
    assert view_of(record) == RecordView(
        "Chen, Cory",
        "MIT",
        "24 papers, cited 50, 1 hot; 3 of them were sent",
        "enzymes; proteins",
        [
            PaperView("this a title", "cell", "chemistry, medical", "cited 45, hot", "MIT, harvard"),
            PaperView("another title", "cell", "chemistry, medical", "cited 3"),
            PaperView("a paper whose journal is not known", institutions="MIT"),
        ],
    )


def test_what_a_record_lacks_is_empty():
    assert view_of('#"1"') == RecordView(papers=[])
    assert view_of('#"1" @ MIT') == RecordView(affiliation="MIT", papers=[])
    assert view_of('#"1" Chen\n no journal | cited 1').papers == [PaperView("no journal", facts="cited 1")]


TEXT = st.none() | st.text(max_size=30) | st.sampled_from(["a | b", "x @ y", '#"1" z', "topics: t", "?", "a\nb", " q "])


@settings(deadline=None, max_examples=60)
@given(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
def test_whatever_is_in_the_data_comes_back_in_its_own_place(author_id, name, place, title, journal, institutions):
    paper = {"title": title, "journal": journal, "prefinstitution": institutions, "citingsrcslocalcount": 3}
    row = {"author_id": author_id or "1", "author_name": name, "primary_affiliation": place, "papers": [paper]}
    alone = [
        render(pl.DataFrame([one], schema=AUTHOR), RenderSettings())["text"][0]
        for one in (row, {**row, "papers": []}, {**row, "papers": [], "author_name": None})
    ]
    view = view_of(alone[0])
    assert len(view.papers) == 1
    assert view.papers[0].facts == "cited 3"
    assert (view.name, view.affiliation) == (view_of(alone[1]).name, view_of(alone[2]).affiliation)
    put = [view.papers[0].title, view.papers[0].journal, view.papers[0].institutions, view.name, view.affiliation]
    assert all(not part or part in alone[0] for part in put)
    assert not view.totals
    assert not view.topics
