"""What runs by the clock."""

import dagster as dg

from summarizer_assets.jobs import MAINTAIN

#: Every night, UTC. Stopped until somebody turns it on: a team may have a maintenance of its own for all its tables.
NIGHTLY = "0 3 * * *"


def build_maintenance_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="maintain_tables_nightly",
        job_name=MAINTAIN,
        cron_schedule=NIGHTLY,
        execution_timezone="UTC",
        description="Joins small files and removes what expired, every night. It costs no money.",
    )
