"""The main job in Dagster: a source in, every author in one place out, and nothing done or asked in vain."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.sample import sample_path
from testing.installation import Installation, metadata_of, write_authors
from testing.provider import answer, serving

AUTHORS = 60


class Recording:
    """A right provider that keeps every request's body, and refuses those with one of the `refused` answer formats."""

    def __init__(self, *refused: str) -> None:
        self.bodies: list[dict[str, object]] = []
        self._refused = refused

    def __call__(self, body: bytes) -> bytes:
        request = json.loads(body)
        self.bodies.append(request)
        wanted = request.get("response_format", {}).get("type")
        if wanted in self._refused:
            raise RequestRefusedError(HTTPStatus.BAD_REQUEST, f"response_format {wanted} is not supported here")
        return answer(body)


class World:
    """A source of plain authors, a recording provider on loopback, and installations over both."""

    def __init__(self, folder: Path, url: str, app: FaultyProvider, recording: Recording) -> None:
        self.app = app
        self.recording = recording
        self.source = write_authors(folder / "authors.parquet", AUTHORS)
        self._folder = folder
        self._url = url

    def install(self, **settings: object) -> Installation:
        """An installation over the same tables each time, with other settings."""
        given = {"buckets": 2, "llm_base_url": self._url, "llm_model": "test-model", **settings}
        return Installation(self._folder / "root", self.source, **given)

    def asked(self) -> Counter[str]:
        return Counter(author_id for entry in self.app.entries for author_id in entry.ids)

    def asked_by(self, work: Callable[[], object]) -> Counter[str]:
        """The authors whom `work` asks for."""
        before = self.asked()
        work()
        return self.asked() - before

    def change(self, *expressions: pl.Expr) -> None:
        pl.read_parquet(self.source).with_columns(*expressions).write_parquet(self.source)


@contextmanager
def world_with(folder: Path, recording: Recording) -> Iterator[World]:
    app = FaultyProvider(recording)
    with serving(app) as url:
        yield World(folder, url, app, recording)


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    with world_with(tmp_path, Recording()) as made:
        yield made


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Installation:
    """The bundled sample, summarised by the embedded provider. Tests only look at it, or repeat what was done."""
    house = Installation(tmp_path_factory.mktemp("sample") / "root", sample_path(), buckets=2)
    house.ingest()
    house.summarize()
    return house


def new_title_for(author: int) -> pl.Expr:
    title = pl.element().struct.with_fields(title=pl.lit("On lighthouses"))
    return (
        pl.when(pl.col("daisngid") == author)
        .then(pl.col("papers").list.eval(title))
        .otherwise("papers")
        .alias("papers")
    )


# The bundled sample and the embedded provider.


def test_each_author_of_the_sample_ends_in_one_place(sample):
    sample.assert_each_author_in_one_place()
    summaries = sample.frame("summaries")
    assert summaries.height > 900
    assert summaries["model"].unique().to_list() == ["template"]
    assert summaries["summary"].str.len_chars().min() > 0
    assert set(sample.frame("failures")["reason"]) == {"no_papers"}


def test_rows_of_the_sample_that_can_be_no_author_are_counted(sample):
    told = metadata_of(sample.ingest(), "authors")
    rejected = sample.summarizer.rejected.read().collect()
    assert sum(told["rejected_rows"].values()) == rejected["count"].sum() > 0
    merged, counted = told["duplicate_authors_merged"], told["authors"]
    assert told["source_rows"] == counted + merged + rejected["count"].sum()


def test_a_second_run_over_the_sample_makes_no_call_and_no_version(sample):
    before = sample.versions()
    ingested = sample.ingest()
    runs = sample.summarize()
    assert metadata_of(ingested, "authors")["buckets_rewritten"] == 0
    assert all(run.success for run in runs)
    assert [metadata_of(run)["calls"] for run in runs] == [0, 0]
    assert sample.versions() == before


def test_a_run_tells_where_the_authors_of_its_bucket_are(sample):
    for key, run in zip(sample.keys, sample.summarize(), strict=True):
        told = metadata_of(run)
        mine = {name: sample.frame(name).filter(bucket=key).height for name in ("authors", "summaries", "failures")}
        assert (told["authors"], told["summaries"], told["failed"]) == tuple(mine.values())
        assert told["pending"] == 0


# What changes, and what that costs.


