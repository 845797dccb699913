"""The calls to each provider's batch jobs, against the rehearsal's service in that provider's words, over sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.lines import contents_of, custom_id, file_name, is_made_with, key_of, metadata_of
from summarizer_assets.core.batches.states import RemoteJob, RemoteStatus
from summarizer_assets.core.prompt.request_form import FIRST_FORM
from summarizer_assets.llm.batches.errors import BatchCallFailed, CallMissing, CallRefused, CallUnknown
from summarizer_assets.llm.batches.http import BatchHttp
from summarizer_assets.llm.batches.kinds import KINDS
from summarizer_assets.llm.batches.names import BatchProviderName, batch_provider, protocol_of_batches, usual_factor
from summarizer_assets.llm.batches.provider import BatchProvider, NewJob
from summarizer_assets.llm.errors import Redactor
from summarizer_assets.llm.http.transport import build_transport
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings.protocols import protocol_of
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import answer, serving

T = TypeVar("T")
KEY, DIGEST, ROOT = "0123456789abcdef", "aaaa", "fedcba9876543210"
SECRET, NOW = "sk-verysecretkey123456", 1_800_000_000.0
NAMES: tuple[BatchProviderName, ...] = get_args(BatchProviderName)
PARTIAL = [name for name in NAMES if name != "gemini"]  # who shows results of a job that did not come to its end
SLOW = {"running_s": 100.0}


class Bench:
    """A service that speaks as this provider does, and calls to it. Time stands still until `wait`."""

    def __init__(self, name: BatchProviderName, provider: FaultyProvider, url: str) -> None:
        self.name = name
        self.provider = provider
        self.url = url
        self.protocol = protocol_of(protocol_of_batches(name), url)  # type: ignore[arg-type] # the name of a protocol

    def wait(self, seconds: float) -> None:
        self.provider.batches.advance(seconds)

    def ask(self, work: Callable[[BatchProvider], Awaitable[T]], key: str = SECRET, path: str = "") -> T:
        async def run() -> T:
            http = BatchHttp(build_transport(), self.url + path, self.protocol, key, Redactor(key))
            api = KINDS[self.name].connect(http)
            try:
                return await work(api)
            finally:
                await api.aclose()

        return asyncio.run(run())

    def content(self, count: int = 3) -> bytes:
        form, root = KINDS[self.name].lines, None if KINDS[self.name].limits.tells_mark else ROOT
        lines = []
        for number in range(count):
            request = ChatRequest("m", "Say it.", "\n".join(records(f"a{number}")), 500, FIRST_FORM, {})
            lines.append(form.request(custom_id(KEY, number, root), self.protocol.encode(request)))
        return b"".join(lines)

    async def submitted(self, api: BatchProvider, count: int = 3) -> RemoteJob:
        content, file_id = self.content(count), None
        if len(content) > api.limits.inline_bytes:
            file_id = (await api.upload(file_name(KEY, DIGEST, ROOT), content)).id
        return await api.create(NewJob("m", metadata_of(KEY, DIGEST, ROOT), file_id, content))


@contextmanager
def bench(name: BatchProviderName, *rules: Rule, **terms: Any) -> Iterator[Bench]:
    dialect = "openai" if name in ("anthropic", "gemini") else name  # these two are told by the calls themselves
    plan = Plan(batch=BatchTerms(dialect=dialect, **terms), rules=rules)  # type: ignore[arg-type] # one of them
    provider = FaultyProvider(answer, plan, time_of_day=lambda: NOW)
    with serving(provider) as url:
        yield Bench(name, provider, url)


async def listed(api: BatchProvider, since: float) -> list[RemoteJob]:
    found = api.jobs(since)
    return [job async for job in found] if isinstance(found, AsyncIterator) else await found


async def results(api: BatchProvider, job: RemoteJob) -> dict[Any, int | str | None]:
    """The status of each line, or why it has none."""
    found: dict[Any, int | str | None] = {}
    for place in job.places:
        pieces: list[bytes] = []
        await api.download(place, pieces.append)
        for line in b"".join(pieces).splitlines():
            told = api.lines.result(line)
            found[told.custom_id] = told.status or told.code
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_job_is_made_found_again_and_its_results_are_read_and_booked(name):
    async def whole(api: BatchProvider) -> None:
        made = await it.submitted(api)
        (seen,) = await listed(api, NOW)
        assert (seen.id, await listed(api, NOW + 1)) == (made.id, [])
        assert is_made_with(seen.metadata, KEY) == api.limits.tells_mark
        assert key_of(seen.metadata, ROOT) == (KEY if api.limits.tells_mark else None)
        assert (await api.job(made.id)).status in (RemoteStatus.IN_PROGRESS, RemoteStatus.VALIDATING)
        it.wait(100)
        job = await api.job(made.id)
        assert job.status is RemoteStatus.COMPLETED
        assert job.completed in (3, None)
        assert job.created_at == NOW
        pieces: list[bytes] = []
        for place in job.places:
            await api.download(place, pieces.append)
        contents = contents_of(api.lines, b"".join(pieces).splitlines(), KEY, 3)
        assert (contents.answered, contents.missing(3), contents.odd.unreadable) == (3, [], 0)
        assert await results(api, job) == {
            custom_id(KEY, number, None if api.limits.tells_mark else ROOT): 200 for number in range(3)
        }

    with bench(name, **SLOW) as it:
        it.ask(whole)
        assert sorted(line.ids for line in it.provider.batches.bill) == [("a0",), ("a1",), ("a2",)]


@pytest.mark.parametrize("name", PARTIAL)
def test_what_a_cancelled_job_did_can_be_read(name):
    async def whole(api: BatchProvider) -> None:
        made = await it.submitted(api, 4)
        it.wait(50)
        await api.cancel(made.id)
        job = await api.job(made.id)
        assert job.status is (RemoteStatus.COMPLETED if name == "anthropic" else RemoteStatus.CANCELLED)
        found = await results(api, job)
        assert sum(status == 200 for status in found.values()) == 2
        assert job.completed in (2, None)

    with bench(name, **SLOW) as it:
        it.ask(whole)
        assert len(it.provider.batches.bill) == 2


@pytest.mark.parametrize("name", PARTIAL)
def test_a_late_job_expires_with_what_it_did_and_at_azure_it_takes_longer(name):
    async def whole(api: BatchProvider) -> None:
        made = await it.submitted(api, 4)
        it.wait(86_400)
        job = await api.job(made.id)
        if name == "azure":
            assert job.status is RemoteStatus.IN_PROGRESS
            it.wait(86_400)
            job = await api.job(made.id)
        assert job.status is not None
        assert job.status.final
        done = sum(status == 200 for status in (await results(api, job)).values())
        assert done == (4 if name == "azure" else 2)

    with bench(name, running_s=172_800.0) as it:
        it.ask(whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_create_that_is_not_answered_may_have_made_a_job_which_is_then_in_the_list(name):
    async def whole(api: BatchProvider) -> None:
        with pytest.raises(CallUnknown):
            await it.submitted(api)
        (job,) = await listed(api, NOW)
        assert job.input_file_id is not None or not api.limits.tells_mark
        with pytest.raises(CallMissing):
            await api.job("00000000-0000-0000-0000-000000000000")

    with bench(name, calls=(CallFault("create", "gateway_timeout", done=True),)) as it:
        it.ask(whole)


@pytest.mark.parametrize("name", ["openai", "mistral", "anthropic", "gemini"])
def test_lists_are_read_to_their_last_page(name):
    async def whole(api: BatchProvider) -> int:
        for _ in range(101):
            await it.submitted(api, 1)
        return len({job.id for job in await listed(api, NOW)})

    with bench(name, **SLOW) as it:
        assert it.ask(whole) == 101


@pytest.mark.parametrize(("name", "path"), [("azure", "/deployments/mine"), ("together", "")])
def test_a_file_that_is_not_checked_yet_is_waited_for_and_a_deployment_in_the_url_is_left_out(name, path):
    async def early(api: BatchProvider) -> str:
        with pytest.raises(CallRefused) as refused:
            await it.submitted(api)
        assert "input_file_id" in refused.value.fields
        (file,) = [file async for file in api.files(NOW)]
        it.wait(5)
        mark = metadata_of(KEY, DIGEST, ROOT)
        return (await api.create(NewJob("m", mark, file.id, b""))).id

    with bench(name, readable_after_s=5.0) as it:
        assert it.ask(early, path=path)


def test_anthropic_s_counts_come_at_the_end_and_its_results_are_gone_after_twenty_nine_days():
    async def whole(api: BatchProvider) -> None:
        made = await it.submitted(api)
        it.wait(50)
        job = await api.job(made.id)
        assert (job.status, job.requests, job.completed, job.places) == (RemoteStatus.IN_PROGRESS, 3, None, ())
        it.wait(50)
        job = await api.job(made.id)
        assert (job.requests, job.completed, job.expires_at) == (3, 2, NOW + 86_400)
        assert sorted(str(status) for status in (await results(api, job)).values()) == ["200", "200", "400"]
        it.wait(29 * 86_400)
        gone = await api.job(made.id)
        assert (gone.completed, gone.places) == (2, ())
        with pytest.raises(CallMissing):
            await api.download(job.places[0], lambda _: None)

    with bench("anthropic", Rule("bad_request", authors=("a1",)), **SLOW) as it:
        it.ask(whole)


def test_anthropic_refuses_a_job_that_is_too_large_when_it_is_made():
    with bench("anthropic", most_bytes=10) as it, pytest.raises(CallRefused) as refused:
        it.ask(it.submitted)
    assert refused.value.status == 413


@pytest.mark.parametrize("name", NAMES)
def test_no_key_is_in_an_error(name):
    with bench(name, calls=(CallFault("create", "bad_request"),)) as it, pytest.raises(BatchCallFailed) as failed:
        it.ask(it.submitted)
    assert SECRET not in str(failed.value)


@pytest.mark.parametrize(
    ("protocol", "url", "provider", "factor"),
    [
        ("openai", "https://api.openai.com/v1", "openai", 0.5),
        ("openai", "https://mine.openai.azure.com/openai/v1", "azure", 0.5),
        ("openai", "https://api.groq.com/openai/v1", "groq", None),
        ("openai", "https://api.mistral.ai/v1", "mistral", 0.5),
        ("openai", "https://api.together.xyz/v1", "together", None),
        ("openai", "https://openai.azure.com.example.org/v1", "openai", None),
        ("anthropic", "https://api.anthropic.com/v1", "anthropic", 0.5),
        ("anthropic", "https://mine.services.ai.azure.com/anthropic/v1", "anthropic", None),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta", "gemini", 0.5),
        ("gemini", "https://gateway.example.org/v1beta", "gemini", None),
        ("another", "https://api.openai.com/v1", None, None),
    ],
)
def test_the_provider_and_its_price_are_told_by_the_host_and_never_by_what_only_looks_like_it(
    protocol, url, provider, factor
):
    found = batch_provider(None, protocol, url)
    assert (found, usual_factor(found, url)) == (provider, factor)


@given(st.sampled_from(NAMES), st.text(), st.integers(0, 9))
def test_each_form_writes_a_request_on_one_line_and_reads_nothing_into_a_line_of_another(name, text, number):
    form = KINDS[name].lines
    line = form.request(custom_id(KEY, number), b'{"x": 1}')
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    try:
        told = form.result(text.encode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # it is no line
        return
    assert told.status is None
