"""The words that grounding knows beforehand: which say nothing of one author, and which claim too much of any."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: English words that any summary may use of any author: their presence in the record is neither needed nor counted.
STOCK = _words("""
a about above across after again against all along alongside also although always among an and another any apart appear
appeared appearing appears are around as aspect aspects at available be because been before being below beside besides
best better between beyond both broad broader broadly but by can cannot central certain combine combined combines
combining common commonly consist consistent consistently consists could cover covered covering covers current
currently despite did different distinct diverse do does during each early earlier either e g eg especially etc even
every explicit few find finding findings finds first five focus focused focuses focusing following for four frequent
frequently from full further furthermore general generally give given gives had half has have having he her here hers
him his how however i ie if in include included includes including indeed instead into is it its itself just known
largely last late later latest least less like likely listed main mainly majority make makes making many may mean means
might more moreover most mostly much multiple must namely nature nearly new next nine no nor not notable notably now of
often on once one only onto open or other others otherwise our out outside over overall own part partially particular
particularly per perhaps point possible present presented presenting presents primarily primary prior probably provide
provided provides providing quite range ranges ranging rather recent recently record recorded records regarding relate
related relates relating remain remains respectively same second see seen seven several shared she should show showed
showing shown shows significant significantly similar since single six small so some something span spanned spanning
spans special specific specifically still strong strongly such support supports ten than that the their theirs them
theme themes then there thereby therefore these they third this those though three through throughout thus to together
too topic topics total totalling totaling toward towards two typical typically under until up upon us use used uses
using usually various varied variety via was we well were what when where whereas whether which while who whole whom
whose why wide widely will with within without would yet you
academic account accounts active actively activity address addressed addresses addressing advance advances advancing aim
aimed aims analyse analysed analyses analysing analysis analyze analyzed analyzes analyzing appearance applied applies
apply applying application applications approach approaches area areas article articles associated association
associations author authored authoring authors based basis body bring brings build building builds built career
categories category center centre centers centred centered characterise characterize cite cited cites citation citations
co coauthor coauthored collaborative collaboration collaborations collaborator collaborators college collection compare
compared compares comparing comprise comprises concern concerned concerning concerns conduct conducted conducting
conference conferences connect connected connection connections consider considered considering considers context
contexts contribute contributed contributes contributing contribution contributions count counts data dataset datasets
deal dealing deals department describe described describes describing description detail detailed details determine
determined determining develop developed developing development developments develops discipline disciplines discuss
discussed discusses discussing domain domains draw drawing draws earn earned effect effects emphasis emphasise emphasize
emphasizes engage engaged engages engineering entitled establish established evaluate evaluated evaluates evaluating
evaluation evidence examination examine examined examines examining example examples exhibit expertise exploration
explore explored explores exploring extend extended extends extensive factor factors faculty feature featured features
featuring field fields form forms framework frameworks gain gained gathered group groups held highlight highlighted
highlighting highlights high highly hold holds hospital hot identified identifies identify identifying impact impacts
implication implications important importance improve improved improvement improves improving individual influence
influences information insight insights institute institutes institution institutional institutions interest interested
interests interdisciplinary introduce introduced introduces introducing investigate investigated investigates
investigating investigation investigations involve involved involves involving issue issues journal journals key
knowledge lab laboratory large level levels library line lines link linked linking literature local locally look looks
medical method methodological methodologies methodology methods model modeling modelling models multidisciplinary
national number numbered numbers offer offered offering offers originating outcome outcomes output outputs paper papers
particular performance performed perspective perspectives person place plays portfolio practical practice practices
principal problem problems proceedings process processes produce produced produces production profile program programme
project projects properties property propose proposed proposes proposing publication publications publish published
publishes publishing question questions rank ranked ranks receive received receives receiving reach reached reflect
reflected reflects relevance relevant report reported reporting reports represent represented represents research
researched researcher researchers researches researching response result results review reviewed reviews role roles
scholar scholarly scholarship school science sciences scientific scientist scientists scope scientifically series set
sets setting settings share shares side society sole solely solution solutions source sources specialise specialised
specialises specialize specialized specializes state strategies strategy strength structure structured structures
studied studies study studying subject subjects suggest suggests summary system systems systematic task tasks technical
technique techniques technological technologies technology term terms tested testing theoretical theory time times
title titled titles tool tools trend trends twenty type types typed understand understanding understood unit units
university universities validate validated value values venue venues view views work worked working works workshop write
writes writing written year years sustained engagement engagements fourth fifth sixth seventh eighth ninth tenth annual
meeting meetings
""")

#: Names of fields that summaries write with a capital. They need not be in the record, but they do count as content.
FIELDS = _words("""
ai ml nlp cv it ict hci dna rna mri english computer computing science artificial intelligence machine deep learning
natural language processing computational linguistics information retrieval physics chemistry biology mathematics
statistics medicine engineering economics psychology sociology neuroscience ecology genetics oncology surgery history
philosophy education materials environmental clinical life social
""")

#: Stems of claims about a person that a list of papers can hardly support: honours, posts, degrees, deeds, misdeeds.
#: Accepted only where the record itself has the word.
CLAIMS = _words("""
award prize priz medal laureate nobel winner winn won honor honour honorary honoree professor professorship prof
lecturer dean president director chair chairman chairwoman founder founded cofounder ceo editor fellow fellowship
doctorate phd graduat postdoctor postdoc alumnus emeritus retir pioneer groundbreak trailblaz seminal renown acclaim
prestigi eminent distinguished celebrat famous leader foremost visionary patent invent inventor keynote elect appoint
tenur mentor teacher born marri divorc died dead deceas convict arrest fraud misconduct retract plagiar plagiarism
scandal accus grant million billion
""")

#: Small words of other languages written in Latin letters: a text that uses them much is not English.
FOREIGN = _words("""
de la le les des du et est une dans pour sur avec aux ses sont el los las del y en una con para por sus es que como der
die das und ist mit von dem den ein eine im zur auf als ihre seine i dei della delle di il gli nel sono per che e o os
as da das dos na no em um uma com seu sua het een van voor zijn met och som av till det den ett w z na do oraz jest si
lui din ve ile bir olan dan yang untuk dengan
""") - _words("i as no do a in on e o y w z")

#: Small English words of the same kind.
ENGLISH = _words("the of and in is are with on to for has have their this that by an its was which from at as")

#: Parts of names that many people share: finding one of them names nobody.
PARTICLES = _words(
    "de da do dos das del della der den di du el al la le les van von ter ten bin ibn ben abu jr sr dr md"
)

NUMBER_WORDS = {
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "fifteen": "15",
    "twenty": "20",
}

#: What number words count where they claim a fact of the record.
COUNTED = _words("paper papers publication publications article articles study works citation citations times journals")
