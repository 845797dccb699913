"""What becomes of a model's answers: how many good ones are refused, and how many spoilt ones are seen, by kind.

    python -m benchmarks.engine.answers [FOLDER] [--seed 1]

FOLDER holds requests with their answers, one JSON object a line in files `*.jsonl`:

    {"language": "English", "words": 80, "instruction": null, "records": [["id", "name", "record as it was sent"], …],
     "answer": "the reply's text"}

Without one, the corpus of the tests: a capable model's answers about synthetic authors, made blind to the checks. Each
answer goes through the whole reading and judging of a reply; then copies are spoilt in one way each, by rule, and go
through it again. "Seen" is refused, or, for what is only marked, stored with a flag. A kind is tried only where the
record allows it.

Prints the shares by kind and by set, how good answers fare in requests of other sizes, and the cost of judging, then
JSON on the last line. Texts and names are never printed, but with --show.
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"sets": ["one_each"]})
    parser.add_argument("folder", nargs="?", type=Path, help="without one, the corpus of the tests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", nargs="+", help="files of the folder, by their names; all without it")
    parser.add_argument("--show", action="store_true", help="print the good answers that are refused, with their texts")
    options = parser.parse_args()

from summarizer_assets.core.answers.reply import AnswerChecks, Reading, read_reply
from summarizer_assets.core.judging.contrast import ENOUGH
from summarizer_assets.core.judging.figures import Record
from summarizer_assets.core.judging.judge import Asked, judge
from summarizer_assets.core.judging.terms import RecordTerms, terms_of
from summarizer_assets.core.judging.words import fold
from summarizer_assets.core.prompt.messages import PromptSettings, system_message
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

CORPUS = Path(__file__).parents[2] / "testing" / "answers"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")  # noqa: RUF001 - they are the point
_FIGURE = re.compile(r"\d[\d,]*")
_OF_CITATIONS = re.compile(r"cited|citation|zitiert|Zitat|Zitier|引")
_OF_PAPERS = re.compile(r"[ \u00a0]?(?:papers|publications|articles|Arbeiten|Publikationen|篇)")
_SIZES = (1, 2, 5, 20, 100, 500)
_AT_ONCE = 4
_TELLING = 2  # terms that only the other record has: so much must a moved sentence tell to be false


@dataclass(frozen=True)
class Request:
    """A request with its answers, by the authors' places."""

    asked: list[Asked]
    answers: dict[int, str]
    limits: AnswerChecks
    reply: str

    def read(self, answers: dict[int, str]) -> Reading:
        rows = [{"author_id": self.asked[place].author_id, "summary": text} for place, text in answers.items()]
        return read_reply(OPENAI_CHAT.open(_body(json.dumps({"summaries": rows}))), self.asked, self.limits)


def _body(content: str) -> bytes:
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).encode()


def requests_of(folder: Path) -> dict[str, list[Request]]:
    """By the name of the file.

    Raises:
        SystemExit: there is none.
    """
    sets = {}
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            sets[file.stem] = [_request(json.loads(line)) for line in lines]
    if not sets:
        raise SystemExit(f"{folder} holds no file *.jsonl")
    backdrop = [author for requests in sets.values() for author in requests[0].asked][: 2 * ENOUGH]
    for requests in sets.values():
        for request in requests:
            if len(request.asked) < ENOUGH:  # as a bucket's first records stand beside it in a run
                own = {author.author_id for author in request.asked}
                request.limits.backdrop.update(  # type: ignore[attr-defined] # the dict that `_request` made
                    {
                        other.author_id: RecordTerms(other.author_name, other.text)
                        for other in backdrop
                        if other.author_id not in own
                    }
                )
    return sets


def _request(line: dict[str, Any]) -> Request:
    asked = [Asked(author_id, name or "", text) for author_id, name, text in line["records"]]
    prompt = PromptSettings(line.get("instruction"), line.get("language", "English"), line.get("words", 80))
    limits = AnswerChecks(
        max_characters=AnswerChecks.characters_for(prompt.words),
        language=prompt.language,
        instruction=system_message(prompt),
        backdrop={},
    )
    reading = read_reply(
        OPENAI_CHAT.open(_body(line["answer"])), asked, AnswerChecks(max_characters=10**9, judged=False)
    )
    places = {author.author_id: place for place, author in enumerate(asked)}
    answers = {places[author_id]: text for author_id, text, _ in reading.accepted}
    return Request(asked, answers, limits, line["answer"])


# Spoilt copies: None where the answer or the records do not allow it.

Spoil = Callable[[Request, int, random.Random], str | None]


