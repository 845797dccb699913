"""Gemini's files and batch jobs, against the rehearsal's service over sockets, and as its documents tell them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.lines import Oddities, custom_id, metadata_of, read_result
from summarizer_assets.core.batches.states import Next, RemoteJob, RemoteStatus, after_look
from summarizer_assets.core.prompt.messages import user_message
from summarizer_assets.core.prompt.request_form import FIRST_FORM
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallRefused,
    CallThrottled,
    CallUnknown,
    FileGone,
)
from summarizer_assets.llm.batches.gemini_batches import GeminiBatches, GeminiLines
from summarizer_assets.llm.batches.http import BatchHttp
from summarizer_assets.llm.batches.provider import NewJob
from summarizer_assets.llm.errors import Redactor
from summarizer_assets.llm.http.classify import Outcome, classify
from summarizer_assets.llm.http.transport import build_transport
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.llm.protocols.gemini_content import GEMINI_CONTENT
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import answer, serving

T = TypeVar("T")
KEY, SECRET, NOW = "0123456789abcdef", "AIza-verysecretkey123456", 1_800_000_000.0
MARK = metadata_of(KEY, "0" * 16, "f" * 16)


def request(number: int) -> bytes:
    user = user_message(records(f"a{number}"))
    return GEMINI_CONTENT.encode(ChatRequest("m", "SYSTEM", user, 500, FIRST_FORM, {}))


FILE = b"".join(GeminiLines().request(custom_id(KEY, number), request(number)) for number in range(3))


class Bench:
    def __init__(self, provider: FaultyProvider, url: str) -> None:
        self.provider = provider
        self.url = url

    def ask(self, work: Callable[[GeminiBatches], Awaitable[T]], key: str = SECRET) -> T:
        async def run() -> T:
            http = BatchHttp(build_transport(), self.url, GEMINI_CONTENT, key, Redactor(key))
            api = GeminiBatches(http)
            try:
                return await work(api)
            finally:
                await api.aclose()

        return asyncio.run(run())


@contextmanager
def bench(terms: BatchTerms | None = None, *faults: CallFault) -> Iterator[Bench]:
    plan = Plan(batch=terms or BatchTerms(calls=faults))
    provider = FaultyProvider(answer, plan, time_of_day=lambda: NOW)
    with serving(provider) as url:
        yield Bench(provider, url)


async def submitted(api: GeminiBatches) -> RemoteJob:
    file = await api.upload("k.jsonl", FILE)
    return await api.create(NewJob("rehearsal", MARK, file.id, FILE))


def test_files_are_found_back_to_a_moment_and_not_further():
    async def files(api: GeminiBatches) -> list[list[str]]:
        for name in ("a", "b"):
            await api.upload(name, FILE)
        return [[file.name async for file in api.files(since)] for since in (NOW, NOW + 1)]

    with bench() as it:
        assert it.ask(files) == [["b", "a"], []]


def test_another_account_s_job_is_missing_and_its_file_as_good_as_gone():
    async def of_its_file(api: GeminiBatches) -> RemoteJob:
        return await api.create(NewJob("rehearsal", MARK, job.input_file_id, FILE))

    with bench() as it:
        job = it.ask(submitted)
        with pytest.raises(CallMissing):
            it.ask(lambda api: api.job(job.id), key="AIza-another")
        with pytest.raises(FileGone):
            it.ask(of_its_file, key="AIza-another")


def test_a_job_is_cancelled_and_has_no_results_to_show():
    with bench(BatchTerms(running_s=9)) as it:
        job = it.ask(submitted)
        cancelled = it.ask(lambda api: api.cancel(job.id))
        assert (cancelled.status, cancelled.places, cancelled.completed) == (RemoteStatus.CANCELLED, (), 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("gateway_timeout", CallUnknown),
        ("server_error", CallUnknown),
        ("reset", CallUnknown),
        ("short_body", CallUnknown),
        ("throttled_silent", CallThrottled),
        ("bad_request", CallRefused),
        ("unauthorized", AccountRefused),
        ("forbidden", AccountRefused),
        ("insufficient_quota", AccountRefused),
        ("model_not_found", AccountRefused),
    ],
)
def test_what_is_known_of_a_failed_create_shows_in_its_class(fault, error):
    with bench(None, CallFault("create", fault, done=True)) as it:
        with pytest.raises(error) as failed:
            it.ask(submitted)
        assert type(failed.value) is error
        assert SECRET not in str(failed.value)
        assert len(it.provider.batches.jobs()) == 1, "it was called once and not again"


def test_a_file_that_is_not_ready_yet_is_named_in_the_refusal():
    with bench(BatchTerms(readable_after_s=5)) as it:
        with pytest.raises(CallRefused) as refused:
            it.ask(submitted)
        assert (refused.value.fields, refused.value.code) == ({"input_file_id"}, "FAILED_PRECONDITION")


@pytest.mark.parametrize("fault", ["gateway_timeout", "server_error", "throttled_silent"])
def test_an_upload_that_fails_leaves_no_doubt_that_costs_anything(fault):
    with bench(None, CallFault("upload", fault)) as it:
        with pytest.raises(BatchCallFailed):
            it.ask(submitted)
        assert it.ask(submitted).id


def test_the_key_goes_to_no_host_but_the_provider_s_own_whatever_that_tells():
    asked: list[httpx.URL] = []

    class Elsewhere(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            if len(asked) == 1:
                place = "https://evil.example.org/upload/v1beta/files?upload_id=7&x=%2F"
                return httpx.Response(200, headers={"x-goog-upload-url": place}, content=b"{}")
            return httpx.Response(200, content=b'{"file": {"name": "files/a", "displayName": "n"}}')

    async def upload() -> str:
        http = BatchHttp(Elsewhere(), "https://host/gate/v1beta", GEMINI_CONTENT, SECRET, Redactor(SECRET))
        return (await GeminiBatches(http).upload("n", FILE)).id

    assert asyncio.run(upload()) == "files/a"
    assert [str(url) for url in asked] == [
        "https://host/gate/upload/v1beta/files",
        "https://host/upload/v1beta/files?upload_id=7&x=%2F",
    ]


# What its documents and its users tell of jobs.


def told(document: dict[str, Any]) -> RemoteJob:
    class One(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=json.dumps({"name": "batches/b", **document}).encode())

    async def look() -> RemoteJob:
        return await GeminiBatches(BatchHttp(One(), "https://h/v1beta", GEMINI_CONTENT, None, str)).job("batches/b")

    return asyncio.run(look())


def job(state: str, stats: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "state": state,
            "displayName": f"summarizer-{KEY}-{'0' * 16}-{'f' * 16}",
            "createTime": "2027-01-15T08:00:00.123456789Z",
            "batchStats": stats or {},
            **metadata,
        }
    }


ALL, SOME = {"requestCount": "3", "successfulRequestCount": "3"}, {"requestCount": "3", "successfulRequestCount": "2"}
NONE_DONE = {"requestCount": "3", "failedRequestCount": "3"}
FILES = {"output": {"responsesFile": "files/batch-o"}}


@pytest.mark.parametrize(
    ("document", "status", "places", "following"),
    [
        (job("BATCH_STATE_PENDING"), "in_progress", (), Next.WAIT),
        (job("JOB_STATE_QUEUED"), "in_progress", (), Next.WAIT),
        (job("BATCH_STATE_RUNNING", SOME), "in_progress", (), Next.WAIT),
        (job("JOB_STATE_CANCELLING"), "cancelling", (), Next.WAIT),
        (job("BATCH_STATE_UNSPECIFIED"), None, (), Next.WAIT),
        (job("A_STATE_OF_TOMORROW"), None, (), Next.WAIT),
        ({}, None, (), Next.WAIT),
        (job("BATCH_STATE_SUCCEEDED", ALL, **FILES), "completed", ("files/batch-o",), Next.COLLECT),
        (
            {**job("JOB_STATE_SUCCEEDED", ALL), "response": {"responsesFile": "files/batch-o"}},
            "completed",
            ("files/batch-o",),
            Next.COLLECT,
        ),
        (job("JOB_STATE_PARTIALLY_SUCCEEDED", SOME, **FILES), "completed", ("files/batch-o",), Next.COLLECT),
        (job("BATCH_STATE_SUCCEEDED", ALL), "completed", (), Next.WAIT),  # the file shows late
        (job("BATCH_STATE_SUCCEEDED"), "completed", (), Next.WAIT),
        (job("BATCH_STATE_EXPIRED", SOME), "expired", (), Next.LOST),
        (job("BATCH_STATE_EXPIRED", NONE_DONE), "expired", (), Next.LOST),
        (job("BATCH_STATE_EXPIRED"), "expired", (), Next.LOST),
        (job("BATCH_STATE_CANCELLED", NONE_DONE), "cancelled", (), Next.COLLECT),  # nothing was done: nothing is owed
        (job("BATCH_STATE_CANCELLED", SOME), "cancelled", (), Next.WAIT),
        (job("BATCH_STATE_CANCELLED", SOME, **FILES), "cancelled", ("files/batch-o",), Next.COLLECT),
        ({**job("BATCH_STATE_FAILED"), "error": {"code": 3, "message": "bad line"}}, "failed", (), Next.FAILED),
        ({**job("BATCH_STATE_FAILED"), "error": {"code": 8, "message": "full"}}, "failed", (), Next.AGAIN),
        ({"done": True, "error": {"code": 13, "message": "internal"}}, "failed", (), Next.FAILED),
        (job("BATCH_STATE_FAILED", SOME), "expired", (), Next.LOST),  # it failed in its midst
        (job("BATCH_STATE_FAILED", SOME, **FILES), "expired", ("files/batch-o",), Next.COLLECT),
    ],
)
def test_each_state_is_one_of_ours_and_no_answer_that_was_paid_for_is_given_up_too_early(
    document, status, places, following
):
    found = told(document)
    assert (found.status, found.places) == (status, places)
    assert after_look(found, now=NOW, ended_at=NOW) is following


def test_a_job_tells_its_mark_its_time_and_its_numbers():
    found = told(job("BATCH_STATE_RUNNING", SOME, inputConfig={"fileName": "files/i"}))
    assert (found.metadata, found.input_file_id, found.completed, found.requests) == (MARK, "files/i", 2, 3)
    assert found.expires_at == found.created_at + 172_800
    assert told(job("BATCH_STATE_RUNNING")).completed is None  # it tells no numbers yet
    assert told(job("BATCH_STATE_RUNNING", displayName="somebody's own")).metadata == {}


@pytest.mark.parametrize("order", ["oldest first", "newest first"])
def test_jobs_come_newest_first_in_whatever_order_the_pages_have_them(order):
    days = [job("BATCH_STATE_RUNNING", createTime=f"2027-01-{day:02}T08:00:00Z") for day in range(1, 5)]
    named = [{"name": f"batches/{number}", **one} for number, one in enumerate(days)]
    listed = named if order == "oldest first" else named[::-1]

    class Pages(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            at = int(request.url.params.get("pageToken", "0"))
            page = {"operations": listed[at : at + 2], **({"nextPageToken": str(at + 2)} if at + 2 < 4 else {})}
            return httpx.Response(200, content=json.dumps(page).encode())

    async def listing(since: float) -> list[str]:
        api = GeminiBatches(BatchHttp(Pages(), "https://h/v1beta", GEMINI_CONTENT, None, str))
        return [one.id async for one in api.jobs(since)]

    assert asyncio.run(listing(0)) == [f"batches/{number}" for number in (3, 2, 1, 0)]
    assert asyncio.run(listing(told(days[2]).created_at)) == ["batches/3", "batches/2"]


LINES = [
    ({"response": {"candidates": []}}, 200, None),
    ({"error": {"code": 3, "message": "Request contains an invalid argument."}}, 400, Outcome.REJECTED),
    ({"error": {"code": 8, "message": "no"}}, 429, Outcome.THROTTLED),
    ({"error": {"code": 13, "message": "An internal error has occurred."}}, 500, Outcome.TRANSIENT),
    ({"error": {"code": 14, "message": "no"}}, 503, Outcome.TRANSIENT),
    ({"error": {"message": "no"}}, 500, Outcome.TRANSIENT),
    ({"error": {"code": "13"}}, 500, Outcome.TRANSIENT),
    ({"response": None, "error": None}, None, None),
    ({}, None, None),
]


@pytest.mark.parametrize(("line", "status", "outcome"), LINES)
def test_a_line_has_an_answer_or_an_error_that_counts_as_it_does_online(line, status, outcome):
    result = GeminiLines().result(json.dumps({"key": "k", **line}).encode())
    assert (result.custom_id, result.status) == ("k", status)
    if outcome is not None:
        assert classify(status, {}, result.body).outcome is outcome
    msgspec.json.decode(result.body)


@given(st.binary(max_size=80) | st.sampled_from([line for line, *_ in LINES]).map(json.dumps).map(str.encode))
def test_any_line_is_a_result_or_counted_as_none(text):
    odd = Oddities()
    found = read_result(GeminiLines(), text, KEY, 3, odd)
    assert (found is None) == (odd.unreadable + odd.unknown > 0 or not text.strip())
