"""What runs by the clock."""

import dagster as dg

from summarizer_assets.jobs import CHECK, MAINTAIN, REPORT

#: Every night, UTC. Stopped until somebody turns it on: a team may have a maintenance of its own for all its tables.
NIGHTLY = "0 3 * * *"
#: Every morning, UTC, after the maintenance. Stopped, too: each author's record is rendered, which costs a core minutes
#: at 20 million.
DAILY = "0 5 * * *"
#: Every morning, UTC, when the nightly work is done. Stopped, for the same reason.
MORNING = "0 6 * * *"


def build_maintenance_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="maintain_tables_nightly",
        job_name=MAINTAIN,
        cron_schedule=NIGHTLY,
        execution_timezone="UTC",
        description="Joins small files and removes what expired, every night. It costs no money.",
    )


def build_check_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="check_tables_daily",
        job_name=CHECK,
        cron_schedule=DAILY,
        execution_timezone="UTC",
        description="Checks the whole tables, every morning. It costs no money.",
    )


def build_report_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="report_daily",
        job_name=REPORT,
        cron_schedule=MORNING,
        execution_timezone="UTC",
        description="Writes the report, every morning. It costs no money.",
    )
