"""The retry sensor on a real instance: what it runs again, and above all what it leaves alone."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from summarizer_assets import io_manager
from summarizer_assets.core.run_records import PARKED_AFTER_RUNS
from summarizer_assets.jobs import INGEST
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.sensors import tick as looking
from summarizer_assets.sensors.facts import retry_facts
from summarizer_assets.storage.delta.stream import persist as persist_all
from summarizer_assets.storage.errors import TableError
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

AUTHORS, BUCKETS = 40, 4
FIRST, SECOND, THIRD, FOURTH = "0000", "0001", "0002", "0003"


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(answer)


class World:
    def __init__(self, folder, url: str) -> None:
        self._folder = folder
        self._url = url
        write_authors(folder / "authors.parquet", AUTHORS)

    def install(self, **settings) -> Ticking:
        """A sensor over fresh tables, its authors ingested."""
        given = {
            "buckets": BUCKETS,
            "llm_base_url": self._url,
            "llm_model": "test-model",
            "retry_after_s": 0,
            "retry_probe_s": 0,
            **settings,
        }
        house = Installation(self._folder / "root", self._folder / "authors.parquet", **given)
        house.ingest()
        return Ticking(house)


@pytest.fixture
def world(tmp_path, provider) -> Iterator[World]:
    with serving(provider) as url:
        yield World(tmp_path, url)


def poison(fault: str, ticking: Ticking, *buckets: str) -> Plan:
    """A plan by which one author of each of the buckets fails for ever."""
    authors = ticking.house.frame("authors").sort("author_id")
    chosen = tuple(authors.filter(bucket=bucket)["author_id"][0] for bucket in buckets)
    return Plan(rules=(Rule(fault, authors=chosen),))


def killed(ticking: Ticking, bucket: str, pending: int = 5) -> None:
    """What a killed run leaves behind: it began, and never told how it ended."""
    ticking.house.summarizer.state.begin_run(bucket, "killed", pending)


def test_nothing_is_started_that_nobody_materialised(world):
    tick = world.install().tick()
    assert tick.requests == []
    assert tick.said == "4 never materialised: waits for a person or a backfill"


def test_finished_buckets_are_left_alone(world):
    ticking = world.install()
    ticking.house.summarize()
    tick = ticking.tick()
    assert tick.requests == []
    assert tick.said == "4 nothing to do"


def test_a_bucket_whose_run_was_killed_is_run_again_and_no_other(world):
    ticking = world.install()
    ticking.house.summarize(FIRST)
    killed(ticking, SECOND)
    tick = ticking.tick()
    assert tick.buckets == [SECOND]
    assert tick.requests[0].tags["summarizer/retry"] == "true"
    assert [result.success for result in ticking.execute(tick)] == [True]
    assert ticking.tick().requests == []
    summarised = ticking.house.frame("summaries")["bucket"].unique().to_list()
    assert sorted(summarised) == [FIRST, SECOND]


def test_failures_that_are_due_are_run_again_though_their_partition_is_green(world, provider):
    ticking = world.install(max_attempts=3)
    provider.use(poison("refusal", ticking, FIRST, THIRD))
    assert all(run.success for run in ticking.house.summarize())
    assert sorted(ticking.tick().buckets) == [FIRST, THIRD]
    assert ticking.until_quiet() == 4  # two more attempts each
    assert ticking.house.frame("failures")["attempts"].to_list() == [3, 3]
    assert ticking.tick().said.startswith("4 nothing to do; 2 authors are given up")
    told = ticking.instance.fetch_observations(dg.AssetKey("failed_authors"), limit=10).records
    assert [record.asset_observation.metadata["given_up"].value for record in told] == [2]  # once, not at every tick
    assert "| `refusal` | 2 | read the detail" in told[0].asset_observation.metadata["what_to_do"].value


def test_failures_that_are_not_due_wait(world, provider):
    ticking = world.install(retry_after_s=3600)
    provider.use(poison("refusal", ticking, FIRST))
    ticking.house.summarize()
    tick = ticking.tick()
    assert tick.requests == []
    assert "1 failures wait for their time" in tick.said


def test_failures_that_no_retry_can_help_are_no_reason_to_run(world, provider):
    ticking = world.install()
    provider.use(poison("content_filter", ticking, FIRST))
    ticking.house.summarize()
    assert ticking.house.frame("failures")["reason"].to_list() == ["content_filter"]
    assert ticking.tick().said == "4 nothing to do"


@pytest.mark.parametrize(
    "tags",
    [
        {"partition": FIRST},
        {"asset_partition_range_start": FIRST, "asset_partition_range_end": FIRST},
    ],
    ids=["launched with a partition", "launched by a backfill"],
)
class TestRunsThatDagsterKnows:
    """The same, in whatever form a run carries its partition."""

    def test_a_bucket_that_a_person_cancelled_is_left_alone_until_materialised_again(self, world, tags):
        ticking = world.install()
        killed(ticking, FIRST)
        ticking.run_known_to_dagster(dg.DagsterRunStatus.CANCELED, **tags)
        tick = ticking.tick()
        assert tick.requests == []
        assert "1 cancelled by a person" in tick.said
        ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, **tags)
        assert ticking.tick().buckets == [FIRST]

    @pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
    def test_a_bucket_with_a_run_on_its_way_gets_no_second_one(self, world, tags, status):
        ticking = world.install()
        killed(ticking, FIRST)
        ticking.run_known_to_dagster(status, **tags)
        tick = ticking.tick()
        assert tick.requests == []
        assert "1 a run is on its way" in tick.said

    def test_an_ingest_of_the_bucket_says_nothing_of_its_summaries(self, world, tags):
        ticking = world.install()
        killed(ticking, FIRST)
        ticking.run_known_to_dagster(dg.DagsterRunStatus.CANCELED, job=INGEST, **tags)
        assert ticking.tick().buckets == [FIRST]

    def test_each_run_key_names_the_run_after_which_it_comes(self, world, tags):
        ticking = world.install()
        killed(ticking, FIRST)
        keys = [ticking.tick().requests[0].run_key]
        for _ in range(2):
            ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, **tags)
            keys.append(ticking.tick().requests[0].run_key)
        assert len(set(keys)) == 3
        assert ticking.tick().requests[0].run_key == keys[-1]  # the same run is not requested twice

    def test_runs_that_fail_before_they_begin_are_not_repeated_for_ever(self, world, tags):
        ticking = world.install()
        killed(ticking, FIRST)
        for _ in range(3):
            assert ticking.tick().buckets == [FIRST]
            ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, **tags)
        tick = ticking.tick()
        assert tick.requests == []
        assert any("no sensor starts these again" in message and FIRST in message for message in tick.log)


def test_a_bucket_whose_first_run_died_before_it_could_claim_it_is_run_again_and_not_for_ever(world):
    ticking = world.install()
    tags = {"asset_partition_range_start": SECOND, "asset_partition_range_end": SECOND}
    for _ in range(3):
        ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, **tags)
        asked = ticking.tick().buckets
        tags = {"partition": SECOND}
    assert asked == []
    assert "1 parked" in ticking.tick().said
    ticking.run_known_to_dagster(dg.DagsterRunStatus.FAILURE, partition=FIRST)
    assert ticking.tick().buckets == [FIRST]
    ticking.run_known_to_dagster(dg.DagsterRunStatus.CANCELED, partition=FIRST)
    assert ticking.tick().buckets == []


def test_all_buckets_of_a_wide_range_are_on_their_way(world):
    ticking = world.install()
    for bucket in (FIRST, SECOND, THIRD, FOURTH):
        killed(ticking, bucket)
    ticking.run_known_to_dagster(
        dg.DagsterRunStatus.STARTED, asset_partition_range_start=SECOND, asset_partition_range_end=THIRD
    )
    assert sorted(ticking.tick().buckets) == [FIRST, FOURTH]


def test_a_claimed_bucket_is_on_its_way_though_dagster_knows_no_run(world):
    ticking = world.install()
    killed(ticking, FIRST)
    with ticking.house.summarizer.state.claim(FIRST, "elsewhere"):
        assert ticking.tick().requests == []
    assert ticking.tick().buckets == [FIRST]


def test_a_run_that_ends_while_the_tables_are_read_is_no_reason_for_another(world, monkeypatch):
    ticking = world.install()
    killed(ticking, FIRST)
    run = ticking.run_known_to_dagster(dg.DagsterRunStatus.STARTED, partition=FIRST)

    def read_while_it_ends(summarizer):
        facts = retry_facts(summarizer)
        ticking.instance.report_run_failed(run)  # its end, whichever: it is under way no more
        return facts

    monkeypatch.setattr(looking, "retry_facts", read_while_it_ends)
    assert ticking.tick().requests == []
    monkeypatch.undo()
    assert ticking.tick().buckets == [FIRST]  # what is left is seen by the next tick


def test_a_bucket_without_progress_in_three_runs_is_parked_and_the_tick_says_so(world):
    ticking = world.install()
    for _ in range(3):
        assert ticking.tick().buckets == ([FIRST] if ticking.house.summarizer.state.recent_runs() else [])
        killed(ticking, FIRST)
    tick = ticking.tick()
    assert tick.requests == []
    assert "1 parked" in tick.said
    assert any("no sensor starts these again" in message and FIRST in message for message in tick.log)


def test_a_tick_starts_no_more_runs_than_set_and_the_fullest_first(world):
    ticking = world.install(retry_runs_per_tick=2)
    for bucket, pending in ((FIRST, 50), (SECOND, 200), (THIRD, 100)):
        killed(ticking, bucket, pending)
    tick = ticking.tick()
    assert tick.buckets == [SECOND, THIRD]
    assert any("1 waits for the next tick" in message for message in tick.log)


def test_after_a_refusal_by_the_provider_a_single_probe_is_sent_at_a_time(world, provider):
    ticking = world.install()
    provider.use(Plan(rules=(Rule("unauthorized", share=1.0),)))
    assert not any(run.success for run in ticking.house.summarize())
    assert ticking.house.frame("failures").is_empty()
    sent = len(provider.entries)

    for expected in (FIRST, SECOND, THIRD):  # they take turns
        tick = ticking.tick_with_runs()
        assert tick.buckets == [expected]
        assert any("3 the provider refused the last run" in message for message in tick.log)
        ticking.execute(tick)
        sent += 1
        assert len(provider.entries) == sent

    provider.heal()
    ticking.execute(ticking.tick_with_runs())
    assert len(ticking.tick().buckets) == 3  # it is back: all others at once
    ticking.until_quiet()
    ticking.house.assert_each_author_in_one_place()
    assert ticking.house.frame("summaries").height == AUTHORS


def test_a_probe_is_not_sent_before_its_time(world, provider):
    ticking = world.install(retry_probe_s=3600)
    provider.use(Plan(rules=(Rule("unauthorized", share=1.0),)))
    ticking.house.summarize()
    tick = ticking.tick()
    assert tick.requests == []
    assert "4 the provider refused the last run: a single probe is sent first" in tick.said


def test_a_used_up_limit_is_no_reason_to_run_again(world):
    ticking = world.install(limit=15)
    ticking.house.summarize()
    assert ticking.house.frame("summaries").height == 15
    assert ticking.tick().requests == []


def test_the_rows_of_a_bucket_that_lost_all_its_authors_are_removed_by_a_run(world, provider):
    ticking = world.install()
    ticking.house.summarize()
    sent = len(provider.entries)
    authors = ticking.house.frame("authors")
    left = authors.filter(pl.col("bucket") != SECOND)["author_id"].cast(pl.Int64)
    source = Path(ticking.house.settings.source)
    pl.read_parquet(source).filter(pl.col("daisngid").is_in(left.implode())).write_parquet(source)
    ticking.house.ingest_accepting_all()
    tick = ticking.tick()
    assert tick.buckets == [SECOND]
    assert [result.success for result in ticking.execute(tick)] == [True]
    assert ticking.house.frame("summaries").filter(bucket=SECOND).is_empty()
    assert ticking.tick().requests == []
    assert len(provider.entries) == sent


def test_the_summary_of_somebody_who_opts_out_is_removed_by_a_run(world, tmp_path):
    listed = tmp_path / "opted_out.txt"
    listed.write_text("")
    ticking = world.install(exclude=listed)
    ticking.house.summarize()
    assert ticking.tick().requests == []
    somebody = ticking.house.frame("summaries").row(0, named=True)
    listed.write_text(f"{somebody['author_id']}\n")
    tick = ticking.tick()
    assert tick.buckets == [somebody["bucket"]]
    ticking.execute(tick)
    assert somebody["author_id"] not in ticking.house.frame("summaries")["author_id"]
    assert [ticking.tick().requests for _ in range(2)] == [[], []]


def test_a_used_up_budget_is_waited_for_and_no_run_is_tried_until_it_is_raised(world):
    priced = {"price_input_usd": 1000, "price_output_usd": 1000}
    ticking = world.install(budget_usd=0.01, **priced)
    assert not any(run.success for run in ticking.house.summarize())
    tick = ticking.tick()
    assert tick.requests == []
    assert "4 wait for money: SUMMARIZER_BUDGET_USD is used up" in tick.said
    assert "of $0.01 is left and a request may cost up to $" in tick.said
    house = Installation(**{**ticking.house.given, "budget_usd": 1000})
    assert len(Ticking(house, instance=ticking.instance).tick_with_runs().requests) == 1


def test_a_table_that_cannot_be_read_is_named(world, provider):
    ticking = world.install()
    provider.use(poison("refusal", ticking, FIRST))
    ticking.house.summarize(FIRST)
    for file in Path(ticking.house.settings.root, "failed_authors").rglob("*.parquet"):
        file.unlink()
    with pytest.raises(TableError, match="failed_authors: a file of the version that was being read is gone"):
        ticking.tick()


def shown(ticking: Ticking, bucket: str) -> str | None:
    """What Dagster shows of the bucket's failures."""
    found = ticking.instance.get_status_by_partition(dg.AssetKey("failed_authors"), [bucket], dg_partitions(ticking))
    status = found[bucket] if found else None
    return None if status is None else status.value


