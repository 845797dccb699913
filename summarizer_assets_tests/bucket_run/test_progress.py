"""A long run tells how far it is."""

import re

from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets_tests.bucket_run.house import AUTHORS, housed


def test_a_run_tells_how_many_are_done_and_to_go_while_it_asks(tmp_path):
    lines: list[str] = []
    with housed(tmp_path, progress_interval_s=0.1) as house:
        house.ingest()
        house.app.use(Plan(latency_s=0.6))  # longer than the step's thread waits between two looks
        house.work(run=house.prepare(log=lines.append))

    told = [re.search(r"(\d+) summarised, 0 failed, (\d+) to go", line) for line in lines]
    counts = [(int(found[1]), int(found[2])) for found in told if found]
    assert len(counts) > 1
    assert all(done + left == AUTHORS for done, left in counts)
    assert counts == sorted(counts)


def test_a_run_tells_when_the_provider_is_out_and_when_it_is_back(tmp_path):
    lines: list[str] = []
    with housed(tmp_path, max_in_flight=6, group_size=1) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("unavailable", share=1.0, after_requests=4, heal_after_s=5.0),)))
        run = house.work(run=house.prepare(log=lines.append))

    out = [number for number, line in enumerate(lines) if "the provider is out" in line]
    assert out
    assert any("to go" in line for line in lines[out[-1] :])
    assert run.counts.summaries == AUTHORS
    assert house.app.entries[-1].fault is None
