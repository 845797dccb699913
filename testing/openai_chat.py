"""The one protocol, as tests speak it: without a client and a run around it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from summarizer_assets.core.answers.reply import AnswerChecks, Asked, Reading
from summarizer_assets.core.answers.reply import read_reply as read_opened
from summarizer_assets.core.prompt.messages import user_message
from summarizer_assets.core.prompt.request_form import RequestForm, Structured
from summarizer_assets.llm.http import classify, retry_after
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

success_in_name_only = partial(classify.success_in_name_only, protocol=OPENAI_CHAT)


def request_body(
    model: str,
    system: str,
    texts: Sequence[str],
    *,
    max_tokens: int,
    extra_body: Mapping[str, Any] | None = None,
    structured: Structured = "json_schema",
    output_field: str = "max_tokens",
    complaint: str | None = None,
) -> bytes:
    form = RequestForm(structured, output_field)
    user = user_message(texts, complaint)
    return OPENAI_CHAT.encode(ChatRequest(model, system, user, max_tokens, form, extra_body or {}))


def read_reply(body: bytes, asked: Sequence[Asked], limits: AnswerChecks) -> Reading:
    return read_opened(OPENAI_CHAT.open(body), asked, limits)


def waiting_time(headers: Mapping[str, str], now: float, cap: float = retry_after.MAX_WAIT_S) -> float | None:
    return retry_after.waiting_time(headers, now, OPENAI_CHAT.resets(headers, now), cap)