def test_one_new_title_asks_one_author_and_replaces_one_summary(world):
    house = world.install()
    house.ingest()
    house.summarize()
    before, versions = house.frame("summaries"), house.versions()

    world.change(new_title_for(7))
    told = metadata_of(house.ingest(), "authors")
    asked = world.asked_by(house.summarize)

    assert (told["buckets_rewritten"], told["changed"]) == (1, 1)
    assert asked == {"7": 1}
    assert house.versions()["authors"] == versions["authors"] + 1
    replaced = house.frame("summaries").join(before, on=before.columns, how="anti", nulls_equal=True)
    assert replaced["author_id"].to_list() == ["7"]
    house.assert_each_author_in_one_place()


def test_a_citation_count_that_is_set_to_be_ignored_asks_nobody(world):
    papers = pl.element().struct.with_fields(citingsrcslocalcount=pl.lit(3))
    world.change(pl.col("papers").list.eval(papers))
    house = world.install(ignore_changes_in=["citingsrcslocalcount"])
    house.ingest()
    house.summarize()
    more = pl.element().struct.with_fields(citingsrcslocalcount=pl.lit(4))
    world.change(pl.col("papers").list.eval(more))
    assert metadata_of(house.ingest(), "authors")["changed"] == AUTHORS
    assert world.asked_by(house.summarize) == {}


def test_authors_gone_from_the_source_lose_their_summaries_unless_kept(world):
    house = world.install()
    house.ingest()
    house.summarize()
    pl.read_parquet(world.source).filter(pl.col("daisngid") > 5).write_parquet(world.source)
    house.ingest()
    world.install(keep_removed=True).summarize()
    assert house.frame("summaries").height == AUTHORS
    assert world.asked_by(house.summarize) == {}
    assert house.frame("summaries").height == AUTHORS - 5
    house.assert_each_author_in_one_place()


@pytest.mark.parametrize("changed", [{"words": 40}, {"language": "French"}, {"llm_model": "another-model"}])
def test_another_prompt_or_model_asks_nobody_again_but_newcomers(world, changed):
    house = world.install(grounding=False)
    house.ingest()
    house.summarize()
    before = house.frame("summaries")
    other = world.install(grounding=False, **changed)
    assert world.asked_by(other.summarize) == {}
    assert other.frame("summaries").equals(before)

    newcomer = pl.read_parquet(world.source).head(1).with_columns(daisngid=pl.lit(999, dtype=pl.Int64))
    pl.concat([pl.read_parquet(world.source), newcomer]).write_parquet(world.source)
    other.ingest()
    assert world.asked_by(other.summarize) == {"999": 1}
    row = other.frame("summaries").row(by_predicate=pl.col("author_id") == "999", named=True)
    assert (row["prompt_version"], row["model"]) != (before["prompt_version"][0], before["model"][0])


# Who is asked, and who is not.


def test_a_limit_holds_over_all_buckets_and_can_be_raised(world):
    house = world.install(limit=10)
    house.ingest()
    runs = house.summarize()
    assert all(run.success for run in runs)
    assert house.frame("summaries").height == 10
    assert sum(metadata_of(run).get("held_back_by_limit", 0) for run in runs) == AUTHORS - 10
    told = [
        found
        for run in runs
        for found in run.get_asset_check_evaluations()
        if found.check_name == "nobody_waits_for_the_limit"
    ]
    assert {(found.passed, found.severity) for found in told if not found.passed} == {
        (False, dg.AssetCheckSeverity.WARN)
    }
    assert sum(found.metadata["held_back_by_limit"].value for found in told) == AUTHORS - 10
    assert world.asked_by(house.summarize) == {}
    assert world.asked_by(world.install(limit=25).summarize).total() == 15
    assert max(world.asked().values()) == 1


def test_excluded_people_are_never_sent_and_lose_their_rows(world, tmp_path):
    opted_out = tmp_path / "opted-out.txt"
    opted_out.write_text("# people who opted out\n3\n")
    house = world.install(exclude=opted_out)
    house.ingest()
    house.summarize()
    assert "3" not in world.asked()
    opted_out.write_text("3\n4\n")
    assert world.asked_by(house.summarize) == {}
    assert not set(house.frame("summaries")["author_id"]) & {"3", "4"}
    failures = house.frame("failures")
    assert dict(failures.select("author_id", "reason").rows()) == {"3": "excluded", "4": "excluded"}
    assert failures["attempts"].to_list() == [0, 0]
    house.assert_each_author_in_one_place()
    opted_out.write_text("4\n")
    assert world.asked_by(house.summarize) == {"3": 1}
    house.assert_each_author_in_one_place()


