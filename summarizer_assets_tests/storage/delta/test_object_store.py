"""Tables on a real S3 protocol: what is asked of the store before any work, and what is told when it does not do."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from summarizer_assets.storage.delta import object_store as checks
from summarizer_assets.storage.delta.changes import Append, Merge
from summarizer_assets.storage.delta.maintenance import maintain
from summarizer_assets.storage.delta.object_store import require_answer, require_put_if_absent
from summarizer_assets.storage.delta.replaced import ReplacedRows
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import StoreUnfit, TableError
from testing.certificates import certified
from testing.object_store import client, fail, heard, object_store
from testing.table_rows import SCHEMA, content, lines_of, rows, start

_NUMBERS = itertools.count()
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    with object_store() as variables:
        client(variables).create_bucket(Bucket="tables")
        yield variables


@pytest.fixture
def root(options, monkeypatch) -> Iterator[str]:
    """A place of its own in a store that does all right, and that this process knows nothing of."""
    fail(options)
    monkeypatch.setattr(checks, "_answered", set())
    monkeypatch.setattr(checks, "_fit", set())
    yield f"s3://tables/{next(_NUMBERS)}"
    fail(options)


def table_at(root: str, options: dict[str, str]) -> BucketedTable:
    return BucketedTable(f"{root}/table", SCHEMA, 4, options)


def keys_under(root: str, options: dict[str, str]) -> list[str]:
    listed = client(options).list_objects_v2(Bucket="tables", Prefix=f"{root.removeprefix('s3://tables/')}/")
    return [item["Key"] for item in listed.get("Contents", [])]


def but(options: dict[str, str], **changed: str | None) -> dict[str, str]:
    """`options` with some variables set otherwise, or not at all."""
    return {name: value for name, value in {**options, **changed}.items() if value is not None}


# Put-if-absent.


def test_a_store_that_refuses_the_second_put_is_taken_and_asked_once_and_keeps_nothing_of_it(root, options):
    require_put_if_absent(root, options)
    assert any(line.startswith("PUT /tables/") for line in heard(options)["requests"])
    assert keys_under(root, options) == []

    fail(options)
    require_put_if_absent(root, options)
    assert heard(options)["requests"] == []


def test_a_store_that_ignores_the_condition_is_refused_before_anything_is_written(root, options):
    fail(options, "unconditional")
    with pytest.raises(StoreUnfit) as refused:
        table_at(root, options).ensure()
    said = str(refused.value)
    assert said.startswith(f"{root}: the object store at {options['AWS_ENDPOINT_URL']} ignores `If-None-Match: *`")
    assert "use a store with conditional writes" in said
    assert keys_under(root, options) == []


def test_a_store_that_was_refused_is_asked_again(root, options):
    fail(options, "unconditional")
    with pytest.raises(StoreUnfit):
        require_put_if_absent(root, options)
    fail(options)  # it was updated
    require_put_if_absent(root, options)


def test_a_folder_needs_no_asking(tmp_path):
    require_answer(str(tmp_path), {})
    require_put_if_absent(str(tmp_path), {})
    assert list(tmp_path.iterdir()) == []


# What is told.


@pytest.mark.parametrize(
    ("kind", "of", "told"),
    [
        ("denied", {}, r"access is denied to list \(AccessDenied\); .*needs s3:ListBucket .*s3:PutObject"),
        ("denied", {"methods": ["PUT"]}, r"takes no commit: access is denied to PUT"),
        ("denied", {"methods": ["POST", "DELETE"]}, r"access is denied to POST .*s3:DeleteObject"),
        ("unknown_key", {}, r"does not accept the credentials \(InvalidAccessKeyId\); correct AWS_ACCESS_KEY_ID"),
        ("signature", {}, r"not accept the credentials \(SignatureDoesNotMatch\); correct .*AWS_SECRET_ACCESS_KEY"),
        ("token", {}, r"does not accept the credentials \(InvalidToken\); correct .*AWS_SESSION_TOKEN"),
        ("region", {}, "in another region than AWS_REGION=us-east-1 .*set AWS_REGION"),
        ("redirect", {}, "in another region than AWS_REGION=us-east-1; set AWS_REGION"),
        ("not_implemented", {"methods": ["PUT"]}, "offers no conditional writes"),
    ],
)
def test_what_the_store_answers_is_told_with_the_variable_to_set(root, options, kind, of, told):
    given = but(options, AWS_SESSION_TOKEN="canary-token-0123456789")
    fail(options, kind, **of)
    with pytest.raises(StoreUnfit, match=told) as refused:
        require_put_if_absent(root, given)
    assert str(refused.value).startswith(f"{root}: ")
    assert given["AWS_SESSION_TOKEN"] not in str(refused.value)
    assert given["AWS_SECRET_ACCESS_KEY"] not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "nobody answers at http://127.0.0.1:9; correct AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://nowhere.invalid"}, "nobody answers at http://nowhere.invalid;"),
        ({"AWS_ENDPOINT_URL": "127.0.0.1:9"}, "AWS_ENDPOINT_URL=127.0.0.1:9 is no address .* with http:// or https://"),
        ({"AWS_ENDPOINT_URL": "http://me:hush@127.0.0.1:9"}, "nobody answers at http://127.0.0.1:9;"),
        ({"AWS_ALLOW_HTTP": None}, "is plain http, which is not allowed by itself; set AWS_ALLOW_HTTP=true"),
        (NO_KEYS, "no credentials are set, .* set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "no credentials are set, .* set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"AWS_CONDITIONAL_PUT": "disabled"}, "AWS_CONDITIONAL_PUT must not be set"),
    ],
)
def test_what_is_set_wrong_is_told_with_the_variable_to_set(root, options, changed, told):
    with pytest.raises(StoreUnfit, match=told) as refused:
        require_put_if_absent(root, but(options, **changed))
    assert str(refused.value).startswith(f"{root}: ")


def test_https_to_a_server_without_it_is_told(root, options):
    given = but(options, AWS_ENDPOINT_URL=options["AWS_ENDPOINT_URL"].replace("http://", "https://"))
    with pytest.raises(StoreUnfit, match="no secure connection to https://"):
        require_answer(root, given)


def test_a_missing_bucket_is_told_by_name_also_where_a_table_is_only_read(options, root):
    with pytest.raises(StoreUnfit, match=r"s3://nowhere/root: .*the bucket nowhere does not exist; make it"):
        require_answer("s3://nowhere/root", options)
    with pytest.raises(StoreUnfit, match=r"s3://nowhere/root/table: .*the bucket nowhere does not exist"):
        table_at("s3://nowhere/root", options).open()


@pytest.mark.parametrize("kind", ["internal", "slow_down"])
def test_a_store_that_is_out_is_asked_a_few_times_and_told_as_what_may_pass(root, options, kind):
    fail(options, kind)
    with pytest.raises(TableError, match=r"is the store well\? Run again once it is") as refused:
        require_answer(root, options)
    assert not isinstance(refused.value, StoreUnfit)
    assert heard(options)["failed"] == 5
    assert "\x1b" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_rights_that_end_between_two_commits_are_told_and_the_table_is_as_it_was(root, options):
    table = table_at(root, options)
    writer = table.writer("0000", None)
    writer.apply(Append("0000", rows("0000", "ab")))
    fail(options, "denied", methods=["PUT"])
    with pytest.raises(StoreUnfit, match="bucket 0000 cannot be written: access is denied to PUT"):
        writer.apply(Merge("0000", rows("0000", "bc", "second")))
    fail(options)
    assert content(table) == {("0000", author, "first") for author in "ab"}


def test_what_a_commit_replaced_is_read_there_too_and_is_none_where_its_files_are_gone(root, options):
    table = table_at(root, options)

    def replaced() -> pl.DataFrame | None:
        return ReplacedRows(table, datetime.now(UTC), most=4).rows("0000", ["author_id", "summary"], pl.lit(value=True))

    for change in (Append("0000", rows("0000", "ab")), Merge("0000", rows("0000", "a", "second"))):
        table.writer("0000", table.fence("0000", table.ensure())).apply(change)
    before = replaced()
    assert before is not None
    assert set(before.iter_rows()) == {("a", "first"), ("b", "first")}
    handle = table.open()
    assert handle is not None
    handle.create_checkpoint()
    assert before.equals(replaced())
    for key in keys_under(root, options):
        if "/bucket=" in key:
            client(options).delete_object(Bucket="tables", Key=key)
    assert replaced() is None


def test_maintenance_that_is_let_in_no_more_tells_it_without_what_the_store_echoes(root, options):
    table = table_at(root, but(options, AWS_SESSION_TOKEN="canary-token-0123456789"))
    writer = table.writer("0000", None)
    for author in "ab":
        writer.apply(Append("0000", rows("0000", author)))
    fail(options, "token", methods=["PUT"])
    with pytest.raises(StoreUnfit, match=r"table cannot be maintained: .*InvalidToken") as refused:
        maintain(table)
    assert "canary-token" not in str(refused.value)


# Faults that pass.


def changes_of(number: int) -> list[Any]:
    bucket = f"000{number}"
    return [
        Append(bucket, rows(bucket, ["a", "b"])),
        Append(bucket, rows(bucket, ["c", "d"])),
        Merge(bucket, rows(bucket, ["b", "e"], "second"), frozenset({"a"})),
    ]


WHOLE = {("b", "second"), ("c", "first"), ("d", "first"), ("e", "second")}


@pytest.mark.parametrize(("kind", "every"), [("slow_down", 3), ("internal", 4), ("reset", 3), ("lost", 2), ("lost", 3)])
def test_with_each_so_many_th_request_failed_no_row_is_lost_and_none_is_twice(root, options, kind, every):
    table = table_at(root, options)
    require_put_if_absent(root, options)  # two commits must meet for it, which the same failure in each try may prevent
    fail(options, kind, every=every)
    writer = table.writer("0001", None)
    for change in changes_of(1):
        writer.apply(change)
    found = content(table)
    assert heard(options)["failed"] > 0
    assert found == {("0001", *row) for row in WHOLE}
    assert writer.commits == 3


# TLS.

WITH_EACH_ENGINE = """
import os, sys
import polars as pl
from summarizer_assets.sources.files import list_files
from summarizer_assets.storage.delta.object_store import require_put_if_absent
options = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
require_put_if_absent("s3://tables/root", options)
pl.DataFrame({"a": [1, 2]}).write_delta("s3://tables/root/table", storage_options=options)
pl.DataFrame({"a": [1, 2]}).write_parquet("s3://tables/files/a.parquet", storage_options=options)
(path,) = list_files("s3://tables/files/*.parquet", options).paths
print(pl.scan_delta("s3://tables/root/table", storage_options=options).collect().height)
"""


def test_a_store_of_a_private_authority_is_reached_by_all_three_engines_once_that_is_trusted(tmp_path, monkeypatch):
    """delta-rs, polars and Arrow each have a TLS of their own; `SSL_CERT_FILE` is what all of them heed."""
    private = certified(tmp_path / "tls")
    with object_store(private) as secure:
        client(secure, verify=str(private.authority)).create_bucket(Bucket="tables")
        by_name = secure["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
        for trusted, address in (("/dev/null", secure["AWS_ENDPOINT_URL"]), (str(private.authority), by_name)):
            monkeypatch.setenv("SSL_CERT_FILE", trusted)
            told = rf"no secure connection to {address}; .*a name that its certificate has; SSL_CERT_FILE names a file"
            with pytest.raises(StoreUnfit, match=told):
                require_answer("s3://tables/root", but(secure, AWS_ENDPOINT_URL=address, AWS_MAX_RETRIES="0"))
        for name, value in secure.items():
            monkeypatch.setenv(name, value)
        assert lines_of(start(WITH_EACH_ENGINE)) == ["2"]
