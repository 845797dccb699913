"""The authors that a report shows one by one, as scripts that its page loads: the cards, and the index to search in.

A card is an author's record, summary with the words in doubt, cost and earlier versions, as texts that are ready to be
shown. A script is one call with JSON, since a browser lets a page that was opened as a file load scripts, and no data.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.failure_counts import action_for, meaning_of
from summarizer_assets.core.authors.state import FAILED, PENDING
from summarizer_assets.core.display_text import cut, moment, number, usd
from summarizer_assets.core.prompt.parsed_record import PaperView, view_of
from summarizer_assets.report.doubted import LONGEST, marked, reasons
from summarizer_assets.report.people import doubt_of

Row = Mapping[str, Any]
#: Authors in one script.
TOGETHER: Final = 200
#: Earlier summaries of an author that are shown.
EARLIER: Final = 3
_DETAIL, _SHORT = 400, 80  # characters of a failure's detail; of a model, or of an affiliation in the index


def script(function: str, data: object) -> bytes:
    """A script that calls a function of the page with `data`."""
    return b"%s(%s);\n" % (function.encode(), msgspec.json.encode(data))


def index_row(row: Row, shown: Mapping[str, Any]) -> list[str]:
    """An author in the index: id, name, affiliation, state, and a failure's reason. `shown`: the author's card."""
    state = row["state"]
    if state != FAILED and row["summary"] is not None:
        state = "doubt" if shown["why"] else "outdated" if state == PENDING else state
    reason = made_visible(row["reason"] or "", _SHORT) if state == FAILED else ""
    return [shown["id"], shown["name"], cut(shown["affiliation"], _SHORT), state, reason]


def card(row: Row, earlier: Sequence[Row] | None, present: tuple[str, ...]) -> dict[str, Any]:
    """An author's card.

    Args:
        row: the author's record (`text`, `author_name_right`, `content_hash_right`), the columns of a summary and of a
            failure (null where there is none), and the `state`.
        earlier: the author's earlier summaries, newest first; None if they cannot be read.
        present: the present prompt version and models.
    """
    record = view_of(row["text"])
    found: dict[str, Any] = {
        "id": made_visible(row["author_id"]),
        "bucket": row["bucket"],
        "name": made_visible(row["author_name_right"] or "") or "(no name)",
        "affiliation": made_visible(record.affiliation),
        "totals": record.totals,
        "topics": made_visible(record.topics, LONGEST),
        "papers": [_paper(paper) for paper in record.papers],
        "earlier": None if earlier is None else [_version(version) for version in earlier],
    }
    if row["summary"] is not None:
        found |= {
            "changed": row["content_hash"] != row["content_hash_right"],
            "summary": [[made_visible(row["summary"], LONGEST), 0]],
            "why": [],
            "cost": _cost(row, present),
        }
        if row["flags"]:
            doubt = doubt_of(row)
            found["summary"] = [[piece.text, int(piece.doubted)] for piece in marked(doubt)]
            found["why"] = [[_sentence(why.flag.meaning), why.flag.look, list(why.passages)] for why in reasons(doubt)]
    if row["reason"] is not None and row["state"] == FAILED:
        found["failure"] = _failure(row)
    return found


def _paper(paper: PaperView) -> list[str]:
    told = (paper.journal, paper.fields, paper.facts, paper.institutions)
    return [made_visible(paper.title), made_visible(" · ".join(part for part in told if part))]


def _cost(row: Row, present: tuple[str, ...]) -> list[list[str]]:
    prompt, model = row["prompt_version"] or "", row["model"] or ""
    support = row["support"]
    is_present = prompt == present[0] and model in present[1:]
    return [
        ["cost", "not known" if row["cost_usd"] is None else usd(row["cost_usd"])],
        ["tokens", f"{_count(row['prompt_tokens'])} in, {_count(row['completion_tokens'])} out"],
        ["support", "not measured" if support is None else f"{round(100 * support)} %"],
        ["model", made_visible(model, _SHORT)],
        ["prompt", made_visible(prompt, _SHORT) + ("" if is_present else " (not the present one)")],
        ["made", "" if row["summarized_at"] is None else moment(row["summarized_at"])],
    ]


def _failure(row: Row) -> list[list[str]]:
    reason = row["reason"]
    told = [
        ["reason", made_visible(reason, _SHORT)],
        ["meaning", _sentence(meaning_of(reason))],
        ["what to do", _sentence(action_for(reason))],
        ["detail", made_visible(row["detail"] or "", _DETAIL)],
        ["attempts", _count(row["attempts"])],
        ["last", "" if row["last_failed_at"] is None else moment(row["last_failed_at"])],
        ["next", "not by itself" if row["next_retry_at"] is None else moment(row["next_retry_at"])],
    ]
    return [line for line in told if line[1]]


def _version(row: Row) -> dict[str, str]:
    """An earlier summary; the line under it says when and by what it was made."""
    at, model = row["summarized_at"], made_visible(row["model"] or "", _SHORT)
    cost = "cost not known" if row["cost_usd"] is None else usd(row["cost_usd"])
    told = [
        "" if at is None else moment(at),
        model,
        f"prompt {made_visible(row['prompt_version'] or '', _SHORT)}",
        cost,
    ]
    return {"summary": made_visible(row["summary"] or "", LONGEST), "told": " · ".join(part for part in told if part)}


def _count(value: int | None) -> str:
    return "not counted" if value is None else number(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def earlier_versions(replaced: pl.DataFrame, current: pl.DataFrame) -> dict[str, list[Row]]:
    """The earlier summaries of each author, newest first, of the rows that a table's commits replaced.

    Args:
        replaced: author_id, summary, summarized_at and more, each perhaps several times.
        current: author_id, summary and summarized_at of the rows that the table has now.
    """
    same = ["author_id", "summary", "summarized_at"]
    old = replaced.join(current, on=same, how="anti", nulls_equal=True).unique(same, keep="any")
    old = old.sort("summarized_at", descending=True, nulls_last=True)
    found: dict[str, list[Row]] = {}
    for row in old.iter_rows(named=True):
        versions = found.setdefault(row["author_id"], [])
        if len(versions) < EARLIER:
            versions.append(row)
    return found
