"""Source and tables on object storage: the same job, over a real S3 protocol."""

import pytest

from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.storage.delta import object_store as checks
from summarizer_assets_tests.test_canary import contents, holders, run
from testing.installation import Installation, metadata_of, write_authors
from testing.object_store import SECRET, client, fail, heard, object_store
from testing.provider import answer, serving

TOKEN = "session-5d1e0b77aa-Kf8Xs3Wq9Lz2"
UNIQUE_SECRET = "secret-90ab3c4d5e-Zt6Vb1Nm7Hq4"


@pytest.fixture
def variables(monkeypatch):
    with object_store() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield variables


@pytest.fixture
def store(variables):
    return client(variables)


def forget(monkeypatch) -> None:
    """As if this process were a new one."""
    monkeypatch.setattr(checks, "_answered", set())
    monkeypatch.setattr(checks, "_fit", set())


def test_the_whole_job_runs_from_and_to_object_storage(store, tmp_path, capfd):
    store.create_bucket(Bucket="research")
    store.upload_file(str(write_authors(tmp_path / "authors.parquet", 200)), "research", "in/authors.parquet")
    installation = Installation(
        "s3://research/root",
        "s3://research/in/*.parquet",
        buckets=2,
        state=str(tmp_path / "state.sqlite"),
        journal_dir=str(tmp_path / "journal"),
    )

    installation.ingest()
    first = installation.summarize()
    versions = installation.versions()
    second = installation.summarize()

    assert all(run.success for run in (*first, *second))
    assert sum(metadata_of(run).get("answered", 0) for run in first) == 200
    assert installation.versions() == versions
    installation.assert_each_author_in_one_place()
    keys = {item["Key"].split("/")[1] for item in store.list_objects_v2(Bucket="research", Prefix="root/")["Contents"]}
    assert keys == {"authors", "author_summaries", "failed_authors", "rejected_source_rows"}
    assert SECRET not in capfd.readouterr().err


def test_a_missing_bucket_of_the_store_stops_the_run_before_the_first_call(store, tmp_path):
    installation = Installation(
        "s3://nowhere/root",
        write_authors(tmp_path / "authors.parquet", 10),
        state=str(tmp_path / "state.sqlite"),
        journal_dir=str(tmp_path / "journal"),
    )

    with pytest.raises(Exception, match=r"s3://nowhere/root.*: the bucket nowhere does not exist"):
        installation.ingest()


@pytest.mark.parametrize(
    ("kind", "methods", "told"),
    [
        ("unconditional", ["PUT"], "ignores `If-None-Match"),
        ("denied", ["PUT"], "access is denied to PUT"),
        ("denied", ["GET"], "access is denied"),  # by whichever engine asks first
    ],
)
def test_a_store_that_cannot_take_the_summaries_stops_the_run_before_the_first_paid_call(
    store, variables, tmp_path, monkeypatch, kind, methods, told
):
    store.create_bucket(Bucket="research")
    provider = FaultyProvider(answer)
    with serving(provider) as url:
        installation = Installation(
            "s3://research/root",
            write_authors(tmp_path / "authors.parquet", 10),
            state=str(tmp_path / "state.sqlite"),
            journal_dir=str(tmp_path / "journal"),
            llm_base_url=url,
            llm_model="test-model",
        )
        installation.ingest()
        forget(monkeypatch)
        fail(variables, kind, methods=methods)
        (run,) = installation.summarize()
        assert not run.success
        (failure,) = [event for event in run.all_events if event.is_step_failure]
        errors = str(failure.step_failure_data.error)
        assert told in errors
        assert "s3://research/root" in errors
        assert provider.entries == []

        fail(variables)
        (run,) = installation.summarize()
        assert run.success
        installation.assert_each_author_in_one_place()


def test_the_whole_job_survives_a_store_that_fails_each_so_many_th_request(store, variables, tmp_path):
    store.create_bucket(Bucket="research")
    installation = Installation(
        "s3://research/root",
        write_authors(tmp_path / "authors.parquet", 60),
        state=str(tmp_path / "state.sqlite"),
        journal_dir=str(tmp_path / "journal"),
        commit_rows=20,
    )
    fail(variables, "lost", every=5)
    installation.ingest()
    (run,) = installation.summarize()
    failed = heard(variables)["failed"]
    fail(variables)

    assert run.success
    assert failed > 0
    assert installation.frame("summaries").height == 60
    installation.assert_each_author_in_one_place()


@pytest.mark.slow
def test_the_store_s_secrets_are_in_no_log_event_table_nor_error(store, variables, tmp_path, monkeypatch):
    """Also where the store echoes them, as AWS does with a session token that it does not take."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", UNIQUE_SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    store.create_bucket(Bucket="research")
    where = tmp_path / "left"
    where.mkdir()
    given = Installation(
        "s3://research/root",
        write_authors(tmp_path / "authors.parquet", 5),
        state=str(where / "state.sqlite"),
        journal_dir=str(where / "journal"),
    )
    given.ingest()
    said = run(where, given.given)
    assert "StoreUnfit" not in said
    assert given.frame("summaries").height == 5

    refused = tmp_path / "refused"
    refused.mkdir()
    fail(variables, "token")
    said = run(refused, given.given)
    fail(variables)
    assert "does not accept the credentials (InvalidToken)" in said

    for item in store.list_objects_v2(Bucket="research")["Contents"]:
        target = where / "store" / item["Key"]
        target.parent.mkdir(parents=True, exist_ok=True)
        store.download_file("research", item["Key"], str(target))
    assert any("(decoded)" in place for place, _ in contents(where / "store"))
    assert holders(tmp_path, UNIQUE_SECRET, TOKEN) == {}
