"""What an error's body says, wherever in it that stands: names, words, the fields that it speaks of.

Providers nest an error in an error, put it into a list, into a text that is JSON again, or send a page. Which keys
carry what is written here; what the values mean is in `refusal_signals.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_LIMIT: Final = 64 * 1024  # bytes of a body that are looked at
_DEEPEST: Final = 12
_MOST_VALUES: Final = 500
_MESSAGE_LIMIT: Final = 2000
_NAME_LIMIT: Final = 100
_NO_CODE: Final = "error"  # Anthropic's type of every error's document; the error itself has a type of its own

#: Keys of short names that say what kind of error it is, in the order in which one is shown as the code.
_NAMES: Final = (
    "code", "type", "status", "reason", "reasons", "error_code", "error_type", "errorType", "errorCode", "err_code",
    "provider_code", "quotaId", "limit_source", "title", "name", "@type", "__type",
)  # fmt: skip
#: Keys of texts for a person, the most telling first.
_TEXTS: Final = (
    "message", "detail", "msg", "error", "error_message", "errorMessage", "description", "raw", "details",
    "error_description", "errors", "reason", "cause", "info", "hint", "remedy_hint",
)  # fmt: skip
#: Keys that name a field of the request. FastAPI's `loc` is a path: ["body", "temperature"].
_FIELDS: Final = frozenset({"param", "params", "parameter", "loc", "field", "fieldViolations"})
#: Gemini's holder of fields: what is wrong is one of those, or the words tell it.
_HOLDERS: Final = frozenset({"generation_config", "generationConfig"})
#: Numbers that are worth as much as words.
_NUMBERS: Final = ("n_prompt_tokens", "n_ctx")
#: What a request's fields look like where a message quotes them.
_QUOTED: Final = re.compile(r"""['"`]([a-z][a-z0-9_]*(?:[.\[][a-z0-9_.\[\]]*)?)['"`]""", re.IGNORECASE)
_BARE: Final = re.compile(
    r"(?:argument supplied|unknown field|parameter|field|property)s?:?\s+['\"`]?([a-z][a-z0-9]*_[a-z0-9_]+)",
    re.IGNORECASE,
)
_HEADED: Final = re.compile(r"^([a-z][a-z0-9_]*)(?:\.[\w.]+)?: ", re.MULTILINE)
_WITH_UNDERSCORE: Final = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """An error as told.

    Attributes:
        message: for a person, at most 2,000 characters.
        words: every text of the body, for signals to be searched in.
        names: codes, types, statuses and reasons, lower case, outermost first.
        code: the first of the names that is a text, as the provider wrote it.
        params: fields of the request that the body names as the cause; of "messages[1].content" it is "messages".
        quoted: fields that its words mention.
        page: a web page, so of something before the model.
    """

    message: str = ""
    words: str = ""
    names: tuple[str, ...] = ()
    code: str | None = None
    params: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    page: bool = False

    @property
    def searched(self) -> str:
        """The words, and the names as words: "insufficient_user_quota" is "insufficient user quota"."""
        return "\n".join([self.words, *(name.replace("_", " ") for name in self.names)])


def read_error(body: bytes) -> ErrorBody:
    """Never fails, whatever the bytes."""
    body = body[:_LIMIT].strip()
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        # The start of a JSON document that is cut off has its words all the same.
        page = text[:1] == "<" or "<html" in text[:1000].lower()
        said = " ".join(
            re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE).split()
        )
        return ErrorBody(said[:_MESSAGE_LIMIT], said, (), None, frozenset(), _mentioned(said), page)
    found = _Found()
    found.read(document, "error", 0)
    words = "\n".join(found.texts)
    return ErrorBody(
        message=" · ".join(_told_once(found.texts))[:_MESSAGE_LIMIT] or found.code or "",
        words=words,
        names=tuple(found.names),
        code=found.code,
        params=frozenset(found.params),
        quoted=_mentioned(words),
    )


class _Found:
    """What was found in a document so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.names: list[str] = []
        self.params: list[str] = []
        self.code: str | None = None
        self._values = 0

    def read(self, value: Any, key: str, depth: int) -> None:  # noqa: ANN401 - JSON
        self._values += 1
        if depth > _DEEPEST or self._values > _MOST_VALUES:
            return
        if isinstance(value, dict):
            self._read_object(value, depth)
        elif isinstance(value, list):
            if key in _FIELDS and value and all(isinstance(part, str | int) for part in value):
                self._param(_field_of_path(value))
                return
            for part in value:
                self.read(part, key, depth + 1)
        elif isinstance(value, str):
            self._read_text(value, key, depth)
        elif key in _NAMES and isinstance(value, int) and not isinstance(value, bool):
            self.names.append(str(value))

    def _read_object(self, value: dict[str, Any], depth: int) -> None:
        for name in _NAMES:
            if name in value:
                self.read(value[name], name, depth + 1)
        for name in _TEXTS:
            if name in value and name not in _NAMES:
                self.read(value[name], name, depth + 1)
        numbers = [f"{name}={value[name]}" for name in _NUMBERS if isinstance(value.get(name), int)]
        if numbers:
            self.texts.append(" ".join(numbers))
        for name, part in value.items():
            if name in _FIELDS or (name not in _NAMES and name not in _TEXTS and isinstance(part, dict | list)):
                self.read(part, name, depth + 1)

    def _read_text(self, value: str, key: str, depth: int) -> None:
        if key in _FIELDS:
            self._param(value)
            return
        if (nested := _nested(value)) is not None:
            self.read(nested, key, depth + 1)
            return
        if key in _NAMES:
            if value and len(value) <= _NAME_LIMIT:
                self.names.append(value.lower())
                if self.code is None and not value.isdigit() and value != _NO_CODE:
                    self.code = value
            if " " in value.strip():
                self.texts.append(value)
        elif value:
            self.texts.append(value)

    def _param(self, value: str) -> None:
        """Xiaomi's and others put a sentence there."""
        if " " in value.strip():
            self.texts.append(value)
        elif value and value not in _HOLDERS:
            self.params.append(_first_part(value))


def _nested(text: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON that a text is or holds, as gateways quote their upstream's; None: it is plain words."""
    start = min((place for place in (text.find("{"), text.find("[{")) if place >= 0), default=-1)
    if start < 0 or ":" not in text:
        return None
    try:
        document = msgspec.json.decode(text[start:].strip().rstrip("'`.").encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    before = text[:start].strip(" :-\n")
    return [before, document] if before else document


def _field_of_path(path: list[Any]) -> str:
    """Of `["body", "temperature", "float"]`, or of one text."""
    parts = [str(part) for part in path]
    return _first_part(next((part for part in parts if part not in {"body", "query", "__root__"}), ""))


def _first_part(name: str) -> str:
    parts = re.split(r"[.\[\s/]", name.strip("'\"`$ "))
    return (parts[1] if parts[0] in _HOLDERS and len(parts) > 1 else parts[0]).lower()


def _mentioned(words: str) -> frozenset[str]:
    patterns = (_QUOTED, _BARE, _HEADED)
    named = {_first_part(match[1]) for pattern in patterns for match in pattern.finditer(words[:_MESSAGE_LIMIT])}
    return frozenset(named | set(_WITH_UNDERSCORE.findall(words[:_MESSAGE_LIMIT].lower())))


def _told_once(texts: list[str]) -> Iterator[str]:
    said = ""
    for text in (" ".join(text.split()) for text in texts):
        if text and text not in said:
            said += text
            yield text
