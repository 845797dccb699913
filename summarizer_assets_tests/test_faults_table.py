"""The list of faults, 1 to 63, as one table: over a real socket, a bucket's run, and exactly what comes of it.

Twelve authors in three groups of four, asked one after the other; an author of the second group brings the fault on for
ever, or it hits the second request and no other. After that the provider is healed, and everybody without a summary is
asked. What is not a fault of one author's request (limits, the door, an outage) has tests of its own
below the table.
"""

import shutil
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from summarizer_assets.core.records import FailureReason
from summarizer_assets.rehearsal.audit import paid_twice
from summarizer_assets.rehearsal.body_faults import gzip_bomb
from summarizer_assets.rehearsal.plan import FAULTS, NUMBERS, Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets_tests.bucket_run.house import House
from testing.installation import Installation, write_authors
from testing.provider import answer, serving, serving_both
from testing.waits import short_waits

__all__ = ["short_waits"]  # a fixture of all tests here

AUTHORS, GROUP = 12, 4
GROUPS = AUTHORS // GROUP


@dataclass(frozen=True)
class Fate:
    """What comes of a fault that an author brings on for ever, and of one that hits the second request and no other.

    `reason`: of the author that brings it on; None: a summary. `asked`: the requests that hold the author; None: as
    many as the time allows. `failed`: how many fail with it. `stop`: of the run, which then charges nobody.
    `once`: the further requests that a single hit costs, after which everybody has a summary; None: it is no less
    final than for ever.
    """

    reason: str | None = None
    asked: int | None = 1
    failed: int = 1
    stop: str | None = None
    once: int | None = 0


def own(reason: str, asked: int = 2, *, once: int = 1) -> Fate:
    """The author's own: its mates are answered. Once: it is asked again."""
    return Fate(reason, asked, once=once)


def halved(reason: str) -> Fate:
    """Groups of 4, 2 and 1, each asked once. Once: two halves."""
    return Fate(reason, 3, once=2)


def refused(reason: str) -> Fate:
    """Groups of 4, 2 and 1; alone it is asked a second time, for a refusal may pass. Once: two halves."""
    return Fate(reason, 4, once=2)


def retried(reason: str) -> Fate:
    """The same, each asked twice. Once: the same request again."""
    return Fate(reason, 6, once=1)


def outside(reason: str) -> Fate:
    """Between us and the model: five tries, and the group waits for the next run together."""
    return Fate(reason, 5, GROUP, once=1)


def stops(cause: str) -> Fate:
    """The first such answer is the last."""
    return Fate(stop=cause, once=None)


