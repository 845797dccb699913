"""The list of faults, 1 to 63, as one table: over a real socket, a bucket's run, and exactly what comes of it.

Twelve authors in three groups of four; one author of the second group brings the fault on: for ever, or the first time
that its group is asked. What is not a fault of one author's request (limits, the door, an outage) has tests of its own
below the table.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.faults.plan import FAULTS, NUMBERS, Plan, Rule
from summarizer_assets.faults.provider import FaultyProvider
from summarizer_assets.settings import SettingsError
from summarizer_assets_tests.bucket_house import House
from summarizer_assets_tests.installation import Installation, write_authors
from summarizer_assets_tests.provider import answer, serving

AUTHORS, GROUP = 12, 4
one_worker = pytest.mark.xdist_group("faults-table")  # what they look at takes a minute to make


@dataclass(frozen=True)
class Fate:
    """What comes of a fault that lasts, and of one that comes once.

    `reason`: of the author that brings it on, None: a summary. `failed`: how many fail with it. `heals`: once is
    harmless. `stop`: of the run, which then charges nobody. `asked`: the most requests that hold the author.
    """

    reason: str | None = None
    asked: int = 1
    failed: int = 1
    heals: bool = True
    stop: str | None = None


def own(reason: str, asked: int = 2, *, heals: bool = False) -> Fate:
    """The author's own: its mates are answered."""
    return Fate(reason, asked, heals=heals)


def outside(reason: str) -> Fate:
    """Between us and the model: five tries, and the group waits for the next run together."""
    return Fate(reason, 5, GROUP)


FINE = Fate()
HALVED = 3  # groups of 4, 2 and 1
RETRIED = 6  # each of them twice
TABLE = {
    **dict.fromkeys(("truncated_json", "truncated_body"), own("bad_json", RETRIED, heals=True)),  # 1
    "finish_length": own("truncated", HALVED),  # 2
    "content_filter": own("content_filter", HALVED),  # 3
    **dict.fromkeys(("refusal", "null_content"), own("refusal", HALVED)),  # 4
    "no_choices": own("no_choice", RETRIED, heals=True),  # 5
    "empty_text": own("empty_summary", RETRIED, heals=True),  # 6
    "empty_summary": own("empty_summary"),
    "tool_calls": own("bad_shape", RETRIED, heals=True),  # 7
    **dict.fromkeys(("html_page", "empty_body"), outside("gateway_body")),  # 8
    "error_under_200": outside("server_error"),  # 9
    **dict.fromkeys(("unknown_id", "missing_id"), own("id_mismatch", 3, heals=True)),  # 10, 13
    "invented_award": own("ungrounded"),
    "swapped": Fate(asked=2),  # 11: grounding rejects both; alone there is nobody to be taken for
    "duplicate_same": FINE,  # 12
    "duplicate_different": own("id_mismatch", 3, heals=True),
    "positions_for_ids": own("id_mismatch", 5, heals=True),  # 14
    "id_number": FINE,  # 15
    **dict.fromkeys(("id_float", "id_beyond_double"), own("id_mismatch", 3, heals=True)),  # 15, 16
    **dict.fromkeys(("summary_list", "summary_object", "summary_number", "summary_null"), own("bad_type")),  # 17
    "code_fence": FINE,  # 18: one is stripped
    "prose_around": own("bad_json", RETRIED, heals=True),
    **dict.fromkeys(("duplicate_keys", "nan"), own("bad_type")),  # 19, 20
    "deep_nesting": own("bad_json", RETRIED, heals=True),  # 21
    "invalid_utf8": own("bad_json", RETRIED, heals=True),  # 22
    **dict.fromkeys(("lone_surrogate", "nul", "bidi", "zero_width"), own("bad_text")),  # 23, 24, 25
    "huge_summary": own("too_long"),  # 26
    "prompt_echo": own("echo"),  # 27
    "other_language": FINE,  # 28
    **dict.fromkeys(("link", "image", "script"), own("unsafe_text")),  # 29
    **dict.fromkeys(("leading_formula", "usage_missing", "usage_absurd", "other_model"), FINE),  # 30, 31, 32
    "gzip_garbage": outside("gateway_body"),  # 33
    **dict.fromkeys(("gzip_bomb", "huge_body", "huge_body_in_chunks"), own("body_too_big", 15, heals=True)),  # 34
    "huge_head": outside("connection"),
    **dict.fromkeys(("short_body", "chunks_cut", "length_too_small", "no_http"), outside("connection")),  # 35
    **dict.fromkeys(("long_body", "no_headers"), FINE),
    **dict.fromkeys(("context_length", "request_too_large"), own("too_large", HALVED)),  # 36, 42
    **dict.fromkeys(("bad_request", "unprocessable"), own("rejected", HALVED)),  # 37, 43
    **dict.fromkeys(("unauthorized", "forbidden"), Fate(heals=False, stop="auth")),  # 38, 40
    **dict.fromkeys(("insufficient_quota", "payment_required"), Fate(heals=False, stop="quota")),  # 39
    "model_not_found": Fate(heals=False, stop="model"),  # 40
    **dict.fromkeys(("server_error", "conflict", "bad_gateway", "unavailable"), outside("server_error")),  # 41
    **dict.fromkeys(("request_timeout", "gateway_timeout"), outside("timeout")),
    **dict.fromkeys(  # 44-48, 50; for ever is 49: the rest stays pending
        (
            "throttled",
            "throttled_silent",
            "throttled_date",
            "throttled_past_date",
            "throttled_ms",
            "throttled_nan",
            "throttled_negative",
            "throttled_reset_only",
            "overloaded",
        ),
        Fate(asked=100, stop="throttled"),
    ),
    "should_not_retry": Fate("server_error", 2, GROUP, heals=False),  # 51
    "should_retry": own("rejected", 15, heals=True),
    "redirect": Fate(heals=False, stop="redirect"),  # 52
    **dict.fromkeys(("stall_in_body", "stall", "slow_loris"), outside("timeout")),  # 55, 56, 57
    **dict.fromkeys(("reset", "reset_in_head", "reset_after_head", "reset_in_body", "close"), outside("connection")),
    "close_kept_alive": FINE,  # 58
    "slow": FINE,  # 61
}
ELSEWHERE = {"refuse", "no_accept", "throttled_huge"}
#: Its 32 MiB fifteen times over would take half a minute: only once.
ONLY_ONCE = {"gzip_bomb", "huge_body", "huge_body_in_chunks"}


