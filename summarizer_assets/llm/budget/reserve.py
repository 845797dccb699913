"""What a run has reserved of the ledger, free and held, in nano-dollars. Arithmetic only."""

from dataclasses import dataclass

from summarizer_assets.core.money.excess import NOTHING_SEEN, Excess


@dataclass(slots=True)
class Reserve:
    """Requests under way are held by their bounds and by what was seen of others.

    `free`: for requests to come; below zero: a debt, since more is to be held than was reserved. `bounds`: what the
    `requests` under way allow, in all; `untold`: what those allowed that ended and told nothing. `held + free` changes
    only by what is spent, and by grants.
    """

    free: int = 0
    bounds: int = 0
    requests: int = 0
    untold: int = 0
    excess: Excess = NOTHING_SEEN

    @property
    def held(self) -> int:
        """For the requests under way."""
        return self.excess.held(self.bounds, self.requests)

    @property
    def solvent(self) -> bool:
        """Whether all that is to be held is reserved, and no more are under way than may be."""
        most = self.excess.most_at_once
        return self.free >= 0 and (most is None or self.requests <= most)

    def more_for(self, bound: int) -> int:
        """What is to be held for one more."""
        return self.excess.held(self.bounds + bound, self.requests + 1) - self.held

    def affords(self, bound: int) -> bool:
        """Whether one more may go now."""
        most = self.excess.most_at_once
        return self.more_for(bound) <= self.free and (most is None or self.requests < most)

    def take(self, bound: int) -> None:
        """A request goes."""
        self.free -= self.more_for(bound)
        self.bounds += bound
        self.requests += 1

    def let_go(self, bound: int, cost: int) -> None:
        """A request ended, and `cost` of what was held for it is gone."""
        held = self.held
        self.bounds -= bound
        self.requests -= 1
        self.free += held - self.held - cost

    def learn(self, excess: Excess) -> int:
        """Hold by what was seen, for the requests under way too; returns how much more the untold may have cost."""
        held, told = self.held, self.excess.seen(self.untold)
        self.excess = excess
        more = excess.seen(self.untold) - told
        self.free -= self.held - held + more
        return more
