"""The template's answers with the usage that a provider would bill: counted by a real tokenizer (o200k).

The template writes 40 to 60 words where 80 are asked for, which decides the output tokens; `longer_answer` comes nearer
to what was asked for, by going on with the titles of the record.
"""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
from bpe_openai import Encoding, get_encoding

from summarizer_assets.llm.embedded import app as embedded
from summarizer_assets.llm.embedded.template import parse

_A_MESSAGE, _A_REPLY = 3, 3  # tokens around each message, and before the answer, as OpenAI frames them


@cache
def _encoding() -> Encoding:
    return get_encoding("o200k_base")


def tokens(text: str) -> int:
    return len(_encoding().encode(text, disallowed_special=()))


def answer(body: bytes) -> bytes:
    """See `summarizer_assets.llm.embedded.app.answer`."""
    return _counted(body, lambda _, content: content)


def longer_answer(body: bytes) -> bytes:
    """The same, each summary as near to the length asked for as whole titles bring it."""
    return _counted(body, _longer)


def _counted(body: bytes, change: Callable[[str, str], str]) -> bytes:
    reply = msgspec.json.decode(embedded.answer(body))
    messages = msgspec.json.decode(body)["messages"]
    message = reply["choices"][0]["message"]
    message["content"] = change(messages[-1]["content"], message["content"])
    asked = sum(tokens(said["content"]) + _A_MESSAGE for said in messages) + _A_REPLY
    said = tokens(message["content"])
    reply["usage"] = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return msgspec.json.encode(reply)


def _longer(user: str, content: str, words: int = 80) -> str:
    titles = {
        record.author_id: [paper.title for paper in record.papers if paper.title]
        for record in map(parse, embedded.records_of(user))
    }
    rows = msgspec.json.decode(content)["summaries"]
    for row in rows:
        row["summary"] = _lengthened(row["summary"], titles[row["author_id"]], words)
    return msgspec.json.encode({"summaries": rows}).decode()


def _lengthened(summary: str, titles: Sequence[str], words: int) -> str:
    """With as many further titles as keep it below `words`; once more from the first, where there are too few."""
    left = words - len(summary.split())
    more: list[str] = []
    for title in [*titles, *titles] if titles else []:
        left -= len(title.split())
        if left < 0:
            break
        more.append(f"“{title}”")
    return f"{summary} Further titles are {', '.join(more)}." if more else summary
