import gc

import pytest

from summarizer_assets.bucket_run.asking.collector import few_collections


@pytest.fixture(autouse=True)
def _as_before():
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_nothing_that_was_there_is_looked_through_while_a_run_asks():
    with few_collections():
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > 1000


def test_an_error_leaves_the_collector_as_it_was():
    with pytest.raises(KeyError), few_collections():
        raise KeyError


def test_it_stays_quiet_until_the_last_of_several_runs_has_left():
    first, second = few_collections(), few_collections()
    first.__enter__()
    quiet = gc.get_threshold()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == quiet
    assert gc.get_freeze_count() > 0
    second.__exit__(None, None, None)
