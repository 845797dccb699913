"""What every contender of `benchmarks.engine` is given, and what they share: the table, its buckets and the prompt.

Everything that runs in another engine's environment too imports no more of the package than its prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from summarizer_assets.core.prompt.messages import PromptSettings, system_message, user_message
from summarizer_assets.core.prompt.request_form import FIRST_FORM
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

WARM, MEASURED = "0000", "0001"  # a few authors on which a process warms up; the rest
BUCKETS = 2
MODEL = "m"
MAX_TOKENS = 4096
SYSTEM = system_message(PromptSettings())


@dataclass(frozen=True)
class Work:
    """One run: `folder` holds the table `authors`, `out` is the run's own, `authors` the most to do.

    `rpm`: the requests a minute that the server allows; given to ours as its limit.
    """

    folder: Path
    out: Path
    url: str
    bucket: str
    in_flight: int = 64
    group_size: int = 20
    authors: int | None = None
    grounding: bool = False
    rpm: int | None = None


@dataclass(frozen=True)
class Done:
    """Authors with a summary stored, and the requests that took."""

    authors: int
    requests: int


def read_authors(work: Work) -> pl.DataFrame:
    """The bucket from the Delta table."""
    frame = pl.scan_delta(str(work.folder / "authors")).filter(pl.col("bucket") == work.bucket).collect()
    return frame if work.authors is None else frame.head(work.authors)


def render(authors: pl.DataFrame) -> list[str]:
    """The fastest rendering known: no cleaning, no order, no limits."""
    paper = pl.format(
        "{} | {} | {} | cited {} @ {}",
        *(
            pl.element().struct.field(name).cast(pl.String).fill_null("")
            for name in ("title", "journal", "woscategory", "citingsrcslocalcount", "prefinstitution")
        ),
    )
    text = pl.format(
        '#"{}" {} @ {}\n {}',
        "author_id",
        pl.col("author_name").fill_null(""),
        pl.col("primary_affiliation").fill_null(""),
        pl.col("papers").list.eval(paper).list.join("\n "),
    )
    return authors.select(text).to_series().to_list()


def body(texts: Sequence[str]) -> bytes:
    """The request that ours sends too: same instruction, same schema."""
    return OPENAI_CHAT.encode(ChatRequest(MODEL, SYSTEM, user_message(texts), MAX_TOKENS, FIRST_FORM, {}))
