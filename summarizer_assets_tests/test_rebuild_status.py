"""Dagster's storage is lost: its partitions are green again for what the tables hold, and for nothing else."""

from collections.abc import Iterator

import dagster as dg
import pytest

from summarizer_assets.cli.rebuild_status import told
from summarizer_assets.fact_metadata import from_metadata
from summarizer_assets.partitions import bucket_partitions
from summarizer_assets.rebuild_status import rebuild
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.ticking import Ticking
from testing.command_line import run_command
from testing.installation import Installation, ingested
from testing.provider import answer

AUTHORS, BUCKETS = 40, 8
ASSETS = ("authors", "author_summaries", "failed_authors")
DONE, FAILED, BROKEN_OFF, UNTOUCHED = "0000", "0001", "0002", "0003"


@pytest.fixture(scope="module")
def provider() -> FaultyProvider:
    return FaultyProvider(answer)


@pytest.fixture(scope="module")
def house(tmp_path_factory, provider) -> Iterator[Installation]:
    """One bucket done, one with a failure, one whose run broke off, and others that nobody materialised."""
    folder = tmp_path_factory.mktemp("house")
    priced = {"price_input_usd": 3.0, "price_output_usd": 7.0}
    with ingested(provider, folder, AUTHORS, buckets=BUCKETS, group_size=1, max_in_flight=1, **priced) as house:
        authors = house.frame("authors").sort("author_id")
        poison = authors.filter(bucket=FAILED)["author_id"][0]
        refused = authors.filter(bucket=BROKEN_OFF)["author_id"][-2:].to_list()
        rules = (Rule("content_filter", authors=(poison,)), Rule("unauthorized", authors=tuple(refused)))
        provider.use(Plan(rules=rules))
        assert [run.success for run in house.summarize(DONE, FAILED, BROKEN_OFF)] == [True, True, False]
        provider.heal()
        yield house


