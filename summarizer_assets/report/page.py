"""The report as an HTML page: nothing from elsewhere, all text from data escaped, one script, which is our own.

The authors that it shows one by one come as scripts beside it (`report.cards`), loaded by that script alone.
"""

import base64
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from summarizer_assets.charts import Chart
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.authors.failure_counts import action_for, is_rule, meaning_of
from summarizer_assets.core.display_text import duration, moment, number, number_of, rate, share, stretches, usd
from summarizer_assets.core.judging import flags
from summarizer_assets.core.money.amounts import NANO, dollars
from summarizer_assets.report.doubted import marked, reasons
from summarizer_assets.report.facts import Report

_BUCKETS, _DAYS = 256, 31  # rows of a table
_PAPERS = 4  # of a record shown without unfolding
_WIDTH = 1000  # of the bar, in its own units
_DIRECTIONS = {"L": "ltr", "R": "rtl", "AL": "rtl"}
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def page(report: Report, charts: Mapping[str, Chart]) -> bytes:
    """The page of `report` with `charts`, as UTF-8."""
    style, script = _own("page.css"), _own("page.js")
    lacking = sorted(
        ((key, found) for key, found in report.buckets.items() if found.failed + found.pending),
        key=lambda item: (-(item[1].failed + item[1].pending), item[0]),
    )
    days = list(report.summaries.by_day.items())
    reasons = report.failures.by_reason
    by_rule = sum(found.authors for reason, found in reasons.items() if is_rule(reason))
    cost = report.usd_per_summary
    text = _template().render(
        report=report,
        charts=charts,
        style=Markup(style),  # noqa: S704 - our own file, which holds no data
        style_hash=_digest(style),
        script=Markup(script),  # noqa: S704 - the same
        script_hash=_digest(script),
        coverage=report.coverage,
        bar=bar(report.coverage),
        total=report.failures.total,
        reasons=reasons,
        by_rule=by_rule,
        failed_not_by_rule=report.coverage.failed - by_rule,
        stopped_buckets=sum(len(buckets) for _, buckets, _ in report.stopped),
        speed=report.throughput.authors_per_second,
        per_thousand=None if cost is None else cost * 1000 * NANO,
        pressing=any(step.pressing for step in report.steps),
        lacking=lacking,
        lacking_shown=lacking[:_BUCKETS],
        lacking_hidden=len(lacking) > _BUCKETS,
        estimate=report.estimate,
        made=sorted(
            ((model, prompt, found) for (prompt, model), found in report.summaries.made.items()),
            key=lambda row: (-row[2].summaries, row[0], row[1]),
        ),
        days=days[-_DAYS:],
        days_hidden=max(0, len(days) - _DAYS),
        flags=report.summaries.flags.most_common(),
        meaning_of=meaning_of,
        meaning_of_flag=flags.meaning_of,
        papers_shown=_PAPERS,
        action_for=action_for,
    )
    return text.encode()


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a Content-Security-Policy names the one inline text that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_own),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": made_visible,
        "direction": direction,
        "marked": marked,
        "reasons": reasons,
        "thousands": number,
        "share": share,
        "usd": lambda nano: usd(dollars(nano)),
        "dollars": usd,
        "rate": rate,
        "duration": duration,
        "moment": moment,
        "epoch": lambda seconds: "" if seconds is None else moment(datetime.fromtimestamp(seconds, UTC)),
        "date": lambda at: f"{at:%Y-%m-%d}",
        "sentence": lambda text: f"{text[:1].upper()}{text[1:]}.",
        "spelt": lambda count: f"{_NUMBERS[count]} {'summary' if count == 1 else 'summaries'}",
    }
    environment.globals["count"] = number_of
    return environment.get_template("page.html.j2")


def bar(coverage: Coverage) -> list[tuple[str, int, int]]:
    """Name, start and width of each part of the bar that is not empty."""
    parts = ("summaries", "failed", "pending")
    drawn = stretches([getattr(coverage, name) for name in parts], _WIDTH)
    return [(name, start, width) for name, (start, width) in zip(parts, drawn, strict=True) if width]


def direction(text: str) -> str:
    """The writing direction of most letters: an English sentence that begins with an Arabic name is `ltr`."""
    letters = Counter(_DIRECTIONS.get(unicodedata.bidirectional(sign), "") for sign in text)
    return "rtl" if letters["rtl"] > letters["ltr"] else "ltr"
