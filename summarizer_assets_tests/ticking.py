"""The retry sensor evaluated on a real instance, tick by tick, and its requests executed as the daemon would."""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import SUMMARIZE
from testing.installation import Installation


@dataclass(frozen=True)
class Tick:
    """What a tick asked for. `said`: the skip reason, empty when runs are requested; `log`: its messages; `told`: what
    it put on the assets' pages.
    """

    requests: list[dg.RunRequest]
    said: str
    log: list[str]
    told: list[Any] = field(default_factory=list)

    @property
    def buckets(self) -> list[str]:
        return [str(request.partition_key) for request in self.requests]


class Ticking:
    """The sensor of an installation."""

    def __init__(
        self,
        house: Installation,
        sensor: str = "retry_failed_authors",
        instance: dg.DagsterInstance | None = None,
        job: str = SUMMARIZE,
    ) -> None:
        self.house = house
        self.cursor: str | None = None
        self.instance = instance or house._instance
        self._defs = build_defs(house.settings)
        self._sensor = self._defs.resolve_sensor_def(sensor)
        self.job = self._defs.resolve_job_def(job)

    def tick(self) -> Tick:
        context = dg.build_sensor_context(
            instance=self.instance,
            definitions=self._defs,
            resources={"summarizer": self.house.summarizer},
            cursor=self.cursor,
        )
        heard = _Heard()
        context.log.addHandler(heard)
        found: Any = self._sensor(context)
        if isinstance(found, dg.SkipReason):
            self.cursor = context.cursor
            return Tick([], found.skip_message or "", heard.messages)
        self.cursor = found.cursor
        for event in found.asset_events:
            self.instance.report_runless_asset_event(event)
        said = found.skip_reason.skip_message if found.skip_reason else ""
        return Tick(list(found.run_requests or []), said, heard.messages, list(found.asset_events))

    def tick_with_runs(self, patience_s: float = 180) -> Tick:
        """The first tick that asks for a run, when it is only a matter of a little time."""
        until = time.monotonic() + patience_s
        while not (tick := self.tick()).requests:
            assert time.monotonic() < until, tick.said
            time.sleep(0.1)
        return tick

    def execute(self, tick: Tick) -> list[dg.ExecuteInProcessResult]:
        """Run what the tick asked for, unless its run key was used before: then Dagster would not."""
        results = []
        for request in tick.requests:
            tags = {**request.tags, "dagster/run_key": str(request.run_key)}
            used = self.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": str(request.run_key)}))
            assert not used, f"run key {request.run_key} was used before"
            results.append(
                self.job.execute_in_process(
                    instance=self.instance,
                    partition_key=request.partition_key,
                    run_config=request.run_config,
                    tags=tags,
                    raise_on_error=False,
                )
            )
        return results

    def fail_unbegun(self, tick: Tick) -> None:
        """What the tick asked for fails before any of our code runs, as when the broker is out."""
        for request in tick.requests:
            tags = {**request.tags, "dagster/partition": str(request.partition_key)}
            run = self.instance.create_run_for_job(self.job, run_config=request.run_config, tags=tags)
            self.instance.report_run_failed(run, "could not be launched")

    def until_quiet(self, most: int = 40) -> int:
        """Tick and run until a tick asks for nothing; returns the number of runs."""
        runs = 0
        for _ in range(most):
            tick = self.tick()
            if not tick.requests:
                return runs
            runs += len(self.execute(tick))
        raise AssertionError(f"the sensor still asks for runs after {most} ticks: {tick.buckets}")

    def run_known_to_dagster(self, status: dg.DagsterRunStatus, *, job: str = SUMMARIZE, **tags: str) -> dg.DagsterRun:
        """A run of the job in a state, as the instance keeps it, of which nothing was executed."""
        slashed = {f"dagster/{name}": value for name, value in tags.items()}
        created = self.instance.create_run_for_job(self._defs.resolve_job_def(job), tags=slashed)
        event = {
            dg.DagsterRunStatus.STARTING: dg.DagsterEventType.PIPELINE_STARTING,
            dg.DagsterRunStatus.STARTED: dg.DagsterEventType.RUN_START,
            dg.DagsterRunStatus.CANCELED: dg.DagsterEventType.RUN_CANCELED,
            dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
        }[status]
        self.instance.report_dagster_event(
            dg.DagsterEvent(event_type_value=event.value, job_name=job, message="as the test wants it"), created.run_id
        )
        found = self.instance.get_run_by_id(created.run_id)
        assert found is not None
        assert found.status is status
        return found


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
