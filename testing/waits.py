"""Waits between two tries of a request, made short where a test is about what comes of the tries."""

from collections.abc import Iterator

import pytest

from summarizer_assets.llm import client
from summarizer_assets.llm.backoff import full_jitter


@pytest.fixture(scope="module", autouse=True)
def short_waits() -> Iterator[None]:
    """Drawn as always, they last a tenth. What a provider told, and the probes of an outage, are waited for in full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "full_jitter", lambda tries, chance: full_jitter(tries, chance) / 10)
        yield
