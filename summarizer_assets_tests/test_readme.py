"""The README's tables are those of the code; `test_docs.py` runs its commands."""

import json

import pytest
from pydantic.fields import FieldInfo

from summarizer_assets.core.paper_fields import PAPER_FIELDS, Kind, PaperField
from summarizer_assets.core.records import FailureReason
from summarizer_assets.settings import PREFIX, Settings
from testing.documents import README as PATH

README = PATH.read_text(encoding="utf-8")


def test_the_launchpad_example_is_the_configuration_of_the_command_beside_it():
    assert "ops:\n  author_summaries:\n    config:\n      retry_all: true" in README
    assert '{"ops": {"author_summaries": {"config": {"retry_all": true}}}}' in README


def test_each_setting_is_in_one_group():
    assert {field.json_schema_extra["group"] for field in Settings.model_fields.values()} == GROUPS.keys()


def section(name: str) -> list[str]:
    inside = README.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]
    return inside.splitlines()


def default_of(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, ()):
        return "unset"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


#: What is said above the settings of each group.
GROUPS = {
    "to know": "**To know.** What each installation decides:",
    "sometimes": "**Sometimes.** When a page of the documentation or an error names one:",
    "never": "**Never.** Leave them; tests and trials set them:",
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

    rows = [
        f"| [`{reason}`](docs/failures/{reason}.md) | {reason.meaning} | {retried(reason)} |"
        for reason in FailureReason
    ]
    return ["| reason | meaning | retried |", "|---|---|---|", *rows]


def paper_fields_table() -> list[str]:
    def name(field: PaperField) -> str:
        return ", ".join(f"`{each}`" for each in (field.name, *field.aliases))

    rows = [
        f"| {name(field)} | {field.kind} | {field.meaning} | "
        f"{'yes' if field.place and field.kind is not Kind.KEY else 'no'} |"
        for field in PAPER_FIELDS
    ]
    return ["| field | kind | meaning | read by the model |", "|---|---|---|---|", *rows]


TABLES = {"settings": settings_table, "reasons": reasons_table, "paper-fields": paper_fields_table}
_RENEW = "renew the README's tables with: python -m summarizer_assets_tests.test_readme"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_readme_is_that_of_the_code(name):
    assert section(name) == TABLES[name](), _RENEW


def renew_tables() -> None:
    text = README
    for name, table in TABLES.items():
        old = f"<!-- {name} -->\n" + "\n".join(section(name))
        text = text.replace(old, f"<!-- {name} -->\n" + "\n".join(table()))
    PATH.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew_tables()
