"""`summarizer init`: four questions, and a file `.env` that holds the answers."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import click

from summarizer_assets.cli import confirm
from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.column_questions import kept_columns, with_columns_asked
from summarizer_assets.cli.columns import columns_lines, explored
from summarizer_assets.cli.command import command_of_own_root
from summarizer_assets.core.display_text import usd
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.http.model_path import path_for
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.pricing import configured_price, listed_price
from summarizer_assets.settings import PREFIX, load_settings
from summarizer_assets.settings.env_writer import env_text, write_env
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.settings.protocols import EMBEDDED, PROTOCOL_NAMES, ProtocolName
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.explore import Explored, setting

T = TypeVar("T")
_FILE, _BEFORE = Path(".env"), Path(".env.before")
_NEXT: Final = "Next: summarizer ping asks for one author, summarizer run --limit 50 for fifty."
_UNSET: Final = ""


@command_of_own_root("Folder for the results, or s3://bucket/prefix.")
@click.option("--source", help="Your table: a file, folder, glob or URL.")
@click.option("--base-url", help=f"The provider's, as in https://api.openai.com/v1; {EMBEDDED}: a template, no key.")
@click.option("--protocol", type=click.Choice(PROTOCOL_NAMES), help="Its interface, if the URL does not tell it.")
@click.option("--model", help="The model's name at the provider.")
@click.option("--key-file", type=click.File(), help="A file with the provider's key; -: standard input.")
@click.option("--budget", help="The most to spend, in dollars; none: no limit.")
@click.option("--price-input", help="Dollars per million input tokens, for a model that is not in the price list.")
@click.option("--price-output", help="The same for output tokens.")
@click.option("--yes", "-y", is_flag=True, help="Replace an existing .env; the old one becomes .env.before.")
def command(  # noqa: PLR0913 - one an option
    *,
    root: str | None,
    source: str | None,
    base_url: str | None,
    protocol: ProtocolName | None,
    model: str | None,
    key_file: TextIO | None,
    budget: str | None,
    price_input: str | None,
    price_output: str | None,
    yes: bool,
) -> Answer:
    """Ask four questions (table, folder, provider, budget), check each answer, and write the file .env.

    Each answer can be given as an option. If all are given, there is no question.

    \b
    Example: summarizer init --source authors.csv --root data --base-url embedded
    """
    if (_FILE.exists() or _FILE.is_symlink()) and not _may_replace(yes=yes):
        return Answer(data={"written": None}, text=f"{_FILE} stays as it is")
    values = _Values()
    _source(values, source, _columns_before())
    _root(values, root)
    _base_url(values, base_url, protocol)
    if values.given["llm_base_url"] != EMBEDDED:
        _model(values, model, key_file)
    if values.given.get("llm_base_url") != EMBEDDED:
        _budget(values, budget, price_input, price_output)
    named = {PREFIX + name.upper(): text for name, text in values.given.items()}
    env_text(named)  # before the old file is moved
    if _FILE.exists() or _FILE.is_symlink():
        _FILE.replace(_BEFORE)
    write_env(_FILE, named)
    shown = {name: text for name, text in named.items() if not name.endswith("_KEY")}
    lines = [f"{_FILE.absolute()} is written, for you alone to read:", *(f"  {n}={v}" for n, v in shown.items())]
    lines += [f"  {name}=(not shown)" for name in named if name not in shown]
    return Answer(data={"written": str(_FILE.absolute()), "settings": shown}, text="\n".join([*lines, "", _NEXT]))


def _may_replace(*, yes: bool) -> bool:
    if not yes and not confirm.at_a_terminal():
        raise click.UsageError(f"{_FILE} exists; say --yes to replace it (the old one becomes {_BEFORE})")
    return yes or confirm.confirmed(f"{_FILE} exists. Replace it (the old one becomes {_BEFORE})?")


def _columns_before() -> Mapping[str, str]:
    """SUMMARIZER_COLUMNS of the file that is to be replaced: `summarizer columns` has it set there."""
    try:
        return load_settings(_FILE, source="any").columns
    except SettingsError as error:
        _say(f"{error}: nothing of {_FILE} is used")
        return {}


class _Values:
    """The answers so far, by the names of `Settings`, as texts; each is checked together with those before it."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self._checked: dict[str, Any] = {}

    def try_out(self, **more: object) -> Summarizer:
        """An installation with the answers so far and these.

        Raises:
            SettingsError: they are invalid.
        """
        settings = load_settings(None, **{**self._checked, **more})
        configured_price(settings)
        return Summarizer(settings)

    def take(self, **more: object) -> None:
        self._checked |= more
        for name, value in more.items():
            text = f"{value:.15g}" if isinstance(value, float) else str(value)
            self.given[name] = setting(value) if isinstance(value, dict) else text