@dataclass
class Found:
    reasons: dict[str, str]
    summaries: set[str]
    asked: int
    requests: int
    stop: str | None


class Bench:
    """The table's runs, side by side, each with a server and tables of its own over the same authors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = write_authors(folder / "authors.parquet", AUTHORS)
        provider = FaultyProvider(answer)
        with serving(provider) as url:
            house = self.house(url, "first", provider)
            house.ingest()
            house.work()
        self.poison = provider.entries[1].ids[1]
        self.ids = set(house.frame("authors")["author_id"])
        cases = [(fault, once) for fault in TABLE for once in (False, True) if once or fault not in ONLY_ONCE]
        with ThreadPoolExecutor(12) as pool:
            self.found = dict(zip(cases, pool.map(self.run, cases), strict=True))

    def house(self, url: str, name: str, provider: FaultyProvider, **given: Any) -> House:
        root = self.folder / name
        if name != "first":
            shutil.copytree(self.folder / "first" / "authors", root / "authors")
        usual = {
            "llm_base_url": url,
            "llm_model": "test-model",
            "group_size": GROUP,
            "max_in_flight": 1,
            "retry_after_s": 3600,
            "request_timeout_s": 3.0,
            "no_progress_s": 6,
        }
        return House(Installation(root, self.source, **{**usual, **given}), provider)

    def run(self, case: tuple[str, bool]) -> Found:
        fault, once = case
        rule = Rule(fault, authors=(self.poison,), seconds=0.6, times_per_group=1 if once else None)
        provider = FaultyProvider(answer, Plan(rules=(rule,)))
        with serving(provider) as url:
            house = self.house(url, f"{fault}-{once}", provider)
            done = house.work()
        asked = sum(self.poison in entry.ids for entry in provider.entries)
        stop = None if done.stop is None else done.stop.cause
        return Found(house.failures(), set(house.summaries()), asked, len(provider.entries), stop)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"))


def test_every_fault_of_the_list_has_its_row() -> None:
    assert TABLE.keys() | ELSEWHERE == FAULTS
    assert set(NUMBERS) | {49, 53, 54, 59, 60, 61, 62, 63} >= set(range(1, 64)) - {16}


@one_worker
@pytest.mark.parametrize("fault", [fault for fault in TABLE if fault not in ONLY_ONCE])
def test_a_fault_for_ever_ends_as_the_list_says(bench: Bench, fault: str) -> None:
    fate, found = TABLE[fault], bench.found[(fault, False)]
    assert found.stop == fate.stop
    assert not found.summaries & found.reasons.keys()
    if fate.stop is not None:
        assert not found.reasons  # charged to nobody; the others stay pending
    else:
        assert found.summaries | found.reasons.keys() == bench.ids
        assert found.reasons.get(bench.poison) == fate.reason
        assert len(found.reasons) == (fate.failed if fate.reason else 0)
    assert found.asked <= fate.asked


@one_worker
@pytest.mark.parametrize("fault", TABLE)
def test_a_fault_that_comes_once_is_healed_where_the_list_says(bench: Bench, fault: str) -> None:
    fate, found = TABLE[fault], bench.found[(fault, True)]
    if fate.heals:
        assert found.stop is None
        assert found.summaries == bench.ids
        assert not found.reasons
        assert found.asked <= 5
    else:
        assert found.stop == fate.stop
        assert found.reasons.get(bench.poison) == fate.reason


# Faults that are no author's.


@pytest.fixture
def small(tmp_path) -> Bench:
    made = Bench.__new__(Bench)
    made.folder = tmp_path
    made.source = write_authors(tmp_path / "authors.parquet", AUTHORS)
    return made


def ingested(small: Bench, provider: FaultyProvider, url: str, **given: Any) -> House:
    house = small.house(url, "first", provider, **given)
    house.ingest()
    return house


def test_53_a_door_that_is_shut_for_a_moment_costs_nobody(small):
    provider = FaultyProvider(answer, Plan(rules=(Rule("refuse", share=1.0, after_requests=1, times_per_group=1),)))
    with serving(provider) as url:
        house = ingested(small, provider, url, group_size=6)
        done = house.work()
    assert done.stop is None
    assert len(house.summaries()) == AUTHORS


def test_53_a_door_that_stays_shut_stops_the_run(small):
    provider = FaultyProvider(answer)
    with serving(provider) as url:
        house = ingested(small, provider, url)
    done = house.work()
    assert done.stop is not None
    assert done.stop.cause == "base_url"
    assert done.counts.pending == AUTHORS
    assert not house.failures()


def test_59_no_tls_where_tls_is_asked_for_stops_the_run(small):
    provider = FaultyProvider(answer)
    with serving(provider) as url:
        house = ingested(small, provider, url.replace("http://", "https://"))
        done = house.work()
    assert done.stop is not None
    assert done.stop.cause == "tls"
    assert not house.failures()


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/v1", "file:///etc/passwd/v1", "http://metadata.google.internal/v1"]
)
def test_60_an_address_that_is_no_provider_is_refused_at_the_start(tmp_path, url):
    with pytest.raises(SettingsError, match="SUMMARIZER_LLM_BASE_URL"):
        Installation(tmp_path, tmp_path / "a.parquet", llm_base_url=url, llm_model="m")


def test_62_when_half_of_all_requests_fail_no_more_are_sent_than_the_budget_allows(small):
    small.source = write_authors(small.folder / "many.parquet", 400)
    provider = FaultyProvider(answer, Plan(rules=(Rule("server_error", share=0.5, each_request=True),)))
    with serving(provider) as url:
        house = ingested(small, provider, url, group_size=2, max_in_flight=16, no_progress_s=60)
        house.work()
    groups = 200
    assert len(provider.entries) <= groups + 500 / 5 + groups / 5 + 2 * groups * 0.1
    house.installation.assert_each_author_in_one_place()


def test_63_an_outage_is_waited_out_with_few_requests_and_ends_by_itself(small):
    small.source = write_authors(small.folder / "many.parquet", 100)
    provider = FaultyProvider(answer, Plan(rules=(Rule("unavailable", share=1.0, after_requests=3, heal_after_s=4),)))
    with serving(provider) as url:
        house = ingested(small, provider, url, group_size=2, max_in_flight=8, no_progress_s=60)
        done = house.work()
    assert done.stop is None
    assert len(house.summaries()) == 100
    assert not house.failures()
    assert sum(entry.fault is not None for entry in provider.entries) <= 30
