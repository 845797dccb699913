"""A bucket taken over from another host: what was answered there may lie in a journal that is not here."""

from collections.abc import Iterator
from dataclasses import replace

from summarizer_assets.storage.journal import Replay
from summarizer_assets.storage.processes import this_host
from summarizer_assets.storage.state_db.claim import Claim


def with_word_of_another_host(left: Replay, bucket: str, claim: Claim) -> Replay:
    """`left`, with a warning when the bucket's last run broke off on another host and none of it is in the journal.

    A host is told by its name: after a restart it is the same, and so is its disk.
    """
    for run_id, host in _broken_off(bucket, claim):
        if host != _name(this_host()) and not any(run_id in path.name for path in left.segments):
            word = (
                f"the last run of bucket {bucket}, {run_id}, broke off on host {host}, and nothing of it is here: "
                "answers that it paid for and had not committed may lie in the journal there, and their authors are "
                "asked again; set SUMMARIZER_JOURNAL_DIR to storage that all hosts share"
            )
            return replace(left, warnings=[*left.warnings, word])
    return left


def _broken_off(bucket: str, claim: Claim) -> Iterator[tuple[str, str]]:
    """Runs that did not end as they should, with their hosts: one that held the bucket, one with no end on record.

    A run that ends by an error gives the bucket back. One that vanished holds it, perhaps without a record yet.
    """
    for run_id, signs in claim.before.items():
        yield from ((run_id, _name(sign.host)) for sign in signs if sign.place == f"bucket {bucket}")
    last = claim.last_run
    if last is not None and last.ended_at is None and last.host is not None:
        yield last.run_id, _name(last.host)


def _name(host: str) -> str:
    return host.partition("/")[0]
