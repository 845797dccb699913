"""The composition root: builds tables, state store, client and runs from the settings."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from summarizer_assets.asked_model import AskedModel, second_model
from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.asking.prompts import BucketPrompt, render_bucket
from summarizer_assets.bucket_run.paid import paid_in_all
from summarizer_assets.bucket_run.progress import Audience
from summarizer_assets.bucket_run.route import Route
from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.bucket_run.run_settings import RunContext, RunSettings, Tables
from summarizer_assets.bucket_run.work import Work
from summarizer_assets.core.authors.redrive import NOBODY_CHOSEN, Choice
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.buckets import buckets_for
from summarizer_assets.core.cadence import Patience
from summarizer_assets.core.estimation.cost import Terms
from summarizer_assets.core.progress import Every, IngestProgress, Progress
from summarizer_assets.core.prompt.messages import PromptSettings
from summarizer_assets.core.prompt.rendering import RenderSettings
from summarizer_assets.core.quality_breaker import Trust, fingerprint
from summarizer_assets.core.records import REJECTED
from summarizer_assets.ingest.guard import Permission
from summarizer_assets.ingest.stream import Around, Listener, OtherTables, ingest_stream
from summarizer_assets.llm.client import Client
from summarizer_assets.routes import Parts, may_be_in_jobs, route_of
from summarizer_assets.sample import sample_path
from summarizer_assets.second_route import then_second
from summarizer_assets.settings import Settings
from summarizer_assets.settings.rules import own_source
from summarizer_assets.sources.size import authors_about
from summarizer_assets.sources.source import open_source
from summarizer_assets.storage.delta.maintenance import Maintained, maintain
from summarizer_assets.storage.delta.object_store import require_answer, require_put_if_absent
from summarizer_assets.storage.delta.paid import Paid
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.delta.table import BucketedTable, buckets_of_table
from summarizer_assets.storage.local_folders import folder_of
from summarizer_assets.storage.roots import RootHere
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.earlier_attempts import TriedBefore
from summarizer_assets.storage.state_db.ledger import SpendLedger
from summarizer_assets.storage.state_db.source_marks import IngestMarks
from summarizer_assets.storage.state_db.state import LEASE_S, StateStore


class Summarizer:
    """One installation: everything that the assets and sensors need.

    Args:
        watch: called twice a second with the progress of a run of this process.
        lease_s: lease of its claims in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        watch: Callable[[Progress | IngestProgress], None] = lambda _: None,
        lease_s: float = LEASE_S,
    ) -> None:
        self.settings = settings
        self.lease_s = lease_s
        self.watch = watch
        self.root = RootHere(
            lambda: self.tables.authors.open(as_ours=False),
            settings.root,
            own_store=settings.state is None,
            options=self.options_for(settings.root),
        )
        self.rejected = BucketedTable(
            f"{settings.root}/rejected_source_rows", REJECTED, None, self.options_for(settings.root)
        )
        self.prompt = PromptSettings(settings.instruction_text, settings.language, settings.words)
        self.rendering = RenderSettings(
            max_papers=settings.max_papers,
            max_characters=settings.max_characters,
            ignore_changes_in=settings.ignore_changes_in,
        )
        self.model = AskedModel(settings, self.prompt, self.rendering)
        self.second_model = second_model(settings, self.prompt, self.rendering)
        self.identity, self.price = self.model.identity, self.model.price

    @property
    def models(self) -> tuple[str, ...]:
        """Whose summaries are as the settings want them."""
        return tuple(one.identity.model for one in (self.model, self.second_model) if one is not None)

    @property
    def fingerprint(self) -> str:
        """Hash of what affects whether answers are usable; length and language are in the prompt version."""
        settings = self.settings
        sizes = (settings.group_size, settings.group_tokens, settings.max_output_tokens)
        asked_of = (settings.provider_key, json.dumps(settings.llm_extra_body, sort_keys=True))
        return fingerprint((*astuple(self.identity), *asked_of, *sizes, settings.grounding))

    @cached_property
    def buckets(self) -> int:
        """The number of buckets: as set, else as the tables were made with, else by the size of the source."""
        if self.settings.buckets is not None:
            return self.settings.buckets
        made_with = buckets_of_table(f"{self.settings.root}/authors", self.options_for(self.settings.root))
        return made_with or buckets_for(authors_about(self.source, self.options_for(self.source)), 1).count

    @cached_property
    def tables(self) -> Tables:
        return Tables.under(self.settings.root, self.buckets, self.options_for(self.settings.root))

    @property
    def source(self) -> str:
        return own_source(self.settings.source, self.settings.columns) or str(sample_path())

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.state or str(self.local_folder / "state.sqlite"))

    @property
    def root_name(self) -> str:
        """The root's name in the state store.

        Raises:
            RootCopied: the tables are a copy of another root's.
        """
        return self.root.name_in(self.database)

    @property
    def state(self) -> StateStore:
        return StateStore(self.database, self.root_name, lease_s=self.lease_s)

    @property
    def tried(self) -> TriedBefore:
        return TriedBefore(self.database, lambda: self.root_name)

    @property
    def jobs(self) -> BatchJobs:
        return BatchJobs(self.database, self.root_name)

    @property
    def ledger(self) -> SpendLedger:
        place = self.root.place
        return SpendLedger(self.database, self.root_name, place=place, in_tables=lambda: self.paid.cost)

    @property
    def paid(self) -> Paid:
        """The cost of the stored answers, summed over their rows."""
        return paid_in_all(self.tables.summaries, self.journal)

    def ingest(
        self,
        selected: Sequence[str],
        *,
        log: Callable[[str], None],
        describe: Callable[[str, Mapping[str, Any]], None],
        report: Callable[[IngestProgress], None] | None = None,
        whole: bool = False,
        accepted: str = "",
        run_id: str = "",
        source: str | None = None,
    ) -> TableStream:
        """Changes that update the selected buckets from `source` (None: the settings'); `accepted`: code of a loss."""
        uri = source or self.source
        tell = report or (lambda progress: log(progress.line))
        every = Every(self.settings.progress_interval_s)

        def heard(progress: IngestProgress) -> None:
            self.watch(progress)
            if every.due(time.monotonic()):
                tell(progress)

        require_put_if_absent(self.settings.root, self.settings.storage_options)
        return ingest_stream(
            open_source(uri, self.settings.columns, self.options_for(uri)),
            table=self.tables.authors,
            rejected=self.rejected,
            marks=IngestMarks(self.database, lambda: self.root_name),
            selected=selected,
            spill=self.local_folder / "spill",
            listener=Listener(log, describe, heard),
            whole=whole,
            around=Around(
                Permission(self.settings.loss_shares, accepted),
                OtherTables(self.tables.summaries, self.tables.failures, self.settings.keep_removed),
                run_id,
            ),
        )

    def bucket_run(
        self,
        bucket: str,
        run_id: str,
        *,
        log: Callable[[str], None],
        choice: Choice = NOBODY_CHOSEN,
        report: Callable[[Progress], None] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> BucketRun:
        """A run of one bucket. `report` gets its progress, `warn` warnings about the model; the default is `log`."""
        settings, told = self.settings, report or (lambda progress: log(progress.line))
        require_answer(settings.root, settings.storage_options)
        self.root.require()  # before a state store is created needlessly
        return BucketRun(
            RunContext(
                bucket,
                run_id,
                tables=self.tables,
                state=self.state,
                tried=self.tried,
                jobs=self.jobs,
                journal=self.journal / bucket,
                settings=RunSettings(
                    identity=self.identity,
                    second=None if self.second_model is None else self.second_model.as_second,
                    retry=RetryPolicy(settings.max_attempts, settings.retry_after_s),
                    terms=self.terms,
                    rendering=self.rendering,
                    fingerprint=self.fingerprint,
                    excluded=lambda: settings.excluded_lines,
                    keep_removed=settings.keep_removed,
                    limit=settings.limit,
                    max_failure_share=settings.max_failure_share,
                    commits=Patience(settings.commit_rows, settings.commit_interval_s),
                    journal_fsync_s=settings.journal_fsync_s,
                ),
                log=log,
                choice=choice,
                audience=Audience(told, self.watch, settings.progress_interval_s, warn or log),
            ),
            partial(self.route, log=log),
        )

    def render(self, authors: pl.DataFrame) -> pl.DataFrame:
        return render_bucket(authors, self.rendering)

    @property
    def terms(self) -> Terms:
        """What determines the cost of a run besides its authors."""
        return self.model.terms

    def may_be_in_jobs(self, bucket: str) -> bool:
        """Whether authors of the bucket may be in batch jobs at the end of a run."""
        return may_be_in_jobs(self.settings, self.jobs, bucket)

    def route(self, work: Work, positions: Sequence[int], log: Callable[[str], None]) -> Route:
        settings, facts = self.settings, work.facts
        require_put_if_absent(settings.root, settings.storage_options)  # before anything is paid for
        parts = self._parts(self.model, work, positions, self.state.trust(self.fingerprint))
        client = partial(self.client, facts.run_id, facts.bucket)
        route = route_of(parts, self.jobs, lambda: self.ledger, client, log)
        second = self.second_model
        if second is None:
            return route
        asks_second = partial(self._parts, second, trust=Trust.PROVEN)
        return then_second(route, work, second, asks_second, partial(self._client, second, facts.run_id, facts.bucket))

    def _parts(self, model: AskedModel, work: Work, positions: Sequence[int], trust: Trust) -> Parts:
        return Parts(
            model.settings,
            work,
            positions,
            BucketPrompt(work.snapshot.authors, work.todo, self.rendering, model.request_builder),
            replace(model.checks, backdrop=work.snapshot.backdrop),
            model.adapting(self.database),
            model.group_limits,
            trust,
        )

    def client(self, run_id: str, bucket: str) -> Client:
        """The client for the provider, for a run that books its spending under these names."""
        return self._client(self.model, run_id, bucket)

    def _client(self, model: AskedModel, run_id: str, bucket: str) -> Client:
        ledger, database, active_runs = (lambda: self.ledger), self.database, self.state.active_runs
        return model.client(run_id, bucket, ledger=ledger, database=database, active_runs=active_runs)

    @property
    def adapting(self) -> Adapting:
        """The request form that this installation's provider accepts, as learnt so far."""
        return self.model.adapting(self.database)

    def maintain(self) -> dict[str, Maintained]:
        """Maintain each existing table, without buckets that have an active run; results by table name."""
        tables = (self.tables.authors, self.tables.summaries, self.tables.failures, self.rejected)
        busy = frozenset(self.state.holders())
        alone = partial(self.state.compaction, run_id="table_maintenance")
        done = {table.uri.rpartition("/")[2]: maintain(table, busy, alone) for table in tables}
        return {name: maintained for name, maintained in done.items() if maintained is not None}

    def options_for(self, uri: str) -> dict[str, str]:
        """The object store's variables where `uri` lies on one; empty for a local path."""
        return self.settings.storage_options if uri.startswith("s3://") else {}

    @property
    def local_folder(self) -> Path:
        """The local folder for this root's files outside Delta."""
        if not self.settings.remote:
            return Path(self.settings.root)
        base = Path.home() / ".local" / "share" / "summarizer-assets"
        return folder_of(base, self._root_id, [self.settings.root])

    @property
    def journal(self) -> Path:
        if self.settings.journal_dir is None:
            return self.local_folder / "journal"
        name = self.root_name  # for a root of an older version, the text of its setting
        older = [name if "://" in name else str(Path(name).absolute()), self.settings.root]
        return folder_of(self.settings.journal_dir, self._root_id, older)  # several roots may share one disk

    @property
    def _root_id(self) -> str | None:
        found = self.root.found
        return None if found is None else found.id
