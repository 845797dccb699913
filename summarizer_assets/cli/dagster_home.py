"""Dagster's folder of a root: one history for each root, with the configuration that comes with the package."""

import shutil
import sys
from filecmp import cmp
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.environment import given_dagster_home, use_dagster_home
from summarizer_assets.settings.errors import SettingsError

_CONFIGURATION: Final = "dagster.yaml"
_SHIPPED: Final = "dagster.yaml.shipped"  # the copy of the package's version that the folder's was made from
_OF_OLDER_VERSIONS: Final = Path(".dagster")
#: As `ui/workspace.yaml` names the code; Dagster names the repository in it.
_OURS: Final = RemoteRepositoryOrigin(
    ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name="summarizer_assets.definitions"), location_name="summarizer_assets"
    ),
    "__repository__",
)


def dagster_home(summarizer: Summarizer) -> Path:
    """The folder that DAGSTER_HOME names, left alone; else `dagster` in the root's local folder, made if needed.

    Its configuration is renewed with the package unless somebody changed it: then it stays, and a line on standard
    error says what to compare.
    """
    given = given_dagster_home()
    if given is not None:
        return given
    home = summarizer.local_folder / "dagster"
    use_dagster_home(home)
    if not home.exists() and home.parent.exists() and (_OF_OLDER_VERSIONS / _CONFIGURATION).exists():
        sys.stderr.write(
            f"Dagster's history of a root is in {home} now; to keep that of an older version: "
            f"mv {_OF_OLDER_VERSIONS} {home}\n"
        )
    home.mkdir(parents=True, exist_ok=True)
    mine, shipped = home / _CONFIGURATION, home / _SHIPPED
    with as_file(files("summarizer_assets") / _CONFIGURATION) as packaged:
        if shipped.exists() and cmp(packaged, shipped, shallow=False):
            return home
        if not mine.exists() or (shipped.exists() and cmp(mine, shipped, shallow=False)):
            shutil.copyfile(packaged, mine)
        else:
            sys.stderr.write(f"{mine} has changes of its own and stays; compare it with {packaged}\n")
        shutil.copyfile(packaged, shipped)
    return home


def dagster_instance(summarizer: Summarizer) -> dg.DagsterInstance:
    """Dagster's instance of the root, to be closed by the caller; the UI's timeline has the runs that it executes.

    Raises:
        SettingsError: Dagster refuses its configuration.
    """
    home = dagster_home(summarizer)
    try:
        instance = dg.DagsterInstance.get()
    except dg.DagsterError as error:
        raise SettingsError(f"{home / _CONFIGURATION}: {' '.join(str(error).split())}") from None
    _name_the_code_location(instance)
    return instance


def _name_the_code_location(instance: dg.DagsterInstance) -> None:
    """Give each run of this process the code location that the UI serves: without one its timeline leaves a run out."""
    create = instance.create_run_for_job

    def create_ours(
        *,
        job_def: dg.JobDefinition,
        tags: dict[str, str],
        **more: Any,  # noqa: ANN401 - Dagster's own
    ) -> dg.DagsterRun:
        origin = _OURS.get_job_origin(job_def.name)
        labelled = {**tags, ".dagster/repository": _OURS.get_label()}
        return create(job_def=job_def, tags=labelled, remote_job_origin=origin, **more)

    vars(instance)["create_run_for_job"] = create_ours
