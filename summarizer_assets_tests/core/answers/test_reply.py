import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from summarizer_assets.core.answers.reply import AnswerChecks, Asked, Reading
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.records import FailureReason as Why
from summarizer_assets.rehearsal.body_faults import BODIES, ROWS, WHOLE, Original
from testing.openai_chat import read_reply
from testing.provider import answer, request_for

ASKED = (
    Asked("101", "Marlow, Ada", '#"101" Marlow, Ada @ Univ Ostrava | 1 papers\nSoil Letters\n Peat bogs in winter'),
    Asked("102", "Quint, Bo", '#"102" Quint, Bo @ Turku Coll | 1 papers\nActa Optica\n Lenses of sapphire glass'),
    Asked("x-3", "Ferro, Cy", '#"x-3" Ferro, Cy @ Inst Lugano | 1 papers\nTin Review\n Corrosion of tin plates'),
)
LIMITS = AnswerChecks(max_characters=1000)
RIGHT = answer(request_for(*(author.text for author in ASKED)))


def completion(content: object, **fields: object) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return json.dumps({"model": "m", "choices": [choice], **fields}).encode()


def rows(*pairs: tuple[object, object]) -> bytes:
    return completion(json.dumps({"summaries": [{"author_id": one, "summary": other} for one, other in pairs]}))


def right_summary(author: Asked) -> str:
    family, given = author.author_name.split(", ")
    return f"{given} {family} is the author of the papers recorded here."


def accepted_ids(reading: Reading) -> list[str]:
    return [author_id for author_id, _, _ in reading.accepted]


def test_a_right_reply_is_accepted_whole_with_its_usage_and_model():
    reading = read_reply(RIGHT, ASKED, LIMITS)
    assert accepted_ids(reading) == ["101", "102", "x-3"]
    assert reading.accepted[0][1] == "Marlow, Ada is the author of the papers recorded here."
    assert reading.accepted[0][2].support == 1.0
    assert reading.again == {}
    assert reading.response_model == "test-model"
    assert reading.told.prompt_tokens is not None
    assert reading.told.completion_tokens is not None
    assert reading.flags == ()


# What a fault of the whole body comes to: reason, whether the same request goes again, whether the group is halved.
UNUSABLE = {
    "truncated_json": (Why.BAD_JSON, True, True),
    "truncated_body": (Why.BAD_JSON, True, True),
    "finish_length": (Why.TRUNCATED, False, True),
    "content_filter": (Why.CONTENT_FILTER, False, True),
    "refusal": (Why.REFUSAL, False, True),
    "null_content": (Why.REFUSAL, False, True),
    "no_choices": (Why.NO_CHOICE, True, True),
    "empty_text": (Why.EMPTY_SUMMARY, True, True),
    "tool_calls": (Why.BAD_SHAPE, True, True),
    "html_page": (Why.GATEWAY_BODY, True, False),
    "empty_body": (Why.GATEWAY_BODY, True, False),
    "error_under_200": (Why.GATEWAY_BODY, True, False),
    "error_with_usage": (Why.GATEWAY_BODY, True, False),
    "deep_nesting": (Why.BAD_JSON, True, True),
    "invalid_utf8": (Why.BAD_JSON, True, True),
}
# Whole bodies that can be read: whether all are accepted, and the flags.
READABLE = {
    "positions_for_ids": (False, ("unknown_id",)),
    "code_fence": (True, ()),
    "prose_around": (True, ()),
    "usage_missing": (True, ("usage_missing",)),
    "usage_absurd": (True, ("usage_missing",)),
    "other_model": (True, ("other_model",)),
}
# What a fault of one row comes to for its author; None: accepted. The other authors are accepted, but for a swap.
ROW = {
    "unknown_id": Why.ID_MISMATCH,
    "swapped": Why.UNGROUNDED,
    "duplicate_same": None,
    "duplicate_different": Why.ID_MISMATCH,
    "missing_id": Why.ID_MISMATCH,
    "id_number": None,
    "id_float": Why.ID_MISMATCH,
    "id_beyond_double": Why.ID_MISMATCH,
    "summary_list": Why.BAD_TYPE,
    "summary_object": Why.BAD_TYPE,
    "summary_number": Why.BAD_TYPE,
    "summary_null": Why.BAD_TYPE,
    "empty_summary": Why.EMPTY_SUMMARY,
    "duplicate_keys": Why.BAD_TYPE,
    "nan": Why.BAD_TYPE,
    "lone_surrogate": Why.BAD_TEXT,
    "nul": Why.BAD_TEXT,
    "bidi": Why.BAD_TEXT,
    "zero_width": Why.BAD_TEXT,
    "huge_summary": Why.TOO_LONG,
    "prompt_echo": Why.ECHO,
    "other_language": None,
    "link": Why.UNSAFE_TEXT,
    "image": Why.UNSAFE_TEXT,
    "script": Why.UNSAFE_TEXT,
    "leading_formula": None,
    "invented_award": None,
}


