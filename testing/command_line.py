"""The command `summarizer`, run in this process."""

import os

from summarizer_assets.cli.app import main


def run_command(*arguments: str) -> int:
    """Run `summarizer` with these arguments; return its exit status. The environment is afterwards as it was."""
    before = dict(os.environ)
    try:
        main(list(arguments), prog_name="summarizer")
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(before)
    raise AssertionError("click ends a command by SystemExit")
