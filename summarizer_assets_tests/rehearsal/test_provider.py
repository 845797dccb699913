"""What the faulty provider lets through, how long it takes, whom it hits, and what it remembers."""

import asyncio
import json
import statistics
from collections import Counter
from datetime import datetime

import httpx
import pytest

from summarizer_assets.llm.embedded import app as embedded
from summarizer_assets.rehearsal.latency import latency_s
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import BUSY, RATE_LIMITED, FaultyProvider
from summarizer_assets.rehearsal.reply import Reply
from summarizer_assets_tests.rehearsal.sockets import Wire, records
from testing.asgi_door import AsgiDoor
from testing.openai_chat import request_body
from testing.provider import answer, control, request_for, serving

USAGE = sum(json.loads(answer(request_for(*records("a"))))["usage"].values())


class World:
    """A provider whose clock stands still; `ask` is answered at once, `hold` as soon as it is let go."""

    def __init__(self, **plan: object) -> None:
        self.now = 100.0
        self.provider = FaultyProvider(answer, Plan(**plan), clock=lambda: self.now)  # type: ignore[arg-type] # its fields

    def hold(self, *ids: str) -> Reply:
        return self.provider.reply(request_for(*records(*ids)))

    def let_go(self, reply: Reply) -> None:
        self.provider.done(reply, reply.answer.status, whole=True)

    def ask(self, *ids: str) -> Reply:
        reply = self.hold(*ids)
        self.let_go(reply)
        return reply

    def faults(self) -> list[str | None]:
        return [entry.fault for entry in self.provider.entries]


# Limits.


@pytest.mark.parametrize(
    ("limits", "rate"), [({"requests_per_minute": 1200}, 20), ({"tokens_per_minute": 1200 * USAGE}, 20)]
)
def test_whoever_asks_as_fast_as_it_goes_gets_the_limit_and_one_seconds_worth_more(limits, rate):
    world = World(**limits)
    for _ in range(60 * 200):
        world.now += 1 / 200
        world.ask("a")
    passed = world.faults().count(None)
    assert 60 * rate - 1 <= passed <= 61 * rate + 1
    assert set(world.faults()) == {None, RATE_LIMITED}


def test_whoever_keeps_to_the_limit_is_never_refused():
    world = World(requests_per_minute=1200, tokens_per_minute=1200 * USAGE)
    for _ in range(1000):
        world.now += 1 / 20
        world.ask("a")
    assert set(world.faults()) == {None}


def test_the_limit_holds_over_all_connections_together():
    with serving(FaultyProvider(answer, Plan(requests_per_minute=60))) as url:
        replies = []
        for _ in range(3):
            with Wire(url) as wire:
                replies.append(wire.ask("a").reply())
        stats = control(url, "stats").json()
    assert [reply.status for reply in replies] == [200, 429, 429]
    assert stats["by_fault"] == {"right": 1, RATE_LIMITED: 2}
    assert stats["by_status"] == {"200": 1, "429": 2}


def test_limits_are_announced_as_anthropic_does():
    world = World(requests_per_minute=600, tokens_per_minute=6e6, limit_headers="anthropic")
    headers = world.ask("a").answer.headers
    assert headers["anthropic-ratelimit-requests-limit"] == "600"
    assert headers["anthropic-ratelimit-requests-remaining"] == "9"
    assert headers["anthropic-ratelimit-tokens-limit"] == "6000000"
    assert datetime.fromisoformat(headers["anthropic-ratelimit-tokens-reset"]).tzinfo is not None
    for _ in range(9):
        world.ask("a")
    refused = world.ask("a").answer
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert "retry-after-ms" not in refused.headers


def test_a_refusal_can_keep_silent_about_everything():
    world = World(requests_per_minute=60, announce_limits=False, announce_wait=False)
    world.ask("a")
    refused = world.ask("a").answer
    assert (refused.status, set(refused.headers)) == (429, {"x-request-id"})


