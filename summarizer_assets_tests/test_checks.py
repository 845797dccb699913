"""The checks in Dagster, on real tables: each fails on a table that is damaged in its way, and on no other."""

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from summarizer_assets.bucket_run.totals import BucketCounts
from summarizer_assets.core import records
from summarizer_assets.core.buckets import bucket_of
from summarizer_assets.core.quality.verdict import Verdict
from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import CHECK, SUMMARIZE
from summarizer_assets.quality.bucket import before, check_bucket
from summarizer_assets.quality.names import (
    AS_WRITTEN,
    COLUMNS,
    CURRENT,
    FAILURES,
    FEW_FAILURES,
    GROUNDING,
    LANGUAGE,
    MEANINGS,
    OF_BUCKET,
    ONE_PLACE,
    ONE_ROW,
    SUMMARIES,
    WHOLE,
)
from summarizer_assets.quality.tables import check_tables
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation, ingested, write_authors
from testing.provider import answer

AUTHORS, BUCKETS = 72, 2
Evaluations = dict[tuple[str, str], Any]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Two buckets, summarised. Tests only look at it, or repeat what was done."""
    folder = tmp_path_factory.mktemp("sound")
    house = Installation(folder / "root", write_authors(folder / "authors.parquet", AUTHORS), buckets=BUCKETS)
    house.ingest()
    assert all(run.success for run in house.summarize())
    house.summarizer.tables.failures.ensure()
    return house


@pytest.fixture
def house(sound: Installation, tmp_path: Path) -> Installation:
    """The same, to be damaged."""
    return moved(sound, tmp_path)


def moved(sound: Installation, folder: Path, **settings: Any) -> Installation:
    shutil.copytree(sound.given["root"], folder / "root")
    source = shutil.copy(sound.given["source"], folder / "authors.parquet")
    house = Installation(folder / "root", source, buckets=BUCKETS, **settings)
    house.summarizer.root.require().name_in(house.summarizer.database, here=True)
    return house


def evaluations(result: dg.ExecuteInProcessResult) -> Evaluations:
    return by_name([event for event in result.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"])


def by_name(found: list[dg.DagsterEvent]) -> Evaluations:
    data = [event.asset_check_evaluation_data for event in found]
    return {(each.asset_key.to_user_string(), each.check_name): each for each in data}


def whole(house: Installation, *buckets: str) -> Mapping[str, Verdict]:
    """What the job `check_tables` finds."""
    return check_tables(house.summarizer, datetime.now(UTC), buckets).verdicts


def checked_by_the_job(house: Installation, **config: Any) -> Evaluations:
    job = build_defs(house.settings).resolve_job_def(CHECK)
    run_config = {"ops": {"table_checks": {"config": config}}}
    return evaluations(job.execute_in_process(instance=house._instance, run_config=run_config))


def table(house: Installation, name: str) -> str:
    return f"{house.settings.root}/{name}"


def add(house: Installation, name: str, rows: pl.DataFrame) -> None:
    """As another tool would, past our writers."""
    write_deltalake(table(house, name), rows, mode="append", schema_mode="merge")


def rewrite(house: Installation, name: str, *columns: pl.Expr) -> None:
    rows = pl.read_delta(table(house, name)).with_columns(*columns)
    write_deltalake(table(house, name), rows, mode="overwrite")


def first(house: Installation, name: str, bucket: str = "0000") -> pl.DataFrame:
    return house.frame(name).filter(bucket=bucket).sort("author_id").head(1)


def failure_of(author: pl.DataFrame, **given: Any) -> pl.DataFrame:
    row = dict.fromkeys(records.FAILURES.names()) | {"reason": "refusal", "retryable": True, "attempts": 1, **given}
    keys = author.select("author_id", "bucket").row(0, named=True)
    return pl.DataFrame([row | keys], schema=records.FAILURES)


def double_an_author(house: Installation) -> None:
    add(house, "authors", first(house, "authors"))


def double_a_summary(house: Installation) -> None:
    add(house, "author_summaries", first(house, "summaries"))


def fail_a_summarised_author(house: Installation) -> None:
    add(house, "failed_authors", failure_of(first(house, "summaries")))


def move_an_author_to_another_bucket(house: Installation) -> None:
    author = first(house, "authors")["author_id"].item()
    rewrite(house, "authors", moved_to("0001", author))
    rewrite(house, "author_summaries", moved_to("0001", author))


def moved_to(bucket: str, author: str) -> pl.Expr:
    return pl.when(pl.col("author_id") == author).then(pl.lit(bucket)).otherwise("bucket").alias("bucket")


def summarise_a_stranger(house: Installation) -> None:
    stranger = next(str(number) for number in range(900, 999) if bucket_of(str(number), BUCKETS) == "0000")
    add(house, "author_summaries", first(house, "summaries").with_columns(author_id=pl.lit(stranger)))


def change_a_record(house: Installation) -> None:
    rewrite(house, "authors", pl.col("author_name") + pl.lit(" II"))


def alter_unseen(house: Installation) -> None:
    """Only what stands for the record is changed, so that no summary is outdated."""
    author = first(house, "authors")["author_id"].item()
    hashes = pl.when(pl.col("author_id") == author).then(pl.lit("f" * 32)).otherwise("record_hash").alias("record_hash")
    rewrite(house, "authors", hashes)


def lose_a_summary(house: Installation) -> None:
    author = first(house, "summaries")["author_id"].item()
    DeltaTable(table(house, "author_summaries")).delete(f"author_id = '{author}'")


def fail_many(house: Installation) -> None:
    rows = house.frame("summaries").head(8)
    DeltaTable(table(house, "author_summaries")).delete(f"author_id IN {tuple(rows['author_id'])}")
    for row in rows.iter_slices(1):
        add(house, "failed_authors", failure_of(row))


def worsen(support: float, flag: str | None) -> Callable[[Installation], None]:
    """Half of the summaries are of last week, the other half worse."""

    def damage(house: Installation) -> None:
        old = pl.int_range(pl.len()) % 2 == 0
        flags = pl.when(old | pl.lit(flag is None)).then("flags").otherwise(pl.lit([flag or ""]))
        rewrite(
            house,
            "author_summaries",
            pl.when(old).then(0.9).otherwise(support).alias("support"),
            flags.alias("flags"),
            pl.col("summarized_at") - pl.when(old).then(timedelta(days=7)).otherwise(timedelta(0)),
        )

    return damage


def widen(house: Installation) -> None:
    rows = first(house, "summaries").with_columns(colour=pl.lit("blue"))
    write_deltalake(table(house, "author_summaries"), rows, mode="append", schema_mode="merge")


WRONG, TO_LOOK_AT = True, False
DAMAGES = [
    (double_an_author, {ONE_ROW: WRONG}, ["`authors`", "Materialise `authors`", "bucket 0000: "]),
    (double_a_summary, {ONE_ROW: WRONG}, ["`author_summaries`", "Materialise the bucket", "bucket 0000: "]),
    (fail_a_summarised_author, {ONE_PLACE: WRONG}, ["a summary and a failure (bucket 0000: ", "Materialise the"]),
    (move_an_author_to_another_bucket, {ONE_PLACE: WRONG}, ["not theirs (bucket 0001: ", "restore"]),
    (summarise_a_stranger, {ONE_PLACE: TO_LOOK_AT}, ["not in `authors` (bucket 0000: 9", "SUMMARIZER_KEEP_REMOVED"]),
    (
        change_a_record,
        {AS_WRITTEN: WRONG, CURRENT: TO_LOOK_AT},
        ["72 authors with a record that something", "ingest"],
    ),
    (alter_unseen, {AS_WRITTEN: WRONG}, ["1 author with a record", "bucket 0000: "]),
    (lose_a_summary, {CURRENT: TO_LOOK_AT}, ["1 author not asked yet (bucket 0000: "]),
    (fail_many, {FEW_FAILURES: TO_LOOK_AT}, ["8 of 72 authors asked", "8 refusal", "docs/failures"]),
    (worsen(0.7, None), {GROUNDING: TO_LOOK_AT}, ["70%", "90%", "response_model"]),
    (worsen(0.9, "unknown_name"), {GROUNDING: TO_LOOK_AT}, ["100% are doubted"]),
    (worsen(0.9, "other_language"), {LANGUAGE: TO_LOOK_AT}, ["100% are in another language"]),
]


@pytest.mark.parametrize(("damage", "broken", "told"), DAMAGES, ids=[" ".join(broken) for _, broken, _ in DAMAGES])
def test_a_damaged_table_fails_its_check_and_no_other(house, damage, broken, told):
    damage(house)
    said = whole(house)
    assert {name: each.wrong for name, each in said.items() if not each.holds} == broken
    for words in told:
        assert words in said[next(iter(broken))].text


def test_the_job_passes_sound_tables_and_writes_nothing(sound):
    versions = sound.versions()
    said = checked_by_the_job(sound)
    assert list(said) == [("table_checks", name) for name in WHOLE]
    assert all(each.passed for each in said.values())
    assert said["table_checks", ONE_PLACE].metadata["authors"].value == AUTHORS
    assert sound.versions() == versions
    assert set(MEANINGS) >= set(WHOLE)


def test_the_job_tells_what_is_wrong_of_the_chosen_buckets_and_refuses_one_that_is_none(house):
    fail_many(house)
    double_a_summary(house)
    assert whole(house, "0001")[ONE_ROW].holds
    said = checked_by_the_job(house, buckets=["0000"])
    assert said["table_checks", ONE_ROW].severity is dg.AssetCheckSeverity.ERROR
    assert "bucket 0000" in said["table_checks", ONE_ROW].description
    assert said["table_checks", FEW_FAILURES].severity is dg.AssetCheckSeverity.WARN
    with pytest.raises(dg.Failure, match="0007 are none of the 2 buckets"):
        checked_by_the_job(house, buckets=["0007"])


def test_a_column_of_somebody_else_is_named_and_the_rest_not_judged(house):
    widen(house)
    said = whole(house)
    assert "`author_summaries`: colour is not ours" in said[COLUMNS].text
    assert "Alter the table back" in said[COLUMNS].text
    assert said[COLUMNS].wrong
    assert all("Not judged" in each.text for name, each in said.items() if name != COLUMNS)


def test_a_bucket_at_work_is_left_out(house):
    double_a_summary(house)
    with house.summarizer.state.claim("0000", "a run"):
        assert whole(house)[ONE_ROW].holds


def test_summaries_of_people_who_left_the_source_may_be_kept(sound, tmp_path):
    house = moved(sound, tmp_path, keep_removed=True)
    summarise_a_stranger(house)
    said = whole(house)
    assert said[ONE_PLACE].holds
    assert said[ONE_PLACE].facts["no_longer_in_the_source"] == 1


# By the runs of buckets.


def test_every_run_of_a_bucket_checks_it_and_only_it(sound):
    versions = sound.versions()
    (run,) = sound.summarize("0001")
    said = evaluations(run)
    assert set(said) == set(OF_BUCKET)
    assert all(each.passed and each.partition == "0001" for each in said.values())
    counted = said[SUMMARIES, ONE_PLACE].metadata["authors"].value
    assert counted == sound.frame("authors").filter(bucket="0001").height < AUTHORS
    assert sound.versions() == versions


def test_a_run_of_a_backfill_which_carries_a_range_of_one_bucket_tells_its_partition_too(sound):
    tags = {"dagster/asset_partition_range_start": "0001", "dagster/asset_partition_range_end": "0001"}
    job = build_defs(sound.settings).resolve_job_def(SUMMARIZE)
    result = job.execute_in_process(instance=sound._instance, tags=tags)
    said = evaluations(result)
    assert {each.partition for each in said.values()} == {"0001"}
    # Dagster shows a partition as checked when its last materialisation is the one that was looked at.
    assert {each.target_materialization_data.run_id for each in said.values()} == {result.run_id}


def test_what_a_run_of_the_bucket_mends_it_finds_mended(house):
    double_a_summary(house)
    fail_a_summarised_author(house)
    summarise_a_stranger(house)
    assert {name for name, each in whole(house).items() if not each.holds} == {ONE_ROW, ONE_PLACE}
    (run,) = house.summarize("0000")
    assert run.success
    assert all(each.passed for each in evaluations(run).values())
    assert all(each.holds for each in whole(house).values())


def test_what_a_run_cannot_mend_fails_it_after_both_tables_are_stored(house):
    move_an_author_to_another_bucket(house)
    (run,) = house.summarize("0001")
    assert not run.success
    said = evaluations(run)
    assert [key for key, each in said.items() if not each.passed] == [(SUMMARIES, ONE_PLACE)]
    stored = {event.asset_key.to_user_string() for event in run.get_asset_materialization_events()}
    assert stored == {SUMMARIES, FAILURES}


def test_a_stopped_run_ends_as_failed_and_its_bucket_is_checked_all_the_same(tmp_path):
    provider = FaultyProvider(answer)
    provider.use(Plan(rules=(Rule("refusal", authors=("1", "2", "3")),)))
    with ingested(provider, tmp_path, 12, max_failure_share=0.1, group_size=6) as stopped:
        (run,) = stopped.summarize()
        logged = stopped._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert not run.success
    said = by_name([entry.dagster_event for entry in logged])
    assert len(said) == len(OF_BUCKET)
    assert [key for key, each in said.items() if not each.passed] == [(FAILURES, FEW_FAILURES)]
    assert said[FAILURES, FEW_FAILURES].metadata["failed"].value == 3


def test_a_run_s_new_summaries_are_compared_with_those_before_but_not_by_retried_ones(house):
    rewrite(house, "author_summaries", pl.lit(0.95).alias("support"), pl.lit("earlier").alias("run_id"))
    tables, bucket = house.summarizer.tables, "0000"
    found = before(tables)
    now = pl.col("bucket") == bucket
    rewrite(house, "author_summaries", pl.when(now).then(0.6).otherwise("support").alias("support"))
    rewrite(house, "author_summaries", pl.when(now).then(pl.lit("this")).otherwise("run_id").alias("run_id"))
    counts = BucketCounts(answered=40)

    def holds(run_id: str) -> bool:
        found_now = {name: each for _, name, each in check_bucket(house.summarizer, bucket, run_id, counts, found)}
        return found_now[GROUNDING].holds

    assert not holds("this")
    assert holds("a run that answered nobody")
    for row in house.frame("summaries").filter(bucket=bucket).head(20).iter_slices(1):
        add(house, "failed_authors", failure_of(row))
    found = before(tables)
    rewrite(house, "failed_authors", pl.lit("this").alias("run_id"))
    assert holds("this")  # too few are left who were not asked before


# What blocks what.


def steps_begun(result: dg.ExecuteInProcessResult) -> list[str]:
    return [event.step_key for event in result.all_events if event.event_type_value == "STEP_START"]


def in_one_run(house: Installation) -> dg.ExecuteInProcessResult:
    """The checks of `authors`, then a bucket's summaries."""
    defs = build_defs(house.settings)
    selection = dg.AssetSelection.checks_for_assets("authors") | dg.AssetSelection.assets(SUMMARIES, FAILURES)
    job = dg.define_asset_job("both", selection)
    both = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("both")
    return both.execute_in_process(instance=house._instance, partition_key="0000", raise_on_error=False)


