"""`summarizer author`: one author, with all that is known of the summary."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.failure_counts import action_for, meaning_of
from summarizer_assets.core.display_text import moment, number_of, usd
from summarizer_assets.core.judging.flags import flag_of
from summarizer_assets.core.judging.flags import meaning_of as meaning_of_flag
from summarizer_assets.overview.author import MOST_MATCHES, AuthorNow, Match, author_now, matches

_WIDTH: Final = 100
_INDENT: Final = "  "


@as_command
@click.argument("who", metavar="ID|NAME")
def command(*, who: str) -> Answer:
    """Show one author: the record as it is sent, the summary with doubts marked, attempts and cost.

    Give an id, or words of a name. If several authors match, they are listed.

    \b
    Example: summarizer author "chen cory"
    Status 1: no author was found.
    """
    summarizer = opened()
    found = matches(summarizer, who)
    if len(found) != 1:
        return _several(who, found)
    now = author_now(summarizer, found[0])
    return Answer(data=_data(now), text="\n".join(_lines(now)))


def _several(who: str, found: list[Match]) -> Answer:
    people = [
        {"author_id": one.author_id, "author_name": one.name, "affiliation": one.affiliation, "bucket": one.bucket}
        for one in found[:MOST_MATCHES]
    ]
    data = {"matches": people, "more": len(found) > MOST_MATCHES}
    if not found:
        text = f"{who}: no author has this id, and nobody's name has all of these words"
        return Answer(data=data, text=text, status=NOT_GOOD)
    lines = [_clean(f"{one.author_id:<20}  {one.name}, {one.affiliation}") for one in found[:MOST_MATCHES]]
    more = ["and more: give another word of the name"] if len(found) > MOST_MATCHES else []
    return Answer(data=data, text="\n".join([*lines, *more, "", "Give one of these ids."]), status=DONE)


def _lines(now: AuthorNow) -> Iterator[str]:
    yield _clean(f"{now.who.name or 'without a name'}  ({now.who.author_id})")
    if now.who.affiliation:
        yield _clean(now.who.affiliation)
    yield f"bucket {now.who.bucket}, {now.state}"
    yield ""
    yield f"The record, as it is sent ({number_of(now.tokens, 'token')})"
    for line in now.record.split("\n"):  # the line of a paper begins with a blank
        yield _INDENT + (" " if line.startswith(" ") else "") + _clean(line)
    yield ""
    yield from _summary(now) if now.summary is not None else ["No summary."]
    if now.failure is not None:
        yield ""
        yield from _failure(now.failure)


def _summary(now: AuthorNow) -> Iterator[str]:
    row = now.summary
    assert row is not None
    said = "".join(f"[?{piece.text}]" if piece.doubted else piece.text for piece in now.text)
    yield f"The summary, {number_of(len((row['summary'] or '').split()), 'word')}"
    yield from textwrap.wrap(_clean(said), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    if now.changed:
        yield f"{_INDENT}the record changed since: the next run asks again"
    for flag in row["flags"] or []:
        words = ", ".join(now.doubted.get(flag, ()))
        known = flag_of(flag)
        look = f" {known.look}" if known else ""
        yield from textwrap.wrap(
            _clean(f"{flag}{f' ({words})' if words else ''}: {meaning_of_flag(flag)}.{look}"),
            _WIDTH,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT * 2,
        )
    support = "" if row["support"] is None else f", {row['support']:.0%} of its significant words are in the record"
    yield f"{_INDENT}{moment(row['summarized_at'])}, {_clean(row['response_model'] or row['model'])}{support}"
    cost = "not known" if row["cost_usd"] is None else usd(row["cost_usd"])
    tokens = f"{row['prompt_tokens'] or 0:,} tokens in, {row['completion_tokens'] or 0:,} out"
    yield f"{_INDENT}cost {cost} ({tokens}); request {_clean(row['request_id'] or 'without an id')}"


def _failure(row: Mapping[str, Any]) -> Iterator[str]:
    reason = row["reason"] or ""
    yield f"Failed: {_clean(reason)}, {meaning_of(reason)}"
    if row["detail"]:
        yield from textwrap.wrap(_clean(row["detail"]), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    if row["attempts"]:
        yield f"{_INDENT}{number_of(row['attempts'], 'attempt')}, the last on {moment(row['last_failed_at'])}"
    due = row["next_retry_at"]
    yield f"{_INDENT}next retry: {'none by itself' if due is None else moment(due)}; {action_for(reason)}"


def _clean(text: str) -> str:
    """Untrusted text for a terminal: control characters are shown, not obeyed."""
    return made_visible(text)


def _data(now: AuthorNow) -> dict[str, Any]:
    return {
        "author_id": now.who.author_id,
        "author_name": now.who.name,
        "affiliation": now.who.affiliation,
        "bucket": now.who.bucket,
        "state": now.state,
        "record": now.record,
        "record_tokens": now.tokens,
        "record_changed": now.changed,
        "summary": None if now.summary is None else dict(now.summary),
        "doubted": {flag: list(words) for flag, words in now.doubted.items()},
        "failure": None if now.failure is None else dict(now.failure),
    }
