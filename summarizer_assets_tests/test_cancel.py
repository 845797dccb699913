"""A person cancels a run in Dagster's UI: what was answered is stored, and nobody starts it again behind their back."""

import json
import time

from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.browser.site import Site, dagster_dev, eventually
from testing.installation import Installation, write_authors
from testing.provider import answer, serving

_LAUNCH = """
mutation { launchRun(executionParams: {
  selector: {
    repositoryLocationName: "summarizer_assets", repositoryName: "__repository__", jobName: "summarize_bucket"
  }
  executionMetadata: { tags: [{ key: "dagster/partition", value: "0000" }] }
  runConfigData: {}
}) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_CANCEL = """
mutation {{ terminateRun(runId: "{}", terminatePolicy: SAFE_TERMINATE) {{ __typename }} }}
"""
_RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
_TICKS = """
{ sensorOrError(sensorSelector: { repositoryLocationName: "summarizer_assets", repositoryName: "__repository__",
  sensorName: "retry_failed_authors" }) { ... on Sensor { sensorState { ticks { status skipReason } } } } }
"""


def location_of(site: Site) -> str:
    nodes = site.graphql("{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }")
    return nodes["repositoriesOrError"]["nodes"][0]["location"]["name"]


def runs(site: Site) -> dict[str, str]:
    return {run["runId"]: run["status"] for run in site.graphql(_RUNS)["runsOrError"]["results"]}


def test_a_cancelled_run_stores_what_was_answered_and_is_left_alone(tmp_path):
    provider = FaultyProvider(answer, Plan(latency_s=0.5))
    with serving(provider) as url:
        installation = Installation(
            tmp_path / "data",
            write_authors(tmp_path / "authors.parquet", 600),
            llm_base_url=url,
            llm_model="test-model",
            group_size=5,
            max_in_flight=2,
            retry_interval_s=5,
        )
        installation.ingest()
        with dagster_dev(tmp_path, installation.environment()) as site:
            location = location_of(site)
            launched = site.graphql(_LAUNCH.replace('"summarizer_assets"', json.dumps(location)))["launchRun"]
            run_id = launched["run"]["runId"]
            eventually(lambda: len(provider.entries) >= 5, lambda: runs(site))

            site.graphql(_CANCEL.format(run_id))
            eventually(lambda: runs(site)[run_id] == "CANCELED", lambda: runs(site))

            answered = {author_id for entry in provider.entries if entry.status == 200 for author_id in entry.ids}
            assert set(installation.frame("summaries")["author_id"]) == answered
            assert 0 < len(answered) < 600

            def ticks() -> list[dict[str, str]]:
                found = site.graphql(_TICKS.replace('"summarizer_assets"', json.dumps(location)))
                return found["sensorOrError"]["sensorState"]["ticks"]

            seen = len(ticks())
            eventually(lambda: len(ticks()) >= seen + 2, ticks)
            said = [tick["skipReason"] for tick in ticks() if tick["skipReason"]]  # one under way has said nothing yet
            assert "cancelled by a person" in said[0]
            time.sleep(1)
            assert list(runs(site)) == [run_id]
