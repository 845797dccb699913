"""The reader against its rules in their plainest form. With a number of replies it is a script:

python -m summarizer_assets_tests.core.answers.test_plain_reader 25000
"""

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product

from summarizer_assets.core.answers.reply import AnswerChecks, Asked, Reading, read_reply
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.prompt.messages import PromptSettings, system_message
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets_tests.core.answers.plain_reader import read_plainly
from summarizer_assets_tests.core.answers.replies import TEXTS, chat

_INSTRUCTION = system_message(PromptSettings())
_WORDS = (
    "peat",
    "bogs",
    "lenses",
    "of",
    "sapphire",
    "in",
    "northern",
    "lakes",
    "carbon",
    "storage",
    "tin",
    "the",
    "rye",
)
_HOSTILE = (
    *("http://a.example", "see www.example.org", "WwW.x", "now. W.", "ww.", "x.com/p", "EXAMPLE.CO:80/", "and/or"),
    *("<b>", "p < 0.05", "a@b.example", "TiO2@C", "![x](y)", "[a](b/c)", "[a/b] (alpha/iron)", "[1]: x/y", "[1]: x"),
    *("javascript:x", "mailto: x", "data:text/x", "data: y", "note: //", "MAILTO:", ":", "/", "#1", "|", " | ", ' #"'),
    *("\u200b", "\u202e", "\ufeff", "\u00ad", "\x00", "\x07", "\x85", "\u2028", "\n\n", "\t", "\r\n", "\u00a0"),
    *("e\u0301", "\u0301", "\u0344", "\u212b", "Å", "Ωμέγα", "CO₂ ≥ 5 °C", "“so”", "各向同性", "👩\u200d🔬"),
    *("\ud800", "\udfff", "\U000e0041", "\ue000", "\ufb01", "İstanbul", "ΣΟΦΟΣ.", "가\u11a8", "\u0387", "\u2126", ""),
    *("\u3000", " @ ", "a.b/c", "क\u200dष"),
)  # fmt: skip


def _phrase(chance: random.Random, most: int = 12) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(3, most)))


def _author(number: int, chance: random.Random) -> Asked:
    author_id, name = str(100 + number), f"{chance.choice(('Marlow', 'Quint', 'Žák', 'Ferro'))}{number}, Ada"
    facts = ("", " | cited 7", f" @ {_phrase(chance)}")
    papers = [f" {_phrase(chance).capitalize()}{chance.choice(facts)}" for _ in range(4)]
    head = f'#"{author_id}" {name} @ Univ Ostrava | 4 papers'
    return Asked(author_id, name, "\n".join([head, f"Annals of {_phrase(chance)}", *papers]))


def _good(author: Asked, chance: random.Random) -> str:
    lines = [re.split(r" [|@] ", line)[0].strip() for line in author.text.split("\n")[1:]]
    told = [f"{author.author_name} works on “{chance.choice(lines)}”.", f"{_phrase(chance).capitalize()}."]
    return " ".join(told * chance.randint(1, 3))


def _spoilt(text: str, author: Asked, chance: random.Random) -> object:
    at = chance.choice((0, len(text), chance.randint(0, len(text))))
    start = chance.randrange(len(author.text))
    begin = chance.randrange(len(_INSTRUCTION))
    put = chance.choice(
        [
            chance.choice(_HOSTILE),
            chance.choice(_HOSTILE),
            " ".join(author.text[start : start + chance.randint(20, 200)].split()),
            " ".join(re.sub(r"\n ?", " ", author.text).split(" ")[chance.randint(0, 9) :]),
            " ".join(_INSTRUCTION[begin : begin + chance.randint(30, 90)].split()),
        ]
    )
    whole = [put, None, 7, ["x"], {"text": text}, "", " \u00a0\n", text * 20]
    return chance.choice(whole) if chance.random() < 0.2 else text[:at] + put + text[at:]


