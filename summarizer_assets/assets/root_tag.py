"""Which root a run works on: told in its log, shown with what it makes, and put as a mark on the run itself.

One Dagster instance may see several roots one after another; by the mark its history tells whose runs are whose.
"""

from collections.abc import Mapping

import dagster as dg

from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.roots import RUN_MARK


def at_root(context: dg.AssetExecutionContext, summarizer: Summarizer) -> Mapping[str, str]:
    """Tells it; returns what is shown of it as metadata."""
    root = summarizer.root
    context.log.info("root: %s", root.place)
    if context.run.tags.get(RUN_MARK) != root.mark:  # a run that is executed again inherits tags
        context.instance.add_run_tags(context.run.run_id, {RUN_MARK: root.mark})
    return {"root": root.place}
