"""What a model costs that gives nothing usable: requests, tokens and dollars until its run ends, and what ends it.

    python -m benchmarks.faults.hopeless [--authors 300] [--group-size 20] [--in-flight 64]

Each row is a run of one bucket without Dagster, against a server on loopback whose replies are made by rule: all cut
off, none of them JSON, all summaries under another author's id; the same after two thirds of the authors were answered
well; and models that do half of their work, which must not be stopped. Then a second run of the same bucket, as
somebody might start it by hand who changed nothing. Prints the table and the messages; the figures as JSON last.
"""

import argparse
import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 60})
    parser.add_argument("--authors", type=int, default=300)
    parser.add_argument("--group-size", type=int, default=20)
    parser.add_argument("--in-flight", type=int, default=64)
    options = parser.parse_args()

from summarizer_assets.bucket_run.run import BucketRun
from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.storage.delta.stream import persist
from testing.installation import Installation, write_authors
from testing.provider import summary_of

PRICES = {"price_input_usd": 0.15, "price_output_usd": 0.6}
_AUTHOR = re.compile(r'^#"((?:[^"\\]|\\.)*)"(.*)$', re.MULTILINE)
_STRANGER = "Somebody Nobody9999 is the author of the papers recorded here."

Asked = list[tuple[str, str]]  # author id, and the headline of the record


def completion(text: str | None, finish: str = "stop", tokens: int | None = None) -> dict[str, Any]:
    said = len(text or "") // 4 if tokens is None else tokens
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return {"object": "chat.completion", "model": "m", "choices": [choice], "usage": {"completion_tokens": said}}


def summaries(rows: Asked) -> dict[str, Any]:
    """The completion that says of each author what is given."""
    return completion(json.dumps({"summaries": [{"author_id": author, "summary": text} for author, text in rows]}))


def good(asked: Asked) -> dict[str, Any]:
    return summaries([(author, summary_of(headline)) for author, headline in asked])


def cut_off(_: Asked) -> dict[str, Any]:
    return completion("", "length", 16_000)


def no_json(_: Asked) -> dict[str, Any]:
    return completion("Certainly! These authors work on many things, \u202ewhich key sk-abcdefghijklmnop may tell.")


def swapped(asked: Asked) -> dict[str, Any]:
    """Each author gets the next one's summary, and who stands alone a stranger's."""
    texts = [summary_of(headline) for _, headline in asked]
    texts = texts[1:] + texts[:1] if len(texts) > 1 else [_STRANGER]
    return summaries([(author, text) for (author, _), text in zip(asked, texts, strict=True)])


def cut_off_above(most: int) -> Callable[[Asked], dict[str, Any]]:
    return lambda asked: cut_off(asked) if len(asked) > most else good(asked)


def cut_off_for_half(asked: Asked) -> dict[str, Any]:
    return cut_off(asked) if any(_odd(author) for author, _ in asked) else good(asked)


def half_swapped(asked: Asked) -> dict[str, Any]:
    return summaries([(author, _STRANGER if _odd(author) else summary_of(line)) for author, line in asked])


def _odd(author: str) -> bool:
    return int(author) % 2 == 1


@dataclass
class Server:
    """Replies of a model. The first `well` authors asked for are answered well, the others by `how`."""

    how: Callable[[Asked], dict[str, Any]]
    well: int = 0
    url: str = ""
    calls: int = 0
    tokens: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, body: bytes) -> bytes:
        asked = _AUTHOR.findall(json.loads(body)["messages"][-1]["content"])
        with self._lock:
            self.calls += 1
            answers_well = self.well > 0
            self.well -= len(asked)
        found = good(asked) if answers_well else self.how(asked)
        used = found["usage"]
        used["prompt_tokens"] = len(body) // 4
        used["total_tokens"] = used["prompt_tokens"] + used["completion_tokens"]
        with self._lock:
            self.tokens += used["total_tokens"]
        return json.dumps(found).encode()


