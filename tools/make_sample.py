"""Makes the bundled sample: synthetic authors in the record's form, with the nastiness of real exports.

    python tools/make_sample.py [--to summarizer_assets/sample/authors.parquet]

Everything is drawn from one seed. Names are put together from syllables and mean nobody; institutions and journals do
not exist.
"""

import argparse
import random
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before what takes long to import
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, help="the file to write; without it, the bundled sample is made anew")
    options = parser.parse_args()

import polars as pl
from sample_words import DIRTY, FIELDS, INSTITUTIONS, NAMES, PLAIN_AFFILIATIONS, TOPICS, Field

from summarizer_assets.sample import sample_path

SEED = 20
AUTHORS = 1000
FIRST_ID = 900_000_001
PROLIFIC = {17: 412, 318: 333, 700: 305}

#: Flags as 0 and 1 and counts as text, as exports have them: a few counts are no numbers.
SCHEMA = pl.Schema(
    {
        "daisngid": pl.Int64,
        "author_name": pl.String,
        "primary_affiliation": pl.String,
        "topics": pl.List(pl.String),
        "papers": pl.List(
            pl.Struct(
                {
                    "ut": pl.String,
                    "prefinstitution": pl.String,
                    "hot_paper": pl.Int8,
                    "highly_cited_paper": pl.Int8,
                    "citingsrcslocalcount": pl.String,
                    "title": pl.String,
                    "woscategory": pl.String,
                    "journal": pl.String,
                }
            )
        ),
    }
)

Row = dict[str, Any]


def _name(draw: random.Random) -> str:
    style = draw.choices(NAMES, weights=[style.weight for style in NAMES])[0]
    family = style.family(draw)
    given = style.given(draw)
    return style.form.format(family=family, given=given, initial=given[:1])


def _title(draw: random.Random, field: Field) -> str:
    pattern = draw.choice(field.patterns)
    things = draw.sample(field.things, 3)
    title = pattern.format(*things, place=draw.choice(field.places), method=draw.choice(field.methods))
    return title[:1].upper() + title[1:]


def _paper(draw: random.Random, field: Field, number: int, institution: str | None) -> Row:
    journal, categories = draw.choice(field.journals)
    cited = int(draw.paretovariate(0.9) * 3) - 3
    highly = cited > 250
    return {
        "ut": f"SAMPLE:{number:09d}",
        "prefinstitution": institution if draw.random() < 0.85 else None,
        "hot_paper": None if draw.random() < 0.3 else int(highly and draw.random() < 0.2),
        "highly_cited_paper": None if draw.random() < 0.3 else int(highly),
        "citingsrcslocalcount": str(min(cited, 4000)) if draw.random() < 0.93 else None,
        "title": _title(draw, field),
        "woscategory": categories if draw.random() < 0.9 else None,
        "journal": journal if draw.random() < 0.95 else None,
    }


def _dirty(draw: random.Random, paper: Row) -> None:
    """One of the faults of real exports, put into a paper."""
    title = str(paper["title"])
    kind = draw.randrange(9)
    if kind == 0:
        middle = title.find(" ", len(title) // 2)
        paper["title"] = title[:middle] + "\n   " + title[middle + 1 :] if middle > 0 else title
    elif kind == 1:
        first, _, rest = title.partition(" ")
        paper["title"] = f"<i>{first}</i> {rest}"
    elif kind == 2:
        paper["title"] = title.replace(" and ", " &amp;amp; ") + " (p &lt; 0.05)"
    elif kind == 3:
        first, _, rest = title.partition(" ")
        paper["title"] = f"\\textit{{{first}}} {rest}: the case of $\\alpha_{{{draw.randrange(1, 9)}}}$"
    elif kind == 4:
        paper["citingsrcslocalcount"] = draw.choice(["n/a", "-", "many", ""])
    elif kind == 5:
        paper["title"] = None
    elif kind == 6:
        paper["journal"] = str(paper["journal"] or "Annals").replace(" and ", r" \& ").upper()
    elif kind == 7:
        paper["title"] = f"  {title}\u200b \u202e \x07"
    else:
        paper["title"] = title + draw.choice([" 🧬", " 🌊🐟", " — a reply", " (Erratum)"])


def rows() -> list[Row]:
    """All rows, in the order of the file."""
    draw = random.Random(SEED)
    made: list[Row] = []
    paper_number = 0
    for index in range(AUTHORS):
        field = draw.choice(FIELDS)
        institution = draw.choice(INSTITUTIONS)
        count = PROLIFIC.get(index) or min(60, int(draw.paretovariate(0.8)))
        papers = []
        for _ in range(count):
            paper_number += 1
            where = institution if draw.random() < 0.7 else f"{institution}; {draw.choice(INSTITUTIONS)}"
            paper = _paper(draw, field, paper_number, where)
            if draw.random() < 0.12:
                _dirty(draw, paper)
            papers.append(paper)
        made.append(
            {
                "daisngid": FIRST_ID + index,
                "author_name": _name(draw),
                "primary_affiliation": institution if draw.random() < 0.8 else None,
                "topics": None,
                "papers": papers,
            }
        )
    _spoil(draw, made)
    return made


def _spoil(draw: random.Random, made: list[Row]) -> None:
    """Faults of whole rows, at places far from each other."""
    for index in range(40, AUTHORS, 97):  # the narrow form: topics instead of papers
        made[index] |= {"papers": None, "topics": draw.sample(TOPICS, draw.randrange(1, 6))}
    for index in range(41, AUTHORS, 131):  # nothing to write about
        made[index] |= {"papers": [] if index % 2 else None, "topics": None}
    for index, title in zip(range(12, AUTHORS, 60), DIRTY, strict=False):  # one hostile or odd text each
        made[index]["papers"] = [*(made[index]["papers"] or []), {**_blank_paper(index), "title": title}]
    for index, affiliation in zip(range(25, AUTHORS, 200), PLAIN_AFFILIATIONS, strict=False):
        made[index]["primary_affiliation"] = affiliation
    for index in (150, 450):
        made[index]["author_name"] = None
    twice = []
    for index in range(55, AUTHORS, 111):  # the same author again, with one paper of before and one more
        first = made[index]
        again = {**_blank_paper(10_000 + index), "title": "A second look at earlier results"}
        twice.append({**first, "papers": [*(first["papers"] or [])[:1], again]})
    for index in range(72, AUTHORS, 222):  # the same paper twice in one row
        made[index]["papers"] = [*made[index]["papers"], *made[index]["papers"][:1]]
    nobody = [{**made[index], "daisngid": None} for index in (3, 600)]
    made += twice + nobody


def _blank_paper(number: int) -> Row:
    names = ("prefinstitution", "hot_paper", "highly_cited_paper", "citingsrcslocalcount", "woscategory", "journal")
    return {"ut": f"SAMPLE:X{number:06d}", **dict.fromkeys(names)}


def frame() -> pl.DataFrame:
    return pl.DataFrame(rows(), schema=SCHEMA, orient="row")


def write(path: Path) -> None:
    frame().write_parquet(path, compression="zstd", compression_level=19, statistics=False)


if __name__ == "__main__":
    target = options.to or sample_path()
    write(target)
    print(f"{target}: {pl.read_parquet(target).height} rows, {target.stat().st_size:,} bytes")