def test_the_tables_cover_every_fault_of_a_body():
    assert set(UNUSABLE) | set(READABLE) | {"streamed"} == set(WHOLE)  # a stream's events are put together before
    assert set(ROW) == set(ROWS)


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_body_that_says_nothing_of_anyone_says_what_to_do_next(fault):
    body = BODIES[fault](Original.of(RIGHT), frozenset({"101"}))
    with pytest.raises(UnusableReply) as caught:
        read_reply(body, ASKED, LIMITS)
    assert (caught.value.reason, caught.value.retry_same, caught.value.split) == UNUSABLE[fault]
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize("fault", READABLE)
def test_a_body_that_is_odd_as_a_whole_is_read_and_flagged(fault):
    whole, flags = READABLE[fault]
    body = BODIES[fault](Original.of(RIGHT), frozenset({"101"}))
    reading = read_reply(body, ASKED, AnswerChecks(max_characters=1000, model="test-model"))
    assert accepted_ids(reading) == (["101", "102", "x-3"] if whole else [])
    assert reading.flags == flags


@pytest.mark.parametrize("fault", ROW)
def test_a_faulty_row_touches_only_its_author(fault):
    body = BODIES[fault](Original.of(RIGHT), frozenset({"101"}))
    reading = read_reply(body, ASKED, LIMITS)
    why = ROW[fault]
    expected = {} if why is None else {"101": why}
    if fault == "swapped":
        expected["102"] = Why.UNGROUNDED
    assert reading.again == expected
    assert accepted_ids(reading) == [author.author_id for author in ASKED if author.author_id not in expected]


def test_a_summary_in_another_language_is_accepted_and_flagged():
    body = BODIES["other_language"](Original.of(RIGHT), frozenset({"101"}))
    reading = read_reply(body, ASKED, LIMITS)
    assert "other_language" in reading.accepted[0][2].flags
    assert "other_language" not in reading.accepted[1][2].flags


def test_the_providers_error_under_200_is_handed_on_for_classification():
    body = json.dumps({"error": {"message": "no money", "code": "insufficient_quota"}}).encode()
    with pytest.raises(UnusableReply) as caught:
        read_reply(body, ASKED, LIMITS)
    assert caught.value.provider_error == {"message": "no money", "code": "insufficient_quota"}
    assert "insufficient_quota" in caught.value.detail


def test_answers_are_matched_by_id_whatever_their_order():
    pairs = [(author.author_id, right_summary(author)) for author in ASKED]
    reading = read_reply(rows(*reversed(pairs)), ASKED, LIMITS)
    assert [(author_id, text) for author_id, text, _ in reading.accepted] == pairs


def test_a_bare_list_and_a_list_of_text_parts_are_read():
    listed = json.dumps([{"author_id": author.author_id, "summary": right_summary(author)} for author in ASKED])
    parts = [{"type": "text", "text": listed[:20]}, {"type": "text", "text": listed[20:]}]
    assert len(read_reply(completion(listed), ASKED, LIMITS).accepted) == 3
    assert len(read_reply(completion(parts), ASKED, LIMITS).accepted) == 3


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"author": "101", "text": "Ada Marlow writes of peat bogs."}),
        json.dumps("Ada Marlow writes of peat bogs."),
        json.dumps({"summaries": {"101": "Ada Marlow writes of peat bogs."}}),
        "{}",
        "null",
    ],
)
def test_for_a_group_of_one_no_other_shape_is_guessed_at(content):
    with pytest.raises(UnusableReply) as caught:
        read_reply(completion(content), ASKED[:1], LIMITS)
    assert caught.value.reason is Why.BAD_SHAPE


def test_an_id_given_twice_in_one_row_settles_neither_author():
    text = json.dumps(right_summary(ASKED[0]))
    content = '{"summaries":[{"author_id":"101","author_id":"102","summary":' + text + "}]}"
    reading = read_reply(completion(content), ASKED, LIMITS)
    assert reading.accepted == []
    assert set(reading.again) == {"101", "102", "x-3"}


def test_a_list_given_twice_loses_none_of_its_rows():
    lists = [json.dumps([{"author_id": a.author_id, "summary": right_summary(a)}]) for a in ASKED[:2]]
    reading = read_reply(completion(f'{{"summaries":{lists[0]},"summaries":{lists[1]}}}'), ASKED, LIMITS)
    assert accepted_ids(reading) == ["101", "102"]


@pytest.mark.parametrize("given_id", [True, 101.0, math.nan, None, [], {}, "0101", 2**53, 10**400])
def test_an_id_that_is_not_exactly_the_asked_one_is_nobodys(given_id):
    asked = (ASKED[0], Asked(str(2**53), "Nul, I", ""), Asked("1", "One, I", ""), Asked("True", "Tr, U", ""))
    reading = read_reply(rows((given_id, right_summary(ASKED[0]))), asked, LIMITS)
    assert reading.accepted == []
    assert set(reading.again.values()) == {Why.ID_MISMATCH}
    assert reading.unknown_ids == 1


