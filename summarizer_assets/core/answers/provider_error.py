"""Extraction of the error that a provider puts anywhere into a body with status 200."""

from collections.abc import Mapping

#: MiniMax's error numbers (`base_resp.status_code`), mapped to the names that other providers use.
_MINIMAX = {
    1001: "timeout_error",
    1002: "rate_limit_exceeded",
    1004: "invalid_api_key",
    1008: "insufficient_quota",
    1026: "content_filter",
    1027: "content_filter",
    1039: "rate_limit_exceeded",
    1041: "rate_limit_exceeded",
    2013: "invalid_request_error",
    2045: "rate_limit_exceeded",
    2049: "invalid_api_key",
    2056: "insufficient_quota",
}
_WORDS = ("message", "msg", "detail", "error_msg", "error_message", "errorMessage", "status_msg", "fault")
_CODES = ("code", "error_code", "errorCode", "status_code", "statusCode", "status")
_DEEPEST = 4


def told_error(document: object) -> dict[str, object] | None:
    """The error with its `message`, its `code` if there is one, and its other fields; None if there is no error."""
    if isinstance(document, list):
        document = next((item for item in document if isinstance(item, dict)), None)
    if not isinstance(document, dict):
        return None
    beside = {name: value for name, value in document.items() if name not in ("choices", "usage")}
    found = _in(beside) or _of_minimax(document.get("base_resp"))
    choices = document.get("choices")
    if found is None and isinstance(choices, list):
        for choice in choices[:1]:
            if isinstance(choice, dict):
                found = _in(choice) or _in(choice.get("message")) or _in(choice.get("delta"))
    if found is None and not choices and _is_error(document):
        found = _named(document)
    return found


def _is_error(document: Mapping[str, object]) -> bool:
    """Whether a document without choices is itself an error, and not the reply of another protocol."""
    told = any(document.get(name) and not (name == "message" and isinstance(document[name], dict)) for name in _WORDS)
    return told or document.get("object") == "error" or any(document.get(name) for name in _CODES if name != "status")


def _in(holder: object) -> dict[str, object] | None:
    if not isinstance(holder, dict):
        return None
    return next(
        (error for name in ("error", "errors", "Error") if (error := _as_object(holder.get(name), holder)) is not None),
        None,
    )


def _as_object(error: object, holder: Mapping[str, object], depth: int = _DEEPEST) -> dict[str, object] | None:
    if not error or depth == 0:
        return None
    if isinstance(error, list):
        return _as_object(error[0], holder, depth - 1)
    if isinstance(error, dict):
        return _as_object(error.get("error"), error, depth - 1) or _named(error)
    # If it is a text, a number or `true`, the fields beside it have the details.
    words = str(error) if isinstance(error, str) else ""
    told = _named(holder)
    return {**told, "message": words or told.get("message", "")}


def _named(error: Mapping[str, object]) -> dict[str, object]:
    """The error with message and code under their usual names."""
    message = next((error[name] for name in _WORDS if error.get(name)), None)
    code = next((error[name] for name in _CODES if error.get(name)), None)
    named = {name: value for name, value in error.items() if name not in ("choices", "usage", "error", "errors")}
    return {**named, "message": str(message or code or ""), **({} if code is None else {"code": code})}


def _of_minimax(told: object) -> dict[str, object] | None:
    code = told.get("status_code") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not code or not isinstance(code, int):
        return None
    return {
        "message": f"{told.get('status_msg') or 'no reason given'} ({code})",
        "code": _MINIMAX.get(code, "api_error"),
    }
