"""A bucket taken over from a host that vanished: what it answered may lie in a journal that is not here."""

from dataclasses import replace

from summarizer_assets.storage.journal import Replay
from summarizer_assets.storage.processes import this_host
from summarizer_assets.storage.state import Claim


def with_word_of_another_host(left: Replay, bucket: str, claim: Claim) -> Replay:
    """`left`, with a warning when the last run of the bucket died on another host and none of it is in the journal.

    A host is told by its name: after a restart it is the same, and so is its disk.
    """
    for run_id, signs in claim.before.items():
        elsewhere = [
            _name(sign.host)
            for sign in signs
            if sign.place == f"bucket {bucket}" and _name(sign.host) != _name(this_host())
        ]
        if elsewhere and not any(run_id in path.name for path in left.segments):
            word = (
                f"the last run of bucket {bucket}, {run_id}, ended on host {elsewhere[0]} without giving the bucket "
                "back, and nothing of it is here: answers that it paid for and had not committed may lie in the "
                "journal there, and their authors are asked again; set SUMMARIZER_JOURNAL_DIR to storage that all "
                "hosts share"
            )
            return replace(left, warnings=[*left.warnings, word])
    return left


def _name(host: str) -> str:
    return host.partition("/")[0]
