"""CSV dialect detection over a whole file: the dialect that breaks the fewest rows; an ambiguous file is refused."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from summarizer_assets.sources.csv.dialect import MAY_BE_BARE, Dialect, Escape
from summarizer_assets.sources.csv.header import Opened
from summarizer_assets.sources.csv.rows import Rules
from summarizer_assets.sources.csv.signs import SURE, Sign
from summarizer_assets.sources.csv.survey import REMEDY, Survey, survey
from summarizer_assets.sources.errors import SourceError

_FEW = 10  # rows with broken quotes that are rejected whatever their share
_MISQUOTED = 0.01  # share of the rows above which the quotes of the others cannot be trusted either
_ORDER: tuple[Escape, ...] = ("text", "quote", "quoted", "all", "letters")


@dataclass(frozen=True)
class Decided:
    """How a whole file is read.

    Attributes:
        rules: how its rows are separated, decided after reading all of it.
        found: the survey of the file under these rules.
    """

    rules: Rules
    found: Survey


def decide(blocks: Callable[[], Iterable[bytes]], opened: Opened, where: str) -> Decided:
    """Decide quotes and escapes from the whole file; delimiter and line ends are known from its start.

    Raises:
        SourceError: the quotes cannot be trusted, or two dialects read the file equally well.
    """
    seen: dict[Dialect, Survey] = {}

    def look(dialect: Dialect) -> Survey:
        if dialect not in seen:
            rules = replace(opened.rules, dialect=dialect)
            worth = min((found.bad for found in _fitting(seen).values()), default=None)
            seen[dialect] = survey(blocks(), rules, opened.skip, opened.line, where, worth=worth)
        return seen[dialect]

    first = opened.rules.dialect
    found = look(first)
    if found.quotes or found.backslashes:
        usual = first.quote == b'"' and first.delimiter not in MAY_BE_BARE and not found.backslashes
        if not usual:
            for other in _variants(first, found, opened):
                look(other)
    best = _best(seen, opened, where)
    found = seen[best]
    misquoted = found.broken["broken_quotes"]
    if misquoted > _FEW and misquoted > _MISQUOTED * found.rows:
        raise SourceError(
            f"{where}: its quotes cannot be trusted: they are broken in {misquoted:,} of {found.rows:,} rows, first on "
            f"line {found.first['broken_quotes']:,} ({best.words()}); {REMEDY}"
        )
    return Decided(replace(opened.rules, dialect=best), found)


def _variants(first: Dialect, found: Survey, opened: Opened) -> Iterable[Dialect]:
    """Dialects with other quotes and escapes to try, the likelier first."""
    quotes: list[bytes | None] = [first.quote]
    if first.quote == b'"' and not opened.header_quoted and first.delimiter in MAY_BE_BARE:
        quotes.append(None)
    elif first.quote is None:
        quotes.append(b'"')
    for quote in quotes:
        escapes: list[Escape] = ["text"]
        if found.backslashes:
            escapes += ["quote", "quoted", "all"] if quote else ["all", "letters"]
        for escape in escapes:
            yield replace(first, quote=quote, escape=escape)


def _best(seen: Mapping[Dialect, Survey], opened: Opened, where: str) -> Dialect:
    fitting = _fitting(seen)
    least = min(found.bad for found in fitting.values())
    left = {dialect: fitting[dialect] for dialect in fitting if fitting[dialect].bad == least}
    if len({dialect.quote is None for dialect in left}) > 1:
        literal = _literal(left, where)
        left = {dialect: found for dialect, found in left.items() if (dialect.quote is None) == literal}
    escapes = {dialect.escape: dialect for dialect in sorted(left, key=lambda dialect: _ORDER.index(dialect.escape))}
    return escapes[_escape(escapes.keys(), left, opened, where)]


def _fitting(seen: Mapping[Dialect, Survey]) -> Mapping[Dialect, Survey]:
    """The surveys whose signs do not contradict their dialect; reading quotes as text is never contradicted."""
    return {
        dialect: found
        for dialect, found in seen.items()
        if not found.cut_short and not _contradicted(dialect, found.signs)
    }


def _contradicted(dialect: Dialect, signs: Counter[Sign]) -> bool:
    """Whether the file holds something that a writer of this dialect would not write."""
    match dialect.escape:
        case "text":
            return False
        case "quote":
            return signs["doubled"] > 0
        case "quoted":
            return signs["doubled"] > 0 or signs["lone in quotes"] > 0
        case "all":
            return signs["doubled"] > 0 or signs["lone"] > 0
        case "letters":
            return dialect.delimiter != b"\t" or signs["no letter"] > 0


def _literal(left: Mapping[Dialect, Survey], where: str) -> bool:
    """Whether quotes are text, where both readings give whole rows.

    Quotes around values that need none (`"Smart cities"`) are text: writers quote for a reason, a delimiter or quote
    in the value or, in Excel's tab-delimited text, a comma.
    """
    quoted = [found.signs for dialect, found in left.items() if dialect.quote is not None]
    if not any(signs["in quotes"] or signs["empty quotes"] for signs in quoted):
        return True
    if any(signs["doubled"] or signs["escaped in quotes"] for signs in quoted):
        return False
    signs = quoted[0]
    if signs["needless quotes"] or (signs["comma in quotes"] and signs["comma outside"]):
        return True
    if signs["comma in quotes"] == 1:
        raise SourceError(
            f"{where}: one value stands in quotes, and nothing in the file tells whether they are part of it; {REMEDY}"
        )
    return False


def _escape(left: Collection[Escape], seen: Mapping[Dialect, Survey], opened: Opened, where: str) -> Escape:
    """Decide what backslashes mean, where all of `left` give whole rows."""
    signs: Counter[Sign] = Counter()
    for found in seen.values():
        signs |= found.signs
        signs["pair"] = max(signs["pair"], len(found.pairs))
    escapes = [escape for escape in left if escape != "text"]
    if "text" not in left or not escapes:
        return _which(escapes, signs, opened, where) if escapes else "text"
    differ = signs["pair"] or signs["escaped quote"] or signs["escaped end"] or ("letters" in left and signs["letter"])
    if not differ:
        return "text"
    if signs["null"] and "letters" in left:
        return "letters"
    # No text has this many double backslashes and no single one; JSON may, but then its quotes are doubled.
    sure = signs["pair"] >= SURE and all(dialect.quote is not None for dialect in seen)
    if signs["null"] or sure:
        return _which(escapes, signs, opened, where)
    raise _two_ways(where, "as text", "as escapes")


def _which(left: Collection[Escape], signs: Counter[Sign], opened: Opened, where: str) -> Escape:
    """Decide which tool's escapes they are; `left` is in the order R (`quote`), Spark (`quoted`), MySQL and Python."""
    first = next(iter(left))
    if len(left) == 1 or not (signs["pair"] or signs["escaped end"]):
        return first
    sure = signs["pair"] >= SURE and opened.layout.form != "nested"  # JSON text doubles backslashes itself
    if "quote" in left and opened.header_quoted and not sure:
        raise _two_ways(where, "as R writes them (two are two)", "as Spark and Python write them (two are one)")
    if {"quoted", "all"} <= set(left) and signs["pair outside"]:
        if signs["pair outside"] < SURE:
            raise _two_ways(where, "as Spark writes them (outside of quotes, two are two)", "as MySQL and Python do")
        return "all"
    return next((escape for escape in left if escape in ("quoted", "all")), first)


def _two_ways(where: str, one: str, other: str) -> SourceError:
    return SourceError(
        f"{where}: its backslashes can be read in two ways, {one} or {other}, and nothing in it tells which; {REMEDY}"
    )
