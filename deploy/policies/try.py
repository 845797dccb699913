"""Tries the policies beside this file: each job works with its own, and with one action less says what is missing.

    python deploy/policies/try.py

The project's development tools are needed. The jobs are real ones, on a store of this machine that heeds policies
(store.py); ends with status 1 if something does not hold.
"""
# ruff: noqa: INP001, S310, S603, T201 - a script that runs a program of ours, asks it on loopback, and prints

import argparse
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

if __name__ == "__main__":  # before what takes long to import
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.path.insert(0, str(Path(__file__).parents[2]))

import boto3
import polars as pl

from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.storage.delta.changes import Append
from summarizer_assets.storage.errors import StorageError
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

_HERE = Path(__file__).parent
_DAY = 86_400
_BUCKET, _SOURCE = "tables", "source"


def policy(name: str, root: str, *, without: tuple[str, str] | None = None) -> dict[str, Any]:
    """A file beside this one, for our buckets; `without` an action of a statement."""
    text = (_HERE / f"{name}.json").read_text(encoding="utf-8")
    for placeholder, ours in (("SOURCE-BUCKET", _SOURCE), ("SOURCE", "in"), ("BUCKET", _BUCKET), ("ROOT", root)):
        text = re.sub(rf"(?<=[:/]){placeholder}(?=[/\"])", ours, text)
    found: dict[str, Any] = json.loads(text)
    for statement in found["Statement"]:
        if without is not None and statement["Sid"] == without[0]:
            statement["Action"].remove(without[1])
    return found


class Store:
    """The store that heeds policies, as its owner sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.owner = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id="owner",
            aws_secret_access_key="secret",  # noqa: S106 - of a store on loopback that looks at none
            region_name="us-east-1",
        )

    def say(self, what: str, value: object) -> dict[str, int]:
        with urlopen(Request(f"{self.url}/-/{what}", json.dumps(value).encode(), method="POST")) as answered:
            heard: dict[str, int] = json.loads(answered.read())
        return heard

    def heard(self) -> set[tuple[str, str, str]]:
        """Who did what to which kind of file since the policies were told, but for the owner."""
        found = set()
        for line in self.say("heard", None):
            user, action, resource = line.split(" ", 2)
            if user != "owner":
                found.add((user, action, kind_of(resource)))
        return found


def kind_of(resource: str) -> str:
    path = re.sub(r"^arn:aws:s3:::", "", resource.removesuffix(" DENIED"))
    refused = " (refused)" if resource.endswith("DENIED") else ""
    bucket, _, key = path.partition("/")
    if not key:
        return f"the bucket {bucket}{refused}"
    if bucket == _SOURCE:
        return f"the source's files{refused}"
    if "/_preflight/" in key:
        return f"the trial of the store{refused}"
    return ("logs" if "/_delta_log" in key else "data files" if "/bucket=" in key else "other files") + refused


@contextmanager
def store() -> Iterator[Store]:
    command = [sys.executable, str(_HERE / "store.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        found = re.search(r"listening on (\S+)", server.stdout.readline())
        if found is None:
            raise SystemExit("the store does not start")
        try:
            yield Store(found[1])
        finally:
            server.kill()


def become(user: str, store: Store) -> None:
    os.environ.update(
        AWS_ACCESS_KEY_ID=user,
        AWS_SECRET_ACCESS_KEY="secret",  # noqa: S106 - as above
        AWS_REGION="us-east-1",
        AWS_ENDPOINT_URL=store.url,
        AWS_ALLOW_HTTP="true",
    )


class Trial:
    """One root, with users of its own, so that nothing of another trial is known to hold."""

    def __init__(self, store: Store, folder: Path, name: str, llm_base_url: str) -> None:
        self.store, self.name, self.tries = store, name, 0
        self.root = f"s3://{_BUCKET}/{name}"
        place = folder / name
        self.house = lambda: Installation(
            self.root,
            f"s3://{_SOURCE}/in/*.parquet",
            buckets=2,
            state=str(place / "state.sqlite"),
            journal_dir=str(place / "journal"),
            llm_base_url=llm_base_url,
            llm_model="test-model",
        )

    def allow(self, **without: tuple[str, str]) -> None:
        """Everybody their own policies, less what is said."""
        own = {
            name: [policy(name, self.name, without=without.get(name))] for name in ("writer", "maintenance", "reader")
        }
        own["writer"].append(policy("source", self.name, without=without.get("source")))
        self.store.say("policies", own)

    def write(self) -> None:
        become("writer", self.store)
        house = self.house()
        house.ingest()
        for run in house.summarize():
            if not run.success:
                (failure,) = [event for event in run.all_events if event.is_step_failure]
                raise StorageError(str(failure.step_failure_data.error))
        house.assert_each_author_in_one_place()

    def write_again_after(self, days: int) -> None:
        """A new author, when the log's entries are old: a commit then removes them."""
        self.store.say("age", days * _DAY)
        with tempfile.TemporaryDirectory() as folder:
            more = write_authors(Path(folder) / "authors.parquet", 60)
            self.store.owner.upload_file(str(more), _SOURCE, "in/authors.parquet")
        self.write()

    def maintain(self) -> None:
        """With two small files of a bucket to join, and one that nobody knows to remove."""
        become("owner", self.store)
        summaries = self.house().summarizer.tables.summaries
        one = summaries.read(["0000"]).collect().head(1).with_columns(author_id=pl.lit(f"more {self.tries}"))
        self.tries += 1
        summaries.writer("0000", summaries.fence("0000", summaries.open())).apply(Append("0000", one))
        key = f"{self.name}/author_summaries/bucket=0000/old.parquet"
        self.store.owner.put_object(Bucket=_BUCKET, Key=key, Body=b"?")
        self.store.say("age", 8 * _DAY)
        become("maintenance", self.store)
        done = self.house().summarizer.maintain()["author_summaries"]
        if not done.files_vacuumed or not done.buckets_compacted:
            raise StorageError(f"the maintenance did not do what was to be tried: {done}")

    def read(self) -> None:
        become("reader", self.store)
        options = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        frame = pl.scan_delta(f"{self.root}/author_summaries", storage_options=options).collect()
        assert frame.height > 0


