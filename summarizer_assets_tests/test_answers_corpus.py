"""The figures of judging, on a capable model's answers about synthetic authors that were made blind to the checks."""

import random
from argparse import Namespace

import pytest

from benchmarks.engine.answers import CORPUS, MARKED, REFUSED, Figures, in_other_sizes, requests_of, run, try_request

#: In these, answer and records are in English, and a request holds 20 authors: there a moved sentence can be told.
TELLABLE = ("sample", "generator", "coauthors", "invented", "funding_officers")


@pytest.fixture(scope="module")
def sets():
    return requests_of(CORPUS)


def test_the_corpus_is_large_and_of_many_kinds(sets):
    answers = [text for requests in sets.values() for request in requests for text in request.answers.values()]
    assert len(answers) >= 700
    assert len(set(answers)) == len(answers)
    assert {request.limits.language for requests in sets.values() for request in requests} == {
        "English",
        "German",
        "Simplified Chinese",
    }
    assert {len(request.asked) for requests in sets.values() for request in requests} >= {1, 5, 20}


def test_good_answers_are_stored_and_those_under_another_id_are_not(sets):
    whole = Figures()
    for requests in sets.values():
        for request in requests:
            whole.add(try_request(request, random.Random(1), lambda _: None, {}))
    assert whole.good.seen <= 0.005 * whole.good.tried, whole.good.why
    assert whole.marked.seen <= 0.08 * whole.marked.tried, whole.marked.why
    assert whole.swapped.tried >= 600
    assert whole.swapped.seen >= 0.999 * whole.swapped.tried


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("a sentence of another's answer that tells of them", 0.98),
        ("another author's text under this name", 0.95),
        ("a changed number of citations", 0.95),
        ("a changed number of papers", 0.95),
        ("an added link", 1.0),
        ("the record repeated", 1.0),
        ("an added institution", 0.95),
        ("an added country", 0.95),
        ("an added claim about the person", 0.98),
        ("an added grave claim", 0.98),
    ],
)
def test_what_is_spoilt_is_seen(sets, kind, least):
    spoil = {kind: {**REFUSED, **MARKED}[kind]}
    whole = Figures()
    for name in TELLABLE:
        for number, request in enumerate(sets[name][:5]):
            whole.add(try_request(request, random.Random(f"1 {name} {number}"), lambda _: None, spoil))
    found = whole.spoilt[kind]
    assert found.tried >= 20
    assert found.share >= least


def test_good_answers_are_kept_in_requests_of_any_size(sets):
    for size, (good, swapped) in in_other_sizes(sets).items():
        assert good.share <= 0.01, size
        assert swapped.share >= (0.95 if size == 1 else 0.999), size


def test_the_figures_are_printed_by_set_and_kind():
    by_set, whole = run(CORPUS, 1, only=["one_each"])
    assert set(by_set) == {"one_each"}
    assert whole.good.tried == 30


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")  # the tokenizer's own loading
def test_a_job_that_is_answered_well_asks_each_author_once(capsys):
    from benchmarks.engine.answered_job import main as answered_job  # noqa: PLC0415 - its import warns

    assert answered_job(Namespace(folder=None, most=60)) == 0
    assert "3 calls, 1.000 of the least" in capsys.readouterr().out
