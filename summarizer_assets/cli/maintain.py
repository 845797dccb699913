"""`summarizer maintain`: keeps the tables cheap to open."""

import sys
from dataclasses import asdict

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.markdown import table

_COLUMNS = ("table", "files", "bytes", "log entries removed", "unused files removed", "seconds")


@as_command
def command() -> Answer:
    """Join small files, write checkpoints, and remove what the tables' time travel of 7 days no longer needs.

    Safe beside running summaries: it gives way to a busy writer, and says so. Makes no request.

    \b
    Example: summarizer maintain
    """
    done = opened().maintain()
    sys.stderr.writelines(f"{name}: {word}\n" for name, one in done.items() for word in one.left)
    rows = [
        (
            name,
            f"{one.files_before:,} → {one.files_after:,}",
            f"{one.bytes_before:,} → {one.bytes_after:,}",
            f"{one.log_entries_removed:,}",
            f"{one.files_vacuumed:,}",
            f"{one.seconds:.1f}",
        )
        for name, one in done.items()
    ]
    return Answer(data={name: asdict(one) for name, one in done.items()}, markdown=table(_COLUMNS, rows))