def _source(values: _Values, given: str | None, before: Mapping[str, str]) -> None:
    def check(text: str) -> None:
        found = explored(values.try_out(source=text))
        columns = kept_columns(before, found, _say)

        def look(mapping: Mapping[str, str]) -> Explored:
            summarizer = values.try_out(source=text, **({"columns": dict(mapping)} if mapping else {}))
            seen = explored(summarizer)
            _say(*columns_lines(summarizer, seen, to_set=False))
            return seen

        found = look(columns)
        if confirm.at_a_terminal():
            found = with_columns_asked(found, columns, look, _say)
        if found.problem:
            raise SourceError(f"{text}: no author can be made of it yet; see above")
        values.take(source=text, **({"columns": dict(found.mapping)} if found.mapping else {}))

    question = "1 of 4  Your table: Delta, Parquet, CSV or JSON lines (a file, folder, glob, or s3://…)"
    _asked(question, given, "--source", check)


def _root(values: _Values, given: str | None) -> None:
    def check(text: str) -> None:
        summarizer = values.try_out(root=text)
        if summarizer.root.found is not None:
            _say(f"{summarizer.root.place} holds tables already: they are gone on with")
        values.take(root=text)

    _asked("2 of 4  Where the tables go: a folder, or s3://bucket/prefix", given, "--root", check, default="data")


def _base_url(values: _Values, url: str | None, protocol: ProtocolName | None) -> None:
    of_protocol = {} if protocol is None else {"llm_protocol": protocol}

    def check(text: str) -> None:
        of_model = {} if text == EMBEDDED else {"llm_model": "any"}
        found = values.try_out(llm_base_url=text, **of_protocol, **of_model).settings
        values.take(llm_base_url=text, **of_protocol)
        if found.protocol is not OPENAI_CHAT:
            _say(f"        it is asked at {found.llm_base_url}{path_for(found.protocol, 'MODEL')}")

    question = f"3 of 4  The provider's base URL, or `{EMBEDDED}` for summaries from a template, without a key"
    _asked(question, url, "--base-url", check, default=EMBEDDED)


def _model(values: _Values, model: str | None, key_file: TextIO | None) -> None:
    def check(text: str) -> None:
        values.try_out(llm_model=text)
        values.take(llm_model=text)

    _asked("        The model's name there", model, "--model", check)
    if key_file is not None:
        key = key_file.read().strip()
    elif confirm.at_a_terminal():
        key = confirm.answered("        The key (not shown as you type; nothing for a server without one)", hidden=True)
    else:
        key = _UNSET
    if key:
        values.try_out(llm_api_key=key)
        values.take(llm_api_key=key)


def _budget(values: _Values, given: str | None, price_input: str | None, price_output: str | None) -> None:
    settings = values.try_out().settings
    listed = listed_price(settings, None)
    if listed is None and settings.price_input_usd is None:
        _say(f"        No list has the price of {settings.model}; 0 is for a server of your own")
        asked = _asked("        Dollars for a million input tokens", price_input, "--price-input", _amount)
        said = _asked("        Dollars for a million output tokens", price_output, "--price-output", _amount)
        values.take(price_input_usd=asked, price_output_usd=said)
    elif listed is not None:
        _say(f"        {listed.model} is on the price list of {listed.taken}")

    def check(text: str) -> None:
        if text.lower() != "none":
            values.try_out(budget_usd=_amount(text))
            values.take(budget_usd=_amount(text))
            _say(f"        no more than {usd(_amount(text))} is spent under this root, by all runs together")

    _asked("4 of 4  The most to spend, in dollars (none: no bound)", given, "--budget", check, default="5")


def _amount(text: str) -> float:
    try:
        amount = float(text.strip().lstrip("$"))
    except ValueError:
        raise SettingsError(f"{text!r} is no number of dollars; write it as in 5 or 0.40") from None
    if not 0 <= amount < float("inf"):
        raise SettingsError(f"{text!r} is no number of dollars, zero or more")
    return amount


def _asked(
    question: str, given: str | None, option: str, check: Callable[[str], T], *, default: str | None = None
) -> T:
    """What `check` makes of the answer: the option's, or a person's, who is asked until it passes.

    Raises:
        click.UsageError: there is no option and nobody to ask.
        SettingsError, SourceError: the option's value does not pass.
    """
    if given is not None:
        return check(given)
    if not confirm.at_a_terminal():
        raise click.UsageError(f"{option} is missing, and there is no terminal to ask on")
    while True:
        answer = confirm.answered(question, default)
        try:
            return check(answer)
        except (SettingsError, SourceError) as error:
            _say(f"        {error}")


def _say(*lines: str) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()
