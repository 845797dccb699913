"""Checks the files of this folder as far as that can be done without a cluster.

    python deploy/k8s/check.py [RENDERED]

It needs the project with its extra `k8s`: pip install -c constraints.txt -e '.[k8s]'. Prints one line a check, and ends
with status 1 if one of them does not hold: the YAML, the names of settings, that no secret stands in a file, Dagster's
own check of the instance and of the run launcher, that Postgres is verified, the Job of a run, every object against the
models of Kubernetes' client, and that the commands of the image start. With RENDERED, what `helm template` printed,
also that Dagster takes the chart's own `dagster.yaml`, and that it says what was checked here.
"""
# ruff: noqa: INP001, S603, T201 - a script that runs programs and prints

import argparse
import importlib
import importlib.util
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path, nargs="?", help="what `helm template` printed")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[2]))
    _NEEDED = ("dagster", "dagster_k8s", "dagster_postgres", "kubernetes", "psycopg2", "pydantic", "yaml")
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        sys.exit(
            f"{sys.executable} has no {', '.join(missing)}; install what is checked here, in the checkout: "
            f"{sys.executable} -m pip install -c constraints.txt -e '.[k8s]'"
        )

import yaml
from pydantic import SecretStr

from deploy.k8s import chart
from deploy.k8s.stand_in import free_port
from summarizer_assets.settings import PREFIX, Settings

_PROJECT = chart.HERE.parents[1]
_STORE_SECRETS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
_SECRET_WORDS = ("password", "token", "api_key", "apikey", "secret_key")
_PATIENCE_S = 60


class CheckError(Exception):
    """A file does not hold what it must; says which, and what to do."""


def must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckError(otherwise)


def objects() -> list[dict[str, Any]]:
    """Everything that `kubectl apply` gets."""
    files = sorted(chart.HERE.glob("*.yaml"))
    return [document for file in files if file != chart.VALUES for document in chart.read(file)]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [entry for entry in objects() if entry["kind"] == kind]


def settings_exist() -> str:
    """Every setting is one; the ConfigMap is the one that both the code server and the runs are given."""
    (given,) = of_kind("ConfigMap")
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    names = [name for name in given["data"] if name.startswith(PREFIX)]
    for name in names:
        must(name in known, f"settings.yaml: {name} is no setting; see docs/settings.md")
    for name, value in given["data"].items():
        must(isinstance(value, str), f"settings.yaml: {name}: a ConfigMap holds text; put {value!r} in quotes")
    values = chart.values_of()
    wanted = [{"name": given["metadata"]["name"]}]
    for where in (chart.code_server(values), values["runLauncher"]["config"]["k8sRunLauncher"]):
        must(where["envConfigMaps"] == wanted, f"values.yaml: envConfigMaps must be {wanted} in both places")
    return f"{len(names)} settings, all known"


def no_secret_in_a_file() -> str:
    """Secrets are named. A setting that may hold one stands in no ConfigMap, a password in no values."""
    hidden = {
        f"{PREFIX}{name.upper()}"
        for name, field in Settings.model_fields.items()
        if not field.repr or SecretStr in getattr(field.annotation, "__args__", ())
    }
    entries = [("values.yaml", chart.values_of()), *((entry["metadata"]["name"], entry) for entry in objects())]
    for file, content in entries:
        for name, value in _leaves(content):
            must(
                name not in hidden | _STORE_SECRETS,
                f"{file}: {name} may hold a secret: put it into the secret summarizer-secrets",
            )
            told = any(word in name.lower() for word in _SECRET_WORDS) and isinstance(value, str)
            must(not told or name.endswith("Name"), f"{file}: {name} holds a value; name a secret instead")
    must(not of_kind("Secret"), "a Secret stands in a file; make it with kubectl create secret")
    return f"none of {len(hidden)} settings that may hold a secret, no key of a store, no password"


