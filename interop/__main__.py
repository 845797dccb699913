"""`make interop`: every engine reads every version of our tables alike, and we read what Spark writes.

Run by the project's own environment. The other engines run in theirs, a process each, and hand over counts and digests.
It ends with status 1 when anything is not as it must be.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from interop import engines, lively
from interop.spark_work import Work


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m interop", description=__doc__)
    parser.add_argument("--environments", type=Path, default=Path(".venv-interop"), help="where the engines are")
    parser.add_argument("--keep", type=Path, help="work in this new folder, and keep it")
    parser.add_argument("--only", default="", help="of what Spark does and writes, what has this in its name")
    given = parser.parse_args(arguments)
    environments = given.environments.absolute()
    if given.keep is not None:
        given.keep.mkdir(parents=True)
        sys.exit(run(given.keep.absolute(), environments, given.only))
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        sys.exit(run(Path(folder), environments, given.only))


def run(folder: Path, environments: Path, only: str) -> int:
    """Everything in `folder`; the command's status."""
    began = time.monotonic()
    with (folder / "dagster.log").open("w", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        root = lively.live(folder)
    wanted = [(name, str(root / name), version) for name, of in lively.versions(root).items() for version in of]
    print("What Spark does with our tables, what our next ingest makes of them, and what we read of what it writes:\n")
    print("| what | outcome |\n|---|---|", flush=True)
    answers = [engines.asked(engine, environments, wanted) for engine in engines.PLACES]
    work = Work(folder, environments, only)
    answers.append(work.run(wanted))
    lines, problems = engines.compared(answers)
    print(f"\nOur tables, each version as {answers[0].label} reads it, and whether the others read the same:\n")
    print("\n".join(lines))
    problems = work.problems + problems
    done = f"{len(answers)} engines, {len(wanted)} versions, {work.cases} cases"
    print(f"\n{done}: {time.monotonic() - began:.0f} s")
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{len(wanted) * (len(answers) - 1) + work.cases - len(problems)} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    main()
