"""The form in which one run asks: as remembered, and changed once for all requests when a refusal says how."""

from collections.abc import Callable, Mapping
from typing import Any

from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.prompt.request_form import (
    Refusal,
    RequestForm,
    Size,
    adapted,
    settings_blamed,
)
from summarizer_assets.llm.errors import GroupTooLarge, Refused, StopCause, Unsupported
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.request_forms import RequestForms


class Adapting:
    """Of one run.

    Args:
        protocol: in which the provider is asked.
        extra_body: what a person set in each request. It is never changed: where it is refused, the run stops.
        book: of the forms that earlier runs learnt; None: nothing is remembered.

    Attributes:
        form: in which to ask now.

    Raises:
        StorageError: the book cannot be read.
    """

    def __init__(self, protocol: ChatProtocol, extra_body: Mapping[str, Any], book: RequestForms | None = None) -> None:
        self._protocol = protocol
        remembered = RequestForm() if book is None else book.load()
        known = remembered.output_field in (
            RequestForm().output_field,
            *protocol.output_fields,
        )  # else of another version
        self.form = remembered if known else RequestForm()
        self._set = protocol.set_fields(extra_body)
        self._book = book
        self._tried = {self.form}
        self._untold: list[str] = []

    def after(self, error: Refused, sent: RequestForm, size: Size) -> bool | Stop:
        """Whether the same authors are to be asked in another form now, or why the run must stop.

        `sent`: the form in which they were asked, `size` of that request.
        """
        if not isinstance(error, Unsupported | GroupTooLarge):
            return False
        if sent != self.form:  # another request in flight learnt it first
            return True
        refusal = Refusal(error.message, error.fields, error.blamed, error.told, isinstance(error, GroupTooLarge))
        if blamed := settings_blamed(refusal, size, self._set, self._protocol.output_fields):
            names = ", ".join(sorted(blamed))
            message = f"SUMMARIZER_LLM_EXTRA_BODY sets {names}, which the provider refuses: {error}"
            return Stop(str(StopCause.CONFIGURATION), f"{message}; change or take out {names}, then run again")
        form = adapted(self.form, refusal, size, self._protocol.simpler)
        if form is None or form in self._tried:
            return False
        self.form = form
        self._tried.add(form)
        self._untold.append(f"asked differently from now on ({form.differences}), for the provider said: {error}")
        return True

    def tell(self, log: Callable[[str], None]) -> None:
        """Log what changed since the last call, and remember it for the next run."""
        if not self._untold:
            return
        untold, self._untold = self._untold, []
        for line in untold:
            log(line)
        if self._book is not None:
            try:
                self._book.keep(self.form)
            except StorageError as error:  # the next run learns it anew, at the price of a refused request
                log(f"this could not be remembered for the next run: {error}")
