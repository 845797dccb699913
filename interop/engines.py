"""What each engine says of each version of our tables, side by side."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interop.readers import Wanted

REPOSITORY = Path(__file__).parents[1]
REFERENCE = "polars"
#: Of each engine, in which environment it is installed; None: in the project's own.
PLACES: Mapping[str, str | None] = {
    REFERENCE: None,
    "duckdb": None,
    "daft": "engines",
    "chdb": "engines",
    "datafusion": "engines",
    "pandas": "engines",
    "pyarrow": "arrow14",
}


@dataclass
class Answers:
    """Of one engine: what it is called with its version, and what it said of each version of each table."""

    label: str
    of: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)

    def add(self, line: Mapping[str, Any]) -> None:
        self.of[line["table"], line["version"]] = line


def python_of(environments: Path, name: str | None) -> str:
    return sys.executable if name is None else str(environments / name / "bin" / "python")


def environment() -> dict[str, str]:
    """For a process of another environment: it finds this package, and lives in UTC."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "TZ": "UTC"}


def asked(engine: str, environments: Path, wanted: Sequence[Wanted]) -> Answers:
    """Run `engine` over all of them.

    Raises:
        SystemExit: it did not run at all.
    """
    command = [python_of(environments, PLACES[engine]), "-m", "interop.readers", engine]
    done = subprocess.run(
        command, input=json.dumps(wanted), capture_output=True, text=True, env=environment(), check=False
    )
    lines = list(read_lines(done.stdout.splitlines()))
    if done.returncode or not lines:
        sys.exit(f"{engine} did not run: {done.stderr[-2000:]}")
    answers = Answers(f"{engine} {lines[0]['is']}")
    for line in lines[1:]:
        answers.add(line)
    return answers


def read_lines(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """What was told; engines print to the same place."""
    return (json.loads(line) for line in lines if line.startswith("{"))


def compared(all_answers: Sequence[Answers]) -> tuple[list[str], list[str]]:
    """A table of who read what alike, the first being the reference; and what differs, in words."""
    reference, problems = all_answers[0], list[str]()
    lines = [
        "| table | version | rows | digest | " + " | ".join(answers.label for answers in all_answers[1:]) + " |",
        "|---|---|---|---|" + "---|" * (len(all_answers) - 1),
    ]
    for key, right in reference.of.items():
        what = f"{key[0]} at version {key[1]}"
        if "error" in right:
            problems.append(f"{reference.label}: {what}: {right['error']}")
            continue
        marks = []
        for answers in all_answers[1:]:
            problem = _difference(right, answers.of.get(key))
            marks.append("equal" if problem is None else "DIFFERS")
            problems += [] if problem is None else [f"{answers.label}: {what}: {problem}"]
        lines.append(f"| {key[0]} | {key[1]} | {right['rows']} | {right['digest']} | " + " | ".join(marks) + " |")
    return lines, problems


def _difference(right: Mapping[str, Any], found: Mapping[str, Any] | None) -> str | None:
    if found is None:
        return "no answer"
    if "error" in found:
        return str(found["error"])
    if found["digest"] != right["digest"]:
        return f"{found['rows']} rows of digest {found['digest']}; they are {right['rows']} of {right['digest']}"
    return None
