"""Markdown of an estimate and of its reconciliation, for Dagster's pages and a terminal."""

from collections.abc import Iterator

from summarizer_assets.core.display_text import duration, moment, number, number_of, usd
from summarizer_assets.core.duration import UNKNOWN, Duration
from summarizer_assets.core.estimation.batch_window import BatchWork
from summarizer_assets.core.markdown import table
from summarizer_assets.estimate.reconcile import Reconciliation
from summarizer_assets.estimate.spend import Option, SpendEstimate
from summarizer_assets.estimate.terms import FLEX, NO_PRICE, usd_span

_PILOT = 50
_CUT = 0.75  # of a size; the last group of a bucket is smaller anyway


def estimate_markdown(spend: SpendEstimate) -> str:
    """The tables by group size and by route, followed by their assumptions."""
    return "\n\n".join(filter(None, (estimate_table(spend), routes_table(spend), estimate_notes(spend))))


def estimate_table(spend: SpendEstimate) -> str:
    """The table by group size, kept short: Dagster shows Markdown of less than 1,000 characters inline."""
    head = ("authors a request", "requests", "tokens in", "tokens out", f"cost, {spend.prices.name}",
            f"cost, {spend.prices.other_tier}", "time")  # fmt: skip
    return table(head, [_row(option, configured=option is spend.configured) for option in spend.options])


def routes_table(spend: SpendEstimate) -> str:
    """The configured group size by each route; empty where there is only one."""
    if len(spend.routes) == 1:
        return ""
    found = spend.configured.estimate
    tokens = (number(found.prompt_tokens.expected), number(found.completion_tokens.expected))
    rows = [
        (
            f"**{route.name}** (configured)" if route.chosen else route.name,
            *tokens,
            UNKNOWN if route.cost_usd is None else usd_span(route.cost_usd),
            time_told(route.duration),
            "" if route.jobs is None else jobs_told(route.jobs),
        )
        for route in spend.routes
    ]
    return table(("route", "tokens in", "tokens out", "cost", "time", "batch jobs"), rows)


def jobs_told(jobs: BatchWork) -> str:
    """How many, in how many rounds, and how many of one bucket at most."""
    rounds = f" in {number(jobs.rounds)} rounds" if jobs.rounds > 1 else ""
    each = f" (up to {number(jobs.most_of_a_bucket)} a bucket)" if jobs.most_of_a_bucket > 1 else ""
    return f"{number(jobs.jobs)}{rounds}{each}"


def estimate_notes(spend: SpendEstimate) -> str:
    """The assumptions of the table, and a comparison with the budget."""
    return "\n".join(f"- {note}" for note in _notes(spend))


def reconciliation_markdown(found: Reconciliation | None) -> str:
    """The last stored estimate compared with what happened since."""
    if found is None:
        return "No earlier estimate is kept."
    rows: list[tuple[str, ...]] = [
        ("authors", number(found.authors_expected), number(found.authors_answered)),
        ("requests", number(found.calls_expected), UNKNOWN if found.calls is None else number(found.calls)),
        ("tokens", number(found.tokens_expected), number(found.tokens)),
        ("tokens an author", _each(found.tokens_per_author_expected), _each(found.tokens_per_author)),
        ("cost", _usd(found.cost_expected_usd), _usd(found.cost_usd)),
        ("cost of 1,000 authors", _thousand(found.cost_per_author_expected_usd), _thousand(found.cost_per_author_usd)),
    ]
    head = (f"the estimate of {moment(found.estimated_at)}", "estimated", "since then")
    lines = [table(head, rows), "", _verdict(found)]
    if found.authors_failed:
        lines.append(f"{number(found.authors_failed)} more were asked and failed: their requests are in the figures.")
    return "\n".join(lines)


def _row(option: Option, *, configured: bool) -> tuple[str, ...]:
    found = option.estimate
    size = number(option.group_size)
    return (
        f"**{size}** (configured)" if configured else size,
        number(found.calls.expected),
        number(found.prompt_tokens.expected),
        number(found.completion_tokens.expected),
        UNKNOWN if found.cost_usd is None else usd_span(found.cost_usd),
        UNKNOWN if option.other_cost_usd is None else usd_span(option.other_cost_usd),
        time_told(option.duration),
    )


