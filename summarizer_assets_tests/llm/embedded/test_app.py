import asyncio
import json

import httpx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.prompt.messages import PromptSettings, system_message
from summarizer_assets.core.prompt.rendering import RenderSettings, render
from summarizer_assets.core.records import AUTHOR
from summarizer_assets.llm.embedded.app import MAX_BODY_BYTES, answer, create_app, records_of, reply
from summarizer_assets.llm.embedded.template import parse, summarize
from testing.openai_chat import request_body

ONE = """\
#"7" Velmar, Ada @ MIT
cell | chemistry; medical
 A title. | cited 1, hot, highly cited @ MIT; Riverbend College"""

SEVERAL = """\
#"8" Tor, B. | 40 papers, cited 90, 1 hot, 2 highly cited, shown 3 | topics: x; y
Nature | Physics, Applied
 First | cited 60, highly cited @ MIT
 Second | cited 3 @ MIT
?
 Third"""


STREAMED = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}'


def ask(*requests):
    async def run():
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://embedded") as client:
            return [await client.request(method, path, content=content) for method, path, content in requests]

    return asyncio.run(run())


def body_for(texts, **fields):
    return request_body("template", system_message(PromptSettings()), texts, **{"max_tokens": 9999, **fields})


def summaries_in(raw):
    return json.loads(json.loads(raw)["choices"][0]["message"]["content"])["summaries"]


def test_a_single_paper_is_told_in_plain_sentences():
    assert summarize(ONE) == (
        "Velmar, Ada, affiliated with MIT, is listed with one paper, “A title”, published in cell. The paper has been "
        "cited once, and is marked as hot and highly cited. It is filed under chemistry and medical. It also names "
        "Riverbend College."
    )


def test_several_papers_are_told_with_their_true_counts():
    assert summarize(SEVERAL) == (
        "Tor, B. is listed with 40 papers, cited 90 times in total. The most cited is “First” in Nature, cited 60 "
        "times. This summary was written from three papers of the 40. These papers have subject categories such as "
        "Physics, Applied. Two of them appeared in Nature. Of the papers, one is marked as hot and two as highly "
        "cited. The institution named on them is MIT. The record also names the topics x and y."
    )


def test_topics_alone_are_told():
    assert summarize('#"9" Ada @ MIT | topics: a; b; c') == (
        "Ada, affiliated with MIT, is listed with the topics a, b and c."
    )


@pytest.mark.parametrize("words", [5, 20, 40])
def test_sentences_end_at_the_length_asked_for_and_the_first_is_always_there(words):
    text = summarize(SEVERAL, words)
    assert text.startswith("Tor, B. is listed with 40 papers")
    assert len(text.split()) <= max(words, 12)
    assert text.endswith(".")


def test_a_title_that_holds_a_link_or_markup_is_not_quoted():
    for title in ("See https://example.org/x", "www.example.org", "x < a <b", "mail me@example.org"):
        text = summarize(f'#"9" Ada\n {title}')
        assert title not in text
        assert text == "Ada is listed with one paper."


def test_a_text_that_is_no_record_is_refused():
    with pytest.raises(ValueError, match="a record begins with"):
        parse("hello")


AUTHORS = st.fixed_dictionaries(
    {
        "author_id": st.text(min_size=1, max_size=15),
        "author_name": st.one_of(st.none(), st.text(max_size=15)),
        "primary_affiliation": st.one_of(st.none(), st.text(max_size=15)),
        "topics": st.one_of(st.none(), st.lists(st.text(max_size=9), max_size=3)),
        "titles": st.lists(st.one_of(st.none(), st.text(max_size=30), st.just('#"1" x\n\n#"2" y')), max_size=5),
    }
)


@given(st.lists(AUTHORS, max_size=6, unique_by=lambda author: author["author_id"]))
@settings(deadline=None)
def test_every_author_is_answered_exactly_once_under_its_own_id(authors):
    empty = dict.fromkeys(field.name for field in AUTHOR["papers"].inner.fields)
    rows = [
        {name: value for name, value in author.items() if name != "titles"}
        | {"papers": [{**empty, "title": title, "journal": title} for title in author["titles"]]}
        for author in authors
    ]
    rendered = render(pl.DataFrame(rows, schema=AUTHOR, orient="row"), RenderSettings())
    found = summaries_in(answer(body_for(rendered["text"].to_list())))
    assert [summary["author_id"] for summary in found] == [author["author_id"] for author in authors]
    for summary, name in zip(found, rendered["author_name"], strict=True):
        assert summary["summary"].startswith(name or "This author")


def test_the_same_records_get_the_same_reply():
    assert reply([ONE, SEVERAL]) == reply([ONE, SEVERAL])
    assert records_of(json.loads(body_for([ONE, SEVERAL]))["messages"][1]["content"]) == [ONE, SEVERAL]


def test_the_application_speaks_the_protocol():
    chat, models, model = ask(
        ("POST", "/v1/chat/completions", body_for([ONE])),
        ("GET", "/v1/models", b""),
        ("GET", "/v1/models/template", b""),
    )
    assert chat.status_code == 200
    found = chat.json()
    assert found["model"] == "template"
    assert found["choices"][0]["finish_reason"] == "stop"
    assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] + found["usage"]["completion_tokens"] > 100
    assert chat.headers["x-request-id"].startswith("req_")
    assert [entry["id"] for entry in models.json()["data"]] == ["template"] == [model.json()["id"]]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/v1/chat/completions", b"{", 400, None),
        ("POST", "/v1/chat/completions", b'{"model": "m"}', 400, None),
        ("POST", "/v1/chat/completions", b'{"model": "m", "messages": []}', 400, None),
        ("POST", "/v1/chat/completions", STREAMED, 400, "unsupported_value"),
        ("GET", "/v1/chat/completions", b"", 405, None),
        ("GET", "/v1/models/other", b"", 404, "model_not_found"),
        ("POST", "/v1/nothing", b"", 404, "unknown_url"),
        ("POST", "/v1/chat/completions", b" " * (MAX_BODY_BYTES + 1), 413, None),
    ],
)
def test_what_is_not_served_is_refused_as_openai_refuses(method, path, content, status, code):
    [response] = ask((method, path, content))
    assert response.status_code == status
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == code
    assert error["message"]


def test_an_answer_longer_than_the_limit_is_cut_and_says_so():
    found = json.loads(answer(body_for([ONE, SEVERAL], max_tokens=20)))
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"]["completion_tokens"] == 20


def test_a_request_without_records_gets_an_empty_list():
    ping = json.dumps({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "ping"}]}]})
    assert summaries_in(answer(ping.encode())) == []
