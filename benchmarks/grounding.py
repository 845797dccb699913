"""What the checks of an answer accept and reject, by kind of text, on the authors of a file.

    python -m benchmarks.grounding [authors.parquet] [--authors 5000] [--seed 1]

Without a file, on the bundled sample of synthetic authors. For each author faithful summaries are written from the
record in several styles, and then spoilt in one way each: another author's text, a changed number, a swapped name. All
go through the whole check of an answer, as a reply of the provider's would. A kind is tried only on authors whose
record allows it: a swap needs another value that the record does not hold.

Prints the share accepted by kind, the flags and reasons that decided, and the cost an author, then JSON on the last
line. Texts and names are never printed.
"""

import argparse
import json
import random
import re
import resource
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from summarizer_assets.core.answers import Asked, Limits, read_reply
from summarizer_assets.core.grounding import Thresholds
from summarizer_assets.core.prompt import PromptSettings, RenderSettings, render, system_message
from summarizer_assets.core.records import AUTHOR
from summarizer_assets.llm.template import Record, parse, summarize
from summarizer_assets.sample import sample_path
from summarizer_assets.sources.source import open_source

GROUP = 20
_SUPPORTS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8)
_SMALL = frozenset(
    ("a", "an", "and", "as", "at", "by", "de", "for", "from", "in", "its", "of", "on", "the", "to", "with")
)
#: What a writer spells out that an export cuts short.
_WHOLE = {
    "univ": "University",
    "inst": "Institute",
    "natl": "National",
    "technol": "Technology",
    "sci": "Science",
    "hosp": "Hospital",
    "dept": "Department",
    "ctr": "Center",
    "med": "Medical",
    "acad": "Academy",
    "coll": "College",
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LIMITS = Limits(instruction=system_message(PromptSettings()))


@dataclass(frozen=True)
class Author:
    asked: Asked
    record: Record

    @property
    def name(self) -> str:
        """As a sentence has it: given names first."""
        family, comma, given = self.asked.author_name.partition(",")
        return f"{given.strip()} {family.strip()}".strip() if comma else family.strip()

    @property
    def titles(self) -> list[str]:
        return [paper.title for paper in self.record.papers if paper.title and len(paper.title) > 20]

    @property
    def journals(self) -> list[str]:
        return list(dict.fromkeys(paper.journal for paper in self.record.papers if paper.journal))

    @property
    def categories(self) -> list[str]:
        return list(dict.fromkeys(name for paper in self.record.papers for name in paper.categories))

    def has(self, text: str) -> bool:
        """Whether most words of `text` stand in the record: then a swap for it would be no error to be seen."""
        words = [word for word in re.findall(r"\w+", text.lower()) if word not in _SMALL]
        known = set(re.findall(r"\w+", self.asked.text.lower()))
        return sum(word in known for word in words) > len(words) / 2


# Faithful texts, None where the record has nothing to say in this way.


def by_template(author: Author) -> str | None:
    return summarize(author.asked.text)


def as_portrait(author: Author) -> str | None:
    if not author.titles:
        return None
    where = f" at {author.record.affiliation}" if author.record.affiliation else ""
    topics = "; ".join(_topic(title) for title in author.titles[:3])
    return f"{author.name} is a researcher{where}. The recorded work deals with {topics}."


def as_figures(author: Author) -> str | None:
    record = author.record
    if not record.count or not author.titles:
        return None
    papers = f"{record.count} papers" if record.count > 1 else "One paper"
    cited = f" with {record.cited} citations in total" if record.cited else ""
    journals = f", published in {_listed(author.journals[:3])}" if author.journals else ""
    return f"{papers}{cited} by {author.name} are recorded{journals}. One of them is “{author.titles[0]}”."


def as_fields(author: Author) -> str | None:
    if not author.categories or not author.titles:
        return None
    count = author.record.count
    papers = f"{_NUMBERS[count]} papers" if 1 < count < len(_NUMBERS) else "the listed work"
    return (
        f"The research of {author.name} falls within {_listed([name.lower() for name in author.categories[:3]])}. "
        f"Across {papers}, it addresses {_topic(author.titles[-1])}, among other topics."
    )


def as_notes(author: Author) -> str | None:
    """Short, with the family name only and no capital letters in the topics."""
    if not author.titles:
        return None
    family = author.asked.author_name.partition(",")[0].strip()
    return f"{family} has written on {' and on '.join(_topic(title) for title in author.titles[:2])}."


def as_prose(author: Author) -> str | None:
    """Freer: initials, abbreviations spelled out, other forms of the words, connecting words that name no fact."""
    if not author.titles:
        return None
    family, _, given = author.asked.author_name.partition(",")
    initials = " ".join(f"{name[0]}." for name in given.split())
    where = f", based at {_spelled_out(author.record.affiliation)}," if author.record.affiliation else ""
    fields = f" It contributes to {author.categories[0].lower()} and neighbouring fields." if author.categories else ""
    first, last = (_other_forms(_topic(title)) for title in (author.titles[0], author.titles[-1]))
    second = f", and later work explores {last}" if last != first else ""
    return (
        f"{initials} {family.strip()}{where} investigates questions of {first}{second}.{fields} Taken together, these "
        "studies highlight both methods and applications."
    ).strip()


def _spelled_out(name: str) -> str:
    words = name.title().split() if name.isupper() else name.split()
    return " ".join(_WHOLE.get(word.lower().rstrip("."), word) for word in words)


def _other_forms(topic: str) -> str:
    """The same words in another number or form, where English makes it regularly."""

    def other(word: str) -> str:
        if len(word) < 6 or not word.isalpha() or not word.islower():
            return word
        for end, new in (("ies", "y"), ("ation", "ations"), ("ing", "ings"), ("ns", "n"), ("ts", "t"), ("er", "ers")):
            if word.endswith(end):
                return word[: -len(end)] + new
        return word

    return " ".join(map(other, topic.split()))


def _topic(title: str) -> str:
    """A title as a writer works it into a sentence: lower-cased but for acronyms, without its end after a colon."""
    head = re.split(r":| - ", title, maxsplit=1)[0].rstrip(" .?!…")
    return " ".join(word if word[1:] != word[1:].lower() else word.lower() for word in head.split())


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


FAITHFUL: dict[str, Callable[[Author], str | None]] = {
    "by the template": by_template,
    "a portrait": as_portrait,
    "figures and journals": as_figures,
    "fields, numbers as words": as_fields,
    "notes, family name only": as_notes,
    "prose, other forms of words": as_prose,
}

# Spoilt texts: from an author and another one.

Spoil = Callable[[Author, Author, random.Random], str | None]


def _replaced(text: str | None, old: str, new: str) -> str | None:
    return None if text is None or not old or old not in text else text.replace(old, new)


def another_authors(_: Author, other: Author, __: random.Random) -> str | None:
    return by_template(other)


def another_authors_under_this_name(author: Author, other: Author, _: random.Random) -> str | None:
    text = as_portrait(other)
    if text is None or any(author.has(title) for title in other.titles[:3]):
        return None
    return text.replace(other.name, author.name)


def changed_count(author: Author, _: Author, chance: random.Random) -> str | None:
    record = author.record
    wrong = record.count + chance.randint(1, 9)
    return _replaced(as_figures(author), f"{record.count} papers", f"{wrong} papers")


def changed_citations(author: Author, _: Author, chance: random.Random) -> str | None:
    cited = author.record.cited or 0
    return _replaced(as_figures(author), f"with {cited} citations", f"with {cited + chance.randint(1, 90)} citations")


def swapped_institution(author: Author, other: Author, _: random.Random) -> str | None:
    mine, theirs = author.record.affiliation, other.record.affiliation
    if not mine or not theirs or author.has(theirs):
        return None
    return _replaced(as_portrait(author), f" at {mine}", f" at {theirs}")


def swapped_journal(author: Author, other: Author, _: random.Random) -> str | None:
    if not author.journals or not other.journals or author.has(other.journals[0]):
        return None
    return _replaced(as_figures(author), author.journals[0], other.journals[0])


def swapped_field(author: Author, other: Author, _: random.Random) -> str | None:
    if not author.categories or not other.categories or author.has(other.categories[0]):
        return None
    return _replaced(as_fields(author), author.categories[0].lower(), other.categories[0].lower())


def invented_award(author: Author, _: Author, chance: random.Random) -> str | None:
    text = as_portrait(author)
    claim = chance.choice(
        ("received a prestigious award", "was elected a fellow", "is an internationally renowned professor")
    )
    return None if text is None else f"{text} The author {claim}."


def invented_paper(author: Author, other: Author, _: random.Random) -> str | None:
    text = as_notes(author)
    if text is None or not other.titles or author.has(other.titles[0]):
        return None
    return f"{text} Another paper is “{other.titles[0]}”."


def added_link(author: Author, _: Author, chance: random.Random) -> str | None:
    text = as_portrait(author)
    link = chance.choice(("See https://example.org/profile.", "More at www.example.org", "[Profile](http://a.example)"))
    return None if text is None else f"{text} {link}"


def wrong_name(author: Author, other: Author, _: random.Random) -> str | None:
    if author.has(other.name):
        return None
    return _replaced(as_portrait(author), author.name, other.name)


def no_name(author: Author, _: Author, __: random.Random) -> str | None:
    return _replaced(as_portrait(author), author.name, "This person")


def record_echo(author: Author, _: Author, __: random.Random) -> str | None:
    lines = author.asked.text.split("\n")
    return " ".join(lines[:4])[:900] if len(lines) > 2 else None


def instruction_echo(author: Author, _: Author, __: random.Random) -> str | None:
    return f"{author.name}: {_LIMITS.instruction[:600]}"


def other_language(author: Author, _: Author, __: random.Random) -> str | None:
    if not author.titles:
        return None
    return (
        f"{author.name} untersucht in den hier verzeichneten Arbeiten, die bis heute erschienen sind, mehrere Fragen "
        "aus dem eigenen Fach und zeigt, wie sie mit denen der Nachbarn zusammenhängen und wozu sie nützen."
    )


def true_words_false_claim(author: Author, _: Author, __: random.Random) -> str | None:
    """The title of one paper, the journal of another: each word is in the record."""
    papers = [paper for paper in author.record.papers if paper.title and paper.journal]
    pairs = [(a, b) for a in papers for b in papers if a.journal != b.journal]
    return f"{author.name} published “{pairs[0][0].title}” in {pairs[0][1].journal}." if pairs else None


def number_of_another_thing(author: Author, _: Author, __: random.Random) -> str | None:
    """The citations of all papers, told of one."""
    record = author.record
    papers = [paper for paper in record.papers if paper.title and paper.cited != record.cited]
    if not papers or not record.cited:
        return None
    return f"“{papers[0].title}” by {author.name} has been cited {record.cited} times."


SPOILT: dict[str, Spoil] = {
    "another author's summary": another_authors,
    "… under this author's name": another_authors_under_this_name,
    "a changed number of papers": changed_count,
    "a changed number of citations": changed_citations,
    "a swapped institution": swapped_institution,
    "a swapped journal": swapped_journal,
    "an invented award or title": invented_award,
    "an invented paper": invented_paper,
    "an added link": added_link,
    "a wrong name": wrong_name,
    "no name": no_name,
    "the record repeated": record_echo,
    "the instruction repeated": instruction_echo,
}
#: What such signals cannot see, or only note.
UNSEEN: dict[str, Spoil] = {
    "a swapped field": swapped_field,
    "another language (only flagged)": other_language,
    "a title with another paper's journal": true_words_false_claim,
    "a total told of one paper": number_of_another_thing,
}


# Trying.


def authors_of(path: Path, most: int, seed: int) -> list[Author]:
    rows = pl.concat([chunk.authors for chunk in open_source(str(path), {}).chunks(100_000)]).select(AUTHOR.names())
    rows = rows.unique("author_id", keep="first", maintain_order=True)
    rows = rows.sample(min(most, rows.height), seed=seed, shuffle=True)
    rendered = render(rows, RenderSettings())
    return [
        Author(Asked(author_id, name or "", text), parse(text))
        for author_id, name, text in rendered.select("author_id", "author_name", "text").iter_rows()
    ]


def reply_to(texts: Sequence[tuple[Author, str]]) -> bytes:
    rows = [{"author_id": author.asked.author_id, "summary": text} for author, text in texts]
    message = {"role": "assistant", "content": json.dumps({"summaries": rows})}
    return json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).encode()


