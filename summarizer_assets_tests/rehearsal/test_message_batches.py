"""Anthropic's own client drives the batch service: a reading of message batches that is not ours."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from summarizer_assets.core.prompt.request_form import FIRST_FORM
from summarizer_assets.llm.batches.anthropic_batches import AnthropicLines
from summarizer_assets.llm.protocols.anthropic_messages import ANTHROPIC_MESSAGES
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import answer, serving

SLOW = BatchTerms(running_s=100)


class Bench:
    """A served provider and a client of it. Time stands still until `wait`."""

    def __init__(self, provider: FaultyProvider, client: anthropic.Anthropic) -> None:
        self.provider = provider
        self.batches = client.messages.batches

    def offer(self, terms: BatchTerms, *rules: Rule) -> None:
        self.provider.use(Plan(batch=terms, rules=rules))

    def wait(self, seconds: float) -> None:
        self.provider.batches.advance(seconds)

    def create(self, count: int = 4, **params: Any) -> MessageBatch:
        """Of requests as we write them, which this client checks by its types."""
        requests: Any = [request_of(number, **params) for number in range(count)]
        return self.batches.create(requests=requests)

    def look(self, job: MessageBatch) -> MessageBatch:
        return self.batches.retrieve(job.id)

    def results(self, job: MessageBatch) -> dict[str, MessageBatchIndividualResponse]:
        return {one.custom_id: one for one in self.batches.results(job.id)}


@pytest.fixture
def it() -> Iterator[Bench]:
    provider = FaultyProvider(answer, Plan(batch=SLOW), time_of_day=lambda: 1_800_000_000.0)
    with (
        serving(provider) as url,
        anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="sk-ant-one", max_retries=0) as client,
    ):
        yield Bench(provider, client)


def request_of(number: int, **params: Any) -> dict[str, Any]:
    request = ChatRequest("m", "Say it.", "\n".join(records(f"a{number}")), 500, FIRST_FORM, params)
    found: dict[str, Any] = json.loads(AnthropicLines().request(f"k-{number}", ANTHROPIC_MESSAGES.encode(request)))
    return found


def test_a_job_is_at_work_until_it_ended_and_its_counts_and_results_come_then(it):
    job = it.create()
    assert (job.processing_status, job.results_url, job.request_counts.processing) == ("in_progress", None, 4)
    it.wait(50)
    counts = it.look(job).request_counts
    assert (counts.processing, counts.succeeded) == (4, 0)
    it.wait(50)
    ended = it.look(job)
    assert (ended.processing_status, ended.request_counts.succeeded) == ("ended", 4)
    assert ended.results_url is not None
    assert ended.results_url.startswith("http://")
    found = it.results(job)
    assert sorted(found) == ["k-0", "k-1", "k-2", "k-3"]
    for one in found.values():
        assert one.result.type == "succeeded"
        ours = AnthropicLines().result(one.to_json(indent=None).encode())
        assert (ours.custom_id, ours.status) == (one.custom_id, 200)
        told = ANTHROPIC_MESSAGES.usage(ours.body)
        assert told is not None
        assert told.prompt_tokens == one.result.message.usage.input_tokens
    assert [line.ids for line in it.provider.batches.bill] != [("a0",), ("a1",), ("a2",), ("a3",)], "in its own order"


def test_each_request_ends_in_a_way_of_its_own_and_only_what_succeeded_is_billed(it):
    it.offer(BatchTerms(running_s=172_800), Rule("bad_request", authors=("a0", "a1", "a2")))
    job = it.create(8)
    it.wait(86_400)
    counts = it.look(job).request_counts
    kinds = [one.result.type for one in it.results(job).values()]
    assert (counts.processing, counts.succeeded + counts.errored, counts.expired) == (0, 4, 4)
    assert (kinds.count("succeeded"), kinds.count("errored")) == (counts.succeeded, counts.errored)
    assert len(it.provider.batches.bill) == counts.succeeded
    errored = next(one for one in it.results(job).values() if one.result.type == "errored")
    ours = AnthropicLines().result(errored.to_json(indent=None).encode())
    assert (ours.status, ours.code) == (400, "invalid_request_error")


def test_what_a_request_asks_is_checked_late_and_its_id_at_once(it):
    job = it.create(2, nonsense=1)
    it.wait(100)
    assert {one.result.type for one in it.results(job).values()} == {"errored"}
    for ids in (("k", "k"), ("no spaces",), ("x" * 65,)):
        requests: Any = [request_of(0) | {"custom_id": custom_id} for custom_id in ids]
        with pytest.raises(anthropic.BadRequestError, match="custom_id"):
            it.batches.create(requests=requests)


def test_a_cancelled_job_ends_with_what_it_did(it):
    it.offer(BatchTerms(running_s=100, cancelling_s=10))
    job = it.create()
    it.wait(50)
    cancelled = it.batches.cancel(job.id)
    assert (cancelled.processing_status, cancelled.request_counts.processing) == ("canceling", 4)
    it.wait(10)
    counts = it.look(job).request_counts
    assert (counts.succeeded, counts.canceled) == (2, 2)
    assert sorted(one.result.type for one in it.results(job).values()) == ["canceled"] * 2 + ["succeeded"] * 2


def test_the_list_is_newest_first_and_can_be_paged_both_ways(it):
    made = [it.create(1).id for _ in range(5)]
    assert [job.id for job in it.batches.list(limit=2)] == made[::-1]
    assert [job.id for job in it.batches.list(limit=2, before_id=made[2]).data] == [made[4], made[3]]
    assert [job.id for job in it.batches.list(limit=1, after_id=made[2]).data] == [made[1]]


def test_a_job_is_deleted_once_it_ended_and_its_results_with_it(it):
    job = it.create()
    with pytest.raises(anthropic.BadRequestError, match="cancel it first"):
        it.batches.delete(job.id)
    it.wait(100)
    assert it.batches.delete(job.id).type == "message_batch_deleted"
    assert it.batches.list().data == []
    with pytest.raises(anthropic.NotFoundError):
        it.batches.results(job.id)
    assert len(it.provider.batches.bill) == 4


def test_a_job_shows_late_and_may_be_made_although_the_call_failed(it):
    it.offer(BatchTerms(listed_after_s=60, calls=(CallFault("create", "gateway_timeout", done=True),)))
    with pytest.raises(anthropic.InternalServerError):
        it.create()
    assert it.batches.list().data == []
    it.wait(60)
    (job,) = it.batches.list().data
    assert len(it.results(job)) == 4


def test_too_much_is_refused_when_it_comes(it):
    it.offer(BatchTerms(most_bytes=100))
    with pytest.raises(anthropic.RequestTooLargeError):
        it.create()
    it.offer(BatchTerms(most_requests=3))
    with pytest.raises(anthropic.BadRequestError, match="at most 3"):
        it.create()
    it.offer(BatchTerms(enqueued_tokens=1))
    with pytest.raises(anthropic.RateLimitError):
        it.create()
    assert it.provider.batches.jobs() == []


def test_a_cache_that_is_read_is_told_and_billed_in_a_job_too(it):
    it.provider.use(Plan(batch=SLOW, cache_from=1))
    job = it.create(6)
    it.wait(100)
    read = [one.result.message.usage for one in it.results(job).values() if one.result.type == "succeeded"]
    told = sum(usage.cache_read_input_tokens or 0 for usage in read)
    assert told == sum(line.cached_tokens for line in it.provider.batches.bill) > 0
