"""The most doubtful summaries of a root that the pipeline made, beside their records, in the page and in Dagster."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.prompt.parsed_record import PaperView, RecordView
from summarizer_assets.report import gather as module
from summarizer_assets.report.doubted import marked, reasons
from summarizer_assets.report.facts import Doubt, Report
from summarizer_assets.report.gather import gather
from summarizer_assets.report.markdown import texts
from summarizer_assets.report.page import page
from summarizer_assets_tests.report.planted import BUCKETS, SAID, Planted, change_record, planted
from summarizer_assets_tests.report.tables import HOSTILE, NOW, Root
from summarizer_assets_tests.report.test_page import Parsed


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    with planted(tmp_path_factory.mktemp("planted")) as made:
        yield made


@pytest.fixture(scope="module")
def report(root: Planted) -> Report:
    return gather(root.summarizer, NOW)


def words(doubt: Doubt) -> list[str]:
    return [piece.text for piece in marked(doubt) if piece.doubted]


def test_the_gravest_of_all_buckets_come_first_with_the_words_in_doubt(root, report):
    assert [doubt.author_id for doubt in report.doubts] == [root.authors[flag] for flag in SAID]
    assert len({doubt.bucket for doubt in report.doubts}) == BUCKETS
    assert report.doubtful == len(SAID)
    found = [words(doubt) for doubt in report.doubts]
    assert found == [
        ["papers was later retracted"],
        ["won the Nobel Prize"],
        ["Lugano"],
        ["Belgium"],
        ["312"],
        ["Wegener"],
    ]
    assert [reasons(doubt)[0].flag for doubt in report.doubts] == [Flag(flag) for flag in SAID]


def test_each_stands_beside_its_own_record(report):
    for doubt in report.doubts:
        assert doubt.record.papers
        assert doubt.record.name == doubt.name
        assert any(paper.title in doubt.summary for paper in doubt.record.papers)


def test_parts_of_any_size_and_no_comparison_find_the_same(root, report, monkeypatch):
    # A part holds up to 100,000 authors; the installation of this test has a few.
    monkeypatch.setattr(module, "AUTHORS_AT_ONCE", 1)
    assert gather(root.summarizer, NOW, compare=False).doubts == report.doubts


def test_only_so_many_are_kept_and_the_page_says_of_how_many(root, monkeypatch):
    monkeypatch.setattr(module, "DOUBTS", 2)
    report = gather(root.summarizer, NOW)
    assert [doubt.author_id for doubt in report.doubts] == [root.authors[flag] for flag in list(SAID)[:2]]
    text = Parsed(page(report, {})).text
    assert "6 summaries hold something that a person should compare" in text
    assert "these 2 are the most doubtful" in text


def test_the_page_and_the_asset_say_why_in_words_and_mark_what(report):
    written = page(report, {}).decode()
    section = written.partition('id="doubts"')[2].partition('id="read"')[0]
    assert "One of the <mark>papers was later retracted</mark>." in section
    assert Flag.GRAVE_CLAIM.meaning[1:] in section
    assert Flag.GRAVE_CLAIM.look in section
    assert "grave_claim" not in section
    shown = texts(report, {})["summaries_to_look_at"]
    assert "**won the Nobel Prize**" in shown
    assert "6 summaries in doubt" in texts(report, {})["next"]


def test_people_who_left_and_flags_of_the_reply_alone_are_not_shown_and_one_without_a_record_of_papers_is(tmp_path):
    root = Root(tmp_path)
    root.authors([{"author_id": "1"}, {"author_id": "2"}, {"author_id": "3", "papers": [], "author_name": None}])
    root.summaries(
        [
            {"author_id": "1", "flags": ["usage_missing", "other_model"]},
            {"author_id": "gone", "flags": ["grave_claim"]},
            {"author_id": "3", "flags": ["little_support", "<b>"], "support": 0.1},
        ]
    )
    report = gather(root.summarizer, NOW)
    assert [(doubt.author_id, doubt.bucket) for doubt in report.doubts] == [("3", bucket_of("3", 2))]
    assert report.doubtful == 1
    assert "(no name)" in Parsed(page(report, {})).text
    assert not gather(Root(tmp_path / "empty").summarizer, NOW).doubts


def test_where_the_record_changed_no_word_is_marked_and_the_page_says_so(tmp_path):
    with planted(tmp_path) as root:
        change_record(root, root.authors["unknown_place"])
        report = gather(root.summarizer, NOW)
    changed = report.doubts[3]
    assert (changed.author_id, changed.changed, words(changed)) == (root.authors["unknown_place"], True, [])
    assert changed.record.affiliation == "Institute of Moves"
    assert sum(doubt.changed for doubt in report.doubts) == 1
    assert "The record has changed since." in Parsed(page(report, {})).text


ODD = st.sampled_from([*HOSTILE, "Belgium", "won the <b>prize</b>", "\u202eWegener", " ", "**x**"]) | st.text(
    max_size=9
)
TEXTS = st.lists(ODD, max_size=4).map(" ".join)


@settings(deadline=None, max_examples=40)
@given(summary=TEXTS, name=TEXTS, title=TEXTS, doubted=st.lists(TEXTS.filter(bool), max_size=3))
def test_no_text_of_anybody_is_markup_and_what_is_marked_is_in_the_summary(report, summary, name, title, doubted):
    doubt = Doubt(
        author_id=name,
        bucket="0000",
        name=name,
        record=RecordView(name, title, title, title, [PaperView(title, title, title, title, title)] * 6),
        changed=False,
        summary=summary,
        flags=[Flag.UNKNOWN_NAME, Flag.GRAVE_CLAIM, summary],
        doubted={Flag.UNKNOWN_NAME: doubted, Flag.GRAVE_CLAIM: doubted},
        support=None,
    )
    shown = made_visible(summary, 4000)
    assert "".join(piece.text for piece in marked(doubt)) == shown
    assert all(passage in shown for reason in reasons(doubt) for passage in reason.passages)
    plain = Parsed(page(replace(report, doubts=[plain_of(doubt)], samples=[]), {})).tags
    made = Parsed(page(replace(report, doubts=[doubt], samples=[]), {}))
    assert not made.open
    assert made.tags.keys() <= plain.keys() | {"mark"}
    markdown = re.sub(r"\\.", "", texts(replace(report, doubts=[doubt]), {})["summaries_to_look_at"])
    assert not re.search(r"[<>`{}]|\]\(|https?://|www\.|\S@\S", re.sub(r"^> ", "", markdown, flags=re.MULTILINE))


def plain_of(doubt: Doubt) -> Doubt:
    x = RecordView("x", "x", "x", "x", [PaperView("x", "x", "x", "x", "x")] * 6)
    return replace(doubt, record=x, summary="x", name="x", author_id="x", doubted={})
