"""The Dagster schedules (UTC). All are stopped by default; none of them spends money."""

import dagster as dg

from summarizer_assets.jobs import CHECK, MAINTAIN, REPORT
from summarizer_assets.names import Names

#: Name, job, cron expression and description. Maintenance runs first; the checks, which render each author's record
#: (minutes of a core at 20 million), and the report follow.
_SCHEDULES = (
    ("maintain_tables_nightly", MAINTAIN, "0 3 * * *", "Joins small files and removes what expired, every night."),
    ("check_tables_daily", CHECK, "0 5 * * *", "Checks the whole tables, every morning."),
    ("report_daily", REPORT, "0 6 * * *", "Writes the report, every morning."),
)


def build_schedules(names: Names) -> list[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name=names.of(name),
            job_name=names.of(job),
            cron_schedule=cron,
            execution_timezone="UTC",
            description=f"{description} It costs no money.",
        )
        for name, job, cron, description in _SCHEDULES
    ]
