"""How every benchmark reads its command line: by argparse, with the script's docstring as the help.

A script does so above the imports that take long, and then hands what was given to its `main`. So `--help` and a wrong
argument are answered at once, and nothing else has happened:

    if __name__ == "__main__":  # before what takes long to import
        parser = command(__doc__)
        parser.add_argument("--authors", type=int, default=20_000)
        options = parser.parse_args()
"""

import argparse
import sys


def command(doc: str | None) -> argparse.ArgumentParser:
    """A parser for the script that runs, as `python -m` names it."""
    spec = sys.modules["__main__"].__spec__
    name = (spec.name if spec else sys.argv[0]).removesuffix(".__main__")
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def numbers(text: str) -> list[int]:
    """A type of argument: whole numbers with commas between them, or none."""
    return [int(number) for number in text.split(",") if number]