def _notes(spend: SpendEstimate) -> Iterator[str]:
    yield _who(spend)
    yield from _basis(spend)
    yield "In brackets: the true cost lies there nine times of ten. Nothing is taken to come from a provider's cache."
    yield from _money(spend)
    yield from _second(spend)
    largest = spend.options[-1]
    if largest.authors_a_call < _CUT * largest.group_size and largest.estimate.calls.expected:
        most = max(option.authors_a_call for option in spend.options)
        yield (
            f"No request holds more than about {number(most)} authors: "
            "SUMMARIZER_MAX_OUTPUT_TOKENS and SUMMARIZER_GROUP_TOKENS cut groups to fit, and buckets hold no more."
        )
    yield from _times(spend)
    yield from _batch_jobs(spend)
    yield _read(spend)


def _who(spend: SpendEstimate) -> str:
    pending = spend.pending
    error = "" if pending.counted else f", give or take {number(1.645 * pending.sd)}"
    new, again = sum(pending.new.values()), sum(pending.known.values())
    text = f"{number(pending.asked)} authors would be asked{error}: "
    text += f"{number(new)} for the first time, {number(again)} again"
    if pending.held_back:
        text += f". SUMMARIZER_LIMIT={spend.limit} holds back {number(pending.held_back)} more"
    if spend.in_batch:
        text += f". {number(spend.in_batch)} more are in batch jobs, and in no figure here"
    return text + "."


def _basis(spend: SpendEstimate) -> Iterator[str]:
    model = spend.model
    if model.learnt:
        yield (
            f"Tokens are learnt from {number(model.requests)} requests of {number(model.authors)} authors, with this "
            f"prompt and model: a summary takes {number(model.output)} tokens, "
            f"{model.again:.1%} of authors are asked again."
        )
        return
    yield (
        f"**Beforehand**: no answer to this prompt and model is there, so {number(model.output)} tokens a summary are "
        "a guess (a model that thinks first writes many more)."
    )
    pilot = f"set SUMMARIZER_LIMIT={_PILOT}, summarise one bucket" if spend.limit is None else "let the pilot run"
    yield f"For a sure figure buy a pilot: {pilot}, and estimate again."


def _money(spend: SpendEstimate) -> Iterator[str]:
    prices = spend.prices
    yield from (f"**{notice}**" for notice in prices.notices)
    if prices.price is None:
        yield f"Tokens only: {NO_PRICE}."
    else:
        yield f"The price is {prices.source}." if not prices.price.free else "The price is 0."
    if prices.other is None and not (prices.price and prices.price.free):
        yield f"The {prices.other_tier} tier: {prices.other_reason}."
    yield from _flex(spend)
    left, beyond = spend.budget_left_usd, spend.beyond_budget_usd
    cost = spend.configured.estimate.cost_usd
    if left is None or beyond is None or cost is None:
        return
    if beyond > 0:
        covered = f"; it pays for about {number(spend.pending.asked * max(0.0, left) / cost.expected)} authors"
        yield f"**This exceeds what is left of SUMMARIZER_BUDGET_USD, {usd(left)}, by {usd(beyond)}**{covered}."
    elif cost.high > left:
        yield f"What is left of SUMMARIZER_BUDGET_USD, {usd(left)}, covers the expected cost, not the upper end."
    else:
        yield f"What is left of SUMMARIZER_BUDGET_USD, {usd(left)}, covers it."


def _second(spend: SpendEstimate) -> Iterator[str]:
    second = spend.second
    if second is None or not second.authors:
        return
    if second.cost_usd is None:
        yield f"Each author whom the model fails is asked of {second.model} too, whose price is not known."
        return
    each = second.cost_usd.expected / second.authors
    yield (
        f"Each author whom the model fails costs {usd(each)} more, for {second.model}: {usd(second.cost_usd.high)} at "
        f"most, for all {number(second.authors)}. That is in no figure here."
    )