def test_text_is_stored_as_one_composed_paragraph():
    decomposed = " Ada Marlow writes of peat bogs.\n\nCafe\u0301 Peat follows. "
    asked = (Asked("101", "Marlow, Ada", '#"101" Marlow, Ada\n Peat bogs of the Café'),)
    reading = read_reply(rows(("101", decomposed)), asked, LIMITS)
    assert reading.accepted[0][1] == "Ada Marlow writes of peat bogs. Caf\u00e9 Peat follows."


def test_usage_with_cached_tokens_is_read_and_booleans_are_no_counts():
    usage = {"prompt_tokens": 50, "completion_tokens": True, "prompt_tokens_details": {"cached_tokens": 40}}
    body = completion(json.dumps({"summaries": []}), usage=usage)
    reading = read_reply(body, ASKED, LIMITS)
    assert (reading.told.prompt_tokens, reading.told.completion_tokens, reading.told.cached_tokens) == (50, None, 40)
    assert reading.flags == ("usage_missing",)


def test_a_model_name_that_could_not_be_stored_is_dropped():
    body = completion(json.dumps({"summaries": []})).replace(b'"m"', b'"\\ud800"')
    assert read_reply(body, ASKED, LIMITS).response_model is None


def test_without_grounding_a_foreign_summary_is_accepted_unmeasured():
    reading = read_reply(rows(("101", "Something else.")), ASKED[:1], AnswerChecks(judged=False))
    assert reading.accepted[0][2].support is None


def test_asking_for_one_id_twice_is_refused():
    with pytest.raises(ValueError, match="occurs twice"):
        read_reply(RIGHT, (ASKED[0], ASKED[0]), LIMITS)


def check_every_author_is_in_one_place(body: bytes) -> None:
    try:
        reading = read_reply(body, ASKED, LIMITS)
    except UnusableReply:
        return
    places = accepted_ids(reading) + list(reading.again)
    assert sorted(places) == sorted(author.author_id for author in ASKED)
    for _, text, _ in reading.accepted:
        assert text.encode().decode() == text


ids = st.sampled_from(["101", "102", "x-3", 101, "7", None, 101.0])
texts = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.sampled_from([right_summary(a) for a in ASKED]),
    st.integers(),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["summaries", "author_id"]), inner),
    max_leaves=8,
)


@given(st.binary())
@example(b"[" * 100_000)
@example(b'{"choices":' * 100_000)
@example(b'{"choices":[{"message":{"content":' + b"9" * 5000 + b"}}]}")
@example(b'"' + b"9" * 5000 + b'"')
@example(b"\xef\xbb\xbf{}")
def test_no_bytes_raise_anything_but_an_unusable_reply(body):
    check_every_author_is_in_one_place(body)


@given(anything, anything, anything)
def test_no_json_in_any_place_raises_anything_else(content, usage, field):
    check_every_author_is_in_one_place(json.dumps(content).encode())
    check_every_author_is_in_one_place(completion(content, usage=usage, model=field))
    check_every_author_is_in_one_place(completion(json.dumps(content)))
    check_every_author_is_in_one_place(json.dumps({"choices": field, "usage": usage, "error": None}).encode())


@given(st.lists(st.tuples(ids, texts), max_size=6))
def test_every_author_asked_ends_in_exactly_one_place(pairs):
    check_every_author_is_in_one_place(rows(*pairs))


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=8), st.randoms())
def test_any_ids_come_back_to_their_own_authors(some_ids, random):
    asked = [
        Asked(one, f"Name{chr(97 + n) * 3}", f"# Name{chr(97 + n) * 3}\n Topic{chr(97 + n) * 3}")
        for n, one in enumerate(some_ids)
    ]
    pairs = [(a.author_id, f"{a.author_name} writes of Topic{a.author_name[4:]}.") for a in asked]
    random.shuffle(pairs)
    reading = read_reply(rows(*pairs), asked, LIMITS)
    assert {author_id: text for author_id, text, _ in reading.accepted} == dict(pairs)


@given(st.integers(0, len(RIGHT)))
def test_a_cut_reply_is_never_accepted(length):
    if length == len(RIGHT):
        return
    with pytest.raises(UnusableReply):
        read_reply(RIGHT[:length], ASKED, LIMITS)


def test_raw_controls_inside_the_json_cost_only_their_own_row():
    broken, wrapped, right = (right_summary(author) for author in ASKED)
    content = json.dumps(
        {
            "summaries": [
                {"author_id": "101", "summary": f"{broken}NUL"},
                {"author_id": "102", "summary": wrapped.replace("is the", "isBREAKthe")},
                {"author_id": "x-3", "summary": right},
            ]
        }
    )
    reading = read_reply(completion(content.replace("NUL", "\0").replace("BREAK", "\n")), ASKED, LIMITS)
    assert reading.again == {"101": Why.BAD_TEXT}
    assert accepted_ids(reading) == ["102", "x-3"]
    assert reading.accepted[0][1] == wrapped


def test_blanks_around_a_code_fence_do_not_matter():
    pairs = [{"author_id": author.author_id, "summary": right_summary(author)} for author in ASKED]
    content = "\n\n  ```json\n" + json.dumps(pairs) + "\n```\n"
    assert len(read_reply(completion(content), ASKED, LIMITS).accepted) == 3
