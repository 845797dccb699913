"""What Dagster's Helm chart and run launcher make of our values: the instance's configuration, and a run's Job.

Written after the chart's templates, since neither Helm nor a cluster is at hand where this is checked: the same keys of
the values come out in the same places of `dagster.yaml`. Whoever has Helm can compare (check.py, with what it renders).
"""
# ruff: noqa: INP001 - beside the files it reads

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

HERE = Path(__file__).parent
VALUES, SETTINGS = HERE / "values.yaml", HERE / "settings.yaml"
RELEASE, NAMESPACE = "dagster", "summaries"

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {}}],
    "current-context": "none",
}


def read(path: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def values_of(path: Path = VALUES) -> dict[str, Any]:
    return read(path)[0]


def code_server(values: Mapping[str, Any]) -> dict[str, Any]:
    """Our one deployment of user code."""
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    return deployment


def image_of(deployment: Mapping[str, Any]) -> str:
    return f"{deployment['image']['repository']}:{deployment['image']['tag']}"


def launcher_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """`run_launcher.config` of the instance."""
    ours = values["runLauncher"]["config"]["k8sRunLauncher"]
    raw = ours["runK8sConfig"]
    return {
        "load_incluster_config": ours["loadInclusterConfig"],
        "job_namespace": NAMESPACE,
        "image_pull_policy": ours["imagePullPolicy"],
        "service_account_name": values["serviceAccount"]["name"],
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": f"{RELEASE}-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "env_config_maps": [entry["name"] for entry in ours["envConfigMaps"]],
        "env_secrets": [entry["name"] for entry in ours["envSecrets"]],
        "volume_mounts": ours["volumeMounts"],
        "volumes": ours["volumes"],
        "labels": ours["labels"],
        "resources": ours["resources"],
        "security_context": ours["securityContext"],
        "run_k8s_config": {
            "pod_spec_config": raw["podSpecConfig"],
            "pod_template_spec_metadata": raw["podTemplateSpecMetadata"],
            "job_spec_config": raw["jobSpecConfig"],
        },
    }


def instance(values: Mapping[str, Any]) -> dict[str, Any]:
    """`dagster.yaml` as the chart writes it."""
    database, daemon = values["postgresql"], values["dagsterDaemon"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    watch = daemon["runMonitoring"]
    storage = {
        "postgres_db": {
            "username": database["postgresqlUsername"],
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": database["postgresqlHost"],
            "db_name": database["postgresqlDatabase"],
            "port": database["service"]["port"],
            "params": database["postgresqlParams"],
        }
    }
    kept = {kind: {"purge_after_days": values["retention"][kind]["purgeAfterDays"]} for kind in ("sensor", "schedule")}
    return {
        "scheduler": {"module": "dagster.core.scheduler", "class": "DagsterDaemonScheduler"},
        "schedule_storage": {
            "module": "dagster_postgres.schedule_storage",
            "class": "PostgresScheduleStorage",
            "config": storage,
        },
        "run_storage": {"module": "dagster_postgres.run_storage", "class": "PostgresRunStorage", "config": storage},
        "event_log_storage": {
            "module": "dagster_postgres.event_log",
            "class": "PostgresEventLogStorage",
            "config": storage,
        },
        "compute_logs": {
            "module": "dagster.core.storage.noop_compute_log_manager",
            "class": values["computeLogManager"]["type"],
        },
        "run_launcher": {
            "module": "dagster_k8s",
            "class": values["runLauncher"]["type"],
            "config": launcher_config(values),
        },
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": daemon["runCoordinator"]["type"],
            "config": {"max_concurrent_runs": queue["maxConcurrentRuns"]},
        },
        "run_monitoring": {
            "enabled": watch["enabled"],
            "start_timeout_seconds": watch["startTimeoutSeconds"],
            "cancel_timeout_seconds": watch["cancelTimeoutSeconds"],
            "max_resume_run_attempts": watch["maxResumeRunAttempts"],
            "poll_interval_seconds": watch["pollIntervalSeconds"],
            "free_slots_after_run_end_seconds": watch["freeSlotsAfterRunEndSeconds"],
        },
        "telemetry": values["telemetry"],
        "retention": kept,
        **values["additionalInstanceConfig"],
    }


def run_job(values: Mapping[str, Any]) -> dict[str, Any]:
    """The Job that the launcher of these values makes for a run, as it is sent to Kubernetes.

    Raises:
        dg.DagsterInvalidConfigError: the launcher does not take the configuration.
        Exception: the launcher's own, where Kubernetes knows no such field; it names the field.
    """
    import kubernetes  # noqa: PLC0415 - part of the extra `k8s`
    from dagster._config import process_config  # noqa: PLC0415 - how Dagster itself checks a dagster.yaml
    from dagster_k8s import K8sRunLauncher  # noqa: PLC0415 - the same
    from dagster_k8s.job import construct_dagster_k8s_job, get_job_name_from_run_id  # noqa: PLC0415

    config = launcher_config(values)
    checked = process_config(K8sRunLauncher.config_type(), config)
    if not checked.success:
        raise dg.DagsterInvalidConfigError("run_launcher", checked.errors, config)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(KUBECONFIG, file)
        file.flush()
        launcher = K8sRunLauncher(
            **{**checked.value, "load_incluster_config": False, "kubeconfig_file": file.name}  # type: ignore[dict-item]
        )
    run = dg.DagsterRun(job_name="summarize_bucket")
    context = launcher.get_container_context_for_run(run)
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(image_of(code_server(values)), launcher),
        ["dagster", "api", "execute_run", "…"],
        get_job_name_from_run_id(run.run_id),
        component="run_worker",
        user_defined_k8s_config=context.run_k8s_config,
    )
    return kubernetes.client.ApiClient().sanitize_for_serialization(job)
