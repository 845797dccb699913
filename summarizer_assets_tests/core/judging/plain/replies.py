"""Replies to judge: a capable model's answers about synthetic authors, spoilt by chance in one to four ways each."""

import json
import random
import re
import unicodedata
from functools import partial

from benchmarks.engine.answers import CORPUS
from summarizer_assets.core.judging.judge import Asked
from summarizer_assets.llm.embedded.template import summarize

_FIGURE = re.compile(r"\d[\d,]*")
_SENTENCE = re.compile(r"(?<=[.!?]) |(?<=。)")
_NUMBERS = (
    "0 1 2 3 5 12 45 99 250 500 999 1,000 1,100 1'234 12,345 1.200 2 300 2019 one two eleven Twelve dozen once forty"
)
_ROUGH = (
    *("over", "more than", "fewer than a", "nearly", "about", "just", "a total of", "of", "her", "the", "among her"),
    *("up to", "another", "average", "", "", "exactly", "not more than", "fast", "mehr als", "environ", "近"),
)
_NOUNS = (
    *("papers", "publications", "highly cited papers", "hot papers", "articles", "English language papers", "Arbeiten"),
    *("citations", "citations in total", "citations each", "times cited", "million citations", "percent of papers"),
    *("papers in two journals", "papers ahead", "papers, cited 12 times", "of 621 citations", "articoli", "Zitate"),
)
_CITED = (
    "cited {}",
    "cited {} times",
    "cited, {} times",
    "zitiert {} Mal",
    "被引用{}次",
    "共{}篇",
    "被引超过{}余次",
    "cited (over {})",
)
_PHRASES = (
    *("The author has worked in Belgium.", "Part was done at the Palvonia Institute of Technology.", "In 2017, so."),
    *(
        "She is a renowned professor of ecology.",
        "One paper was later retracted.",
        "He was dismissed, and charged with it.",
    ),
    *(
        "The work won a prize; NASA, NLP and the MIT Lab helped.",
        "Samples came from 312 sites of '98 and 1998.",
        "II and IV.",
    ),
    *("Die Arbeiten sind von der Universität und mit den Daten.", "Les travaux sont dans une revue pour les sciences."),
    *(
        "他的研究涉及材料科学。",
        "Исследования посвящены материалам.",
        "ﬁne “quoted” words \u2013 and… more",
        "\uff26\uff55\uff4c\uff4c \uff17\uff12 papers",
    ),
    *(
        "٣٤ papers",
        "Łódź, Århus and Straße",
        "A\u0301 e\u0301clair",
        "🙂 cited 7",
        "x" * 300,
        "twice as often cited twice",
    ),
)
_TITLES = (
    " 100 years of peat | cited 1,200",
    " A (no title) | cited 45, hot @ MIT",
    " Über die Moore und das Eis | cited 7, highly cited",
)


def replies(count, seed):
    """Answers, authors, backdrop and language of requests with `count` answers in all; the same for a seed."""
    chance = random.Random(seed)
    corpus = _corpus()
    while count > 0:
        language, asked, answers = chance.choice(corpus)
        size = chance.choice((1, 2, 5, len(asked), len(asked)))
        chosen = chance.sample(range(len(asked)), min(size, len(asked)))
        people = [_record(asked[place], chance) if chance.random() < 0.2 else asked[place] for place in chosen]
        texts = {at: answers[place] for at, place in enumerate(chosen) if place in answers}
        spoilt = {at: _spoilt(text, at, people, list(texts.values()), chance) for at, text in texts.items()}
        others = [(author.author_name, author.text) for author in chance.choice(corpus)[1]] if size < 5 else []
        yield spoilt, people, others, chance.choice((language, "English"))
        count -= len(spoilt)


def _corpus():
    found = []
    for file in sorted(CORPUS.glob("*.jsonl")):
        for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            asked = [Asked(author_id, name or "", text) for author_id, name, text in line["records"]]
            answer = line["answer"]
            rows = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])["summaries"]
            told = {row["author_id"]: row["summary"] for row in rows}
            by_rule = {place: summarize(author.text) for place, author in enumerate(asked)}
            by_model = {place: told[author.author_id] for place, author in enumerate(asked) if author.author_id in told}
            found += [(line.get("language", "English"), asked, texts) for texts in (by_rule, by_model, by_model)]
    return found


