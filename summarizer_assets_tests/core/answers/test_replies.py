"""Whatever dress an answer comes in, its rows are read as from the plain one, and never a row that it has not."""

import json
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from summarizer_assets.core.answers.chat_completion import open_chat_completion
from summarizer_assets.core.answers.match import AskedIds, by_id
from summarizer_assets.core.answers.rows import read_rows
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.answers.usage import usage_of
from summarizer_assets.core.records import FailureReason as Why
from summarizer_assets_tests.core.answers.replies import (
    ALL,
    BODIES,
    DRAFT,
    GOOD,
    LAST,
    NAMED,
    ROWS,
    TEXTS,
    USAGE,
    chat,
    chunk,
    stream,
)

Answers = dict[str, object]


def read(body: bytes, *ids: str) -> tuple[Answers, set[str]]:
    """The answers by id, and the ids whose answers contradict each other; nobody judges them here."""
    completion = open_chat_completion(body)
    answers, contradicted, _, _ = by_id(read_rows(completion.content, cut=completion.cut), ids or ALL)
    return answers, contradicted


def test_the_table_is_large():
    assert len(TEXTS) + len(BODIES) + len(NAMED) >= 160


@pytest.mark.parametrize("source", TEXTS)
def test_a_text_in_any_dress_is_read_as_the_plain_one(source):
    assert read(chat(TEXTS[source])) == (ALL, set())


@pytest.mark.parametrize("source", BODIES)
def test_a_body_in_any_dress_is_read_as_the_plain_one(source):
    assert read(BODIES[source]) == (ALL, set())


@pytest.mark.parametrize("source", NAMED)
def test_what_is_no_answer_is_named(source):
    body, why = NAMED[source]
    with pytest.raises(UnusableReply) as caught:
        read(body)
    assert caught.value.reason == why
    assert caught.value.detail.isprintable()


# --- whose answer wins


def one(author_id: str, summary: str) -> str:
    return json.dumps({"summaries": [{"author_id": author_id, "summary": summary}]})


FAKE = one("102", "A fake.")


@pytest.mark.parametrize("text", [f"The title says {FAKE}.\n{GOOD}", f"```json\n{FAKE}\n```\n```json\n{GOOD}\n```"])
def test_an_answer_quoted_before_that_of_the_group_is_passed_over(text):
    assert read(chat(text)) == (ALL, set())


def test_an_answer_quoted_behind_that_of_the_group_replaces_nothing():
    assert read(chat(f"{GOOD}\nI did not follow the title that says {FAKE}")) == (ALL, {"102"})


@pytest.mark.parametrize("text", [f"{FAKE} {one('102', 'Right.')}", f"{one('102', 'Right.')} {FAKE}"])
def test_of_two_answers_for_one_author_asked_alone_neither_is_taken(text):
    assert read(chat(text), "102")[1] == {"102"}


def test_an_answer_in_an_answers_text_stays_text():
    inner = one("101", f"quotes {FAKE} and </think> {FAKE}")
    assert read(chat(f"```json\n{inner}\n```")) == ({"101": f"quotes {FAKE} and </think> {FAKE}"}, set())


def test_what_follows_the_end_of_a_string_too_early_is_not_taken_for_an_answer():
    broken = f'{{"summaries":[{{"author_id":"101","summary":"x"}}]}} {FAKE} says the title"}}]}}'
    with pytest.raises(UnusableReply):
        read(chat(broken))


# --- an answer cut off


@pytest.mark.parametrize(
    "finish", ["length", "max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded"]
)
@pytest.mark.parametrize("before", ["", "```json\n", f"<think>{DRAFT}</think>\n"])
def test_of_an_answer_cut_off_the_whole_rows_are_kept_and_the_others_asked_again(finish, before):
    assert read(chat(before + GOOD[:-20], finish)) == ({name: ALL[name] for name in ("101", "102")}, set())


def test_the_last_row_of_an_answer_that_its_server_closed_is_asked_again():
    assert set(read(chat(GOOD, "length"))[0]) == {"101", "102"}
    with pytest.raises(UnusableReply) as caught:
        read(chat(one("101", "He works on"), "length"), "101")
    assert caught.value.reason is Why.TRUNCATED


# --- properties

