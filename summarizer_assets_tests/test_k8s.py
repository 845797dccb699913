"""The files for Kubernetes: as far as they can be checked without a cluster, they are what docs/kubernetes.md says."""

import pytest

from deploy.k8s import chart, check


@pytest.mark.parametrize("holds", check.QUICK, ids=lambda holds: holds.__name__)
def test_what_can_be_checked_without_a_cluster(holds):
    assert holds()


def test_a_secret_in_a_file_is_found(tmp_path, monkeypatch):
    values = chart.values_of()
    values["postgresql"]["postgresqlPassword"] = "hunter2"
    monkeypatch.setattr(chart, "values_of", lambda: values)
    with pytest.raises(check.CheckError, match="postgresqlPassword holds a value"):
        check.no_secret_in_a_file()


def test_a_misspelt_field_of_the_launcher_is_found():
    values = chart.values_of()
    values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]["terminationGrace"] = 5
    with pytest.raises(Exception, match="terminationGrace"):
        chart.run_job(values)
