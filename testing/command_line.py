"""The command `summarizer`, run in this process."""

from summarizer_assets.cli.app import main


def run_command(*arguments: str) -> int:
    """Run `summarizer` with these arguments; return its exit status. What it prints is `capsys`'s."""
    try:
        main(list(arguments), prog_name="summarizer")
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("click ends a command by SystemExit")