plain_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
summaries = st.one_of(
    plain_text, st.sampled_from(["", *ALL.values(), FAKE, "</think>", "```", "<|end|>", "[/THINK] ,] ,}", '"}]}', "\\"])
)
row_lists = st.lists(
    st.tuples(st.from_regex(r"\A[A-Za-z0-9:/._-]{1,8}\Z"), summaries),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[0],
)
words = st.sampled_from(
    ["", "Here is the JSON:\n", "Sure (as asked), [1] it follows\n\n", "Done. {x}\n", "`code`, 5 < 6 > 4\n"]
)

Dress = Callable[[str], str]


def objects(rows):
    return [{"author_id": author_id, "summary": summary} for author_id, summary in rows]


SHAPES = {
    "plain": lambda rows: json.dumps({"summaries": objects(rows)}),
    "pretty": lambda rows: json.dumps({"summaries": objects(rows)}, indent=1, ensure_ascii=False),
    "list": lambda rows: json.dumps(objects(rows)),
    "wrapper": lambda rows: json.dumps({"data": {"people": objects(rows)}, "n": 1}),
    "lines": lambda rows: "\n".join(json.dumps(row) for row in objects(rows)),
    "keys": lambda rows: json.dumps({"summaries": [{"Summary": summary, "authorId": name} for name, summary in rows]}),
    "ids": lambda rows: json.dumps({"summaries": objects((f' #"{name}" ', summary) for name, summary in rows)}),
    "commas": lambda rows: "[" + "".join(json.dumps(row)[:-1] + ",}," for row in objects(rows)) + "]",
}
DRESSES: dict[str, Dress] = {
    "none": lambda text: text,
    "think": lambda text: f"<think>I draft {DRAFT}, [x] {{y}}</think>{text}",
    "unopened": lambda text: f"I draft {DRAFT}\n</think>\n{text}",
    "bracketed": lambda text: f"[THINK]{DRAFT}[/THINK]{text}",
    "harmony": lambda text: f"<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final<|message|>{text}<|return|>",
    "fence": lambda text: f"```json\n{text}\n```",
    "tight fence": lambda text: f"~~~{text}~~~",
    "answer": lambda text: f"<answer>{text}</answer></s>",
    "box": lambda text: f"<|begin_of_box|>{text}<|end_of_box|><|im_end|>",
}
FINISHES = st.sampled_from(["stop", None, 1, "", "eos", "STOP", "tool_calls"])


def chunks(text: str, _finish: object) -> bytes:
    pieces = [text[at : at + 9] for at in range(0, len(text), 9)]
    return stream(*(chunk(content=piece) for piece in pieces), LAST, "data: [DONE]")


ENVELOPES = {
    "plain": chat,
    "blanks": lambda text, finish: b" \r\n" * 50 + chat(text, finish),
    "comments": lambda text, finish: b": PROCESSING\n\n" + chat(text, finish),
    "event": lambda text, finish: b"data: " + chat(text, finish) + b"\n\ndata: [DONE]\n",
    "parts": lambda text, finish: chat([{"type": "reasoning", "text": DRAFT}, {"type": "text", "text": text}], finish),
    "chunks": chunks,
}


def rows_of(text: str, cut: str = "") -> set[tuple[object, object]]:
    try:
        return {row for rows in read_rows(text, cut=cut) for row in rows if isinstance(row[1], str)}
    except UnusableReply:
        return set()


@given(
    row_lists,
    st.sampled_from(sorted(SHAPES)),
    st.lists(st.sampled_from(sorted(DRESSES)), max_size=3, unique=True),
    words,
    words,
    st.sampled_from(sorted(ENVELOPES)),
    FINISHES,
)
def test_in_any_mix_of_dresses_the_same_rows_are_read(rows, shape, dresses, before, after, envelope, finish):
    text = f"{before}{SHAPES[shape](rows)}\n{after}"
    for dress in dresses:
        text = DRESSES[dress](text)
    ids = [name for name, _ in rows]
    assert read(ENVELOPES[envelope](text, finish), *ids) == (dict(rows), set())


@given(row_lists, st.sampled_from(sorted(set(SHAPES) - {"ids"})), st.sampled_from(sorted(DRESSES)), st.data())
def test_no_cut_of_a_text_yields_a_row_that_the_whole_has_not(rows, shape, dress, data):
    text = DRESSES[dress](SHAPES[shape](rows))
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, len(text)))
    drafts = {(row["author_id"], "A draft.") for row in ROWS} if begin or end < len(text) else set()
    for cut in ("", "length"):
        assert rows_of(text[begin:end], cut) <= {*rows} | drafts
        assert rows_of(text[:end], cut) <= {*rows} | (drafts if dress == "unopened" else set())


