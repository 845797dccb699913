"""The batch service over HTTP: whose words are spoken, and the plan's faults of single calls."""

from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.batches.dialect import Dialect, HttpCall, parts_after
from summarizer_assets.rehearsal.batches.files import refused
from summarizer_assets.rehearsal.batches.gemini_jobs import GeminiCalls, is_of_gemini
from summarizer_assets.rehearsal.batches.message_batches import MessageBatchCalls
from summarizer_assets.rehearsal.batches.mistral_jobs import MistralCalls
from summarizer_assets.rehearsal.batches.openai_form import OpenAiCalls
from summarizer_assets.rehearsal.batches.openai_relatives import AzureCalls, GroqCalls, TogetherCalls
from summarizer_assets.rehearsal.batches.service import BatchService
from summarizer_assets.rehearsal.batches.terms import BatchTerms, Call, DialectName
from summarizer_assets.rehearsal.reply import Reply
from summarizer_assets.rehearsal.status_faults import STATUSES, Answer
from summarizer_assets.rehearsal.wire_faults import SCRIPTS

_WITHOUT_EFFECT: Final = frozenset({"files", "file", "content", "jobs", "job"})
_MESSAGES: Final = "/messages/batches"
_DIALECTS: Final[dict[DialectName, Dialect]] = {
    "openai": OpenAiCalls(),
    "azure": AzureCalls(),
    "groq": GroqCalls(),
    "mistral": MistralCalls(),
    "together": TogetherCalls(),
}


def is_of_batches(path: str) -> bool:
    return parts_after(path, "files", "batches", "batch") is not None or is_of_gemini(path, to_google=False)


class BatchCalls:
    """Replies to the calls of the batch service."""

    def __init__(self, service: BatchService, terms: Callable[[], BatchTerms], clock: Callable[[], float]) -> None:
        self._service = service
        self._terms = terms
        self._clock = clock
        self._gemini = GeminiCalls()
        self._asked: Counter[str] = Counter()

    def restart(self) -> None:
        """Count calls anew: another plan begins."""
        self._asked.clear()

    def reply(self, http: HttpCall) -> Reply:
        dialect = self._dialect(http)
        found = dialect.call(http)
        if found is None:
            error = refused(f"Not allowed: {http.method} {http.path}", HTTPStatus.METHOD_NOT_ALLOWED)
            return Reply(dialect.told(_refusal(error)))
        kind, name = found
        fault, done = self._fault(kind)
        answer = self._answer(dialect, kind, name, http) if fault is None or done else Answer(HTTPStatus.OK, b"{}")
        if fault is None:
            return Reply(answer)
        if fault in STATUSES:
            return Reply(dialect.told(STATUSES[fault](self._clock())))
        return Reply(answer, script=SCRIPTS[fault], seconds=1.0)

    def _dialect(self, http: HttpCall) -> Dialect:
        if is_of_gemini(http.path, to_google=http.to_google):
            return self._gemini
        return MessageBatchCalls() if _MESSAGES in http.path else _DIALECTS[self._terms().dialect]

    def _fault(self, kind: Call) -> tuple[str | None, bool]:
        """The fault of this call, and whether what it asks for happens nevertheless."""
        number = self._asked[kind]
        self._asked[kind] += 1
        for rule in self._terms().calls:
            if rule.call == kind and rule.after <= number and (rule.times is None or number < rule.after + rule.times):
                return rule.fault, rule.done or kind in _WITHOUT_EFFECT
        return None, True

    def _answer(self, dialect: Dialect, kind: Call, name: str, http: HttpCall) -> Answer:
        try:
            return dialect.answer(kind, name, http, self._service)
        except RequestRefusedError as error:
            return dialect.told(_refusal(error))


def _refusal(error: RequestRefusedError) -> Answer:
    return Answer(error.status, error.body)