FINE = Fate()
TABLE = {
    **dict.fromkeys(("truncated_json", "truncated_body"), retried("bad_json")),  # 1
    "json_validate_failed": retried("bad_json"),
    "finish_length": Fate("truncated", 3, once=1),  # 2: the rows before the cut are kept, the others asked again
    "content_filter": halved("content_filter"),  # 3
    "moderated": refused("content_filter"),
    "firewall_page": refused("rejected"),
    **dict.fromkeys(("refusal", "null_content"), halved("refusal")),  # 4
    "no_choices": retried("no_choice"),  # 5
    "empty_text": retried("empty_summary"),  # 6
    "empty_summary": own("empty_summary"),
    "tool_calls": retried("bad_shape"),  # 7
    **dict.fromkeys(("html_page", "empty_body"), outside("gateway_body")),  # 8
    **dict.fromkeys(("error_under_200", "error_with_usage"), outside("server_error")),  # 9
    "streamed": FINE,  # its usage in the last event
    **dict.fromkeys(("unknown_id", "missing_id"), own("id_mismatch", 3)),  # 10, 13
    "invented_award": FINE,  # marked, not refused
    "swapped": Fate(asked=2, once=2),  # 11: both are refused; alone there is nobody to be taken for
    "duplicate_same": FINE,  # 12
    "duplicate_different": own("id_mismatch", 3),
    "positions_for_ids": own("id_mismatch", 4, once=2),  # 14
    "id_number": FINE,  # 15
    **dict.fromkeys(("id_float", "id_beyond_double"), own("id_mismatch", 3)),  # 15, 16
    **dict.fromkeys(("summary_list", "summary_object", "summary_number", "summary_null"), own("bad_type")),  # 17
    **dict.fromkeys(("code_fence", "prose_around"), FINE),  # 18
    **dict.fromkeys(("duplicate_keys", "nan"), own("bad_type")),  # 19, 20
    "deep_nesting": retried("bad_json"),  # 21
    "invalid_utf8": retried("bad_json"),  # 22
    **dict.fromkeys(("lone_surrogate", "nul", "bidi", "zero_width"), own("bad_text")),  # 23, 24, 25
    "huge_summary": own("too_long"),  # 26
    "prompt_echo": own("echo"),  # 27
    "other_language": FINE,  # 28
    **dict.fromkeys(("link", "image", "script"), own("unsafe_text")),  # 29
    **dict.fromkeys(("leading_formula", "usage_missing", "usage_absurd", "other_model"), FINE),  # 30, 31, 32
    "gzip_garbage": outside("gateway_body"),  # 33
    **dict.fromkeys(("gzip_bomb", "huge_body", "huge_body_in_chunks"), retried("body_too_big")),  # 34
    "huge_head": outside("connection"),
    **dict.fromkeys(("short_body", "chunks_cut", "length_too_small", "no_http"), outside("connection")),  # 35
    **dict.fromkeys(("long_body", "no_headers"), FINE),
    "context_length": Fate("too_large", 5, once=1),  # 36: asked again in the context told, then halved
    "request_too_large": refused("too_large"),  # 42
    **dict.fromkeys(("bad_request", "unprocessable"), refused("rejected")),  # 37, 43
    **dict.fromkeys(("unauthorized", "key_expired", "forbidden"), stops("auth")),  # 38, 40
    **dict.fromkeys(("insufficient_quota", "payment_required", "credit_exhausted"), stops("quota")),  # 39
    "model_not_found": stops("model"),  # 40
    **dict.fromkeys(
        ("server_error", "model_crashed", "conflict", "bad_gateway", "unavailable"), outside("server_error")
    ),  # 41
    **dict.fromkeys(("request_timeout", "gateway_timeout"), outside("timeout")),
    **dict.fromkeys(  # 44-48, 50; for ever is 49: the rest stays pending
        (
            "throttled",
            "throttled_silent",
            "throttled_as_400",
            "throttled_date",
            "throttled_past_date",
            "throttled_ms",
            "throttled_nan",
            "throttled_negative",
            "throttled_huge",
            "throttled_reset_only",
            "overloaded",
        ),
        Fate(asked=None, stop="throttled", once=1),
    ),
    "should_not_retry": Fate("server_error", 1, GROUP, once=None),  # 51
    "should_retry": Fate("rejected", 20, once=1),
    "redirect": stops("redirect"),  # 52
    **dict.fromkeys(("stall_in_body", "stall", "slow_loris"), outside("timeout")),  # 55, 56, 57
    **dict.fromkeys(("reset", "reset_in_head", "reset_after_head", "reset_in_body", "close"), outside("connection")),
    "close_kept_alive": FINE,  # 58
    "slow": FINE,  # 61
}
ELSEWHERE = {"refuse", "no_accept"}
#: Reading 32 MiB six times over would take long: only once.
ONLY_ONCE = {"huge_body_in_chunks"}


class Bare(Installation):
    """Takes its source in without Dagster."""

    def take_in(self) -> None:
        stream = self.summarizer.ingest(self.keys, log=lambda _: None, describe=lambda *_: None)
        persist(self.summarizer.tables.authors, stream)


@dataclass
class Found:
    """`later`: what the next run made of it, the provider healed and everybody asked who has no summary."""

    reasons: dict[str, str]
    summaries: set[str]
    asked: int
    requests: int
    stop: str | None
    later: set[str]
    paid_twice: int