def versions_agree() -> str:
    """The chart has Dagster's version, and so has the launcher in the image."""
    project = tomllib.loads((_PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(line.split("==") for line in project["dependencies"] if "==" in line)
    asked = dict(line.split("==") for line in project["optional-dependencies"]["k8s"] if "==" in line)
    for name, version in asked.items():
        must(version == pins["dagster-deltalake"], f"pyproject.toml: {name}=={version} is of another Dagster")
    head = chart.VALUES.read_text(encoding="utf-8").splitlines()[0]
    must(head.endswith(f"version {pins['dagster']} (the chart has Dagster's version)."), f"values.yaml: {head}")
    return f"chart {pins['dagster']}, dagster-k8s {asked['dagster-k8s']}"


def no_service_is_taken_for_a_setting() -> str:
    """Kubernetes gives each pod variables by the names of services; a setting that is none is refused."""
    name = chart.code_server(chart.values_of())["name"]
    must(
        not f"{name.replace('-', '_')}_".upper().startswith(PREFIX),
        f"values.yaml: the deployment {name} would give each pod {PREFIX}…_PORT, which is no setting: rename it",
    )
    return f"the service is called {name}"


def dagster_takes_the_instance() -> str:
    """`dagster.yaml` by Dagster's own reader; the storages and the launcher are found, and their configuration fits."""
    return _taken(chart.instance(chart.values_of()))


def rendered_is_what_was_checked(file: Path) -> str:
    """The instance as Helm renders it: Dagster takes it, and it does not differ from ours."""
    maps = [entry for entry in chart.read(file) if entry and entry["kind"] == "ConfigMap"]
    texts = [entry["data"]["dagster.yaml"] for entry in maps if "dagster.yaml" in entry.get("data", {})]
    must(len(texts) == 1, f"{file}: {len(texts)} ConfigMaps with a dagster.yaml; render with deploy/k8s/values.yaml")
    theirs, ours = yaml.safe_load(texts[0]), chart.instance(chart.values_of())
    taken = _taken(theirs)
    for name in sorted(ours):
        must(theirs.get(name) == ours[name], f"{file}: {name} is {theirs.get(name)}, and was checked as {ours[name]}")
    return taken


def _taken(config: Mapping[str, Any]) -> str:
    from dagster._config import process_config  # noqa: PLC0415 - how Dagster itself checks a dagster.yaml
    from dagster._core.instance.config import dagster_instance_config  # noqa: PLC0415 - the same
    from dagster._serdes import ConfigurableClassData  # noqa: PLC0415 - the same

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "dagster.yaml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
        dagster_instance_config(folder)
    parts = [name for name, part in config.items() if isinstance(part, dict) and "class" in part]
    for name in parts:
        part = config[name]
        module = ConfigurableClassData(
            part["module"], part["class"], ""
        ).module_name  # `dagster.core` is `dagster._core`
        kind = getattr(importlib.import_module(module), part["class"])
        given = part.get("config", {})
        if name.endswith("_storage"):  # its password is taken from the environment of a pod
            given = {"postgres_db": {**given["postgres_db"], "password": "a password"}}
        found = process_config(kind.config_type() or {}, given)
        must(found.success, f"{name}: {[error.message for error in found.errors or []]}")
    must(config["run_monitoring"]["max_resume_run_attempts"] == 0, "a resumed run would be a second writer of a bucket")
    return f"{', '.join(parts)}"


def postgres_is_asked_who_it_is() -> str:
    """Its certificate is verified, by an authority that every pod that speaks to it has at hand."""
    values = chart.values_of()
    params = values["postgresql"]["postgresqlParams"]
    must(params.get("sslmode") == "verify-full", f"values.yaml: sslmode {params.get('sslmode')} asks nobody who it is")
    authority = Path(params["sslrootcert"])
    pods = {
        "dagsterWebserver": values["dagsterWebserver"],
        "dagsterDaemon": values["dagsterDaemon"],
        "the code server": chart.code_server(values),
        "the run launcher": values["runLauncher"]["config"]["k8sRunLauncher"],
    }
    for name, pod in pods.items():
        mounts = [mount["name"] for mount in pod["volumeMounts"] if Path(mount["mountPath"]) == authority.parent]
        volumes = [volume for volume in pod["volumes"] if volume["name"] in mounts and "configMap" in volume]
        must(len(volumes) == 1, f"values.yaml: {name} mounts no ConfigMap at {authority.parent}")
    return f"by {authority}, in {len(pods)} places"


def a_run_is_what_it_must_be() -> str:
    """The Job that the launcher sends for a run."""
    values = chart.values_of()
    job = chart.run_job(values)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    locked = container["securityContext"]
    must(pod["restartPolicy"] == "Never" and job["spec"]["backoffLimit"] == 0, "a run's pod would be started again")
    must(pod["securityContext"]["runAsNonRoot"] and locked["readOnlyRootFilesystem"], "a run could change its image")
    must(not locked["allowPrivilegeEscalation"] and locked["capabilities"] == {"drop": ["ALL"]}, "a run has privileges")
    must(not pod["automountServiceAccountToken"], "a run can ask Kubernetes for things")
    (account,) = of_kind("ServiceAccount")
    must(pod["serviceAccountName"] == account["metadata"]["name"], "a run's account is not the one of account.yaml")
    monitoring = values["dagsterDaemon"]["runMonitoring"]
    must(
        pod["terminationGracePeriodSeconds"] < monitoring["cancelTimeoutSeconds"],
        "a run would be shown as cancelled while it still stores its answers",
    )
    must("command" not in container, "the image's own entrypoint would be replaced")
    _journal(pod, container)
    _network(job["spec"]["template"]["metadata"]["labels"])
    must(container["resources"]["requests"]["cpu"] == "1", "the code server's resources took the place of a run's")
    sources = [next(iter(source.values()))["name"] for source in container["envFrom"]]
    return f"{container['image']}, {sources}, memory {container['resources']['limits']['memory']}"


def objects_are_known_to_kubernetes() -> str:
    """Each object against the models of Kubernetes' client: no unknown field, none missing."""
    import kubernetes  # noqa: PLC0415 - part of the extra `k8s`
    from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict  # noqa: PLC0415 - the same

    models = {
        "ConfigMap": kubernetes.client.V1ConfigMap,
        "NetworkPolicy": kubernetes.client.V1NetworkPolicy,
        "PersistentVolumeClaim": kubernetes.client.V1PersistentVolumeClaim,
        "ServiceAccount": kubernetes.client.V1ServiceAccount,
    }
    for entry in objects():
        model = models[entry["kind"]]
        k8s_model_from_dict(model, k8s_snake_case_dict(model, entry))
    return f"{len(objects())} objects"


def the_image_starts() -> str:
    """The commands that the chart, the launcher and the probes give the image, in this environment."""
    programs = Path(sys.executable).parent
    for name in ("dagster", "dagster-daemon", "dagster-webserver"):
        must((programs / name).exists(), f"{name} is not installed beside {sys.executable}")
    subprocess.run([programs / "dagster", "api", "execute_run", "--help"], check=True, capture_output=True)
    arguments = chart.code_server(chart.values_of())["dagsterApiGrpcArgs"]
    port = str(free_port())
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [programs / "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", port, *arguments],
            env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": folder, "SUMMARIZER_ROOT": f"{folder}/data"},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            probe = [programs / "dagster", "api", "grpc-health-check", "-p", port]
            until = time.monotonic() + _PATIENCE_S
            while subprocess.run(probe, capture_output=True, check=False).returncode != 0:
                must(server.poll() is None, f"dagster api grpc {' '.join(arguments)} ended by itself")
                must(time.monotonic() < until, f"the code server did not answer within {_PATIENCE_S} s")
        finally:
            server.terminate()
            server.wait()
    return "the code server answers its probe"


#: What a test does, too; the last takes some seconds.
QUICK: tuple[Callable[[], str], ...] = (
    settings_exist,
    no_secret_in_a_file,
    versions_agree,
    no_service_is_taken_for_a_setting,
    dagster_takes_the_instance,
    postgres_is_asked_who_it_is,
    a_run_is_what_it_must_be,
    objects_are_known_to_kubernetes,
)


def _leaves(content: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(value, str(key))
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value, name)
    else:
        yield name, content


def _journal(pod: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    """The journal lies on the claimed volume, which any machine can mount."""
    (claim,) = of_kind("PersistentVolumeClaim")
    must(claim["spec"]["accessModes"] == ["ReadWriteMany"], "journal.yaml: only one machine could mount it")
    volume = next(volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume)
    must(volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"], "values.yaml: another claim")
    mount = next(mount for mount in container["volumeMounts"] if mount["name"] == volume["name"])
    (settings,) = of_kind("ConfigMap")
    folder = settings["data"]["SUMMARIZER_JOURNAL_DIR"]
    must(mount["mountPath"] == folder, f"SUMMARIZER_JOURNAL_DIR={folder}, but the volume is at {mount['mountPath']}")


def _network(labels: Mapping[str, str]) -> None:
    """The policy for runs is one for these pods."""
    wanted = next(entry for entry in of_kind("NetworkPolicy") if entry["metadata"]["name"] == "summarizer-runs")
    chosen = wanted["spec"]["podSelector"]["matchLabels"]
    must(chosen.items() <= labels.items(), f"networkpolicy.yaml: no run has the labels {chosen}")


def main(rendered: Path | None) -> int:
    checks = [*QUICK, the_image_starts]
    if rendered:
        checks.append(wraps(rendered_is_what_was_checked)(lambda: rendered_is_what_was_checked(rendered)))
    failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        try:
            print(f"ok    {name}: {check()}", flush=True)
        except CheckError as error:
            failed += 1
            print(f"FAILS {name}: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(options.rendered))
