"""A table as a newcomer has it, with column names of its own, and an empty folder to begin in."""

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from summarizer_assets.settings import PREFIX

HEADER = ("Researcher No.", "Full Name", "University", "Paper Title", "Source title", "Cited by", "Year", "Notes")
_WORDS = ("tides", "glass", "maps", "seeds", "grammar", "iron", "bees", "salt")
_PAPERS = 2  # of each author, one row each


def write_odd_csv(path: Path, authors: int = 60) -> Path:
    """Rows of an author and a paper, between semicolons, with names and columns that are not ours."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(HEADER)
        for number in range(authors):
            for paper in range(_PAPERS):
                title = f"On {_WORDS[(number + paper) % 8]} and {_WORDS[(number + 3) % 8]}, part {paper + 1}"
                who = (1000 + number, f"Somebody {chr(65 + number % 26)}{number}", f"Institute {number % 9}")
                rows.writerow([*who, title, "Annals of Examples", number % 40, 2000 + paper, "mine"])
    return path


@contextmanager
def settings_of(values: Mapping[str, str]) -> Iterator[None]:
    """None of our variables but these, and no DAGSTER_HOME; afterwards as before."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(PREFIX) or name == "DAGSTER_HOME":
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
