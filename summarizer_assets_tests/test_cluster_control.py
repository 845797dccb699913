"""What `python -m deploy.celery` does before anything runs, and when something goes wrong; more in test_cluster.py."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.celery import cluster as cluster_module
from deploy.celery import hosts, layout, leftovers, postgres
from deploy.celery.__main__ import main, this_command
from deploy.celery.cluster import Cluster
from deploy.celery.errors import ClusterError
from deploy.celery.layout import Layout, outside, require_one_store, saved
from deploy.celery.services import programs


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "CHECKOUT", tmp_path)  # whose .env is read
    for name in [name for name in os.environ if name.startswith(("SUMMARIZER_", "AWS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def here(tmp_path) -> Layout:
    """A cluster on loopback that was not started, but whose passwords are made."""
    found = Layout(home=tmp_path / "home", namespaces=False, door=18500)
    found.save()
    found.passwords()
    return found


def journal_of_workers(where: Layout, own: dict[str, str]) -> set[str | None]:
    common = where.environment(own).get("SUMMARIZER_JOURNAL_DIR")
    workers = [program for program in programs(where, own) if program.name.startswith("worker")]
    return {program.environment.get("SUMMARIZER_JOURNAL_DIR", common) for program in workers}


def test_answers_are_looked_for_in_the_journal_that_the_caller_names(here, tmp_path):
    assert journal_of_workers(here, {"SUMMARIZER_JOURNAL_DIR": "/mine"}) == {"/mine"}
    assert journal_of_workers(here, {"SUMMARIZER_ROOT": str(tmp_path / "data")}) == {
        None
    }  # the package knows: beside it
    assert journal_of_workers(here, {}) == {str(here.home / "journal")}


def test_hosts_of_their_own_have_a_journal_each_where_that_is_asked_for(tmp_path):
    local = Layout(home=tmp_path, shared_journal=False)
    assert journal_of_workers(local, {"SUMMARIZER_ROOT": "/data"}) == {
        str(tmp_path / "hosts" / worker / "journal") for worker in ("worker1", "worker2")
    }


def test_a_folder_made_for_one_network_serves_in_another(tmp_path):
    for namespaces, address in ((True, "10.77.0.1"), (False, "127.0.0.1")):
        told = postgres.command(Layout(home=tmp_path, namespaces=namespaces))
        assert f"listen_addresses={address}" in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUMMARIZER_LLM_BASE_URL", "https://provider.example/v1"),
        ("SUMMARIZER_ROOT", "s3://mine/tables"),
        ("SUMMARIZER_SOURCE", "s3://mine/authors"),
        ("SUMMARIZER_STATE", "postgresql://db.example/state"),
    ],
)
def test_what_lies_beyond_this_machine_is_not_looked_for_from_hosts_that_reach_nothing(name, value):
    assert outside({name: value}) == [name]
    assert outside({name: "embedded" if name.endswith("URL") else "/a/path"}) == []


def test_a_source_in_a_store_of_the_callers_is_not_looked_for_in_the_clusters(here):
    own = {"SUMMARIZER_SOURCE": "s3://mine/authors", "AWS_ACCESS_KEY_ID": "mine"}
    with pytest.raises(ClusterError, match="Set SUMMARIZER_ROOT"):
        require_one_store(own)
    require_one_store(own | {"SUMMARIZER_ROOT": "s3://mine/tables"})
    assert here.environment(own | {"SUMMARIZER_ROOT": "s3://mine/tables"})["AWS_ACCESS_KEY_ID"] == "mine"


def test_nginx_listens_where_the_start_says_it_is(here):
    [proxy] = [program for program in programs(here) if program.name == "proxy"]
    assert proxy.port == here.door


def test_a_port_that_is_taken_is_named_before_anything_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        door = other.getsockname()[1]
        for namespaces in (True, False):
            with pytest.raises(ClusterError, match=f"{door}.*--port"):
                Cluster(Layout(home=tmp_path, namespaces=namespaces, door=door))._require_ports()
    with pytest.raises(ClusterError, match=r"the cluster itself uses \[3000, 3001\]"):
        Cluster(Layout(home=tmp_path, namespaces=False, door=3000))._require_ports()


def test_the_password_of_postgres_is_no_word_of_a_command_and_in_no_error(here, monkeypatch):
    commands = []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **how: commands.append(command) or run(command, **how))
    with pytest.raises(ClusterError) as refused:  # nothing listens there
        postgres._ask(here, "state", "SELECT 1")
    assert "postgres.log" in str(refused.value)
    assert here.passwords()["postgres"] not in f"{commands} {refused.getrepr(style='long')}"


@pytest.mark.parametrize(
    ("said", "status", "fails"),
    [
        ("worker1: started\nworker2: started\n", 0, False),
        ("worker1: ERROR (already started)\nworker2: started\n", 0, False),
        ("worker1: ERROR (already started)\nworker2: ERROR (spawn error)\n", 7, True),
        ("worker1: ERROR (not running)\nworker2: ERROR (no such process)\n", 1, True),
        ("unix:///x/supervisor.sock no such file\n", 4, True),
    ],
)
def test_an_error_of_one_program_is_told_though_another_was_as_it_was_to_be(here, monkeypatch, said, status, fails):
    told = subprocess.CompletedProcess([], status, said, "")
    monkeypatch.setattr(Cluster, "supervisorctl", lambda *_: told)
    control = Cluster(here).control
    if fails:
        with pytest.raises(ClusterError, match=said.splitlines()[-1].replace("(", r"\(").replace(")", r"\)")):
            control("start", "worker1", "worker2")
    else:
        control("start", "worker1", "worker2")


SOCKET = "unix:///x/supervisor.sock no such file\n"


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ((0, "worker1 RUNNING\n", ""), 0),
        ((3, "worker1 RUNNING\nworker2 FATAL\n", ""), 3),
        ((4, SOCKET, ""), 1),
        ((3, "", ""), 1),
        ((0, "", ""), 1),
        ((1, "", "/usr/bin/python: No module named supervisor\n"), 1),
        ((2, "", "Error: could not find config file\n"), 1),
        ((-9, "", ""), 1),
    ],
)
def test_the_status_shows_what_runs_or_says_why_it_cannot(here, monkeypatch, capsys, done, told):
    monkeypatch.setattr(Cluster, "supervisorctl", lambda *_: subprocess.CompletedProcess([], *done))
    monkeypatch.setattr(sys, "argv", ["deploy.celery", "--home", str(here.home), "status"])
    assert main() == told
    out, err = capsys.readouterr()
    if told == 1:
        assert out == ""
        assert str(here.home) in err
        assert ".venv/bin/python -m deploy.celery status" in err
    else:
        assert out == done[1]


def test_what_a_start_prints_to_look_with_is_a_command_that_works(here):
    command = shlex.split(this_command(here, "status"))
    ran = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ran.returncode == 1  # nothing was started
    assert str(here.home) in ran.stderr


@pytest.fixture
def orphan(here):
    """A process of the cluster that no supervisord watches."""
    with subprocess.Popen(["sleep", "60"], env={"DAGSTER_HOME": str(here.dagster_home)}) as process:
        yield process
        process.kill()


def test_what_runs_without_its_supervisord_is_found_before_a_start_and_ended_by_a_stop(here, orphan):
    with subprocess.Popen(["sleep", "60"], env={"DAGSTER_HOME": f"{here.dagster_home}2"}) as stranger:
        with pytest.raises(ClusterError, match=str(orphan.pid)):
            Cluster(here).start(print)
        assert Cluster(here).stop() == ["sleep 60"]
        assert orphan.wait() == -15
        assert stranger.poll() is None
        stranger.kill()
    assert leftovers.found(here) == {}


def test_a_start_that_fails_ends_what_it_began(here, monkeypatch):
    began = []

    def fail(_: object) -> None:
        began.append(subprocess.Popen(["sleep", "60"], env={"DAGSTER_HOME": str(here.dagster_home)}))
        raise ClusterError("the disk is full")

    monkeypatch.setattr(Cluster, "_require_ports", lambda _: None)  # another cluster may run
    monkeypatch.setattr(cluster_module.postgres, "make", fail)
    said = []
    with pytest.raises(ClusterError, match="the disk is full"):
        Cluster(here).start(said.append)
    assert said == ["that failed: ending what was started"]
    assert began[0].wait() == -15


def test_no_cluster_no_such_program_and_no_cable_are_three_things(here, tmp_path):
    with pytest.raises(ClusterError, match="no cluster was started"):
        saved(tmp_path / "elsewhere")
    with pytest.raises(ClusterError, match="no-such-program is no program"):
        Cluster(here).run(["no-such-program"])
    with pytest.raises(ClusterError, match="no cable"):
        hosts.cut(here, "worker1")
