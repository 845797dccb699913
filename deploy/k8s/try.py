"""Runs values.yaml as far as that can be done without a cluster, and prints what became of runs whose pods ended.

    python deploy/k8s/try.py [--image FOLDER]

As root, with the tools of `make test` and Debian's postgresql. Dagster's daemon, webserver, code server and launcher
are real, with the configuration that the chart makes of values.yaml; so are Postgres and the tables, on an S3 server on
loopback. Kubernetes is not: stand_in.py takes its place and starts a process for a pod, as the pod's user, with a root
that it cannot write to. --image is a virtual environment made by the steps of the Containerfile; without it, this one.
"""
# ruff: noqa: INP001, T201 - a script that prints

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, default=Path(sys.prefix), help="a virtual environment")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.k8s.trial import AUTHORS, GROUP, IN_FLIGHT, Trial

_TERMINATE = "mutation ($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) { __typename } }"


def _ends_well(trial: Trial) -> None:
    """The first pod: an ingest; then a bucket. What a pod may and is, read from the system."""
    ingest = trial.launch(
        "ingest_authors",
        asset_partition_range_start=trial.keys[0],
        asset_partition_range_end=trial.keys[-1],
    )
    took = trial.wait(ingest, "SUCCESS")
    print(f"an ingest of {AUTHORS} authors as a Job: green after {took:.0f} s")
    run, pod, _ = trial.begin(trial.keys[0])
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pod.first}/status").read_text().splitlines() if ":\t" in line
    )
    print(
        f"a bucket: uid {status['Uid'].split()[0]}, process {status['NSpid'].split()[-1]} of its namespace, "
        f"capabilities {status['CapBnd']}, no new privileges: {status['NoNewPrivs']}"
    )
    print(f"    green after {trial.wait(run, 'SUCCESS'):.0f} s more, pod ended with {pod.wait()}")


def _is_lost(trial: Trial, bucket: str, number: signal.Signals, what: str) -> None:
    """Its pod gets a signal that nobody asked for; the sensor brings the bucket to its end."""
    run, pod, before = trial.begin(bucket)
    pod.send(number)
    pod.wait()
    seen = trial.wait(run, "FAILURE")
    answered = trial.asked().total() - before
    kept = trial.stored(bucket)
    took = trial.until(lambda: "SUCCESS" in trial.runs(bucket).values(), f"bucket {bucket} is well again")
    cause = trial.said(run, "Detected run worker" if number == signal.SIGKILL else "was interrupted")
    next_run = next(found for found, status in trial.runs(bucket).items() if status == "SUCCESS")
    replayed = trial.said(next_run, "answered before a crash").partition(" ")[0] or "0"
    print(f"{what}: the run failed after {seen:.1f} s: {cause.splitlines()[0][:100]}")
    print(f"    {answered} answered by then: {kept} in the table, {replayed} in the journal for the sensor's new run")
    print(f"    the bucket green {took:.0f} s after that")


def _is_cancelled(trial: Trial, bucket: str) -> None:
    """Terminate in the UI: the launcher deletes the Job and its pod."""
    run, pod, before = trial.begin(bucket)
    trial.ask(_TERMINATE, run=run)
    seen = trial.wait(run, "CANCELED")
    code = pod.wait()
    answered, kept = trial.asked().total() - before, trial.stored(bucket)
    time.sleep(20)  # four ticks of the sensor
    others = len(trial.runs(bucket)) - 1
    print(f"terminated in the UI: pod ended with {code}, the Job is gone: {trial.cluster.job(pod.name) is None}")
    print(f"    cancelled after {seen:.1f} s; {answered} answered, {kept} in the table; started again by {others} runs")
    again = trial.launch("summarize_bucket", partition=bucket)
    print(f"    started by hand: green after {trial.wait(again, 'SUCCESS'):.0f} s")


def _is_out_of_sight(trial: Trial, bucket: str) -> None:
    """Kubernetes cannot be asked: Dagster takes the run for lost, and the run goes on."""
    run, pod, before = trial.begin(bucket)
    trial.cluster.answers = False
    seen = trial.wait(run, "FAILURE")
    trial.cluster.answers = True
    cause = trial.said(run, "Detected run worker").splitlines()[0]
    lives = pod.first is not None
    pod.wait()
    answered, kept = trial.asked().total() - before, trial.stored(bucket)
    print(f"Kubernetes did not answer: the run failed after {seen:.1f} s, its pod lived: {lives}. {cause[:70]}…")
    print(f"    {answered} answered to its end, {kept} in the table; {len(trial.runs(bucket)) - 1} more runs meanwhile")


def main(image: Path) -> int:
    if os.getuid() != 0:
        print("root is needed: a pod gets a namespace and a user of its own", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        trial = Trial(stack, image)
        try:
            _ends_well(trial)
            _is_lost(trial, trial.keys[1], signal.SIGKILL, "a pod killed (SIGKILL)")
            _is_lost(trial, trial.keys[2], signal.SIGTERM, "a machine drained (SIGTERM to the pod)")
            _is_cancelled(trial, trial.keys[3])
            _is_out_of_sight(trial, trial.keys[4])
        except TimeoutError:
            for pod in trial.cluster.pods.values():
                print(f"--- {pod.name}\n{(pod.folder / 'log').read_text()[-1500:]}", file=sys.stderr)
            raise
        billed, frame = trial.asked(to="prompt_tokens"), trial.summarised()
        twice = sum(count - 1 for count in billed.values())
        rows, authors = frame.height, frame["author_id"].n_unique()
        print(f"in the end: {rows} summaries of {authors} of {AUTHORS} authors; {twice} answers paid for twice")
        return 0 if rows == authors == AUTHORS and twice <= 2 * IN_FLIGHT * GROUP else 1


if __name__ == "__main__":
    sys.exit(main(options.image))
