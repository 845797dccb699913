"""Correct answers: computed by the provider's answer function, cached by body, or built from the request's bytes."""

import re
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.plan import Plan

#: The answer of a correct provider: the request's body to the completion's body.
AnswerFunction = Callable[[bytes], bytes]

_REMEMBERED_BYTES = 256 << 20
_SCHEMA = b'"json_schema"'
_NO_SCHEMA = "This response_format type is unavailable now."

_RECORD = b'\\n\\n#\\"'  # the start of a record within a request: after an empty line, JSON-escaped
_WHO = re.compile(rb'\\n\\n#\\"([^"\\]+)\\" ?([^"\\@|]*)')
_FIXED_HEAD = (
    b'{"id":"chatcmpl-fixed","object":"chat.completion","created":0,"model":"fixed","choices":[{"index":0,'
    b'"message":{"role":"assistant","refusal":null,"content":"{\\"summaries\\":['
)
_FIXED_ID, _FIXED_NAME = b'{\\"author_id\\":\\"', b'\\",\\"summary\\":\\"'
_FIXED_END = b' is the author of the papers recorded here.\\"}'
_FIXED_TAIL = b']}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}'
_BYTES_PER_TOKEN = 4


class Right(NamedTuple):
    """A correct answer: its authors and its tokens; of the prompt's, some may be of the provider's cache."""

    body: bytes
    ids: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    written_tokens: int = 0


class _Row(msgspec.Struct):
    author_id: str


class _Content(msgspec.Struct):
    summaries: list[_Row]


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_completion = msgspec.json.Decoder(_Completion)
_content = msgspec.json.Decoder(_Content)


class Rights:
    """A correct provider around its answer function."""

    def __init__(self, answer: AnswerFunction) -> None:
        self._answer = answer
        self._remembered: OrderedDict[tuple[int, int], Right] = OrderedDict()
        self._size = 0

    def of(self, body: bytes, plan: Plan) -> Right:
        """The correct answer to a request, according to the plan's `replies`.

        Raises:
            RequestRefusedError: raised by the answer function, or by the plan for a form that it does not accept.
        """
        if not plan.accepts_schema and _SCHEMA in body:
            raise RequestRefusedError(HTTPStatus.BAD_REQUEST, _NO_SCHEMA, param="response_format")
        if plan.replies == "fixed":
            return fixed(body) or self._answered(body)
        if plan.replies == "answered":
            return self._answered(body)
        key = (hash(body), len(body))
        right = self._remembered.get(key)
        if right is None:
            right = self._remembered[key] = self._answered(body)
            self._size += len(right.body)
            while self._size > _REMEMBERED_BYTES:
                self._size -= len(self._remembered.popitem(last=False)[1].body)
        return right

    def _answered(self, body: bytes) -> Right:
        answer = self._answer(body)
        completion = _completion.decode(answer)
        choice = completion.choices[0]
        usage = completion.usage or _Usage()
        # The authors of an answer that was cut off at the request's own `max_tokens` are unknown.
        rows = [] if choice.finish_reason == "length" else _content.decode(choice.message.content).summaries
        return Right(answer, tuple(row.author_id for row in rows), usage.prompt_tokens, usage.completion_tokens)


def fixed(body: bytes) -> Right | None:
    """One sentence per author of a request written by `core.prompt.messages`, without parsing the request as JSON.

    None if an id contains characters that JSON escapes; such a request must be parsed.
    """
    found = _WHO.findall(body)
    if len(found) != body.count(_RECORD):
        return None
    content = b",".join(
        [
            _FIXED_ID + author_id + _FIXED_NAME + (name.rstrip() or b"This author") + _FIXED_END
            for author_id, name in found
        ]
    )
    ids = b"\x1f".join([author_id for author_id, _ in found]).decode().split("\x1f") if found else []
    prompt, completion = len(body) // _BYTES_PER_TOKEN, len(content) // _BYTES_PER_TOKEN
    reply = _FIXED_HEAD + content + _FIXED_TAIL % (prompt, completion, prompt + completion)
    return Right(reply, tuple(ids), prompt, completion)
