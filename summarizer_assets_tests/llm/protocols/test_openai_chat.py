"""What is sent in the words of OpenAI's chat completions."""

import json

import pytest

from testing.openai_chat import request_body


def test_a_request_holds_the_constant_message_first_and_the_records_as_data():
    body = json.loads(request_body("m", "SYSTEM", ['#"1" A', '#"2" B'], max_tokens=50, complaint="too long"))
    system, user = body["messages"]
    assert system == {"role": "system", "content": "SYSTEM"}
    assert '\n\n#"1" A\n\n#"2" B\n\n## End' in user["content"]
    assert "too long" in user["content"]
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["max_tokens"] == 50


@pytest.mark.parametrize(
    ("extra", "sent"),
    [
        ({}, {"max_completion_tokens": 5}),
        ({"seed": 1}, {"max_completion_tokens": 5}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_completion_tokens": 9}),
        ({"max_tokens": None}, {}),
    ],
)
def test_the_answer_is_bounded_under_the_name_the_model_takes_unless_a_person_bounds_it(extra, sent):
    body = json.loads(request_body("m", "s", [], max_tokens=5, output_field="max_completion_tokens", extra_body=extra))
    assert {name: value for name, value in body.items() if name.startswith("max_")} == sent


@pytest.mark.parametrize(("structured", "expected"), [("json_object", {"type": "json_object"}), ("none", None)])
def test_servers_that_refuse_schemas_get_a_weaker_form(structured, expected):
    body = json.loads(request_body("m", "s", [], max_tokens=5, structured=structured))
    assert body.get("response_format") == expected


def test_extra_fields_pass_and_a_null_takes_one_out():
    extra = {"service_tier": "flex", "max_completion_tokens": 9, "temperature": None}
    body = json.loads(request_body("m", "s", [], max_tokens=5, extra_body=extra))
    assert (body["service_tier"], body["max_completion_tokens"]) == ("flex", 9)
    assert not {"max_tokens", "temperature"} & body.keys()
    with pytest.raises(ValueError, match=r"SUMMARIZER_LLM_EXTRA_BODY sets messages.*take it out"):
        request_body("m", "s", [], max_tokens=5, extra_body={"messages": []})
