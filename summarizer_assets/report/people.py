"""Single authors of a report: the random sample, and those with a doubtful summary, each with its record."""

from collections.abc import Mapping
from typing import Any

from summarizer_assets.core.judging.doubts import doubted_words
from summarizer_assets.core.prompt.parsed_record import view_of
from summarizer_assets.report.facts import Doubt, Sample

_TITLES = 3


def sample_of(row: Mapping[str, Any]) -> Sample:
    """A sample from the joined columns of a summary and its author; columns in both have `_right` for the author."""
    papers = [paper for paper in row["papers"] or [] if paper is not None]
    cited = [paper["citingsrcslocalcount"] for paper in papers if paper["citingsrcslocalcount"] is not None]
    best = sorted(papers, key=lambda paper: -(paper["citingsrcslocalcount"] or 0))
    return Sample(
        author_id=row["author_id"],
        bucket=row["bucket"],
        name=row["author_name_right"] or row["author_name"] or "",
        affiliation=row["primary_affiliation"] or "",
        papers=len(papers),
        citations=sum(cited) if cited else None,
        titles=[paper["title"] for paper in best if paper["title"]][:_TITLES],
        topics=[topic for topic in row["topics"] or [] if topic],
        summary=row["summary"] or "",
        support=row["support"],
        flags=list(row["flags"] or []),
        model=row["model"] or "",
    )


def doubt_of(row: Mapping[str, Any]) -> Doubt:
    """A doubt from the joined columns of a summary and its author's current rendered record, as in `sample_of`.

    Words are compared only if the record is still the one the summary was written from.
    """
    changed = row["content_hash"] != row["content_hash_right"]
    record, summary, flags = row["text"], row["summary"] or "", list(row["flags"] or [])
    found = {} if changed or not flags else doubted_words(row["author_name_right"] or "", record, summary)
    return Doubt(
        author_id=row["author_id"],
        bucket=row["bucket"],
        name=row["author_name_right"] or row["author_name"] or "",
        record=view_of(record),
        changed=changed,
        summary=summary,
        flags=flags,
        doubted={flag: words for flag, words in found.items() if flag in flags},
        support=row["support"],
    )
