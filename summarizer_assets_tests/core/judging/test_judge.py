import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.answers.reply import AnswerChecks
from summarizer_assets.core.judging.judge import Asked, Judgement, judge
from summarizer_assets.core.judging.terms import RecordTerms
from testing.openai_chat import read_reply

ADA = Asked(
    "40817",
    "Marlow-Quint, Ada B.",
    '#"40817" Marlow-Quint, Ada B. @ Univ Ostrava | 4 papers, cited 57, 1 hot\n'
    "Soil Letters | soil science, ecology\n"
    " Carbon storage of peat bogs in winter (2011) | cited 30, hot @ Univ Ostrava\n"
    " Methane emissions from drained peatlands, 2019 | cited 12 @ Univ Ostrava, Natl Inst Hydrol\n"
    "Acta Limnologica | water resources\n"
    " Ice cover of northern lakes | cited 10 @ Univ Ostrava\n"
    " Machine translation of field notes | cited 5 @ MIT",
)
BO = Asked(
    "2",
    "Ferro, Bo",
    '#"2" Ferro, Bo @ Politecn Torino\n'
    "Bridges | civil engineering\n"
    " Fatigue cracks in riveted steel girders | cited 7 @ Politecn Torino\n"
    " Acoustic monitoring of suspension cables | cited 3 @ Politecn Torino",
)
CY = Asked(
    "3",
    "Oduya, Cy",
    '#"3" Oduya, Cy @ Univ Lagos\n'
    "Kidney Care | nephrology\n"
    " Dialysis outcomes in rural clinics | cited 2 @ Univ Lagos\n"
    " Nurse-led follow-up after transplantation @ Univ Lagos",
)
ASKED = [ADA, BO, CY]
GOOD = [
    """\
Ada B. Marlow-Quint of the University of Ostrava studies the carbon storage of peat bogs and methane emissions from \
drained peatlands. Her 4 papers, cited 57 times, appeared in Soil Letters and Acta Limnologica; others address the \
ice cover of lakes.""",
    """\
Bo Ferro, of the Politecnico di Torino, asks how riveted girders of steel crack with fatigue. A second paper listens \
to suspension cables by acoustic monitoring. Both appeared in Bridges.""",
    """\
Cy Oduya works in Lagos on the care of kidneys: dialysis in rural clinics, and follow-up by nurses after \
transplantation. The journal is Kidney Care.""",
]


def of_ada(summary: str, language: str = "English") -> Judgement:
    return judge({0: summary, 1: GOOD[1], 2: GOOD[2]}, ASKED, language=language)[0]


def test_faithful_answers_are_stored_without_a_mark():
    judged = judge(dict(enumerate(GOOD)), ASKED)
    assert [one.refused for one in judged.values()] == [None] * 3
    assert [one.flags for one in judged.values()] == [()] * 3
    assert all(one.support is not None and one.support > 0.7 for one in judged.values())


@pytest.mark.parametrize("shift", [1, 2])
def test_answers_that_are_filed_under_each_others_ids_are_all_refused(shift):
    judged = judge({place: GOOD[(place + shift) % 3] for place in range(3)}, ASKED)
    assert all(one.refused for one in judged.values())


def test_another_authors_text_under_the_right_name_is_refused_and_quoted():
    judged = of_ada(GOOD[1].replace("Bo Ferro", "Ada B. Marlow-Quint"))
    assert judged.refused is not None
    assert "it tells another author's work" in judged.refused
    assert "riveted girders" in judged.refused


def test_one_sentence_of_another_author_is_refused():
    judged = of_ada(GOOD[0] + " A second paper listens to suspension cables by acoustic monitoring.")
    assert judged.refused is not None
    assert "suspension cables" in judged.refused


def test_one_who_is_asked_alone_is_judged_among_the_first_of_the_bucket():
    backdrop = [RecordTerms(other.author_name, other.text) for other in (BO, CY)]
    swapped = GOOD[1].replace("Bo Ferro", "Ada B. Marlow-Quint")
    assert judge({0: swapped}, [ADA], backdrop)[0].refused
    assert judge({0: swapped}, [ADA])[0].refused is None  # nothing to tell it by
    assert judge({0: GOOD[0]}, [ADA], backdrop)[0].refused is None


