"""How every benchmark reads its command line: by argparse, with the script's docstring as the help.

A script does so above the imports that take long, and then hands what was given to its `main`. So `--help` and a wrong
argument are answered at once, and nothing else has happened:

    if __name__ == "__main__":  # before what takes long to import
        parser = command(__doc__, small={"authors": 200})
        parser.add_argument("--authors", type=int, default=20_000)
        options = parser.parse_args()

Every benchmark has a small size: the tests run each with `--small`, so that none rots. What another one starts as a
process says so instead (`part_of`), and is run with that.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class Command(argparse.ArgumentParser):
    """Takes `small` instead of the arguments' defaults when it is told to."""

    small: Mapping[str, Any] | None = None

    def parse_args(self, args: Sequence[str] | None = None) -> argparse.Namespace:  # type: ignore[override] # no namespace is given
        given = sys.argv[1:] if args is None else list(args)
        if self.small is not None and "--small" in given:
            unknown = self.small.keys() - {action.dest for action in self._actions}
            assert not unknown, f"{self.prog} has no {unknown}"
            self.set_defaults(**self.small)
        return super().parse_args(given)


def command(doc: str | None, *, small: Mapping[str, Any] | None = None, part_of: str | None = None) -> Command:
    """A parser for the script that runs, as `python -m` names it.

    Args:
        doc: the script's docstring.
        small: a size of seconds: values by the arguments' names.
        part_of: the benchmark that starts the script, where it is none by itself.
    """
    spec = sys.modules["__main__"].__spec__
    name = (spec.name if spec else sys.argv[0]).removesuffix(".__main__")
    parser = Command(
        prog=f"python -m {name}",
        description=doc,
        epilog=part_of and f"A part of benchmarks.{part_of}, which starts it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.small = small
    if small is not None:
        parser.add_argument(
            "--small",
            action="store_true",
            help="a size of seconds, as the tests run it: no bar on a figure is held to, and none means much",
        )
    return parser


def numbers(text: str) -> list[int]:
    """A type of argument: whole numbers with commas between them, or none."""
    return [int(number) for number in text.split(",") if number]
