import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.lines import (
    Oddities,
    ResultLine,
    contents_of,
    custom_id,
    is_made_with,
    key_of,
    metadata_of,
    number_of,
    read_result,
    results_of,
)
from summarizer_assets.llm.batches.openai_batches import OpenAiLines

FORM = OpenAiLines("/v1/x")
KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
numbers = st.integers(0, 999_999_999)


def result(number: int, status: int = 200, body: object = "x", key: str = KEY) -> bytes:
    response = {"status_code": status, "request_id": f"r{number}", "body": body}
    return json.dumps({"id": "b", "custom_id": custom_id(key, number), "response": response, "error": None}).encode()


def not_run(number: int, code: str = "batch_expired") -> bytes:
    return json.dumps({"custom_id": custom_id(KEY, number), "response": None, "error": {"code": code}}).encode()


@given(numbers)
def test_an_id_tells_its_number_to_its_own_job_and_nothing_to_another(number):
    assert number_of(custom_id(KEY, number), KEY) == number
    assert number_of(custom_id(KEY, number), OTHER) is None


@given(st.one_of(st.none(), st.integers(), st.text(), st.from_regex(r"[0-9a-f]{16}-\d+\s?", fullmatch=True)))
def test_an_id_has_one_spelling(text):
    number = number_of(text, KEY)
    assert number is None or custom_id(KEY, number) == text


@given(numbers, st.dictionaries(st.text(), st.integers()))
def test_a_line_holds_the_body_as_it_is_and_is_one_line(number, body):
    line = FORM.request(custom_id(KEY, number), json.dumps(body).encode())
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"custom_id": custom_id(KEY, number), "method": "POST", "url": "/v1/x", "body": body}


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([200, 400, None]), st.integers(0, 1)), max_size=30))
def test_each_request_has_one_result_or_none_and_a_contradicted_one_has_none(told):
    texts = [not_run(number) if status is None else result(number, status, body) for number, status, body in told]
    found = contents_of(FORM, texts, KEY, 10)
    lines = list(results_of(FORM, texts, KEY, 10, found))
    said: dict[int, set[object]] = {}
    for number, status, body in told:
        said.setdefault(number, set()).add(None if status is None else (status, body))
    assert sorted(line.number for line in lines) == sorted(number for number, what in said.items() if len(what) == 1)
    assert found.contradicted == {number for number, what in said.items() if len(what) > 1}
    assert set(found.missing(10)) == set(range(10)) - said.keys()
    for line in lines:
        (only,) = said[line.number]
        assert line.status == (None if only is None else only[0])


def test_lines_that_say_nothing_of_this_job_are_counted_and_leave_the_others_alone():
    texts = [result(0)[:20], b"", result(1), result(2, key=OTHER), result(7), b"[1]", b"\xff", not_run(2)]
    found = contents_of(FORM, texts, KEY, 3)
    assert (found.odd.unreadable, found.odd.unknown) == (3, 2)
    lines = list(results_of(FORM, texts, KEY, 3, found))
    assert lines == [ResultLine(1, 200, b'"x"', None, "r1"), ResultLine(2, None, b"null", "batch_expired", None)]
    assert found.answered == 1
    assert found.missing(3) == [0]


def test_the_same_line_twice_is_one_answer_whatever_ids_the_provider_gave_it():
    again = json.loads(result(0))
    again["id"], again["response"]["request_id"] = "other", "other"
    found = contents_of(FORM, [result(0), json.dumps(again).encode()], KEY, 1)
    assert (found.contradicted, found.answered) == (set(), 1)


@pytest.mark.parametrize("response", ["{}", '{"status_code": "200"}', "null"])
def test_a_response_without_a_status_is_no_answer(response):
    text = f'{{"custom_id": "{custom_id(KEY, 0)}", "response": {response}}}'.encode()
    line = read_result(FORM, text, KEY, 1, Oddities())
    assert line is not None
    assert (line.status, line.answered, line.code) == (None, False, "no response")


def test_what_a_job_is_made_with_is_found_again():
    assert is_made_with(metadata_of(KEY, "d", "r"), KEY)
    assert not is_made_with(metadata_of(KEY, "d", "r"), OTHER)
    assert not is_made_with(None, KEY)
    assert key_of(metadata_of(KEY, "d", "r"), "r") == KEY
    assert key_of(metadata_of(KEY, "d", "r"), "other") is None
    assert key_of({"summarizer_root": "r", "summarizer_key": "KEY"}, "r") is None
    assert key_of(None, "r") is None
