"""The faulty provider's prompt cache: the constant beginning of requests, kept for five minutes from its last use."""

import json
from typing import Any, Final

from summarizer_assets.core.prompt.tokens import estimate_tokens
from summarizer_assets.rehearsal.right_answers import Right

_KEPT_S: Final = 300.0


class PromptCache:
    """Of one provider: the system messages of chat completion requests, by model."""

    def __init__(self) -> None:
        self._used_at: dict[tuple[str, str], float] = {}

    def applied(self, right: Right, request: bytes, least: int, now: float, *, marked_only: bool) -> Right:
        """`right` with what it read from the cache, or put there, in its usage; the cache then has it.

        Args:
            right: the answer to `request`.
            request: the body of a chat completion request.
            least: tokens of the shortest beginning that is kept.
            now: clock seconds.
            marked_only: only a beginning whose request asks for it is kept.
        """
        asked = json.loads(request)
        begin = "".join(said["content"] for said in asked["messages"] if said["role"] == "system")
        tokens = min(estimate_tokens(begin), right.prompt_tokens)
        if tokens < least or (marked_only and "prompt_cache_key" not in asked):
            return right
        key = (asked["model"], begin)
        known = now - self._used_at.get(key, float("-inf")) <= _KEPT_S
        self._used_at[key] = now
        read, written = (tokens, 0) if known else (0, tokens)
        completion: dict[str, Any] = json.loads(right.body)
        completion["usage"]["prompt_tokens_details"] = {"cached_tokens": read, "cache_write_tokens": written}
        body = json.dumps(completion, separators=(",", ":")).encode()
        return right._replace(body=body, cached_tokens=read, written_tokens=written)
