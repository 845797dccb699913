"""What synthetic authors of any number are put together from: phrases of titles and parts of names, by language.

A title is a beginning, an object and an ending, drawn one by one: thousands of titles a language from a few lines.
"""
# ruff: noqa: RUF001 - scripts other than Latin are the point

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Language:
    """Of every 100 authors, `share` write their titles in it. Each part holds its own spaces."""

    share: int
    beginnings: tuple[str, ...]
    objects: tuple[str, ...]
    endings: tuple[str, ...]
    families: tuple[str, ...]
    givens: tuple[str, ...]
    name: str = "{family}, {given}"


def _all(*parts: str) -> tuple[str, ...]:
    """Every combination of the words of `parts`, a `_` in a word standing for a space."""
    return tuple("".join(words).replace("_", " ") for words in product(*(part.split() for part in parts)))


_ENGLISH_BEGINNINGS = _all(
    "Effects_of_ Towards_ Revisiting_ Modelling_ Measuring_ A_survey_of_ On_the_limits_of_ Observation_of_ Controlling_"
    " The_role_of_ A_comparison_of_ Learning_from_ Long-term_trends_in_ Robust_estimates_of_ Who_benefits_from_"
    " Evidence_for_",
    "seasonal_ sparse_ coupled_ low-cost_ early_ regional_ adaptive_ nonlinear_ large-scale_ hidden_ layered_ delayed_"
    " mixed_ paired_ nested_ thermal_",
)
_ENGLISH_OBJECTS = _all(
    "sediment_ protein_ signal_ housing_ spin_ carbon_ speech_ enzyme_ glacier_ traffic_ vaccine_ crystal_ soil_ graph_"
    " fracture_ pollen_ membrane_ budget_ satellite_ neuron_ plankton_ battery_ migration_ query_",
    "transport dynamics networks uptake variability recovery interfaces selection archives response alignment markets",
)
_ENGLISH_ENDINGS = (
    "",
    "",
    *_all(
        "_in_ _across_ _under_ _beyond_",
        "a_shallow_bay small_towns two_hospitals layered_oxides noisy_labels the_Northern_Shelf rural_districts"
        " three_estuaries primary_care low_temperature weak_supervision the_borderlands ageing_cohorts thin_films",
        " :_a_ten-year_study :_evidence_from_remote_sensing _with_stable_isotopes :_a_randomised_trial"
        " _(Part_II) :_methods_and_open_questions",
    ),
)
_LATIN_FAMILIES = _all(
    "Vel Mar Tor Lin Sand Hol Brem Kast Del Fen Gra Jor Kel Lund Mor Nav Pel Quin Ros Tam Ul Ver Win Zan",
    "va do ri ne ka lo mi su",
    "berg mann sen ova ini ez ard well strup aki escu holm",
)
_GIVENS = _all(
    "Alva Benno Cleo Doran Elin Faro Gisa Hanno Ilka Joris Kaya Levin Mira Nilo Orla Pim Runa Sami Tyra Vito A. B. C."
)