class Bench:
    """The table's runs, side by side, each with a server and tables of its own over the same authors."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = write_authors(folder / "authors.parquet", AUTHORS)
        provider = FaultyProvider(answer)
        with serving(provider) as url:
            house = ingested(self, provider, url)
            house.work()
        assert [len(entry.ids) for entry in provider.entries] == [GROUP] * GROUPS
        self.poison = provider.entries[1].ids[1]
        self.ids = set(house.frame("authors")["author_id"])
        gzip_bomb()  # made once, before anybody waits for it
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
        return House(Bare(root, self.source, **{**usual, **given}), provider)

    def run(self, case: tuple[str, bool]) -> Found:
        fault, once = case
        rule = (
            Rule(fault, share=1.0, after_requests=1, heal_after_requests=2, seconds=0.6)
            if once
            else Rule(fault, authors=(self.poison,), seconds=0.6)
        )
        provider = FaultyProvider(answer, Plan(rules=(rule,)))
        with serving(provider) as url:
            house = self.house(url, f"{fault}-{once}", provider)
            done = house.work()
            entries, reasons, summaries = provider.entries, house.failures(), set(house.summaries())
            provider.heal()
            house.work(retry_all=True)
        return Found(
            reasons,
            summaries,
            asked=sum(self.poison in entry.ids for entry in entries),
            requests=len(entries),
            stop=None if done.stop is None else done.stop.cause,
            later=set(house.summaries()),
            paid_twice=paid_twice(provider.entries),
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"))


def test_every_fault_of_the_list_has_its_row() -> None:
    assert TABLE.keys() | ELSEWHERE == FAULTS
    assert set(NUMBERS) | {49, 53, 54, 59, 60, 61, 62, 63} == set(range(1, 64))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault in TABLE if fault not in ONLY_ONCE])
def test_a_fault_for_ever_ends_as_the_list_says(bench: Bench, fault: str) -> None:
    fate, found = TABLE[fault], bench.found[(fault, False)]
    assert found.stop == fate.stop
    assert not found.summaries & found.reasons.keys()
    if fate.stop is not None:
        assert not found.reasons  # charged to nobody; the others stay pending
        assert len(found.summaries) == GROUP
    else:
        assert found.summaries | found.reasons.keys() == bench.ids
        assert found.reasons.get(bench.poison) == fate.reason
        assert len(found.reasons) == (fate.failed if fate.reason else 0)
    if fate.asked is not None:
        assert found.asked == fate.asked


@pytest.mark.slow
@pytest.mark.parametrize("fault", TABLE)
def test_a_fault_that_comes_once_costs_what_the_list_says(bench: Bench, fault: str) -> None:
    fate, found = TABLE[fault], bench.found[(fault, True)]
    if fate.once is None:
        assert (found.stop, set(found.reasons.values())) == (fate.stop, {fate.reason} - {None})
        assert found.requests == (2 if fate.stop else GROUPS)
    else:
        assert (found.stop, found.reasons, found.summaries) == (None, {}, bench.ids)
        assert found.requests == GROUPS + fate.once


@pytest.mark.slow
def test_whatever_the_fault_the_next_run_answers_whom_asking_can_help_and_pays_for_nobody_twice(bench: Bench) -> None:
    for found in bench.found.values():
        final = {author for author, reason in found.reasons.items() if not FailureReason(reason).retryable}
        assert found.later == bench.ids - final
    assert [(case, found.paid_twice) for case, found in bench.found.items() if found.paid_twice] == []


# Faults that are no author's.


@pytest.fixture
def small(tmp_path) -> Bench:
    made = Bench.__new__(Bench)  # its folder and source, without its runs
    made.folder = tmp_path
    made.source = write_authors(tmp_path / "authors.parquet", AUTHORS)
    return made


def ingested(small: Bench, provider: FaultyProvider, url: str, **given: Any) -> House:
    house = small.house(url, "first", provider, **given)
    assert isinstance(house.installation, Bare)
    house.installation.take_in()
    return house


@pytest.mark.parametrize("told_s", [{"throttled": 1.0}, {"throttled_ms": 0.2}, {"throttled_date": 1.0}], ids=str)
def test_44_to_46_nobody_asks_before_the_time_that_the_provider_told(small, told_s):
    [(fault, wait_s)] = told_s.items()
    provider = FaultyProvider(answer, Plan(rules=(Rule(fault, share=1.0, after_requests=1, heal_after_requests=2),)))
    with serving(provider) as url:
        house = ingested(small, provider, url, max_in_flight=8, group_size=1)
        house.work()
    first, throttled, *others = provider.entries
    assert (first.fault, throttled.fault) == (None, fault)
    # Those sent before the throttle was heard of were in flight with it.
    later = [entry.at_s - throttled.at_s for entry in others[7:]]
    assert min(later) >= wait_s * 0.99
    assert len(house.summaries()) == AUTHORS


def test_49_throttles_without_end_leave_everybody_pending(small):
    provider = FaultyProvider(answer, Plan(rules=(Rule("throttled_silent", share=1.0),)))
    with serving(provider) as url:
        done = ingested(small, provider, url, max_in_flight=8).work()
    assert done.stop is not None
    assert done.stop.cause == "throttled"
    assert (done.counts.pending, done.counts.failed) == (AUTHORS, 0)
    assert len(provider.entries) <= 8  # the waits double


@pytest.mark.parametrize("fault", ["refuse", "no_accept"])
def test_53_54_a_door_that_is_shut_for_a_moment_costs_nobody(small, fault):
    shut = Rule(fault, share=1.0, after_requests=1, heal_after_requests=2, seconds=0.3)
    provider = FaultyProvider(answer, Plan(rules=(shut,)))
    with serving(provider) as url:
        house = ingested(small, provider, url)
        done = house.work()
    assert (done.stop, done.counts.pending, house.failures()) == (None, 0, {})
    assert len(house.summaries()) == AUTHORS
    assert [entry.fault for entry in provider.entries] == [None, fault, None, None], provider.entries


def test_53_a_door_that_was_never_open_stops_the_run(small):
    provider = FaultyProvider(answer, Plan(rules=(Rule("refuse", share=1.0, seconds=1000),)))
    with serving(provider) as url:
        house = ingested(small, provider, url, no_progress_s=2)
        done = house.work()
    assert done.stop is not None
    assert done.stop.cause == "base_url"
    assert done.counts.pending == AUTHORS
    assert not house.failures()
    assert not provider.entries


@pytest.mark.parametrize("to_tls", ["garbage", "alert"])
def test_59_no_tls_where_tls_is_asked_for_stops_the_run(small, to_tls):
    provider = FaultyProvider(answer, Plan(to_tls=to_tls))
    with serving(provider) as url:
        house = ingested(small, provider, url.replace("http://", "https://"))
        done = house.work()
    assert done.stop is not None
    assert done.stop.cause == "tls"
    assert not house.failures()
    assert provider.stats()["tls_failures"] == 1


def test_59_a_certificate_that_nobody_vouches_for_stops_the_run_until_it_is_trusted(small):
    certificate, key = small.folder / "certificate.pem", small.folder / "key.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=provider.test"
    subprocess.run(
        ["openssl", *made.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    provider = FaultyProvider(answer)
    with serving_both(provider, tls) as served:
        house = ingested(small, provider, served.base_url)
        done = house.work()
        assert done.stop is not None
        assert done.stop.cause == "tls"
        assert not provider.entries
        trusting = small.house(served.base_url, "trusting", provider, llm_ca_file=str(certificate))
        assert trusting.work().stop is None
    assert len(trusting.summaries()) == AUTHORS


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/v1", "file:///etc/passwd/v1", "http://metadata.google.internal/v1"]
)
def test_60_an_address_that_is_no_provider_is_refused_at_the_start(tmp_path, url):
    with pytest.raises(SettingsError, match="SUMMARIZER_LLM_BASE_URL"):
        Bare(tmp_path, tmp_path / "a.parquet", llm_base_url=url, llm_model="m")


def test_62_when_half_of_all_requests_fail_no_more_are_sent_than_the_budget_allows(small):
    small.source = write_authors(small.folder / "many.parquet", 400)
    provider = FaultyProvider(answer, Plan(rules=(Rule("server_error", share=0.5, each_request=True),)))
    with serving(provider) as url:
        house = ingested(small, provider, url, group_size=2, max_in_flight=64, no_progress_s=60)
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
