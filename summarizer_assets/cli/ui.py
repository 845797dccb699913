"""`summarizer ui`: Dagster's UI of the root."""

import json
import sys
from importlib.resources import as_file, files

import click

from summarizer_assets.cli.command import told_plainly
from summarizer_assets.cli.dagster_home import dagster_home
from summarizer_assets.demo import FOLDER as DEMO
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.settings.environment import anything_set, use_root
from summarizer_assets.ui.dev import answers, serve


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; the default is this machine alone."
)
@click.option("--port", type=int, default=3000, show_default=True, help="Port to listen at.")
@click.option("--root", metavar="FOLDER", help="Folder of the tables, instead of SUMMARIZER_ROOT.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON, for programs.")
def command(*, host: str, port: int, root: str | None, as_json: bool) -> None:
    """Open Dagster's UI of the root, with the daemon that runs what is queued, until Ctrl-C.

    Its one line says where, as soon as it answers. Where nothing is set, and nothing but the demo was made, it is the
    demo's.

    \b
    Example: summarizer ui --port 3100
    """
    with told_plainly(as_json=as_json):
        summarizer, is_demo = chosen(root)
        if answers(host, port):
            raise click.UsageError(
                f"port {port} is taken: end what holds it, or choose another, as in --port {port + 100}"
            )
        dagster_home(summarizer)
    place = summarizer.root.place
    if sys.stderr.isatty():
        sys.stderr.write("Starting Dagster's UI, which takes up to a minute …\n")

    def told(url: str) -> None:
        whose = f"the demo, {place}" if is_demo else place
        line = (
            json.dumps({"url": url, "root": place}) if as_json else f"Dagster's UI of {whose}: {url}  (Ctrl-C ends it)"
        )
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    with as_file(files("summarizer_assets") / "ui" / "workspace.yaml") as workspace:
        serve(workspace, host, port, told)


def chosen(root: str | None) -> tuple[Summarizer, bool]:
    """The installation whose UI is meant, and whether it is the demo's because nothing else is there."""
    if root is not None:
        use_root(root)
    found = Summarizer(load_settings())
    if not anything_set() and found.root.found is None:
        demo = Summarizer(load_settings(root=DEMO))
        if demo.root.found is not None:
            use_root(demo.settings.root)  # for the processes that serve it
            return demo, True
    return found, False
