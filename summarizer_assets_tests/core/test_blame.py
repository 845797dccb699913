"""Whoever is to blame for a refusal is charged, and nobody else, whenever a provider ends and whatever it moderates."""

import heapq
import itertools
from dataclasses import dataclass, field
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.blame import _PATIENCE, Blame
from summarizer_assets.core.prompt.grouping import halves

CONTROL = -1


@dataclass
class World:
    """A provider that refuses `flagged` authors and, from `dead_from` on, everybody; and a run against it."""

    authors: int
    group: int
    in_flight: int
    flagged: frozenset[int]
    dead_from: float
    same_words: bool
    groups_speak: bool  # refusals of groups are told to `Blame`, as those are that name no cause
    chance: Random
    sent: int = 0
    sent_dead: int = 0
    charged: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    controls: int = 0
    stopped: bool = False

    def words(self, dead: bool) -> str:
        return "dead" if dead and not self.same_words else "no"

    def run(self) -> "World":  # noqa: C901 - the loop of a run, in one place
        blame: Blame[tuple[int, bool]] = Blame()
        places = list(range(self.authors))
        waiting = [(places[first : first + self.group], False) for first in range(0, self.authors, self.group)]
        wire: list[tuple[float, int, list[int], bool, int, str | None]] = []
        number, now, trying = itertools.count(), 0.0, ""

        def send(part: list[int], second: bool) -> None:
            arrives = now + self.chance.random()
            dead = arrives >= self.dead_from
            refused = self.words(dead) if dead or self.flagged.intersection(part) else None
            self.sent += 1
            self.sent_dead += now >= self.dead_from
            takes = self.chance.random() * (0.1 if refused else 3.0)  # a refusal is quick
            heapq.heappush(wire, (arrives + takes, next(number), part, second, blame.begin(), refused))

        def heard(begun: int) -> None:
            cleared = blame.answered(begun)
            self.charged.update(author for author, _ in cleared.charged)
            waiting.extend(([author], True) for author, _ in cleared.again)

        while not self.stopped:
            while waiting and not trying and len(wire) < self.in_flight:
                send(*waiting.pop(0))
            if not wire:
                if not blame.open:
                    break
                trying = blame.open[0].words
                send([CONTROL], False)
            now, _, part, second, begun, refused = heapq.heappop(wire)
            if part == [CONTROL]:
                self.controls += 1
                if refused is None:
                    blame.vindicated(trying)
                    heard(begun)
                else:
                    self.stopped = True
                trying = ""
                continue
            if refused is None:
                self.answered.update(part)
                heard(begun)
                continue
            if len(part) == 1 or self.groups_speak:
                blame.refused(refused, part, (part[0], second) if len(part) == 1 else None, second=second)
            if len(part) > 1:
                waiting.extend((half, False) for half in halves(part))
            if blame.suspicious is not None and not trying:
                trying = blame.suspicious
                send([CONTROL], False)
        return self


ENDED = {"flagged": frozenset(), "same_words": False, "groups_speak": True}
WORLDS = st.fixed_dictionaries(
    {
        "authors": st.integers(1, 60),
        "group": st.integers(1, 20),
        "in_flight": st.integers(1, 16),
        "flagged": st.frozensets(st.integers(0, 59), max_size=12),
        "same_words": st.booleans(),
        "groups_speak": st.booleans(),
        "chance": st.randoms(use_true_random=False),
    }
)


@given(WORLDS)
@settings(max_examples=200)
def test_a_provider_that_moderates_fails_the_moderated_alone_however_many_and_stops_nothing(given):
    world = World(dead_from=float("inf"), **given).run()
    here = world.flagged & set(range(world.authors))
    assert not world.stopped
    assert world.charged == here
    assert world.answered == set(range(world.authors)) - here


@given(WORLDS, st.floats(0, 20))
@settings(max_examples=200)
def test_a_provider_that_ends_at_any_moment_charges_nobody_it_did_not_moderate(given, dead_from):
    world = World(dead_from=dead_from, **given).run()
    everybody = set(range(world.authors))
    assert world.charged <= world.flagged
    assert not world.charged & world.answered
    assert world.stopped or world.charged | world.answered == everybody


@given(WORLDS, st.floats(0, 20))
@example({**ENDED, "authors": 11, "group": 3, "in_flight": 1, "chance": Random(0)}, 1.0)
@example({**ENDED, "authors": 60, "group": 3, "in_flight": 1, "chance": Random(1)}, 9.0)
@settings(max_examples=200)
def test_little_is_sent_to_a_provider_that_has_ended(given, dead_from):
    world = World(**{**given, "flagged": frozenset(), "groups_speak": True}, dead_from=dead_from).run()
    # Each refusal is one more author to be at fault, but for the first half of a split group: the second follows it. So
    # 2 * 5 - 1 refusals show five; and of those in flight each may be such a half, and one more is out in each place.
    assert world.sent_dead <= 2 * _PATIENCE - 1 + 2 * (world.in_flight - 1) + 1
    assert world.controls <= 1


def test_an_author_is_charged_when_refused_twice_and_later_requests_were_answered_after_each():
    blame: Blame[str] = Blame()
    early = blame.begin()
    blame.refused("no", [1], "one")
    assert blame.answered(early).again == []
    assert blame.answered(blame.begin()).again == ["one"]
    early = blame.begin()
    blame.refused("no", [1], "one", second=True)
    assert blame.answered(early).charged == []
    assert blame.answered(blame.begin()).charged == ["one"]
    assert blame.open == []


def test_parts_of_a_refused_group_explain_it_and_do_not_count_twice():
    blame: Blame[str] = Blame()
    blame.answered(blame.begin())
    blame.refused("no", range(16), None)
    for size in (8, 4, 2, 1):
        blame.refused("no", range(size), "first" if size == 1 else None)
    assert [len(one.authors) for one in blame.open] == [1]
    assert blame.suspicious is None
    for author in range(20, 24):
        blame.refused("no", [author], str(author))
    assert blame.suspicious == "no"


def test_the_first_refusal_before_any_answer_is_looked_into_and_words_once_explained_later_and_later():
    blame: Blame[str] = Blame()
    blame.refused("no", [1], "one")
    assert blame.suspicious == "no"
    blame.vindicated("no")
    blame.answered(blame.begin())
    for author in range(10):
        assert blame.suspicious is None
        blame.refused("no", [author], str(author))
    assert blame.suspicious == "no"


def test_whoever_got_no_answer_is_charged_by_the_next_to_anybody_and_by_no_outage():
    blame: Blame[str] = Blame()
    blame.undecided.append("one")
    assert blame.heard() == ["one"]
    blame.undecided.append("two")
    assert blame.outage_began() == (["two"], False)
    assert blame.heard() == []


def test_who_failed_before_two_outages_with_nothing_but_a_probe_answered_between_is_suspected_too():
    blame: Blame[str] = Blame()
    for others, suspected in ((0, False), (1, True), (0, False)):
        assert blame.outage_began() == ([], suspected)
        blame.outage_ended()
        blame.heard()
        for _ in range(others):
            blame.heard()
