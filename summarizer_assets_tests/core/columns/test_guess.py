"""The guess of a table's columns, over the spellings of real exports, and over any names at all."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.columns.guess import Guess, guess_fields, guess_table, is_tagged
from summarizer_assets.core.columns.spellings import SPELLINGS, TAGS, letters_of
from summarizer_assets.core.paper_fields import PAPER_FIELDS
from summarizer_assets.core.records import AUTHOR

OURS = [*AUTHOR, *(field.name for field in PAPER_FIELDS)]
KNOWN = sorted({spelling for ranks in SPELLINGS.values() for rank in ranks for spelling in rank})

#: Headers as the exports have them; ours, each with what it must be taken for. What is not named is not read.
EXPORTS: dict[str, tuple[str, dict[str, str]]] = {
    "Web of Science in Excel, a row for each author": (
        (
            "Publication Type|Authors|Author Full Names|Researcher Ids|Article Title|Source Title|Author Keywords|"
            "Keywords Plus|Affiliations|Times Cited, WoS Core|Times Cited, All Databases|Publication Year|DOI|"
            "WoS Categories|Research Areas|Highly Cited Status|Hot Paper Status|UT (Unique WOS ID)"
        ),
        {
            "author_id": "Researcher Ids",
            "author_name": "Author Full Names",
            "topics": "Author Keywords",
            "ut": "UT (Unique WOS ID)",
            "prefinstitution": "Affiliations",
            "hot_paper": "Hot Paper Status",
            "highly_cited_paper": "Highly Cited Status",
            "citingsrcslocalcount": "Times Cited, WoS Core",
            "title": "Article Title",
            "woscategory": "WoS Categories",
            "journal": "Source Title",
        },
    ),
    "Scopus": (
        (
            "Authors|Author full names|Author(s) ID|Title|Year|Source title|Cited by|DOI|Affiliations|"
            "Authors with affiliations|Author Keywords|Index Keywords|Document Type|EID"
        ),
        {
            "author_name": "Author full names",
            "author_id": "Author(s) ID",
            "topics": "Author Keywords",
            "ut": "EID",
            "prefinstitution": "Affiliations",
            "citingsrcslocalcount": "Cited by",
            "title": "Title",
            "journal": "Source title",
        },
    ),
    "Scopus by its interface": (
        "eid|dc:title|prism:publicationName|citedby-count|authname|authid|affilname|authkeywords",
        {
            "author_id": "authid",
            "author_name": "authname",
            "primary_affiliation": "affilname",
            "topics": "authkeywords",
            "ut": "eid",
            "citingsrcslocalcount": "citedby-count",
            "title": "dc:title",
            "journal": "prism:publicationName",
        },
    ),
    "OpenAlex": (
        (
            "id|doi|title|display_name|publication_year|primary_location.source.display_name|authorships.author.id|"
            "authorships.author.display_name|authorships.institutions.display_name|cited_by_count|"
            "primary_topic.display_name"
        ),
        {
            "author_id": "authorships.author.id",
            "author_name": "authorships.author.display_name",
            "ut": "doi",
            "prefinstitution": "authorships.institutions.display_name",
            "citingsrcslocalcount": "cited_by_count",
            "title": "title",
            "woscategory": "primary_topic.display_name",
            "journal": "primary_location.source.display_name",
        },
    ),
    "OpenAlex, authors": (
        "id|orcid|display_name|works_count|cited_by_count|last_known_institutions|x_concepts",
        {
            "author_id": "id",
            "author_name": "display_name",
            "primary_affiliation": "last_known_institutions",
            "topics": "x_concepts",
            "citingsrcslocalcount": "cited_by_count",
        },
    ),
    "Semantic Scholar, authors": (
        "authorId|name|affiliations|paperCount|hIndex|papers",
        {
            "author_id": "authorId",
            "author_name": "name",
            "papers": "papers",
        },
    ),
    "Semantic Scholar, papers": (
        "paperId|corpusId|title|venue|year|citationCount|fieldsOfStudy|authorId|authorName",
        {
            "author_id": "authorId",
            "author_name": "authorName",
            "topics": "fieldsOfStudy",
            "ut": "paperId",
            "title": "title",
            "journal": "venue",
            "citingsrcslocalcount": "citationCount",
        },
    ),
    "ACL Anthology": (
        "acl_id|author|author_key|title|booktitle|numcitedby|year",
        {
            "author_id": "author_key",
            "author_name": "author",
            "ut": "acl_id",
            "title": "title",
            "journal": "booktitle",
            "citingsrcslocalcount": "numcitedby",
        },
    ),
    "ORCID": (
        "ORCID iD|credit-name|organization-name|put-code|work-title.title|journal-title",
        {
            "author_id": "ORCID iD",
            "author_name": "credit-name",
            "primary_affiliation": "organization-name",
            "ut": "put-code",
            "title": "work-title.title",
            "journal": "journal-title",
        },
    ),
    "pandas": (
        "Unnamed: 0|person_id|person_name|affiliation|paper_id|paper_title|n_citations",
        {
            "author_id": "person_id",
            "author_name": "person_name",
            "primary_affiliation": "affiliation",
            "ut": "paper_id",
            "title": "paper_title",
            "citingsrcslocalcount": "n_citations",
        },
    ),
    "Excel": (
        "Researcher No.|Full Name |UNIVERSITY|Research Interests|Notes",
        {
            "author_id": "Researcher No.",
            "author_name": "Full Name ",
            "primary_affiliation": "UNIVERSITY",
            "topics": "Research Interests",
        },
    ),
    "authors only, with their affiliations": (
        "Author ID|Name|Affiliations",
        {
            "author_id": "Author ID",
            "author_name": "Name",
            "primary_affiliation": "Affiliations",
        },
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_columns_of_a_real_export_are_known(name: str) -> None:
    header, wanted = EXPORTS[name]
    found = guess_table(header.split("|"))
    assert dict(found.mapping) == wanted
    assert not found.unclear


def test_two_columns_that_fit_equally_well_are_told_and_neither_is_taken() -> None:
    found = guess_table(["Author ID", "author_id ", "AuthorID", "name"])
    assert found.unclear == {"author_id": ["Author ID", "author_id ", "AuthorID"]}
    assert found.mapping == {"author_name": "name"}
    assert found.unmapped == ["Author ID", "author_id ", "AuthorID"]


def test_a_person_s_word_comes_first_and_takes_its_column_from_others() -> None:
    found = guess_table(["author", "author id", "name"], {"author_id": "author", "author_name": "name"})
    assert found.mapping == {"author_id": "author", "author_name": "name"}
    assert found.unmapped == ["author id"]


def test_web_of_science_s_tag_id_means_keywords_there_and_an_id_elsewhere() -> None:
    tags = ["PT", "AU", "AF", "TI", "SO", "DE", "ID", "TC", "PY", "UT"]
    assert is_tagged(tags)
    assert guess_table(tags).mapping == {
        "author_name": "AF",
        "topics": "DE",
        "ut": "UT",
        "citingsrcslocalcount": "TC",
        "title": "TI",
        "journal": "SO",
    }
    assert guess_table(["ID", "name"]).mapping["author_id"] == "ID"


def test_a_spelling_stands_under_one_name() -> None:
    for one, other in combinations(SPELLINGS, 2):
        assert not set().union(*SPELLINGS[one]) & set().union(*SPELLINGS[other]), (one, other)
    assert list(SPELLINGS) == OURS
    assert set(TAGS.values()) <= set(OURS)


@given(st.lists(st.sampled_from(KNOWN) | st.text(max_size=12), unique=True), st.randoms())
def test_each_column_is_taken_once_or_told_whatever_their_order(available: list[str], chance: object) -> None:
    found = guess_table(available)
    _holds(found, available)
    shuffled = list(available)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    again = guess_table(shuffled)
    assert dict(again.mapping) == dict(found.mapping)
    assert {name: set(columns) for name, columns in again.unclear.items()} == {
        name: set(columns) for name, columns in found.unclear.items()
    }
    _holds(guess_fields(available), available)


def _holds(found: Guess, available: list[str]) -> None:
    taken = list(found.mapping.values())
    assert len(set(taken)) == len(taken)
    assert sorted([*taken, *found.unmapped]) == sorted(available)
    assert not found.unclear.keys() & found.mapping.keys()
    for columns in found.unclear.values():
        assert len(columns) > 1
        assert set(columns) <= set(available)


@given(st.sampled_from(OURS), st.sampled_from(["{}", " {} ", "{}\u00a0"]), st.booleans())
def test_our_own_names_are_always_taken_for_themselves(name: str, around: str, upper: bool) -> None:
    column = around.format(name.upper() if upper else name)
    assert guess_table([column, "something else"]).mapping[name] == column


@given(st.sampled_from(KNOWN), st.sampled_from([str.upper, str.title, str]), st.sampled_from(["", " ", "_", "-", ". "]))
def test_case_and_separators_change_nothing(spelling: str, case: object, separator: str) -> None:
    middle = len(spelling) // 2
    written = case(spelling[:middle] + separator + spelling[middle:])  # type: ignore[operator]
    first_word_is_no_namespace = letters_of(written) == spelling
    if first_word_is_no_namespace:
        assert guess_table([written]).mapping.keys() == guess_table([spelling]).mapping.keys()
