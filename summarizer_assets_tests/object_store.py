"""An S3 server on loopback, in a process of its own: readers in ours would hold the lock that it needs to answer."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

_SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("listening on %s:%s" % server.get_host_and_port(), flush=True)
input()
"""
SECRET = "canary-secret"


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """Serve an empty store; yields the variables that reach it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        found = re.search(r"listening on (\S+)", server.stdout.readline())
        assert found is not None
        yield {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{found[1]}",
            "AWS_ALLOW_HTTP": "true",
        }
        server.kill()


def client(options: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=options["AWS_ENDPOINT_URL"],
        aws_access_key_id=options["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=options["AWS_SECRET_ACCESS_KEY"],
        region_name=options["AWS_REGION"],
    )
