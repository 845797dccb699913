"""Bookings and grants between a run and the shared ledger. All amounts in nano-dollars.

Money is reserved before it may be spent: `spent + uncertain + reserved <= cap` holds after every grant, so the cap is
kept whatever the runs do with their reservations. Only amounts that a provider bills beyond what a request allows can
exceed it. The first such reply shows this while others are in flight; then nothing is granted until all have room.
"""

from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.excess import NOTHING_SEEN, Excess, shown_times


class PastUnknown(Exception):
    """The ledger has no spending for a root whose tables contain paid answers.

    With a budget nothing is granted then: another ledger has the past spending, and the budget would start again here.
    """


#: Near the cap a run gets at most one part in this many of what is left beyond its need, so that others get some.
_PART: Final = 4


@dataclass(slots=True)
class Booking:
    """The results of requests since the last booking.

    `wasted`: the part of `spent` without a summary. `uncertain`: may have been billed, and counts as if it was.
    `worst`: as in `Excess`, from the replies' usage.
    """

    spent: int = 0
    uncertain: int = 0
    wasted: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0
    worst: int = 0

    def add(self, cost: int, usage: Usage, *, wasted: bool) -> None:
        """Add an answered request."""
        self.spent += cost
        if wasted:
            self.wasted += cost
        self.prompt_tokens += usage.prompt_tokens
        self.cached_tokens += usage.cached_tokens
        self.completion_tokens += usage.completion_tokens
        self.requests += 1

    def __add__(self, other: "Booking") -> "Booking":
        return Booking(
            self.spent + other.spent,
            self.uncertain + other.uncertain,
            self.wasted + other.wasted,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.requests + other.requests,
            max(self.worst, other.worst),
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A requested reservation: `floor`, already held, plus at least `need` or nothing, and at most `want`."""

    floor: int = 0
    need: int = 0
    want: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """The ledger's answer: the amount reserved beyond the wish's floor, and the totals of all runs."""

    extra: int
    others: int  # reserved by other live runs
    spent: int  # in total, since the root was created
    uncertain: int
    excess: Excess = NOTHING_SEEN  # recent excess of all runs with the same model and request settings


@dataclass(frozen=True, slots=True)
class Spending:
    """Spending of one run, and of all runs of its root since it was created, as last known (None: never)."""

    spent: int = 0
    wasted: int = 0
    uncertain: int = 0
    in_all_spent: int | None = None
    in_all_uncertain: int | None = None
    cap: int | None = None

    def __add__(self, other: "Spending") -> "Spending":
        """Of two parts of one run, `other` the later one."""
        return Spending(
            self.spent + other.spent,
            self.wasted + other.wasted,
            self.uncertain + other.uncertain,
            self.in_all_spent if other.in_all_spent is None else other.in_all_spent,
            self.in_all_uncertain if other.in_all_uncertain is None else other.in_all_uncertain,
            self.cap if other.cap is None else other.cap,
        )


def granted(wish: Wish, room: int | None) -> int:
    """The amount a run gets beyond its floor if `room` is left for it and its floor; None means no cap."""
    if room is None:
        return max(wish.need, wish.want)
    spare = max(0, room - wish.floor)
    if spare < wish.need:
        return 0  # less than a request may cost is useless, and others may need it
    return max(wish.need, min(wish.want, spare // _PART))


def used_up(grant: Grant, cap: int, need: int, excess: Excess) -> str:
    """Why a run stops whose next request may cost `need`, for a person."""
    uncertain = f" and {exact_usd(grant.uncertain)} that may have been billed" if grant.uncertain else ""
    why_so_much = ""
    if excess.beyond:
        why_so_much = (
            f", for a reply was billed {shown_times(excess.worst)} times what its request allows (a model's thoughts, "
            "or words that the provider adds: docs/cost.md)"
        )
    return (
        f"the budget is used up: {exact_usd(grant.spent)} spent{uncertain} of {exact_usd(cap)} (SUMMARIZER_BUDGET_USD) "
        f"since this root was made, and the next request may cost {exact_usd(need)}{why_so_much}; authors not answered "
        "stay pending: raise SUMMARIZER_BUDGET_USD, then run again"
    )
