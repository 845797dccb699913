import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.grounding import Signals, Thresholds, accept, measure

RECORD = (
    '#"40817" Marlow-Quint, Ada B. @ Univ Ostrava | 4 papers, cited 57, 1 hot\n'
    "Soil Letters | soil science, ecology\n"
    " Carbon storage of peat bogs in winter (2011) | cited 30, hot @ Univ Ostrava\n"
    " Methane emissions from drained peatlands, 2019 | cited 12 @ Univ Ostrava, Natl Inst Hydrol\n"
    "Acta Limnologica | water resources\n"
    " Ice cover of northern lakes | cited 10 @ Univ Ostrava\n"
    " Machine translation of field notes | cited 5 @ MIT"
)
NAME = "Marlow-Quint, Ada B."
FAITHFUL = (
    "Ada Marlow-Quint of the University of Ostrava studies the carbon storage of peat bogs and methane emissions "
    "from drained peatlands. Her 4 papers, cited 57 times, appeared in Soil Letters and Acta Limnologica; others "
    "address the ice cover of lakes."
)


def judged(summary: str, record: str = RECORD, name: str = NAME, language: str = "English") -> Signals:
    return measure(summary, record, name, language)


def accepted(summary: str, record: str = RECORD, name: str = NAME, language: str = "English") -> bool:
    return accept(judged(summary, record, name, language), Thresholds())


@pytest.mark.parametrize(
    "summary",
    [
        FAITHFUL,
        FAITHFUL.replace("4 papers", "four papers"),
        FAITHFUL.replace("4 papers", "2 papers in one journal"),  # a journal's own count
        FAITHFUL.replace("57 times", "42 times in Soil Letters"),  # and the citations of its papers
        FAITHFUL + " The work spans the 2010s, from 2011 to 2019, and a paper of 2015.",
        FAITHFUL + " Affiliations include the Massachusetts Institute of Technology.",
        FAITHFUL + " One paper turns to Natural Language Processing (NLP) and to translating field notes.",
        FAITHFUL.replace("Ada Marlow-Quint", "A. B. MARLOW QUINT"),
    ],
)
def test_faithful_summaries_are_accepted(summary):
    assert accepted(summary), judged(summary)


@pytest.mark.parametrize(
    ("summary", "flag"),
    [
        (FAITHFUL.replace("Ada Marlow-Quint", "Bo Ferro"), "unnamed"),
        (FAITHFUL.replace("Ada Marlow-Quint", "The author"), "unnamed"),
        (FAITHFUL.replace("4 papers", "14 papers"), "unknown_number"),
        (FAITHFUL.replace("4 papers", "nine papers"), "unknown_number"),
        (FAITHFUL.replace("57", "1,057"), "unknown_number"),
        (FAITHFUL + " The record number is 40817.", "unknown_number"),
        (FAITHFUL.replace("Ostrava", "Lugano"), "unknown_name"),
        (FAITHFUL.replace("Soil Letters", "Tundra Quarterly"), "unknown_name"),
        (FAITHFUL + " The author received an award.", "unsupported_claim"),
        (FAITHFUL + " A renowned professor.", "unsupported_claim"),
        (FAITHFUL + " She pioneered the area.", "unsupported_claim"),
        (FAITHFUL + " One paper was retracted.", "unsupported_claim"),
    ],
)
def test_what_the_record_does_not_have_is_rejected_and_named(summary, flag):
    assert flag in judged(summary).flags
    assert not accepted(summary)


def test_the_doubtful_words_are_told():
    assert judged(FAITHFUL.replace("Ostrava", "Lugano")).doubts == ("Lugano",)


def test_a_claim_that_the_record_makes_itself_may_be_repeated():
    record = RECORD.replace("Ice cover of northern lakes", "The award of water rights")
    assert accepted(FAITHFUL.replace("the ice cover of lakes", "the award of water rights"), record)


def test_another_subject_under_the_right_name_has_no_support():
    signals = judged("Marlow-Quint investigates tumour immunity, checkpoint inhibitors and the survival of patients.")
    assert signals.support is not None
    assert signals.support < 0.6
    assert not accept(signals, Thresholds())


