"""The address of a provider, as a person writes it into a setting."""

from urllib.parse import urlsplit

#: How an OpenAI-compatible base ends: everybody's but Databricks's model serving, which has no version in it.
_BASES = ("/v1", "/serving-endpoints")
_METADATA_SERVICES = frozenset({"metadata.google.internal", "fd00:ec2::254", "100.100.100.200"})


def endpoint(url: str) -> str:
    """The base URL of an OpenAI-compatible provider, without a slash at its end.

    Raises:
        ValueError: it is none, or would give a secret away. The message does not quote it: a key may have been put
            into it.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if host is None or parts.scheme not in {"http", "https"}:
        raise ValueError("not an http(s) URL; allowed: 'embedded', or a URL such as https://host/v1")
    if parts.username or parts.password:
        raise ValueError("a password does not belong in the URL; set SUMMARIZER_LLM_API_KEY")
    if parts.query or parts.fragment:
        raise ValueError("a query does not belong in the base URL; a key goes into SUMMARIZER_LLM_API_KEY")
    if host.startswith("169.254.") or host in _METADATA_SERVICES:
        raise ValueError(f"{host} is a cloud's metadata service, not a provider")
    if not parts.path.rstrip("/").endswith(_BASES):
        raise ValueError(
            f"the path {parts.path!r} does not end in /v1; give the OpenAI-compatible base, as in https://host/v1 "
            "(of Databricks's model serving: https://workspace/serving-endpoints)"
        )
    return url.rstrip("/")