@pytest.fixture(scope="module")
def storage(tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path_factory.mktemp("dagster")
    with dg.DagsterInstance.local_temp(str(folder), {"telemetry": {"enabled": False}}) as made:
        yield made


@pytest.fixture
def instance(storage) -> dg.DagsterInstance:
    """Empty as new."""
    storage.wipe()
    return storage


def green(instance: dg.DagsterInstance, asset: str) -> set[str]:
    partitions = bucket_partitions(BUCKETS)
    statuses = instance.get_status_by_partition(dg.AssetKey(asset), partitions.get_partition_keys(), partitions)
    return {key for key, status in (statuses or {}).items() if status is not None and status.value == "MATERIALIZED"}


def events(instance: dg.DagsterInstance, asset: str) -> list[dg.EventLogRecord]:
    return list(instance.fetch_materializations(dg.AssetKey(asset), limit=100).records)


def test_what_the_tables_hold_is_green_again_and_what_is_unfinished_stays_grey_and_is_named(house, instance, provider):
    sent, versions = len(provider.entries), house.versions()
    found = rebuild(house.summarizer, instance)

    there = set(house.frame("authors")["bucket"])
    assert green(instance, "authors") == there
    assert green(instance, "author_summaries") == green(instance, "failed_authors") == {DONE, FAILED}
    assert found.unfinished.keys() == there - {DONE, FAILED}
    assert found.empty == sorted(set(house.keys) - there)
    said = "\n".join(told(found, instance))
    pending = found.unfinished[BROKEN_OFF]
    assert pending.authors == pending.summaries + 2 == pending.summaries + pending.pending
    assert f"{BROKEN_OFF}  {pending.authors} authors = {pending.summaries} summaries + 0 failed + 2 pending" in said
    assert f"--partitions {','.join(sorted(there - {DONE, FAILED}))} --noprompt" in said
    assert (len(provider.entries), house.versions()) == (sent, versions)


def test_each_event_tells_the_rows_of_the_table_and_its_version(house, instance):
    rebuild(house.summarizer, instance)
    for asset, frame in zip(ASSETS, ("authors", "summaries", "failures"), strict=True):
        newest = {record.partition_key: record for record in events(instance, asset)}
        materialization = newest[FAILED].asset_materialization
        assert materialization is not None
        facts = from_metadata(materialization.metadata)
        rows = house.frame(frame).filter(bucket=FAILED).height
        assert facts["dagster/partition_row_count"] == rows > 0
        assert facts["table_version"] == house.versions()[frame]
        assert facts["authors"] == facts["summaries"] + facts["failed"]
        assert facts["rebuilt_from_delta_at"] > 0


def test_a_second_time_changes_nothing_unless_all_are_asked_for(house, instance):
    first = rebuild(house.summarizer, instance)
    count = {asset: len(events(instance, asset)) for asset in ASSETS}
    assert count == first.reported
    again = rebuild(house.summarizer, instance)
    assert (again.reported, again.green) == ({}, first.reported)
    assert {asset: len(events(instance, asset)) for asset in ASSETS} == count
    assert rebuild(house.summarizer, instance, everything=True).reported == first.reported


def test_a_bucket_on_which_a_run_works_is_left_to_that_run(house, instance):
    with house.summarizer.state.claim(DONE, "a-run-of-the-lost-storage"):
        found = rebuild(house.summarizer, instance)
    assert found.at_work == [DONE]
    assert DONE in green(instance, "authors")
    assert green(instance, "author_summaries") == {FAILED}


def test_after_it_the_retry_sensor_goes_on_with_what_broke_off_and_starts_nothing_else(house, instance):
    rebuild(house.summarizer, instance)
    quick = Installation(**{**house.given, "retry_probe_s": 0})  # the same tables and state
    tick = Ticking(quick, instance=instance).tick_with_runs()
    assert tick.buckets == [BROKEN_OFF]


def test_with_the_state_store_lost_too_the_sensor_starts_what_has_rows_and_is_unfinished_and_nothing_else(
    house, instance, tmp_path
):
    lost = Installation(**{**house.given, "state": str(tmp_path / "new.sqlite")})
    assert rebuild(lost.summarizer, instance).reported["author_summaries"] == 2
    tick = Ticking(lost, instance=instance).tick()
    assert tick.buckets == [BROKEN_OFF]


def test_with_the_state_store_lost_what_the_summaries_cost_is_booked_again_once(house, tmp_path, monkeypatch, capsys):
    lost = {**house.environment(), "SUMMARIZER_STATE": str(tmp_path / "new.sqlite")}
    for name, value in lost.items():
        monkeypatch.setenv(name, value)
    ledger = Installation(**{**house.given, "state": lost["SUMMARIZER_STATE"]}).summarizer.ledger
    assert ledger.totals()["spent"] == 0
    assert run_command("spend", "--book-tables") == 0
    kept = house.summarizer.ledger.totals()
    booked = ledger.totals()["spent"]
    assert 0 < booked <= kept["spent"]
    assert booked >= kept["spent"] - kept["wasted"]
    assert run_command("spend", "--book-tables") == 0
    assert capsys.readouterr().out.count("booked $0.00") == (2 if booked < 5_000_000 else 1)
    assert ledger.totals()["spent"] == booked
    assert ledger.audit() == []


def test_the_command_says_what_it_did_and_what_it_needs(house, tmp_path, monkeypatch, capsys):
    for name, value in house.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert run_command("rebuild-status") == 0
    assert "author_summaries      2 partitions reported as materialised" in capsys.readouterr().out
    monkeypatch.setenv("SUMMARIZER_ROOT", str(tmp_path / "nowhere"))
    assert run_command("rebuild-status") == 2
    assert "SUMMARIZER_ROOT" in capsys.readouterr().err
    monkeypatch.setenv("SUMMARIZER_ROOT", house.settings.root)
    (tmp_path / "dagster.yaml").write_text("telemetri: {enabled: false}\n")
    assert run_command("rebuild-status") == 2
    assert "telemetri" in capsys.readouterr().err
