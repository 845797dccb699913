"""`dagster-webserver` with all its options, behind the request guard, which also serves the report.

Dagster has no hook for middleware, so the function with which its command creates the application is wrapped.
"""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

from dagster_webserver import cli
from starlette.applications import Starlette

from summarizer_assets.report.place import get
from summarizer_assets.settings import Settings
from summarizer_assets.ui.guard import Guard
from summarizer_assets.ui.report_files import ReportFiles


def serve(arguments: Sequence[str], settings: Settings) -> None:
    """Run `dagster-webserver` with its own `arguments`."""
    names = vars(cli)
    make = names["create_app_from_workspace_process_context"]

    def guarded(*given: Any, **more: Any) -> Starlette:  # noqa: ANN401 - Dagster's own
        app: Starlette = make(*given, **more)
        prefix = inspect.signature(make).bind(*given, **more).arguments.get("path_prefix", "")
        app.add_middleware(ReportFiles, read=partial(_read, settings), prefix=prefix)
        app.add_middleware(Guard, hosts=settings.ui_hosts)  # the last one comes first
        return app

    names["create_app_from_workspace_process_context"] = guarded
    # Named as its own command is, for its variables and its help.
    cli.dagster_webserver.main(list(arguments), auto_envvar_prefix="DAGSTER_WEBSERVER")


def _read(settings: Settings, name: str) -> bytes | None:
    return get(settings.root, name, settings.storage_options if settings.remote else {})
