"""The Polars schemas of all tables, and the failure reasons."""

from enum import StrEnum
from typing import Self

import polars as pl

from summarizer_assets.core.paper_fields import PAPER_FIELDS, added

_Columns = dict[str, pl.DataType | type[pl.DataType]]

PAPER = pl.Struct({field.name: field.kind.dtype for field in PAPER_FIELDS})
#: Names of columns, and of fields of a paper, that were added after the first tables were created. A table without them
#: is read with nulls, and gets them with its next commit.
#: Those of `WITH_A_VALUE` it gets only with a value in them: until then an older version can read and write it, too.
WITH_A_VALUE = frozenset({"second_model", "second_reason"})
ADDED = WITH_A_VALUE | {field.name for field in added()}

_AUTHOR: _Columns = {
    "author_id": pl.String,
    "author_name": pl.String,
    "primary_affiliation": pl.String,
    "topics": pl.List(pl.String),
    "papers": pl.List(PAPER),
}
#: An author as every source yields it, before it has a bucket and a hash.
AUTHOR = pl.Schema(_AUTHOR)

AUTHORS = pl.Schema({**_AUTHOR, "record_hash": pl.String, "bucket": pl.String})

_SUMMARIES: _Columns = {
    "author_id": pl.String,
    "author_name": pl.String,
    "summary": pl.String,
    "bucket": pl.String,
    "content_hash": pl.String,
    "prompt_version": pl.String,
    "model": pl.String,
    "response_model": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "cost_usd": pl.Float64,
    "support": pl.Float64,
    "flags": pl.List(pl.String),
    "request_id": pl.String,
    "run_id": pl.String,
    "summarized_at": pl.Datetime("us", "UTC"),
}
SUMMARIES = pl.Schema(_SUMMARIES)

_FAILURES: _Columns = {
    "author_id": pl.String,
    "bucket": pl.String,
    "content_hash": pl.String,
    "prompt_version": pl.String,
    "model": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "retryable": pl.Boolean,
    "attempts": pl.Int64,
    "first_failed_at": pl.Datetime("us", "UTC"),
    "last_failed_at": pl.Datetime("us", "UTC"),
    "next_retry_at": pl.Datetime("us", "UTC"),
    "http_status": pl.Int64,
    "request_id": pl.String,
    "run_id": pl.String,
    "second_model": pl.String,
    "second_reason": pl.String,
}
FAILURES = pl.Schema(_FAILURES)

#: A source row that cannot become an author: the reason, the row cut at 2,000 characters (of a text file preceded by
#: `file:line: `), and how often it occurred.
REJECTED = pl.Schema({"reason": pl.String, "row": pl.String, "count": pl.Int64})


class FailureReason(StrEnum):
    """Why an author has no summary, and whether a retry can help."""

    retryable: bool
    skipped: bool
    meaning: str

    def __new__(cls, value: str, retryable: bool, meaning: str, skipped: bool = False) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.retryable = retryable
        member.skipped = skipped
        member.meaning = meaning
        return member

    # Skipped by a rule, without a request.
    NO_PAPERS = "no_papers", False, "the record has neither papers nor topics: nothing to summarise", True
    EXCLUDED = "excluded", False, "the author is on the list of people never to be sent", True
    # The reply as a whole.
    BAD_JSON = "bad_json", True, "the reply was not readable JSON"
    TRUNCATED = "truncated", True, "the model hit its output limit before it finished"
    NO_CHOICE = "no_choice", True, "the reply held no choice"
    BAD_SHAPE = "bad_shape", True, "the reply was JSON of another shape than asked for, or a tool call"
    REFUSAL = "refusal", True, "the model declined"
    CONTENT_FILTER = "content_filter", False, "the provider's content filter stopped the request or the answer"
    GATEWAY_BODY = "gateway_body", True, "a gateway's page or error came back with a success status"
    BODY_TOO_BIG = "body_too_big", True, "the reply exceeded the size cap and was cut off"
    # The author's answer.
    EMPTY_SUMMARY = "empty_summary", True, "the summary was empty"
    ID_MISMATCH = "id_mismatch", True, "no answer carried this author's id, or two answers under it contradicted"
    BAD_TYPE = "bad_type", True, "the summary was not a text"
    BAD_TEXT = "bad_text", True, "the summary held broken, control or invisible characters"
    TOO_LONG = "too_long", True, "the summary was far longer than asked for"
    ECHO = "echo", True, "the summary repeated the prompt"
    UNSAFE_TEXT = "unsafe_text", True, "the summary held a link, an image or markup"
    UNGROUNDED = (
        "ungrounded",
        True,
        "the summary tells another author's work, contradicts a figure of the record, or names nobody",
    )
    # The request.
    TOO_LARGE = "too_large", False, "even alone and trimmed, the author did not fit the model's context"
    REJECTED = "rejected", False, "the provider refused the request for this author alone"
    SERVER_ERROR = "server_error", True, "the provider failed on every try while it answered others"
    TIMEOUT = "timeout", True, "no complete answer within the deadline on every try while others were answered"
    CONNECTION = "connection", True, "the connection broke on every try while others held"
