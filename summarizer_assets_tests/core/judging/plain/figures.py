"""The figures of a text against its record, each looked at in full: what `core.judging.figures` must equal."""

import re
from itertools import accumulate, combinations

from summarizer_assets.core.judging import figures as rules
from summarizer_assets.core.judging import stated_figures as vocabulary
from summarizer_assets.core.judging.vocabulary import CITATIONS, CITED, NUMBER_WORDS, PAPERS

_NOUNS = PAPERS | CITATIONS | CITED
_CITED_OF = re.compile(r" \| cited (-?\d+)")


def contradicted(text, record):
    known = Known(record)
    if may_state(text, record) or (not text.plain.isascii() and {"引", "篇"} & set(text.plain)):
        for figure in stated_in(text):
            if not (_papers_hold(figure, known) if figure["of_papers"] else _citations_hold(figure, known)):
                around = figure["around"]
                return " ".join(around[min(figure["start"], figure["first"]) : max(figure["last"], figure["end"]) + 1])
    return None


def may_state(text, record):
    nouns = _NOUNS & text.present
    if nouns & PAPERS or nouns & CITATIONS:
        return True
    unsaid = [word for word in text.present if word < ":" and not _states(record, word)]
    return bool(nouns) and bool({"once", "twice"} & text.present or unsaid)


def _states(record, number):
    at = record.find(f" | cited {number}")
    return at >= 0 and not record[at + len(number) + 9 : at + len(number) + 10].isdigit()


class Known:
    def __init__(self, record):
        self.record = record
        head, *lines = record.split("\n")
        total = rules._HEAD.search(head)
        shown = record.count("\n ")
        self.papers = int(total["papers"]) if total else shown
        self.hot = int(total["hot_paper"] or 0) if total else len(rules._HOT.findall(record))
        named = int(total["highly_cited_paper"] or 0) if total else record.count("highly cited")
        self.highly_cited = named
        journals = [[]]
        for line in lines:
            if not line.startswith(" "):
                journals.append([])
            elif found := _CITED_OF.search(line):
                journals[-1].append(int(found[1]))
        each = sorted((cited for journal in journals for cited in journal), reverse=True)
        self.citations = {*each, *accumulate(each), *(sum(journal) for journal in journals if journal)}
        self.citations.update(first + second for first, second in combinations(each[:6], 2))
        if total and total["citingsrcslocalcount"]:
            self.citations.add(int(total["citingsrcslocalcount"]))
        titles = [_CITED_OF.sub("", line) for line in lines]
        self.numbers = {int(number.replace(",", "")) for text in titles for number in rules._NUMBER.findall(text)}
        of_journals = [part.count("\n ") for part in re.split(r"\n(?! )", record)]
        self.counts = {self.papers, shown, self.papers - shown, self.hot, named, *of_journals}


def _papers_hold(figure, known):
    number, spelled = figure["number"], not figure["around"][figure["first"]][0].isdigit()
    if "highly" in figure["around"][figure["last"] + 1 : figure["end"]]:
        return number <= known.highly_cited
    if number == known.papers or (spelled and number < known.papers) or _rough(figure):
        return True
    if number > 11 and number in known.numbers:
        return True
    after = figure["around"][figure["end"] + 1 : figure["end"] + 2]
    chooses = bool(after) and after[0] in vocabulary._SOME
    if not spelled and _is_total(figure, chooses):
        return chooses and number in known.counts
    return number in known.counts or number < min(known.papers, 11)


def _is_total(figure, chooses):
    before = [word.lower() for word in figure["around"][max(0, figure["first"] - 2) : figure["first"]]]
    if before[-1:] == ["of"]:
        return True
    if not before or before[-1] not in vocabulary._ALL:
        return False
    return (len(before) > 1 and before[0] in vocabulary._AMONG) or not chooses


def _citations_hold(figure, known):
    around, number = figure["around"], figure["number"]
    end = max(figure["last"], figure["end"]) + 1
    before, after = around[max(0, figure["first"] - 3) : figure["first"]], around[end : end + 3]
    relative = vocabulary._RELATES_AFTER & set(before) or vocabulary._RELATES_BEFORE & set(after)
    if _states(known.record, str(number)) or relative or not known.citations or number in known.numbers:
        return True
    return any(_fits(number, _rough(figure), cited) for cited in known.citations)


