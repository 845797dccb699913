"""A run of one bucket in a process of its own, to be killed, stopped or raced; settings by variables.

Exits with 0 when the run succeeded, 1 when it failed, and prints the step's error, if any, on standard output.
"""

import sys

import dagster as dg

from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import SUMMARIZE


def main(bucket: str) -> int:
    job = build_defs().resolve_job_def(SUMMARIZE)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, partition_key=bucket, raise_on_error=False)
        for event in result.all_events:
            if event.is_step_failure:
                sys.stdout.write(f"{event.step_failure_data.error}\n")
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
