"""Google's own client for Python drives the faulty provider: a reading of the interface that is not ours."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from summarizer_assets.core.prompt.messages import PromptSettings, system_message, user_message
from summarizer_assets.core.prompt.request_form import FIRST_FORM
from summarizer_assets.llm.batches.gemini_batches import GeminiLines
from summarizer_assets.llm.embedded import app
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.llm.protocols.gemini_content import GEMINI_CONTENT
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import serving

SYSTEM = system_message(PromptSettings())


def arguments(*ids: str, **config: Any) -> dict[str, Any]:
    """Ours, as the arguments of its call."""
    given = {"generationConfig": config}
    request = ChatRequest("m", SYSTEM, user_message(records(*ids)), 500, FIRST_FORM, given)
    sent = json.loads(GEMINI_CONTENT.encode(request))
    config = types.GenerateContentConfig(system_instruction=sent["systemInstruction"], **sent["generationConfig"])
    return {"model": "rehearsal", "contents": sent["contents"], "config": config}


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(app.answer)


def client_of(url: str, key: str = "AIza-key") -> genai.Client:
    base = url.removesuffix("/v1")
    return genai.Client(vertexai=False, api_key=key, http_options=types.HttpOptions(base_url=base, timeout=10_000))


@pytest.fixture
def client(provider: FaultyProvider) -> Iterator[genai.Client]:
    with serving(provider) as url, client_of(url) as made:
        yield made


def test_it_sends_our_request_and_reads_the_answer_as_we_do(client: genai.Client, provider: FaultyProvider) -> None:
    found = client.models.generate_content(**arguments("a", "b"))
    assert found.candidates is not None
    assert found.candidates[0].finish_reason is types.FinishReason.STOP
    assert [row["author_id"] for row in json.loads(found.text or "")["summaries"]] == ["a", "b"]
    assert found.usage_metadata is not None
    (entry,) = provider.entries
    assert found.usage_metadata.prompt_token_count == entry.prompt_tokens
    assert found.usage_metadata.candidates_token_count == entry.completion_tokens


def test_it_counts_the_cache_as_we_do(client: genai.Client, provider: FaultyProvider) -> None:
    provider.use(Plan(cache_from=100))
    told = [client.models.generate_content(**arguments("a")).usage_metadata for _ in range(2)]
    assert [usage.cached_content_token_count for usage in told if usage] == [None, provider.entries[1].cached_tokens]
    assert provider.entries[1].cached_tokens > 0


ERRORS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "INVALID_ARGUMENT"),
    "context_length": (400, "INVALID_ARGUMENT"),
    "unauthorized": (401, "UNAUTHENTICATED"),
    "forbidden": (403, "PERMISSION_DENIED"),
    "model_not_found": (404, "NOT_FOUND"),
    "throttled": (429, "RESOURCE_EXHAUSTED"),
    "server_error": (500, "INTERNAL"),
    "unavailable": (503, "UNAVAILABLE"),
    "gateway_timeout": (504, "Gateway Timeout"),  # of something before the provider: no JSON
}


@pytest.mark.parametrize("fault", ERRORS)
def test_it_knows_each_error_by_its_status(client: genai.Client, provider: FaultyProvider, fault: str) -> None:
    provider.use(Plan(rules=(Rule(fault, share=1),)))
    with pytest.raises(errors.APIError) as caught:
        client.models.generate_content(**arguments("a"))
    assert (caught.value.code, caught.value.status) == ERRORS[fault]
    if fault == "throttled":
        (told,) = caught.value.details["error"]["details"]
        assert told == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}


ENDS = {
    "content_filter": types.FinishReason.SAFETY,
    "finish_length": types.FinishReason.MAX_TOKENS,
    "tool_calls": types.FinishReason.UNEXPECTED_TOOL_CALL,
    "null_content": types.FinishReason.STOP,
}


@pytest.mark.parametrize("fault", ENDS)
def test_it_knows_why_an_answer_ended(client: genai.Client, provider: FaultyProvider, fault: str) -> None:
    provider.use(Plan(rules=(Rule(fault, share=1),)))
    found = client.models.generate_content(**arguments("a"))
    assert found.candidates is not None
    assert found.candidates[0].finish_reason is ENDS[fault]


def test_what_a_model_declines_is_a_blocked_prompt(client: genai.Client, provider: FaultyProvider) -> None:
    provider.use(Plan(rules=(Rule("refusal", share=1),)))
    found = client.models.generate_content(**arguments("a"))
    assert found.prompt_feedback is not None
    assert found.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT


def test_a_field_that_it_does_not_have_and_a_schema_can_be_refused(
    client: genai.Client, provider: FaultyProvider
) -> None:
    asked = arguments("a")
    asked["config"].http_options = types.HttpOptions(extra_body={"generationConfig": {"speed": 1}})
    with pytest.raises(errors.ClientError, match=r"Unknown name .*speed.* at .*generation_config"):
        client.models.generate_content(**asked)
    provider.use(Plan(accepts_schema=False))
    with pytest.raises(errors.ClientError, match=r"Unknown name .*responseJsonSchema"):
        client.models.generate_content(**arguments("a"))


def test_it_lists_the_models(client: genai.Client) -> None:
    assert [model.name for model in client.models.list(config={"page_size": 1000})] == ["models/rehearsal"]


# Batch jobs.


def uploaded(client: genai.Client, *groups: tuple[str, ...]) -> types.File:
    lines = b""
    for number, ids in enumerate(groups):
        request = ChatRequest("m", SYSTEM, user_message(records(*ids)), 500, FIRST_FORM, {})
        lines += GeminiLines().request(f"request-{number}", GEMINI_CONTENT.encode(request))
    config = types.UploadFileConfig(display_name="requests.jsonl", mime_type="application/jsonl")
    return client.files.upload(file=io.BytesIO(lines), config=config)


def made(client: genai.Client, file: types.File) -> types.BatchJob:
    assert file.name is not None
    return client.batches.create(model="rehearsal", src=file.name, config={"display_name": "a job"})


def test_it_uploads_a_file_makes_a_job_of_it_and_reads_the_results_as_we_do(client: genai.Client) -> None:
    file = uploaded(client, ("a", "b"), ("c",))
    assert (file.display_name, file.state) == ("requests.jsonl", types.FileState.ACTIVE)
    assert [one.name for one in client.files.list()] == [file.name]
    assert client.files.get(name=file.name or "").size_bytes == file.size_bytes
    job = made(client, file)
    job = client.batches.get(name=job.name or "")
    assert (job.state, job.display_name, job.model) == (types.JobState.JOB_STATE_SUCCEEDED, "a job", "models/rehearsal")
    assert job.dest is not None
    assert job.dest.file_name is not None
    found = {}
    for line in client.files.download(file=job.dest.file_name).splitlines():
        theirs = types.GenerateContentResponse.model_validate(json.loads(line)["response"])
        ours = GeminiLines().result(line)
        assert GEMINI_CONTENT.open(ours.body).content == theirs.text
        found[ours.custom_id] = [row["author_id"] for row in json.loads(theirs.text or "")["summaries"]]
    assert found == {"request-0": ["a", "b"], "request-1": ["c"]}


def test_it_lists_all_jobs_by_pages_and_deletes_files_and_jobs(client: genai.Client) -> None:
    file = uploaded(client, ("a",))
    names = {made(client, file).name for _ in range(5)}
    assert {job.name for job in client.batches.list(config={"page_size": 2})} == names
    client.batches.delete(name=names.pop() or "")
    assert {job.name for job in client.batches.list()} == names
    client.files.delete(name=file.name or "")
    assert list(client.files.list()) == []
    with pytest.raises(errors.ClientError, match="may not exist"):
        made(client, file)


def test_it_knows_the_states_of_a_job_and_finds_no_results_where_there_are_none(
    client: genai.Client, provider: FaultyProvider
) -> None:
    provider.use(Plan(batch=BatchTerms(validating_s=10, running_s=100, window_s=50)))
    cancelled, late = (made(client, uploaded(client, ("a",), ("b",))) for _ in range(2))
    assert late.state is types.JobState.JOB_STATE_PENDING
    client.batches.cancel(name=cancelled.name or "")
    provider.batches.advance(20)
    assert client.batches.get(name=late.name or "").state is types.JobState.JOB_STATE_RUNNING
    provider.batches.advance(50)
    for job, state in ((cancelled, "JOB_STATE_CANCELLED"), (late, "JOB_STATE_EXPIRED")):
        found = client.batches.get(name=job.name or "")
        assert (found.state, found.dest) == (types.JobState(state), None)


def test_a_line_that_was_refused_tells_so_among_the_others(client: genai.Client, provider: FaultyProvider) -> None:
    provider.use(Plan(rules=(Rule("bad_request", authors=("a",)), Rule("server_error", authors=("b",)))))
    job = client.batches.get(name=made(client, uploaded(client, ("a",), ("b",), ("c",))).name or "")
    assert job.dest is not None
    lines = [json.loads(line) for line in client.files.download(file=job.dest.file_name or "").splitlines()]
    told = {line["key"]: line.get("error", {}).get("code") for line in lines}
    assert told == {"request-0": 3, "request-1": 13, "request-2": None}
    status = types.JobError.model_validate(next(line["error"] for line in lines if line["key"] == "request-0"))
    assert status.code == 3


def test_a_file_that_is_no_list_of_requests_fails_the_job_late(client: genai.Client) -> None:
    config = types.UploadFileConfig(display_name="x", mime_type="application/jsonl")
    file = client.files.upload(file=io.BytesIO(b"no JSON\n"), config=config)
    found = client.batches.get(name=made(client, file).name or "")
    assert found.state is types.JobState.JOB_STATE_FAILED
