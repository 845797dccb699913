"""What a run tells the ledger that all runs of a root share, and what it may spend next. All sums in nano-dollars.

Money is reserved before it may be spent: `spent + uncertain + reserved <= cap` holds after every grant, so whatever the
runs do with what they reserved, the cap is kept. Only what a provider bills beyond what a request allows can exceed it:
that is told by the first such reply, when others are under way; nothing is granted then until all have room again.
"""

from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.formats import exact_usd
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.excess import NOTHING_SEEN, Excess, shown_times


class PastUnknown(Exception):
    """The ledger knows of nothing spent under a root whose tables hold answers that were paid for.

    With a budget nothing is granted then: another ledger knows what was spent, and the budget would begin anew here.
    """


#: Near the cap a run is granted at most this part of what is left beyond its need, so that others find some too.
_PART: Final = 4


@dataclass(slots=True)
class Booking:
    """What became of requests since the last booking.

    `wasted` is the part of `spent` that brought no summary; `uncertain` may have been billed, and counts as if it was.
    `worst`: as in `Excess`, of what replies told.
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
        """A request that was answered."""
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
    """What a run wants reserved: `floor`, as it had it, and beyond that at least `need` or nothing, at best `want`."""

    floor: int = 0
    need: int = 0
    want: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """The ledger's answer: what is reserved for the run beyond the wish's floor, and how it stands with all runs."""

    extra: int
    others: int  # reserved by other live runs
    spent: int  # in all, since the root was made
    uncertain: int
    excess: Excess = NOTHING_SEEN  # by all runs that ask the same model in the same way, lately


@dataclass(frozen=True, slots=True)
class Spending:
    """Money of one run; and of all runs of its root since it was made, as last heard of the others (None: never)."""

    spent: int = 0
    wasted: int = 0
    uncertain: int = 0
    in_all_spent: int | None = None
    in_all_uncertain: int | None = None
    cap: int | None = None


def granted(wish: Wish, room: int | None) -> int:
    """What a run gets beyond its floor, when `room` is left for it and its floor; None: no cap."""
    if room is None:
        return max(wish.need, wish.want)
    spare = max(0, room - wish.floor)
    if spare < wish.need:
        return 0  # a part of what a request may cost is of no use, and others may need it
    return max(wish.need, min(wish.want, spare // _PART))


def used_up(grant: Grant, cap: int, need: int, excess: Excess) -> str:
    """Why a run ends whose next request may cost `need`."""
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
