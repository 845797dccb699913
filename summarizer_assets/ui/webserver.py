"""`dagster-webserver` with all its options, behind the request guard, which also serves the report.

    python -m summarizer_assets.ui.webserver -w workspace.yaml --read-only

Dagster has no hook for middleware, so the function with which its command creates the application is wrapped.
"""

import inspect
import sys
from functools import partial
from typing import Any

from dagster_webserver import cli
from starlette.applications import Starlette

from summarizer_assets.report.place import get
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.ui.guard import Guard
from summarizer_assets.ui.report_files import ReportFiles


def main() -> None:
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    names = vars(cli)
    make = names["create_app_from_workspace_process_context"]

    def guarded(*arguments: Any, **more: Any) -> Starlette:  # noqa: ANN401 - Dagster's own
        app: Starlette = make(*arguments, **more)
        prefix = inspect.signature(make).bind(*arguments, **more).arguments.get("path_prefix", "")
        app.add_middleware(ReportFiles, read=partial(_read, settings), prefix=prefix)
        app.add_middleware(Guard, hosts=settings.ui_hosts)  # the last one comes first
        return app

    names["create_app_from_workspace_process_context"] = guarded
    cli.dagster_webserver.main(auto_envvar_prefix="DAGSTER_WEBSERVER")  # like its own command


def _read(settings: Settings, name: str) -> bytes | None:
    return get(settings.root, name, settings.storage_options if settings.remote else {})


if __name__ == "__main__":
    main()
