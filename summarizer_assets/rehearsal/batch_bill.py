"""What the provider billed for batch jobs, beside what the ledger booked for them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from summarizer_assets.core.money.amounts import Usage, dollars
from summarizer_assets.installation import Summarizer
from summarizer_assets.pricing import configured_price


def by_batch(summarizer: Summarizer, told: Mapping[str, Any], waited_s: float, waits: int) -> dict[str, Any]:
    """The jobs of a rehearsal, as JSON values. `told`: by the provider; `waits`: runs that ended while a job went on.

    `agree`: what was billed is booked to the nano-dollar; where lines never came, what they cost is uncertain, and the
    bill lies between what is booked and both together.
    """
    price = configured_price(summarizer.settings, by_batch=True)
    assert price is not None, "a rehearsal by batch jobs has a price"
    billed = sum(price.cost(Usage(line["prompt_tokens"], line["completion_tokens"])) for line in told["bill"])
    totals = summarizer.ledger.totals()
    return {
        "jobs": dict(Counter(job["status"] for job in told["jobs"]).most_common()),
        "lines": told["stats"]["requests"],
        "provider_hours": waited_s / 3_600,
        "runs_that_waited": waits,
        "billed_usd": dollars(billed),
        "booked_usd": dollars(totals["spent"]),
        "uncertain_usd": dollars(totals["uncertain"]),
        "reserved_usd": dollars(totals["reserved"]),
        "agree": totals["spent"] <= billed <= totals["spent"] + totals["uncertain"] and not totals["reserved"],
    }