@pytest.mark.parametrize("status", [429, 503])
def test_more_at_once_than_it_can_are_refused_without_a_word_on_limits(status):
    world = World(at_once=2, busy_status=status)
    first, second = world.hold("a"), world.hold("b")
    refused = world.ask("c").answer
    assert (refused.status, set(refused.headers)) == (status, {"x-request-id"})
    world.let_go(first)
    assert world.ask("c").answer.status == 200
    world.let_go(second)
    assert world.faults() == [None, None, BUSY, None]
    assert world.provider.stats()["most_in_flight"] == 3


# Time.


def test_a_lognormal_latency_has_its_median_and_is_the_same_for_the_same_group():
    plan = Plan(latency_s=2.0, latency_sigma=0.5)
    found = [latency_s(plan, (str(number),), 100) for number in range(2000)]
    assert statistics.median(found) == pytest.approx(2.0, rel=0.1)
    assert statistics.stdev(found) > 0.5
    assert found == [latency_s(plan, (str(number),), 5) for number in range(2000)]


def test_each_token_of_an_answer_takes_its_time():
    assert latency_s(Plan(latency_s=1.0, latency_per_token_s=0.01), ("a",), 50) == pytest.approx(1.5)


def test_a_slow_time_is_ten_times_as_slow_and_passes():
    world = World(latency_s=1.0, rules=(Rule("slow", share=1, after_s=10, heal_after_s=20),))
    found = []
    for _ in range(3):
        found.append(world.ask("a").delay_s)
        world.now += 10
    assert found == [1.0, 10.0, 1.0]
    assert world.ask("a").answer.body == answer(request_for(*records("a")))


# Whom it hits, and when.


def test_a_share_of_each_request_is_drawn_anew_when_a_group_is_asked_again():
    def run(seed: int) -> list[str | None]:
        world = World(rules=(Rule("server_error", share=0.5, each_request=True),), seed=seed)
        for _ in range(20):
            for group in range(50):
                world.ask(str(group))
        return world.faults()

    faults = run(1)
    by_group = [Counter(faults[group::50]) for group in range(50)]
    assert 400 < faults.count("server_error") < 600
    assert all(0 < group["server_error"] < 20 for group in by_group)
    assert faults == run(1)
    assert faults != run(2)


def test_an_outage_in_the_middle_is_a_window_of_requests():
    world = World(rules=(Rule("unavailable", share=1, after_requests=2, heal_after_requests=4),))
    assert [world.ask("a").answer.status for _ in range(6)] == [200, 200, 503, 503, 200, 200]


def test_who_asks_for_no_author_is_hit_only_by_what_hits_everybody():
    certain = Rule("refusal", share=1)
    assert Rule("refusal", share=0.99).hit((), 0) is None
    assert certain.hit((), 0) == frozenset()
    assert World(rules=(Rule("unavailable", share=0.99),)).ask().answer.status == 200
    assert World(rules=(Rule("unavailable", share=1),)).ask().answer.status == 503


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ((), 200),
        ((Rule("unavailable", share=1),), 503),
        ((Rule("unauthorized", share=1),), 401),
        ((Rule("unavailable", share=0.5),), 200),
        ((Rule("unavailable", authors=("a",)),), 200),
        ((Rule("unavailable", share=1, larger_than=1),), 200),
        ((Rule("bad_request", share=1),), 200),
        ((Rule("missing_id", share=1),), 200),
    ],
)
def test_the_list_of_models_is_there_but_in_an_outage(rules, status):
    provider = FaultyProvider(answer, Plan(rules=rules))
    with serving(provider) as url:
        reply = httpx.get(f"{url}/models")
    assert reply.status_code == status
    if status == 200:
        assert reply.json()["object"] == "list"
    assert provider.entries == []
    assert provider.stats()["models_asked"] == 1


def test_an_outage_of_the_wire_hits_the_list_of_models_too_and_is_over_for_who_asks_only_for_that():
    with serving(FaultyProvider(answer, Plan(rules=(Rule("reset", share=1, heal_after_requests=2),)))) as url:
        for _ in range(2):
            with pytest.raises(httpx.ReadError):
                httpx.get(f"{url}/models")
        assert httpx.get(f"{url}/models").status_code == 200


# What it remembers.


