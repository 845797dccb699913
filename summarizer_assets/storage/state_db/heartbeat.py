"""The heartbeat of an ingest, which claims no bucket: it distinguishes a working run from a lost one."""

from collections.abc import Iterator
from dataclasses import replace

from summarizer_assets.storage.delta.changes import Change
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.state_db.state import StateStore


def beating(stream: TableStream, state: StateStore, run_id: str) -> TableStream:
    """The same stream, with a heartbeat in the state store while it is consumed."""

    def changes() -> Iterator[Change]:
        with state.heartbeat(run_id):
            yield from stream.changes

    return replace(stream, changes=changes())
