"""What a whole job costs that is answered by a capable model: calls and tokens against the least that could do.

    python -m benchmarks.engine.answered_job [FOLDER] [--most N]

FOLDER as in `benchmarks.engine.answers`. The authors of its English requests in the default form become a source, and a
server on loopback gives each the answer that was made for them, however often and with whomever they are asked. Every
refusal of a good answer shows as a second request. Tokens are counted by a real tokenizer (o200k).

Prints what was asked and stored, then JSON on the last line; an author who is neither stored nor failed ends the script
with status 1.
"""

import argparse
import asyncio
import json
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"most": 20})
    parser.add_argument("folder", nargs="?", type=Path, help="without one, the corpus of the tests")
    parser.add_argument("--most", type=int, default=10**9, help="authors")
    options = parser.parse_args()

from benchmarks.engine.answers import CORPUS, requests_of
from benchmarks.engine.counted_answers import tokens
from benchmarks.promises import conclude
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.embedded.app import records_of
from summarizer_assets.llm.embedded.template import parse
from summarizer_assets.llm.http.event_loop import loop_factory
from summarizer_assets.rehearsal.http_server import WireDoor
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.stream import persist

BUCKET, GROUP = "0000", 20


def pairs_of(folder: Path, most: int) -> dict[str, tuple[str, str]]:
    """Record and answer by author id, of the English requests of 80 words with the default instruction."""
    pairs: dict[str, tuple[str, str]] = {}
    for requests in requests_of(folder).values():
        for request in requests:
            if request.limits.language != "English" or request.limits.max_characters != 80 * 20:
                continue
            for place, text in request.answers.items():
                author = request.asked[place]
                if "shown" not in author.text.split("\n")[0]:  # the rest of the papers is not in the record
                    pairs.setdefault(author.author_id, (author.text, text))
    return dict(list(pairs.items())[:most])


def row_of(text: str) -> dict[str, Any]:
    """A row of a nested source from a record as it was rendered."""
    record = parse(text)
    papers = [
        {
            "ut": f"{record.author_id}-{number}",
            "title": paper.title,
            "journal": paper.journal,
            "woscategory": "; ".join(paper.categories) or None,
            "prefinstitution": "; ".join(paper.institutions) or None,
            "citingsrcslocalcount": paper.cited,
            "hot_paper": "hot" in paper.marks,
            "highly_cited_paper": "highly cited" in paper.marks,
        }
        for number, paper in enumerate(record.papers)
    ]
    row = {"author_id": record.author_id, "author_name": record.name, "primary_affiliation": record.affiliation}
    return {**row, "papers": papers, "topics": record.topics or None}


class AnsweredServer:
    """Answers from pairs, and keeps what it was asked: of each request the authors, and the tokens in and out."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self.asked: list[tuple[list[str], int]] = []

    def answer(self, body: bytes) -> bytes:
        messages = json.loads(body)["messages"]
        ids = [parse(record).author_id for record in records_of(messages[-1]["content"])]
        content = json.dumps(
            {"summaries": [{"author_id": one, "summary": self._answers[one]} for one in ids]}, ensure_ascii=False
        )
        asked, said = sum(tokens(message["content"]) + 3 for message in messages) + 3, tokens(content)
        self.asked.append((ids, asked + said))
        usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return json.dumps(
            {"id": "c", "object": "chat.completion", "model": "blind", "choices": [choice], "usage": usage}
        ).encode()


@contextmanager
def served(server: AnsweredServer) -> Iterator[str]:
    """Its base URL."""
    ready, door = threading.Event(), []

    async def serve() -> None:
        end = asyncio.Event()
        opened = WireDoor(FaultyProvider(server.answer))
        door.append((opened.base_url, asyncio.get_running_loop(), end))
        ready.set()
        await end.wait()
        opened.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="answers")
    thread.start()
    ready.wait(20)
    url, loop, end = door[0]
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


def run_job(pairs: Mapping[str, tuple[str, str]], folder: Path) -> dict[str, Any]:
    """Ingest the authors and summarise them in one bucket."""
    source = folder / "authors.jsonl"
    source.write_text("".join(json.dumps(row_of(text)) + "\n" for text, _ in pairs.values()), encoding="utf-8")
    server = AnsweredServer({author_id: answer for author_id, (_, answer) in pairs.items()})
    with served(server) as url:
        settings = load_settings(
            None,
            source=str(source),
            root=str(folder / "root"),
            buckets=1,
            group_size=GROUP,
            llm_base_url=url,
            llm_model="blind",
        )
        summarizer = Summarizer(settings)
        persist(summarizer.tables.authors, summarizer.ingest([BUCKET], log=lambda _: None, describe=lambda *_: None))
        with summarizer.bucket_run(BUCKET, "answered", log=lambda _: None) as run:
            summaries = run.summaries
            persist(summarizer.tables.summaries, summaries)
            told = summaries.metadata()
            persist(summarizer.tables.failures, run.failures)
            run.finish()
    seen: set[str] = set()
    first = 0
    for ids, used in server.asked:
        first += used if seen.isdisjoint(ids) else 0
        seen.update(ids)
    least = -(-len(pairs) // GROUP)
    every = sum(used for _, used in server.asked)
    return {
        "authors": len(pairs),
        "summaries": told["summaries"],
        "failed": told["failed"],
        "calls": len(server.asked),
        "least_calls": least,
        "calls_ratio": len(server.asked) / least,
        "tokens": every,
        "tokens_ratio": every / first,
        "asked_again": told["authors_asked_again"],
    }


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="answered-job-") as temporary:
        found = run_job(pairs_of(options.folder or CORPUS, options.most), Path(temporary))
    print(
        f"{found['authors']} authors: {found['summaries']} summaries, {found['failed']} failed, {found['asked_again']} "
        f"asked again\n{found['calls']} calls, {found['calls_ratio']:.3f} of the least; {found['tokens']:,} tokens, "
        f"{found['tokens_ratio']:.3f} of what asking each once takes"
    )
    lost = found["authors"] - found["summaries"] - found["failed"]
    return conclude("answered_job", found, [f"{lost} authors are lost"] if lost else [])


if __name__ == "__main__":
    raise SystemExit(main(options))
