"""A provider without latency for authors of any number: the embedded template behind a raw `asyncio.Protocol`.

    python -m benchmarks.tables.instant_provider

Prints its port and serves until its input ends. Nothing is prepared, so it knows any author; `GET /told` tells its own
CPU seconds, which are not the client's.
"""

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.scale")
    options = parser.parse_args()

import uvloop

from benchmarks.engine.cached_server import HEAD, Answers, serve
from summarizer_assets.llm.embedded.app import answer


class Templates(Answers):
    """Replies made from the request itself."""

    def to(self, request: bytes) -> bytes:
        body = answer(request)
        self.served += 1
        return HEAD % len(body) + body


if __name__ == "__main__":
    uvloop.run(serve(Templates()))
