"""What a provider says beside its answers is stored only without secrets, and without what a terminal obeys."""

import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.llm.errors import Redactor
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.bucket_run.house import House
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

KEY, TOKEN = "sk-canary-0123456789abcdef", "tok-canary-0123456789"


def test_a_model_that_calls_itself_by_the_key_or_by_a_token_of_the_request_is_stored_without_it(tmp_path):
    said = iter([KEY, f"{TOKEN}/v2", "gpt-of-another-name"])

    def echoing(body: bytes) -> bytes:
        return answer(body).replace(b'"model": "test-model"', f'"model": "{next(said)}"'.encode())

    provider = FaultyProvider(echoing)
    with serving(provider) as url:
        installation = Installation(
            tmp_path / "root",
            write_authors(tmp_path / "authors.parquet", 3),
            llm_base_url=url,
            llm_model="test-model",
            llm_api_key=KEY,
            llm_extra_body={"metadata": {"token": TOKEN}},
            group_size=1,
            max_in_flight=1,
        )
        house = House(installation, provider)
        house.ingest()
        house.work()
    models = house.frame("summaries")["response_model"].to_list()
    assert len(models) == 3
    assert "gpt-of-another-name" in models
    assert not any("canary" in model for model in models)


ESCAPES = "\x1b[31m\x1b]0;title\x07\u202egnp\u202c\x9b2J\u200b\u2066"
REPLIES = {
    "an error": {"error": {"message": f"bad {ESCAPES} request", "code": f"c{ESCAPES}", "type": f"t{ESCAPES}"}},
    "a refusal": {"refusal": f"no {ESCAPES}", "content": None},
    "an end": {"content": "", "finish_reason": f"content_filter{ESCAPES}"},
    "a text that is no JSON": {"content": f"sorry {ESCAPES}"},
    "an id": {"content": json.dumps({"summaries": [{"author_id": f"9{ESCAPES}", "summary": "x"}]})},
    "a summary": {"content": json.dumps({"summaries": [{"author_id": "6", "summary": f"Glass {ESCAPES}."}]})},
}


def reply(number: int) -> bytes:
    """What the provider says of author `number`."""
    said = dict(list(REPLIES.values())[number - 1])
    if "error" in said:
        return json.dumps(said).encode()
    end = said.pop("finish_reason", "stop")
    choice = {"index": 0, "finish_reason": end, "message": {"role": "assistant", **said}}
    return json.dumps({"id": f"x{ESCAPES}", "model": f"m{ESCAPES}", "choices": [choice]}).encode()


@contextmanager
def steering_provider() -> Iterator[str]:
    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = re.search(r'^#"(\d+)"', json.loads(body)["messages"][-1]["content"], re.MULTILINE)
            number = int(asked[1]) if asked else len(REPLIES) + 1
            said = reply(number) if number <= len(REPLIES) else answer(body)
            self.send_response(400 if b'"error"' in said else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.send_header("x-request-id", "r\x9b2J\xad")
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def texts(value: object) -> Iterator[str]:
    """All strings in a row, an event or its metadata."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in (*value, *value.values()):
            yield from texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)


def obeyed(text: str) -> list[str]:
    """Characters of `text` by which a terminal, or a reader's eye, is steered."""
    steering = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    return [
        sign
        for sign in text
        if (unicodedata.category(sign) in ("Cc", "Cs", "Co") and sign not in "\n\t")
        or unicodedata.bidirectional(sign) in steering
        or sign in "\u200b\ufeff\u2028\u2029"
    ]


def test_escape_characters_in_whatever_a_provider_says_are_made_visible_wherever_it_is_kept(tmp_path, caplog):
    with steering_provider() as url, caplog.at_level("DEBUG"):
        house = Installation(
            tmp_path / "root",
            write_authors(tmp_path / "authors.parquet", 3 * len(REPLIES)),
            llm_base_url=url,
            llm_model="test-model",
            group_size=1,
        )
        house.ingest()
        [run] = house.summarize()
        logged = [str(record.to_json()) for record in house.logs(run.run_id)]
    failed = house.frame("failures")
    assert failed.height == len(REPLIES)
    assert failed["detail"].str.contains("31m").sum() >= 3  # the words are there, their power is not
    kept = [*texts(failed.rows()), *texts(house.frame("summaries").rows()), *logged, caplog.text]
    kept += [event.message or "" for event in run.all_events]
    assert [(found, text) for text in kept if (found := obeyed(text))] == []


@given(st.text(st.characters()) | st.text(st.sampled_from(ESCAPES + "\ud800\u200d\u061c\U000e0041 a-k")))
def test_nothing_that_passes_the_door_steers_a_terminal_or_an_eye(said):
    passed = Redactor(KEY)(said)
    assert obeyed(passed) == []
    assert "\n" not in passed
    assert len(passed) <= 500
    assert obeyed(Redactor(KEY)(f"{said}{KEY}{said}")) == []
    assert KEY not in Redactor(KEY)(f"{said}{KEY}{said}")
