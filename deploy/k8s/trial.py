"""A whole installation on loopback, as Dagster's chart would put it together, over a stand-in for Kubernetes."""
# ruff: noqa: INP001 - beside the files it reads

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psycopg2
import yaml

from deploy.k8s import chart
from deploy.k8s.stand_in import Pod, Surroundings, free_port, serving
from summarizer_assets.core.buckets import bucket_keys
from testing.installation import write_authors
from testing.object_store import client, object_store
from testing.postgres import postgres
from testing.provider import control, serving_process

AUTHORS, GROUP, IN_FLIGHT = 1000, 5, 2
_BUCKETS, _POLL_S = 5, 5
_PATIENCE_S = 240
_ANSWERS = 6  # of a run, before something happens to it
_RUNS = "{ runsOrError { ... on Runs { results { runId status jobName tags { key value } } } } }"
_LAUNCH = """
mutation ($job: String!, $tags: [ExecutionTag!]!) { launchRun(executionParams: {
  selector: { repositoryLocationName: "author-summaries", repositoryName: "__repository__", jobName: $job }
  executionMetadata: { tags: $tags } runConfigData: {}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_WORDS = """
query ($run: ID!) { logsForRun(runId: $run) {
  ... on EventConnection { events { __typename ... on MessageEvent { message } } }
} }
"""
_LOCATIONS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"


class Trial:
    """What serves, and what is asked of it."""

    def __init__(self, stack: ExitStack, image: Path) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        self.folder.chmod(0o755)
        self.store = stack.enter_context(object_store())
        client(self.store).create_bucket(Bucket="my-bucket")
        plan = self.folder / "plan.json"
        plan.write_text('{"latency_s": 0.5}')
        self.provider = stack.enter_context(serving_process(plan))
        database = stack.enter_context(postgres())
        self.root = "s3://my-bucket/tables/summaries"
        self.keys = bucket_keys(_BUCKETS)
        values = chart.values_of()
        config = _config(values, database.port)
        around = self._surroundings(image, database.url_of("postgres", "state"))
        _make_database(database.url)
        url, self.cluster = stack.enter_context(serving(around))
        self._configure(config, url)
        code = chart.code_server(values)
        ports = {"code": free_port(), "web": free_port()}
        self.url = f"http://127.0.0.1:{ports['web']}"
        (self.folder / "workspace.yaml").write_text(
            yaml.safe_dump({"load_from": [{"grpc_server": _server(code["name"], ports["code"])}]})
        )
        self._serve(
            "code", code, ["api", "grpc", "-h", "127.0.0.1", "-p", str(ports["code"]), *code["dagsterApiGrpcArgs"]]
        )
        workspace = ["-w", str(self.folder / "workspace.yaml")]
        self._serve("daemon", values["dagsterDaemon"], ["run", *workspace], program="dagster-daemon")
        web = ["-h", "127.0.0.1", "-p", str(ports["web"]), *workspace]
        self._serve("web", values["dagsterWebserver"], web, program="dagster-webserver")
        self.until(self._loaded, "the webserver shows the code location")

    def _surroundings(self, image: Path, state: str) -> Surroundings:
        (settings,) = (entry for entry in chart.read(chart.SETTINGS))
        source = write_authors(self.folder / "authors.parquet", AUTHORS)
        source.chmod(0o644)
        given = {
            **settings["data"],
            "SUMMARIZER_SOURCE": str(source),
            "SUMMARIZER_ROOT": self.root,
            "SUMMARIZER_BUCKETS": str(_BUCKETS),
            "SUMMARIZER_LLM_BASE_URL": self.provider,
            "SUMMARIZER_LIMIT": str(AUTHORS),
            "SUMMARIZER_GROUP_SIZE": str(GROUP),
            "SUMMARIZER_MAX_IN_FLIGHT": str(IN_FLIGHT),
            "SUMMARIZER_RETRY_INTERVAL_S": "5",
            **{name: value for name, value in self.store.items() if "KEY" not in name},
        }
        keys = {name: value for name, value in self.store.items() if "KEY" in name}  # a role is not to be had here
        journal = self.folder / "journal"
        return Surroundings(
            self.folder,
            f"{image / 'bin'}:/usr/bin:/bin",
            {settings["metadata"]["name"]: given},
            {
                "summarizer-secrets": {"SUMMARIZER_STATE": state, "SUMMARIZER_LLM_API_KEY": "a-key", **keys},
                "summarizer-postgres": {"postgresql-password": "none"},
            },
            {"summarizer-journal": journal},
        )

    def _configure(self, config: dict[str, Any], url: str) -> None:
        """`dagster.yaml` and the way to Kubernetes, for daemon and webserver."""
        kubeconfig = {**chart.KUBECONFIG, "clusters": [{"name": "none", "cluster": {"server": url}}]}
        (self.folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        launcher = config["run_launcher"]["config"]
        launcher |= {"load_incluster_config": False, "kubeconfig_file": str(self.folder / "kubeconfig")}
        self.home = self.folder / "home"
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(config))

    def _serve(self, name: str, values: Mapping[str, Any], arguments: list[str], program: str = "dagster") -> None:
        """A pod of a Deployment, as the chart's templates put it together."""
        spec = {
            "securityContext": values["podSecurityContext"],
            "volumes": values["volumes"],
            "containers": [
                {
                    "args": [program, *arguments],
                    "securityContext": values["securityContext"],
                    "volumeMounts": values["volumeMounts"],
                    "envFrom": [{"configMapRef": entry} for entry in values.get("envConfigMaps", [])]
                    + [{"secretRef": entry} for entry in values.get("envSecrets", [])],
                    "env": [
                        {"name": "DAGSTER_HOME", "value": str(self.home)},
                        {"name": "DAGSTER_PG_PASSWORD", "value": "none"},
                        {"name": "DAGSTER_CURRENT_IMAGE", "value": chart.image_of(values)},
                    ],
                }
            ],
        }
        self.cluster.pods[name] = Pod(name, spec, self.cluster.around)

    def _loaded(self) -> bool:
        try:
            nodes = self.ask(_LOCATIONS)["repositoriesOrError"]["nodes"]
        except (httpx.TransportError, KeyError):  # it is not yet there, or still loading
            return False
        return bool(nodes)

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        reply = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30)
        return reply.json()["data"]

    def until(self, holds: Callable[[], Any], what: str) -> float:
        """Seconds it took."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > _PATIENCE_S:
                raise TimeoutError(f"{what}: not within {_PATIENCE_S} s; {self.runs()}; see the logs in {self.folder}")
            time.sleep(0.2)
        return time.monotonic() - began

    def launch(self, job: str, **tags: str) -> str:
        named = [{"key": f"dagster/{key}", "value": value} for key, value in tags.items()]
        launched = self.ask(_LAUNCH, job=job, tags=named)["launchRun"]
        if "run" not in launched:
            raise RuntimeError(f"{job}: {launched}")
        return launched["run"]["runId"]

    def runs(self, bucket: str | None = None) -> dict[str, str]:
        """Status by id, the newest first."""
        found = self.ask(_RUNS)["runsOrError"]["results"]
        return {
            run["runId"]: run["status"]
            for run in found
            if bucket is None or {"key": "dagster/partition", "value": bucket} in run["tags"]
        }

    def wait(self, run: str, status: str) -> float:
        return self.until(lambda: self.runs()[run] == status, f"run {run} is {status}")

    def pod(self, run: str) -> Pod:
        self.until(lambda: f"dagster-run-{run}" in self.cluster.pods, f"run {run} has a pod")
        return self.cluster.pods[f"dagster-run-{run}"]

    def summarised(self) -> pl.DataFrame:
        return pl.read_delta(f"{self.root}/author_summaries", storage_options=self.store)

    def stored(self, bucket: str) -> int:
        return self.summarised().filter(pl.col("bucket") == bucket).height

    def asked(self, to: str = "answered_s") -> Counter[str]:
        """How often each author was asked with an answer that came to its end; or, to `prompt_tokens`, was billed."""
        entries = control(self.provider, "record").json()
        return Counter(author for entry in entries if entry[to] for author in entry["ids"])

    def begin(self, bucket: str) -> tuple[str, Pod, int]:
        """A run of a bucket, in the middle of its work; how many answers there were before it."""
        before = self.asked().total()
        run = self.launch("summarize_bucket", partition=bucket)
        pod = self.pod(run)
        self.until(lambda: self.asked().total() >= before + _ANSWERS * GROUP, f"bucket {bucket} is asked")
        return run, pod, before

    def said(self, run: str, of: str) -> str:
        """The first event's message that tells it; empty: none does."""
        events = self.ask(_WORDS, run=run)["logsForRun"]["events"]
        return next((event["message"] for event in events if of in event.get("message", "")), "")


def _config(values: Mapping[str, Any], port: int) -> dict[str, Any]:
    """What the chart makes of the values, with the addresses of this machine and a shorter wait between looks."""
    config = chart.instance(values)
    for name in ("run_storage", "event_log_storage", "schedule_storage"):
        here = {"username": "postgres", "hostname": "127.0.0.1", "db_name": "postgres", "port": port, "params": {}}
        config[name]["config"] = {"postgres_db": {**config[name]["config"]["postgres_db"], **here}}
    config["run_monitoring"]["poll_interval_seconds"] = _POLL_S
    return config


def _make_database(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE state")
    connection.close()


def _server(name: str, port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "location_name": name}
