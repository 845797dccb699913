"""`dagster-webserver` with all its options, behind the request guard.

    python -m summarizer_assets.ui.webserver -w workspace.yaml --read-only

Dagster has no hook for middleware, so the function with which its command creates the application is wrapped.
"""

import sys
from typing import Any

from dagster_webserver import cli
from starlette.applications import Starlette

from summarizer_assets.settings import load_settings
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.ui.guard import Guard


def main() -> None:
    try:
        hosts = load_settings().ui_hosts
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    names = vars(cli)
    make = names["create_app_from_workspace_process_context"]

    def guarded(*arguments: Any, **more: Any) -> Starlette:  # noqa: ANN401 - Dagster's own
        app: Starlette = make(*arguments, **more)
        app.add_middleware(Guard, hosts=hosts)
        return app

    names["create_app_from_workspace_process_context"] = guarded
    cli.dagster_webserver.main(auto_envvar_prefix="DAGSTER_WEBSERVER")  # like its own command


if __name__ == "__main__":
    main()
