"""What `make interop` rests on: rows compared by value, jars only as they are pinned, a page true of what is run."""

import hashlib
import http.server
import random
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop import jars
from interop.canonical import digest
from interop.delta_cases import DELTA
from interop.engines import PLACES, REPOSITORY, Answers, compared
from interop.file_cases import FILES
from interop.readers import ENGINES, answers
from testing.documents import DOCS

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
_ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), _VALUES), max_size=4)


def typed(value):
    """In Python 1 == 1.0 == True; here they differ."""
    if isinstance(value, list):
        return [typed(part) for part in value]
    if isinstance(value, dict):
        return {name: typed(part) for name, part in value.items()}
    return type(value).__name__, repr(value)


@given(_ROWS, st.randoms())
def test_the_order_of_rows_and_columns_changes_no_digest(rows, chance: random.Random):
    other = [dict(chance.sample(list(row.items()), len(row))) for row in chance.sample(rows, len(rows))]
    assert digest(other) == digest(rows)


@given(_ROWS, _ROWS)
def test_other_values_have_another_digest(one, other):
    def shown(rows):
        return sorted(repr(sorted(typed(row).items(), key=repr)) for row in rows)

    assert (digest(one) == digest(other)) == (shown(one) == shown(other)) or one == other


def test_a_moment_is_the_same_in_any_zone_and_a_microsecond_is_seen():
    moment = datetime(2026, 3, 29, 0, 59, 1, 5, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-7)))
    assert digest([{"at": moment}]) == digest([{"at": elsewhere}]) == digest([{"at": moment.replace(tzinfo=None)}])
    assert digest([{"at": moment}]) != digest([{"at": moment + timedelta(microseconds=1)}])


def test_what_an_engine_says_of_a_version_it_cannot_read_is_told_and_counts_as_different():
    def read(_uri, version):
        if version:
            raise ValueError("no such version")
        return [{"a": 1}]

    wanted = [("authors", "/nowhere", 0), ("authors", "/nowhere", 1)]
    good, bad = Answers("good 1.0"), Answers("bad 2.0")
    for line in answers(lambda *_: [{"a": 1}], wanted):
        good.add(line)
    for line in answers(read, wanted):
        bad.add(line)
    lines, problems = compared([good, bad])
    assert problems == ["bad 2.0: authors at version 1: ValueError: no such version"]
    assert [line.count("equal") for line in lines[2:]] == [1, 0]
    assert compared([good, Answers("silent 3.0")])[1] == [
        f"silent 3.0: authors at version {n}: no answer" for n in (0, 1)
    ]


def test_each_engine_has_a_reader_and_a_place_and_each_case_a_name_of_its_own():
    assert set(PLACES) == set(ENGINES)
    names = [case.name for case in (*DELTA, *FILES)]
    assert len(names) == len(set(names))


def test_the_page_on_reading_names_the_versions_that_are_run():
    told = (DOCS / "reading.md").read_text(encoding="utf-8")
    engines = (REPOSITORY / "interop/requirements/engines.txt").read_text(encoding="utf-8")
    arrow = (REPOSITORY / "interop/requirements/arrow14.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([a-z]+)==(\S+)$", engines, re.MULTILINE))
    names = {"chdb": "chDB", "daft": "Daft", "datafusion": "DataFusion", "pandas": "pandas", "pyspark": "Spark"}
    wanted = [f"{name} {pins[package]}" for package, name in names.items()]
    wanted += [f"Arrow {version}" for version in re.findall(r"^pyarrow==(\S+)$", arrow, re.MULTILINE)]
    wanted.append(f"Delta {jars.release()}")
    assert [name for name in wanted if name not in told] == []


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder, served as a repository of jars."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **options):
            super().__init__(*args, directory=str(folder), **options)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("DEFAULT_ARTIFACT_REPOSITORY", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield folder
        server.shutdown()
        thread.join()


def test_a_jar_is_kept_only_as_it_is_pinned(repository, tmp_path, monkeypatch):
    served, kept = repository / "io/delta/some/1.0/some-1.0.jar", tmp_path / "kept"
    right = b"a jar"
    monkeypatch.setattr(jars, "pinned", lambda: {"io.delta:some:1.0": hashlib.sha256(right).hexdigest()})
    with pytest.raises(SystemExit, match=r"some-1\.0\.jar: .*404.*; set DEFAULT_ARTIFACT_REPOSITORY"):
        jars.fetch(kept)
    served.parent.mkdir(parents=True)
    served.write_bytes(b"another jar")
    with pytest.raises(SystemExit, match="its SHA-256 is"):
        jars.fetch(kept)
    assert list(kept.iterdir()) == []
    served.write_bytes(right)
    (path,) = jars.fetch(kept)
    assert path.read_bytes() == right
    served.unlink()  # what is there is not asked for again, unless it was changed
    assert jars.fetch(kept) == [path]
    path.write_bytes(b"cut off")
    with pytest.raises(SystemExit, match="404"):
        jars.fetch(kept)
