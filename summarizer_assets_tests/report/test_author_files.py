"""The authors that a report shows one by one: scripts of texts beside the page, of the right people and no others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.report import author_files
from summarizer_assets.report.make import make
from summarizer_assets.storage.delta.changes import Merge
from summarizer_assets_tests.report.planted import PEOPLE, Planted, planted
from summarizer_assets_tests.report.tables import HOSTILE, NOW, Root, hostile
from summarizer_assets_tests.report.test_page import Parsed

_CALL = re.compile(r"(reportCards|reportIndex)\((.*)\);\n", re.DOTALL)


class Written:
    """What a browser finds beside the page."""

    def __init__(self, folder: Path) -> None:
        self.page = (folder / "report.html").read_bytes()
        self.files = {file.name: file.read_text(encoding="utf-8") for file in (folder / "report_authors").glob("*")}
        self.index: dict[str, list[str]] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        for name, text in self.files.items():
            match = _CALL.fullmatch(text)
            assert match is not None, name
            data = json.loads(match[2])
            if name == "index.js":
                for file, rows in data["files"]:
                    assert f"{file}.js" in self.files
                    self.index |= {row[0]: [file, *row] for row in rows}
            else:
                self.cards |= {card["id"]: {**card, "file": data["file"]} for card in data["authors"]}
        assert {id_: row[0] for id_, row in self.index.items()} == {
            id_: card["file"] for id_, card in self.cards.items()
        }


def written(root: Root | Planted, **more: Any) -> Written:
    return Written(Path(make(root.summarizer, NOW, **more).place).parent)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    with planted(tmp_path_factory.mktemp("planted")) as made:
        yield made


def test_every_author_is_there_with_record_summary_marks_and_cost(root: Planted) -> None:
    found = written(root)
    assert len(found.cards) == len(found.index) == PEOPLE
    doubted = {id_ for id_, row in found.index.items() if row[4] == "doubt"}
    assert doubted == set(root.authors.values())
    place = found.cards[root.authors["unknown_place"]]
    assert [text for text, marked in place["summary"] if marked] == ["Belgium"]
    assert place["why"][0][2] == ["Belgium"]
    assert place["papers"]
    cost = dict(place["cost"])
    assert cost["model"] == "template"
    assert cost["prompt"] == root.summarizer.identity.prompt_version
    plain = next(card for id_, card in found.cards.items() if id_ not in doubted)
    assert len(plain["summary"]) == 1
    assert plain["why"] == []
    assert plain["earlier"] == []


def test_without_comparing_the_cards_are_the_same(root: Planted) -> None:
    assert written(root, compare=False).cards == written(root).cards


def test_earlier_versions_are_shown_newest_first_and_none_twice(root: Planted) -> None:
    table = root.summarizer.tables.summaries
    author = root.authors["unknown_name"]
    rows = table.read().collect()
    [first] = rows.filter(author_id=author).to_dicts()
    for number in range(2):
        later = pl.col("summarized_at") + pl.duration(minutes=number + 1)
        row = rows.filter(author_id=author).with_columns(summary=pl.lit(f"Version {number}."), summarized_at=later)
        table.writer(first["bucket"], table.fence(first["bucket"], table.open())).apply(Merge(first["bucket"], row))
    found = written(root).cards
    assert [one["summary"] for one in found[author]["earlier"]] == ["Version 0.", made_visible(first["summary"])]
    assert sum(bool(card["earlier"]) for card in found.values()) == 1


def test_hostile_texts_are_texts_with_their_entities_decoded(tmp_path: Path) -> None:
    root = Root(tmp_path)
    hostile(root)
    found = written(root)
    assert len(found.cards) == 2 * len(HOSTILE)
    shown = json.dumps(found.cards, ensure_ascii=False)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00]", shown)
    assert "&lt;" not in shown
    assert "&amp;" not in shown
    for number, text in enumerate(HOSTILE):
        assert found.cards[f"a{number}"]["summary"] == [[made_visible(text), 0]]
        assert dict(found.cards[f"f{number}"]["failure"])["detail"] == made_visible(text, 400)
    policy = next(value for _, value in Parsed(found.page).attributes if "default-src" in value)
    assert "'strict-dynamic'" in policy
    assert "unsafe" not in policy


def test_who_opted_out_is_shown_nowhere_though_a_row_of_theirs_is_still_there(tmp_path: Path) -> None:
    exclude = tmp_path / "exclude.txt"
    exclude.write_text("p1\n")
    root = Root(tmp_path, exclude=str(exclude))
    root.authors({"author_id": f"p{number}", "author_name": f"Person {'abcd'[number]}"} for number in range(4))
    root.summaries({"author_id": f"p{number}", "flags": ["grave_claim"]} for number in range(3))
    root.failures([{"author_id": "p3", "reason": "excluded", "retryable": False}])
    found = written(root)
    assert found.cards.keys() == {"p0", "p2"}
    text = Parsed(found.page).text
    assert "Person a" in text
    assert not {"Person b", "Person d", "p1", "p3"} & set(re.findall(r"Person \w|p\d", text))


def test_of_a_large_table_a_bounded_sample_is_shown_and_the_page_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Root(tmp_path)
    root.authors({"author_id": f"p{number}"} for number in range(60))
    root.summaries({"author_id": f"p{number}"} for number in range(55))
    root.failures({"author_id": f"p{number}"} for number in range(55, 58))
    monkeypatch.setattr(author_files, "TOGETHER", 7)
    all_of_them = written(root)
    assert len(all_of_them.cards) == 60
    assert len(all_of_them.files) > 6
    monkeypatch.setattr(author_files, "MOST", 20)
    found = written(root)
    assert 20 <= len(found.cards) <= 22
    assert {f"p{number}" for number in range(55, 58)} <= found.cards.keys()
    assert len(found.files) < len(all_of_them.files), "those of the report before are gone"
    assert f"{len(found.cards)} of 60 authors: of each bucket a share" in Parsed(found.page).text


def test_a_copy_takes_the_authors_with_it_and_leaves_what_else_lies_there(root: Planted, tmp_path: Path) -> None:
    beside = tmp_path / "report_authors" / "mine.js"
    beside.parent.mkdir()
    beside.write_text("mine")
    (beside.parent / "0009-000.js").write_text("of an earlier copy")
    made = make(root.summarizer, NOW, copy=tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == made.page
    there = {file.name for file in (Path(made.place).parent / "report_authors").iterdir()}
    assert {file.name for file in beside.parent.iterdir()} == there | {"mine.js"}
