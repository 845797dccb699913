import json
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.prompt import messages as prompt
from summarizer_assets.core.prompt.messages import PromptSettings
from summarizer_assets.core.prompt.rendering import RenderSettings, render, trimmed
from summarizer_assets.core.prompt.tokens import estimate_tokens
from summarizer_assets.core.records import AUTHOR

NAMES = tuple(field.name for field in AUTHOR["papers"].inner.fields)
WORDS = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(['#"1" x', "## End", "a | b @ c", "x\n y", "?"]))
PAPERS = st.fixed_dictionaries(
    {
        "ut": WORDS,
        "prefinstitution": WORDS,
        "hot_paper": st.sampled_from([None, True, False]),
        "highly_cited_paper": st.sampled_from([None, True, False]),
        "citingsrcslocalcount": st.one_of(st.none(), st.integers(0, 9999)),
        "title": WORDS,
        "woscategory": WORDS,
        "journal": WORDS,
    }
)
AUTHORS = st.fixed_dictionaries(
    {
        "author_id": st.text(min_size=1, max_size=12),
        "author_name": WORDS,
        "primary_affiliation": WORDS,
        "topics": st.one_of(st.none(), st.lists(WORDS, max_size=4)),
        "papers": st.one_of(st.none(), st.lists(PAPERS, max_size=8)),
    }
)


def paper(**fields):
    return {**dict.fromkeys(NAMES), **fields}


def author(papers, **fields):
    known = {"author_id": "7", "author_name": "Velmar, Ada", "primary_affiliation": None, "topics": None}
    return {**known, **fields, "papers": papers}


def frame(*rows):
    return pl.DataFrame(list(rows), schema=AUTHOR, orient="row")


def rendered(row, **fields):
    return render(frame(row), RenderSettings(**fields)).row(0, named=True)


def test_a_record_reads_as_documented():
    papers = [
        paper(title="Third", citingsrcslocalcount=2, journal="Nature"),
        paper(title="First", citingsrcslocalcount=45, journal="cell", woscategory="chemistry", hot_paper=True,
              highly_cited_paper=True, prefinstitution="MIT, harvard", ut="1"),
        paper(title="Second", citingsrcslocalcount=3, journal="cell", woscategory="chemistry"),
        paper(title="Last"),
    ]  # fmt: skip
    row = author(papers, primary_affiliation="MIT", topics=["a", None, "b"])
    assert rendered(row)["text"] == (
        '#"7" Velmar, Ada @ MIT | 4 papers, cited 50, 1 hot, 1 highly cited | topics: a; b\n'
        "cell | chemistry\n First | cited 45, hot, highly cited @ MIT, harvard\n Second | cited 3\n"
        "Nature\n Third | cited 2\n?\n Last"
    )
    assert ", ut 1 @" in rendered(row, show_ut=True)["text"]


def test_nulls_are_left_out():
    assert rendered(author(None, author_name=None))["text"] == '#"7"'
    assert rendered(author([paper(citingsrcslocalcount=0)]))["text"] == '#"7" Velmar, Ada\n (no title) | cited 0'


def test_true_counts_are_kept_when_papers_are_cut():
    papers = [paper(title=f"Title {n}", citingsrcslocalcount=n, hot_paper=n < 3) for n in range(50)]
    text = rendered(author(papers), max_papers=2)["text"]
    assert (
        text == '#"7" Velmar, Ada | 50 papers, cited 1225, 3 hot, shown 2\n Title 49 | cited 49\n Title 48 | cited 48'
    )


FEW_VALUES = st.fixed_dictionaries(
    {
        **{name: st.none() for name in NAMES},
        "citingsrcslocalcount": st.sampled_from([None, -1, 0, 0, 5]),
        "title": st.sampled_from([None, "One", "Two", "<i>Two</i>"]),
        "journal": st.sampled_from([None, "Nature", "Cell"]),
        "hot_paper": st.sampled_from([None, True]),
    }
)


@given(st.lists(st.lists(FEW_VALUES, max_size=12), min_size=1, max_size=4), st.integers(1, 6))
@settings(deadline=None)
def test_the_papers_left_out_before_they_are_cleaned_are_those_that_would_not_be_shown(papers, most):
    rows = frame(*(author(part, author_id=str(place)) for place, part in enumerate(papers)))
    first = render(rows, RenderSettings(max_papers=most))
    every = render(rows, RenderSettings(max_papers=most, ignore_changes_in=("ut",)))  # which formats all of them
    assert first["text"].to_list() == every["text"].to_list()


def test_true_counts_are_kept_when_the_length_is_cut():
    papers = [paper(title=f"Title {n:03d} " + "long " * 40, journal="J") for n in range(100)]
    text = rendered(author(papers), max_papers=100, max_characters=1000)["text"]
    shown = text.count("\n Title")
    assert text.splitlines()[0] == f'#"7" Velmar, Ada | 100 papers, shown {shown}'
    assert 1 <= shown < 100
    assert len(text) <= 1000 + 60