@given(row_lists, st.sampled_from(["plain", "list", "lines"]), st.data())
def test_no_stray_mark_between_the_tokens_of_a_text_yields_a_row_that_it_has_not(rows, shape, data):
    text = SHAPES[shape](rows)
    gaps = [at for at in range(len(text) + 1) if _outside_strings(text, at)]
    at = data.draw(st.sampled_from(gaps))
    mark = data.draw(st.sampled_from([*'{}[]",:', "</think>", "<think>", "```", "null", "\n"]))
    instead = data.draw(st.booleans())
    assert rows_of(text[:at] + mark + text[at + instead :]) <= {*rows}


def _outside_strings(text: str, at: int) -> bool:
    return (text[:at].replace("\\\\", "").replace('\\"', "").count('"')) % 2 == 0


PIECES = [*'{}[]",:\\x\n', "<think>", "</think>", "```", GOOD, LAST, "data:", "<|channel|>", "analysis", "<|message|>"]


@given(st.lists(st.sampled_from([*PIECES, '"summaries"', "Here is my response:", "assistantfinal"])).map("".join))
@example("<think>" * 3000)
@example("[" * 100_000)
@example('{"a":' * 50_000)
@example('["' + " \n" * 100_000)
@example('{"summaries":[' * 20_000)
@example("\n" * 200_000 + "x")
@example("```" * 50_000)
@example("<thinking></think>" * 5_000)
@example("\ud800")
def test_nothing_raises_anything_but_an_unusable_reply(text):
    raw = text.encode(errors="surrogatepass")
    for body in (raw, b"data: " + raw, chat(text), chat(text, "length"), chat(None, reasoning=text), chat([text, {}])):
        usage_of(body)
        try:
            read(body)
        except UnusableReply as unusable:
            assert unusable.detail.isprintable()  # noqa: PT017 - either outcome is right


# --- ids in clothes


@pytest.mark.parametrize(
    "given_id",
    [
        '#"101"',
        '"101"',
        "#101",
        " 101\n",
        "'101'",
        "`101`",
        "[101]",
        "<101>",
        "\u201c101\u201d",
        101,
        "# 101",
        '\\"101\\"',
        "10\\u0031",
    ],
)
def test_an_id_in_clothes_is_the_one_asked_for(given_id):
    assert AskedIds(["101", "1", "01"]).meant(given_id) == "101"


@pytest.mark.parametrize(
    "given_id", ["0101", "101.0", 101.0, True, None, "", "#", '""', "101, 1", [101], 2**53, "1 01"]
)
def test_what_is_no_id_in_clothes_is_nobodys(given_id):
    assert AskedIds(["101", "1", str(2**53), " "]).meant(given_id) is None


def test_an_id_that_could_be_two_is_nobodys_but_for_an_exact_echo():
    ids = AskedIds(["5", '"5"', "#5"])
    assert [ids.meant(exact) for exact in ("5", '"5"', "#5")] == ["5", '"5"', "#5"]
    assert ids.meant('#"5"') is None
    assert ids.meant(" 5") is None


@given(
    st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=5, unique=True),
    st.sampled_from(['#"{}"', " {} ", "<{}>", "'{}'"]),
    st.data(),
)
def test_clothes_never_lead_to_another_author(ids, clothes, data):
    author_id = data.draw(st.sampled_from(ids))
    worn = clothes.format(author_id)
    assume(worn not in ids)
    assert AskedIds(ids).meant(worn) in (author_id, None)


# --- usage


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "None",
        {},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 400, "completion_tokens": 0, "total_tokens": 400},
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": 0},
    ],
)
def test_usage_that_cannot_be_beside_a_text_is_missing(usage):
    assert open_chat_completion(chat(GOOD, body={"usage": usage})).told.usage is None


@pytest.mark.parametrize(
    "source", [source for source in BODIES if source not in ("a stream without its usage", "a gateway's wrapper")]
)
def test_usage_is_found_wherever_the_text_is(source):
    used = usage_of(BODIES[source])
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (USAGE["prompt_tokens"], USAGE["completion_tokens"])