def _flex(spend: SpendEstimate) -> Iterator[str]:
    """What the cheaper service tier would save, and how replies of each tier are booked."""
    prices, cost, other = spend.prices, spend.configured.estimate.cost_usd, spend.configured.other_cost_usd
    if prices.price is None or prices.other is None or cost is None or other is None or not cost.expected:
        return
    factor, saved = other.expected / cost.expected, cost.expected - other.expected
    if prices.other_tier == FLEX and saved > 0:
        yield (
            f'SUMMARIZER_LLM_EXTRA_BODY={{"service_tier": "flex"}} would cost {factor:.2g} of that, {usd(saved)} less, '
            "for slower answers, and none where the provider has no capacity to spare."
        )
    if prices.tier == FLEX:
        yield "Each reply is booked at the tier that it names: what is not served as flex costs the list price."


def _times(spend: SpendEstimate) -> Iterator[str]:
    options = [option for option in spend.options if option.estimate.calls.expected]
    durations = [option.duration for option in options if not option.duration.at_most]
    known = dict.fromkeys(one.bound_by for one in durations if one.bound_by != UNKNOWN)
    if known:
        yield f"The time is of one run after the other, bound by {' or '.join(known)}."
    if any(one.seconds is None or one.at_least for one in durations):
        yield ("How long a request takes is not known for every size: `summarizer calibrate` measures it.")


def _batch_jobs(spend: SpendEstimate) -> Iterator[str]:
    """What the row of batch jobs rests on, and what they would save."""
    route = next((route for route in spend.routes if route.jobs is not None), None)
    if route is None or route.jobs is None or not route.jobs.jobs:
        return
    window, tokens = duration(route.jobs.window_s), number(spend.configured.estimate.prompt_tokens.expected)
    if route.queue is None:
        queue = (
            f"in one round, if the account may queue {tokens} input tokens; SUMMARIZER_BATCH_ENQUEUED_TOKENS tells it"
        )
    else:
        rounds = number_of(route.jobs.rounds, "round")
        queue = f"in {rounds}, for the account may queue {number(route.queue)} of {tokens} input tokens"
    yield (
        f"A batch job takes the provider {window} at most, here {queue}. Authors whose answer fails a check go into a "
        "further job."
    )
    if spend.auto:
        yield f"SUMMARIZER_ROUTE=auto: the run of the bucket with the most authors to ask goes {spend.chosen.told}."
    if not route.discounted:
        yield "What batch jobs cost at this provider is not known: SUMMARIZER_BATCH_FACTOR tells it."
    cost = spend.configured.estimate.cost_usd
    if (
        not route.chosen
        and not spend.auto
        and cost is not None
        and route.cost_usd is not None
        and route.cost_usd.expected < cost.expected
    ):
        part, saved = route.cost_usd.expected / cost.expected, cost.expected - route.cost_usd.expected
        yield f"SUMMARIZER_ROUTE=batch would cost {part:.2g} of that, {usd(saved)} less."


def _read(spend: SpendEstimate) -> str:
    pending = spend.pending
    if pending.counted:
        return f"Read: all {number(spend.authors_read)} authors, in {duration(spend.seconds)}."
    return (
        f"Read: {number(spend.authors_read)} authors in {len(pending.samples)} of {len(pending.new)} buckets, "
        f"in {duration(spend.seconds)}."
    )


def _verdict(found: Reconciliation) -> str:
    if found.inside is None:
        return "Nobody was answered since."
    share = found.authors_answered / found.authors_expected
    where = "inside" if found.inside else "**outside**"
    return f"{share:.0%} of the authors are answered; at what they took, all of them come out {where} the interval."


def time_told(found: Duration) -> str:
    if found.seconds is None:
        return UNKNOWN
    return ("at least " if found.at_least else "at most " if found.at_most else "") + duration(found.seconds)


def _each(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _usd(value: float | None) -> str:
    return UNKNOWN if value is None else usd(value)


def _thousand(value: float | None) -> str:
    return UNKNOWN if value is None else usd(1000 * value)
