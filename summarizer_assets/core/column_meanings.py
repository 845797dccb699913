"""What each column of the tables holds, in words, and from which column of another table it is made."""

from collections.abc import Mapping
from typing import Final

#: All times are in UTC. A null says that nobody told.
AUTHORS: Final[Mapping[str, str]] = {
    "author_id": "the id in the source, as text",
    "author_name": "as in the source",
    "primary_affiliation": "as in the source",
    "topics": "a list of texts; empty where the source has papers",
    "papers": "a list of structs, one a paper",
    "record_hash": "a hash of the whole record; when it changes, the row is rewritten",
    "bucket": "the bucket of the author, by a hash of author_id; the partition",
}
_OF_THE_AUTHOR: Final[Mapping[str, str]] = {
    "author_id": "as in authors",
    "bucket": "as in authors; the partition",
    "content_hash": "a hash of what the model is shown of the author; when it changes, the author is asked again",
    "prompt_version": "a hash of instruction, output schema and render settings",
    "model": "the configured name of the model",
}
SUMMARIES: Final[Mapping[str, str]] = {
    **_OF_THE_AUTHOR,
    "author_name": "as in authors",
    "summary": "the text",
    "response_model": "the name of the model that the reply told",
    "prompt_tokens": "of the request, split over its authors by length, so that they sum exactly",
    "completion_tokens": "of the request, split over its authors by length, so that they sum exactly",
    "cost_usd": "of the request, split in the same way; null where the price is not known",
    "support": "the share, 0 to 1, of the summary's significant words that the record has",
    "flags": "doubts about the summary, a list of names",
    "request_id": "the provider's id of the request",
    "run_id": "the id of Dagster's run",
    "summarized_at": "when the answer was accepted",
}
FAILURES: Final[Mapping[str, str]] = {
    **_OF_THE_AUTHOR,
    "reason": "why there is no summary; docs/failures has a page of each reason",
    "detail": "what was wrong, in words",
    "retryable": "whether the sensor asks again",
    "attempts": "runs in which the author was asked and failed; 0 where no request is made by rule",
    "first_failed_at": "the first of these attempts",
    "last_failed_at": "the last of these attempts",
    "next_retry_at": "when the sensor asks again; null: not by itself",
    "http_status": "of the last reply",
    "request_id": "the provider's id of the last request",
    "run_id": "the id of Dagster's run that made the last attempt",
    "second_model": "the second model, which failed too; null: none was asked",
    "second_reason": "why the second model brought no summary",
}
#: What is rendered for the model, and so what a summary is made of.
_RENDERED = ("author_name", "primary_affiliation", "topics", "papers")
_KEPT = {name: (name,) for name in ("author_id", "bucket")}
#: By column: the columns of the table before it that decide its value. Those of `authors` are made of the source's,
#: here by our names.
AUTHORS_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (name,) for name in ("author_id", *_RENDERED)},
    "record_hash": ("author_id", *_RENDERED),
    "bucket": ("author_id",),
}
SUMMARIES_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    **_KEPT,
    "author_name": ("author_name",),
    **dict.fromkeys(("summary", "content_hash", "support", "flags"), _RENDERED),
}
FAILURES_FROM: Final[Mapping[str, tuple[str, ...]]] = {**_KEPT, "content_hash": _RENDERED}
