"""Validation and normalisation of a provider's base URL."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx

from summarizer_assets.endpoint.metadata import metadata_service

#: Paths of other APIs, which people copy from a provider's page.
_OTHERS = ("/completions", "/responses", "/messages", "/embeddings", "/invocations", ":generatecontent")
_HINTS = {
    "/completions": ", or set SUMMARIZER_LLM_PROTOCOL=openai if chat completions are meant",
    "/messages": ", or set SUMMARIZER_LLM_PROTOCOL=anthropic",
    ":generatecontent": ", or set SUMMARIZER_LLM_PROTOCOL=gemini",
    "/invocations": " (of Databricks's model serving: https://workspace/serving-endpoints, and the endpoint's name as "
    "SUMMARIZER_LLM_MODEL)",
}
_SECRET_ENDS = ("key", "token", "secret", "password", "passwd", "pwd", "signature", "credential", "credentials", "jwt")
_SECRET_NAMES = frozenset({"auth", "authorization", "bearer", "code", "sig"})
#: API keys in the known formats of providers.
_KEY = re.compile(
    r"(?:(?:sk|pk|rk|csk|xai|nvapi|pplx)-|(?:gsk|hf|ghp|gho|github_pat|r8|fw|tgp)_|AIza|dapi|eyJ)[\w-]{12,}",
    re.ASCII,
)
_RANDOM = re.compile(r"\w{20,}", re.ASCII)


def endpoint(url: str, added: str, base_path: Callable[[str], str] = str) -> str:
    """The base URL of a provider, without a trailing slash; a query is kept.

    `added` is the path that the protocol adds; `{model}` in it stands for any model. Any path may precede it: `/v1`,
    `/v1beta/openai`, `/inference`, none.
    A trailing `added` is removed, and what is left goes through `base_path`.

    Raises:
        ValueError: it is not a valid base URL, or would reveal a secret. The message does not quote it, because it may
            contain a key.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if host is None or parts.scheme not in {"http", "https"} or re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise ValueError("not an http(s) URL; allowed: 'embedded', or a URL such as https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password does not belong in the URL; set SUMMARIZER_LLM_API_KEY")
    if parts.fragment:
        raise ValueError("a fragment (#...) does not belong in the URL; leave it out")
    if (service := metadata_service(host)) is not None:
        raise ValueError(f"{host} is {service}, not a provider")
    _refuse_secrets(parts.path, parts.query)
    path = parts.path.rstrip("/")
    if (whole := re.search(re.escape(added).replace(r"\{model\}", "[^/]+") + "$", path, re.IGNORECASE)) is not None:
        path = path[: whole.start()].rstrip("/")
    elif (other := next((end for end in _OTHERS if path.lower().endswith(end)), None)) is not None:
        raise ValueError(
            f"the path ends in {other}, which is another interface; give the base to which {added} is added, as in "
            f"https://host/v1{_HINTS.get(other, '')}"
        )
    kept = urlunsplit((parts.scheme, parts.netloc, base_path(path), parts.query, ""))
    try:
        readable = httpx.URL(kept).host and ("%" not in host or ":" in host)  # an IPv6 zone contains one
    except httpx.InvalidURL:
        readable = False
    if not readable:
        raise ValueError(f"{host} is no host's name or address as a URL spells it")
    return kept


def _refuse_secrets(path: str, query: str) -> None:
    if any(_KEY.match(segment) for segment in path.split("/")):
        raise ValueError("the path holds what looks like a key; a key goes into SUMMARIZER_LLM_API_KEY")
    for name, value in parse_qsl(query, keep_blank_values=True):
        folded = re.sub(r"[^a-z0-9]", "", name.lower())
        named = folded in _SECRET_NAMES or folded.endswith(_SECRET_ENDS)
        if named or _looks_like_a_key(value) or _looks_like_a_key(name):
            what = f"the query's parameter {name}" if named and not _looks_like_a_key(name) else "the query"
            raise ValueError(f"{what} holds what looks like a key; leave it out and set SUMMARIZER_LLM_API_KEY")


def _looks_like_a_key(text: str) -> bool:
    """Whether the text has a known key format, or a long random run of letters and digits."""
    runs = _RANDOM.findall(text)
    return bool(_KEY.search(text)) or any(re.search(r"\d", run) and re.search("[A-Za-z]", run) for run in runs)
