"""Settings of the routes: requests that a run waits for, and a provider's batch jobs."""

from pydantic_settings import BaseSettings

from summarizer_assets.core.batches.routing import Route
from summarizer_assets.llm.batches.names import BatchProviderName
from summarizer_assets.settings.groups import sometimes, to_know


class BatchSettings(BaseSettings):
    """Part of `Settings`."""

    route: Route = to_know(
        "online",
        description="`batch`: requests go into the provider's batch jobs: a day at most, cheaper. `auto`: each run "
        "chooses. See batch.md.",
    )
    deadline_h: float | None = sometimes(
        None,
        ge=1,
        description="Hours that an author may wait in batch jobs, which are cancelled then. Unset: no limit.",
    )
    batch_provider: BatchProviderName | None = sometimes(
        None,
        description="Whose batch jobs the base URL takes: `openai`, `azure`, `groq`, `mistral`, `together`, "
        "`anthropic` or `gemini`. Unset: by its host, else by the protocol. For a gateway in front of one of them.",
    )
    batch_factor: float | None = sometimes(
        None,
        gt=0,
        le=1,
        description="Price in a batch job, as a part of the other. Unset: 0.5 at the hosts of OpenAI, Azure, "
        "Anthropic, Gemini and Mistral; elsewhere not known, and the other price is counted.",
    )
    batch_min_requests: int = sometimes(
        200, ge=1, description="With `SUMMARIZER_ROUTE=auto`, a run with fewer requests asks online."
    )
    batch_max_requests: int | None = sometimes(
        None, ge=1, description="The most requests of a batch job. Unset: as many as the provider takes."
    )
    batch_enqueued_tokens: int | None = sometimes(
        None, ge=1, description="The account's limit of input tokens in batch jobs under way. Unset: learnt."
    )
