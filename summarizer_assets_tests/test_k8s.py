"""The files for Kubernetes: as far as they can be checked without a cluster, they are what docs/kubernetes.md says."""

import subprocess
import sys

import pytest
import yaml
from docker.utils.build import exclude_paths

from deploy.k8s import chart, check
from testing.documents import REPOSITORY


@pytest.mark.parametrize("holds", check.QUICK, ids=lambda holds: holds.__name__)
def test_what_can_be_checked_without_a_cluster(holds):
    assert holds()


def test_a_secret_in_a_file_is_found(tmp_path, monkeypatch):
    values = chart.values_of()
    values["postgresql"]["postgresqlPassword"] = "hunter2"
    monkeypatch.setattr(chart, "values_of", lambda: values)
    with pytest.raises(check.CheckError, match="postgresqlPassword holds a value"):
        check.no_secret_in_a_file()


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"sslmode": "require"}, "require asks nobody"),
        ({"sslmode": "verify-full", "sslrootcert": "/elsewhere/ca.pem"}, "mounts no ConfigMap at /elsewhere"),
    ],
)
def test_a_postgres_that_nobody_verifies_is_found(monkeypatch, params, told):
    values = chart.values_of()
    values["postgresql"]["postgresqlParams"] = params
    monkeypatch.setattr(chart, "values_of", lambda: values)
    with pytest.raises(check.CheckError, match=told):
        check.postgres_is_asked_who_it_is()


def test_where_something_is_not_installed_the_check_says_what_to_install():
    bare = [sys.executable, "-S", str(chart.HERE / "check.py")]  # without what was installed
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install -c constraints.txt -e '.[k8s]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_field_of_the_launcher_is_found():
    values = chart.values_of()
    values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]["terminationGrace"] = 5
    with pytest.raises(Exception, match="terminationGrace"):
        chart.run_job(values)


def test_what_helm_renders_is_compared_with_what_was_checked(tmp_path):
    def rendered(instance):
        file = tmp_path / "rendered.yaml"
        text = yaml.safe_dump(instance)
        parts = [{"kind": "Service"}, None, {"kind": "ConfigMap", "data": {"dagster.yaml": text}}]
        file.write_text(yaml.safe_dump_all(parts), encoding="utf-8")
        return file

    instance = chart.instance(chart.values_of())
    assert "run_launcher" in check.rendered_is_what_was_checked(rendered(instance))
    instance["run_monitoring"]["enabled"] = False
    with pytest.raises(check.CheckError, match="run_monitoring is"):
        check.rendered_is_what_was_checked(rendered(instance))


def test_nothing_of_a_checkout_goes_into_the_image_but_the_package(tmp_path):
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8")
    wanted = {"pyproject.toml", "setup.cfg", "constraints.txt", "README.md", "LICENSE", "summarizer_assets/jobs.py"}
    for name in (*wanted, ".env", "data/journal/0000", ".dagster/runs.db", ".git/config", "summarizer_assets/x.pyc"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    patterns = [line for line in ignored.splitlines() if line and not line.startswith("#")]
    files = {path for path in exclude_paths(str(tmp_path), patterns) if (tmp_path / path).is_file()}
    assert files - {".dockerignore"} == wanted
    copied = (chart.HERE / "Containerfile").read_text(encoding="utf-8")
    assert all(name.partition("/")[0] in copied for name in wanted)