def try_kind(texts: Sequence[tuple[Author, str]], limits: Limits = _LIMITS) -> dict[str, Any]:
    """How many are accepted, and what decided."""
    accepted, why = 0, Counter[str]()
    for start in range(0, len(texts), GROUP):
        group = texts[start : start + GROUP]
        reading = read_reply(reply_to(group), [author.asked for author, _ in group], limits)
        accepted += len(reading.accepted)
        for _, _, signals in reading.accepted:
            why.update(f"({flag})" for flag in signals.flags)
        for author_id, reason in reading.again.items():
            why.update(_signs(str(reason), reading.details.get(author_id, "")))
    return {"tried": len(texts), "accepted": accepted, "why": dict(why.most_common(4))}


def _signs(reason: str, detail: str) -> list[str]:
    flags = re.findall(r"\b(?:unnamed|unknown_number|unknown_name|unsupported_claim)\b", detail)
    return ([reason] if reason != "ungrounded" else []) + (flags or (["low support"] if reason == "ungrounded" else []))


def cpu_us(texts: Sequence[tuple[Author, str]], limits: Limits) -> float:
    """An author, of reading the replies of groups of 20."""
    groups = [texts[start : start + GROUP] for start in range(0, len(texts), GROUP)]
    replies = [(reply_to(group), [author.asked for author, _ in group]) for group in groups]
    before = resource.getrusage(resource.RUSAGE_SELF)
    for body, asked in replies:
        read_reply(body, asked, limits)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / max(1, len(texts)) * 1e6


