"""How runs of a command ended, told to people and programs alike."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.bucket_runs import Ended, failed_in
from summarizer_assets.cli.status import status_data, status_text
from summarizer_assets.core.authors.failure_counts import action_for, meaning_of
from summarizer_assets.core.display_text import duration, listed_buckets, number_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.overview.gather import overview


def answer_of(
    summarizer: Summarizer,
    ended: Ended,
    began: float,
    *,
    ingested: bool,
    buckets: Sequence[str] = (),
    price: Mapping[str, Any] | None = None,
    go_on: str = "summarizer run",
) -> Answer:
    """The answer of a command that ran the job; status 1 where authors failed or a run stopped.

    Args:
        summarizer: the installation.
        ended: how the runs ended.
        began: when the command began, by `time.monotonic`.
        ingested: whether the source was read.
        buckets: those that were to be run.
        price: what was foretold.
        go_on: the command that goes on after Ctrl-C.
    """
    now = overview(summarizer)
    failed = failed_in(summarizer, ended.run_ids, buckets) if buckets else {}
    if ended.interrupted:
        sys.stderr.write(f"stopped; what was answered is stored. To go on: {go_on}\n")
    elif ended.left:
        sys.stderr.write(f"not begun: {listed_buckets(ended.left)}\n")
    sys.stderr.writelines(
        f"{number_of(authors)} failed: {reason}, {meaning_of(reason)} ({action_for(reason)})\n"
        for reason, authors in failed.items()
    )
    data: Mapping[str, Any] = {
        "asked": bool(buckets),
        "ingested": ingested,
        "interrupted": ended.interrupted,
        "problems": [{"where": where, "message": message} for where, message in ended.problems],
        "failed_now": failed,
        "buckets_left": ended.left,
        "seconds": round(time.monotonic() - began, 1),
        "runs": ended.run_ids,
        **({} if price is None else {"estimate": price}),
        "status": status_data(now),
    }
    bad = bool(ended.problems or ended.interrupted or failed)
    return Answer(
        data=data,
        text=f"{status_text(now)}\n{duration(time.monotonic() - began)} in all",
        status=NOT_GOOD if bad else DONE,
    )