def test_one_paper_is_shown_however_small_the_room():
    text = rendered(author([paper(title="word " * 1000)]), max_characters=200)["text"]
    assert text.startswith('#"7" Velmar, Ada\n word')
    assert len(text) < 500


@given(st.lists(AUTHORS, min_size=1, max_size=4))
@settings(deadline=None)
def test_no_text_of_a_source_can_forge_a_record(rows):
    out = render(frame(*rows), RenderSettings())
    assert out["author_id"].to_list() == [row["author_id"] for row in rows]
    for row, text in zip(rows, out["text"], strict=True):
        head, *lines = text.split("\n")
        author_id, end = json.JSONDecoder().raw_decode(head, 1)
        assert author_id == row["author_id"]
        assert '#"' not in head[end:]
        assert all('#"' not in line and not line.startswith("##") for line in lines)
        assert len([line for line in lines if line.startswith(" ")]) == len(row["papers"] or [])


@given(st.lists(AUTHORS, min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_and_papers_changes_no_hash(rows, draw):
    before = render(frame(*rows), RenderSettings())["content_hash"].to_list()
    order = list(range(len(rows)))
    draw.shuffle(order)
    mixed = [{**rows[n], "papers": draw.sample(rows[n]["papers"] or [], len(rows[n]["papers"] or []))} for n in order]
    after = render(frame(*mixed), RenderSettings())["content_hash"].to_list()
    assert after == [before[n] for n in order]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ut"])
def test_a_change_of_a_field_changes_the_hash_unless_it_is_ignored(name):
    base = dict(zip(NAMES, ("1", "MIT", True, True, 45, "Title", "chemistry", "cell"), strict=True))
    changed = {**base, name: {bool: False, int: 99}.get(type(base[name]), "Other")}
    one, other = author([base, paper(title="B")]), author([changed, paper(title="B")])
    assert rendered(one)["content_hash"] != rendered(other)["content_hash"]
    ignoring = {"ignore_changes_in": (name,)}
    assert rendered(one, **ignoring)["content_hash"] == rendered(other, **ignoring)["content_hash"]
    assert rendered(one, **ignoring)["text"] == rendered(one)["text"]


def test_ignored_citations_may_reorder_and_select_papers_without_a_new_hash():
    draw = random.Random(1)
    papers = [paper(title=f"T{n}", citingsrcslocalcount=n) for n in range(40)]
    ticked = [{**one, "citingsrcslocalcount": draw.randrange(1000)} for one in papers]
    ignoring = {"ignore_changes_in": ("citingsrcslocalcount",), "max_papers": 5}
    before, after = rendered(author(papers), **ignoring), rendered(author(ticked), **ignoring)
    assert before["content_hash"] == after["content_hash"]
    assert before["text"] != after["text"]


def test_a_change_of_name_affiliation_or_topics_changes_the_hash():
    base = author([paper(title="A")], primary_affiliation="MIT", topics=["x"])
    changes = ({}, {"author_name": "B"}, {"primary_affiliation": "C"}, {"topics": ["y"]}, {"author_id": "8"})
    hashes = {rendered({**base, **change})["content_hash"] for change in changes}
    assert len(hashes) == 5


def test_trimming_takes_papers_first_then_titles_and_ends():
    steps = [RenderSettings()]
    while smaller := trimmed(RenderSettings(), len(steps)):
        steps.append(smaller)
    assert [step.max_papers for step in steps] == [20, 5, 2, 1]
    assert [step.max_title for step in steps] == [400, 400, 400, 100]


def test_an_estimate_of_tokens_grows_with_text_and_script():
    latin, chinese = rendered(author([paper(title="word " * 20)])), rendered(author([paper(title="研究" * 50)]))
    assert rendered(author([]))["tokens"] < latin["tokens"] < chinese["tokens"]
    assert estimate_tokens(latin["text"]) == latin["tokens"]


def test_the_prompt_version_follows_instruction_language_length_and_render_settings():
    one = prompt.prompt_version(PromptSettings(), RenderSettings())
    assert one == prompt.prompt_version(PromptSettings(), RenderSettings())
    others = {
        prompt.prompt_version(PromptSettings(instruction="Rhyme."), RenderSettings()),
        prompt.prompt_version(PromptSettings(language="German"), RenderSettings()),
        prompt.prompt_version(PromptSettings(words=40), RenderSettings()),
        prompt.prompt_version(PromptSettings(), RenderSettings(max_papers=5)),
    }
    assert len(others | {one}) == 5


def test_an_own_instruction_may_hold_braces():
    assert "Write {name}" in prompt.system_message(PromptSettings(instruction="Write {name}"))