def works(store: Store, trial: Trial) -> bool:
    """Everybody does all their work; prints what that was."""
    trial.allow()
    trial.write()
    trial.read()
    trial.maintain()
    trial.write_again_after(40)
    trial.maintain()
    heard = store.heard()
    print("With its policy each does all its work. What they did:\n\n| who | action | on |\n|---|---|---|")
    for user, action, kind in sorted(heard):
        print(f"| {user} | `{action}` | {kind} |")
    return not any("refused" in kind for _, _, kind in heard)


#: The policy, the statement, the action that is taken away.
_LESS = (
    ("source", "FindTheFiles", "s3:ListBucket"),
    ("source", "ReadTheSource", "s3:GetObject"),
    ("writer", "FindTheFiles", "s3:ListBucket"),
    ("writer", "ReadAndWriteTheTables", "s3:GetObject"),
    ("writer", "ReadAndWriteTheTables", "s3:PutObject"),
    ("writer", "RemoveExpiredLogEntriesAndTheTrialOfTheStore", "s3:DeleteObject"),
    ("maintenance", "FindTheFiles", "s3:ListBucket"),
    ("maintenance", "MaintainTheTables", "s3:GetObject"),
    ("maintenance", "MaintainTheTables", "s3:PutObject"),
    ("maintenance", "MaintainTheTables", "s3:DeleteObject"),
)


def tells(new: Callable[[str], Trial], done: Trial, provider: FaultyProvider) -> bool:
    """Who lacks an action is told what and where, before anybody was asked; prints what was said."""
    print("\nWith one action less:\n\n| policy | without | it says | requests to the provider |\n|---|---|---|---|")
    held = True
    for number, (name, statement, action) in enumerate(_LESS):
        trial = done if name == "maintenance" else new(f"less{number}")
        trial.allow(**{name: (statement, action)})
        asked = len(provider.entries)
        try:
            (trial.maintain if name == "maintenance" else trial.write)()
        except (StorageError, SourceError) as error:
            (said,) = re.findall(r"s3://[^\n]*", str(error))[:1]
        else:
            said = "nothing: it works"
        asked = len(provider.entries) - asked
        held = held and "needs s3:" in said and action in said and not asked
        print(f"| {name} | `{action}` | {said} | {asked} |")
    return held


def main() -> int:
    logging.disable(logging.CRITICAL)
    provider = FaultyProvider(answer)
    with store() as ours, tempfile.TemporaryDirectory() as folder, serving(provider) as url:
        for bucket in (_BUCKET, _SOURCE):
            ours.owner.create_bucket(Bucket=bucket)
        authors = write_authors(Path(folder) / "authors.parquet", 40)
        ours.owner.upload_file(str(authors), _SOURCE, "in/authors.parquet")
        done = Trial(ours, Path(folder), "all", url)
        held = works(ours, done)
        held = tells(lambda name: Trial(ours, Path(folder), name, url), done, provider) and held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
