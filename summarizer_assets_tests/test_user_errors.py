"""A run that ends by what a person did, or can mend, says so in one sentence and shows no traceback first.

Every kind of error that was written for a person, met the way a person meets it: by a job, on real tables.
"""

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from deltalake import write_deltalake

from summarizer_assets.definitions import build_defs
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings import load_settings
from summarizer_assets.user_errors import USER_ERRORS, sentence
from testing.installation import Installation, write_authors
from testing.provider import answer, serving


@dataclass
class House:
    """An installation of a few authors, and what a person may do to it."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    provider: FaultyProvider | None = None
    later: Callable[[], object] = lambda: None

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def source(self) -> Path:
        return self.folder / "authors.parquet"

    def given(self) -> dict[str, Any]:
        return {"root": str(self.root), "source": str(self.source), "buckets": 1} | self.settings

    def ingested(self) -> None:
        Installation(self.root, self.source).ingest()

    def asks(self, url: str | None = None, fault: str | None = None, **settings: Any) -> None:
        """Of `url`, or of a provider that has `fault` for everybody."""
        self.ingested()
        self.provider = None if url else FaultyProvider(answer, Plan(rules=(Rule(fault, share=1.0),) if fault else ()))
        named = {"llm_base_url": url, "llm_model": "test-model", "llm_api_key": "sk-wrong", "no_progress_s": 2.0}
        self.settings |= {**named, **settings}

    def run(self, job: str, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
        partition = "0000" if job in (INGEST, SUMMARIZE) else None
        with ExitStack() as stack:
            if self.provider is not None:
                self.settings["llm_base_url"] = stack.enter_context(serving(self.provider))
            named = build_defs(load_settings(None, **self.given())).resolve_job_def(job)
            self.later()
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
            return named.execute_in_process(
                instance=instance, partition_key=partition, raise_on_error=False, run_config=config
            )


INGEST, SUMMARIZE = "ingest_authors", "summarize_bucket"


def an_exclusion_list(content: bytes) -> Callable[[House], None]:
    def done(house: House) -> None:
        house.ingested()
        house.settings["exclude"] = house.folder / "out.txt"
        (house.folder / "out.txt").write_bytes(content)

    return done


def one_that_vanishes(house: House) -> None:
    an_exclusion_list(b"1")(house)
    house.later = (house.folder / "out.txt").unlink


def a_file_in_the_way(house: House) -> None:
    house.later = lambda: house.root.write_text("")


def a_bucket_at_work(house: House) -> None:
    house.ingested()
    assert Installation(house.root, house.source).summarizer.state.try_claim("0000", "another", "token") is None


def broken_log(house: House) -> None:
    house.ingested()
    for entry in (house.root / "authors/_delta_log").glob("*.json"):
        entry.write_text("{}\n")


def another_tools_column(house: House) -> None:
    house.ingested()
    table = str(house.root / "authors")
    write_deltalake(table, pl.read_delta(table).with_columns(mine=pl.lit(1)), mode="overwrite", schema_mode="overwrite")


def chosen(**config: Any) -> dict[str, Any]:
    return {"ops": {"author_summaries": {"config": config}}}


@dataclass(frozen=True)
class Case:
    """What was done, the job that meets it, and what its last word must name."""

    job: str
    done: Callable[[House], object]
    says: str
    config: dict[str, Any] = field(default_factory=dict)


CASES = {
    # The source.
    "a source that is not there": Case(
        INGEST, lambda house: house.source.unlink(), r"authors\.parquet.*(no such|not found|does not exist|nothing)"
    ),
    "a mapping to a column that is not there": Case(
        INGEST, lambda house: house.settings.update(columns={"author_id": "person"}), r"person"
    ),
    "a source that is no table": Case(
        INGEST, lambda house: house.source.write_bytes(b"PK\x03\x04 not parquet"), r"authors\.parquet"
    ),
    "a source without our columns": Case(
        INGEST, lambda house: pl.DataFrame({"x": [1]}).write_parquet(house.source), r"author_id"
    ),
    # Tables and folders.
    "another number of buckets": Case(
        INGEST, lambda house: (house.ingested(), house.settings.update(buckets=2)), r"SUMMARIZER_BUCKETS"
    ),
    "a table with another tool's column": Case(INGEST, another_tools_column, r"mine"),
    "a damaged log": Case(INGEST, broken_log, r"authors"),
    "a file where the root was": Case(INGEST, a_file_in_the_way, r"root"),
    "a bucket at work elsewhere": Case(SUMMARIZE, a_bucket_at_work, r"0000.*another"),
    # The provider.
    "a wrong key": Case(SUMMARIZE, lambda house: house.asks(fault="unauthorized"), r"SUMMARIZER_LLM_API_KEY"),
    "a model that is not there": Case(
        SUMMARIZE, lambda house: house.asks(fault="model_not_found"), r"SUMMARIZER_LLM_MODEL"
    ),
    "an address where nobody answers": Case(
        SUMMARIZE, lambda house: house.asks("http://127.0.0.1:9/v1"), r"SUMMARIZER_LLM_BASE_URL"
    ),
    "a budget that is used up": Case(
        SUMMARIZE,
        lambda house: house.asks(budget_usd=0.0, price_input_usd=1.0, price_output_usd=1.0),
        r"SUMMARIZER_BUDGET_USD",
    ),
    # The launchpad.
    "a moment that is none": Case(
        SUMMARIZE, House.ingested, r"2026-11-20T08:00:00Z", chosen(resummarize={"before": "soon"})
    ),
    "a size below one": Case(
        "calibrate_group_size",
        House.ingested,
        r"sizes from 1",
        {"ops": {"group_size_calibration": {"config": {"sizes": [0]}}}},
    ),
    "a bucket that does not exist": Case(
        "check_tables", House.ingested, r"0009", {"ops": {"table_checks": {"config": {"buckets": ["0009"]}}}}
    ),
    # Files of ids.
    "an exclusion list that vanished": Case(SUMMARIZE, one_that_vanishes, r"out\.txt"),
    "an exclusion list that is no text": Case(SUMMARIZE, an_exclusion_list(b"\xff\xfe1\x00"), r"out\.txt.*UTF-8"),
}


def last_word(result: dg.ExecuteInProcessResult) -> tuple[str, Any]:
    """The sentence of the step that failed, and its error as the UI shows it."""
    assert not result.success
    failed = [event for event in result.all_events if event.is_step_failure]
    assert failed, [event.message for event in result.all_events]
    data = failed[-1].step_failure_data
    assert data.user_failure_data is not None, data.error_display_string[-1500:]
    return data.user_failure_data.description, data.error


@pytest.mark.parametrize("name", CASES)
def test_the_last_word_of_a_run_is_one_sentence_with_its_remedy(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    write_authors(tmp_path / "authors.parquet", 3)
    house = House(tmp_path)
    case.done(house)
    described, error = last_word(house.run(case.job, case.config))
    assert re.search(case.says, described, re.IGNORECASE | re.DOTALL), described
    assert "\n" not in described
    assert "Traceback" not in described
    assert error.cause is None
    assert error.message.strip().endswith(described)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.ENOTDIR, errno.EMFILE])
def test_what_the_operating_system_refuses_is_told_with_a_remedy(number: int) -> None:
    told = sentence(OSError(number, "refused", "/data/authors"))
    assert told is not None
    assert re.fullmatch(r"/data/authors: refused: [^\n]{20,}", told)


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), OSError(errno.EBADF, "x"), RuntimeError("x")], ids=repr
)
def test_a_fault_of_the_program_keeps_its_traceback(error: Exception) -> None:
    @fails_plainly
    def broken() -> None:
        raise error

    assert sentence(error) is None
    with pytest.raises(type(error)) as raised:
        broken()
    assert raised.value is error


@pytest.mark.parametrize("kind", USER_ERRORS)
def test_each_kind_ends_a_generator_at_any_step_in_one_line(kind: type[Exception]) -> None:
    @fails_plainly
    def steps() -> Iterator[int]:
        yield 1
        raise kind("the table\n is \x1b[31mgone\x1b[0m; \u202eput it back")

    made = steps()
    assert next(made) == 1
    with pytest.raises(dg.Failure) as raised:
        next(made)
    assert raised.value.description is not None
    assert raised.value.description.isprintable()
    assert raised.value.description.startswith("the table is ")
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
