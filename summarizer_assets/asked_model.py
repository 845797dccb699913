"""One configured model, the first or the second: its name and price, the requests to it, the limits of its answers."""

from collections.abc import Callable

from summarizer_assets.bucket_run.asking.adapting import Adapting
from summarizer_assets.bucket_run.run_settings import SecondModel
from summarizer_assets.core.answers.reply import AnswerChecks
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.estimation.cost import Terms
from summarizer_assets.core.prompt.grouping import GroupLimits
from summarizer_assets.core.prompt.messages import PromptSettings, prompt_version, system_message
from summarizer_assets.core.prompt.rendering import RenderSettings
from summarizer_assets.core.prompt.tokens import expected_output_tokens
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.request_builder import RequestBuilder
from summarizer_assets.pricing import configured_price
from summarizer_assets.provider import asked_as, builder_of, client_of
from summarizer_assets.settings import Settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.settings.second import in_names_of_the_second
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.ledger import SpendLedger
from summarizer_assets.storage.state_db.request_forms import RequestForms


class AskedModel:
    """The model of `settings`.

    Raises:
        SettingsError: a budget is set, and its price is not known.
    """

    def __init__(self, settings: Settings, prompt: PromptSettings, rendering: RenderSettings) -> None:
        self.settings = settings
        self.identity = Identity(prompt_version(prompt, rendering), settings.model)
        self.price = configured_price(settings)
        self._instruction = system_message(prompt)

    @property
    def request_builder(self) -> RequestBuilder:
        return builder_of(self.settings, self._instruction)

    @property
    def group_limits(self) -> GroupLimits:
        settings = self.settings
        per_author = expected_output_tokens(settings.words)
        return GroupLimits(settings.group_size, settings.group_tokens, settings.max_output_tokens, per_author)

    @property
    def terms(self) -> Terms:
        """What determines the cost of a run besides its authors."""
        settings, overhead = self.settings, self.request_builder.overhead
        return Terms(self.group_limits, overhead, settings.words, self.price, settings.most_output_tokens)

    @property
    def as_second(self) -> SecondModel:
        return SecondModel(self.identity.model, self.terms)

    @property
    def checks(self) -> AnswerChecks:
        """The limits that a summary is checked against."""
        settings = self.settings
        return AnswerChecks(
            max_characters=AnswerChecks.characters_for(settings.words),
            judged=settings.grounding,
            language=settings.language,
            instruction=self._instruction,
            model=settings.model,
        )

    def adapting(self, database: Database) -> Adapting:
        """The request form that the provider accepts, as learnt so far."""
        settings = self.settings
        extra_body = settings.llm_extra_body
        book = RequestForms(database, settings.provider_key, settings.model, extra_body)
        return Adapting(settings.protocol, extra_body, None if settings.embedded else book)

    def client(
        self,
        run_id: str,
        bucket: str,
        *,
        ledger: Callable[[], SpendLedger],
        database: Database,
        active_runs: Callable[[], int],
    ) -> Client:
        """The client for the provider, for a run that books its spending under these names.

        `ledger`: called only if there is a price. `active_runs`: number of runs that share the account's limits now.
        """
        as_this = asked_as(self.settings)
        return client_of(
            self.settings,
            configured_price(self.settings, by_batch=False),
            lambda: ledger().account(run_id, bucket, as_this),
            database=database,
            active_runs=active_runs,
        )


def second_model(settings: Settings, prompt: PromptSettings, rendering: RenderSettings) -> AskedModel | None:
    """The model that is asked about authors whom the first failed; None: nobody is.

    Raises:
        SettingsError: a budget is set, and its price is not known.
    """
    if settings.second is None:
        return None
    try:
        return AskedModel(settings.second, prompt, rendering)
    except SettingsError as error:
        raise SettingsError(in_names_of_the_second(str(error))) from None
