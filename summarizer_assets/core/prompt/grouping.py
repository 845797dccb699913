"""Pending authors to groups, one request each: deterministic, within budgets of count, input and output tokens."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from summarizer_assets.core.judging.words import fold, words_of

_SHRINK_PER_ATTEMPT = 4


@dataclass(frozen=True)
class GroupLimits:
    """What one request may hold. Tokens are estimates; output is counted as `output_per_author` each."""

    count: int
    input_tokens: int
    output_tokens: int
    output_per_author: int

    def most(self, attempts: int) -> int:
        """The most authors in a group with one that failed `attempts` times: trouble is cornered run by run.

        A group that failed as a whole (a server error, say) charges all its authors one attempt; asked in a quarter
        of the size next time, in the end the one that causes it stands alone and the others have their summaries.
        """
        fits = max(1, self.output_tokens // self.output_per_author)
        return max(1, min(self.count, fits) // int(_SHRINK_PER_ATTEMPT**attempts))


def plan_groups(
    tokens: Sequence[int], attempts: Sequence[int], limits: GroupLimits, names: Sequence[str | None] | None = None
) -> Iterator[list[int]]:
    """Positions of the authors of each group, in order. An author larger than the budget stands alone.

    Two authors of one name (`names`; accents, case and order aside) never share a group: a model mixes them up, and
    no check tells their summaries apart as surely as others.
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
    namesakes: list[int] = []  # of somebody in the group: the first of the next one
    group: list[int] = []
    total = 0
    while waiting or namesakes:
        if not waiting or (group and (len(group) >= most or total + tokens[waiting[0]] > most_tokens)):
            yield group
            waiting.extendleft(reversed(namesakes))
            namesakes, group, total = [], [], 0
        position = waiting.popleft()
        if keys[position] and any(keys[position] == keys[other] for other in group):
            namesakes.append(position)
            continue
        group.append(position)
        total += tokens[position]
    if group:
        yield group


def _key(name: str | None) -> tuple[str, ...]:
    return tuple(sorted(words_of(fold(name).lower()))) if name else ()


def halves(group: Sequence[int]) -> tuple[list[int], list[int]]:
    middle = (len(group) + 1) // 2
    return list(group[:middle]), list(group[middle:])
