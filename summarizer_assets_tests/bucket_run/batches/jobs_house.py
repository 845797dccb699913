"""A house of one bucket whose authors are asked by batch jobs, with a clock of the provider and one of the store."""

import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.llm.batches.names import BatchProviderName, protocol_of_batches
from summarizer_assets.rehearsal.batches.terms import BatchTerms, DialectName
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs, JobRow
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets_tests.bucket_run.house import BUCKET, House, Killed, housed
from testing.provider import answer

_now = Database.now


@dataclass
class JobsHouse:
    house: House
    ahead_s: float = 0.0
    provider: BatchProviderName = "openai"

    def offer(self, terms: BatchTerms | None = None, *rules: Rule, **plan: Any) -> None:
        """What the provider does from now on."""
        dialect: DialectName = "openai" if self.provider == "anthropic" else self.provider
        batch = msgspec.structs.replace(terms or BatchTerms(), dialect=dialect)
        self.house.app.use(Plan(batch=batch, rules=rules, **plan))

    def wait(self, seconds: float) -> None:
        self.ahead_s += seconds
        self.house.app.batches.advance(seconds)

    def run(self, **options: Any) -> BucketRun:
        return self.house.work(run=self.house.prepare(**options))

    def cause(self, **options: Any) -> str | None:
        """Why the next run stops."""
        run = self.run(**options)
        return None if run.stop is None else run.stop.cause

    @property
    def jobs(self) -> BatchJobs:
        return self.house.summarizer.jobs

    @property
    def rows(self) -> list[JobRow]:
        return self.jobs.newest(99)

    @property
    def states(self) -> list[str]:
        return [str(row.state) for row in self.rows]

    @property
    def money(self) -> dict[str, int]:
        ledger = self.house.summarizer.ledger
        assert ledger.audit() == []
        totals = ledger.totals()
        return {name: totals[name] for name in ("spent", "uncertain", "reserved", "wasted")}

    def billed(self) -> Counter[str]:
        """How often each author was paid for."""
        return Counter(author for line in self.house.app.batches.bill for author in line.ids)

    @property
    def bill(self) -> int:
        """Nano-dollars of all that the provider worked on."""
        price = self.house.summarizer.price
        assert price is not None
        lines = self.house.app.batches.bill
        return sum(
            price.cost(Usage(line.prompt_tokens, line.completion_tokens, line.cached_tokens, line.written_tokens))
            for line in lines
        )

    def kill_at(self, patch: pytest.MonkeyPatch, owner: type, name: str, *, after: bool, times: int = 1) -> None:
        """The next run dies at its `times`-th call of this method: before it, or when it is done and nobody knows."""
        whole, calls = getattr(owner, name), [0]

        def dies(*args: Any, **given: Any) -> Any:
            calls[0] += 1
            if calls[0] == times and not after:
                raise Killed
            result = whole(*args, **given)
            if calls[0] == times:
                raise Killed
            return result

        async def dies_later(*args: Any, **given: Any) -> Any:
            calls[0] += 1
            if calls[0] == times and not after:
                raise Killed
            result = await whole(*args, **given)
            if calls[0] == times:
                raise Killed
            return result

        with patch.context() as patched:
            patched.setattr(owner, name, dies_later if inspect.iscoroutinefunction(whole) else dies)
            with pytest.raises(Killed):
                self.run()

    def assert_settled(self) -> None:
        self.house.assert_settled()
        assert self.jobs.live() == []
        assert self.money["reserved"] == 0


@contextmanager
def jobs_housed(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    authors: int = 10,
    provider: BatchProviderName = "openai",
    **settings: Any,
) -> Iterator[JobsHouse]:
    given = {"route": "batch", "price_input_usd": 1.0, "price_output_usd": 2.0, "llm_api_key": "sk-one", **settings}
    if provider != "openai":
        given |= {"batch_provider": provider, "llm_protocol": protocol_of_batches(provider)}
    with housed(folder, authors, answer, **given) as house:
        house.ingest()
        it = JobsHouse(house, provider=provider)
        monkeypatch.setattr(Database, "now", lambda self, connection: _now(self, connection) + it.ahead_s)
        yield it


__all__ = ["BUCKET", "JobsHouse", "jobs_housed"]