class _Handler(BaseHTTPRequestHandler):
    model: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        answer = self.model.reply(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def served(how: Callable[[Asked], dict[str, Any]], well: int = 0) -> Iterator[Server]:
    model = Server(how, well)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": model}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Found:
    """Of one run. Money in nano-dollars, as the ledger booked it; `billed`: tokens, by the server."""

    calls: int
    billed: int
    booked: int
    spent: int
    wasted: int
    summaries: int
    failed: int
    pending: int
    stop: str | None
    message: str


def work(house: Installation, model: Server, name: str, bucket: str = "0000") -> Found:
    """A run of the bucket; what it and the server counted in it."""
    calls, tokens = model.calls, model.tokens
    before = house.summarizer.ledger.totals()
    run = house.summarizer.bucket_run(bucket, name, log=lambda _: None)
    _persist(house, run)
    after = house.summarizer.ledger.totals()
    new = {key: after[key] - before[key] for key in after}
    counts, stop = run.counts, run.stop
    return Found(
        model.calls - calls,
        model.tokens - tokens,
        new["prompt_tokens"] + new["completion_tokens"],
        new["spent"],
        new["wasted"],
        counts.summaries,
        counts.failed,
        counts.pending,
        None if stop is None else stop.cause,
        "" if stop is None else stop.message,
    )


def _persist(house: Installation, run: BucketRun) -> None:
    with run:
        persist(house.summarizer.tables.summaries, run.summaries)
        persist(house.summarizer.tables.failures, run.failures)
        run.finish()


@contextmanager
def installed(model: Server, folder: Path, authors: int, **settings: Any) -> Iterator[Installation]:  # noqa: ANN401 - any setting
    source = write_authors(folder / "authors.parquet", authors)
    given = {"llm_base_url": model.url, "llm_model": "m", "retry_after_s": 0, **PRICES, **settings}
    house = Installation(folder / "root", source, **given)
    keys = house.keys
    persist(house.summarizer.tables.authors, house.summarizer.ingest(keys, log=lambda _: None, describe=_nowhere))
    yield house


def _nowhere(*_: object) -> None:
    """Nobody reads it."""


def cases(authors: int, group_size: int) -> dict[str, tuple[Callable[[Asked], dict[str, Any]], int]]:
    """How the model replies, and how many authors it answers well first."""
    well = authors * 2 // 3
    return {
        "all cut off": (cut_off, 0),
        "no JSON": (no_json, 0),
        "all swapped": (swapped, 0),
        f"cut off after {well}": (cut_off, well),
        f"no JSON after {well}": (no_json, well),
        f"swapped after {well}": (swapped, well),
        f"cut off above {max(1, group_size // 2)} authors": (cut_off_above(max(1, group_size // 2)), 0),
        "cut off for half of them": (cut_off_for_half, 0),
        "half of them swapped": (half_swapped, 0),
    }


def run(authors: int, group_size: int, in_flight: int) -> dict[str, list[Found]]:
    found = {}
    for name, (how, well) in cases(authors, group_size).items():
        with tempfile.TemporaryDirectory() as folder, served(how, well) as model:
            sizes = {"group_size": group_size, "max_in_flight": in_flight}
            with installed(model, Path(folder), authors, **sizes) as house:
                found[name] = [work(house, model, "first")]
                if found[name][0].stop is not None:
                    found[name].append(work(house, model, "again"))
    return found


def main(options: argparse.Namespace) -> None:
    found = run(options.authors, options.group_size, options.in_flight)
    print(f"{options.authors} authors in groups of {options.group_size}, {options.in_flight} requests in flight\n")
    print("| the model's replies | calls | tokens | spent, wasted of it | summaries, failed, pending | stop | again |")
    print("|---|---|---|---|---|---|---|")
    for name, (first, *later) in found.items():
        money = f"{exact_usd(first.spent)}, {exact_usd(first.wasted)}"
        counts = f"{first.summaries}, {first.failed}, {first.pending}"
        again = f"{later[0].calls} calls" if later else ""
        print(f"| {name} | {first.calls} | {first.billed:,} | {money} | {counts} | {first.stop or 'none'} | {again} |")
    for name, (first, *_) in found.items():
        if first.message:
            print(f"\n{name}: {first.message}")
    print(json.dumps({name: [asdict(one) for one in several] for name, several in found.items()}))


if __name__ == "__main__":
    main(options)