@pytest.mark.parametrize(
    ("summary", "why"),
    [
        (GOOD[0].replace("Ada B. Marlow-Quint", "The author"), "the author is not named"),
        (GOOD[0].replace("Ada B. Marlow-Quint", "Eve Novak"), "the author is not named"),
        (GOOD[0].replace("4 papers", "14 papers"), "the record contradicts a figure: 14 papers"),
        (GOOD[0].replace("4 papers", "nine papers"), "the record contradicts a figure: nine papers"),
        (GOOD[0].replace("57", "1,057"), "the record contradicts a figure: cited 1 057"),
    ],
)
def test_what_is_certainly_wrong_is_refused_in_words(summary, why):
    assert of_ada(summary).refused == why


@pytest.mark.parametrize(
    ("added", "flag", "doubt"),
    [
        (" The author has also worked in Belgium.", "unknown_place", "Belgium"),
        (" A part was done at the Lugano Institute.", "unknown_institution", "Lugano"),
        (" The idea goes back to Wegener.", "unknown_name", "Wegener"),
        (" Samples came from 312 sites.", "unknown_number", "312"),
        (" The author received a prestigious award.", "claim_about_person", "received a prestigious award"),
        (" Ada is a renowned professor of ecology.", "claim_about_person", "is a renowned professor"),
        (" One paper was later retracted.", "grave_claim", "paper was later retracted"),
        (" The author was dismissed for it.", "grave_claim", "was dismissed"),
        (" The author is accused of scientific misconduct.", "grave_claim", "scientific misconduct"),
        (" Two papers contain fabricated data.", "grave_claim", "fabricated data"),
        (" The author is one of the most famous ecologists.", "claim_about_person", "famous ecologists"),
    ],
)
def test_what_a_person_would_look_at_is_stored_and_marked(added, flag, doubt):
    judged = of_ada(GOOD[0] + added)
    assert judged.refused is None
    assert flag in judged.flags
    assert doubt in judged.doubts


@pytest.mark.parametrize(
    "summary",
    [
        GOOD[0].replace("4 papers", "four papers"),
        GOOD[0].replace("Her 4 papers, cited 57 times,", "Two papers in one journal, cited 42 times,"),
        GOOD[0] + " The work spans the 2010s, from 2011 to 2019, and a paper of 2015.",
        GOOD[0] + " One was done at the Massachusetts Institute of Technology.",
        GOOD[0] + " Others come from the National Institute of Hydrology.",
        GOOD[0].replace("Ada B. Marlow-Quint", "A. B. MARLOW QUINT"),
        GOOD[0] + " Lakes of the North freeze over, and some species died.",
    ],
)
def test_other_words_for_what_the_record_says_are_no_doubt(summary):
    judged = of_ada(summary)
    assert judged.refused is None
    assert judged.flags == ()


@pytest.mark.parametrize(
    "added",
    [
        " Ions are charged and suspended in water, and cells arrested in growth.",
        " The devices were fabricated and fired in a furnace.",
        " A famous river and a celebrated battle are named.",
        " A drug was withdrawn, and the patient died.",
        " The theory of honour and the founding of a state are its subjects.",
    ],
)
def test_words_of_a_subject_are_no_claims(added):
    flags = of_ada(GOOD[0] + added).flags
    assert not {"claim_about_person", "grave_claim"} & set(flags)


def test_a_claim_that_the_record_makes_itself_may_be_repeated():
    prize = Asked(
        "9", "Roe, Jo", '#"9" Roe, Jo @ Univ Lagos\nLiterary Letters\n The Nobel laureate and the award of prizes'
    )
    judged = judge({0: "Jo Roe asks how a Nobel laureate came to the award, in Literary Letters."}, [prize])
    assert judged[0].flags == ()


@pytest.mark.parametrize(
    ("language", "summary"),
    [
        (
            "German",
            "Ada Marlow-Quint untersucht die Speicherung von Kohlenstoff in Mooren und der Umwelt mit 4 Arbeiten.",
        ),
        ("Spanish", "Ada Marlow-Quint estudia el carbono de las turberas y los lagos del norte, con 4 artículos."),
        ("Russian", "Ada Marlow-Quint изучает накопление углерода в торфяных болотах, 4 статьи."),
        ("Chinese", "Ada Marlow-Quint研究泥炭沼泽的碳储存,发表了4篇论文,被引57次。"),
        ("Russian", "Автор изучает накопление углерода в торфяных болотах, 4 статьи."),
    ],
)
def test_other_languages_are_judged_by_name_figures_and_contrast(language, summary):
    judged = of_ada(summary, language)
    assert judged.refused is None
    assert judged.support is None
    assert "other_language" not in judged.flags


