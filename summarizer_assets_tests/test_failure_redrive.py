"""Asking again by reason, in all buckets at once: the price first, then a run for each bucket, ordered once."""

from collections.abc import Iterator

import dagster as dg
import pytest

from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import REDRIVE
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, ingested, metadata_of
from testing.provider import answer

AUTHORS, BUCKETS = 40, 4
REFUSED = tuple(str(number) for number in range(3, 41, 4))
OTHERS = ("1", "2")


@pytest.fixture(scope="module")
def provider() -> FaultyProvider:
    refusals = Rule("refusal", authors=REFUSED), Rule("content_filter", authors=OTHERS)
    return FaultyProvider(answer, Plan(rules=refusals))


@pytest.fixture(scope="module")
def house(tmp_path_factory, provider) -> Iterator[Installation]:
    """All asked once; some were refused, in several buckets, and are given up."""
    prices = {"price_input_usd": 1.0, "price_output_usd": 2.0}
    settings = {"buckets": BUCKETS, "max_attempts": 1, "group_size": 1, "retry_runs_per_tick": 2, **prices}
    with ingested(provider, tmp_path_factory.mktemp("redrive"), AUTHORS, **settings) as made:
        made.summarize()
        assert set(made.frame("failures")["author_id"]) == {*REFUSED, *OTHERS}
        yield made


def materialised(house: Installation, **config: object) -> dict[str, object]:
    job = build_defs(house.settings).resolve_job_def(REDRIVE)
    chosen = {"ops": {"failure_redrive": {"config": config}}}
    run = house._ran(job.execute_in_process(instance=house._instance, run_config=chosen))
    return metadata_of(run, "failure_redrive")


def test_first_it_tells_the_reasons_then_the_price_and_asks_nobody(house, provider):
    asked = len(provider.entries)
    assert "| `refusal` | 10 |" in materialised(house)["reasons"]
    offered = materialised(house, reasons=["refusal"])
    assert offered["would_ask"] == len(REFUSED)
    assert 0 < offered["would_cost_usd"] <= offered["would_cost_usd_at_most"]
    assert "| **all** | 10 | 10 |" in offered["offer"]
    assert "order" not in offered
    assert len(provider.entries) == asked
    assert Ticking(house, "launch_redrives").tick().requests == []


def test_what_was_ordered_is_launched_some_at_a_tick_and_once(house, provider):
    provider.heal()
    with_refusals = sorted(set(house.frame("failures").filter(reason="refusal")["bucket"]))
    assert len(with_refusals) > 2
    materialised(house, reasons=["refusal"], spend=True)
    before, ticking = len(provider.entries), Ticking(house, "launch_redrives")
    first = ticking.tick()
    assert first.buckets == with_refusals[:2]
    cursor = ticking.cursor
    ticking.execute(first)
    assert ticking.until_quiet() == len(with_refusals) - 2
    assert set(house.frame("failures")["author_id"]) == set(OTHERS)
    asked = [author for entry in provider.entries[before:] for author in entry.ids]
    assert sorted(asked) == sorted(REFUSED)
    runs = house._instance.get_runs(dg.RunsFilter(tags={"dagster/partition": with_refusals[0]}), limit=1)
    assert runs[0].tags["summarizer/model"] == "test-model"
    assert runs[0].tags["summarizer/prompt_version"] == house.summarizer.identity.prompt_version
    ticking.cursor = cursor  # a tick whose cursor was lost asks with run keys that are used
    again = {request.run_key for request in ticking.tick().requests}
    assert again <= {run.tags["dagster/run_key"] for run in house._instance.get_runs() if "dagster/run_key" in run.tags}


def test_an_order_for_another_root_is_left_alone(house):
    event = dg.AssetMaterialization(
        "failure_redrive",
        metadata={"order": dg.MetadataValue.json(
            {"root": "another", "at": "2026-05-01T12:00:00+00:00", "reasons": ["refusal"], "buckets": ["0000"]}
        )},
    )  # fmt: skip
    ticking = Ticking(house, "launch_redrives")
    ticking.cursor = None
    while ticking.tick().requests:
        pass
    house._instance.report_runless_asset_event(event)
    assert ticking.tick().requests == []


def test_a_reason_that_no_request_mends_is_refused_before_the_run(house):
    with pytest.raises(dg.DagsterInvalidConfigError, match="no_papers"):
        materialised(house, reasons=["no_papers"])
