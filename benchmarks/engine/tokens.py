"""Tokens an author: the record as YAML, against what is sent. o200k, nulls left out in both.

    python -m benchmarks.engine.tokens [authors.parquet] [most authors]

"all papers" lifts the caps, so that both forms hold the same; "default" shows what is sent with the default settings.
"""

from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"most": 100})
    parser.add_argument(
        "source", type=Path, nargs="?", help="a Parquet file of authors; without one, the bundled sample"
    )
    parser.add_argument("most", type=int, nargs="?", default=5000, help="authors")
    options = parser.parse_args()

import polars as pl
import yaml
from bpe_openai import get_encoding

from summarizer_assets.core.prompt.rendering import RenderSettings, render
from summarizer_assets.core.records import AUTHOR
from summarizer_assets.sample import sample_path
from summarizer_assets.sources.source import open_source

ENCODING = get_encoding("o200k_base")
FLAGS = {"hot_paper", "highly_cited_paper"}
ALL_PAPERS = RenderSettings(max_papers=10**9, max_characters=10**9, max_title=10**6)


def tokens(text: str) -> int:
    return len(ENCODING.encode(text, disallowed_special=()))


def plain_yaml(author: dict[str, Any]) -> str:
    """The form people paste today: no quotes, line wraps folded. The shortest YAML-like form there is."""
    lines = [f"daisngid: {author['author_id']}"]
    lines += [f"{name}: {author[name]}" for name in ("author_name", "primary_affiliation") if author[name] is not None]
    if author["topics"]:
        lines.append(f"topics: {', '.join(author['topics'])}")
    lines.append("papers:")
    for paper in author["papers"] or []:
        fields = [f"{name}: {_plain(name, value)}" for name, value in paper.items() if value is not None]
        lines += [("- " if first else "  ") + field for first, field in zip([True] + [False] * 8, fields, strict=False)]
    return "\n".join(lines) + "\n"


def _plain(name: str, value: object) -> object:
    return int(bool(value)) if name in FLAGS else " ".join(str(value).split())


def valid_yaml(author: dict[str, Any]) -> str:
    """What a YAML library writes for the same record, lines unwrapped."""
    found: dict[str, Any] = {"daisngid": author["author_id"]}
    found |= {name: author[name] for name in ("author_name", "primary_affiliation", "topics") if author[name]}
    found["papers"] = [
        {name: int(value) if name in FLAGS else value for name, value in paper.items() if value is not None}
        for paper in author["papers"] or []
    ]
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=10**9)


def main(path: Path, most: int) -> None:
    authors = pl.concat([chunk.authors for chunk in open_source(str(path), {}).chunks(100_000)]).select(AUTHOR.names())
    authors = authors.sample(min(most, authors.height), seed=1)
    rows = authors.to_dicts()
    forms = {
        "YAML by a library": [tokens(valid_yaml(row)) for row in rows],
        "YAML as pasted": [tokens(plain_yaml(row)) for row in rows],
        "ours, all papers": [tokens(text) for text in render(authors, ALL_PAPERS)["text"]],
        "ours, default": [tokens(text) for text in render(authors, RenderSettings())["text"]],
    }
    estimated = render(authors, RenderSettings())["tokens"].sum()
    library, pasted = (sum(forms[name]) for name in ("YAML by a library", "YAML as pasted"))
    print(f"{path.name}: {authors.height:,} authors")
    print(f"{'form':<20}{'tokens/author':>14}{'% of library':>14}{'% of pasted':>14}")
    for name, counts in forms.items():
        total = sum(counts)
        print(f"{name:<20}{total / len(rows):>14.1f}{100 * total / library:>14.1f}{100 * total / pasted:>14.1f}")
    print(f"estimated without a tokenizer: {100 * estimated / sum(forms['ours, default']):.1f} % of the true count")


if __name__ == "__main__":
    main(options.source or sample_path(), options.most)
