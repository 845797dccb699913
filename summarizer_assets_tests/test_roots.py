"""One root is one root: spelt in many ways, linked, renamed, moved, copied, made anew, and made by an older version."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from summarizer_assets.core.money.spending import Booking, Wish
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.settings import PREFIX, load_settings
from summarizer_assets.storage.errors import ClaimRefused, RootCopied
from summarizer_assets.storage.journal import Journal
from summarizer_assets.storage.local_folders import folder_of
from summarizer_assets.storage.roots import Root, id_of
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets_tests.bucket_run.house import AUTHORS, BUCKET, House, housed
from testing.command_line import run_command as run_summarizer
from testing.object_store import client, object_store

#: What is spent in these tests, in nano-dollars.
SPENT = 5_000_000


def at(root: Path | str, **settings: Any) -> Summarizer:
    return Summarizer(load_settings(env_file=None, root=str(root), buckets=1, **settings))


@pytest.fixture
def made(tmp_path: Path) -> Summarizer:
    """A root `data` with an empty table of authors; something was spent under it, and it knows of a run."""
    first = at(tmp_path / "data")
    first.tables.authors.ensure()
    spend(first)
    first.state.begin_run(BUCKET, "first", 7)
    return first


def spend(under: Summarizer, amount: int = SPENT) -> None:
    under.ledger.account("run", BUCKET).settle(Booking(amount, 0, 0, 0, 0, 0, 1), Wish(), None)


def is_the_root_of(one: Summarizer, spent: int = SPENT) -> bool:
    last = one.state.last_run(BUCKET)
    return one.ledger.totals()["spent"] == spent and last is not None and last.run_id == "first"


# Spellings.


def spellings(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "link").symlink_to("root")
    return {
        "relative": "root",
        "with noise": f"{tmp_path}//./x/../root/",
        "a URL": f"file://{tmp_path}/root",
        "a link": str(tmp_path / "link"),
        "absolute": str(tmp_path / "root"),
    }


def test_of_two_runs_at_once_under_two_spellings_the_second_is_refused_before_its_first_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with housed(tmp_path, price_input_usd=1.0, price_output_usd=1.0, group_size=5, max_in_flight=1) as house:
        house.ingest()
        spelt = {
            how: House(type(house.installation)(root, house.installation.given["source"], **_others(house)), house.app)
            for how, root in spellings(tmp_path).items()
        }
        house.app.use(Plan(latency_s=0.3))
        first = threading.Thread(target=spelt["relative"].work)
        first.start()
        while not house.app.entries:
            assert first.is_alive()
        seen = len(house.app.entries)
        for how, other in spelt.items():
            with pytest.raises(ClaimRefused):
                other.work()
            assert len(house.app.entries) - seen <= 4, how  # the first run's own
        first.join()

        assert sorted(house.asked().values()) == [1] * AUTHORS
        totals = [other.summarizer.ledger.totals() for other in spelt.values()]
        assert totals[0]["requests"] == AUTHORS / 5
        assert all(one == totals[0] for one in totals)
        with house.summarizer.database.begin() as connection:
            names = {row.root for row in connection.execute(sa.text("SELECT DISTINCT root FROM spend_rows"))}
        assert names == {spelt["a link"].summarizer.root_name}
        for other in spelt.values():
            assert other.asked_by(other.work) == {}


def _others(house: House) -> dict[str, Any]:
    return {name: value for name, value in house.installation.given.items() if name not in {"root", "source"}}


@pytest.mark.parametrize("shared", [True, False], ids=["a state for several roots", "a state in the root"])
def test_of_two_first_starts_at_once_both_find_one_root(tmp_path: Path, shared: bool) -> None:
    settings = {"state": str(tmp_path / "state.sqlite")} if shared else {}

    def start(_: int) -> tuple[str, str]:
        one = at(tmp_path / "data", **settings)
        one.tables.authors.ensure()
        return one.root.require().id, one.root_name

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(start, range(16)))
    assert len(found) == 1


# Moves, copies, and tables made anew.


def renamed(data: Path, new: Path) -> None:
    data.rename(new)


def moved_with_a_link_left(data: Path, new: Path) -> None:
    data.rename(new)
    data.symlink_to(new)


def copied_and_the_old_removed(data: Path, new: Path) -> None:
    shutil.copytree(data, new)
    shutil.rmtree(data)


def copied_and_the_old_emptied(data: Path, new: Path) -> None:
    shutil.copytree(data, new)
    shutil.rmtree(data / "authors")


def copied_and_the_old_made_anew(data: Path, new: Path) -> None:
    shutil.copytree(data, new)
    shutil.rmtree(data)
    at(data).tables.authors.ensure()


def linked(data: Path, new: Path) -> None:
    new.symlink_to(data)


@pytest.mark.parametrize(
    "deed",
    [
        renamed,
        moved_with_a_link_left,
        copied_and_the_old_removed,
        copied_and_the_old_emptied,
        copied_and_the_old_made_anew,
        linked,
    ],
)
@pytest.mark.parametrize("shared", [True, False], ids=["a state for several roots", "a state in the root"])
def test_what_was_moved_goes_on_where_it_is(tmp_path: Path, deed: Callable[[Path, Path], None], shared: bool) -> None:
    settings = {"state": str(tmp_path / "state.sqlite")} if shared else {}
    first = at(tmp_path / "data", **settings)
    first.tables.authors.ensure()
    spend(first)
    first.state.begin_run(BUCKET, "first", 7)
    deed(tmp_path / "data", tmp_path / "new")
    assert is_the_root_of(at(tmp_path / "new", **settings))
    assert is_the_root_of(at(tmp_path / "new", **settings))  # it is remembered where


def plain_copy(data: Path, new: Path) -> None:
    shutil.copytree(data, new)


def hard_links(data: Path, new: Path) -> None:
    shutil.copytree(data, new, copy_function=lambda one, other: Path(other).hardlink_to(one))


def only_the_tables(data: Path, new: Path) -> None:
    shutil.copytree(data / "authors", new / "authors")


def a_link_that_leads_to_the_copy_now(data: Path, new: Path) -> None:
    shutil.copytree(data, new.with_name("copy"))
    new.symlink_to(new.with_name("copy"))


COPIES = [plain_copy, hard_links, a_link_that_leads_to_the_copy_now]


@pytest.mark.parametrize("deed", COPIES)
def test_a_copy_is_refused_until_it_has_an_id_of_its_own(
    made: Summarizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    deed: Callable[[Path, Path], None],
) -> None:
    deed(tmp_path / "data", tmp_path / "new")
    with pytest.raises(RootCopied, match=r"holds a copy of the tables in .*--new-id; .* --here"):
        _ = at(tmp_path / "new").state
    assert is_the_root_of(made)

    assert run_command(monkeypatch, tmp_path / "new") == 2
    assert "--new-id" in capsys.readouterr().err
    assert run_command(monkeypatch, tmp_path / "new", "--new-id") == 0
    assert "a new id; booked $0.00" in capsys.readouterr().out
    copy = at(tmp_path / "new")
    assert copy.ledger.totals()["spent"] == 0
    spend(copy, 1)
    assert is_the_root_of(at(tmp_path / "data"))
    assert copy.ledger.totals()["spent"] == 1


@pytest.mark.parametrize("deed", [*COPIES, only_the_tables])
def test_a_copy_is_seen_by_a_state_that_several_roots_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: Callable[[Path, Path], None]
) -> None:
    state = str(tmp_path / "state.sqlite")
    first = at(tmp_path / "data", state=state)
    first.tables.authors.ensure()
    spend(first)
    first.state.begin_run(BUCKET, "first", 7)
    deed(tmp_path / "data", tmp_path / "new")
    with pytest.raises(RootCopied):
        _ = at(tmp_path / "new", state=state).ledger

    monkeypatch.setenv(PREFIX + "STATE", state)
    assert run_command(monkeypatch, tmp_path / "new", "--here") == 0
    assert is_the_root_of(at(tmp_path / "new", state=state))
    with pytest.raises(RootCopied):
        _ = at(tmp_path / "data", state=state).ledger
    assert run_command(monkeypatch, tmp_path / "data", "--new-id") == 0
    assert is_the_root_of(at(tmp_path / "new", state=state))
    assert at(tmp_path / "data", state=state).ledger.totals()["spent"] == 0


def run_command(monkeypatch: pytest.MonkeyPatch, root: Path, *arguments: str) -> int:
    monkeypatch.setenv(PREFIX + "ROOT", str(root))
    monkeypatch.setenv(PREFIX + "BUCKETS", "1")
    return run_summarizer("root", *arguments)


def test_where_nobody_can_tell_whether_it_is_a_copy_a_person_is_asked(made: Summarizer, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "data", tmp_path / "new")
    (tmp_path / "data" / "authors" / "_delta_log" / f"{0:020d}.json").write_text("no log")
    with pytest.raises(RootCopied, match=r"cannot be told.* --here; .* --new-id"):
        _ = at(tmp_path / "new").state


def test_a_process_that_lives_on_sees_that_its_tables_were_made_anew(tmp_path: Path) -> None:
    state = str(tmp_path / "state.sqlite")
    living = at(tmp_path / "data", state=state)
    assert living.root.found is None
    assert living.root_name == living.root.place
    living.tables.authors.ensure()
    before = living.root.require().id
    spend(living)
    shutil.rmtree(tmp_path / "data")
    assert living.root.found is None
    at(tmp_path / "data", state=state).tables.authors.ensure()
    assert living.root.require().id != before
    assert living.ledger.totals()["spent"] == 0


def test_a_heartbeat_from_before_there_were_tables_is_seen_after(tmp_path: Path) -> None:
    one = at(tmp_path / "data")
    with one.state.heartbeat("the-first-ingest"):
        one.tables.authors.ensure()
        assert list(at(tmp_path / "data").state.signs_of_life()) == ["the-first-ingest"]
    assert one.state.signs_of_life() == {}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    with object_store() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        client(variables).create_bucket(Bucket="research")
        yield variables


def test_an_object_store_s_root_is_known_by_its_id_too(
    store: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = str(tmp_path / "state.sqlite")
    with ThreadPoolExecutor(4) as pool:
        ids = pool.map(lambda _: id_of(at("s3://research/data", state=state).tables.authors.ensure()), range(4))
        assert len(set(ids)) == 1
    first = at("s3://research/data", state=state)
    spend(first)
    first.state.begin_run(BUCKET, "first", 7)
    for spelt in ("s3a://research/data/", "S3://Research//./data"):
        assert is_the_root_of(at(spelt, state=state))

    def copy(old: str, new: str) -> None:
        objects = client(store).list_objects_v2(Bucket="research", Prefix=f"{old}/")["Contents"]
        for one in objects:
            source = {"Bucket": "research", "Key": one["Key"]}
            client(store).copy_object(Bucket="research", CopySource=source, Key=one["Key"].replace(old, new, 1))

    copy("data", "new")
    with pytest.raises(RootCopied, match="s3://research/new holds a copy of the tables in s3://research/data"):
        _ = at("s3://research/new", state=state).state
    for one in client(store).list_objects_v2(Bucket="research", Prefix="data/")["Contents"]:
        client(store).delete_object(Bucket="research", Key=one["Key"])
    assert is_the_root_of(at("s3://research/new", state=state))
    copy("new", "again")
    monkeypatch.setenv(PREFIX + "STATE", state)
    monkeypatch.setenv(PREFIX + "BUCKETS", "1")
    monkeypatch.setenv(PREFIX + "ROOT", "s3://research/again")
    assert run_summarizer("root", "--new-id") == 0
    assert at("s3://research/again", state=state).ledger.totals()["spent"] == 0
    assert is_the_root_of(at("s3://research/new", state=state))


# What older versions kept: under the text of their setting.


def older(state: str | Path, *texts: str, spent: int = SPENT) -> None:
    """Rows as they were written under each text, and nothing else."""
    database = Database(str(state))
    with database.begin() as connection:
        for text in texts:
            row = {"root": text, "spent": spent, "run_id": "first", "bucket": BUCKET, "at": 1.0, "why": "booked"}
            insert(connection, "spend_totals", root=text, spent=spent, requests=1)
            insert(connection, "spend_rows", **row, requests=1)
            insert(
                connection, "bucket_runs", root=text, bucket=BUCKET, run_id="first", started_at=1.0, pending_before=3
            )
            insert(connection, "ingest_marks", root=text, bucket=BUCKET, source="s", version=1, files=text)
            insert(connection, "summarized_buckets", root=text, bucket=BUCKET, state=text)


def insert(connection: sa.Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{v}' for v in values)})"), values)


def texts_of(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "link").symlink_to("data")
    return {
        "relative": "data",
        "in another form": f"{tmp_path}/./data",
        "absolute": f"{tmp_path}/data",
        "over a link": f"{tmp_path}/link",
    }


@pytest.mark.parametrize("how", ["relative", "in another form", "absolute", "over a link"])
@pytest.mark.parametrize("shared", [True, False], ids=["a state for several roots", "a state in the root"])
def test_what_an_older_version_kept_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, shared: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    text = texts_of(tmp_path)[how]
    settings = {"state": str(tmp_path / "state.sqlite")} if shared else {}
    at("data").tables.authors.ensure()
    older(tmp_path / ("state.sqlite" if shared else "data/state.sqlite"), text, *(["/an/other/root"] * shared))
    now = at(text, **settings)
    assert is_the_root_of(now)
    assert now.root_name == text  # so that an older version finds all of it, should it be put back
    assert now.ledger.audit() == []


@pytest.mark.parametrize("place", ["data", "new"])
def test_an_older_root_that_was_moved_with_its_state_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    at("data").tables.authors.ensure()
    older("data/state.sqlite", "data")
    if place != "data":
        Path("data").rename(place)
    assert is_the_root_of(at(place))


def test_an_older_root_that_was_spelt_in_several_ways_is_one_from_now_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = texts_of(tmp_path).values()
    at("data").tables.authors.ensure()
    older("data/state.sqlite", *texts)
    now = at("data")
    assert is_the_root_of(now, spent=len(texts) * SPENT)
    assert now.ledger.audit() == []
    assert len(now.state.recent_runs(99)[BUCKET]) == len(texts)
    with now.database.begin() as connection:
        for table in ("spend_totals", "spend_rows", "bucket_runs", "ingest_marks", "summarized_buckets"):
            assert connection.execute(sa.text(f"SELECT DISTINCT root FROM {table}")).all() == [(now.root_name,)]


def test_a_copy_of_an_older_root_is_seen_whichever_of_the_two_starts_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for state in (None, str(tmp_path / "state.sqlite")):
        shutil.rmtree("data", ignore_errors=True)
        shutil.rmtree("copy", ignore_errors=True)
        settings = {} if state is None else {"state": state}
        at("data").tables.authors.ensure()
        older(state or "data/state.sqlite", "data")
        shutil.copytree("data", "copy")
        with pytest.raises(RootCopied):
            _ = at("copy", **settings).state
        assert is_the_root_of(at("data", **settings))
        with pytest.raises(RootCopied):
            _ = at("copy", **settings).state
        assert run_here(monkeypatch, state) == 0
        assert is_the_root_of(at("copy", **settings))


def run_here(monkeypatch: pytest.MonkeyPatch, state: str | None) -> int:
    monkeypatch.setenv(PREFIX + "STATE", state or "")
    found = run_command(monkeypatch, Path("copy"), "--here")
    monkeypatch.delenv(PREFIX + "STATE")
    return found


def test_two_older_roots_with_one_text_in_one_state_are_two_from_now_on(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "state.sqlite"))
    older(tmp_path / "state.sqlite", str(tmp_path / "data"))
    first, second = (Root(known, str(tmp_path / "data"), False, {}) for known in ("one", "two"))
    assert [root.name_in(database) for root in (first, second, first)] == [
        str(tmp_path / "data"),
        "two",
        str(tmp_path / "data"),
    ]


# Folders on a local disk.


def test_a_journal_on_a_shared_disk_is_found_under_the_id_and_stays_where_an_older_version_looks(
    tmp_path: Path,
) -> None:
    base, root = tmp_path / "journals", tmp_path / "data"
    old = base / blake2b(str(root).encode(), digest_size=6).hexdigest()
    journal = Journal(old / BUCKET, "run")
    journal.write([{"kind": "failures", "rows": []}])
    journal.close()
    one = at(root, journal_dir=str(base))
    one.tables.authors.ensure()
    assert list((one.journal / BUCKET).iterdir()) == list((base / one.root.require().id / BUCKET).iterdir())
    assert one.journal.resolve() == old.resolve()
    root.rename(tmp_path / "moved")
    assert at(tmp_path / "moved", journal_dir=str(base)).journal.resolve() == old.resolve()
    at(root).tables.authors.ensure()  # another root where the first was
    assert at(root, journal_dir=str(base)).journal.resolve() != old.resolve()


def test_a_remote_root_s_folder_is_one_from_before_it_has_an_id_on(tmp_path: Path) -> None:
    before = folder_of(tmp_path, None, ["s3://b/p"])
    before.mkdir()
    (before / "state.sqlite").touch()
    after = folder_of(tmp_path, "an-id", ["s3://b/p"])
    assert (after / "state.sqlite").exists()
    assert folder_of(tmp_path, "an-id", ["s3://b/moved"]) == after
    other = folder_of(tmp_path, "another-id", ["s3://b/p"])
    assert not other.exists()
    assert folder_of(tmp_path, "new", ["s3://b/new"]) == tmp_path / "new"


def test_a_root_is_known_whatever_columns_and_buckets_its_table_has(tmp_path: Path) -> None:
    made = at(tmp_path / "data")
    made.tables.authors.ensure()
    other = Summarizer(load_settings(env_file=None, root=str(tmp_path / "data"), buckets=7))
    assert other.root.require().id == made.root.require().id
