"""Source and tables on object storage: the same job, over a real S3 protocol."""

import pytest

from summarizer_assets_tests.installation import Installation, metadata_of, write_authors
from summarizer_assets_tests.object_store import SECRET, client, object_store


@pytest.fixture
def store(monkeypatch):
    with object_store() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield client(variables)


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
    assert sum(metadata_of(run)["answered"] for run in first) == 200
    assert installation.versions() == versions
    installation.assert_each_author_in_one_place()
    keys = {item["Key"].split("/")[1] for item in store.list_objects_v2(Bucket="research", Prefix="root/")["Contents"]}
    assert keys == {"authors", "author_summaries"}  # no failures and nothing rejected: no such tables
    assert SECRET not in capfd.readouterr().err


def test_a_missing_bucket_of_the_store_stops_the_run_before_the_first_call(store, tmp_path):
    installation = Installation(
        "s3://nowhere/root",
        write_authors(tmp_path / "authors.parquet", 10),
        state=str(tmp_path / "state.sqlite"),
        journal_dir=str(tmp_path / "journal"),
    )

    with pytest.raises(Exception, match="s3://nowhere/root/authors"):
        installation.ingest()
