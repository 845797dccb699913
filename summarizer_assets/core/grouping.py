"""Pending authors to groups, one request each: deterministic, within budgets of count, input and output tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


def plan_groups(tokens: Sequence[int], attempts: Sequence[int], limits: GroupLimits) -> Iterator[list[int]]:
    """Positions of the authors of each group, in order. An author larger than the budget stands alone."""
    by_attempts: dict[int, list[int]] = {}
    for position, tried in enumerate(attempts):
        by_attempts.setdefault(tried, []).append(position)
    for tried in sorted(by_attempts):
        most = limits.most(tried)
        group: list[int] = []
        total = 0
        for position in by_attempts[tried]:
            if group and (len(group) >= most or total + tokens[position] > limits.input_tokens):
                yield group
                group, total = [], 0
            group.append(position)
            total += tokens[position]
        if group:
            yield group


def halves(group: Sequence[int]) -> tuple[list[int], list[int]]:
    middle = (len(group) + 1) // 2
    return list(group[:middle]), list(group[middle:])
