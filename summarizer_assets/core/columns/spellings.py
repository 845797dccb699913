"""The names under which bibliographic exports know our columns, most specific first.

From Web of Science (tagged and in Excel), Scopus, OpenAlex, Semantic Scholar, the ACL Anthology, ORCID, and from tables
that people make with pandas or Excel. Names of one rank are equally good: where a table has two, a person decides.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

#: Of one of our columns: the letters of its spellings, by rank.
Spellings = tuple[frozenset[str], ...]

_SEPARATORS: Final = re.compile(r"[\W_]+")
_NAMESPACES: Final = frozenset({"dc", "prism", "schema", "foaf"})
_ALTERNATIVES: Final = re.compile(r"\{[^}]*\}|[^{}]+")


def letters_of(name: str) -> str:
    """A column's name without case, blanks and signs: `authorId`, `Author ID` and `AUTHOR-ID ` are all `authorid`."""
    words = _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", name)).casefold().split()
    return "".join(words[1:] if len(words) > 1 and words[0] in _NAMESPACES else words)


def _ranks(*ranks: str) -> Spellings:
    """Spellings with a bar between them; alternatives of a word stand in braces, as in `{author,person} id`."""
    found: list[frozenset[str]] = []
    for rank in ranks:
        written = {one for text in rank.split("|") for one in _written_out(text)}
        found.append(frozenset(written.difference(*found)))
    return tuple(found)


def _written_out(text: str) -> Iterator[str]:
    parts = [part.strip("{}").split(",") for part in _ALTERNATIVES.findall(text)]
    return (letters_of("".join(choice)) for choice in product(*parts))


_WHO: Final = "{author,authors,researcher,person,people,scholar,scientist,auth,au}"
_PAPER: Final = "{paper,publication,article,work,document,pub}"

#: By our name. Each spelling stands under one name only, so that no column can be meant for two.
SPELLINGS: Final[Mapping[str, Spellings]] = {
    "author_id": _ranks(
        "author id|daisngid|daisng",
        f"{_WHO} {{ids,id,identifier,key,code,no,nr,num,number,uid,uuid,pid}}|distinct author id|dais ng id"
        "|{wos,scopus,openalex,s2,semantic scholar} author id|{authorships,authors} author id|cluster id|pid",
        "orcid|orcids|orcid id|orcid identifier|orcid identifier path|author orcid",
        "id|id number|uid|uuid",
    ),
    "author_name": _ranks(
        "author name",
        f"{_WHO} {{name,names,full name,full names,display name,preferred name,label}}|raw author name|credit name"
        "|authorships author display name|authorships raw author name|preferred name|wos standard name",
        "full name|display name|name|complete name",
        "author|authors|researcher|person|scholar|scientist",
    ),
    "primary_affiliation": _ranks(
        "primary affiliation",
        f"{_WHO} {{affiliation,institution,institute,organization,organisation,university,employer}}"
        "|{current,main} affiliation|last known institution|last known institutions|{main,primary,home} institution"
        "|{last known institution,last known institutions} display name|affiliation name|affil name|affil",
        "affiliation|organization|organisation|{organization,organisation} name|employer|university",
        "institution|institution name|institution display name|institute",
    ),
    "topics": _ranks(
        "topics",
        "topic|subjects|research {topics,interests}|interests|fields of study|s2 fields of study|author topics"
        "|concepts|x concepts|expertise|areas of expertise",
        "author keywords|auth keywords|keywords|keyword|key words|tags",
    ),
    "papers": _ranks("papers", "publications|works|{paper,publication} list"),
    "ut": _ranks(
        "ut|ut unique wos id|unique wos id|wos id|wos uid|accession number|wos accession number",
        f"{_PAPER} {{id,identifier,key,uid,no,number}}|eid|acl id|anthology id|put code|s2 paper id",
        "corpus id|openalex {id,work id}|scopus id|pmid|pubmed id|lens id",
        "doi|doi link|{article,paper} doi",
    ),
    "prefinstitution": _ranks(
        "prefinstitution|preferred institution",
        "institutions|unified institutions|{organizations,organisations} enhanced|affiliations|paper institutions"
        "|authorships institutions display name",
        "authors with affiliations|raw affiliation strings|addresses|author addresses",
    ),
    "hot_paper": _ranks("hot paper", "hot paper status|is hot paper|hot"),
    "highly_cited_paper": _ranks(
        "highly cited paper", "highly cited status|is highly cited|is highly cited paper|highly cited"
    ),
    "citingsrcslocalcount": _ranks(
        "citingsrcslocalcount",
        "times cited {wos core,wos}|{citedby,citation,citations,cite} count|{num,n,nb} citations|number of citations"
        "|num cited by|no of citations|citations|cites|cited by|times cited|cited",
        "times cited all databases|total times cited|total citations",
    ),
    "title": _ranks("title", f"{_PAPER} title|work title title|title of {{,the }}{_PAPER}", "work display name"),
    "woscategory": _ranks(
        "woscategory",
        "{wos,web of science} categories|web of science category|{subject,wos subject} {category,categories}"
        "|category|categories",
        "{research,subject} {area,areas}|asjc|primary topic|primary topic {,field }display name|discipline|subject"
        "|field",
    ),
    "journal": _ranks(
        "journal",
        "journal {name,title,full title}|{source,container} title|publication {name,venue,venue name}|venue|venue name"
        "|primary location source display name|host venue display name|published in",
        "source|booktitle|conference|conference name|proceedings",
    ),
}

#: The two letters of Web of Science's tagged exports, which mean nothing in other tables.
TAGS: Final[Mapping[str, str]] = {
    "ut": "ut",
    "ti": "title",
    "so": "journal",
    "wc": "woscategory",
    "tc": "citingsrcslocalcount",
    "hp": "hot_paper",
    "hc": "highly_cited_paper",
    "c3": "prefinstitution",
    "de": "topics",
    "af": "author_name",
}
#: Tags that such an export always has, and that no other table is likely to have together.
TELLING_TAGS: Final = frozenset({"pt", "au", "ti", "so", "ut", "py"})
#: The tag of Keywords Plus, which is an author's id by its name elsewhere.
KEYWORDS_TAG: Final = "id"
