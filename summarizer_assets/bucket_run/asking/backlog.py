"""The groups that wait to be sent."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from summarizer_assets.bucket_run.asking.group import Group
from summarizer_assets.core.blame import Blame
from summarizer_assets.core.prompt.grouping import halves


class Backlog:
    """Of one run. `blame` has those that failed, as long as it is not known why."""

    def __init__(self) -> None:
        self.blame: Blame[Group] = Blame()
        self._waiting: deque[Group] = deque()

    def __len__(self) -> int:
        """Groups that wait."""
        return len(self._waiting)

    @property
    def positions(self) -> list[int]:
        """Of the authors who wait."""
        return [position for group in self._waiting for position in group.positions]

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

    def add_failed(self, groups: Iterable[Group], *, in_halves: bool) -> None:
        """Groups that failed wait again; in halves, they and all that wait and failed before."""
        self._waiting.extend(groups)
        if in_halves:
            self._waiting = deque(part for group in self._waiting for part in _parts(group))

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
