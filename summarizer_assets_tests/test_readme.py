"""The README is short, and the tables in the pages are those of the code; `test_docs.py` runs their commands.

`python -m summarizer_assets_tests.test_readme` renews the tables.
"""

import json
import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from summarizer_assets.capacity.by_model import by_model_markdown
from summarizer_assets.capacity.fleet import Job
from summarizer_assets.core.authors.remedies import REMEDIES
from summarizer_assets.core.buckets import buckets_for
from summarizer_assets.core.paper_fields import PAPER_FIELDS, Kind, PaperField
from summarizer_assets.core.records import FailureReason
from summarizer_assets.settings import PREFIX, Settings
from testing.documents import DOCS, README

_MOST_LINES = 150


def test_the_readme_is_read_in_three_minutes():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= _MOST_LINES


def test_the_launchpad_example_is_the_configuration_of_the_command_beside_it():
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert "ops:\n  author_summaries:\n    config:\n      retry_all: true" in page
    assert '{"ops": {"author_summaries": {"config": {"retry_all": true}}}}' in page


def test_each_setting_is_in_one_group():
    assert {field.json_schema_extra["group"] for field in Settings.model_fields.values()} == GROUPS.keys()


def section(page: Path, name: str) -> list[str]:
    inside = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]
    return inside.splitlines()


def default_of(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, ()):
        return "unset"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


#: What is said above the settings of each group.
GROUPS = {
    "to know": "**To know.** Every installation decides these:",
    "sometimes": "**Sometimes.** Needed only if another page or an error message names one:",
    "never": "**Never.** Only for tests; keep the defaults:",
}


def settings_table() -> list[str]:
    lines: list[str] = []
    for group, heading in GROUPS.items():
        lines += ["", heading, "", "| variable | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{PREFIX}{name.upper()}` | {default_of(field)} | {field.description} |"
            for name, field in Settings.model_fields.items()
            if field.json_schema_extra == {"group": group}
        ]
    return lines[1:]


def reasons_table() -> list[str]:
    def retried(reason: FailureReason) -> str:
        return "yes" if reason.retryable else "no request is made" if reason.skipped else "no"

    def as_code(text: str) -> str:
        return re.sub(rf"\b{PREFIX}[A-Z_]+", lambda name: f"`{name[0]}`", text)

    rows = [
        f"| [`{reason}`]({reason}.md) | {reason.meaning} | {retried(reason)} | {as_code(REMEDIES[reason].action)} |"
        for reason in FailureReason
    ]
    return ["| reason | meaning | retried | what you can do |", "|---|---|---|---|", *rows]


def paper_fields_table() -> list[str]:
    def name(field: PaperField) -> str:
        return ", ".join(f"`{each}`" for each in (field.name, *field.aliases))

    rows = [
        f"| {name(field)} | {field.kind} | {field.meaning} | "
        f"{'yes' if field.place and field.kind is not Kind.KEY else 'no'} |"
        for field in PAPER_FIELDS
    ]
    return ["| field | kind | meaning | read by the model |", "|---|---|---|---|", *rows]


def by_model_tables() -> list[str]:
    """What the command on the page prints: the tokens of the table of group sizes."""
    return by_model_markdown(Job(20_000_000, 20, 158, 89), buckets_for(20_000_000, 1).count).splitlines()


TABLES = {
    "settings": (DOCS / "settings.md", settings_table),
    "reasons": (DOCS / "failures/README.md", reasons_table),
    "paper-fields": (DOCS / "own-data.md", paper_fields_table),
    "by-model": (DOCS / "routes.md", by_model_tables),
}
_RENEW = "renew the tables in the pages with: python -m summarizer_assets_tests.test_readme"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_a_page_is_that_of_the_code(name):
    page, table = TABLES[name]
    assert section(page, name) == table(), _RENEW


def renew_tables() -> None:
    for name, (page, table) in TABLES.items():
        mark = f"<!-- {name} -->\n"
        old, new = mark + "\n".join(section(page, name)), mark + "\n".join(table())
        page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    renew_tables()