def _other(request: Request, place: int, chance: random.Random) -> int | None:
    others = [other for other in request.answers if other != place]
    return chance.choice(others) if others else None


def under_this_name(request: Request, place: int, chance: random.Random) -> str | None:
    """Another author's text, its author's name replaced by this one's."""
    other = _other(request, place, chance)
    if other is None:
        return None
    text = request.answers[other]
    (family, given), (their_family, their_given) = _name(request.asked[place]), _name(request.asked[other])
    if not family or their_family not in text:
        return None
    return text.replace(f"{their_given} {their_family}".strip(), f"{given} {family}".strip()).replace(
        their_family, family
    )


def _name(author: Asked) -> tuple[str, str]:
    family, _, given = author.author_name.partition(",")
    return family.strip(), given.strip()


def any_sentence(request: Request, place: int, chance: random.Random) -> str | None:
    """A sentence of another author's answer, whatever it says, put into this one."""
    other = _other(request, place, chance)
    if other is None:
        return None
    sentences = [text for text in _SENTENCE_END.split(request.answers[other]) if len(text) > 20]
    return _put_in(request.answers[place], chance.choice(sentences), chance) if sentences else None


def telling_sentence(request: Request, place: int, chance: random.Random) -> str | None:
    """A sentence of another author's answer that tells two things which no record but theirs has."""
    other = _other(request, place, chance)
    if other is None:
        return None
    theirs = RecordTerms(request.asked[other].author_name, request.asked[other].text).facts
    rest = [author for at, author in enumerate(request.asked) if at != other]
    elsewhere = set().union(*(RecordTerms(author.author_name, author.text).all for author in rest))
    sentences = [
        text
        for text in _SENTENCE_END.split(request.answers[other])
        if len((terms_of(fold(text)) & theirs) - elsewhere) >= _TELLING
    ]
    return _put_in(request.answers[place], chance.choice(sentences), chance) if sentences else None


def _put_in(text: str, sentence: str, chance: random.Random) -> str:
    own = [part for part in _SENTENCE_END.split(text) if part]
    own.insert(chance.randint(1, len(own)), sentence)
    return " ".join(own)


def citations_changed(request: Request, place: int, chance: random.Random) -> str | None:
    """A number of citations changed."""
    known = Record(request.asked[place].text).citations
    return _changed(request.answers[place], known, chance, lambda before, after: _OF_CITATIONS.search(before + after))


def papers_changed(request: Request, place: int, chance: random.Random) -> str | None:
    """The number of all papers changed."""
    record = Record(request.asked[place].text)
    known = frozenset({record.papers})
    return _changed(request.answers[place], known, chance, lambda _, after: _OF_PAPERS.match(after), record.counts)


def _changed(
    text: str,
    known: frozenset[int],
    chance: random.Random,
    is_meant: Callable[[str, str], object],
    right: frozenset[int] = frozenset(),
) -> str | None:
    found = [
        figure
        for figure in _FIGURE.finditer(text)
        if int(figure[0].replace(",", "")) in known - {0}
        and is_meant(text[max(0, figure.start() - 12) : figure.start()], text[figure.end() : figure.end() + 12])
    ]
    if not found:
        return None
    figure = chance.choice(found)
    number = int(figure[0].replace(",", ""))
    wrong = number + chance.choice((-9, -3, -2, -1, 1, 2, 3, 5, 9, 17, 40))
    if wrong < 1 or wrong in known | right:
        wrong = max(known | right) + chance.randint(1, 9)
    return f"{text[: figure.start()]}{wrong}{text[figure.end() :]}"


def no_name(request: Request, place: int, _: random.Random) -> str | None:
    family, given = _name(request.asked[place])
    text = request.answers[place]
    if len(family) < 3 or family not in text:
        return None
    return text.replace(f"{given} {family}".strip(), "The researcher").replace(family, "The researcher")


def link_added(request: Request, place: int, chance: random.Random) -> str | None:
    link = chance.choice(("See https://example.org/profile.", "More at www.example.org", "[Profile](http://a.example)"))
    return f"{request.answers[place]} {link}"


def record_repeated(request: Request, place: int, _: random.Random) -> str | None:
    text = request.asked[place].text
    return " ".join(text.split("\n")[:4])[:900] if text.count("\n") > 1 else None


def institution_changed(request: Request, place: int, _: random.Random) -> str | None:
    return _added(request, place, "Part of the work was done at the Palvonia Institute of Technology.")