def a_reply(chance: random.Random) -> tuple[bytes, list[Asked], AnswerChecks]:
    """A body, the authors asked for, and the checks: good as often as spoilt."""
    asked = [_author(number, chance) for number in range(chance.randint(1, 7))]
    rows: list[tuple[object, object]] = [(author.author_id, _good(author, chance)) for author in asked]
    for _ in range(chance.choice((0, 0, 1, 2))):
        place = chance.randrange(len(rows))
        rows[place] = (rows[place][0], _spoilt(str(rows[place][1]), asked[place], chance))
    match chance.randrange(12):
        case 0:
            chance.shuffle(rows)
        case 1:
            rows.append(chance.choice([rows[0], (rows[0][0], "Another text."), (rows[0][0], None), ("none", "x")]))
        case 2:
            del rows[chance.randrange(len(rows))]
        case 3:
            dressed = chance.choice(['#"{}"', " {} ", "[{}]", "#{}", "{}0", "\\u0031{}"])
            rows[0] = (chance.choice([dressed.format(rows[0][0]), int(str(rows[0][0])), True, None, ["1"]]), rows[0][1])
    listed = [{"author_id": given, "summary": text} for given, text in rows]
    content = json.dumps({"summaries": listed}, ensure_ascii=chance.random() < 0.5)
    finish = "stop"
    match chance.randrange(16):
        case 0:
            content, finish = content[: chance.randint(0, len(content))], chance.choice(("stop", "length"))
        case 1:
            dress = chance.choice(("```json\n{}\n```", "<think>a</think>{}", "Here: {} {}", "{} ]", "[{}]"))
            content = dress.replace("{}", content)
        case 2:
            content = content.replace('"summary"', chance.choice(('"summary": "x", "summary"', '"Summary"', '"text"')))
        case 3:
            content = chance.choice([json.dumps(content), json.dumps(listed), *TEXTS.values()])
    checks = AnswerChecks(800, chance.random() < 0.3, instruction=chance.choice((_INSTRUCTION, "")), model="m")
    return chat(content, finish), asked, checks


def _outcome(read: object, body: bytes, asked: list[Asked], checks: AnswerChecks) -> tuple[object, ...]:
    try:
        reading: Reading = read(OPENAI_CHAT.open(body), asked, checks)  # type: ignore[operator] # one of two functions
    except UnusableReply as error:
        return error.reason, error.detail, error.retry_same, error.split
    return reading, list(reading.again), list(reading.details)


def hostile_replies() -> Iterator[tuple[bytes, list[Asked], AnswerChecks]]:
    """Each hostile piece at the beginning, within and at the end of one of three good answers."""
    chance = random.Random(5)
    checks = AnswerChecks(800, judged=False, instruction=_INSTRUCTION, model="m")
    for piece, share in product(_HOSTILE, (0.0, 0.4, 1.0)):
        asked = [_author(number, chance) for number in range(3)]
        texts = [_good(author, chance) for author in asked]
        at = int(share * len(texts[1]))
        texts[1] = texts[1][:at] + piece + texts[1][at:]
        rows = [{"author_id": one.author_id, "summary": text} for one, text in zip(asked, texts, strict=True)]
        yield chat(json.dumps({"summaries": rows})), asked, checks


def ends_of(replies: Iterable[tuple[bytes, list[Asked], AnswerChecks]]) -> Counter[str]:
    """How many answers of these ended how; each as its rules in their plainest form say.

    Raises:
        AssertionError: one does not.
    """
    ends: Counter[str] = Counter()
    for number, (body, asked, checks) in enumerate(replies):
        mine, plain = (_outcome(read, body, asked, checks) for read in (read_reply, read_plainly))
        assert mine == plain, f"reply {number}: {mine} instead of {plain}: {body!r}"
        if isinstance(mine[0], Reading):
            ends.update(accepted=len(mine[0].accepted))
            ends.update(map(str, mine[0].again.values()))
        else:
            ends.update(unusable=1)
    return ends


def replies(count: int) -> Iterator[tuple[bytes, list[Asked], AnswerChecks]]:
    return (a_reply(random.Random(number)) for number in range(count))


def test_each_answer_ends_as_the_rules_say_in_their_plainest_form():
    ends = ends_of(replies(400))
    assert ends["accepted"] > 500
    assert {"unusable", "echo", "unsafe_text", "bad_text", "id_mismatch", "bad_type", "too_long"} <= ends.keys()


def test_a_hostile_piece_is_found_wherever_it_stands_in_a_reply():
    assert ends_of(hostile_replies()).keys() >= {"unsafe_text", "bad_text", "echo"}


if __name__ == "__main__":
    sys.stdout.write(f"{dict(ends_of(replies(int(sys.argv[1]))))}\n")
