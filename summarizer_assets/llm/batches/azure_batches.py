"""Azure's batch jobs: OpenAI's form beside the deployments; a file is checked before a job can be made of it.

A job's model is the name of a batch deployment. A job that takes longer than a day does not expire.
"""

import re
from typing import Final

from summarizer_assets.core.batches.states import RemoteJob
from summarizer_assets.llm.batches.http import BatchHttp
from summarizer_assets.llm.batches.openai_batches import OpenAiBatches, OpenAiFacts, OpenAiLines, require_ready
from summarizer_assets.llm.batches.provider import BatchKind, BatchLimits, NewJob
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

#: learn.microsoft.com/azure/ai-foundry/openai/how-to/batch. One page says 100,000 requests, a newer one 50,000.
_FACTS: Final = OpenAiFacts(BatchLimits(requests=50_000, bytes=190_000_000), endpoint=OPENAI_CHAT.path)
#: Files and jobs are beside the deployments, which the base URL of requests may name.
_DEPLOYMENT: Final = re.compile(r"/deployments/[^/]+/?$")
_WAITS: Final = frozenset({"pending", "notrunning", "running"})
_WRONG: Final = frozenset({"error", "failed", "deleted"})


class AzureBatches(OpenAiBatches):
    """See `BatchProvider`."""

    def __init__(self, http: BatchHttp) -> None:
        super().__init__(http.under(lambda path: _DEPLOYMENT.sub("", path)), _FACTS)

    async def create(self, job: NewJob) -> RemoteJob:
        file = await self._http.document("GET", f"/files/{job.file_id}")
        require_ready(job.file_id, file.get("status"), wrong=_WRONG, waits=_WAITS)
        return await super().create(job)


AZURE: Final = BatchKind(_FACTS.limits, OpenAiLines(_FACTS.endpoint), AzureBatches)