def test_doubled_authors_stop_the_paid_step_of_the_same_run(house):
    run = in_one_run(house)
    assert run.success
    assert steps_begun(run) == ["check_authors", "author_summaries"]
    double_an_author(house)
    run = in_one_run(house)
    assert not run.success
    assert steps_begun(run) == ["check_authors"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [(double_an_author, "1 author with more than one row"), (widen, "colour is not ours")],
)
def test_any_other_run_of_such_a_bucket_refuses_before_anybody_is_asked(house, damage, said):
    lose_a_summary(house)
    damage(house)
    versions = house.summarizer.tables.failures.open(), DeltaTable(table(house, "author_summaries")).version()
    (run,) = house.summarize("0000")
    assert not run.success
    assert not run.get_asset_materialization_events()
    errors = [event.step_failure_data.error for event in run.all_events if event.is_step_failure]
    assert said in str(errors)
    assert "0001" not in str(errors)
    assert (house.summarizer.tables.failures.open(), DeltaTable(table(house, "author_summaries")).version()) == versions
    assert not house.summarizer.state.holders()


def test_the_schedule_checks_all_tables_and_is_stopped_until_somebody_turns_it_on(sound):
    schedule = build_defs(sound.settings).resolve_schedule_def("check_tables_daily")
    assert schedule.job_name == CHECK
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
