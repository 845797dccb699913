"""Judging takes many a short way; by the plain rules in `plain` it must come to the same, word for word.

    python -m summarizer_assets_tests.core.judging.test_plain 25000 [--seed 1]

compares as many answers; the suite a few.
"""

import argparse
from collections import Counter

from summarizer_assets.core.judging.judge import judge
from summarizer_assets.core.judging.terms import RecordTerms
from summarizer_assets_tests.core.judging.plain import judge as plain
from summarizer_assets_tests.core.judging.plain.replies import replies


def compared(count, seed):
    """How many answers of each outcome were judged alike."""
    outcomes = Counter()
    for answers, asked, backdrop, language in replies(count, seed):
        expected = plain.judge(answers, asked, backdrop, language)
        others = [RecordTerms(name, record) for name, record in backdrop]
        found = judge(answers, asked, others, language)
        for place, judged in expected.items():
            assert found[place] == judged, (answers[place], asked[place])
            outcomes.update((judged.refused.partition(":")[0],) if judged.refused else judged.flags or ("stored",))
            outcomes["answers"] += 1
    return outcomes


def test_the_short_ways_of_judging_come_to_what_the_plain_rules_say():
    outcomes = compared(1_000, seed=1)
    assert min(outcomes.values()) >= 3, outcomes  # each outcome was tried
    assert len(outcomes) >= 13


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(dict(compared(options.answers, options.seed)))  # noqa: T201 - a command's result
