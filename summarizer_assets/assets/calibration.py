"""The asset `group_size_calibration`: authors per request, calibrated on the user's own model."""

from typing import Any

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.calibration.calibrate import AUTHORS, SIZES, Calibration, CalibrationStopped, calibrate, offer
from summarizer_assets.calibration.comparison import Measured
from summarizer_assets.calibration.markdown import measured_markdown, offer_markdown, recommendation_markdown
from summarizer_assets.calibration.pictures import picture
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import AUTHORS as AUTHORS_ASSET

CALIBRATE = "group_size_calibration"


class CalibrationConfig(dg.Config):
    """What a person may choose in the launchpad."""

    spend: bool = Field(default=False, description="Yes: ask, and pay for it. Without it only the price is shown.")
    authors: int = Field(default=AUTHORS, ge=1, description="How many authors are asked at each size.")
    sizes: list[int] = Field(default=list(SIZES), description="The sizes to try: authors a request.")


def build_calibration(names: Names) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.asset(CALIBRATE),
        deps=[names.asset(AUTHORS_ASSET)],
        required_resource_keys={names.summarizer},
        kinds={"llm"},
        code_version="1",
        description="How many authors one request should hold: the same authors are asked in groups of several sizes, "
        "and their first answers compared. It spends money, so it shows its price and calls no model unless `spend` is "
        "true. It writes no table.",
    )
    @fails_plainly
    def group_size_calibration(
        context: dg.AssetExecutionContext, config: CalibrationConfig
    ) -> dg.MaterializeResult[None]:
        summarizer = names.summarizer_of(context)
        rooted = at_root(context, summarizer, asking=True)
        offered = offer(summarizer, config.authors, config.sizes)
        priced: dict[str, Any] = {
            **rooted,
            "offer": dg.MetadataValue.md(offer_markdown(offered)),
            "asked": config.spend,
            "authors": offered.authors.height,
            "calls_estimated": round(offered.whole.calls.expected),
            "tokens_estimated": round(offered.whole.tokens.expected),
        }
        if offered.whole.cost_usd is not None:
            priced["cost_estimated_usd"] = offered.whole.cost_usd.expected
        if not config.spend:
            context.log.info("nothing was asked: set `spend` to true in the config to do what is offered")
            return dg.MaterializeResult(metadata=priced)
        try:
            found = calibrate(summarizer, offered, run_id=context.run.run_id, log=context.log.info)
        except CalibrationStopped as stopped:
            done = {"measured": dg.MetadataValue.md(measured_markdown(stopped.measured))} if stopped.measured else {}
            raise dg.Failure(f"stopped: {stopped}", metadata=done, allow_retries=False) from None
        return dg.MaterializeResult(metadata=priced | _metadata(found))

    return group_size_calibration


def _metadata(found: Calibration) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "measured": dg.MetadataValue.md(measured_markdown(found.measured)),
        "recommendation": dg.MetadataValue.md(recommendation_markdown(found)),
        "picture": dg.MetadataValue.md(picture(found).markdown),
        "by_group_size": dg.MetadataValue.json({str(one.size): _figures(one) for one in found.measured}),
        "tokens": sum(one.prompt_tokens + one.completion_tokens for one in found.measured),
        "requests": sum(one.requests for one in found.measured),
    }
    costs = [one.cost_usd for one in found.measured if one.cost_usd is not None]
    if len(costs) == len(found.measured):
        facts["cost_usd"] = sum(costs)
    if found.recommendation.size is not None:
        facts["recommended_group_size"] = found.recommendation.size
    return facts


def _figures(one: Measured) -> dict[str, Any]:
    names = ("authors", "requests", "accepted", "missing", "contradicted", "strange", "support_mean", "support_p10",
             "words_mean", "prompt_tokens", "completion_tokens", "cost_usd", "seconds", "latency_s")  # fmt: skip
    found = {name: getattr(one, name) for name in names}
    return {name: value for name, value in found.items() if value is not None} | {"refused": dict(one.refused)}
