"""Our side of what Spark does: what it is given, and what is looked at once it has done it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from interop import jars, lively
from interop.cases import Case
from interop.delta_cases import CHANGES, DELTA
from interop.engines import Answers, environment, python_of, read_lines
from interop.file_cases import FILES
from interop.foreign_hands import HANDS
from interop.ingests import hashes, ingest_again, ingest_twice
from interop.readers import Wanted
from testing.documents import BLOCKS

_CASES = {case.name: case for case in (*DELTA, *FILES)}
#: Just before the moment of which docs/reading.md shows a table as it was.
_SHOWN = datetime.now(UTC) - timedelta(days=1, minutes=1)
_STEP = timedelta(minutes=30)


@dataclass
class Work:
    """A folder with a lively root, in which Spark is run.

    Attributes:
        folder: holds `data` and the source `authors.parquet`.
        cases: how many were looked at, each printed as a line of a table.
        only: of what Spark does and writes, what has this in its name.
        problems: what is not as it must be, in words.
    """

    folder: Path
    environments: Path
    only: str = ""
    cases: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, wanted: Sequence[Wanted]) -> Answers:
        """Everything; returns what Spark read of our tables."""
        self._prepare()
        answers: Answers | None = None
        for told in self._told(wanted):
            if "engine" in told:
                answers = Answers(f"{told['engine']} {told['is']}")
            elif "table" in told:
                assert answers is not None
                answers.add(told)
            elif "snippet" in told:
                self._look_at_snippet(told)
            elif "hand" in told:
                self._look_at_hand(told)
            elif "change" in told:
                self._look_at_change(told)
            else:
                self._look_at_case(_CASES[told["case"]], told)
        assert answers is not None, "Spark told nothing"
        return answers

    def _prepare(self) -> None:
        self._age_logs()
        references = self.folder / "references"
        references.mkdir()
        for form, frame in forms(lively.authors()).items():
            frame.write_parquet(references / f"{form}.parquet")
        self._right = {form: _authors_of(references / f"{form}.parquet") for form in forms(lively.authors())}
        for name in HANDS:
            shutil.copytree(self.folder / "data", self.folder / "hands" / name)
        (self.folder / "sources").mkdir()

    def _age_logs(self) -> None:
        """Spark takes a version's moment from its file: so the one of docs/reading.md is between first and last."""
        for table in lively.TABLES:
            for entry in (self.folder / "data" / table / "_delta_log").glob("*.json"):
                moment = (_SHOWN + (int(entry.stem) - lively.SHOWN_VERSION) * _STEP).timestamp()
                os.utime(entry, (moment, moment))

    def _told(self, wanted: Sequence[Wanted]) -> Iterator[dict[str, Any]]:
        found = jars.fetch(self.environments / "jars")
        snippets = [block.code for block in BLOCKS if block.language == "python" and "spark.sql(" in block.code]
        (page,) = [block.code for block in BLOCKS if block.language == "sql" and "TBLPROPERTIES" in block.code]
        assert snippets, "docs/reading.md shows no SQL of Spark"
        given = {
            "jars": [str(jar) for jar in found],
            "delta": jars.release(),
            "home": str(self.folder / "spark"),
            "reads": list(wanted),
            "snippets": snippets,
            "page": page,
            "references": str(self.folder / "references"),
            "only": self.only,
            "hands": str(self.folder / "hands"),
            "sources": str(self.folder / "sources"),
        }
        command = [python_of(self.environments, "engines"), "-m", "interop.spark"]
        log = self.folder / "spark.log"
        with log.open("w", encoding="utf-8") as said:
            child = subprocess.Popen(
                command, cwd=self.folder, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=said,
            )  # fmt: skip
            assert child.stdin is not None
            assert child.stdout is not None
            with child:
                json.dump(given, child.stdin)
                child.stdin.close()
                yield from read_lines(child.stdout)
        if child.returncode:
            sys.exit(f"Spark ended with status {child.returncode}: {log.read_text(encoding='utf-8')[-3000:]}")

    def _note(self, what: str, outcome: str, *, well: bool) -> None:
        self.cases += 1
        print(f"| {what} | {outcome if well else 'WRONG: ' + outcome} |", flush=True)
        if not well:
            self.problems.append(f"{what}: {outcome}")

    def _look_at_snippet(self, told: Mapping[str, Any]) -> None:
        what = "the SQL of Spark in docs/reading.md"
        if "error" in told:
            self._note(what, told["error"], well=False)
            return
        summaries, authors = (pl.scan_delta(str(self.folder / "data" / name)) for name in lively.TABLES[1::-1])
        wanted = summaries.join(authors, on=["bucket", "author_id"], how="semi").collect().height
        shown = (
            pl.scan_delta(str(self.folder / "data" / lively.TABLES[1]), version=lively.SHOWN_VERSION).collect().height
        )
        counts = [int(count) for count in re.findall(r"^\|\s*(\d+)\|$", told["printed"], re.MULTILINE)]
        well = told["view"] == wanted and counts[-1:] == [shown]
        self._note(
            what, f"{told['view']} current summaries of {wanted}, {counts} as they were, {shown} by our log", well=well
        )

    def _look_at_hand(self, told: Mapping[str, Any]) -> None:
        what = f"our authors, {told['hand']} by Spark"
        if "error" in told:
            self._note(what, told["error"], well=False)
            return
        root = self.folder / "hands" / told["hand"]
        try:
            refused = ingest_again(root, self.folder / "authors.parquet", lively.BUCKETS)
            same = refused is not None or _content(root / "authors").equals(_content(self.folder / "data" / "authors"))
        except Exception as error:  # noqa: BLE001 - any but a refusal is what must not be
            self._note(what, f"our next ingest, or reading after it, stops with {_first_words(error)}", well=False)
            return
        restored = f"after our next ingest its rows are {'as they were' if same else 'others'}"
        self._note(what, restored if refused is None else f"refused: {refused}", well=same)

    def _look_at_change(self, told: Mapping[str, Any]) -> None:
        what = f"changed between two ingests: {told['change']}"
        if "error" in told:
            self._note(what, f"Spark did not write it: {told['error']}", well=False)
            return
        table = self.folder / "sources" / f"changed_{told['change']}"
        try:
            found, read = ingest_twice(table.with_suffix(".first"), table)
            wanted = hashes(table)
        except Exception as error:  # noqa: BLE001 - any is what must not be
            self._note(what, f"our ingest stops with {_first_words(error)}", well=False)
            return
        assert isinstance(wanted, dict)
        well = found == wanted and CHANGES[told["change"]].read in read
        self._note(what, f"{_difference(wanted, found)}; {read}", well=well)

    def _look_at_case(self, case: Case, told: Mapping[str, Any]) -> None:
        what = f"{case.name} ({told.get('seconds')} s)"
        if "error" in told:
            self._note(what, f"Spark did not write it: {told['error']}", well=False)
            return
        try:
            found = hashes(self.folder / "sources" / case.name, case.columns)
        except Exception as error:  # noqa: BLE001 - any but a refusal is what must not be
            self._note(what, f"our ingest stops with {_first_words(error)}", well=False)
            return
        wanted = {key: value for key, value in self._right[case.form].items() if key not in case.gone}
        if not isinstance(found, dict):
            said = str(found).replace(str(self.folder / "sources"), "…")
            well = case.refused is not None and re.search(case.refused, said) is not None
            self._note(what, f"refused: {said}", well=well)
        else:
            self._note(what, _difference(wanted, found), well=found == wanted and case.refused is None)


def _first_words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def forms(nested: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The same authors in each form that a source may have."""
    flat = nested.drop("topics").explode("papers", empty_as_null=True, keep_nulls=True).unnest("papers")
    topics = pl.col("topics").list.join(", ")
    return {
        "nested": nested,
        "flat": flat,
        "narrow": nested.select("author_id", "author_name", pl.col("primary_affiliation").alias("affiliation"), topics),
    }


def _authors_of(reference: Path) -> dict[str, str]:
    found = hashes(reference)
    if not isinstance(found, dict):
        raise found
    return found


def _content(table: Path) -> pl.DataFrame:
    columns = [field.name for field in DeltaTable(table).schema().fields]
    return pl.scan_delta(str(table)).select(sorted(columns)).sort("author_id").collect()


def _difference(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    if found == wanted:
        return f"equal: {len(found)} records"
    parts = {
        "missing": wanted.keys() - found.keys(),
        "not to be there": found.keys() - wanted.keys(),
        "with other values": {key for key in wanted.keys() & found.keys() if wanted[key] != found[key]},
    }
    return "; ".join(f"{len(ids)} {what}: {', '.join(sorted(ids)[:5])}" for what, ids in parts.items() if ids)
