"""Labels a run with its root: in its log, in its metadata, and as a tag of the run.

One Dagster instance may serve several roots one after another; the tag distinguishes their runs. A run that asks is
also tagged with the model and the prompt, so that the list of runs can be filtered by them.
"""

from collections.abc import Mapping

import dagster as dg

from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.roots import RUN_MARK

MODEL, PROMPT = "summarizer/model", "summarizer/prompt_version"


def at_root(context: dg.AssetExecutionContext, summarizer: Summarizer, *, asking: bool = False) -> Mapping[str, str]:
    """Log the root and tag the run; return the root's metadata. `asking`: the run asks the model."""
    root = summarizer.root
    context.log.info("root: %s", root.place)
    tags = {RUN_MARK: root.mark}
    if asking:
        tags |= {MODEL: summarizer.identity.model, PROMPT: summarizer.identity.prompt_version}
    if not tags.items() <= context.run.tags.items():  # a re-executed run inherits tags
        context.instance.add_run_tags(context.run.run_id, tags)
    return {"root": root.place}
