"""The groups that wait for their turn, and those of whom it is not clear yet whether they or the provider failed.

A group whose tries are used up at the provider's door is held. Any answer to anybody charges it: the provider is
there, so its authors are the cause. In an outage it waits again, uncharged, like all others.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from summarizer_assets.bucket_run.group import Group
from summarizer_assets.core.prompt.grouping import halves


class Backlog:
    """Of one run. `answers`: requests that the provider answered, whatever it said."""

    def __init__(self) -> None:
        self.answers = 0
        self._waiting: deque[Group] = deque()
        self._held: list[Group] = []
        self._answers_before_outage: int | None = None

    def __len__(self) -> int:
        """Groups that wait."""
        return len(self._waiting)

    @property
    def held(self) -> Sequence[Group]:
        return self._held

    @property
    def positions(self) -> list[int]:
        """Of the authors who wait or are held."""
        return [position for groups in (self._waiting, self._held) for group in groups for position in group.positions]

    def add(self, group: Group, *, first: bool = False) -> None:
        """`first`: before all others; so one that was not sent waits again."""
        (self._waiting.appendleft if first else self._waiting.append)(group)

    def take(self) -> Group:
        return self._waiting.popleft()

    def take_probe(self) -> Group:
        """The group to try an absent provider with: one that did not fail, else half of one that did.

        Where some of its authors are the cause, and not the provider, a smaller group has a better chance.
        """
        fresh = next((group for group in self._waiting if group.fault is None), None)
        if fresh is not None:
            self._waiting.remove(fresh)
            return fresh
        group = self._waiting.popleft()
        if len(group.positions) == 1:
            return group
        probe, rest = (replace(group, positions=half, fault=None) for half in halves(group.positions))
        self._waiting.appendleft(rest)
        return probe

    def hold(self, group: Group) -> None:
        """It failed, and why is not clear."""
        self._held.append(group)

    def take_held(self) -> list[Group]:
        held, self._held = self._held, []
        return held

    def answered(self) -> list[Group]:
        """The provider answered somebody: those who were held are the cause of their failure."""
        self.answers += 1
        return self.take_held()

    def outage_began(self) -> None:
        """Who failed waits again; in halves, when nothing but a probe was answered since the last outage."""
        self._waiting.extend(self.take_held())
        if self._answers_before_outage == self.answers:  # the groups themselves are suspected too
            self._waiting = deque(part for group in self._waiting for part in _parts(group))

    def outage_ended(self) -> None:
        self._answers_before_outage = self.answers + 1  # the probe's own, which is about to be counted

    def halve_held(self) -> bool:
        """Let the held groups wait in halves; False, and nothing done, when each is one author."""
        if all(len(group.positions) == 1 for group in self._held):
            return False
        several = [group for group in self._held if len(group.positions) > 1]
        self._held = [group for group in self._held if len(group.positions) == 1]
        self._waiting.extend(part for group in several for part in _parts(group))
        return True

    @property
    def is_of_failed_authors(self) -> bool:
        """Whether each group that waits is one author who failed alone: nothing is left to tell the cause by."""
        return bool(self._waiting) and all(
            group.fault is not None and len(group.positions) == 1 for group in self._waiting
        )

    def take_waiting(self) -> list[Group]:
        groups = list(self._waiting)
        self._waiting.clear()
        return groups


def _parts(group: Group) -> list[Group]:
    if group.fault is None or len(group.positions) == 1:
        return [group]
    return [replace(group, positions=half, fault=None) for half in halves(group.positions)]
