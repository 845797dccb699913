"""What the contenders of `benchmarks.engine` work on: a Delta table `authors`, and a grounded summary of each author.

    python -m benchmarks.engine.data FOLDER AUTHORS [SOURCE.parquet]

Without a source, synthetic authors of a usual shape: eight papers, about 775 characters as rendered, titles of made-up
words that are drawn as words are (few often, many seldom), a twentieth of them with an export's markup.
The bucket `WARM` holds a few authors on which a process warms up, `MEASURED` the rest, each by the hash of its id.
Prints what was made as one line of JSON.
"""

import itertools
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="engine")
    parser.add_argument("folder", type=Path)
    parser.add_argument("authors", type=int)
    parser.add_argument("source", type=Path, nargs="?")
    options = parser.parse_args()

import msgspec
import polars as pl

from benchmarks.engine.contender import BUCKETS, MEASURED, WARM
from summarizer_assets.bucket_run.asking.prompts import render_bucket
from summarizer_assets.core.buckets import bucket_of, buckets_of
from summarizer_assets.core.prompt.rendering import RenderSettings
from summarizer_assets.core.records import AUTHOR, AUTHORS
from summarizer_assets.llm.embedded.template import summarize
from summarizer_assets.storage.delta.changes import Append
from summarizer_assets.storage.delta.table import BucketedTable

WARM_AUTHORS = 200
PAPERS = 8
_SYLLABLES = tuple("ba cor den fil gran hy lam mer no phos quin ra sol tri ver zy ac el im on ur tel".split())  # noqa: SIM905 - words
_ENDINGS = ("tion", "ing", "ic", "al", "ity", "ment", "s", "ed", "ology", "er", "", "", "")
_SMALL = ("of", "in", "the", "and", "for", "with", "by", "from", "on", "a")
# A model puts things in its own words too: judging looks at each of them.
_OWN_WORDS = " Most of this work studies related questions together, and it was published regularly over several years."
_MARKUP = ("<i>{}</i>", "{} &amp; others", "$\\alpha$-{}", "{}  ", "\\textit{{{}}}")


def synthetic(count: int, seed: int = 3) -> pl.DataFrame:
    """`count` authors in the bucket `MEASURED` and a few in `WARM` (schema `records.AUTHOR`), the same for a seed."""
    draw = random.Random(seed)
    words = sorted({_word(draw) for _ in range(6000)})
    draw.shuffle(words)
    often = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(words))))
    journals = [(f"Journal of {_title(draw, words, often, 2)}", _title(draw, words, often, 1)) for _ in range(400)]
    places = [f"University of {_word(draw).title()}" for _ in range(600)]
    names = [_word(draw).title() for _ in range(2000)]

    def paper(number: int, home: str, usual: Sequence[tuple[str, str]]) -> dict[str, Any]:
        title = _title(draw, words, often, draw.randint(3, 5))
        journal, subject = draw.choice(usual)
        if draw.random() < 0.05:
            title = draw.choice(_MARKUP).format(title)
        cited = int(draw.paretovariate(0.9) * 3) - 3
        return {
            "ut": f"WOS:{number:015d}",
            "prefinstitution": draw.choice((None, None, home, f"{home}; {draw.choice(places)}")),
            "hot_paper": False,
            "highly_cited_paper": cited > 250,
            "citingsrcslocalcount": min(cited, 4000),
            "title": title,
            "woscategory": subject,
            "journal": journal,
        }

    def author(author_id: str, number: int) -> dict[str, Any]:
        home, usual = draw.choice(places), draw.sample(journals, 3)
        return {
            "author_id": author_id,
            "author_name": f"{draw.choice(names)}, {draw.choice(names)}",
            "primary_affiliation": home,
            "topics": None,
            "papers": [paper(number * PAPERS + place, home, usual) for place in range(PAPERS)],
        }

    ids = itertools.chain(_ids_of(WARM, WARM_AUTHORS), _ids_of(MEASURED, count))
    return pl.DataFrame([author(one, number) for number, one in enumerate(ids)], schema=AUTHOR, orient="row")


def _ids_of(bucket: str, count: int) -> Iterable[str]:
    every = (str(number) for number in itertools.count(700_000_000))
    return itertools.islice((author_id for author_id in every if bucket_of(author_id, BUCKETS) == bucket), count)


def _word(draw: random.Random) -> str:
    return "".join(draw.choice(_SYLLABLES) for _ in range(draw.randint(2, 3))) + draw.choice(_ENDINGS)


def _title(draw: random.Random, words: Sequence[str], often: Sequence[float], count: int) -> str:
    chosen = draw.choices(words, cum_weights=often, k=count)
    for place in range(2, len(chosen), 3):
        chosen[place] = draw.choice(_SMALL) + " " + chosen[place]
    return " ".join(chosen).capitalize()


def from_file(path: Path, count: int) -> pl.DataFrame:
    """Of the authors of a nested Parquet file who have papers, the first `count` in `MEASURED` and a few in `WARM`."""
    held = pl.scan_parquet(path).rename({"daisngid": "author_id"}, strict=False)
    held = held.with_columns(pl.col("author_id").cast(pl.String)).filter(pl.col("papers").list.len() > 0)
    if "topics" not in held.collect_schema():
        held = held.with_columns(topics=pl.lit(None, pl.List(pl.String)))
    authors = held.select(pl.col(name).cast(kind) for name, kind in AUTHOR.items())
    found = authors.unique("author_id", maintain_order=True).collect()
    homes = buckets_of(found["author_id"], BUCKETS)
    return pl.concat([found.filter(homes == WARM).head(WARM_AUTHORS), found.filter(homes == MEASURED).head(count)])


def prepare(folder: Path, authors: pl.DataFrame) -> dict[str, Any]:
    """Write the table `authors` and `replies.msgpack` (pairs of author id and summary) into `folder`."""
    table = BucketedTable(str(folder / "authors"), AUTHORS, BUCKETS)
    homes = buckets_of(authors["author_id"], BUCKETS)
    buckets = {bucket: authors.filter(homes == bucket) for bucket in (WARM, MEASURED)}
    replies: list[tuple[str, str]] = []
    characters = 0
    for bucket, part in buckets.items():
        rows = part.with_columns(record_hash=pl.lit("-"), bucket=pl.lit(bucket))
        table.writer(bucket, None).apply(Append(bucket, rows))
        rendered = render_bucket(rows, RenderSettings())
        characters += int(rendered["text"].str.len_chars().sum())
        pairs = rendered.select("author_id", "text").iter_rows()
        replies += [(author_id, summarize(text) + _OWN_WORDS) for author_id, text in pairs]
    (folder / "replies.msgpack").write_bytes(msgspec.msgpack.encode(replies))
    return {
        "authors": buckets[MEASURED].height,
        "papers": round(float(authors["papers"].list.len().mean() or 0), 2),
        "record_characters": round(characters / authors.height),
        "summary_words": round(sum(len(text.split()) for _, text in replies) / len(replies)),
    }


if __name__ == "__main__":
    found = from_file(options.source, options.authors) if options.source else synthetic(options.authors)
    print(json.dumps(prepare(options.folder, found)))
