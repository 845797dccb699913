"""What runs by the clock, UTC. All are stopped until somebody turns them on; none of them costs money."""

import dagster as dg

from summarizer_assets.jobs import CHECK, MAINTAIN, REPORT

#: Name, job, when, and what is said of it. The maintenance comes first; the checks, which render each author's record
#: (minutes of a core at 20 million), and the report look at what it left.
_SCHEDULES = (
    ("maintain_tables_nightly", MAINTAIN, "0 3 * * *", "Joins small files and removes what expired, every night."),
    ("check_tables_daily", CHECK, "0 5 * * *", "Checks the whole tables, every morning."),
    ("report_daily", REPORT, "0 6 * * *", "Writes the report, every morning."),
)


def build_schedules() -> list[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name=name,
            job_name=job,
            cron_schedule=cron,
            execution_timezone="UTC",
            description=f"{description} It costs no money.",
        )
        for name, job, cron, description in _SCHEDULES
    ]
