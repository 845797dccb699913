"""Every fault of the provider means the same in all interfaces, but where one of them has no words for it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from summarizer_assets.core.answers.reply import AnswerChecks, Asked, read_reply
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.llm.http.classify import classify, success_in_name_only
from summarizer_assets.llm.protocols.anthropic_messages import ANTHROPIC_MESSAGES
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.llm.protocols.gemini_content import GEMINI_CONTENT
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.rehearsal.body_faults import BODIES, ROWS, Original
from summarizer_assets.rehearsal.generate_content import GenerateContent
from summarizer_assets.rehearsal.interface import Interface
from summarizer_assets.rehearsal.messages import MESSAGES
from summarizer_assets.rehearsal.status_faults import STATUSES, Answer
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import answer, request_for

IDS = ("1", "2", "3")
ASKED = [Asked(author_id, f"Doe, {author_id}", text) for author_id, text in zip(IDS, records(*IDS), strict=True)]
HIT = frozenset({"2"})
SKIPPED = {"gzip_garbage", "gzip_bomb"}  # the transport unpacks
Meaning = tuple[Any, ...]


def meaning(protocol: ChatProtocol, said: Answer) -> Meaning:
    """What the product makes of it."""
    if said.status != 200:
        verdict = classify(said.status, said.headers, said.body)
        return verdict.outcome, verdict.cause, verdict.retry
    found = success_in_name_only(said.body, said.headers, protocol)
    if found is not None:
        return found.outcome, found.cause, found.retry
    usage = protocol.usage(said.body)
    try:
        reading = read_reply(protocol.open(said.body), ASKED, AnswerChecks(judged=False, model="test-model"))
    except UnusableReply as unusable:
        return unusable.reason, unusable.retry_same, unusable.split, usage and usage.prompt_tokens
    accepted = [(author_id, text) for author_id, text, _ in reading.accepted]
    return accepted, reading.again, reading.flags, usage and (usage.prompt_tokens, usage.completion_tokens)


def faulty() -> Iterator[tuple[str, Answer]]:
    right = answer(request_for(*records(*IDS)))
    yield "right", Answer(200, right)
    for name, fault in BODIES.items():
        yield name, Answer(200, fault(Original.of(right), HIT))
    for name, status in STATUSES.items():
        if name not in SKIPPED:
            yield name, status(0.0)


CASES = dict(faulty())
#: The reason in chat completions, and in the other interface.
OF_MESSAGES: dict[str, tuple[Any, str]] = {
    "content_filter": ("content_filter", "refusal"),  # one word for what a filter stops and what the model declines
    "null_content": ("refusal", "empty_summary"),  # no text at all is no refusal there, which has a word of its own
    "streamed": ([], "no_choice"),  # a stream of the one interface is none of the other
}
OF_GEMINI: dict[str, tuple[Any, str]] = {
    "refusal": ("refusal", "content_filter"),  # it has no word for what a model declines
    "null_content": ("refusal", "empty_summary"),
    "streamed": ([], "no_choice"),
}
OTHERS: dict[str, tuple[ChatProtocol, Interface, dict[str, tuple[Any, str]]]] = {
    "messages": (ANTHROPIC_MESSAGES, MESSAGES, OF_MESSAGES),
    "gemini": (GEMINI_CONTENT, GenerateContent("m"), OF_GEMINI),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", CASES)
def test_a_fault_means_the_same_in_all_interfaces(name, other):
    said = CASES[name]
    protocol, interface, different = OTHERS[other]
    chat, found = meaning(OPENAI_CHAT, said), meaning(protocol, interface.told(said))
    if name not in different:
        assert found == chat
        return
    assert found != chat
    assert found[0] == different[name][1]
    assert not different[name][0] or chat[0] == different[name][0]


@pytest.mark.parametrize("other", OTHERS)
def test_rows_that_are_right_beside_a_faulty_one_are_kept_in_all(other):
    protocol, interface, _ = OTHERS[other]
    kept = [meaning(protocol, interface.told(CASES[name]))[0] for name in ROWS if name != "swapped"]
    assert sum(isinstance(accepted, list) and len(accepted) >= 2 for accepted in kept) >= len(kept) - 1


def test_what_is_no_document_goes_through_as_it_is():
    for body in (b"", b"<html>", b"\xff", b"[1]", b"3", b'{"a": 1}'):
        assert MESSAGES.told(Answer(502, body, {"x-request-id": "r"})) == Answer(502, body, {"request-id": "r"})
    assert json.loads(MESSAGES.told(Answer(400, b'{"error": "words"}')).body)["error"]["message"] == "words"
