"""What runs leave in the tables is counted alike by all: the run, the next one, reports, checks and samples."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.authors.coverage import coverage_by_bucket
from summarizer_assets.core.authors.redrive import NOBODY_CHOSEN, Choice, Resummarize
from summarizer_assets.core.authors.state import FAILED, PENDING, SUMMARY, author_state, without_a_row
from summarizer_assets.core.authors.work_plan import Identity, Plan, plan_bucket
from summarizer_assets.core.quality.checks import Current, OnePlace
from summarizer_assets.core.records import FAILURES, SUMMARIES
from summarizer_assets.estimate.pending_sample import sampled

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUCKET = "0000"
_RENDERED = {
    **dict.fromkeys(("author_id", "author_name", "text", "content_hash", "bucket"), pl.String),
    "tokens": pl.Int64,
    "empty": pl.Boolean,
}
_HELD = {
    name: SUMMARIES[name]
    for name in ("author_id", "bucket", "content_hash", "prompt_version", "model", "summarized_at")
}


class Person(NamedTuple):
    """One author in one run."""

    content: str
    empty: bool
    excluded: bool
    outcome: str


class Run(NamedTuple):
    source: dict[str, Person]
    identity: Identity
    choice: Choice


PEOPLE = st.builds(
    Person,
    content=st.sampled_from(["h1", "h1", "h2"]),
    empty=st.sampled_from([False, False, False, True]),
    excluded=st.sampled_from([False, False, False, True]),
    outcome=st.sampled_from(["answered", "fails", "fails for good", "not reached"]),
)
RUNS = st.builds(
    Run,
    source=st.dictionaries(st.sampled_from("abcdefgh"), PEOPLE),
    identity=st.builds(Identity, st.sampled_from(["p1", "p2"]), st.just("m1")),
    choice=st.sampled_from(
        [NOBODY_CHOSEN, Choice(retry_all=True), Choice(resummarize=Resummarize(other_identity=True))]
    ),
)


class Tables:
    def __init__(self) -> None:
        self.summaries, self.failures = pl.DataFrame(schema=_HELD), pl.DataFrame(schema=FAILURES)

    def rendered(self, run: Run) -> pl.DataFrame:
        rows = [(author, author, "", each.content, BUCKET, 1, each.empty) for author, each in run.source.items()]
        return pl.DataFrame(rows, schema=_RENDERED, orient="row")

    def plan(self, run: Run, now: datetime, choice: Choice = NOBODY_CHOSEN) -> Plan:
        excluded = frozenset(author for author, each in run.source.items() if each.excluded)
        return plan_bucket(
            self.rendered(run),
            self.summaries,
            self.failures,
            identity=run.identity,
            excluded=excluded,
            now=now,
            choice=choice,
        )

    def carry_out(self, run: Run, now: datetime) -> tuple[int, int, int]:
        """Numbers of authors with a summary, failed and pending, as the run tells them."""
        plan = self.plan(run, now, run.choice)
        outcomes = {author: run.source[author].outcome for author in plan.todo["author_id"]}
        renewed = set(plan.todo.filter(pl.col("has_summary") & ~pl.col("outdated"))["author_id"])
        answered = {author for author, outcome in outcomes.items() if outcome == "answered"}
        failed = {author for author, outcome in outcomes.items() if "fails" in outcome} - renewed
        gone = plan.removed | answered | failed.intersection(plan.todo.filter("outdated")["author_id"])
        made = [(author, BUCKET, run.source[author].content, *_of(run.identity), now) for author in answered]
        kept = self.summaries.filter(~pl.col("author_id").is_in(list(gone)))
        self.summaries = pl.concat([kept, pl.DataFrame(made, schema=_HELD, orient="row")])
        rows = [_failure(author, run, now) for author in failed]
        stays = plan.failures.filter(~pl.col("author_id").is_in(list(answered | failed)))
        self.failures = pl.concat([stays, pl.DataFrame(rows, schema=FAILURES)])
        summaries = plan.current + len(answered - renewed)
        return summaries, self.failures.height, plan.authors - summaries - self.failures.height


def _of(identity: Identity) -> tuple[str, str]:
    return identity.prompt_version, identity.model


def _failure(author: str, run: Run, now: datetime) -> dict[str, object]:
    person, (prompt_version, model) = run.source[author], _of(run.identity)
    retryable = person.outcome == "fails"
    return {
        "author_id": author,
        "bucket": BUCKET,
        "content_hash": person.content,
        "prompt_version": prompt_version,
        "model": model,
        "reason": "bad_json",
        "retryable": retryable,
        "attempts": 1,
        "next_retry_at": now + timedelta(hours=1) if retryable else None,
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(RUNS, min_size=1, max_size=4))
def test_all_who_count_authors_count_alike_what_runs_leave(runs: list[Run]) -> None:
    tables = Tables()
    for day, run in enumerate(runs):
        now = NOW + timedelta(days=day)
        told = tables.carry_out(run, now)
        authors, summaries, failures = tables.rendered(run), tables.summaries, tables.failures
        ids = [frame.select("author_id") for frame in (authors, summaries, failures)]

        found = author_state(authors, summaries, ids[2])
        covered = coverage_by_bucket(found, summaries, failures, [BUCKET])[BUCKET]
        assert (covered.summaries, covered.failed, covered.pending) == told
        assert (covered.vanished, covered.vanished_failures) == (0, 0)

        later = tables.plan(run, now + timedelta(hours=2))
        assert (later.current, later.failures.height, later.unresolved.height) == told

        places = OnePlace(1)
        places.add(BUCKET, *(frame["author_id"] for frame in ids))
        assert places.verdict().holds
        facts = places.verdict().facts
        by_rows = (facts["summaries"], facts["failed"], facts["pending"])
        assert by_rows == (covered.summaries + covered.outdated, covered.failed, covered.pending - covered.outdated)

        current = Current()
        current.add(BUCKET, authors, summaries, ids[2]["author_id"])
        facts = current.verdict().facts
        assert (facts["current"], facts["outdated"]) == (covered.summaries, covered.outdated)
        assert facts["pending"] == covered.pending - covered.outdated

        sample = sampled(*ids, later)
        missing = without_a_row(authors.height, summaries.height, failures.height)
        assert missing + sample.gained - sample.skipped == sample.todo.filter(~pl.col("known")).height


def test_a_rule_comes_before_a_summary_and_a_summary_before_a_failure() -> None:
    authors = pl.DataFrame({"author_id": list("abcdef"), "content_hash": ["new"] * 6, "skipped": [True] + [False] * 5})
    summaries = pl.DataFrame({"author_id": list("abccd"), "content_hash": ["new", "new", "old", "new", "old"]})
    failures = pl.DataFrame({"author_id": list("bef"), "content_hash": ["new", "new", "old"]})
    found = author_state(authors, summaries, failures)
    assert found["state"].to_list() == [FAILED, SUMMARY, SUMMARY, PENDING, FAILED, PENDING]
    assert found["outdated"].to_list() == [False, False, False, True, False, False]
    by_rows = author_state(authors.select("author_id"), summaries, failures)
    assert by_rows["state"].to_list() == [SUMMARY, SUMMARY, SUMMARY, SUMMARY, FAILED, FAILED]
