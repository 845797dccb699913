"""The clients of Mistral, Groq and Azure drive the batch service in their makers' words: readings that are not ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import groq
import openai
from mistralai.client import Mistral
from mistralai.client.models import ChatCompletionResponse
from mistralai.extra.batch.client import BatchOutput

from summarizer_assets.llm.batches.kinds import KINDS
from summarizer_assets.llm.embedded import app
from summarizer_assets.rehearsal.batches.terms import BatchTerms, DialectName
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import request_for, serving

ENDPOINT = "/v1/chat/completions"


@contextmanager
def served(dialect: DialectName) -> Iterator[tuple[FaultyProvider, str]]:
    plan = Plan(batch=BatchTerms(dialect=dialect, running_s=100))
    provider = FaultyProvider(app.answer, plan, time_of_day=lambda: 1_800_000_000.0)
    with serving(provider) as url:
        yield provider, url.removesuffix("/v1")


def lines(name: DialectName) -> bytes:
    form = KINDS[name].lines
    return b"".join(form.request(f"k-{number}", request_for(*records(f"a{number}"))) for number in range(3))


def results(name: DialectName, content: bytes) -> list[tuple[object, int | None]]:
    told = [KINDS[name].lines.result(line) for line in content.splitlines()]
    return sorted((one.custom_id, one.status) for one in told)


ALL = [("k-0", 200), ("k-1", 200), ("k-2", 200)]


def test_mistral_s_client_makes_jobs_finds_them_and_reads_what_we_read() -> None:
    with served("mistral") as (provider, url):
        client = Mistral(api_key="k", server_url=url)
        file = client.files.upload(file={"file_name": "k.jsonl", "content": lines("mistral")}, purpose="batch")
        wanted = {"input_files": [file.id], "model": "test-model", "endpoint": ENDPOINT}
        made = client.batch.jobs.create(**wanted, metadata={"summarizer_key": "k"}, timeout_hours=24)  # type: ignore[arg-type] # as its request has them
        assert (made.status, made.metadata) == ("QUEUED", {"summarizer_key": "k"})
        provider.batches.advance(50)
        (listed,) = client.batch.jobs.list(page=0, page_size=10).data or []
        assert (listed.id, listed.status, listed.total_requests, listed.completed_requests) == (
            made.id,
            "RUNNING",
            3,
            1,
        )
        provider.batches.advance(50)
        job = client.batch.jobs.get(job_id=made.id)
        assert (job.status, job.succeeded_requests, job.error_file) == ("SUCCESS", 3, None)
        assert isinstance(job.output_file, str)
        content = client.files.download(file_id=job.output_file).read()
        theirs = BatchOutput.from_jsonl_bytes(content, ChatCompletionResponse)
        assert (sorted(theirs.responses), theirs.request_errors, theirs.response_errors) == (
            ["k-0", "k-1", "k-2"],
            [],
            [],
        )
        assert results("mistral", content) == ALL
        second = client.batch.jobs.create(**wanted)  # type: ignore[arg-type] # as above
        assert client.batch.jobs.cancel(job_id=second.id).status == "CANCELLED"
        assert len(client.files.list(page=0, page_size=10).data) == 2


def test_groq_s_client_makes_jobs_finds_them_and_reads_what_we_read() -> None:
    with served("groq") as (provider, url), groq.Groq(api_key="k", base_url=url, max_retries=0) as client:
        file = client.files.create(file=("k.jsonl", lines("groq")), purpose="batch")
        made = client.batches.create(
            input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h", metadata={"summarizer_key": "k"}
        )
        assert (made.status, made.metadata) == ("validating", {"summarizer_key": "k"})
        assert [job.id for job in client.batches.list().data] == [made.id]
        assert [one.id for one in client.files.list().data or []] == [file.id]
        provider.batches.advance(100)
        job = client.batches.retrieve(made.id)
        assert job.request_counts is not None
        assert (job.status, job.request_counts.completed) == ("completed", 3)
        assert job.output_file_id is not None
        assert results("groq", client.files.content(job.output_file_id).read()) == ALL
        second = client.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")
        assert client.batches.cancel(second.id).status == "cancelled"


def test_azure_s_client_makes_jobs_finds_them_and_reads_what_we_read() -> None:
    with served("azure") as (provider, url):
        client = openai.AzureOpenAI(azure_endpoint=url, api_key="k", api_version="2024-10-21", max_retries=0)
        file = client.files.create(file=("k.jsonl", lines("azure")), purpose="batch")
        endpoint: Any = "/chat/completions"
        made = client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")
        assert [(job.id, job.request_counts) for job in client.batches.list()] == [(made.id, None)]
        provider.batches.advance(2 * 86_400)
        job = client.batches.retrieve(made.id)
        assert (job.status, job.request_counts) == ("completed", None)
        assert job.output_file_id is not None
        assert results("azure", client.files.content(job.output_file_id).content) == ALL
