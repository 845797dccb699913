"""The same sources on S3, from a server on loopback: a process of its own, for readers hold the interpreter's lock."""

import re
import subprocess
import sys

import boto3
import polars as pl
import pytest
from deltalake import write_deltalake

from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.sources.building import compressed, csv_bytes, flat, jsonl_bytes, nested, read

SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("listening on %s:%s" % server.get_host_and_port(), flush=True)
input()
"""


@pytest.fixture(scope="module")
def options():
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as server:
        line = server.stdout.readline()
        address = re.search(r"listening on (\S+)", line).group(1)
        yield {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "canary-secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{address}",
            "AWS_ALLOW_HTTP": "true",
        }
        server.kill()


def test_every_format_is_read_from_s3_by_file_folder_and_glob(options):
    client = boto3.client(
        "s3",
        endpoint_url=options["AWS_ENDPOINT_URL"],
        aws_access_key_id="key",
        aws_secret_access_key="canary-secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="authors")
    client.put_object(Bucket="authors", Key="flat/a.csv.gz", Body=compressed(csv_bytes(flat()), ".gz"))
    client.put_object(Bucket="authors", Key="flat/_SUCCESS", Body=b"")
    client.put_object(Bucket="authors", Key="many/x=1/a.jsonl.zst", Body=compressed(jsonl_bytes(nested()), ".zst"))
    client.put_object(Bucket="authors", Key="many/x=1/a.txt", Body=b"")
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
