"""Kubernetes as far as Dagster's run launcher asks it, on loopback: Jobs, and pods that are processes.

A pod gets what its specification says and a process can have: its command as process 1 of a namespace of its own, its
host name, variables from ConfigMaps and Secrets, its user without any privilege, a root that cannot be written to but
for its volumes, and on deletion SIGTERM, then SIGKILL after its grace. Paths of volumes lie under the pod's folder.
"""
# ruff: noqa: INP001, S603 - starts programs; names of http.server

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# Its arguments: the host name, `user:group`, then pairs of folder and place up to `--`, then the command.
_INIT = """
set -eu
hostname "$1"; user=$2; shift 2
mount --make-rprivate /
mount -t proc proc /proc
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
mount -o remount,bind,ro /
exec setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs --inh-caps=-all \
  --bounding-set=-all -- "$@"
"""
_NAMESPACES = ("unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--")
_JOB = re.compile(r"^/apis/batch/v1/namespaces/[^/]+/jobs(?:/([^/?]+))?(/status)?")
_POD = re.compile(r"^/api/v1/namespaces/[^/]+/pods(?:/([^/?]+))?(?:\?labelSelector=job-name%3D(.+))?")


@dataclass
class Surroundings:
    """What the pods of a namespace find: `claims` are folders by the name of their claim."""

    folder: Path
    path: str
    settings: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Mapping[str, str]]
    claims: Mapping[str, Path] = field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pod:
    """A process that runs, or ran."""

    def __init__(self, name: str, spec: Mapping[str, Any], around: Surroundings) -> None:
        self.name = name
        self.grace_s = spec.get("terminationGracePeriodSeconds", 30)
        self.folder = around.folder / "pods" / name
        self.folder.mkdir(parents=True)
        (container,) = spec["containers"]
        user = {**spec["securityContext"], **container.get("securityContext", {})}
        ids = (user["runAsUser"], user["runAsGroup"])
        volumes = {volume["name"]: self._volume(volume, ids, around) for volume in spec.get("volumes", [])}
        mounts: list[str] = []
        for mount in container.get("volumeMounts", []):
            mounts += [str(volumes[mount["name"]]), str(self._place(mount["mountPath"]))]
        self.log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [*_NAMESPACES, "sh", "-c", _INIT, "sh", name, f"{ids[0]}:{ids[1]}", *mounts, "--", *container["args"]],
            env=self._variables(container, around),
            cwd="/",
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    @property
    def code(self) -> int | None:
        return self._process.poll()

    @property
    def first(self) -> int | None:
        """Its process 1, by its number outside; None: it ended."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split() if self.code is None and children.exists() else []
        return int(found[0]) if found else None

    def send(self, number: int) -> None:
        """To its process 1."""
        if self.first is not None:
            os.kill(self.first, number)

    def wait(self) -> int:
        return self._process.wait()

    def end(self) -> None:
        """As its deletion does it; returns at once."""
        self.send(signal.SIGTERM)
        timer = threading.Timer(self.grace_s, self.send, [signal.SIGKILL])
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        self.send(signal.SIGKILL)
        self._process.wait()
        self.log.close()

    def _place(self, path: str) -> Path:
        """Only /tmp is the path itself; other places need not exist on this machine."""
        place = Path(path) if path == "/tmp" else self.folder / path.lstrip("/")  # noqa: S108
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _volume(self, volume: Mapping[str, Any], ids: tuple[int, int], around: Surroundings) -> Path:
        claim = volume.get("persistentVolumeClaim")
        folder = around.claims[claim["claimName"]] if claim else self.folder / f"volume-{volume['name']}"
        folder.mkdir(exist_ok=True)
        os.chown(folder, *ids)
        return folder

    def _variables(self, container: Mapping[str, Any], around: Surroundings) -> dict[str, str]:
        found = {"PATH": around.path, "HOME": str(self.folder / "home/summarizer"), "PYTHONDONTWRITEBYTECODE": "1"}
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                found |= around.settings[source["configMapRef"]["name"]]
            else:
                found |= around.secrets[source["secretRef"]["name"]]
        for entry in container.get("env", []):
            if "valueFrom" in entry:
                key = entry["valueFrom"]["secretKeyRef"]
                found[entry["name"]] = around.secrets[key["name"]][key["key"]]
            else:
                found[entry["name"]] = entry["value"]
        if "SUMMARIZER_JOURNAL_DIR" in found:
            found["SUMMARIZER_JOURNAL_DIR"] = str(self.folder / found["SUMMARIZER_JOURNAL_DIR"].lstrip("/"))
        return found


class Cluster:
    """The Jobs of a namespace. A Job's pod is called as it is; what became of a deleted one's pod is still known."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, Pod] = {}
        self.answers = True  # False: it hangs up

    def create(self, job: dict[str, Any]) -> dict[str, Any]:
        name = job["metadata"]["name"]
        self.jobs[name] = job
        self.pods[name] = Pod(name, job["spec"]["template"]["spec"], self.around)
        return job

    def job(self, name: str) -> dict[str, Any] | None:
        if name not in self.jobs:
            return None
        code = self.pods[name].code
        state = {"active": 1} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}
        return {**self.jobs[name], "status": state}

    def delete(self, name: str) -> bool:
        return self.jobs.pop(name, None) is not None

    def pods_of(self, job: str) -> list[dict[str, Any]]:
        return [{"metadata": {"name": job}, "spec": {"containers": []}, "status": {}}] if job in self.pods else []


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self._answer(201, self.cluster.create(json.loads(self.rfile.read(length))))

    def do_GET(self) -> None:
        if found := _JOB.match(self.path):
            job = self.cluster.job(found[1])
            self._answer(200 if job else 404, job or {"reason": "NotFound"})
        elif (found := _POD.match(self.path)) and found[2]:
            self._answer(200, {"items": self.cluster.pods_of(found[2])})
        else:
            self._answer(404, {"reason": "NotFound"})

    def do_DELETE(self) -> None:
        if found := _JOB.match(self.path):
            known = self.cluster.delete(found[1])
        elif found := _POD.match(self.path):
            known = found[1] in self.cluster.pods
            if known:
                self.cluster.pods[found[1]].end()
        else:
            known = False
        self._answer(200 if known else 404, {"status": "Success"} if known else {"reason": "NotFound"})

    def parse_request(self) -> bool:
        """Before any of the above is called."""
        understood = super().parse_request()
        if not self.cluster.answers:
            self.close_connection = True
        return understood and self.cluster.answers

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving(around: Surroundings) -> Iterator[tuple[str, Cluster]]:
    """Its address, and what goes on in it; all pods end with the block."""
    cluster = Cluster(around)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": cluster}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for pod in cluster.pods.values():
            pod.close()
