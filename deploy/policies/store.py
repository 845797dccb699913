"""The program of an S3 server that heeds policies: moto, with a door in front that asks them of each request.

    python deploy/policies/store.py

Says where it listens; ends with its standard input. A user is the access key's id; signatures are not looked at. What
it knows of IAM is what the policies beside it use: statements that allow actions on resources. `POST /-/policies` tells
whose they are, `POST /-/age` makes all that is stored older by so many seconds, `GET /-/heard` gives what was asked of
it. As AWS does, it answers 403 for a key that is not there to who may not list.
"""
# ruff: noqa: INP001 - a script beside the policies

import argparse
import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET  # what our own client wrote

CONTROL = "/-/"
_DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_USER = re.compile(r"Credential=([^/]+)/")

Start = Callable[..., Any]
Environ = dict[str, Any]


def allowed(policies: Iterable[Mapping[str, Any]], action: str, resource: str) -> bool:
    return any(
        action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for policy in policies
        for statement in policy["Statement"]
    )


def needs(environ: Environ) -> Iterator[tuple[str, str]]:
    """Each action that the request needs, and on what."""
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    method, place = environ["REQUEST_METHOD"], f"arn:aws:s3:::{bucket}"
    if not key and method == "POST" and "delete" in query:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(body)
        for element in ET.fromstring(body).iter():  # noqa: S314 - see above
            if element.tag.endswith("Key"):
                yield "s3:DeleteObject", f"{place}/{element.text}"
    elif not key:
        yield {"GET": "s3:ListBucket", "HEAD": "s3:ListBucket", "PUT": "s3:CreateBucket"}[method], place
    elif method == "DELETE":
        yield "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject", f"{place}/{key}"
    else:
        yield {"GET": "s3:GetObject", "HEAD": "s3:GetObject"}.get(method, "s3:PutObject"), f"{place}/{key}"
        if copied := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
            yield "s3:GetObject", f"arn:aws:s3:::{copied.lstrip('/')}"


class PolicedStore:
    """A WSGI application around `app`, the store. `policies` by user; a user without any may do everything."""

    def __init__(self, app: Callable[[Environ, Start], Iterable[bytes]]) -> None:
        self._app = app
        self._policies: dict[str, list[Mapping[str, Any]]] = {}
        self._heard: dict[str, int] = {}
        self._lock = threading.Lock()
        self._one_put = threading.Lock()  # moto's check of a condition and its put are two steps

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(CONTROL):
            return self._control(environ, start)
        found = _USER.search(environ.get("HTTP_AUTHORIZATION", ""))
        user = found[1] if found else ""
        policies = self._policies.get(user)
        for action, resource in needs(environ):
            right = policies is None or allowed(policies, action, resource)
            with self._lock:
                name = f"{user} {action} {resource}{'' if right else ' DENIED'}"
                self._heard[name] = self._heard.get(name, 0) + 1
            if not right:
                return _deny(environ, start)
        if environ["REQUEST_METHOD"] == "PUT":
            with self._one_put:
                return self._app(environ, start)
        if policies is None:
            return self._app(environ, start)
        return self._hiding_what_is_missing(environ, start, policies)

    def _hiding_what_is_missing(
        self, environ: Environ, start: Start, policies: list[Mapping[str, Any]]
    ) -> Iterable[bytes]:
        told: list[Any] = []
        answer = self._app(environ, lambda *status: told.append(status))
        bucket = environ["PATH_INFO"].lstrip("/").partition("/")[0]
        if told[0][0].startswith("404") and not allowed(policies, "s3:ListBucket", f"arn:aws:s3:::{bucket}"):
            return _deny(environ, start)
        start(*told[0])
        return answer

    def _control(self, environ: Environ, start: Start) -> Iterable[bytes]:
        what = environ["PATH_INFO"].removeprefix(CONTROL)
        said = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._lock:
            answer = json.dumps(self._heard).encode()
            if what == "policies":
                self._policies = json.loads(said)
                self._heard = {}
            elif what == "age":
                _age(float(said))
        start("200 OK", [("Content-Type", "application/json")])
        return [answer]


def _deny(environ: Environ, start: Start) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(_DENIED)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [_DENIED]


def _age(seconds: float) -> None:
    from moto.s3.models import s3_backends  # noqa: PLC0415 - slow to import

    for account in s3_backends.values():
        for backend in account.values():
            for bucket in backend.buckets.values():
                for key in bucket.keys.values():
                    key.last_modified -= timedelta(seconds=seconds)


def main() -> None:
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - the same
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - the same

    app = PolicedStore(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"listening on http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
