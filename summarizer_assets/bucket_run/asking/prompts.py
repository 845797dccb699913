"""The requests of one bucket: what `core.prompt.messages` renders, put together by the authors' positions."""

from collections.abc import Sequence

import polars as pl

from summarizer_assets.bucket_run.journal_records import Todo
from summarizer_assets.core.answers.reply import Asked
from summarizer_assets.core.prompt.rendering import RENDERED, RenderSettings, render, trimmed
from summarizer_assets.core.prompt.request_form import RequestForm, Size
from summarizer_assets.core.prompt.tokens import estimate_tokens
from summarizer_assets.llm.request_builder import RequestBuilder

_NAMELESS = ""
#: A record that no filter can object to, of somebody who does not exist.
_CONTROL = """\
#"control" Kim Control @ Institute of Botany
Journal of Botany | plant sciences
 The growth of mosses in northern lakes"""
#: Of authors (records.AUTHORS).
NOTHING_TO_SUMMARISE = (pl.col("papers").list.len().fill_null(0) == 0) & (pl.col("topics").list.len().fill_null(0) == 0)
_RENDERED_AT_ONCE = 10_000  # authors; on its way a record takes several times its memory


def render_bucket(authors: pl.DataFrame, rendering: RenderSettings) -> pl.DataFrame:
    """What `core.authors.pending.plan_bucket` wants to know of a bucket's authors (records.AUTHORS)."""
    parts = [render(part, rendering) for part in authors.iter_slices(_RENDERED_AT_ONCE)]
    return pl.concat(parts or [pl.DataFrame(schema=RENDERED)]).hstack(
        authors.select("bucket", empty=NOTHING_TO_SUMMARISE)
    )


class BucketPrompt:
    """Bodies of requests for authors of a bucket.

    Args:
        authors: the authors of `todo`, in its order, to render them anew when one is too large.
        builder: of the run's requests.
    """

    def __init__(self, authors: pl.DataFrame, todo: Todo, rendering: RenderSettings, builder: RequestBuilder) -> None:
        self._authors = authors
        self._todo = todo
        self._rendering = rendering
        self._builder = builder

    def body(self, positions: Sequence[int], form: RequestForm, size: Size, complaint: str | None, trim: int) -> bytes:
        return self._builder.body(self._texts(positions, trim), form, size, complaint)

    def size(self, positions: Sequence[int], form: RequestForm) -> Size:
        records = sum([self._todo.tokens[position] for position in positions])
        return self._builder.size(records, len(positions), form)

    def cut(self, positions: Sequence[int], form: RequestForm) -> list[list[int]]:
        """The groups in which `form` takes these authors; one: as they are."""
        records = [self._todo.tokens[position] for position in positions]
        parts = form.cut(records, self._builder.overhead, self._builder.output_per_author)
        return [[positions[place] for place in part] for part in parts]

    def control(self, form: RequestForm) -> bytes:
        """The request for a harmless author who does not exist (see `core.blame`)."""
        return self._builder.body([_CONTROL], form, self.control_size(form))

    def control_size(self, form: RequestForm) -> Size:
        return self._builder.size(estimate_tokens(_CONTROL), 1, form)

    def asked(self, positions: Sequence[int], trim: int) -> list[Asked]:
        todo = self._todo
        ids = [todo.ids[position] for position in positions]
        names = [todo.names[position] or _NAMELESS for position in positions]
        return list(map(Asked, ids, names, self._texts(positions, trim)))

    def can_trim(self, position: int, trim: int) -> bool:
        """Whether the `trim`-th smaller rendering exists and leaves anything out."""
        if trimmed(self._rendering, trim) is None:
            return False
        return len(self._text(position, trim)) < len(self._text(position, trim - 1))

    def _texts(self, positions: Sequence[int], trim: int) -> list[str]:
        if trim:
            return [self._text(position, trim) for position in positions]
        return [self._todo.texts[position] for position in positions]

    def _text(self, position: int, trim: int) -> str:
        smaller = trimmed(self._rendering, trim) if trim else None
        if smaller is None:
            return self._todo.texts[position]
        text: str = render(self._authors.slice(position, 1), smaller)["text"].item()
        return text
