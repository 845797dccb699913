"""Drift detection: whether new summaries are worse than older ones, by a rule that a few retries cannot trigger.

Two means or two shares differ if both groups have at least 30 summaries, and the new one is worse by at least 0.05 and
by more than 4 standard errors of the difference (by chance once in 30,000 comparisons).
"""

import math
from dataclasses import dataclass, field

import polars as pl

from summarizer_assets.core.display_text import number_of
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.quality.verdict import Verdict

FEWEST = 30
SMALLEST = 0.05
STANDARD_ERRORS = 4.0
_DOUBTS = [flag for flag in Flag if flag.doubt is not None and flag not in {Flag.OTHER_LANGUAGE, Flag.NAME_UNMEASURED}]


@dataclass
class Sums:
    """Sums of values between 0 and 1, sufficient for their mean and its standard error."""

    number: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: pl.Series) -> None:
        values = values.drop_nulls().cast(pl.Float64)
        self.number += values.len()
        self.total += float(values.sum())
        self.squares += float((values * values).sum())

    @property
    def mean(self) -> float:
        return self.total / self.number if self.number else 0.0

    @property
    def variance_of_mean(self) -> float:
        """The variance of the mean, with one additional value of 0 and of 1, because no sample proves equality."""
        number, total, squares = self.number + 2, self.total + 1, self.squares + 1
        return max(0.0, squares / number - (total / number) ** 2) / number


def worse_by(new: Sums, old: Sums, *, low_is_bad: bool) -> float | None:
    """By how much the new values are worse according to the rule; None if they are not."""
    if new.number < FEWEST or old.number < FEWEST:
        return None
    difference = old.mean - new.mean if low_is_bad else new.mean - old.mean
    error = math.sqrt(new.variance_of_mean + old.variance_of_mean)
    return difference if difference >= SMALLEST and difference > STANDARD_ERRORS * error else None


@dataclass
class Quality:
    """Quality of some answers: the summaries' support, and how many are doubtful or in another language.

    Doubtful are summaries with a flag that they deviate from their record, and authors who failed as `ungrounded`.
    """

    support: Sums = field(default_factory=Sums)
    doubted: Sums = field(default_factory=Sums)
    foreign: Sums = field(default_factory=Sums)

    def add(self, rows: pl.DataFrame, ungrounded: int = 0) -> None:
        """Add `support` and `flags` of summaries, and the number of answers rejected as ungrounded."""
        flags = pl.col("flags")
        judged = rows.select(
            "support",
            foreign=flags.list.contains(Flag.OTHER_LANGUAGE).fill_null(value=False),
            doubted=(flags.list.set_intersection(_DOUBTS).list.len() > 0).fill_null(value=False),
        )
        self.support.add(judged["support"])
        self.foreign.add(judged["foreign"])
        self.doubted.add(judged["doubted"])
        self.doubted.add(pl.Series([1.0], dtype=pl.Float64).new_from_index(0, ungrounded))


def grounding_verdict(new: Quality, old: Quality) -> Verdict:
    """Whether new summaries have as much support in their records as old ones, and no more are doubtful."""
    facts = {
        "new_answers": new.doubted.number,
        **_means(new_support=new.support, old_support=old.support),
        **_means(new_share_doubted=new.doubted, old_share_doubted=old.doubted),
    }
    found = []
    if worse_by(new.support, old.support, low_is_bad=True) is not None:
        found.append(f"the records support {new.support.mean:.0%} of their words, of the older {old.support.mean:.0%}")
    if worse_by(new.doubted, old.doubted, low_is_bad=False) is not None:
        found.append(
            f"{new.doubted.mean:.0%} are doubted or refused as ungrounded, of the older {old.doubted.mean:.0%}"
        )
    return _verdict(new.doubted, old.doubted, found, facts)


def language_verdict(new: Quality, old: Quality) -> Verdict:
    """Whether the share of summaries in another language did not rise."""
    facts = {
        "new_summaries": new.foreign.number,
        **_means(new_share_foreign=new.foreign, old_share_foreign=old.foreign),
    }
    found = []
    if worse_by(new.foreign, old.foreign, low_is_bad=False) is not None:
        found.append(
            f"{new.foreign.mean:.0%} are in another language than asked for, of the older {old.foreign.mean:.0%}"
        )
    return _verdict(new.foreign, old.foreign, found, facts)


def _means(**sums: Sums) -> dict[str, float]:
    """The means that exist, by name."""
    return {name: round(values.mean, 4) for name, values in sums.items() if values.number}


def _verdict(new: Sums, old: Sums, found: list[str], facts: dict[str, float | int]) -> Verdict:
    if found:
        text = (
            f"Of {number_of(new.number, 'new answer')}, {' and '.join(found)}. Read "
            "some (a partition's metadata shows two; the columns `support` and `flags` find the worst), ask whether "
            "the provider changed the model (`response_model`). Once it is mended, make them anew: docs/operations.md."
        )
        return Verdict(holds=False, text=text, facts=facts)
    if new.number < FEWEST or old.number < FEWEST:
        text = f"Too few to tell: {new.number:,} new and {old.number:,} older ones; {FEWEST} of each are needed."
        return Verdict(holds=True, text=text, facts=facts)
    return Verdict(holds=True, text="The new summaries are as good as the older ones.", facts=facts)
