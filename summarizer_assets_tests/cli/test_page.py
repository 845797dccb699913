"""docs/command-line.md and the help are true: every command is told with an example that its parser takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from summarizer_assets.cli.app import SECTIONS, main
from summarizer_assets_tests.cli.conftest import Run, data, write_settings
from testing.documents import REPOSITORY
from testing.newcomer import write_odd_csv

PAGE = (REPOSITORY / "docs" / "command-line.md").read_text(encoding="utf-8")
NAMES = [name for section in SECTIONS.values() for name in section]


def command_of(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)  # type: ignore[attr-defined]
    assert isinstance(found, click.Command)
    return found


def section_of(name: str) -> str:
    """The page's section of a command, or its row in the table."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    row = re.search(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
    assert (found is None) != (row is None), f"{name} is told once"
    return found[1] if found else row[0] if row else ""


def examples(text: str) -> Iterator[tuple[str, list[str]]]:
    for call in re.findall(r"(?:^|`|Example: )summarizer ([a-z][^`\n]*)", text.replace("\\\n", " "), re.MULTILINE):
        name, *arguments = shlex.split(re.split(r"  +", call)[0])
        yield name, arguments


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_told_on_the_page_and_in_its_help_with_an_example_that_it_takes(name: str) -> None:
    command = command_of(name)
    assert command.help is not None
    for where in (section_of(name), command.help):
        calls = [(called, arguments) for called, arguments in examples(where) if called == name]
        assert calls, f"no example of {name}"
        for _, arguments in calls:
            command.make_parser(click.Context(command, info_name=name)).parse_args(list(arguments))


def test_every_call_on_the_page_is_one_that_its_command_takes() -> None:
    for name, arguments in examples(PAGE):
        command = command_of(name)
        command.make_parser(click.Context(command, info_name=name)).parse_args(list(arguments))


def test_the_page_tells_of_no_command_that_is_not_there() -> None:
    told = {
        *re.findall(r"^## ([a-z][a-z-]*)$", PAGE, re.MULTILINE),
        *re.findall(r"^\| `([a-z][a-z-]*)` \|", PAGE, re.MULTILINE),
    }
    assert told == set(NAMES)


def test_the_keys_of_the_json_are_those_of_the_page(here: Path, run: Run) -> None:
    write_odd_csv(here / "people.csv", authors=12)
    given = ("init", "--source", "people.csv", "--root", "tables", "--base-url", "embedded", "--json")
    found = {
        "init": data(run(*given)[1]),
        "columns": data(run("columns", "--json")[1]),
        "ping": data(run("ping", "--json")[1]),
    }
    with (here / ".env").open("a") as file:
        file.write("SUMMARIZER_BUCKETS=1\n")
    found["run"] = data(run("run", "--yes", "--json")[1])
    found["status"] = data(run("status", "--json")[1])
    found["author"] = data(run("author", "1000", "--json")[1]) | data(run("author", "somebody", "--json")[1])
    for name, keys in found.items():
        told = re.search(r"^JSON: (.*?)\n\n", section_of(name) + "\n\n", re.MULTILINE | re.DOTALL)
        assert told, name
        assert keys.keys() <= set(re.findall(r"`(\w+)`", told[1])), name
    for name, nested in (("status", "next"), ("status", "failures")):
        keys = found[name][nested]
        keys = next(iter(keys.values()), {}) if nested == "failures" else keys
        assert keys.keys() <= set(re.findall(r"`(\w+)`", section_of(name)))


def test_a_wrong_setting_is_one_sentence_for_people_and_programs(here: Path, run: Run) -> None:
    assert run("status")[0] == 0
    write_settings(here, group_size=0)
    status, out, err = run("status", "--json")
    assert status == 2
    assert "SUMMARIZER_GROUP_SIZE" in data(out)["error"]
    assert err.count("\n") == 1
