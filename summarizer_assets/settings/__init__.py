"""The settings: the only reader of the environment; each is documented once and validated before anything runs."""

import os
from pathlib import Path
from typing import Annotated, Any

import pydantic_settings
from pydantic import AfterValidator, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from summarizer_assets.core.authors.exclusion import lines_of
from summarizer_assets.core.ingest_loss import Shares
from summarizer_assets.llm.batches.names import BatchProviderName, batch_provider
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.settings.batch import BatchSettings
from summarizer_assets.settings.env_file import names_in
from summarizer_assets.settings.errors import SettingsError, readable
from summarizer_assets.settings.groups import never, sometimes, to_know
from summarizer_assets.settings.names import refuse_strange
from summarizer_assets.settings.protocols import EMBEDDED, protocol_of, provider_is_named_whole
from summarizer_assets.settings.provider import ProviderSettings
from summarizer_assets.settings.rules import (
    batch_lacking,
    content_of,
    file_there,
    host_names,
    output_is_bounded,
    paper_columns,
    prices_are_whole,
    route_is_there,
    text_of,
    text_or_file,
)
from summarizer_assets.settings.second import SecondSettings, second_is_whole, second_of
from summarizer_assets.settings.tables import TableSettings

PREFIX = "SUMMARIZER_"


class Settings(BatchSettings, SecondSettings, ProviderSettings, TableSettings):
    """Settings of one installation, from `SUMMARIZER_*` variables or a `.env` file (variables win)."""

    # `load_settings` finds unknown names; `forbid` here would refuse every other variable of a `.env` file, and print
    # its value.
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    instruction: Annotated[str | None, AfterValidator(text_or_file)] = to_know(
        None,
        description="What to write: your text, or the path of a file with it. Part of the prompt version.",
    )
    language: str = to_know(
        "English", min_length=1, description="Language of the summaries. Part of the prompt version."
    )
    words: int = to_know(80, ge=5, le=2000, description="Length of a summary, in words. Part of the prompt version.")
    max_papers: int = sometimes(
        20, ge=1, le=1000, description="Most papers of an author that are sent, the most cited first."
    )
    max_characters: int = sometimes(
        6000, ge=200, le=400_000, description="Most characters of an author's record that are sent."
    )
    ignore_changes_in: Annotated[tuple[str, ...], AfterValidator(paper_columns)] = sometimes(
        (),
        description='Paper columns whose changes lead to no new summary, as in `["citingsrcslocalcount"]`.',
    )

    group_size: int = to_know(20, ge=1, le=1000, description="The most authors in one request.")
    group_tokens: int = sometimes(24_000, ge=500, description="The most estimated input tokens in one request.")
    max_output_tokens: int = sometimes(
        16_000, ge=100, description="The most output tokens of one request; groups are made small enough."
    )
    max_in_flight: int = to_know(64, ge=1, le=10_000, description="The most requests in flight in one run.")
    rpm: int | None = to_know(None, ge=1, description="The account's requests a minute, for all runs together.")
    tpm: int | None = to_know(None, ge=1, description="The account's tokens a minute, for all runs together.")
    request_timeout_s: float = sometimes(120.0, gt=0, description="Longest time of one request, in seconds.")
    no_progress_s: float = never(
        600.0, gt=0, description="Seconds without a successful request after which a run stops."
    )
    grounding: bool = sometimes(
        True,
        description="Compare each summary with the records of its request: reject another author's, flag doubts.",
    )
    max_failure_share: float = sometimes(
        1.0,
        ge=0,
        le=1,
        description="A run in which more than this share of the authors fail ends as failed, after storing everything.",
    )
    check_failure_share: float = sometimes(
        0.05, ge=0, le=1, description="A check warns when more than this share of the authors sent have failed."
    )

    limit: int | None = to_know(None, ge=1, description="The most authors that are sent in total, for a pilot.")
    exclude: Annotated[Path | None, AfterValidator(file_there)] = to_know(
        None, description="A file of author ids, one per line, that are never sent; their summaries are removed."
    )
    max_attempts: int = sometimes(
        5, ge=1, description="Number of runs in which an author may fail before automatic retries end."
    )
    retry_after_s: float = sometimes(
        300.0,
        ge=0,
        description="Wait, in seconds, before a failed author is retried; doubles with each failed run, up to a day.",
    )
    retry_interval_s: int = never(30, ge=5, description="Time between two ticks of a sensor, in seconds.")
    retry_probe_s: float = never(
        60.0,
        ge=0,
        description="Wait, in seconds, before a single run tests a provider that refused the last one; grows to half "
        "an hour in an outage.",
    )
    retry_runs_per_tick: int = never(25, ge=1, le=100, description="The most runs that one tick of a sensor starts.")
    retry_most_queued: int = never(
        50, ge=1, description="Sensors start no run while this many wait in Dagster's queue."
    )
    lost_after_s: float = sometimes(
        900.0, ge=60, description="A started run without claim and without event for this time, in seconds, is lost."
    )
    source_settle_s: float = never(
        60.0, ge=0, description="A changed source is read after this time, in seconds, without another change."
    )
    progress_interval_s: float = never(30.0, ge=0.1, description="Seconds between two progress reports of a run.")
    ui_hosts: Annotated[tuple[str, ...], AfterValidator(host_names)] = sometimes(
        (),
        description='More host names of the UI, as in `["dagster.example.org"]`. `localhost` is always allowed; other '
        "names, and requests from pages of other sites, are refused.",
    )
    commit_rows: int = sometimes(25_000, ge=1, description="Rows per Delta commit; more if commits are slow.")
    commit_interval_s: float = sometimes(
        30.0, gt=0, description="Longest time between commits, in seconds; 5 minutes if they are slow."
    )

    @model_validator(mode="after")
    def _settings_go_together(self) -> "Settings":
        url = self.llm_base_url if "llm_base_url" in self.model_fields_set else None
        provider_is_named_whole(url, self.llm_model, self.llm_protocol, key=self.llm_api_key is not None)
        of_the_cache = (self.price_cached_input_usd, self.price_cache_write_usd)
        prices_are_whole((self.price_input_usd, self.price_output_usd), of_the_cache)
        bound, most, budget = self.most_output_tokens, self.max_output_tokens, self.budget_usd is not None
        output_is_bounded(bound, most, self.words, budget=budget)
        found = None if self.embedded else self.provider_of_batches
        route_is_there(self.route, self.protocol.name, self.batch_provider, found, self.batch_lacking)
        second_is_whole(self)
        return self

    @property
    def embedded(self) -> bool:
        return self.llm_base_url == EMBEDDED

    @property
    def model(self) -> str:
        """The configured model's name, which is part of an answer's identity."""
        return self.llm_model or "template"

    @property
    def most_output_tokens(self) -> int | None:
        """The output limit of a request in tokens; None if there is none, or it is not a number."""
        return self.protocol.most_output_tokens(self.llm_extra_body, self.max_output_tokens)

    @property
    def protocol(self) -> ChatProtocol:
        """The protocol in which the provider is asked."""
        return protocol_of(self.llm_protocol, self.llm_base_url)

    @property
    def provider_of_batches(self) -> BatchProviderName | None:
        """Whose batch jobs the provider takes; None: it takes none."""
        return batch_provider(self.batch_provider, self.protocol.name, self.llm_base_url)

    @property
    def batch_lacking(self) -> str | None:
        """Why the provider cannot be asked by batch jobs; None: it can."""
        return batch_lacking(self.protocol.name, self.provider_of_batches, embedded=self.embedded)

    @property
    def provider_key(self) -> str:
        """By which is kept what was learnt of the provider: the base URL, with any protocol but OpenAI's before it."""
        name = self.protocol.name
        return self.llm_base_url if name == "openai" else f"{name} {self.llm_base_url}"

    @property
    def second(self) -> "Settings | None":
        """The settings with which the second model is asked; None: there is none."""
        return second_of(self)

    @property
    def remote(self) -> bool:
        return "://" in self.root

    @property
    def loss_shares(self) -> Shares:
        return Shares(self.max_removed_share, self.max_rejected_share)

    @property
    def storage_options(self) -> dict[str, str]:
        """The object store's variables (`AWS_*`), for `s3://` sources and roots; never part of any output."""
        return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}

    @property
    def instruction_text(self) -> str | None:
        """The user's own instruction; if the setting names a file, its content."""
        return None if self.instruction is None else content_of(self.instruction)

    @property
    def excluded_lines(self) -> dict[str, int]:
        """The excluded ids and their lines; read at each use, because the list may grow while the process lives."""
        return {} if self.exclude is None else lines_of(text_of(self.exclude))

    @property
    def excluded_ids(self) -> frozenset[str]:
        return frozenset(self.excluded_lines)


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:  # noqa: ANN401 - any field
    """Read settings from the environment and `env_file`; the environment takes precedence, and `overrides` over both.

    Raises:
        SettingsError: names the variable, the problem and what is allowed. Never shows a secret's value.
    """
    wrong = sorted(overrides.keys() - Settings.model_fields.keys())
    if wrong:
        raise SettingsError(f"unknown setting {wrong[0]}; allowed: {', '.join(Settings.model_fields)}")
    in_file = names_in(env_file, PREFIX, os.environ.keys()) if env_file else {}
    refuse_strange(os.environ.keys(), in_file, PREFIX, Settings.model_fields)
    try:
        return Settings(_env_file=env_file, **overrides)
    except pydantic_settings.SettingsError as error:
        field = str(error).partition('field "')[2].partition('"')[0]
        raise SettingsError(
            f"{PREFIX}{field.upper()}: is not valid JSON; write it as in the example of docs/settings.md"
        ) from None  # the cause would print the value
    except ValidationError as error:
        raise SettingsError(readable(error, PREFIX)) from None  # the cause would print the input, secrets too