@pytest.mark.parametrize(
    ("language", "summary"),
    [
        ("German", "Ada Marlow-Quint untersucht Moore und ihre Umwelt, und das in 14 Arbeiten."),
        ("German", "Ada Marlow-Quint untersucht Moore und ihre Umwelt; das wurde 99 Mal zitiert."),
        ("Chinese", "Ada Marlow-Quint研究泥炭沼泽,发表了9篇论文。"),
        ("Chinese", "Ada Marlow-Quint研究泥炭沼泽,被引70次。"),
        ("Chinese", "Bo Ferro研究泥炭沼泽。"),
    ],
)
def test_what_is_certainly_wrong_is_refused_in_any_language(language, summary):
    assert of_ada(summary, language).refused


def test_another_language_than_asked_for_is_marked():
    german = "Ada Marlow-Quint untersucht die Speicherung von Kohlenstoff in Mooren und der Umwelt."
    assert "other_language" in of_ada(german).flags
    assert "other_language" in of_ada(GOOD[0], "German").flags


RUTH = Asked(
    "4",
    "Keller, Ruth",
    """\
#"4" Keller, Ruth @ Univ Bern | 4 papers, cited 184
SOIL BIOLOGY | Soil Science
 Fungal networks in alpine meadows | cited 86
GEODERMA | Soil Science
 Carbon storage under maize | cited 47
CATENA | Geology
 Erosion of terraced slopes | cited 42
PLANT AND SOIL | Plant Sciences
 Root exudates of COVID-19 barley: 1200 cases | cited 9""",
)


@pytest.mark.parametrize(
    "said",
    [
        "The four papers differ. The alpine study is the most cited. Two others follow maize and terraces.",
        "Across four papers, the most cited one follows fungal networks.",
        "The alpine study is cited twice as often as the one on terraces.",
        "Two papers are each cited more than 40 times, and one has fewer than 10 citations.",
        "The papers on maize and terraces have between 40 and 50 citations.",
        "Maize, with 47, is just five citations ahead of terraces, and the other three papers share 98 citations.",
        "She has published two papers comparing cropland soils, and 2 papers on crops.",
        "Ruth Keller is known for COVID-19 papers on barley, in 1,200 cases.",
        "The alpine paper has nearly ninety citations, that on barley half a dozen or so.",
        "In all, her papers have been cited over 180 times, the first one 86 times.",
    ],
)
def test_figures_that_a_reader_would_call_right_are_stored(said):
    assert judge({0: f"Ruth Keller of the University of Bern studies soils. {said}"}, [RUTH])[0].refused is None


@pytest.mark.parametrize(
    "said",
    [
        "The alpine study is cited 8 times.",  # of 86
        "It has only 1 citation.",
        "Nine papers follow fungi, spores and roots.",
        "Two highly cited papers follow fungi.",
        "The most cited of 7 papers follows fungi.",
        "Her papers have been cited more than 300 times.",
        "总被引4,124次。",
        "她共有15篇论文。",
    ],
)
def test_figures_that_no_reading_of_the_record_gives_are_refused(said):
    assert judge({0: f"Ruth Keller of the University of Bern studies soils. {said}"}, [RUTH])[0].refused


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        (
            "Napping in shift nurses @ UCLA",
            "Salt in crusts @ Univ Calif Los Angeles",
            "at the University of California, Los Angeles",
        ),
        ("Napping in shift nurses @ TUM", "Salt in crusts @ Univ Munich", "at the Technical University of Munich"),
        (
            "COPD in shift nurses",
            "Chronic obstructive pulmonary disease in miners",
            "on chronic obstructive pulmonary disease",
        ),
        ("Napping in shift nurses @ Heidelberg Univ", "Salt in crusts @ Univ Bern, Germany", "in Germany"),
    ],
)
def test_an_acronym_that_is_written_out_is_no_other_author_s(mine, theirs, said):
    asked = [
        Asked("1", "Keller, Ruth", f'#"1" Keller, Ruth\nX\n {mine}'),
        Asked("2", "Oka, Ji", f'#"2" Oka, Ji\nX\n {theirs}'),
    ]
    text = f"Ruth Keller studies shift nurses. Keller works {said}."
    assert judge({0: text}, asked)[0].refused is None


def test_a_title_in_another_language_may_be_translated():
    mori = Asked("4", "Mori, Ai", '#"4" Mori, Ai @ Univ Tokyo\n橋梁工学 | civil engineering\n 鋼桁の疲労亀裂について')
    text = "Ai Mori, at the University of Tokyo, writes on fatigue cracks in steel girders."
    assert judge({0: text, 1: GOOD[1]}, [mori, BO])[0].refused is None


