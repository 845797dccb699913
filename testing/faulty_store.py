"""The program of the S3 server: moto, with what a store may do wrong put in front of it.

    python -m testing.faulty_store [CERTIFICATE KEY]

Says where it listens; ends with its standard input. Faults are told by `POST /-/faults` (see `Faults`), and
`GET /-/requests` gives each request that came since.
"""

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

PATH = "/-/"
#: AWS gives back the key and the token that it does not know.
_ERROR = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>{message}</Message><Token-0>{token}</Token-0></Error>"""
#: Answers as S3 gives them: status, code, message.
ANSWERS = {
    "slow_down": ("503 Slow Down", "SlowDown", "Please reduce your request rate."),
    "internal": ("500 Internal Server Error", "InternalError", "We encountered an internal error. Please try again."),
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),
    "unknown_key": ("403 Forbidden", "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist."),
    "signature": ("403 Forbidden", "SignatureDoesNotMatch", "The request signature we calculated does not match."),
    "token": ("400 Bad Request", "InvalidToken", "The provided token is malformed or otherwise invalid."),
    "region": ("400 Bad Request", "AuthorizationHeaderMalformed", "expecting 'eu-west-3'"),
    "redirect": ("301 Moved Permanently", "PermanentRedirect", "The bucket must be addressed elsewhere."),
    "not_implemented": ("501 Not Implemented", "NotImplemented", "A header implies functionality not implemented."),
}


@dataclass
class Faults:
    """What goes wrong with some requests: those of `methods` whose path holds `path`, but for the first `after`.

    Args:
        kind: one of `ANSWERS`; `reset`: the connection ends, nothing was done; `lost`: it was done, and the answer is
            lost; `unconditional`: `If-None-Match` is ignored.
        every: each so many-th of the requests.
        times: at most so often.
    """

    kind: str = ""
    methods: list[str] = field(default_factory=lambda: ["GET", "PUT", "POST", "DELETE", "HEAD"])
    path: str = ""
    every: int = 1
    after: int = 0
    times: int = 10**9


Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


class FaultyStore:
    """A WSGI application around `app`, the store. One put at a time: moto's check and its put are two steps."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._faults = Faults()
        self._seen = self._failed = 0
        self._requests: list[str] = []
        self._lock = threading.Lock()
        self._one_put = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith(PATH):
            return self._control(environ, start)
        kind = self._fault(method, path)
        if kind in ANSWERS:
            status, code, message = ANSWERS[kind]
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            headers = [("Content-Type", "application/xml"), ("x-amz-bucket-region", "eu-west-3")]
            start(status, headers)
            token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
            return [_ERROR.format(code=code, message=message, token=token).encode()]
        if kind == "reset":
            return _hang_up(environ)
        if kind == "unconditional":
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if method != "PUT":
            return self._app(environ, start)
        with self._one_put:
            answer = self._app(environ, start)
        return _hang_up(environ) if kind == "lost" else answer

    def _fault(self, method: str, path: str) -> str:
        with self._lock:
            self._requests.append(f"{method} {path}")
            faults = self._faults
            if (
                not faults.kind
                or method not in faults.methods
                or faults.path not in path
                or self._failed >= faults.times
            ):
                return ""
            self._seen += 1
            if self._seen <= faults.after or (self._seen - faults.after) % faults.every:
                return ""
            self._failed += 1
            return faults.kind

    def _control(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        with self._lock:
            found = {"requests": self._requests, "failed": self._failed}
            if environ["REQUEST_METHOD"] == "POST":
                self._faults = Faults(**json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
                self._seen = self._failed = 0
                self._requests = []
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(found).encode()]


def _hang_up(environ: dict[str, Any]) -> Iterable[bytes]:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return []


def told(faults: Faults) -> bytes:
    return json.dumps(asdict(faults)).encode()


def main() -> None:
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - slow to import, and only for the program
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - the same

    app = FaultyStore(DomainDispatcherApplication(create_backend_app))
    tls = (sys.argv[1], sys.argv[2]) if sys.argv[1:] else None
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler, ssl_context=tls)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address[:2]
    sys.stdout.write(f"listening on {host!s}:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
