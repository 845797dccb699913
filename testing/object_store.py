"""An S3 server on loopback, in a process of its own: readers in ours would hold the lock that it needs to answer."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import boto3

from testing.certificates import Certified
from testing.faulty_store import PATH, Faults, told

SECRET = "canary-secret"


@contextmanager
def object_store(private: Certified | None = None) -> Iterator[dict[str, str]]:
    """Serve an empty store, over TLS where there is a certificate; yields the variables that reach it."""
    certificate = [] if private is None else [str(private.certificate), str(private.key)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "testing.faulty_store", *certificate],
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        found = re.search(r"listening on (\S+)", server.stdout.readline())
        assert found is not None
        try:
            yield {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"{'https' if private else 'http'}://{found[1]}",
                **({} if private else {"AWS_ALLOW_HTTP": "true"}),
            }
        finally:
            server.kill()


def client(options: dict[str, str], **more: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=options["AWS_ENDPOINT_URL"],
        aws_access_key_id=options["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=options["AWS_SECRET_ACCESS_KEY"],
        region_name=options["AWS_REGION"],
        **more,
    )


def fail(options: dict[str, str], kind: str = "", **which: Any) -> None:
    """From now on the store of `options` does this wrong (see `Faults`); without a kind, nothing any more."""
    body = told(Faults(kind, **which))
    with urlopen(Request(f"{options['AWS_ENDPOINT_URL']}{PATH}faults", body, method="POST")) as answer:
        answer.read()


def heard(options: dict[str, str]) -> dict[str, Any]:
    """`requests` that came since the last `fail`, and how many of them `failed`."""
    with urlopen(f"{options['AWS_ENDPOINT_URL']}{PATH}requests") as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found