def dg_partitions(ticking: Ticking) -> dg.PartitionsDefinition[str]:
    return dg.StaticPartitionsDefinition(ticking.house.keys)


def dies_when_all_is_stored(ticking: Ticking, monkeypatch, bucket: str) -> None:
    """A run whose worker vanishes between the last commit and the word to Dagster."""

    def persist(table, stream):
        persist_all(table, stream)
        if table.uri.endswith("failed_authors"):
            raise RuntimeError("the worker died here")

    with monkeypatch.context() as patch:
        patch.setattr(io_manager, "persist", persist)
        (run,) = ticking.house.summarize(bucket)
    assert not run.success


def test_a_bucket_that_only_looks_failed_is_shown_as_it_is_by_a_run_without_a_call(world, provider, monkeypatch):
    ticking = world.install()
    ticking.house.summarize()
    dies_when_all_is_stored(ticking, monkeypatch, FIRST)
    assert shown(ticking, FIRST) == "FAILED"
    calls = len(provider.entries)

    tick = ticking.tick()
    assert tick.buckets == [FIRST]
    (again,) = ticking.execute(tick)

    assert again.success
    assert len(provider.entries) == calls
    assert shown(ticking, FIRST) == "MATERIALIZED"
    assert ticking.tick().said == "4 nothing to do"


def test_runs_that_look_once_more_and_die_too_are_not_repeated_for_ever(world, monkeypatch):
    ticking = world.install()
    ticking.house.summarize(FIRST)
    dies_when_all_is_stored(ticking, monkeypatch, FIRST)
    launched = 0
    while (tick := ticking.tick()).requests:
        launched += 1
        assert launched <= PARKED_AFTER_RUNS
        with monkeypatch.context() as patch:
            patch.setattr(io_manager, "persist", dying)
            ticking.execute(tick)
    assert launched > 0
    assert "parked" in tick.said


def dying(_table, _stream):
    raise RuntimeError("the worker died here")


def test_a_run_that_failed_on_purpose_stays_as_it_looks(world, provider):
    ticking = world.install(max_failure_share=0.01, retry_after_s=3600)
    provider.use(poison("refusal", ticking, FIRST))
    (run,) = ticking.house.summarize(FIRST)
    assert not run.success
    assert ticking.tick().requests == []
