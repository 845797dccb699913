import asyncio
import json
import zlib
from email.utils import parsedate_to_datetime

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.llm.embedded import app as embedded
from summarizer_assets.rehearsal.body_faults import BODIES, gzip_bomb
from summarizer_assets.rehearsal.plan import FAULTS, NUMBERS, OF_THE_WIRE, SLOW, Plan, Rule
from summarizer_assets.rehearsal.provider import RATE_LIMITED, FaultyProvider
from summarizer_assets.rehearsal.status_faults import STATUSES
from summarizer_assets_tests.rehearsal.sockets import records
from testing.asgi_door import AsgiDoor
from testing.provider import answer, control, request_for, serving, serving_process


def ask(base_url: str, *ids: str, timeout: float = 10) -> httpx.Response:
    return httpx.post(f"{base_url}/chat/completions", content=request_for(*records(*ids)), timeout=timeout)


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def ask_within(app: FaultyProvider, *groups: tuple[str, ...], sleep=asyncio.sleep) -> list[httpx.Response]:
    """The answers to some groups, one after the other, without a socket."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=AsgiDoor(app, sleep=sleep))
        async with httpx.AsyncClient(transport=transport, base_url="http://provider/v1") as client:
            return [await client.post("/chat/completions", content=request_for(*records(*group))) for group in groups]

    return asyncio.run(run())


def test_every_fault_has_a_number_or_is_one_of_our_own():
    numbered = {name for names in NUMBERS.values() for name in names}
    assert numbered <= FAULTS
    assert FAULTS - numbered == {"invented_award", "streamed", "error_with_usage"}


def test_without_a_plan_the_right_answer_comes_unchanged_over_a_socket():
    app = FaultyProvider(answer)
    with serving(app) as base_url:
        reply = ask(base_url, "a", "b")
    assert reply.status_code == 200
    assert reply.content == answer(request_for(*records("a", "b")))
    [entry] = app.entries
    assert (entry.number, entry.ids, entry.fault, entry.status) == (1, ("a", "b"), None, 200)
    assert entry.answered_s is not None
    assert entry.answered_s >= entry.at_s


@pytest.mark.parametrize("fault", sorted(FAULTS - OF_THE_WIRE - {SLOW, "gzip_garbage", "gzip_bomb"}))
def test_each_fault_is_served_and_recorded(fault):
    app = FaultyProvider(answer, Plan(rules=(Rule(fault, authors=("2",)),)))
    right, wrong = ask_within(app, ("1", "3"), ("1", "2"))
    assert right.content == answer(request_for(*records("1", "3")))
    assert wrong.content != answer(request_for(*records("1", "2")))
    assert wrong.status_code == (200 if fault in BODIES else STATUSES[fault](0.0).status)
    assert [(entry.fault, entry.hit) for entry in app.entries] == [(None, ()), (fault, ("2",))]


def test_a_stall_ends_when_the_client_hangs_up_and_is_recorded_as_unanswered():
    app = FaultyProvider(answer, Plan(rules=(Rule("stall", share=1),)))
    with serving(app) as base_url, pytest.raises(httpx.ReadTimeout):
        ask(base_url, "a", timeout=0.2)
    assert [(entry.fault, entry.status) for entry in app.entries] == [("stall", None)]


def test_garbage_in_gzip_reaches_the_client_as_a_decoding_error():
    with (
        serving(FaultyProvider(answer, Plan(rules=(Rule("gzip_garbage", share=1),)))) as base_url,
        pytest.raises(httpx.DecodingError),
    ):
        ask(base_url, "a")


def test_the_gzip_bomb_unpacks_to_a_thousand_times_its_size():
    bomb = gzip_bomb(3_000_000)
    assert len(bomb) < 5_000
    unpacked = 0
    while bomb:
        member = zlib.decompressobj(wbits=31)
        unpacked += len(member.decompress(bomb))
        bomb = member.unused_data
    assert unpacked == 3_000_000


def test_a_share_of_the_groups_is_hit_the_same_ones_each_time():
    rule = Rule("refusal", share=0.3)
    groups = [(f"a{number}", f"b{number}") for number in range(1000)]
    hit = [group for group in groups if rule.hit(group, seed=1)]
    assert 250 < len(hit) < 350
    assert hit == [group for group in groups if rule.hit(tuple(reversed(group)), seed=1)]
    assert hit != [group for group in groups if rule.hit(group, seed=2)]


@given(st.lists(st.text(min_size=1), unique=True, min_size=1), st.floats(0, 1), st.integers())
def test_a_rule_hits_only_authors_that_were_asked(ids, share, seed):
    hit = Rule("missing_id", share=share, authors=(ids[0], "nobody else")).hit(ids, seed)
    assert hit == {ids[0]}
    assert (Rule("missing_id", share=share).hit(ids, seed) or set()) <= set(ids)
    assert Rule("missing_id", share=1).hit(ids, seed)
    assert not Rule("missing_id").hit(ids, seed)


def test_only_large_groups_are_too_large():
    app = FaultyProvider(answer, Plan(rules=(Rule("context_length", share=1, larger_than=2),)))
    large, small = ask_within(app, ("1", "2", "3"), ("1", "2"))
    assert (large.status_code, small.status_code) == (400, 200)
    assert large.json()["error"]["code"] == "context_length_exceeded"


def test_a_rule_heals_after_so_many_requests():
    app = FaultyProvider(answer, Plan(rules=(Rule("server_error", share=1, heal_after_requests=2),)))
    assert [reply.status_code for reply in ask_within(app, ("1",), ("2",), ("3",))] == [500, 500, 200]


def test_a_rule_heals_after_some_time():
    clock = Clock()
    app = FaultyProvider(answer, Plan(rules=(Rule("server_error", share=1, heal_after_s=60),)), clock=clock)
    [before] = ask_within(app, ("1",))
    clock.now += 60
    [after] = ask_within(app, ("1",))
    assert (before.status_code, after.status_code) == (500, 200)


def test_a_group_can_fail_a_number_of_times_and_then_be_answered():
    app = FaultyProvider(answer, Plan(rules=(Rule("overloaded", share=1, times_per_group=2),)))
    replies = ask_within(app, ("1",), ("2",), ("1",), ("1",), ("2",), ("2",))
    assert [reply.status_code for reply in replies] == [529, 529, 529, 200, 529, 200]


def test_the_first_rule_that_hits_counts():
    rules = (Rule("unauthorized", authors=("1",)), Rule("server_error", share=1))
    replies = ask_within(FaultyProvider(answer, Plan(rules=rules)), ("1",), ("2",))
    assert [reply.status_code for reply in replies] == [401, 500]


def test_latency_is_waited_for_and_spread_by_the_ids():
    clock = Clock()
    app = FaultyProvider(answer, Plan(latency_s=1, latency_spread_s=1), clock=clock)
    ask_within(app, ("1",), ("2",), ("1",), sleep=clock.sleep)
    took = [entry.answered_s - entry.at_s for entry in app.entries if entry.answered_s is not None]
    assert all(1 <= seconds < 2 for seconds in took)
    assert took[0] == pytest.approx(took[2])
    assert took[0] != pytest.approx(took[1])


def test_requests_above_the_limit_are_refused_and_told_when_to_come_back():
    clock = Clock()
    app = FaultyProvider(answer, Plan(requests_per_minute=60), clock=clock)
    first, second = ask_within(app, ("1",), ("1",))
    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "60"
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    assert [entry.fault for entry in app.entries] == [None, RATE_LIMITED]
    clock.now += int(second.headers["retry-after-ms"]) / 1000
    [third] = ask_within(app, ("1",))
    assert third.status_code == 200


def test_over_a_minute_no_more_than_the_limit_is_let_through():
    clock = Clock()
    app = FaultyProvider(answer, Plan(requests_per_minute=120), clock=clock)
    passed = 0
    for _ in range(600):
        clock.now += 0.1
        passed += ask_within(app, ("1",))[0].status_code == 200
    assert 118 <= passed <= 122


def test_tokens_above_the_limit_are_refused_too():
    clock = Clock()
    app = FaultyProvider(answer, Plan(tokens_per_minute=600, announce_limits=False), clock=clock)
    first, second = ask_within(app, ("1",), ("1",))
    used = sum(json.loads(first.content)["usage"].values())
    assert second.status_code == 429
    assert "x-ratelimit-limit-tokens" not in second.headers
    clock.now += (used - 10) / 10 - 1
    assert ask_within(app, ("1",))[0].status_code == 429
    clock.now += 1.1
    assert ask_within(app, ("1",))[0].status_code == 200


def test_throttles_tell_the_waiting_time_in_every_form():
    now = 1_700_000_000.0
    assert parsedate_to_datetime(STATUSES["throttled_date"](now).headers["retry-after"]).timestamp() == now + 2
    assert parsedate_to_datetime(STATUSES["throttled_past_date"](now).headers["retry-after"]).timestamp() < now
    assert STATUSES["throttled_ms"](now).headers == {"retry-after-ms": "200", "retry-after": "60"}
    assert STATUSES["throttled_nan"](now).headers == {"retry-after": "nan"}
    assert "retry-after" not in STATUSES["throttled_reset_only"](now).headers
    assert STATUSES["should_not_retry"](now).headers == {"x-should-retry": "false"}


def test_the_plan_can_be_changed_and_the_record_read_while_it_runs():
    with serving(FaultyProvider(answer)) as base_url:
        plan = Plan(rules=(Rule("43", authors=("bad",)),), seed=7)
        assert msgspec.json.decode(control(base_url, "plan", msgspec.json.encode(plan)).content, type=Plan) == plan
        assert [ask(base_url, "good").status_code, ask(base_url, "bad").status_code] == [200, 422]
        assert control(base_url, "heal", b"").json()["rules"] == []
        assert ask(base_url, "bad").status_code == 200
        assert control(base_url, "plan").json()["seed"] == 7
        record = control(base_url, "record").json()
    assert [(entry["ids"], entry["fault"], entry["status"]) for entry in record] == [
        (["good"], None, 200),
        (["bad"], "unprocessable", 422),
        (["bad"], None, 200),
    ]


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (b'{"rules":[{"fault":"no such fault"}]}', "unknown fault"),
        (b'{"rules":[{"fault":"1","share":2}]}', "allowed: 0 to 1"),
        (b'{"rulez":[]}', "rulez"),
        (b"nonsense", "no plan"),
    ],
)
def test_a_wrong_plan_is_refused_and_the_old_one_stays(plan, told):
    app = FaultyProvider(answer, Plan(seed=3))
    with serving(app) as base_url:
        reply = control(base_url, "plan", plan)
    assert reply.status_code == 422
    assert told in reply.json()["error"]["message"]
    assert app.plan == Plan(seed=3)


def test_an_unknown_path_is_told():
    with serving(FaultyProvider(answer)) as base_url:
        assert control(base_url, "nothing").status_code == 404


def test_around_the_embedded_provider_it_answers_what_that_answers():
    app = FaultyProvider(embedded.answer, Plan(rules=(Rule("missing_id", authors=("2",)),)))
    body = request_for("\n\n".join(records("1", "2")))
    malformed = b'{"model": "template", "messages": []}'

    async def run() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=AsgiDoor(app)), base_url="http://provider/v1"
        ) as client:
            return [await client.post("/chat/completions", content=content) for content in (body, malformed)]

    partial, refused = asyncio.run(run())
    content = json.loads(partial.json()["choices"][0]["message"]["content"])
    assert [row["author_id"] for row in content["summaries"]] == ["1"]
    assert refused.status_code == 400
    assert [entry.ids for entry in app.entries] == [("1", "2")]


def test_an_answer_cut_at_the_requests_own_limit_is_passed_on():
    cut = json.loads(request_for(*records("1", "2"))) | {"max_tokens": 3}
    with serving(FaultyProvider(embedded.answer)) as base_url:
        reply = httpx.post(f"{base_url}/chat/completions", content=json.dumps(cut), timeout=10)
    assert reply.json()["choices"][0]["finish_reason"] == "length"


def test_it_runs_as_a_process_of_its_own(tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_bytes(msgspec.json.encode(Plan(rules=(Rule("40", share=1),))))
    with serving_process(plan) as base_url:
        assert ask(base_url, "a").status_code == 404
        [entry] = control(base_url, "record").json()
    assert entry["fault"] == "model_not_found"