LANGUAGES = (
    Language(72, _ENGLISH_BEGINNINGS, _ENGLISH_OBJECTS, _ENGLISH_ENDINGS, _LATIN_FAMILIES, _GIVENS),
    Language(
        5,
        _all(
            "Efectos_de_ Estudio_de_ Evolución_de_ Una_revisión_sobre_",
            "la_dinámica_de_ la_gestión_de_ el_análisis_de_",
        ),
        _all("la_sequía el_sueño los_suelos la_vivienda las_señales el_café", "_regional _urbana _temprana _en_niños"),
        _all(
            "_en_el_valle _en_dos_hospitales _tras_la_cirugía _a_baja_temperatura",
            " :_un_estudio_de_cohorte :_revisión",
        ),
        _all("Núñ Íbañ Garç Peñ Muñ Ordóñ", "ara eira ales ero osa", "z s nte"),
        ("Ángela", "Íñigo", "Núria", "José", "María Belén"),
    ),
    Language(
        5,
        _all("Zur_ Über_die_ Untersuchung_der_ Grundlagen_der_", "saisonalen_ räumlichen_ thermischen_ frühen_"),
        _all("Wärme Boden Sprach Küsten Energie", "strömung nutzung verarbeitung veränderung übertragung"),
        _all("_in_Städten _bei_Älteren _unter_Druck _im_Gebirge", " :_eine_Längsschnittstudie :_ein_Überblick"),
        _all("Grün Müh Bäu Köh Schäf", "wald bach mann ler stein", "er e n"),
        ("Jürgen", "Käthe", "Björn", "Zoë", "Götz"),
    ),
    Language(
        4,
        _all("Исследование_ Моделирование_ Влияние_ К_вопросу_о_", "сезонной_ тепловой_ ранней_ слоистой_"),
        _all("динамики_ структуры_ устойчивости_ проводимости_", "почв плёнок озёр сетей белков"),
        _all("_в_малых_городах _при_низкой_температуре _на_севере", " :_обзор :_опыт_десяти_лет"),
        _all("Вел Дом Кор Лес Мор Пол Сад Тор", "ен ин ов ар", "ский ко юк ина"),
        ("Алина", "Вадим", "Глеб", "Дарина", "Захар"),
    ),
    Language(
        5,
        _all("基于深度学习的 关于 面向大规模数据的 多尺度", "复杂 低温 区域 稀疏"),
        _all("土壤 信号 蛋白质 图像 交通 电池", "传输 识别 变化 优化 网络"),
        _all("研究 方法 分析 综述", " ：以三个河口为例 及其应用"),
        _all("东 西 南 北 上 下", "门 山 河 江 川"),
        ("例一", "例二", "文样", "思样", "春例"),
    ),
    Language(
        3,
        _all("浅い湖における 低温での 大規模な 高齢者の", "藻類の 薄膜の 言語の 睡眠の"),
        _all("季節 構造 信号 反応", "変化 解析 推定 評価"),
        _all("に関する研究 の一考察 について", " （第2報） ：比較研究"),
        _all("山川 海石 林木 水竹 石田 木原 林本 川岸 水野 海上"),
        ("一例", "春見", "秋見", "空子", "文例"),
        "{family}{given}",
    ),
    Language(
        3,
        _all("دراسة_ تحليل_ نمذجة_", "أثر_ تغير_ توزيع_"),
        _all("المياه_ التربة_ الإشارات_ الطاقة_", "الموسمي الإقليمي المبكر"),
        _all("_في_المدن_الصغيرة _في_الشمال _عند_كبار_السن", " :_مراجعة :_دراسة_مقارنة"),
        _all("بحر نهر جبل قمر", "اوي اني ي"),
        ("مثال", "سامي", "ريم", "نور"),
        "{family} {given}",
    ),
    Language(
        3,
        _all("समुद्र_तट_की_ ग्रामीण_ जलवायु_और_", "वनस्पति_का_ मिट्टी_का_ ऊर्जा_का_"),
        _all("मौसमी_ तुलनात्मक_ प्रारंभिक_", "अध्ययन विश्लेषण मूल्यांकन"),
        ("", " : एक समीक्षा", " में परिवर्तन"),
        _all("वन जल नभ गिरि", "कर वाल देव"),
        ("उदय", "किरण", "मीरा", "तारा"),
        "{family} {given}",
    ),
)

PLACES = _all(
    "North East South West Upper Lower Old New", "field brook mere lake vale haven ridge ford bury stead gate moor"
)
INSTITUTIONS = tuple(
    form.format(place)
    for form in (
        "{} University",
        "University of {}",
        "{} Institute of Technology",
        "{} University Hospital",
        "Université de {}",
        "Technische Hochschule {}",
        "Universidad de {}",
        "Academy of Sciences, {}",
        "{}大学",
    )
    for place in PLACES
)
JOURNALS = tuple(
    f"{kind} {field}"
    for kind in ("Journal of", "Annals of", "Letters in", "Exemplary", "Transactions on", "Workshop on")
    for field in (
        "Coastal Examples", "Sample Languages", "Layered Matter", "Small Towns", "Clinical Samples", "Shallow Seas",
        "Text Processing", "Ageing", "Applied Optics", "Soil and Water", "Public Archives", "Sparse Graphs",
    )
)  # fmt: skip
CATEGORIES = (
    "Oceanography", "Ecology; Environmental Sciences", "Computer Science, Artificial Intelligence",
    "Computer Science, Theory & Methods", "Linguistics", "Medicine, General & Internal", "Geriatrics & Gerontology",
    "Physics, Condensed Matter", "Materials Science, Multidisciplinary; Physics, Applied", "Optics",
    "Sociology; Economics", "History", "Urban Studies; Geography", "Soil Science",
    "Public, Environmental & Occupational Health",
)  # fmt: skip
