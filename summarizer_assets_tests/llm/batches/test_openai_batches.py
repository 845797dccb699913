"""The calls about files and jobs, against the rehearsal's batch service over sockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from summarizer_assets.core.batches.lines import custom_id
from summarizer_assets.core.batches.states import RemoteStatus
from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallRefused,
    CallThrottled,
    CallUnknown,
)
from summarizer_assets.llm.batches.http import BatchHttp
from summarizer_assets.llm.batches.openai_batches import OpenAiBatches, OpenAiLines
from summarizer_assets.llm.batches.provider import NewJob
from summarizer_assets.llm.errors import Redactor, StopCause
from summarizer_assets.llm.http.transport import build_transport
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import answer, request_for, serving

T = TypeVar("T")
KEY, SECRET, NOW = "0123456789abcdef", "sk-verysecretkey123456", 1_800_000_000.0
FILE = b"".join(
    OpenAiLines().request(custom_id(KEY, number), request_for(*records(f"a{number}"))) for number in range(3)
)


class Bench:
    def __init__(self, provider: FaultyProvider, url: str) -> None:
        self.provider = provider
        self.url = url

    def ask(self, work: Callable[[OpenAiBatches], Awaitable[T]], key: str = SECRET) -> T:
        async def run() -> T:
            api = OpenAiBatches(BatchHttp(build_transport(), self.url, OPENAI_CHAT, key, Redactor(key)))
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


async def submitted(api: OpenAiBatches) -> Any:
    file = await api.upload("k.jsonl", FILE)
    return await api.create(NewJob("m", {"summarizer_key": KEY}, file.id, FILE))


def test_a_job_is_uploaded_made_looked_at_and_its_results_are_read():
    async def whole(api: OpenAiBatches) -> list[str]:
        made = await submitted(api)
        job = await api.job(made.id)
        assert (job.status, job.completed, job.metadata) == (RemoteStatus.COMPLETED, 3, {"summarizer_key": KEY})
        assert job.output_file_id is not None
        assert job.places == (job.output_file_id,)
        pieces: list[bytes] = []
        await api.download(job.output_file_id, pieces.append)
        return [json.loads(line)["custom_id"] for line in b"".join(pieces).splitlines()]

    with bench() as it:
        assert sorted(it.ask(whole)) == [f"{KEY}-0", f"{KEY}-1", f"{KEY}-2"]


def test_files_and_jobs_are_found_in_all_pages_back_to_a_moment_and_not_further():
    async def many(api: OpenAiBatches) -> tuple[int, int]:
        file = await api.upload("k.jsonl", FILE)
        for _ in range(120):
            await api.create(NewJob("m", {}, file.id, FILE))
        return len([job async for job in api.jobs(NOW)]), len([job async for job in api.jobs(NOW + 1)])

    async def files(api: OpenAiBatches) -> list[str]:
        for name in ("a", "b"):
            await api.upload(name, FILE)
        return [file.name async for file in api.files(NOW)]

    with bench(BatchTerms(running_s=9)) as it:
        assert it.ask(many) == (120, 0)
        assert it.ask(files) == ["b", "a", "k.jsonl"]


def test_another_account_s_job_is_missing():
    with bench() as it:
        job = it.ask(submitted)
        with pytest.raises(CallMissing):
            it.ask(lambda api: api.job(job.id), key="sk-another")


def test_a_job_is_cancelled_and_a_second_time_that_is_refused():
    with bench(BatchTerms(running_s=9)) as it:
        job = it.ask(submitted)
        assert it.ask(lambda api: api.cancel(job.id)).status is RemoteStatus.CANCELLED
        with pytest.raises(BatchCallFailed):
            it.ask(lambda api: api.cancel(job.id))


def test_a_file_that_was_deleted_is_missing():
    with bench() as it:
        file = it.ask(lambda api: api.upload("k.jsonl", FILE))
        it.ask(lambda api: api.delete(file.id))
        with pytest.raises(CallMissing):
            it.ask(lambda api: api.delete(file.id))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("gateway_timeout", CallUnknown),
        ("server_error", CallUnknown),
        ("bad_gateway", CallUnknown),
        ("reset", CallUnknown),
        ("short_body", CallUnknown),
        ("throttled_silent", CallThrottled),
        ("bad_request", CallRefused),
        ("unauthorized", AccountRefused),
        ("forbidden", AccountRefused),
        ("insufficient_quota", AccountRefused),
        ("payment_required", AccountRefused),
        ("model_not_found", CallMissing),
    ],
)
def test_what_is_known_of_a_failed_create_shows_in_its_class(fault, error):
    with bench(None, CallFault("create", fault, done=True)) as it:
        with pytest.raises(error):
            it.ask(submitted)
        assert len(it.provider.batches.jobs()) == 1, "it was called once and not again"


def test_an_account_s_refusal_says_what_a_person_can_do():
    quota = CallFault("upload", "insufficient_quota")
    with bench(None, quota) as it, pytest.raises(AccountRefused, match="raise it at the provider") as refused:
        it.ask(submitted)
    assert refused.value.cause is StopCause.QUOTA


def test_a_file_that_no_job_can_be_made_of_yet_is_named_in_the_refusal():
    with bench(BatchTerms(readable_after_s=5)) as it:
        with pytest.raises(CallRefused) as refused:
            it.ask(submitted)
        assert "input_file_id" in refused.value.fields


def test_a_download_that_breaks_raises_and_is_whole_the_next_time():
    async def twice(api: OpenAiBatches) -> tuple[int, int]:
        job = await api.job((await submitted(api)).id)
        assert job.output_file_id is not None
        first: list[bytes] = []
        with pytest.raises(CallUnknown):
            await api.download(job.output_file_id, first.append)
        second: list[bytes] = []
        await api.download(job.output_file_id, second.append)
        return len(b"".join(first)), len(b"".join(second))

    with bench(None, CallFault("content", "reset_in_body")) as it:
        broken, whole = it.ask(twice)
    assert broken < whole


def test_results_larger_than_any_reply_may_be_are_read_and_an_error_is_no_result():
    async def big(api: OpenAiBatches) -> int:
        job = await api.job((await submitted(api)).id)
        assert job.output_file_id is not None
        sizes: list[int] = []
        await api.download(job.output_file_id, lambda piece: sizes.append(len(piece)))
        with pytest.raises(CallMissing):
            await api.download("file-none", lambda piece: sizes.append(10**12))
        return sum(sizes)

    message = b'{"message": {"content": "{\\"summaries\\": []}"}, "finish_reason": "stop"}'
    long = b'{"model": "m", "choices": [%s], "x": "%s"}'
    provider = FaultyProvider(lambda _: long % (message, b"y" * (12 << 20)), time_of_day=lambda: NOW)
    with serving(provider) as url:
        assert 36 << 20 < Bench(provider, url).ask(big) < 10**12


def test_no_key_is_in_an_error():
    provider = FaultyProvider(answer, Plan(batch=BatchTerms(calls=(CallFault("create", "bad_request"),))))
    with serving(provider) as url, pytest.raises(BatchCallFailed) as failed:
        Bench(provider, url).ask(submitted)
    assert SECRET not in str(failed.value)
    assert failed.value.__context__ is None