def test_the_threshold_decides():
    signals = judged(FAITHFUL + " It touches glaciers.")
    assert signals.support is not None
    assert accept(signals, Thresholds(min_support=signals.support))
    assert not accept(signals, Thresholds(min_support=signals.support + 0.01))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Łukasiewicz, Zoë", "Zoe Lukasiewicz"),
        ("García López, María", "Maria Lopez"),
        ("Østergård, Åse", "ase ostergard".title()),
        ("Das, Indra", "Indra Das"),
        ("Jr.", "Jr."),
        ("(de), Hugo Test", "Hugo Test"),
        ("van der Berg, T", "T. van der Berg"),
        ("J, K", "J. K."),
        ("张三", "张三"),
        ("Li, X.", "X. Li"),
        ("山田 太郎", "山田太郎"),
    ],
)
def test_a_name_is_found_however_it_is_written(name, told):
    record = f'#"1" {name} | 1 papers\nSoil Letters\n Carbon storage of peat bogs'
    assert judged(f"{told} studies the carbon storage of peat bogs.", record, name).named
    silent = judged("The researcher studies the carbon storage of peat bogs.", record, name)
    # An English text spells a name of another script in its own way: then nothing can be said, and that is told.
    assert {"unnamed", "name_unmeasured"} & set(silent.flags)
    assert silent.named is ("name_unmeasured" in silent.flags)


def test_a_latin_name_that_is_missing_is_never_called_unmeasured():
    assert judged("The researcher studies peat bogs.", name="Østergård, Åse").flags == ("unnamed",)


def test_a_particle_alone_names_nobody():
    assert not judged("The work of van Someone der Else.", '#"1" x', "van der Berg, Theo").named


def test_an_author_without_a_name_is_not_rejected_for_it():
    signals = judged("The work covers the carbon storage of peat bogs.", name=" ")
    assert signals.named
    assert "name_unmeasured" in signals.flags


@pytest.mark.parametrize(
    ("language", "summary"),
    [
        (
            "German",
            "Ada Marlow-Quint untersucht die Speicherung von Kohlenstoff in Mooren und der Umwelt mit 4 Arbeiten.",
        ),
        ("Spanish", "Ada Marlow-Quint estudia el carbono de las turberas y los lagos del norte, con 4 artículos."),
        ("Russian", "Ada Marlow-Quint изучает накопление углерода в торфяных болотах, 4 статьи."),
        ("Chinese", "Ada Marlow-Quint 研究泥炭沼泽的碳储存,发表了4篇论文。"),
        ("Russian", "Автор изучает накопление углерода в торфяных болотах, 4 статьи."),
    ],
)
def test_other_languages_are_judged_by_name_and_number_only(language, summary):
    signals = judged(summary, language=language)
    assert signals.support is None
    assert "support_unmeasured" in signals.flags
    assert "other_language" not in signals.flags
    assert accept(signals, Thresholds())
    assert not accepted(summary.replace("4", "49"), language=language)
    assert "other_language" in judged(summary, language="English").flags


@pytest.mark.parametrize("language", ["German", "Chinese"])
def test_an_english_summary_where_another_language_was_asked_for_is_flagged(language):
    assert "other_language" in judged(FAITHFUL, language=language).flags


def test_in_another_script_the_other_authors_name_is_still_seen():
    assert not accepted("Bo Ferro изучает накопление углерода в торфяных болотах.", language="Russian")


def test_an_english_summary_of_a_record_in_another_script_is_not_measured_by_words():
    record = '#"1" Li, X. | 1 papers\n湿地学报\n 冬季泥炭沼泽的碳储存及其对北方湖泊的影响研究'
    signals = judged("X. Li studies how peat bogs store carbon in winter.", record, "Li, X.")
    assert signals.support is None
    assert accept(signals, Thresholds())


def test_a_foreign_title_in_quotes_leaves_an_english_summary_english():
    record = RECORD.replace("Ice cover of northern lakes", "El hielo de los lagos del norte y de las tierras altas")
    summary = 'Ada Marlow-Quint wrote "El hielo de los lagos del norte y de las tierras altas", about ice of lakes.'
    assert "other_language" not in judged(summary, record).flags


@given(st.text(), st.text(), st.text(), st.sampled_from(["English", "German"]))
def test_any_text_can_be_measured(summary, record, name, language):
    signals = measure(summary, record, name, language)
    assert signals.support is None or 0 <= signals.support <= 1


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_broken_text_can_be_measured_too(summary, record):
    measure(summary, record, record)


@given(st.permutations(["peat bogs", "methane emissions", "ice cover of lakes", "carbon storage"]))
def test_the_order_of_what_is_told_does_not_matter(topics):
    assert judged(f"Marlow-Quint studies {', '.join(topics)}.").support == 1.0
