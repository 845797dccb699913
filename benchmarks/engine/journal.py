"""What it costs to have each answer on the disk before its place in flight is given up.

    python -m benchmarks.engine.journal [--requests 3200] [--group-size 20] [--rate 320] [--folder DIR]

Records are made as a run makes them: the answers of one request, 20 authors with a summary of 380 characters each. They
are written one request after the other, first as fast as it goes (CPU of the record and of the write), then at a given
rate (what the grouped fsync, at most one a second, adds to the CPU and how long it holds a request up). Against it: an
fsync for each request. The medians of five rounds, CPU of this process; prints a table, then JSON on the last line.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"requests": 50, "rate": 50.0})
    parser.add_argument("--requests", type=int, default=3200)
    parser.add_argument("--group-size", type=int, default=20)
    parser.add_argument("--rate", type=float, default=320.0, help="requests a second")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; without one, the temporary folder's")
    options = parser.parse_args()

from summarizer_assets.bucket_run.journal_records import RecordBuilder, RunFacts, Todo
from summarizer_assets.core.answers.reply import AnswerChecks, Asked, read_reply
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.outcome import Answer
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.storage.journal import Journal, replay

_ROUNDS = 5
_SUMMARY = "Somebody A1 is listed with four papers, cited 57 times in total, on the carbon storage of peat bogs. " * 4

Write = Callable[[Journal, dict[str, Any]], None]


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def an_answer(authors: int) -> tuple[RecordBuilder, Answer]:
    """What a run knows of a request and got for it."""
    ids = [f"{1000 + number}" for number in range(authors)]
    todo = Todo(
        ids=ids,
        names=[f"Somebody A{number}" for number in range(authors)],
        texts=[""] * authors,
        hashes=[f"{number:032x}" for number in range(authors)],
        tokens=[150] * authors,
        attempts=[0] * authors,
        first_failed_at=[None] * authors,
        second_model=[None] * authors,
        second_reason=[None] * authors,
        has_summary=[False] * authors,
        outdated=[False] * authors,
        asked_before=[False] * authors,
        driven=[False] * authors,
    )
    facts = RunFacts("0000", "3f1c9f52-0000-4000-8000-000000000000", Identity("0" * 32, "m"), None, RetryPolicy(5, 300))
    content = json.dumps({"summaries": [{"author_id": author, "summary": _SUMMARY[:380]} for author in ids]})
    body = json.dumps(
        {
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 150 * authors, "completion_tokens": 95 * authors},
        }
    ).encode()
    reading = read_reply(
        OPENAI_CHAT.open(body), [Asked(author, "Somebody", "") for author in ids], AnswerChecks(judged=False)
    )
    used = Usage(150 * authors, 95 * authors)
    return RecordBuilder(todo, facts), Answer(list(range(authors)), reading, "req-0123456789", used)


def grouped(journal: Journal, record: dict[str, Any]) -> None:
    journal.write([record])


def each_synced(journal: Journal, record: dict[str, Any]) -> None:
    journal.write([record])
    os.fdatasync(journal._file.fileno())  # noqa: SLF001 # type: ignore[union-attr] # what the journal does not do


def as_fast_as_it_goes(folder: Path, requests: int, authors: int) -> tuple[float, float, float]:
    """Microseconds of CPU a request for the record and for the write, and bytes a request."""
    builder, answer = an_answer(authors)
    before = cpu_s()
    records = [builder.answers(answer) for _ in range(requests)]
    made = cpu_s()
    journal = Journal(folder, "run")
    for record in records:
        journal.write([record])
    written = cpu_s()
    segment = journal.cut()
    assert segment is not None
    sealed = segment.seal()
    size = sealed.stat().st_size
    assert len(replay(folder).records) == requests
    sealed.unlink()
    return (made - before) / requests * 1e6, (written - made) / requests * 1e6, size / requests


def at_a_rate(folder: Path, requests: int, authors: int, rate: float, write: Write) -> tuple[float, list[float]]:
    """Microseconds of CPU a request, and how long each write took, in microseconds."""
    builder, answer = an_answer(authors)
    record = builder.answers(answer)
    journal = Journal(folder, "run")
    took = []
    before, began = cpu_s(), time.monotonic()
    waiting = 0.0
    for number in range(requests):
        pause = began + number / rate - time.monotonic()
        if pause > 0:
            asleep = cpu_s()
            time.sleep(pause)
            waiting += cpu_s() - asleep
        start = time.perf_counter()
        write(journal, record)
        took.append((time.perf_counter() - start) * 1e6)
    used = cpu_s() - before - waiting
    segment = journal.cut()
    assert segment is not None
    segment.seal().unlink()
    return used / requests * 1e6, took


def main(options: argparse.Namespace) -> None:
    authors = options.group_size
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        fast = [as_fast_as_it_goes(folder, options.requests, authors) for _ in range(_ROUNDS)]
        record_us, write_us, size = (statistics.median(column) for column in zip(*fast, strict=True))
        rows = {}
        paced = max(1, int(options.rate * 2))  # two seconds a round: two fsyncs of the grouped kind
        for title, write in (("grouped fsync", grouped), ("an fsync each", each_synced)):
            rounds = [at_a_rate(folder, paced, authors, options.rate, write) for _ in range(_ROUNDS)]
            took = sorted(value for _, values in rounds for value in values)
            rows[title] = {
                "cpu_us": statistics.median(cpu for cpu, _ in rounds),
                "wall_median_us": statistics.median(took),
                "wall_mean_us": statistics.fmean(took),
                "wall_p99_us": took[int(len(took) * 0.99)],
                "wall_most_us": took[-1],
            }
    print(f"{authors} answers a request, {size:,.0f} bytes a request, {size / authors:.0f} an answer\n")
    print(f"{'as fast as it goes, CPU':28}{'µs a request':>14}{'µs an answer':>14}")
    for title, value in (("making the record", record_us), ("writing it", write_us)):
        print(f"{title:28}{value:14.1f}{value / authors:14.2f}")
    print(
        f"\n{f'at {options.rate:g} requests a second':28}{'CPU':>8}{'median':>9}{'mean':>9}{'p99':>9}{'most':>10}  µs"
    )
    for title, row in rows.items():
        print(
            f"{title:28}{row['cpu_us']:8.1f}{row['wall_median_us']:9.1f}{row['wall_mean_us']:9.1f}"
            f"{row['wall_p99_us']:9.0f}{row['wall_most_us']:10.0f}"
        )
    print()
    found = {
        "record_cpu_us": record_us,
        "write_cpu_us": write_us,
        "bytes_a_request": size,
        "answers_a_request": authors,
        "at_a_rate": rows,
    }
    print(json.dumps({"journal": found}))


if __name__ == "__main__":
    main(options)
