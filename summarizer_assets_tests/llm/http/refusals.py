"""Refusals as providers and servers send them, and whose fault each is: the table of the classifier's test.

Bodies are as they were reported or are written in the server's source; keys, names and ids in them are shortened.
`seen` says where: an issue or pull request of a public repository, a source file, or the provider's documentation.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.classify import Outcome

_READ: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("refusals.json").read_text(encoding="utf-8"))

_FATES: Final = {
    "account: quota": (Outcome.FATAL, StopCause.QUOTA),
    "account: auth": (Outcome.FATAL, StopCause.AUTH),
    "configuration: model": (Outcome.FATAL, StopCause.MODEL),
    "configuration: field": (Outcome.UNSUPPORTED, None),
    "authors": (Outcome.FILTERED, None),
    "too large": (Outcome.TOO_LARGE, None),
    "throttle": (Outcome.THROTTLED, None),
    "server": (Outcome.TRANSIENT, None),
    "garbled": (Outcome.GARBLED, None),
    "rejected": (Outcome.REJECTED, None),
    "denied": (Outcome.DENIED, StopCause.AUTH),
}


class Seen(NamedTuple):
    provider: str
    seen: str
    status: int
    body: bytes
    outcome: Outcome
    cause: StopCause | None


def _seen(row: dict[str, Any]) -> Seen:
    """A body that is a text is no JSON: a page, or a few words."""
    body = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"], ensure_ascii=False)
    return Seen(row["provider"], row["seen"], row["status"], body.encode(), *_FATES[row["fate"]])


TABLE: Final = tuple(_seen(row) for row in _READ["refusals"])

#: Words of refusals, and what they tell: the context, the prompt, the cap of the answer.
LIMITS: Final[tuple[tuple[str, list[int | None]], ...]] = tuple((words, told) for words, told in _READ["limits"])
