"""Translation of object-store errors to a cause and the variable to set, without the secrets that a store may echo."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from deltalake.exceptions import DeltaError

from summarizer_assets.core.display_text import cut
from summarizer_assets.storage.errors import StoreUnfit, TableError

_MOST = 400  # characters shown of the store's message
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_XML = re.compile(r"<(?:\?xml|!doctype|html|Error)\b.*", re.DOTALL | re.IGNORECASE)
#: How delta-rs' messages about a request, its response or the settings of either begin.
_OF_STORE = re.compile(
    r"Generic S3 error|Error performing|privileges to complete|authentication credentials|not (?:yet )?implemented",
    re.IGNORECASE,
)
_SECRET_NAMES = ("KEY", "SECRET", "TOKEN", "PASSWORD")


@dataclass(frozen=True)
class _Cause:
    signs: str  # a pattern for delta-rs' message
    said: str
    remedy: str


_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for temporary ones AWS_SESSION_TOKEN too)"
#: The first match counts: an error of missing credentials is also a connection error.
_CAUSES = (
    _Cause("NoSuchBucket", "the bucket {bucket} does not exist", "make it, or correct SUMMARIZER_ROOT"),
    _Cause(
        "URL scheme is not allowed",
        "{endpoint} is plain http, which is not allowed by itself",
        "set AWS_ALLOW_HTTP=true if that is meant, or give AWS_ENDPOINT_URL an https:// address",
    ),
    _Cause(
        r"/latest/api/token|security-credentials|Missing (?:SecretAccessKey|AccessKeyId)",
        "no credentials are set, and the machine has none of its own",
        f"set {_KEYS}",
    ),
    _Cause(
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|valid authentication credentials",
        "the store does not accept the credentials{code}",
        f"correct {_KEYS}",
    ),
    _Cause("RequestTimeTooSkewed", "this machine's clock is wrong{code}", "set the clock"),
    _Cause(
        "AuthorizationHeaderMalformed|PermanentRedirect|Received redirect|IllegalLocationConstraint",
        "the bucket {bucket} is in another region than {region}{code}",
        "set AWS_REGION to the bucket's, or AWS_ENDPOINT_URL to the store that has it",
    ),
    _Cause(
        "AccessDenied|lacked the necessary privileges",
        "access is denied{request}{code}",
        "the user of AWS_ACCESS_KEY_ID needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and "
        "s3:DeleteObject on what is under SUMMARIZER_ROOT",
    ),
    _Cause(
        "NotImplemented|not yet implemented|not supported",
        "the store offers no conditional writes (`If-None-Match`), and without them rows would be lost{code}",
        "use a store that has them, such as AWS S3 or a current MinIO; AWS_CONDITIONAL_PUT must not be set",
    ),
    _Cause(
        "corrupt message|certificate",
        "no secure connection to {endpoint}",
        "correct AWS_ENDPOINT_URL: http:// or https://, and a name that its certificate has; SSL_CERT_FILE names a "
        "file with the authorities that are trusted, a private one among them",
    ),
    _Cause(
        r"dns error|tcp connect error|client error \(Connect\)|timed out",
        "nobody answers at {endpoint}",
        "correct AWS_ENDPOINT_URL (unset for AWS itself, with AWS_REGION), or see that the store runs",
    ),
)


@contextmanager
def store_errors(uri: str, options: Mapping[str, str], what: str) -> Iterator[None]:
    """Context that translates errors of an object store with `refusal`; other errors pass unchanged."""
    try:
        yield
    except (DeltaError, OSError) as error:
        refused = refusal(uri, options, what, error)
        if refused is None:
            raise
        raise refused from None  # the cause would show what the store echoed


def refusal(uri: str, options: Mapping[str, str], what: str, error: Exception) -> TableError | None:
    """The error to raise `from None` for an error of delta-rs; None if it does not come from an object store.

    Args:
        uri: address of a table or its root, on an object store.
        options: the store's variables; their secrets are not shown.
        what: the operation that failed, in words.
        error: delta-rs' error.

    Returns:
        `StoreUnfit`, with what to set, if waiting would not help; otherwise a `TableError`.
    """
    text = _ANSI.sub("", str(error))
    if "://" not in uri or not _OF_STORE.search(text):
        return None
    code = re.search(r"<Code>(\w+)</Code>", text)
    request = re.search(r"Error performing (GET|PUT|POST|DELETE|HEAD|list)", text)
    for cause in _CAUSES:
        if re.search(cause.signs, text):
            region = options.get("AWS_REGION") or options.get("AWS_DEFAULT_REGION")
            said = cause.said.format(
                bucket=urlsplit(uri).netloc,
                endpoint=endpoint_of(options) or "AWS",
                region=f"AWS_REGION={region}" if region else "us-east-1 (AWS_REGION is not set)",
                code=f" ({code[1]})" if code else "",
                request=f" to {request[1]}" if request else "",
            )
            return StoreUnfit(f"{uri}: {what}: {said}; {cause.remedy}")
    return TableError(f"{uri}: {what}: {_shown(text, code, options)}; is the store well? Run again once it is")


def endpoint_of(options: Mapping[str, str]) -> str:
    """The store's configured address without user name and password; empty for AWS itself."""
    found = next(
        (options[name] for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT") if options.get(name)), ""
    )
    scheme, separator, rest = found.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _shown(text: str, code: re.Match[str] | None, options: Mapping[str, str]) -> str:
    """The store's message in one line. Of its XML only the code is kept, because it echoes rejected keys and tokens."""
    text = _XML.sub(code[1] if code else "", text)
    for name, value in options.items():
        if value and any(part in name.upper() for part in _SECRET_NAMES):
            text = text.replace(value, "***")
    return cut(" ".join(text.replace("↳", " ").split()), _MOST)