def place_added(request: Request, place: int, _: random.Random) -> str | None:
    text = request.asked[place].text
    return None if "Belgi" in text else _added(request, place, "Part of the work was done in Belgium.")


def claim_added(request: Request, place: int, chance: random.Random) -> str | None:
    claims = ("received a prestigious award", "is a professor of the subject", "is an internationally renowned expert")
    return _added(request, place, f"The author {chance.choice(claims)}.")


def grave_claim_added(request: Request, place: int, chance: random.Random) -> str | None:
    return _added(request, place, chance.choice(("One paper was later retracted.", "The author was dismissed for it.")))


def _added(request: Request, place: int, sentence: str) -> str | None:
    return f"{request.answers[place]} {sentence}" if request.limits.language == "English" else None


_UNDER, _TELLS = "another author's text under this name", "a sentence of another's answer that tells of them"
REFUSED: dict[str, Spoil] = {
    _UNDER: under_this_name,
    _TELLS: telling_sentence,
    "any sentence of another's answer": any_sentence,
    "a changed number of citations": citations_changed,
    "a changed number of papers": papers_changed,
    "no name": no_name,
    "an added link": link_added,
    "the record repeated": record_repeated,
}
MARKED: dict[str, Spoil] = {
    "an added institution": institution_changed,
    "an added country": place_added,
    "an added claim about the person": claim_added,
    "an added grave claim": grave_claim_added,
}


@dataclass
class Found:
    """Of one kind of answers."""

    tried: int = 0
    seen: int = 0
    why: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        return self.seen / self.tried if self.tried else 0.0


@dataclass
class Figures:
    """Of one set of requests."""

    good: Found = field(default_factory=Found)  # seen: refused
    marked: Found = field(default_factory=Found)  # of those that are stored
    swapped: Found = field(default_factory=Found)
    spoilt: dict[str, Found] = field(default_factory=dict)

    def add(self, other: "Figures") -> None:
        pairs = [(self.good, other.good), (self.marked, other.marked), (self.swapped, other.swapped)]
        pairs += [(self.spoilt.setdefault(kind, Found()), found) for kind, found in other.spoilt.items()]
        for mine, theirs in pairs:
            mine.tried += theirs.tried
            mine.seen += theirs.seen
            mine.why += theirs.why


def try_request(
    request: Request, chance: random.Random, show: Callable[[str], None], kinds: Mapping[str, Spoil]
) -> Figures:
    """Judge the answers of a request as they are, then swapped, then a part spoilt in each of some ways."""
    figures = Figures()
    reading = read_reply(OPENAI_CHAT.open(_body(request.reply)), request.asked, request.limits)
    figures.good.tried = len(request.asked)
    figures.good.seen = len(reading.again)
    figures.good.why.update(map(str, reading.again.values()))
    for author_id, reason in reading.again.items():
        show(f"refused: {author_id} {reason} {reading.details.get(author_id, '')}")
    figures.marked.tried = len(reading.accepted)
    for _, _, judgement in reading.accepted:
        figures.marked.seen += bool(judgement.flags)
        figures.marked.why.update(judgement.flags)
    if len(request.answers) >= 3:
        places = list(request.answers)
        moved = dict(zip(places, [*places[1:], places[0]], strict=True))
        stored = request.read({place: request.answers[other] for place, other in moved.items()}).accepted
        figures.swapped.tried, figures.swapped.seen = len(places), len(places) - len(stored)
    for kind, spoil in kinds.items():
        found = figures.spoilt[kind] = Found()
        spoilt = {place: spoil(request, place, chance) for place in request.answers}
        for turn in range(_AT_ONCE):  # a quarter at a time: three of four answers of a reply are as they were
            changed = {
                place: text
                for place, text in spoilt.items()
                if place % _AT_ONCE == turn and text is not None and text != request.answers[place]
            }
            read = request.read({**request.answers, **changed}) if changed else None
            stored = {one: judgement for one, _, judgement in read.accepted} if read else {}
            for place in changed:
                judgement = stored.get(request.asked[place].author_id)
                found.tried += 1
                found.seen += judgement is None or (kind in MARKED and bool(judgement.flags))
    return figures


