"""What becomes of a bucket whose provider refuses: by cause, over loopback, one quirk of a real server a test."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.calibration.calibrate import calibrate, offer
from summarizer_assets.core.prompt.request_form import RequestForm
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.reply import Reply
from summarizer_assets.rehearsal.status_faults import Answer
from summarizer_assets_tests.bucket_run.house import House
from testing.installation import Installation, write_authors
from testing.provider import answer, serving
from testing.waits import short_waits

__all__ = ["short_waits"]  # a fixture of all tests here

AUTHORS, IN_FLIGHT = 60, 4
SLOW = Plan(latency_s=0.02, latency_spread_s=0.04)

#: The refusal of one request: its body, its authors, how many were answered before. None: it is answered.
Quirk = Callable[[dict[str, Any], tuple[str, ...], int], tuple[int, str] | None]


class Quirky(FaultyProvider):
    """A right provider with one quirk; a refusal is quick, an answer takes its time."""

    def __init__(self, quirk: Quirk, plan: Plan) -> None:
        super().__init__(answer, plan)
        self.quirk = quirk
        self.bodies: list[dict[str, Any]] = []
        self.refused = self.answered = 0
        self._lock = threading.Lock()

    def reply(self, body: bytes) -> Reply:
        reply = super().reply(body)
        ask = json.loads(body)
        with self._lock:
            self.bodies.append(ask)
            assert reply.entry is not None
            said = self.quirk(ask, reply.entry.ids, self.answered)
            self.refused += said is not None
            self.answered += said is None
        if said is not None:
            reply.answer, reply.delay_s, reply.entry.fault = Answer(said[0], said[1].encode()), 0.0, "quirk"
        return reply


@contextmanager
def asked(folder: Path, quirk: Quirk, *, authors: int = AUTHORS, plan: Plan = SLOW, **settings: Any) -> Iterator[House]:
    provider = Quirky(quirk, plan)
    with serving(provider) as url:
        given = {"llm_base_url": url, "llm_model": "test-model", "group_size": 5, "max_in_flight": IN_FLIGHT}
        source = write_authors(folder / "authors.parquet", authors)
        house = House(Installation(folder / "root", source, **{**given, "no_progress_s": 3, **settings}), provider)
        house.ingest()
        yield house


def cause(run: BucketRun) -> str | None:
    return None if run.stop is None else run.stop.cause


def told(house: House, run: BucketRun | None = None) -> tuple[BucketRun, dict[str, Any], list[str]]:
    """A run, the metadata of its summaries and its log."""
    log: list[str] = []
    run = run or house.prepare(log=log.append)
    house.work(run=run)
    return run, dict(run.summaries.metadata()), log


def error(message: str, **fields: Any) -> str:
    return json.dumps({"error": {"message": message, **fields}})


# The account and the server, after good answers.

ENDED = {
    "credit": ("quota", 400, error("Your credit balance is too low.", type="invalid_request_error")),
    "budget": ("quota", 400, error("Budget has been exceeded! Current cost: 10.2", type="budget_exceeded", code="400")),
    "suspended": ("quota", 412, error("Account x is suspended, possibly due to reaching the monthly spending limit")),
    "balance": ("quota", 402, error("Insufficient Balance")),
    "key_expired": (
        "auth",
        400,
        json.dumps(
            [{"error": {"code": 400, "message": "API key expired.", "details": [{"reason": "API_KEY_INVALID"}]}}]
        ),
    ),
    "forbidden": ("auth", 403, error("no", status="PERMISSION_DENIED")),
    "unknown_model": ("model", 400, error("The model `test-model` does not exist", param="model")),
}


@pytest.mark.parametrize(("how", "group_size"), [*((how, 5) for how in ENDED), ("credit", 1)])
def test_an_account_that_ends_after_good_answers_stops_the_run_and_charges_nobody(tmp_path, how, group_size):
    cause_of, status, body = ENDED[how]
    with asked(
        tmp_path, lambda _a, _i, answers: (status, body) if answers >= 3 else None, group_size=group_size
    ) as house:
        run = house.work()
        assert cause(run) == cause_of
        assert house.failures() == {}
        assert len(house.summaries()) == 3 * group_size
        assert house.app.refused <= IN_FLIGHT
        assert (
            json.loads(body)["error"]["message"] in run.stop.message
            if body[0] == "{"
            else "expired" in run.stop.message
        )
        house.app.quirk = lambda *_: None
        house.work()
        house.assert_settled()


UNKNOWN = {
    "no_cause": (400, error("Computer says no.")),
    "page": (403, "<html><title>403 Forbidden</title>Request blocked</html>"),
    "bare_403": (403, error("Forbidden")),
    "number_in_it": (422, json.dumps({"detail": "request 4711 is not taken"})),
    "called_a_filter": (400, error("stopped", code="content_filter")),
    "called_too_large": (400, error("it is too many tokens", code="context_length_exceeded")),
}


@pytest.mark.parametrize(
    ("how", "group_size", "before"),
    [*((how, 5, 3) for how in UNKNOWN), ("no_cause", 1, 7), ("page", 1, 0), ("called_a_filter", 5, 0)],
)
def test_a_wave_of_equal_refusals_makes_no_author_final_whatever_it_is_called(tmp_path, how, group_size, before):
    said = UNKNOWN[how]
    with asked(tmp_path, lambda _a, _i, answers: said if answers >= before else None, group_size=group_size) as house:
        run = house.work()
        assert cause(run) == ("auth" if said[0] == 403 else "rejected")
        assert house.failures() == {}
        assert len(house.summaries()) == before * group_size
        house.app.quirk = lambda *_: None
        house.work()
        house.assert_settled()


def test_a_wave_in_words_that_tell_no_cause_costs_few_requests(tmp_path):
    said = (400, error("Computer says no."))
    with asked(tmp_path, lambda _a, _i, answers: said if answers >= 20 else None, authors=300, group_size=1) as house:
        run = house.work()
        assert cause(run) == "rejected"
        assert "Computer says no." in run.stop.message
        assert house.app.refused <= 2 * IN_FLIGHT + 6


def test_a_wave_that_passes_fails_nobody(tmp_path):
    seen = []

    def quirk(_ask, ids, answers):
        seen.append(ids)
        return (400, error("Computer says no.")) if 10 <= len(seen) < 14 else None

    with asked(tmp_path, quirk, group_size=1) as house:
        run = house.work()
        assert run.stop is None
        assert len(house.summaries()) == AUTHORS


@pytest.mark.parametrize(
    "body", ["The model has crashed without additional information.", "Rate limit reached, slow down"]
)
def test_a_server_in_trouble_under_a_400_is_waited_for_and_nobody_pays(tmp_path, body):
    requests = []

    def quirk(*_):
        requests.append(1)
        return (400, json.dumps({"error": body})) if 4 <= len(requests) < 6 else None

    with asked(tmp_path, quirk) as house:
        assert house.work().stop is None
        house.assert_settled()
        assert len(house.summaries()) == AUTHORS


def test_an_answer_that_failed_the_servers_own_check_by_chance_is_asked_for_again(tmp_path):
    tried = set()

    def quirk(_ask, ids, _answers):
        if "7" in ids and ids not in tried:
            tried.add(ids)
            return 400, error("Failed to generate JSON.", code="json_validate_failed", failed_generation="{")
        return None

    with asked(tmp_path, quirk) as house:
        assert house.work().stop is None
        assert len(house.summaries()) == AUTHORS
        assert house.app.refused == 1


# The authors of a request.

FLAGGED = {
    "flagged": (403, error("input was flagged", code=403, metadata={"reasons": ["violence"]}), "content_filter"),
    "azure": (400, error("filtered", code="content_filter", innererror={"code": "x"}), "content_filter"),
    "waf": (403, "<html><title>403 Forbidden</title>Request blocked</html>", "rejected"),
    "waf_405": (405, "<html><h1>Sorry, your request has been blocked</h1></html>", "rejected"),
    "bare_403": (403, error("Forbidden"), "rejected"),
    "odd": (400, error("Input validation error"), "rejected"),
}


@pytest.mark.parametrize("how", FLAGGED)
@pytest.mark.parametrize(
    ("group_size", "marked"),
    [
        (1, {"1"}),
        (5, {"1"}),
        (5, {"60"}),
        (20, {"1", "7", "50", "51"}),
        (1, {str(number) for number in range(1, 61, 4)}),
    ],
)
def test_a_title_that_is_moderated_fails_its_author_alone_however_many_there_are(tmp_path, how, group_size, marked):
    status, body, reason = FLAGGED[how]
    quirk = lambda _a, ids, _n: (status, body) if marked.intersection(ids) else None  # noqa: E731
    with asked(tmp_path, quirk, group_size=group_size) as house:
        run = house.work()
        assert run.stop is None
        assert house.failures() == dict.fromkeys(marked, reason)
        assert len(house.summaries()) == AUTHORS - len(marked)
        house.assert_settled()


@pytest.mark.parametrize("in_flight", [1, 16])
def test_all_of_a_bucket_may_be_moderated(tmp_path, in_flight):
    quirk = lambda _a, ids, _n: (400, error("no", code="content_filter")) if ids != ("control",) else None  # noqa: E731
    with asked(tmp_path, quirk, authors=12, max_in_flight=in_flight) as house:
        assert house.work().stop is None
        assert set(house.failures().values()) == {"content_filter"}
        assert len(house.failures()) == 12


# The configuration: adapted to once.


def no_max_tokens(ask, _ids, _answers):
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return (400, error(said, code="unsupported_parameter", param="max_tokens")) if "max_tokens" in ask else None


def no_response_format(ask, _ids, _answers):
    said = error("Input validation error", type="invalid_request_error", param="response_format")
    return (400, said) if ask.get("response_format") else None


def no_schema(ask, _ids, _answers):
    if ask.get("response_format", {}).get("type") != "json_schema":
        return None
    return 500, error('Grammar error: Unimplemented keys: ["additionalProperties"]', type="InternalServerError")


def small_context(tokens: int) -> Quirk:
    def quirk(ask, _ids, _answers):
        prompt = sum(len(message["content"]) for message in ask["messages"]) // 4
        if prompt + ask["max_tokens"] <= tokens:
            return None
        said = f"'max_tokens' is too large: {ask['max_tokens']}. This model's maximum context length is {tokens} tokens"
        return 400, json.dumps({"object": "error", "code": 400, "type": "BadRequestError", "message": said})

    return quirk


def small_cap(ask, _ids, _answers):
    said = f"max_tokens ({ask['max_tokens']}) cannot exceed 512. Please reduce the length of max output tokens."
    return (400, json.dumps({"error_code": "BAD_REQUEST", "message": said})) if ask["max_tokens"] > 512 else None


def no_number(ask, _ids, _answers):
    return (400, error("max_tokens is too large", param="max_tokens")) if ask["max_tokens"] > 3000 else None


ADAPTED = {
    "max_completion_tokens": (no_max_tokens, RequestForm(output_field="max_completion_tokens"), IN_FLIGHT),
    "response_format": (no_response_format, RequestForm("none"), 2 * IN_FLIGHT),
    "schema": (no_schema, RequestForm("json_object"), IN_FLIGHT),
    "context": (small_context(8192), RequestForm(context=7936), IN_FLIGHT),
    "tiny_context": (small_context(2048), RequestForm(context=1984), IN_FLIGHT),
    "output_cap": (small_cap, RequestForm(output_cap=512), IN_FLIGHT),
    "no_number": (no_number, RequestForm(output_cap=2000), 3 * IN_FLIGHT),
}


@pytest.mark.parametrize("how", ADAPTED)
def test_what_a_refusal_says_of_the_form_is_adapted_to_once_told_and_remembered(tmp_path, how):
    quirk, form, most = ADAPTED[how]
    with asked(tmp_path, quirk, group_size=10) as house:
        run, facts, log = told(house)
        assert run.stop is None
        assert house.failures() == {}
        assert len(house.summaries()) == AUTHORS
        assert house.app.refused <= most
        assert facts["adapted"] == form.differences
        assert any(form.differences in line for line in log)
        assert facts["authors_asked_again"] == facts["groups_split"] == 0

        house.change_source(pl.col("author_name") + " jr")
        house.ingest()
        house.app.refused = 0
        run, facts, log = told(house)
        assert (run.stop, house.app.refused) == (None, 0)
        assert facts["adapted"] == form.differences
        assert not any("differently" in line for line in log)


def test_what_was_learnt_of_a_model_is_forgotten_with_the_settings_it_depends_on(tmp_path):
    with asked(tmp_path, no_max_tokens) as house:
        house.work()
        learnt = RequestForm(output_field="max_completion_tokens")
        assert house.summarizer.adapting.form == learnt
        for other in (
            {"llm_model": "other"},
            {"llm_extra_body": {"seed": 1}},
            {"llm_base_url": "http://127.0.0.1:9/v1"},
        ):
            assert house.with_settings(**other).summarizer.adapting.form == RequestForm()
        assert house.with_settings(group_size=3).summarizer.adapting.form == learnt


def test_what_was_learnt_and_is_no_longer_so_is_learnt_anew(tmp_path):
    with asked(tmp_path, no_max_tokens) as house:
        house.work()
        said = (400, error("Unrecognized request argument supplied: max_completion_tokens"))
        house.app.quirk = lambda ask, *_: said if "max_completion_tokens" in ask else None
        house.change_source(pl.col("author_name") + " jr")
        house.ingest()
        assert house.work().stop is None
        assert len(house.summaries()) == AUTHORS
        assert house.summarizer.adapting.form == RequestForm()


TEMPERATURE = error("'temperature' does not support 0", param="temperature", code="unsupported_value")
EXTRA = json.dumps({"detail": [{"loc": ["body", "enable_thinking"], "msg": "Extra inputs are not permitted"}]})
BOUND = error("max_tokens is too large: 9000. This model supports at most 4096 completion tokens")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"temperature": 0.0}, TEMPERATURE),
        ({"enable_thinking": False}, EXTRA),
        ({"max_completion_tokens": 9000}, BOUND),
    ],
)
def test_a_setting_that_the_provider_refuses_is_named_and_never_dropped(tmp_path, extra, said):
    [name] = extra
    with asked(tmp_path, lambda *_: (400, said), llm_extra_body=extra) as house:
        run = house.work()
        assert cause(run) == "configuration"
        assert f"SUMMARIZER_LLM_EXTRA_BODY sets {name}" in run.stop.message
        assert house.failures() == {}
        assert all(ask[name] == extra[name] for ask in house.app.bodies)
        assert len(house.app.bodies) <= IN_FLIGHT


def test_money_is_held_for_the_bound_that_was_adapted_to(tmp_path):
    # A hold for 16,000 output tokens is 16 cents here, for 512 half a cent: with the first, nothing could be asked.
    prices = {"price_input_usd": 0.0, "price_output_usd": 10.0, "budget_usd": 0.17}
    with asked(tmp_path, small_cap, authors=20, max_in_flight=1, **prices) as house:
        run = house.work()
        assert run.stop is None
        assert len(house.summaries()) == 20


def test_a_calibration_adapts_and_remembers_too(tmp_path):
    with asked(tmp_path, no_max_tokens) as house:
        offered = offer(house.summarizer, authors=10, sizes=[1, 5])
        log: list[str] = []
        found = calibrate(house.summarizer, offered, log=log.append)
        assert [size.accepted for size in found.measured] == [10, 10]
        assert any("max_completion_tokens instead of max_tokens" in line for line in log)
        assert house.summarizer.adapting.form == RequestForm(output_field="max_completion_tokens")
