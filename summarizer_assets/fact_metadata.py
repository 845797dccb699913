"""Facts of a run as Dagster metadata, and back.

A page shows what people come for first, by name; all other facts that are not zero stand in one table. A number that is
zero is shown as text, or left out of the table, because Dagster draws a plot for each number.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import dagster as dg

from summarizer_assets.bucket_run.failure_table import Listing
from summarizer_assets.core.authors.failure_counts import action_for

#: The table of all facts that have no entry of their own.
REST: Final = "everything_else"
_OFFERED = ("would_ask", "would_renew", "would_make_calls", "would_use_tokens", "would_cost", "would_cost_usd",
            "would_cost_usd_at_most")  # fmt: skip
#: By asset: the facts with an entry of their own, in the order in which its page shows them.
_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "authors": ("authors", "added", "changed", "removed", "to_bring_them_back", "unchanged", "source_rows",
                "buckets_rewritten", "seconds", "source", "read"),
    "author_summaries": ("stopped", "waits_for", "model_notice", *_OFFERED, "newest_summaries", "authors", "summaries",
                         "failed", "pending", "in_batch", "batch_jobs", "calls", "tokens", "spent_usd", "price",
                         "authors_per_second"),
    "failed_authors": ("failures", "failures_not_shown"),
    "summary_report": ("how_it_stands", "next", "authors", "summaries", "failed", "pending", "in_batch", "spent_usd",
                       "usd_per_summary", "median_words", "mean_support", "summaries_to_read", "worst_failures"),
}  # fmt: skip
_LAST = ("root",)
#: What a fact in the table of the rest counts, where its name does not say it.
_MEANINGS: Final[Mapping[str, str]] = {
    "answered": "authors with a new summary",
    "newly_failed": "authors who failed in this run",
    "replayed_from_journal": "answers of a run that died before it stored them",
    "held_back_by_limit": "authors who wait because of SUMMARIZER_LIMIT",
    "summaries_removed": "of authors who left the source, or may not be sent",
    "renewed_by_choice": "summaries made anew, as a person chose",
    "kept_old_summary_since": "authors who keep their summary because the new one failed, by reason",
    "groups": "sets of authors that were sent together",
    "groups_split": "sets that were divided after a bad reply",
    "authors_asked_again": "in this run, because their answer was missing or unusable",
    "retries": "requests sent again after a passing error",
    "throttles": "replies that said: too many requests",
    "outages": "times the provider was given a rest",
    "prompt_tokens": "read by the model",
    "completion_tokens": "written by the model",
    "adapted": "how the provider is asked, where not as at first",
    "wasted_usd": "billed for replies of which nothing was kept",
    "uncertain_usd": "perhaps billed: no reply came",
    "spent_in_all_usd": "by all runs under this root",
    "uncertain_in_all_usd": "perhaps billed, by all runs under this root",
    "budget_usd": "the most that all runs may spend",
    "commits": "new versions of the table",
    "rows_written": "rows added or replaced in the table",
    "bytes_rewritten": "size of the buckets that were rewritten",
    "rows_changed_by_others": "rows that another tool had changed, put right",
    "rejected_rows": "source rows that can be no author, by reason",
    "duplicate_authors_merged": "rows of an author beside the first",
    "duplicate_papers_merged": "copies of a paper of one author",
    "unparsable_values": "values that are no number or flag and became null, by column",
    "words_for_nothing": "values such as NULL or n/a that became null, by column",
    "files_read_as": "files of the source, by format",
    "texts_cut": "texts that were too long, by column",
}
_DAGSTER, _TABLE_ROWS = "dagster/", "dagster/row_count"
_BY_REASON = "failures_by_reason"
_ZERO = "0"
_KEY = ": "  # between the name of a fact and a key, where the fact is a mapping


def to_metadata(asset: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a run about an asset as Dagster metadata values, in the order in which its page shows them.

    Args:
        asset: whose page it is.
        facts: numbers, texts, listings, mappings of numbers, and values of dagster; those named `dagster/…` stay as
            they are.
    """
    first = [name for name in _SHOWN.get(asset, ()) if name in facts]
    own = {name: value for name, value in facts.items() if not name.startswith(_DAGSTER) and name not in _LAST}
    roomy = [name for name, value in own.items() if name not in first and _needs_room(value)]
    found = {name: _entry(own[name]) for name in (*first, *roomy)}
    rows = list(_rows({name: value for name, value in own.items() if name not in found}))
    if rows:
        found[REST] = _table(rows)
    found |= {name: facts[name] for name in _LAST if name in facts}
    # The size of a whole table is shown also if it is zero: Dagster's page has a place for it.
    named = {name: value for name, value in facts.items() if name.startswith(_DAGSTER)}
    return found | {name: value for name, value in named.items() if value or name == _TABLE_ROWS}


def from_metadata(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    """The facts that `to_metadata` was given, without those of the table of the rest that were zero or empty."""
    found: dict[str, Any] = {}
    for name, value in metadata.items():
        if name != REST or not isinstance(value, dg.TableMetadataValue):
            found[name] = 0 if value == dg.MetadataValue.text(_ZERO) else value.value
            continue
        for record in value.records:
            fact, _, key = str(record.data["what"]).partition(_KEY)
            if key:
                found.setdefault(fact, {})[key] = record.data["value"]
            else:
                found[fact] = record.data["value"]
    return found


def _needs_room(value: object) -> bool:
    """Whether a value is too large for a cell: Markdown of several lines, a table, a value of dagster."""
    return isinstance(value, Listing | dg.MetadataValue) or (isinstance(value, str) and "\n" in value)


def _entry(value: Any) -> Any:  # noqa: ANN401 - what dagster takes as metadata
    if isinstance(value, Listing):
        columns = [dg.TableColumn(name, description=words or None) for name, words in value.columns.items()]
        records = [dg.TableRecord(dict(zip(value.columns, row, strict=True))) for row in value.rows]
        return dg.MetadataValue.table(records, dg.TableSchema(columns))
    if isinstance(value, str):
        return dg.MetadataValue.md(value) if "\n" in value else value
    return _ZERO if isinstance(value, int | float) and value == 0 else value


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for name, value in facts.items():
        meaning = _MEANINGS.get(name, "")
        if isinstance(value, Mapping):
            told = {key: number for key, number in value.items() if number}
            for key, number in told.items():
                yield f"{name}{_KEY}{key}", number, action_for(key) if name == _BY_REASON else meaning
        elif value or isinstance(value, bool):
            yield name, value, meaning


def _table(rows: list[tuple[str, Any, str]]) -> dg.TableMetadataValue:
    columns = ("what", "value", "meaning")
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in columns]))