def test_retry_all_asks_failures_that_are_not_due_and_past_their_attempts(world):
    world.app.use(Plan(rules=(Rule("refusal", authors=("5", "6")),)))
    house = world.install(retry_after_s=3600, max_attempts=2)
    house.ingest()
    house.summarize()
    assert world.asked_by(house.summarize) == {}
    for attempts in (2, 3):
        asked = world.asked_by(lambda: house.summarize(retry_all=True))
        assert set(asked) == {"5", "6"}
        assert house.frame("failures")["attempts"].to_list() == [attempts, attempts]
    assert house.frame("failures")["next_retry_at"].to_list() == [None, None]
    world.app.heal()
    assert set(world.asked_by(lambda: house.summarize(retry_all=True))) == {"5", "6"}
    assert house.frame("failures").is_empty()
    assert house.frame("summaries").height == AUTHORS


def test_a_run_with_too_many_failures_ends_as_failed_after_storing_everything(world):
    world.app.use(Plan(rules=(Rule("refusal", authors=tuple(str(number) for number in range(1, 31))),)))
    house = world.install(buckets=1, max_failure_share=0.25)
    house.ingest()
    (run,) = house.summarize()
    assert not run.success
    assert (house.frame("summaries").height, house.frame("failures").height) == (30, 30)
    house.assert_each_author_in_one_place()
    assert metadata_of(run)["pending"] == 0


def test_a_run_with_as_many_failures_as_are_allowed_is_green(world):
    world.app.use(Plan(rules=(Rule("refusal", authors=tuple(str(number) for number in range(1, 16))),)))
    house = world.install(buckets=1, max_failure_share=0.25)
    house.ingest()
    (run,) = house.summarize()
    assert run.success
    assert house.frame("failures").height == 15


# The requests.


@pytest.mark.parametrize(("group_size", "calls"), [(1, AUTHORS), (7, 9), (1000, 1)])
def test_groups_are_as_large_as_set(world, group_size, calls):
    house = world.install(buckets=1, group_size=group_size, max_output_tokens=100_000)
    house.ingest()
    house.summarize()
    assert [len(entry.ids) for entry in world.app.entries if len(entry.ids) > group_size] == []
    assert len(world.app.entries) == calls
    assert house.frame("summaries").height == AUTHORS
    assert max(world.asked().values()) == 1


def test_an_extra_body_is_part_of_each_request(world):
    house = world.install(llm_extra_body={"service_tier": "flex", "temperature": 0.2})
    house.ingest()
    house.summarize()
    sent = {(body["service_tier"], body["temperature"], body["model"]) for body in world.recording.bodies}
    assert sent == {("flex", 0.2, "test-model")}


@pytest.mark.parametrize("refused", [("json_schema",), ("json_schema", "json_object")])
def test_a_server_that_refuses_an_answer_format_is_asked_in_a_simpler_one(tmp_path, refused):
    with world_with(tmp_path, Recording(*refused)) as world:
        house = world.install(group_size=3, max_in_flight=2)
        house.ingest()
        runs = house.summarize()
        assert all(run.success for run in runs)
        assert house.frame("summaries").height == AUTHORS
        assert max(world.asked().values()) == 1
        # Only what was in flight when the refusal came was refused, in each of the two runs.
        assert len(world.recording.bodies) - len(world.app.entries) <= 2 * 2 * len(refused)


def test_the_cost_of_all_summaries_is_the_cost_of_all_requests(world):
    house = world.install(price_input_usd=2.0, price_output_usd=8.0, group_size=7)
    house.ingest()
    runs = house.summarize()
    summaries = house.frame("summaries")
    told = [metadata_of(run) for run in runs]
    for name in ("prompt_tokens", "completion_tokens"):
        assert summaries[name].sum() == sum(facts[name] for facts in told) > 0
    price = summaries["prompt_tokens"].sum() * 2.0 + summaries["completion_tokens"].sum() * 8.0
    assert summaries["cost_usd"].sum() == pytest.approx(price / 1_000_000, rel=1e-12)
    assert summaries["cost_usd"].min() > 0


def test_without_a_price_the_cost_is_unknown_not_zero(world):
    house = world.install()
    house.ingest()
    house.summarize()
    assert house.frame("summaries")["cost_usd"].null_count() == AUTHORS


# The tables.


def test_another_number_of_buckets_is_refused_before_anything_is_done(world):
    world.install().ingest()
    other = world.install(buckets=3)
    with pytest.raises(dg.Failure, match="SUMMARIZER_BUCKETS=2"):
        other.ingest()
    (run,) = other.summarize("0000")
    assert not run.success
    assert not world.app.entries
