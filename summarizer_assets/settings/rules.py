"""Validators of single settings beyond their types; each raises ValueError that says what is allowed."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from summarizer_assets.core.paper_fields import PAPER_FIELDS
from summarizer_assets.core.prompt.tokens import expected_output_tokens
from summarizer_assets.core.records import AUTHOR
from summarizer_assets.llm.batches.names import BatchProviderName, protocol_of_batches
from summarizer_assets.settings.errors import SettingsError

#: Names of our columns, which a source may name differently.
AUTHOR_COLUMNS, PAPER_COLUMNS = tuple(AUTHOR.names()), tuple(field.name for field in PAPER_FIELDS)


def known_columns(mapping: dict[str, str]) -> dict[str, str]:
    allowed = AUTHOR_COLUMNS + PAPER_COLUMNS
    unknown = [name for name in mapping if name not in allowed]
    if unknown:
        raise ValueError(f"unknown column {unknown[0]!r} on the left side; allowed: {', '.join(allowed)}")
    return mapping


def own_source(source: str | None, columns: Mapping[str, str]) -> str | None:
    """The address of a person's own table; None: the bundled sample is meant.

    Raises:
        SettingsError: `columns` are mapped, so a table of one's own is meant, and no address says which.
    """
    if columns and source is None:
        raise SettingsError(
            "SUMMARIZER_COLUMNS maps the columns of your table, but SUMMARIZER_SOURCE does not say which table that "
            "is: set it to the table's address"
        )
    return source


def paper_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in PAPER_COLUMNS:
            raise ValueError(f"unknown paper column {name!r}; allowed: {', '.join(PAPER_COLUMNS)}")
    return names


def host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:]+\]", name):
            raise ValueError(f"{name!r} is no host; allowed: names or addresses, without scheme, port, path or *")
    return tuple(name.lower() for name in names)


def file_there(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ValueError(f"{path} is not a file")
    return path


def text_or_file(instruction: str | None) -> str | None:
    """Validate the instruction: a misspelt path must not be sent to the model as the instruction."""
    looks_like_a_path = instruction is not None and len(instruction.split()) == 1
    if looks_like_a_path and str(instruction).endswith((".txt", ".md")) and not Path(str(instruction)).is_file():
        raise ValueError(f"{instruction} is not a file; allowed: the path of a text file, or the instruction itself")
    return instruction


def content_of(instruction: str) -> str:
    """The instruction itself, or the content of the file that it names."""
    try:
        is_file = Path(instruction).is_file()
    except (OSError, ValueError):  # too long for a path, or with a character not allowed in one
        is_file = False
    return (text_of(Path(instruction)) if is_file else instruction).strip()


def text_of(path: Path) -> str:
    """The file's text without a byte order mark, which would change the first id."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}; put it back, or correct the setting that names it"
        ) from error


def prices_are_whole(tokens: Sequence[float | None], of_the_cache: Sequence[float | None]) -> None:
    """Check that the prices of input and output (`tokens`) are set together, and those of the cache not without them.

    Raises:
        ValueError: they are not.
    """
    if None in tokens and any(price is not None for price in (*tokens, *of_the_cache)):
        raise ValueError("SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD go together: set both or none")


def output_is_bounded(bound: int | None, most: int, words: int, *, budget: bool) -> None:
    """Check that a request's output limit holds a summary, and that a budget can rely on one.

    Args:
        bound: of a request; None: there is none, or it is not a number.
        most: `max_output_tokens`.
        words: of a summary.
        budget: whether one is set.

    Raises:
        ValueError: it does not.
    """
    if budget and bound is None:
        raise ValueError(
            "SUMMARIZER_BUDGET_USD is set, and SUMMARIZER_LLM_EXTRA_BODY leaves no bound on the output, so that "
            'nobody knows what a request may cost: give one, as in {"max_completion_tokens": 16000}'
        )
    least = expected_output_tokens(words)
    if most < least:  # every answer would be cut off, but paid for
        raise ValueError(
            f"SUMMARIZER_MAX_OUTPUT_TOKENS={most} holds no summary of SUMMARIZER_WORDS={words}; allowed: at least "
            f"{least}, or fewer words"
        )


def batch_lacking(protocol: str, provider: BatchProviderName | None, *, embedded: bool) -> str | None:
    """Why the provider cannot be asked by batch jobs; None: it can. `provider`: whose batch jobs it takes."""
    if embedded:
        return "the embedded provider has no batch jobs"
    return f"no batch jobs are made in the protocol {protocol}" if provider is None else None


def route_is_there(
    route: str, protocol: str, named: BatchProviderName | None, found: BatchProviderName | None, lacking: str | None
) -> None:
    """Check that requests can be sent in this way.

    Args:
        route: as set.
        protocol: of the requests.
        named: the provider of batch jobs, as set.
        found: whose batch jobs would be sent.
        lacking: see `batch_lacking`.

    Raises:
        ValueError: they cannot.
    """
    if named is not None and protocol_of_batches(named) != protocol:
        raise ValueError(
            f"SUMMARIZER_BATCH_PROVIDER={named} with the protocol {protocol}: its requests are of the protocol "
            f"{protocol_of_batches(named)}; set SUMMARIZER_LLM_PROTOCOL, or leave one of the two unset"
        )
    if route == "auto" and found == "azure":
        raise ValueError(
            "SUMMARIZER_ROUTE=auto: a deployment at Azure takes either batch jobs or other requests, by its type; set "
            "batch or online"
        )
    if route == "batch" and lacking is not None:
        raise ValueError(f"SUMMARIZER_ROUTE=batch, but {lacking}; set online, or auto")
