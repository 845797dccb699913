"""Markdown of the report for the asset's page; text from the data is escaped.

Dagster shows Markdown of less than 1,000 characters inline, and longer text behind a link.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from summarizer_assets.charts import Chart
from summarizer_assets.core.display_text import number_of, share, usd
from summarizer_assets.core.markdown import bar, escaped
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.report.doubted import marked, reasons
from summarizer_assets.report.facts import Doubt, Report, Sample

INLINE = 999  # characters
_STEPS, _REASONS, _DOUBTS = 4, 8, 10


def texts(report: Report, charts: Mapping[str, Chart]) -> dict[str, str]:
    """The Markdown sections by name; empty sections are left out."""
    found = {
        "how_it_stands": how_it_stands(report),
        "next": _next(report),
        "failures": _failures(report),
        "charts": "\n\n".join(f"**{escaped(chart.title)}**\n\n{chart.markdown}" for chart in charts.values()),
        "summaries_to_look_at": "\n\n---\n\n".join(map(_doubt, report.doubts[:_DOUBTS])),
        "summaries_to_read": "\n\n---\n\n".join(map(_sample, report.samples)),
    }
    return {name: text for name, text in found.items() if text}


def numbers(report: Report) -> dict[str, Any]:
    """Plain numbers, which Dagster plots over time; unknown values are left out."""
    coverage, summaries, failures, money = report.coverage, report.summaries, report.failures.total, report.money
    found: dict[str, Any] = {
        "authors": coverage.authors,
        "summaries": coverage.summaries,
        "failed": coverage.failed,
        "pending": coverage.pending,
        "in_batch": report.in_batch.authors or None,
        "batch_jobs": report.in_batch.jobs or None,
        "outdated": coverage.outdated if report.compared else None,
        "vanished": coverage.vanished,
        "rejected_source_rows": report.rejected_rows,
        "failures_due": failures.due,
        "failures_waiting": failures.waiting,
        "failures_exhausted": failures.exhausted,
        "summaries_by_second_model": report.by_second_model,
        "flagged": summaries.flagged,
        "median_words": summaries.words.quantile(0.5),
        "mean_support": None if summaries.support.mean is None else round(summaries.support.mean / 100, 3),
        "prompt_tokens": money.prompt_tokens or sum(made.prompt_tokens for made in summaries.made.values()),
        "completion_tokens": money.completion_tokens or sum(made.completion_tokens for made in summaries.made.values()),
        "authors_per_second": report.throughput.authors_per_second and round(report.throughput.authors_per_second, 1),
    }
    if money.known:
        found |= {
            "spent_usd": dollars(money.spent),
            "wasted_usd": dollars(money.wasted),
            "uncertain_usd": dollars(money.uncertain),
            "usd_per_summary": report.usd_per_summary,
        }
    return {name: number for name, number in found.items() if number is not None}


def how_it_stands(report: Report) -> str:
    """The verdict, a bar, and its three numbers."""
    coverage, money = report.coverage, report.money
    if not coverage.authors:
        return f"**{report.verdict}**"
    picture = bar(share(coverage.summaries, coverage.authors), coverage.summaries, coverage.failed, coverage.pending)
    jobs = f" ({report.in_batch.authors:,} in {report.batch_jobs})" if report.in_batch.jobs else ""
    cost = "cost not known" if not money.known else f"{usd(dollars(money.spent))} spent"
    return (
        f"**{report.verdict}**\n\n{picture}\n\n{coverage.summaries:,} of {coverage.authors:,} authors have a summary "
        f"({share(coverage.summaries, coverage.authors)}), {coverage.failed:,} have none for a reason, "
        f"{coverage.pending:,} are still to be asked{jobs}; {cost}"
    )


def _next(report: Report) -> str:
    """As many of the next steps as fit inline."""
    lines = [f"- **{escaped(step.what)}**: {escaped(step.how)}" for step in report.steps]
    if not lines:
        return "Nothing: every author has a summary, or a reason why not."
    return _inline(lines[:_STEPS], lines, "- {} more in the report")


def _failures(report: Report) -> str:
    reasons = report.failures.by_reason
    if not reasons:
        return ""
    head = ["| reason | authors | due | later | used up |", "|---|---:|---:|---:|---:|"]
    rows = [
        f"| {escaped(reason, 40)} | {found.authors:,} | {found.due:,} | {found.waiting:,} | {found.exhausted:,} |"
        for reason, found in reasons.items()
    ]
    return "\n".join(head) + "\n" + _inline(rows[:_REASONS], rows, "| {} more | | | | |", len("\n".join(head)) + 1)


def _inline(shown: Sequence[str], lines: Sequence[str], more: str, before: int = 0) -> str:
    shown = list(shown)
    while True:
        hidden = len(lines) - len(shown)
        text = "\n".join([*shown, *([more.format(hidden)] if hidden else [])])
        if before + len(text) <= INLINE or not shown:
            return text
        shown.pop()


def _sample(sample: Sample) -> str:
    cited = "" if sample.citations is None else f", cited {number_of(sample.citations, 'time')}"
    facts = f"{escaped(sample.affiliation, 200) or 'no affiliation'}; {number_of(sample.papers, 'paper')}{cited}"
    titles = "\n".join(f"- {escaped(title, 300)}" for title in sample.titles or sample.topics[:12])
    return f"**{escaped(sample.name, 200)}**: {facts}\n\n> {escaped(sample.summary, 4000)}\n\n{titles}"


def _doubt(doubt: Doubt) -> str:
    """The reasons, and the summary with the doubtful words in bold; the record is on the page."""
    why = "\n".join(
        f"- {escaped(reason.flag.meaning)}"
        + (f": {', '.join(f'**{escaped(passage)}**' for passage in reason.passages)}" if reason.passages else "")
        for reason in reasons(doubt)
    )
    text = "".join(f"**{escaped(piece.text)}**" if piece.doubted else _spaced(piece.text) for piece in marked(doubt))
    return f"**{escaped(doubt.name, 200)}** ({escaped(doubt.author_id, 60)})\n\n{why}\n\n> {text}"


def _spaced(text: str) -> str:
    """The escaped text with the blanks at its ends kept, because it adjoins bold words."""
    plain = text.strip()
    before, after = text.startswith(" ") * " ", text.endswith(" ") * " "
    return f"{before}{escaped(plain)}{after}" if plain else " "
