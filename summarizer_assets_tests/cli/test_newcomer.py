"""The newcomer's way: a table with column names of its own, a provider of one's own, and fifty summaries.

Each step is timed; `pytest -s` on this file prints the times.
"""

import stat
import sys
import time
from pathlib import Path

from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.cli.conftest import Run, data
from testing.newcomer import write_odd_csv
from testing.provider import answer, serving

MOST_S = 180.0


def test_from_a_csv_with_odd_names_to_fifty_summaries(here: Path, run: Run) -> None:
    write_odd_csv(here / "people.csv", authors=120)
    (here / "key").write_text("a-secret-key\n", encoding="utf-8")
    taken: dict[str, float] = {}

    def step(*arguments: str) -> str:
        began = time.monotonic()
        status, out, err = run(*arguments)
        assert status == 0, (arguments, out, err)
        taken[" ".join(arguments[:1])] = time.monotonic() - began
        return out

    with serving(FaultyProvider(answer)) as url:
        out = step("columns", "people.csv")
        assert "author_id             Researcher No." in out
        assert '"title": "Paper Title"' in out
        assert "not read              Year, Notes" in out
        assert out.count('#"1') == 3

        out = step(
            "init", "--source", "people.csv", "--root", "tables", "--base-url", url, "--model", "test-model",
            "--key-file", "key", "--price-input", "1", "--price-output", "4", "--budget", "2",
        )  # fmt: skip
        assert "a-secret-key" not in out
        assert stat.S_IMODE((here / ".env").stat().st_mode) == 0o600
        assert "SUMMARIZER_LLM_API_KEY=a-secret-key" in (here / ".env").read_text()

        out = step("ping")
        assert "is the author of the papers recorded here." in out
        assert "price" in out

        out = step("run", "--limit", "50", "--yes")
        out = step("status", "--json")
        now = data(out)
        assert (now["authors"], now["summaries"], now["failed"], now["pending"]) == (120, 50, 0, 70)
        assert 0 < now["spent_usd"] < now["budget_usd"] == 2
        assert now["next"]["command"] == "summarizer run"

        out = step("author", "somebody a0")
        assert "Somebody A0  (1000)" in out
    sys.stdout.write("".join(f"{name:<10}{seconds:6.1f} s\n" for name, seconds in taken.items()))
    assert sum(taken.values()) < MOST_S
