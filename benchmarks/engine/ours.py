"""Our own job as contenders of `benchmarks.engine`: through Dagster, and one bucket's run without it."""

import os
import shutil
from types import MappingProxyType

import dagster as dg

from benchmarks.engine.contender import BUCKETS, MODEL, Done, Work
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.definitions import build_defs
from summarizer_assets.fact_metadata import from_metadata
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import SUMMARIZE
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.state_db.rate_limits import SharedAccount, account_key

_TOKENS = 5000  # a request, for the limit of tokens a minute: more than any takes
_QUIET = MappingProxyType({"loggers": {"console": {"config": {"log_level": "WARNING"}}}})


class House:
    """An installation in `work.out` over a copy of the table `authors`; what is made once a process is made here."""

    def __init__(self, work: Work, **settings: str) -> None:
        root = work.out / "root"
        shutil.copytree(work.folder / "authors", root / "authors")
        home = work.out / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        environment = {
            "ROOT": str(root),
            "BUCKETS": str(BUCKETS),
            "LLM_BASE_URL": work.url,
            "LLM_MODEL": MODEL,
            "LLM_API_KEY": "sk-benchmark",
            "GROUP_SIZE": str(work.group_size),
            "MAX_IN_FLIGHT": str(work.in_flight),
            "GROUNDING": str(work.grounding),
            "PRICE_INPUT_USD": "0.15",
            "PRICE_OUTPUT_USD": "0.6",
            **({"RPM": str(work.rpm), "TPM": str(work.rpm * _TOKENS), "BUDGET_USD": "1000"} if work.rpm else {}),
            **settings,
        }
        os.environ.update({f"SUMMARIZER_{name}": value for name, value in environment.items()})
        os.environ["DAGSTER_HOME"] = str(home)
        self.settings: Settings = load_settings(env_file=None)

    def after_another_run(self) -> None:
        """The account knows of a run that had all requests in flight and was not throttled, as within a backfill."""
        settings = self.settings
        secret = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
        account = account_key(settings.llm_base_url, settings.model, secret)
        SharedAccount(Summarizer(settings).database, account, RateLimits(), lambda: 1).reach(settings.max_in_flight)

    def through_dagster(self, bucket: str) -> Done:
        """Materialise the bucket's partition of both assets."""
        job = build_defs(self.settings).resolve_job_def(SUMMARIZE)
        result = job.execute_in_process(dict(_QUIET), instance=dg.DagsterInstance.get(), partition_key=bucket)
        events = [event for event in result.all_events if event.is_step_materialization]
        mine = next(event for event in events if event.asset_key and event.asset_key.path == ["author_summaries"])
        told = from_metadata(mine.materialization.metadata)
        return Done(int(told.get("answered", 0)), int(told["calls"]))

    def alone(self, bucket: str) -> Done:
        """The same without Dagster."""
        summarizer = Summarizer(self.settings)
        with summarizer.bucket_run(bucket, f"benchmark-{bucket}", log=lambda _: None) as run:
            summaries = run.summaries
            persist(summarizer.tables.summaries, summaries)
            calls = summaries.metadata()["calls"]
            persist(summarizer.tables.failures, run.failures)
            run.finish()
        if run.stop is not None:
            raise RuntimeError(f"the run stopped: {run.stop.message}")
        return Done(run.counts.answered, int(calls))
