"""The object store of a cluster for trying out: moto's S3 server, which keeps all in memory, with a folder behind it.

    python -m deploy.celery.object_store --address 10.77.0.1 --port 19000 --folder .cluster/store

It reads the folder when it starts and writes it when it is told to end (SIGTERM); killed, it has lost what came since.
For anything that matters set SUMMARIZER_ROOT and the AWS_* variables of a store of yours: this one is not started then.
"""

import argparse
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from deploy.celery.layout import BUCKET

Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


class OnePutAtATime:
    """moto looks for an object and writes it in two steps: between them two writers would both be the first."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._putting = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "PUT":
            return self._app(environ, start)
        with self._putting:
            return self._app(environ, start)


def load(store: Any, folder: Path) -> None:  # noqa: ANN401 - boto3 makes its clients as it runs
    store.create_bucket(Bucket=BUCKET)
    for path in folder.glob("*"):
        store.put_object(Bucket=BUCKET, Key=unquote(path.name), Body=path.read_bytes())


def save(store: Any, folder: Path) -> None:  # noqa: ANN401 - the same
    folder.mkdir(parents=True, exist_ok=True)
    kept = set()
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page.get("Contents", []):
            path = folder / quote(entry["Key"], safe="")
            kept.add(path)
            if not path.exists() or path.suffix != ".parquet":  # a data file never changes; all else may
                path.write_bytes(store.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read())
    for path in set(folder.glob("*")) - kept:
        path.unlink()


@contextmanager
def serving(app: App, address: str, port: int) -> Iterator[int]:
    server = make_server(address, port, app, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def main(options: argparse.Namespace) -> None:
    app = OnePutAtATime(DomainDispatcherApplication(create_backend_app))
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    with serving(app, "127.0.0.1", 0) as port:
        store = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")  # key and region by their variables
        load(store, options.folder)
        with serving(app, options.address, options.port):  # who reaches it finds everything
            told.wait()
        save(store, options.folder)


if __name__ == "__main__":
    main(options)
