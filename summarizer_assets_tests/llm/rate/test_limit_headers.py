"""Limits read from headers: what counts, what is followed, and what is no limit a minute."""

import pytest

from summarizer_assets.core.rate_schedule import Account, RateLimits, learn
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.limit_headers import Announcements
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets_tests.llm.virtual_time import run

limits = OPENAI_CHAT.limits
DAY = {"x-ratelimit-limit-requests": "14400", "x-ratelimit-reset-requests": "2m59.56s"}


@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "1e9", "", "many", "9" * 40, "١٢"])
def test_nonsense_announces_nothing(text):
    assert Announcements().read(limits({"x-ratelimit-limit-tokens": text})) is None


def test_only_what_is_new_is_told_and_a_provider_that_changes_its_mind_is_followed():
    said = Announcements()
    first = {"x-ratelimit-limit-requests": "500", "anthropic-ratelimit-tokens-limit": "80000"}
    assert said.read(limits(first)) == RateLimits(500, 80_000)
    assert said.read(limits(first)) is None
    assert said.read(limits({"x-ratelimit-limit-requests": "600"})) == RateLimits(600, None)
    assert said.limits == RateLimits(600, 80_000)


def test_a_limit_that_takes_minutes_to_refill_is_none_a_minute_and_is_not_believed_again():
    said = Announcements()
    believed = {"x-ratelimit-limit-requests": "14400", "x-ratelimit-reset-requests": "6s"}
    assert said.read(limits(believed)) == RateLimits(14_400, None)
    assert said.read(limits(DAY | {"x-ratelimit-limit-tokens": "6000"})) == RateLimits(0, 6000)
    assert said.read(limits(believed)) is None
    assert said.limits == RateLimits(0, 6000)


def test_what_is_taken_back_is_taken_back_for_all_runs():
    account = learn(learn(Account(), RateLimits(14_400, 6000)), RateLimits(0, None))
    assert account.learnt == RateLimits(None, 6000)


def test_a_run_that_finds_its_only_limit_to_be_none_knows_none():
    async def main():
        pacer = Pacer(8)
        with await pacer.reserve(1):
            pacer.learn(limits({"x-ratelimit-limit-requests": "60"}))
        before = pacer.limits
        pacer.learn(limits(DAY))
        for _ in range(20):  # a second each, by the limit
            with await pacer.reserve(1):
                pass
        return before, pacer.limits

    assert run(main()) == (RateLimits(60, None), RateLimits())