def _spoilt(text, at, people, texts, chance):
    ways = (
        *(_figure_changed, _figure_changed, _figure_added, _figure_added, _cited_added, _phrase_added),
        *(_cut_short, _other_case, _decomposed, partial(_named, people=people, at=at)),
        *(partial(_sentence_of, others=texts), partial(_line_of, record=chance.choice(people).text)),
        partial(_own_figure, record=people[at].text),
    )
    for way in chance.choices(ways, k=chance.choice((0, 1, 1, 2, 4))):
        text = way(text, chance)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _figure_changed(text, chance):
    found = list(_FIGURE.finditer(text))
    if not found:
        return text
    figure = chance.choice(found)
    return f"{text[: figure.start()]}{_number(chance)}{text[figure.end() :]}"


def _number(chance):
    return chance.choice(
        (*_NUMBERS.split(), "2 300", "1\u2009234", str(chance.randint(0, 60)), f"{chance.randint(1, 9999):,}")
    )


def _figure_added(text, chance):
    return _put_in(text, f"There are {chance.choice(_ROUGH)} {_number(chance)} {chance.choice(_NOUNS)}.", chance)


def _cited_added(text, chance):
    passage = chance.choice(_CITED).format(f"{chance.choice(_ROUGH)} {_number(chance)}".strip())
    return _put_in(text, f"It is {passage}{chance.choice(('', ' less', ' apiece', ' in total'))}.", chance)


def _own_figure(text, chance, record):
    figures = _FIGURE.findall(record) or ["3"]
    number = sum(int(figure.replace(",", "") or 0) for figure in chance.choices(figures, k=chance.choice((1, 1, 2, 3))))
    noun = chance.choice((*_NOUNS, "citations", "papers"))
    return _put_in(text, f"{chance.choice(_ROUGH).capitalize()} {number + chance.choice((0, 0, 1))} {noun}.", chance)


def _phrase_added(text, chance):
    return _put_in(text, chance.choice(_PHRASES), chance)


def _put_in(text, sentence, chance):
    own = _SENTENCE.split(text)
    own.insert(chance.randint(0, len(own)), sentence)
    return " ".join(own)


def _cut_short(text, chance):
    return text[: chance.randint(1, len(text))] if text else text


def _other_case(text, chance):
    return chance.choice((str.upper, str.lower, str.title))(text)


def _decomposed(text, chance):
    return unicodedata.normalize(chance.choice(("NFD", "NFKC")), text.replace("a", "á", 3).replace('"', "”"))


def _named(text, chance, people, at):
    family = people[at].author_name.partition(",")[0]
    other = chance.choice(("The author", "", chance.choice(people).author_name, family.upper(), family + "son"))
    return text.replace(family, other) if family else text


def _sentence_of(text, chance, others):
    return _put_in(text, chance.choice(_SENTENCE.split(chance.choice(others))), chance)


def _line_of(text, chance, record):
    return _put_in(text, chance.choice(record.split("\n")).strip() + ".", chance)


def _record(author, chance):
    """The author with another record: lines gone, added or without their figures, no totals, another script."""
    head, *lines = author.text.split("\n")
    match chance.randrange(6):
        case 0:
            lines = chance.sample(lines, len(lines) // 2)
        case 1:
            lines.insert(chance.randint(0, len(lines)), chance.choice(_TITLES))
        case 2:
            lines = [line.partition(" | cited")[0] for line in lines]
        case 3:
            head = head.partition(" | ")[0] + chance.choice(
                ("", " | 3 papers, cited 7, 1 hot, 2 highly cited, shown 2")
            )
        case 4:
            lines = [line.replace("e", "é").replace(" of ", " 的 ") for line in lines]
        case 5:
            lines += [" 碳储存与泥炭 | cited 12", "?", " Peat bogs 1,200 and 45 | cited 1", " Ice | cited -3"]
    name = chance.choice((author.author_name, author.author_name, "", "王, 小明", "de la", "Li, A."))
    return Asked(author.author_id, name, "\n".join([head, *lines]))
