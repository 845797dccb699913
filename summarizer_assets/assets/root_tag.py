"""Labels a run with its root: in its log, in its metadata, and as a tag of the run.

One Dagster instance may serve several roots one after another; the tag distinguishes their runs.
"""

from collections.abc import Mapping

import dagster as dg

from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.roots import RUN_MARK


def at_root(context: dg.AssetExecutionContext, summarizer: Summarizer) -> Mapping[str, str]:
    """Log the root and tag the run; return the root's metadata."""
    root = summarizer.root
    context.log.info("root: %s", root.place)
    if context.run.tags.get(RUN_MARK) != root.mark:  # a re-executed run inherits tags
        context.instance.add_run_tags(context.run.run_id, {RUN_MARK: root.mark})
    return {"root": root.place}
