"""`python -m summarizer_assets`: the command `summarizer`."""

from summarizer_assets.cli.app import main

if __name__ == "__main__":
    main(prog_name="summarizer")