def test_the_record_is_bounded_and_its_counts_are_complete():
    world = World(keep_entries=3, rules=(Rule("missing_id", authors=("5",)), Rule("server_error", authors=("6",))))
    for number in range(10):
        world.ask(str(number))
        world.now += 1
    assert [entry.number for entry in world.provider.entries] == [8, 9, 10]
    stats = world.provider.stats()
    assert stats["requests"] == 10
    assert stats["by_fault"] == {"right": 8, "missing_id": 1, "server_error": 1}
    assert (stats["first_s"], stats["last_s"], stats["in_flight"]) == (0.0, 9.0, 0)
    world.provider.use(Plan(keep_entries=1))
    assert [entry.number for entry in world.provider.entries] == [10]


def test_answers_of_the_model_are_billed_and_refusals_are_not():
    billed = {"missing_id": 1, "finish_length": 1, "stall": 1, "short_body": 1, "gzip_bomb": 1, "slow": 1}
    free = {"server_error": 0, "throttled": 0, "html_page": 0, "error_under_200": 0, "refuse": 0}
    for fault, share in (billed | free).items():
        world = World(rules=(Rule(fault, share=1),))
        world.ask("a")
        stats = world.provider.stats()
        assert stats["prompt_tokens"] + stats["completion_tokens"] == share * USAGE, fault
        wasted = stats["wasted_prompt_tokens"] + stats["wasted_completion_tokens"]
        assert wasted == (0 if fault == "slow" else share * USAGE), fault


# Right answers at little cost.


def requests() -> list[bytes]:
    texts = [
        f'#"{number}" Somebody {number} @ Institute | 1 papers\nSoil Letters\n Peat "bogs"' for number in range(20)
    ]
    odd = '#"a\\"b" Odd, Id'  # such an id is read, not found
    groups = [texts[:1], texts, ['#"Łódź-1" Noé, Zoë'], [*texts[:1], odd]]
    return [request_body("m", "Write.", group, max_tokens=100) for group in groups]


@pytest.mark.parametrize("body", requests())
def test_a_fixed_reply_answers_for_the_authors_that_were_asked(body):
    provider = FaultyProvider(embedded.answer, Plan(replies="fixed"))
    reply = provider.reply(body)
    completion = json.loads(reply.answer.body)
    rows = json.loads(completion["choices"][0]["message"]["content"])["summaries"]
    asked = [
        json.loads(part[1:].partition(" ")[0])
        for part in embedded.records_of(json.loads(body)["messages"][1]["content"])
    ]
    assert [row["author_id"] for row in rows] == asked == list(provider.entries[0].ids)
    assert completion["usage"]["completion_tokens"] > 0
    assert completion["choices"][0]["finish_reason"] == "stop"


def test_a_fixed_reply_names_the_author():
    body = request_body("m", "Write.", ['#"7" Chen, Cory @ MIT | 3 papers\nCell\n Title'], max_tokens=100)
    reply = FaultyProvider(answer, Plan(replies="fixed")).reply(body)
    assert b"Chen, Cory is the author of the papers recorded here." in reply.answer.body


def test_a_cached_reply_is_made_once():
    made = []

    def counting(body: bytes) -> bytes:
        made.append(body)
        return answer(body)

    provider = FaultyProvider(counting, Plan(replies="cached"))
    bodies = [provider.reply(request_for(*records(one))).answer.body for one in ("a", "b", "a", "a")]
    assert len(made) == 2
    assert bodies[0] == bodies[2] == bodies[3] != bodies[1]
    assert len(provider.entries) == 4


# The door within a process.


def test_the_door_within_a_process_says_that_it_cannot_break_a_connection():
    async def run() -> None:
        door = AsgiDoor(FaultyProvider(answer, Plan(rules=(Rule("reset", share=1),))))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door), base_url="http://provider/v1") as client:
            await client.post("/chat/completions", content=request_for(*records("a")))

    with pytest.raises(RuntimeError, match="reset: only a socket can do this"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "wrong", [b'{"at_once":0}', b'{"busy_status":500}', b'{"rules":[{"fault":"slow","factor":-1}]}']
)
def test_a_plan_that_means_nothing_is_refused(wrong):
    with serving(FaultyProvider(answer)) as url:
        assert control(url, "plan", wrong).status_code == 422
