"""Each reason for a failure has its remedy and its page, and the pages say what the system does."""

import re
from pathlib import Path

import pytest

from summarizer_assets.core.authors.remedies import REMEDIES, change_for
from summarizer_assets.core.records import FailureReason
from summarizer_assets.settings import PREFIX, Settings

REPOSITORY = Path(__file__).parents[1]
PAGES = REPOSITORY / "docs/failures"
HEADINGS = ["## What it means", "## How it shows", "## What the system does", "## What you can do"]


def as_code(text: str) -> str:
    return re.sub(rf"\b{PREFIX}[A-Z_]+", lambda name: f"`{name[0]}`", text)


def flowing(text: str) -> str:
    return " ".join(text.split())


def test_each_reason_has_a_page_and_each_page_a_reason():
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == {str(reason) for reason in FailureReason}


@pytest.mark.parametrize("reason", FailureReason)
def test_a_reason_s_page_says_what_it_means_what_is_done_and_what_can_be_done(reason):
    text = (PAGES / f"{reason}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# `{reason}`\n")
    assert [line for line in text.splitlines() if line.startswith("#")][1:] == HEADINGS
    assert all(part.strip() for part in re.split("^## .*$", text, flags=re.MULTILINE))
    remedy = REMEDIES[reason]
    for told in (reason.meaning[1:], as_code(remedy.by_itself), as_code(remedy.action)):
        assert told in flowing(text)
    retried = "Skipped by rule" if reason.skipped else "Retried by itself." if reason.retryable else "Not retried by"
    assert retried in text


def test_each_link_and_each_setting_of_the_pages_is_there():
    for page in [*PAGES.glob("*.md"), REPOSITORY / "docs/checks.md"]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
        for name in re.findall(rf"\b{PREFIX}([A-Z_]+)", text):
            assert name.lower() in Settings.model_fields, f"{page.name}: {name}"


def test_each_remedy_is_two_short_sentences_and_whoever_is_not_retried_is_left_to_a_person():
    for reason, remedy in REMEDIES.items():
        for sentence in (remedy.by_itself, remedy.action):
            assert sentence.endswith("."), reason
            assert len(sentence) <= 140, (reason, sentence)
        assert ("later runs" in remedy.by_itself) == reason.retryable
        assert remedy.action.startswith("If it lasts, ") == reason.retryable
        assert ("re-drive" in remedy.action) == (not reason.retryable and not reason.skipped)


def test_a_reason_of_another_version_is_told_as_such():
    assert change_for("gremlins") == "read the detail"
    assert change_for("refusal") == change_for(FailureReason.REFUSAL) != change_for("gremlins")
