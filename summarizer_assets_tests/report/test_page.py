"""The page is one file that shows what the tables hold, as text, and asks nothing of anybody."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest

from summarizer_assets.charts import Chart
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.markdown import escaped
from summarizer_assets.estimate.reconcile import Reconciliation
from summarizer_assets.report.facts import Money, Report, Shown
from summarizer_assets.report.gather import gather
from summarizer_assets.report.markdown import INLINE, numbers, texts
from summarizer_assets.report.page import bar, direction, page
from summarizer_assets.report.pictures import pictures
from summarizer_assets_tests.report.tables import HOSTILE, KEY, NOW, Root, hostile

_OF_THE_PAGE = {
    "html", "head", "meta", "link", "title", "style", "body", "header", "p", "h1", "h2", "h3", "svg", "rect", "ul",
    "ol", "li", "b", "div", "section", "span", "bdi", "table", "thead", "tbody", "caption", "tr", "th", "td", "code",
    "details", "summary", "figure", "figcaption", "img", "article", "blockquote", "footer", "br", "label", "input",
    "select", "noscript", "script",
}  # fmt: skip
_STEERING = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x08\x0b-\x1f]")


ESTIMATE = Reconciliation(
    NOW, "p", "m", 20, 1000, 500, 3, 60, 31, 200_000, 180_000, 220_000, 98_765, 1.0, 0.9, 1.2, 0.55, inside=True
)


class Parsed(HTMLParser):
    """A page as a browser takes it: elements with attributes, and the text between them."""

    def __init__(self, written: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(written.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "link", "img", "br", "rect", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "script"}:
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(text for text in self.texts if text)


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory) -> Iterator[Report]:
    root = Root(tmp_path_factory.mktemp("hostile"))
    hostile(root)
    return gather(root.summarizer, NOW, put=lambda *_: None)


@pytest.fixture(scope="module")
def charts(hostile_report) -> dict[str, Chart]:
    return pictures(hostile_report)


@pytest.fixture(scope="module")
def written(hostile_report, charts) -> bytes:
    return page(hostile_report, charts)


def test_hostile_names_titles_summaries_and_reasons_are_text(written):
    parsed = Parsed(written)
    assert not parsed.open, "every element is closed"
    assert set(parsed.tags) <= _OF_THE_PAGE
    for text in HOSTILE:
        shown = " ".join(made_visible(text).split())
        assert parsed.texts.count(shown) >= 4, text  # name, affiliation, summary, title
    assert "49" not in parsed.text.split()
    assert "{{7*7}} {% raw %}" in parsed.text


def test_batch_jobs_are_shown_with_age_expiry_and_money_and_nothing_of_them_where_there_is_none(hostile_report):
    assert "batch job" not in Parsed(page(hostile_report, {})).text
    assert not {"in_batch", "batch_jobs"} & numbers(hostile_report).keys()
    began = NOW.timestamp() - 10_800
    job = Waiting.of(
        JobState.OPEN, requests=3, authors=12_000, reserve=2 * 10**9, planned_at=began, expires_at=began + 86_400
    )
    report = replace(hostile_report, jobs={"0000": job})
    parsed = Parsed(page(report, {}))
    assert not parsed.open
    told = "12,000 in 1 batch job of 3 requests, the oldest 3.0 hours old, the first expires in 21.0 hours"
    assert told in parsed.text
    assert "2026-11-24 09:00 UTC 2026-11-25 09:00 UTC $2.00" in parsed.text
    assert told in texts(report, {})["how_it_stands"]
    assert (numbers(report)["in_batch"], numbers(report)["batch_jobs"]) == (12_000, 1)


def test_nothing_steers_or_hides_text(written):
    assert not _STEERING.search(written.decode())
    assert "safe\ufffdgnp.exe" in Parsed(written).text


def digest(name: str) -> str:
    content = files("summarizer_assets.report").joinpath(name).read_bytes()
    return f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"


def test_a_page_that_shows_nobody_one_by_one_holds_no_script(hostile_report):
    parsed = Parsed(page(replace(hostile_report, shown=Shown()), {}))
    assert not parsed.tags["script"]
    assert not any("script-src" in value for _, value in parsed.attributes)


def test_the_page_asks_nothing_of_anybody_and_its_one_script_is_our_own(written):
    parsed = Parsed(written)
    for name, value in parsed.attributes:
        assert not name.startswith("on")
        assert name != "style", "a strict policy lets none through"
        if name in {"src", "href"}:
            assert value.startswith("data:")
    policy = next(value for _, value in parsed.attributes if "default-src" in value)
    style = written.decode().partition("<style>")[2].partition("</style>")[0]
    assert policy == (
        f"default-src 'none'; script-src {digest('page.js')} 'strict-dynamic'; style-src {digest('page.css')}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert parsed.tags["script"] == 1
    assert "url(" not in style
    assert "@import" not in style


def test_pictures_hold_hostile_text_as_text(charts):
    texts_of = []
    for chart in charts.values():
        tree = ET.fromstring(chart.svg)
        tags = {node.tag.rpartition("}")[2] for node in tree.iter()}
        assert not tags & {"script", "iframe", "image", "foreignObject", "a"}
        texts_of += [node.text for node in tree.iter() if node.tag.endswith("text")]
    assert "<script>alert('name')</script>" in texts_of


def test_the_key_is_nowhere(written, hostile_report, charts):
    assert KEY.encode() not in written
    assert KEY not in str(texts(hostile_report, charts))


def test_markdown_is_short_where_it_is_to_be_inline_and_nothing_in_it_is_markup(hostile_report, charts):
    found = texts(hostile_report, charts)
    assert all(len(found[name]) <= INLINE for name in ("how_it_stands", "next", "failures"))
    for text in found.values():
        plain = re.sub(r"\\.", "", text)  # what is escaped is text
        plain = re.sub(r"^> ", "", plain, flags=re.MULTILINE)  # our own quotation
        assert not re.search(r"[<>`{}]|\]\((?!data:image/svg\+xml;base64,)|https?://|www\.|\S@\S", plain)
    assert {type(number) for number in numbers(hostile_report).values()} <= {int, float}


@pytest.mark.parametrize("text", HOSTILE)
def test_an_escaped_text_reads_as_the_text(text):
    read = re.sub(r"\\(.)", r"\1", escaped(text)).replace("\u2060", "")
    assert read == made_visible(text)


def test_a_report_of_nothing_says_what_to_do_first(tmp_path):
    report = gather(Root(tmp_path).summarizer, NOW)
    parsed = Parsed(page(report, pictures(report)))
    assert "No authors yet" in parsed.text
    assert "materialize the asset authors" in parsed.text
    assert pictures(report) == {}
    assert not parsed.tags["figure"]
    assert texts(report, {}).keys() == {"how_it_stands", "next"}


def test_many_buckets_and_an_estimate_are_pictures_too(hostile_report):
    buckets = {f"{number:04d}": Coverage(authors=2, pending=1, summaries=1) for number in range(300)}
    report = replace(hostile_report, buckets=buckets, estimate=ESTIMATE)
    drawn = pictures(report)
    assert {"buckets", "cost"} <= drawn.keys()
    assert len(drawn["buckets"].svg) < 90_000


def test_money_estimate_stops_and_every_number_are_told(hostile_report):
    report = replace(
        hostile_report,
        money=Money(spent=1_234_567_890, wasted=230_000_000, uncertain=10_000_000, budget=25_000_000_000, requests=77),
        estimate=ESTIMATE,
        stopped=[("budget", ["0001"], "raise it")],
        rejected=[("null_id", 3), ("<b>", 1)],
        compared=False,
    )
    parsed = Parsed(page(report, {}))
    for told in ("$1.23", "$0.23", "$25.00", "$0.90 \u2013 $1.20", "98,765", "within its interval so far", "null_id"):
        assert told in parsed.text
    assert "the last run of bucket 0001 ended before its work did: budget" in parsed.text
    assert "Summaries were not compared" in parsed.text


def test_a_long_table_of_buckets_or_days_is_cut_and_says_so(hostile_report):
    buckets = {f"{number:04d}": Coverage(authors=2, pending=1, summaries=1) for number in range(300)}
    summaries = hostile_report.summaries
    minutes = Counter({NOW - timedelta(days=day): 5 for day in range(60)})
    report = replace(hostile_report, buckets=buckets, summaries=replace(summaries, minutes=minutes))
    text = Parsed(page(report, {})).text
    assert "300 buckets where somebody has no summary, the 256 with the most" in text
    assert "29 earlier days not shown" in text


def test_whatever_little_is_there_has_a_place_in_the_bar():
    parts = bar(Coverage(authors=10**6, summaries=10**6 - 2, failed=1, pending=1))
    assert [name for name, _, _ in parts] == ["summaries", "failed", "pending"]
    assert all(width > 0 for _, _, width in parts)
    assert sum(width for _, _, width in parts) == pytest.approx(1000, abs=2)


def test_a_text_runs_as_most_of_its_letters_do():
    assert direction("تهراني پریز, affiliated with Institute for Sample Studies") == "ltr"
    assert direction("دراسة عن الزجاج (glass)") == "rtl"
    assert direction("12 · 3") == "ltr"