def _fits(number, rough, known):
    match rough:
        case "more":
            return known >= number
        case "less":
            return known <= number
        case "nearly":
            return number / 1.35 < known <= number
        case "about":
            return abs(known - number) <= max(1.0, number * 0.12)
    return known == number or (number >= 1000 and number % 100 == 0 and abs(known - number) < 50)


def _rough(figure):
    before = [word.lower() for word in figure["around"][max(0, figure["first"] - 3) : figure["first"]]]
    near = [word for word in before if word not in vocabulary._ARTICLES][-2:]
    if figure["told"] or not near:
        return figure["told"]
    if near[-1] == "than" and near[0] in vocabulary._LESS_THAN:
        return "less"
    return next((kind for kind, words in vocabulary._ROUGH.items() if near[-1] in words), None)


def stated_in(text):
    for at, word in enumerate(text.words):
        if word in CITED:
            yield from _beside_cited(text.plain, text.words, at)
        elif word in _NOUNS:
            yield from _before_noun(text.plain, text.words, at)
    for pattern, of_papers in zip(vocabulary._CHINESE, (True, False), strict=True):
        for found in pattern.finditer(text.plain) if not text.plain.isascii() else ():
            told = vocabulary._ROUGH_CHINESE.get(found["before"] or found["after"] or "")
            around, number = [found["number"], found["after"] or "次"], int(found["number"].replace(",", ""))
            yield {"number": number, "of_papers": of_papers, "around": around, "told": told, "end": 1} | {
                "first": 0,
                "last": 0,
                "start": 0,
            }


def _beside_cited(plain, words, at):
    for place in range(at + 1, min(len(words), at + 4)):
        word = words[place]
        if f"{words[place - 1]} {word}" not in plain and f"{words[place - 1]}, {word}" not in plain:
            break
        if word.isdecimal() or (word in ("once", "twice") and words[place + 1 : place + 2] != ["as"]):
            yield _figure(plain, words, place, place, of_papers=False, start=at)
            break
        roughly = any(word in kind for kind in vocabulary._ROUGH.values())
        if word in ("once", "twice") or (word not in vocabulary._LEADING and not roughly):
            break
    if at >= 2 and words[at - 1] in vocabulary._TIMES and words[at - 2].isdecimal():
        yield _figure(plain, words, at - 2, at, of_papers=False)


def _before_noun(plain, words, at):
    before = _number_before(plain, words, at)
    if before is None:
        return
    of_papers = words[at] in PAPERS
    if of_papers or words[before].isdecimal():
        yield _figure(plain, words, before, at, of_papers=of_papers)
    start = before
    while not of_papers and start > 0 and words[start - 1] in vocabulary._LINKS and start > before - 4:
        start -= 1
        if words[start] == "of" and start > 0 and words[start - 1].isdecimal():
            yield _figure(plain, words, start - 1, at, of_papers=False)
            return


def _number_before(plain, words, at):
    for place in range(at - 1, max(-1, at - 6), -1):
        word = words[place]
        if f"{word} {words[place + 1]}" not in plain and f"{word}-{words[place + 1]}" not in plain:
            return None
        if _value(word) is not None:
            of_a_name = place > 0 and any(f"{words[place - 1]}{mark}{word} " in plain for mark in "-./")
            return None if of_a_name or words[place + 1] in vocabulary._UNITS else place
        if word not in vocabulary._KINDS and not word[0].isupper():
            return None
    return None


def _figure(plain, words, place, end, *, of_papers, start=None):
    first = last = place
    while first > 0 and _are_one(plain, words[first - 1], words[first]):
        first -= 1
    while last + 1 < len(words) and _are_one(plain, words[last], words[last + 1]):
        last += 1
    number = int("".join(words[first : last + 1])) if words[place].isdecimal() else _value(words[place])
    start = first if start is None else start
    figure = {"number": number, "of_papers": of_papers, "around": words, "told": None}
    return figure | {"first": first, "last": last, "start": start, "end": end}


def _value(word):
    if "0" <= word[0] <= "9":
        return int(word) if word.isdecimal() else None
    return NUMBER_WORDS.get(word.lower())


def _are_one(plain, left, right):
    if len(right) != 3 or len(left) > 3 or not (left.isdecimal() and right.isdecimal()):
        return False
    return any(f"{left}{mark}{right}" in plain for mark in ",.' ")
