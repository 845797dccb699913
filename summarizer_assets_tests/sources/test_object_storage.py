"""The same sources on S3, from a server on loopback."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest
from deltalake import write_deltalake

from summarizer_assets.sources import files, stores
from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.sources.building import compressed, csv_bytes, flat, jsonl_bytes, nested, read
from testing.object_store import client, object_store


@pytest.fixture(scope="module")
def options():
    with object_store() as variables:
        yield variables


def test_every_format_is_read_from_s3_by_file_folder_and_glob(options):
    store = client(options)
    store.create_bucket(Bucket="authors")
    store.put_object(Bucket="authors", Key="flat/a.csv.gz", Body=compressed(csv_bytes(flat()), ".gz"))
    store.put_object(Bucket="authors", Key="flat/_SUCCESS", Body=b"")
    store.put_object(Bucket="authors", Key="many/x=1/a.jsonl.zst", Body=compressed(jsonl_bytes(nested()), ".zst"))
    store.put_object(Bucket="authors", Key="many/x=1/a.txt", Body=b"")
    nested().write_parquet("s3://authors/one.parquet", storage_options=options)
    write_deltalake("s3://authors/table", flat(), storage_options=options)
    ids = pl.Series("author_id", ["7", "9007199254740993", "12"])
    for uri in ("flat", "flat/a.csv.gz", "many/*/*.jsonl.zst", "many/**/a.json*", "one.parquet", "table"):
        authors, rejected, _ = read(f"s3://authors/{uri}", options=options)
        assert authors["author_id"].unique(maintain_order=True).to_list() == ids.to_list(), uri
        assert rejected.is_empty()
    for uri, message in (
        ("s3://authors/nothing", "no file is there"),
        ("s3://nobody/a.csv", "cannot be listed|no file"),
    ):
        with pytest.raises(SourceError, match=message) as error:
            read(uri, options=options)
        assert "canary" not in str(error.value)


def test_a_source_behind_the_proxy_of_the_environment_is_listed_and_read_through_it(monkeypatch):
    """The store's name is one that only the proxy knows."""
    asked: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.requestline)
            self.send_error(403)

        def log_message(self, *_: object):
            """Not to the test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        there = {
            "AWS_ENDPOINT_URL": "https://store.invalid",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "key",
        }
        with pytest.raises(SourceError, match="be listed"):
            files.list_files("s3://authors/a.csv", there)
        proxy.shutdown()
        thread.join()
    assert asked[0].startswith("CONNECT store.invalid:443 ")
    monkeypatch.setenv("NO_PROXY", "store.invalid")
    assert stores._proxy_to("https://store.invalid") is None
