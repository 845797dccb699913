"""The command line `summarizer`: one command a module, each a thin shell over the package.

The contract of every command that knows tables: it takes `--root` and `--json`; it ends with status 0 when done, 1 when
it did its work and the result is not good (authors failed, a run stopped, an account does not add up), and 2 when it
could not begin (wrong usage, a wrong setting, no tables). What it found goes to standard output, progress and errors to
standard error.
"""