def cost(texts: Sequence[tuple[Author, str]]) -> dict[str, float]:
    """Microseconds of CPU an author, the better of three rounds that take turns."""
    without = Limits(instruction=_LIMITS.instruction, thresholds=None)
    rounds = [(cpu_us(texts, without), cpu_us(texts, _LIMITS)) for _ in range(3)]
    plain, whole = (min(column) for column in zip(*rounds, strict=True))
    return {"without_grounding": plain, "with_grounding": whole, "grounding": whole - plain}


def show(title: str, kinds: dict[str, dict[str, Any]]) -> None:
    print(f"\n{title:40}{'tried':>8}{'accepted':>10}   what decided")
    for kind, found in kinds.items():
        share = f"{100 * found['accepted'] / found['tried']:.2f} %" if found["tried"] else "-"
        why = ", ".join(f"{name} {number}" for name, number in found["why"].items())
        print(f"{kind:40}{found['tried']:>8}{share:>10}   {why}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grounding", description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, help="authors as Parquet; without one, the bundled sample")
    parser.add_argument("--authors", type=int, default=5000, help="at most so many, drawn")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    authors = authors_of(options.source or Path(sample_path()), options.authors, options.seed)
    others = [*authors[1:], *authors[:1]]  # drawn in random order: the next one is anybody

    def faithful(write: Callable[[Author], str | None]) -> list[tuple[Author, str]]:
        return [(author, text) for author in authors if (text := write(author)) is not None]

    def spoilt(spoil: Spoil) -> list[tuple[Author, str]]:
        pairs = zip(authors, others, strict=True)
        return [(author, text) for author, other in pairs if (text := spoil(author, other, chance)) is not None]

    others_told = spoilt(another_authors_under_this_name)
    by_support = {}
    for least in _SUPPORTS:
        limits = Limits(instruction=_LIMITS.instruction, thresholds=Thresholds(least))
        tried = {"faithful": try_kind(faithful(as_prose), limits), "another's": try_kind(others_told, limits)}
        by_support[least] = {kind: row["accepted"] / max(1, row["tried"]) for kind, row in tried.items()}
    found = {
        "authors": len(authors),
        "min_support": Thresholds().min_support,
        "faithful": {kind: try_kind(faithful(write)) for kind, write in FAITHFUL.items()},
        "spoilt": {kind: try_kind(spoilt(spoil)) for kind, spoil in SPOILT.items()},
        "unseen": {kind: try_kind(spoilt(spoil)) for kind, spoil in UNSEEN.items()},
        "accepted_by_min_support": by_support,
        "cpu_us_an_author": cost(faithful(by_template)),
    }
    print(f"{len(authors):,} authors, support at least {found['min_support']}")
    show("faithful", found["faithful"])
    show("spoilt", found["spoilt"])
    show("what no such signal sees", found["unseen"])
    print("\naccepted by the least support asked for")
    print(f"{'':40}" + "".join(f"{least:>9}" for least in _SUPPORTS))
    for kind, title in (
        ("faithful", "prose, other forms of words"),
        ("another's", "another author's, this author's name"),
    ):
        print(f"{title:40}" + "".join(f"{100 * row[kind]:>7.2f} %" for row in by_support.values()))
    print("\nCPU µs an author: " + ", ".join(f"{name} {us:.0f}" for name, us in found["cpu_us_an_author"].items()))
    print()
    print(json.dumps({"grounding": found}))


if __name__ == "__main__":
    main()
