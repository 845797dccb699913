"""One text for one place, in whatever way it is spelt."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.tables_root import tables_root

SECRET = "hushhush-canary"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `a/data`, and links to it."""
    (tmp_path / "a" / "data").mkdir(parents=True)
    (tmp_path / "a" / "other folder").mkdir()
    (tmp_path / "link").symlink_to("a/data")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "far").symlink_to(tmp_path / "link")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "spelt",
    [
        "a/data",
        "a/data/",
        "a//data",
        "a/./data",
        "./a/data//",
        "a/../a/data",
        "a/other folder/../data",
        "link",
        "link/",
        "link/../data",
        "b/data",
        "far",
        "b/../b/data/.",
        "{here}/a/data",
        "{here}/./link/",
        "/{here}/a/data",
        "file://{here}/a/data",
        "file://{here}/link/",
        "file:{here}/a/data",
        "FILE://{here}/b/data",
        "file://localhost{here}/a/data",
        "file://{here}/%61/data",
    ],
)
def test_a_folder_has_one_text(here: Path, spelt: str) -> None:
    assert tables_root(spelt.format(here=here)) == str(here.resolve() / "a" / "data")


@pytest.mark.parametrize(
    "spelt",
    ["s3://bucket/p/q", "s3://bucket/p/q/", "s3://bucket//p///q", "s3://bucket/./p/q/.", "S3://Bucket/p/q",
     "s3a://bucket/p/q", "s3n://bucket/p/q/", "s3:/bucket/p/q", "S3A:///bucket/p/q"],
)  # fmt: skip
def test_a_prefix_has_one_text(spelt: str) -> None:
    assert tables_root(spelt) == "s3://bucket/p/q"


NAMES = st.lists(st.text("abcXYZ0 _-.", min_size=1, max_size=6).filter(lambda n: n.strip(". ")), min_size=1, max_size=4)
NOISE = st.sampled_from(["/", "//", "/./", "/././/", "/x/../"])


@given(NAMES, st.data())
def test_noise_between_the_names_of_a_path_changes_nothing_and_names_are_kept(names: list[str], data: st.DataObject):
    plain = "/no/such/" + "/".join(name.strip() for name in names)
    noisy = "".join(f"{data.draw(NOISE)}{name}" for name in plain.split("/")[1:])
    assert tables_root(noisy + data.draw(st.sampled_from(["", "/", "/."]))) == plain
    assert tables_root(plain) == plain


@given(NAMES, st.data())
def test_noise_in_a_prefix_changes_nothing_and_its_letters_are_kept(names: list[str], data: st.DataObject) -> None:
    plain = "s3://bucket/" + "/".join(name.strip() for name in names)
    noise = st.sampled_from(["/", "//", "/./"])
    noisy = "".join(f"{data.draw(noise)}{name}" for name in plain.removeprefix("s3://").split("/"))
    assert tables_root(f"{data.draw(st.sampled_from(['s3', 's3a', 'S3']))}:/{noisy}") == plain


@pytest.mark.parametrize(
    ("spelt", "complaint"),
    [
        ("gs://bucket/x", "gs: is not supported"),
        ("abfss://c@a.dfs.core.windows.net/x", "abfss: is not supported"),
        ("hdfs:/x", "hdfs: is not supported"),
        ("https://bucket.s3.amazonaws.com/x", "https: is not supported"),
        ("dbfs:/mnt/x", "dbfs: is not supported"),
        ("s3://", "names no bucket"),
        ("s3:///", "names no bucket"),
        ("s3://bucket/a/../b", "which is no prefix"),
        ("s3://bucket/a?versionId=3", "which is no prefix"),
        ("s3://bucket/a#b", "which is no prefix"),
        (f"s3://key:{SECRET}@bucket/a", "a key, a password or a port does not belong"),
        ("s3://minio:9000/a", "a key, a password or a port does not belong"),
        ("file://server/share", "names no folder of this machine"),
        ("file:///a?b", "names no folder of this machine"),
        ("~/data", "nobody puts a folder in"),
        ("~olga/data", "nobody puts a folder in"),
        ("$HOME/data", "nobody puts a folder in"),
        ("data\n", "begins or ends with a blank"),
        (" data", "begins or ends with a blank"),
        ("da\u200bta", "a character that is not printed"),
        ("data\x00", "a character that is not printed"),
        ("my%20data", "choose another folder"),
        ("file:///my%2520data", "choose another folder"),
        ("data[1]", "choose another folder"),
        ("x" * 5000, "cannot be looked at: File name too long"),
        ("file", "is a file"),
        ("link/authors", "is itself a Delta table"),
    ],
)
def test_what_can_hold_no_tables_is_refused_with_what_is_allowed(here: Path, spelt: str, complaint: str) -> None:
    (here / "file").touch()
    (here / "a" / "data" / "authors" / "_delta_log").mkdir(parents=True)
    with pytest.raises(ValueError, match=complaint) as refused:
        tables_root(spelt)
    assert SECRET not in str(refused.value)


def test_a_link_whose_end_delta_would_misread_is_itself_the_place(here: Path) -> None:
    (here / "vol[1]").mkdir()
    (here / "plain").symlink_to("vol[1]")
    assert tables_root("plain") == str(here / "plain")


def test_a_relative_root_in_a_folder_that_is_gone_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ValueError, match="cannot be looked at"):
        tables_root("data")


def test_links_in_a_circle_are_no_loop_of_ours(here: Path) -> None:
    (here / "two").symlink_to("one")
    (here / "one").symlink_to("two")
    assert tables_root("one").startswith(str(here.resolve()))