def test_co_authors_of_one_paper_are_not_taken_for_each_other():
    paper = "Kidney Care | nephrology\n Dialysis outcomes in rural clinics | cited 2 @ Univ Lagos"
    asked = [
        Asked(str(n), f"{name}, A", f'#"{n}" {name}, A @ Univ Lagos\n{paper}') for n, name in enumerate(["Abe", "Obi"])
    ]
    texts = {
        place: f"A. {name} studies dialysis outcomes in rural clinics." for place, name in enumerate(["Abe", "Obi"])
    }
    assert [one.refused for one in judge(texts, asked).values()] == [None, None]


def test_the_reply_asks_again_for_who_is_refused_and_says_why():
    rows = [{"author_id": author.author_id, "summary": GOOD[(place + 1) % 3]} for place, author in enumerate(ASKED)]
    body = json.dumps({"choices": [{"message": {"content": json.dumps({"summaries": rows})}}]}).encode()
    reading = read_reply(body, ASKED, AnswerChecks())
    assert not reading.accepted
    assert set(reading.again.values()) == {"ungrounded"}
    assert len(read_reply(body, ASKED, AnswerChecks(judged=False)).accepted) == 3


@given(st.lists(st.text(max_size=80), min_size=3, max_size=3))
def test_no_text_breaks_the_judge(texts):
    judged = judge(dict(enumerate(texts)), ASKED)
    assert set(judged) == {0, 1, 2}
    assert all(one.support is None or 0 <= one.support <= 1 for one in judged.values())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Łukasiewicz, Zoë", "Zoe Lukasiewicz"),
        ("García López, María", "Maria Lopez"),
        ("Østergård, Åse", "Ase Ostergard"),
        ("Müller, Kai", "Kai Mueller"),
        ("Mac Donald, Al", "Al Macdonald"),
        ("Das, Indra", "Indra Das"),
        ("Jr.", "Jr."),
        ("(de), Hugo Test", "Hugo Test"),
        ("van der Berg, T", "T. van der Berg"),
        ("J, K", "J. K."),
        ("张三", "张三"),
        ("Li, X.", "X. Li"),
        ("山田 太郎", "山田太郎"),
        ("S. K. Das", "S. K. Das"),
        ("LE VAN", "Le Van"),
        ("DU, X", "X. Du"),
        ("OBRIEN, P", "P. O'Brien"),
        ("VANDERMEER, J", "J. van der Meer"),
        ("DE SOUZA, R", "R. DeSouza"),
        ("Đorđević, A", "A. Djordjevic"),
    ],
)
def test_a_name_is_found_however_it_is_written(name, told):
    asked = [Asked("1", name, f'#"1" {name}\nSoil Letters\n Carbon storage of peat bogs')]
    assert judge({0: f"{told} studies the carbon storage of peat bogs."}, asked)[0].refused is None
    silent = judge({0: "The researcher studies the carbon storage of peat bogs."}, asked)[0]
    # An English text spells a name of another script in its own way: then nothing can be said, and that is told.
    assert silent.refused == "the author is not named" or silent.flags == ("name_unmeasured",)


def test_a_particle_alone_names_nobody():
    asked = [Asked("1", "van der Berg, Theo", '#"1" van der Berg, Theo\nX\n Peat')]
    assert judge({0: "The work of van Someone der Else is on peat."}, asked)[0].refused


def test_an_author_without_a_name_is_not_refused_for_it():
    asked = [Asked("1", " ", '#"1"\nSoil Letters\n Carbon storage of peat bogs')]
    assert judge({0: "The work covers the carbon storage of peat bogs."}, asked)[0].flags == ("name_unmeasured",)


@pytest.mark.parametrize(
    "number",
    ["9" * 5000, ",".join(["999"] * 2000), "\N{ARABIC-INDIC DIGIT THREE}" * 5000],
    ids=["digits", "thousands", "other digits"],
)
@pytest.mark.parametrize(
    "text",
    [
        "Kim Control wrote {} papers",
        "Kim Control has papers cited {} times",
        "Kim Control 被引 {} 次",
        "Kim Control, {}",
    ],
)
def test_a_number_of_any_length_is_judged(text: str, number: str) -> None:
    record = '#"1" Kim Control\nJournal of Botany | plant sciences\n The growth of mosses | cited 5'
    assert set(judge({0: text.format(number)}, [Asked("1", "Kim Control", record)])) == {0}