def in_other_sizes(sets: dict[str, list[Request]]) -> dict[int, tuple[Found, Found]]:
    """Good answers refused, and swapped ones seen, when the English answers stand in requests of other sizes."""
    pairs = [
        (request.asked[place], text)
        for requests in sets.values()
        for request in requests
        if request.limits.language == "English"
        for place, text in request.answers.items()
    ]
    pairs = list({author.author_id: (author, text) for author, text in pairs}.values())
    random.Random(7).shuffle(pairs)
    backdrop = [RecordTerms(author.author_name, author.text) for author, _ in pairs[: 2 * ENOUGH]]
    rest = pairs[2 * ENOUGH :]
    found: dict[int, tuple[Found, Found]] = {}
    for size in _SIZES:
        good, swapped = Found(), Found()
        for start in range(0, len(rest) - size + 1, size):
            group = rest[start : start + size]
            asked = [author for author, _ in group]
            judged = judge({place: text for place, (_, text) in enumerate(group)}, asked, backdrop)
            good.tried += size
            good.seen += sum(one.refused is not None for one in judged.values())
            others = rest[(start + size) % len(rest)][1] if size == 1 else None
            texts = {place: others or group[(place + 1) % size][1] for place in range(size)}
            judged = judge(texts, asked, backdrop)
            swapped.tried += size
            swapped.seen += sum(one.refused is not None for one in judged.values())
        found[size] = (good, swapped)
    return found


def cost_us(sets: dict[str, list[Request]], rounds: int = 5) -> float:
    """CPU of judging an author's answer, in microseconds: the best of some rounds over all requests."""
    requests = [request for each in sets.values() for request in each]
    authors = sum(len(request.answers) for request in requests)
    best = float("inf")
    for _ in range(rounds):
        before = time.process_time()
        for request in requests:
            judge(request.answers, request.asked, (), request.limits.language)
        best = min(best, time.process_time() - before)
    return best / max(1, authors) * 1e6


def run(
    folder: Path, seed: int, show: Callable[[str], None] = lambda _: None, only: Collection[str] = ()
) -> tuple[dict[str, Figures], Figures]:
    """The figures of each set (of `only` these, if any), and of all together."""
    by_set: dict[str, Figures] = {}
    whole = Figures()
    for name, requests in requests_of(folder).items():
        if only and name not in only:
            continue
        figures = by_set[name] = Figures()
        for number, request in enumerate(requests):
            told = partial(_told, show, name)
            figures.add(try_request(request, random.Random(f"{seed} {name} {number}"), told, {**REFUSED, **MARKED}))
        whole.add(figures)
    return by_set, whole


def _told(show: Callable[[str], None], name: str, text: str) -> None:
    show(f"{name}: {text}")


def _lines(by_set: dict[str, Figures], whole: Figures) -> Iterator[str]:
    heads = f"{'swapped seen':>14}{'under the name':>16}{'sentence':>10}"
    yield f"{'set':24}{'answers':>8}{'refused':>9}{'marked':>8}{heads}"
    for name, figures in [*by_set.items(), ("all", whole)]:
        yield (
            f"{name:24}{figures.good.tried:>8}{_percent(figures.good):>9}{_percent(figures.marked):>8}"
            f"{_percent(figures.swapped):>14}{_percent(figures.spoilt[_UNDER]):>16}{_percent(figures.spoilt[_TELLS]):>10}"
        )
    yield ""
    yield f"{'spoilt':52}{'tried':>7}{'seen':>9}"
    for kind, found in whole.spoilt.items():
        yield f"{kind + (' (marked)' if kind in MARKED else ''):52}{found.tried:>7}{_percent(found):>9}"
    yield ""
    yield f"flags of good answers: {', '.join(f'{flag} {n}' for flag, n in whole.marked.why.most_common()) or 'none'}"


def _percent(found: Found) -> str:
    return f"{100 * found.share:.2f} %" if found.tried else "-"


def main(options: argparse.Namespace) -> None:
    folder, only = options.folder or CORPUS, options.sets or ()
    by_set, whole = run(folder, options.seed, print if options.show else lambda _: None, only)
    for line in _lines(by_set, whole):
        print(line)
    sets = {name: requests for name, requests in requests_of(folder).items() if not only or name in only}
    print(f"\n{'authors a request':20}{'answers':>8}{'refused':>9}{'swapped seen':>14}")
    sizes = in_other_sizes(sets)
    for size, (good, swapped) in sizes.items():
        print(f"{size:<20}{good.tried:>8}{_percent(good):>9}{_percent(swapped):>14}")
    cost = cost_us(sets)
    print(f"\njudging: {cost:.1f} µs of CPU an author")
    print(
        json.dumps(
            {
                "good": whole.good.tried,
                "refused": whole.good.share,
                "marked": whole.marked.share,
                "swapped_seen": whole.swapped.share,
                "spoilt_seen": {kind: found.share for kind, found in whole.spoilt.items()},
                "judging_us": cost,
            }
        )
    )


if __name__ == "__main__":
    main(options)
