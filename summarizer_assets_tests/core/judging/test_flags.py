"""Each flag has its meaning in one place, and the documentation says the same."""

import re
from pathlib import Path

import pytest

from summarizer_assets.core.judging.flags import Flag, flag_of, meaning_of
from summarizer_assets.settings import PREFIX

REPORT_PAGE = Path(__file__).parents[3] / "docs/report.md"
PACKAGE = Path(__file__).parents[3] / "summarizer_assets"


def flags_table() -> list[str]:
    return [
        "| flag | meaning | what to look at |",
        "|---|---|---|",
        *(f"| `{flag}` | {flag.meaning} | {as_code(flag.look)} |" for flag in Flag),
    ]


def as_code(text: str) -> str:
    return re.sub(rf"\b({PREFIX}[A-Z_]+|response_model)", lambda name: f"`{name[0]}`", text)


@pytest.mark.parametrize("flag", Flag)
def test_each_flag_says_what_it_means_and_what_to_look_at_in_one_short_sentence_each(flag):
    assert 20 < len(flag.meaning) <= 110
    assert flag.meaning[0].islower()
    assert flag.meaning[-1] not in ".?"
    assert 20 < len(flag.look) <= 110
    assert flag.look[-1] in ".?"
    assert flag_of(str(flag)) is flag
    assert meaning_of(str(flag)) == flag.meaning


def test_flags_of_the_text_stand_first_the_gravest_on_top():
    doubts = [flag.doubt for flag in Flag]
    of_text = [doubt for doubt in doubts if doubt is not None]
    assert of_text == sorted(of_text)
    assert doubts == of_text + [None] * (len(doubts) - len(of_text))


def test_flags_of_other_versions_are_told_as_such():
    for value in ("unsupported_claim", "unnamed", "support_unmeasured"):
        assert flag_of(value) is None
        assert "earlier version" in meaning_of(value)
    assert "another version" in meaning_of("<b>")


def test_each_flag_is_written_somewhere_and_nowhere_by_its_bare_value():
    values = re.compile("|".join(f'"{flag}"' for flag in Flag))
    sources = {
        path: path.read_text(encoding="utf-8")
        for path in PACKAGE.rglob("*.py")
        if path.name != "flags.py" and path.parent.name != "rehearsal"  # which names its own faults
    }
    assert [path.name for path, text in sources.items() if values.search(text)] == []
    assert [flag.name for flag in Flag if not any(f"Flag.{flag.name}" in text for text in sources.values())] == []


def test_the_table_of_the_report_s_page_is_that_of_the_code():
    text = REPORT_PAGE.read_text(encoding="utf-8")
    assert text.partition("<!-- flags -->\n")[2].partition("\n<!-- /flags -->")[0].splitlines() == flags_table()
