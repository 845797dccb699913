"""Grouping of pending authors into requests: deterministic, within limits on count, input and output tokens."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from summarizer_assets.core.judging.words import fold, words_of

_SHRINK_PER_ATTEMPT = 4


@dataclass(frozen=True)
class GroupLimits:
    """The limits of one request. Tokens are estimates; output is counted as `output_per_author` per author."""

    count: int
    input_tokens: int
    output_tokens: int
    output_per_author: int

    def most(self, attempts: int) -> int:
        """The most authors in a group with an author who failed `attempts` times.

        A group that failed as a whole (a server error, say) counts one attempt for all its authors. The next run asks
        them in groups of a quarter of the size, until the author who causes the failure is alone.
        """
        fits = max(1, self.output_tokens // self.output_per_author)
        return max(1, min(self.count, fits) // int(_SHRINK_PER_ATTEMPT**attempts))


def plan_groups(
    tokens: Sequence[int], attempts: Sequence[int], limits: GroupLimits, names: Sequence[str | None] | None = None
) -> Iterator[list[int]]:
    """Yield the positions of the authors of each group, in order. An author larger than the limits is alone.

    Two authors with the same name (`names`, ignoring accents, case and order) never share a group: a model mixes them
    up, and the checks cannot distinguish their summaries as reliably.
    """
    keys = [_key(name) for name in names] if names is not None else [()] * len(tokens)
    by_attempts: dict[int, list[int]] = {}
    for position, tried in enumerate(attempts):
        by_attempts.setdefault(tried, []).append(position)
    for tried in sorted(by_attempts):
        yield from _groups(by_attempts[tried], tokens, keys, limits.most(tried), limits.input_tokens)


def _groups(
    positions: Sequence[int], tokens: Sequence[int], keys: Sequence[tuple[str, ...]], most: int, most_tokens: int
) -> Iterator[list[int]]:
    waiting = deque(positions)
    namesakes: list[int] = []  # authors with a name already in the group, moved to the next one
    group: list[int] = []
    taken: set[tuple[str, ...]] = set()
    total = 0
    while waiting or namesakes:
        if not waiting or (group and (len(group) >= most or total + tokens[waiting[0]] > most_tokens)):
            yield group
            waiting.extendleft(reversed(namesakes))
            namesakes, group, taken, total = [], [], set(), 0
        position = waiting.popleft()
        if keys[position] and keys[position] in taken:
            namesakes.append(position)
            continue
        taken.add(keys[position])
        group.append(position)
        total += tokens[position]
    if group:
        yield group


def _key(name: str | None) -> tuple[str, ...]:
    return tuple(sorted(words_of(fold(name).lower()))) if name else ()


def halves(group: Sequence[int]) -> tuple[list[int], list[int]]:
    middle = (len(group) + 1) // 2
    return list(group[:middle]), list(group[middle:])
