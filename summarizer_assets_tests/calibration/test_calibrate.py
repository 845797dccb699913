"""The group size, measured on a provider on loopback that gets worse with larger groups."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from summarizer_assets.assets.run_metadata import told
from summarizer_assets.calibration.calibrate import Calibration, CalibrationStopped, calibrate, offer
from summarizer_assets.calibration.markdown import calibration_markdown
from summarizer_assets.calibration.pictures import picture
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import CALIBRATE, ESTIMATE
from summarizer_assets.llm.embedded.app import RequestRefusedError, answer
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.settings import PREFIX, load_settings
from summarizer_assets.storage.delta.stream import persist
from testing.command_line import run_command
from testing.installation import write_authors
from testing.provider import serving

KEYS, SIZES, AUTHORS = ("0000", "0001"), (1, 5, 20), 40


class Model:
    """A root whose model answers by a plan, and what it was asked."""

    def __init__(self, folder: Path, url: str, app: FaultyProvider) -> None:
        self.app = app
        source = write_authors(folder / "authors.parquet", 60)
        self.given: dict[str, Any] = {"root": str(folder / "root"), "source": str(source), "buckets": len(KEYS)}
        self.given |= {"llm_base_url": url, "llm_model": "some-model", "price_input_usd": 1, "price_output_usd": 4}
        house = self.with_settings()
        persist(house.tables.authors, house.ingest(KEYS, log=lambda _: None, describe=lambda *_: None))

    def with_settings(self, **settings: Any) -> Summarizer:
        return Summarizer(load_settings(None, **{**self.given, **settings}))

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """The authors of each request so far."""
        return [tuple(entry.ids) for entry in self.app.entries]

    def calibrated(self, *rules: Rule, **settings: Any) -> Calibration:
        self.app.use(Plan(rules=rules))
        house = self.with_settings(**settings)
        return calibrate(house, offer(house, AUTHORS, SIZES))


def _knows_no_format(body: bytes) -> bytes:
    """The right provider, unless it is asked for a strict format with a temperature of 1."""
    asked = json.loads(body)
    if asked.get("temperature") == 1 and asked.get("response_format", {}).get("type") == "json_schema":
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, "response_format: json_schema is not supported")
    return answer(body)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Iterator[Model]:
    app = FaultyProvider(_knows_no_format)
    with serving(app) as url:
        yield Model(tmp_path_factory.mktemp("model"), url, app)


def test_of_a_model_that_never_fails_the_largest_size_that_saves_enough_is_recommended(model) -> None:
    found = model.calibrated()
    assert found.recommendation.size == 20
    assert [(one.size, one.requests, one.accepted) for one in found.measured] == [(1, 40, 40), (5, 8, 40), (20, 2, 40)]
    assert all(one.support_mean and one.words_mean and one.latency_s and one.cost_usd for one in found.measured)


@pytest.mark.parametrize("fault", ["unknown_id", "missing_id", "duplicate_different", "swapped", "truncated_json"])
def test_a_fault_of_larger_groups_moves_the_recommendation_to_a_smaller_one(model, fault: str) -> None:
    found = model.calibrated(Rule(fault, share=1, larger_than=8))
    assert found.recommendation.size == 5
    large = found.measured[-1]
    assert large.accepted + large.missing + large.contradicted + sum(large.refused.values()) == AUTHORS
    counted = {"unknown_id": large.strange, "missing_id": large.missing, "duplicate_different": large.contradicted}
    assert counted.get(fault, sum(large.refused.values())) > 0


def test_a_fault_of_every_group_leaves_one_author_a_request(model) -> None:
    assert model.calibrated(Rule("missing_id", share=1, larger_than=1)).recommendation.size == 1


def test_nothing_is_written_to_the_tables_and_all_is_booked(model) -> None:
    house = model.with_settings()
    before = house.ledger.totals()
    found = model.calibrated()
    after = house.ledger.totals()
    for table in (house.tables.summaries, house.tables.failures):
        made = table.open()
        assert made is not None
        assert made.version() == 0  # as the ingest made it: empty
    assert after["requests"] - before["requests"] == sum(one.requests for one in found.measured)
    cost = sum(one.cost_usd or 0 for one in found.measured)
    assert after["spent"] - before["spent"] == pytest.approx(cost * 1e9)
    assert after["reserved"] == 0


def test_no_more_is_spent_than_the_price_that_is_shown_and_nobody_is_asked_for_it(model) -> None:
    house, before = model.with_settings(), len(model.asked)
    offered = offer(house, AUTHORS, SIZES)
    assert len(model.asked) == before
    model.app.use(Plan())
    spent = sum(one.cost_usd or 0 for one in calibrate(house, offered).measured)
    assert offered.whole.cost_usd is not None
    assert 0 < spent < offered.whole.cost_usd.high
    assert offered.whole.calls.expected == pytest.approx(50, rel=0.1)


def test_the_same_authors_are_asked_at_each_size_and_each_time(model) -> None:
    house = model.with_settings()
    drawn = offer(house, AUTHORS, SIZES).authors
    assert drawn.equals(offer(house, AUTHORS, (50,)).authors)
    assert drawn["author_id"].n_unique() == AUTHORS
    before = len(model.asked)
    model.calibrated()
    asked = model.asked[before:]
    for size in SIZES:
        assert sorted(author for ids in asked if len(ids) == size for author in ids) == sorted(drawn["author_id"])


def test_the_excluded_are_never_sent(model, tmp_path) -> None:
    (tmp_path / "excluded.txt").write_text("1\n2\n3\n")
    drawn = offer(model.with_settings(exclude=str(tmp_path / "excluded.txt")), 60, SIZES).authors
    assert sorted(drawn["author_id"]) == sorted(str(number) for number in range(4, 61))


def test_a_server_that_knows_no_strict_format_is_asked_in_a_simpler_one(model) -> None:
    found = model.calibrated(llm_extra_body={"temperature": 1})
    assert [one.accepted for one in found.measured] == [AUTHORS] * 3


def test_the_budget_and_the_provider_end_it_with_their_words(model) -> None:
    spent = model.with_settings().ledger.totals()["spent"] / 1e9
    with pytest.raises(CalibrationStopped, match="SUMMARIZER_BUDGET_USD"):
        model.calibrated(budget_usd=spent + 0.001)
    with pytest.raises(CalibrationStopped, match="SUMMARIZER_LLM_API_KEY") as stopped:
        model.calibrated(Rule("unauthorized", share=1, after_requests=40))
    assert [one.size for one in stopped.value.measured] == [1]


def test_what_is_shown_names_no_author_and_says_the_rule(model) -> None:
    found = model.calibrated(Rule("missing_id", share=1, larger_than=8))
    text = calibration_markdown(found)
    assert "SUMMARIZER_GROUP_SIZE=5" in text
    assert "The rule" in text
    assert "Somebody" not in text + picture(found).svg.decode()


def test_the_command_asks_nobody_without_a_yes(model, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    model.app.use(Plan())
    before = len(model.asked)
    for name, value in model.given.items():
        monkeypatch.setenv(PREFIX + name.upper(), str(value))
    arguments = ["--authors", "10", "--sizes", "1,5"]
    assert run_command("calibrate", *arguments) == 0
    assert "Nothing was asked" in capsys.readouterr().out
    assert len(model.asked) == before
    assert run_command("calibrate", *arguments, "--spend") == 0
    shown = capsys.readouterr().out
    assert "Recommended" in shown
    assert "|--" not in shown
    assert len(model.asked) == before + 12
    assert run_command("calibrate", "--authors", "0") == 2


def test_the_jobs_show_the_price_and_ask_only_when_told_to(model) -> None:
    model.app.use(Plan())
    before = len(model.asked)
    defs = build_defs(load_settings(None, **model.given))
    with dg.DagsterInstance.ephemeral() as instance:

        def run(job: str, asset: str, **config: Any) -> dict[str, Any]:
            given = {"ops": {"group_size_calibration": {"config": config}}} if config else {}
            done = defs.resolve_job_def(job).execute_in_process(instance=instance, run_config=given)
            return told(instance, done.run_id, asset)

        priced = run(CALIBRATE, "group_size_calibration")
        assert not priced["asked"]
        assert priced["cost_estimated_usd"] > 0
        assert len(model.asked) == before
        found = run(CALIBRATE, "group_size_calibration", spend=True, authors=10, sizes=[1, 5])
        assert found["recommended_group_size"] == 5
        assert found["cost_usd"] > 0
        assert "Somebody" not in str(found)
        first = run(ESTIMATE, "spend_estimate")
        assert first["authors_to_ask"] == 60
        assert first["cost_low_usd"] < first["cost_usd"] < first["cost_high_usd"]
        assert "No earlier estimate" in first["last_estimate_reconciled"]
        assert first["hours"] > 0  # a request's time is known from the calibration
        assert "Nobody was answered since" in run(ESTIMATE, "spend_estimate")["last_estimate_reconciled"]
