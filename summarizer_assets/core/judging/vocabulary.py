"""Word lists of the grounding checks: mainly stop words, which say nothing about a particular author."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: English words that any summary may use for any author; they need not be in the record, and are not counted.
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

#: Everyday English, needed to describe any work in plain words; it says nothing about a particular author either.
EVERYDAY = _words("""
able accept act acts add added adding adds affect affects afar aid aids aim alike alive alone already alter altered
alters amount answer answered answering answers anybody anyone appeal appealing appeals appetite argue argued argues
arguing argument arguments arise arises arrive arrives aside ask asked asking asks attention attract attracts away
awkward back backdrop balance bare basic basics bear bears beautiful beauty become becomes becoming beforehand began
begin beginning begins begun behave behaves behind believe belong belongs beneath big bit blend blends blunt bold bond
bound branch breadth break breaks bridge bridges bridging brief bright broken brought busy call called calling calls
came canvas careful carefully carried carries carry carrying case cases catch catches caught cause caused causes
challenge challenges chance change changed changes changing character chief choice choices choose chooses chosen
circle circles clarity clear clearer clearly close closed closely closer clue clues coherent come comes coming command
commands common companion complete complex complicated confront confronts constant constantly contain contains
contrast core corner correct cost costs counterpart couple course craft create created creates creating creature
creatures crisp cross crosses crowd curiosity curious daily damage danger day days dead decade decades decide decides
decision deep deepen deeper deeply degree delicate deliver delivers depend depends depth device devote devoted devotes
differ difference differences differs difficult difficulty directly directness distinctive doing done door doors doubt
down dozen drawn drive driven drives driving drop drops due dull dwell dwells ear ease easier easily easy edge edges
efficient effort efforts elegant else elsewhere emerge emerges end ends engine enjoy enjoyed enough enter entering
enters entire entirely equal equally escape escapes essence essential ever everybody everyday everyone everything
everywhere exact exactly exchange expect expected explain explained explaining explains express expressed expresses
eye eyes face faces facing fact facts fair fall falls familiar family far fascinating fast favour favourite feel feels
fell fellow felt fit fits fitting fix fixed flow flows follow followed follows footing forget fresh front full fully
fundamental fusion future game gather gathering gathers gave general gentle genuine get gets getting giving glance go
goal goals goes going gone good got grasp great greater grip ground groundwork grounds grow growing grown grows growth
guess guide guided guides guiding hallmark hand handful handle handled handles hands happen happened happening happens
hard harder hardly head heads hear heart held help helped helpful helping helps hidden hide hides hint home homes
honest hope hopes hot hour house hub huge human humans idea ideas imagination inner inquiry inside instead intact
interplay invite invites inviting involved join joined joining joins keen keep keeping keeps kept kind kinds knit
knock know knowing knows land landed lands late lay lays lead leading leads lean leans learn learned learning learns
learnt leave leaves leaving led left lend lends less lesson lessons let lets letting lie lies life lift lifts light
lightly likewise listen little live lived lives living logical long longer longest lose loses loss lost lot lots made
mark marked marks match matched matches matter matters meaning meanings meant measure measured measures meet meeting
meets mere met middle mind minds miss misses mix mixes mixture modern modest moment moments more motion move moved
moves moving much mystery name named names narrow natural naturally near nearby need needed needs neighbour neighbours
never nobody none note noted notes nothing notice noticed notion observe obvious odd offhand old older oldest ones
onward open opening opens operate operates opinion order ordered orders ordinary origin origins outlet outlets outlook
pace page pages pair pairs paired part parts pass passed passes passing past path paths pattern patterns people
persistent persists pick picked picks picture pictures piece pieces pin place placed places placing plain plainly play
played playing plays please point points pose poses powerful precise precision prefer preserve press pressing pretty
prolific promise promising proper prove proves pull pulls puzzle puzzles pure purpose purposes pursue pursued pursues
pursuit push pushed pushes put puts putting quality quick quickly quiet quietly quite raise raised raises raising rare
rarely rate raw reader readers readership reading ready real reality really reason reasons recall recognisable recur
recurred recurring recurs reduce reduced refer reference refers regular relation relations rely relied relies remain
remarkable remember remembered resembles rest rests return returned returning returns reveal revealed revealing
reveals rhythm rich richer right rise rises roam roams root rooted roots rough round routine ruler run running runs
said same save say saying says scale scales scattered scene search searches searching seek seeking seeks seem seems
seen sense senses sensible separate separately sequence serve served serves serving settle settled settles shape
shaped shapes shaping sharp sharper sheds shift shifts short shoulder shown side sides sight sign signal signals signs
simple simpler simply sit sits sitting situation skill slice slow slowly smooth so-called sort sorted sorts sound
sounds speak speaking speaks spell spells spend spent spirit split splits spoken spot spotlight spots spotting spread
spreads stage stages stake stand standing stands start started starting starts stay stays steady step steps stick stop
stops story stories straight strand strands stretch stretches striking strikingly stubborn style substance subtle
succeed success sudden sum sums sure surely surprise surprising surprisingly sweep sweeps swift tackle tackled tackles
tackling take taken takes taking tale talk talks teach teaches telling tells tell tend tends test tests thing things
think thinking thorough thought thread threads threat tie tied ties tight tiny today told tone took top touch touched
touches trace traced traces tracing track tracks tradition trail travel travels treat treated treating treatment
treats tricky tried trouble true truly try trying turn turned turning turns twist unusual unusually unite united
unites upon usable useful user users usual vantage vary vast very vital vivid voice wait walk walks want wants warning
watch watched watches watching way ways weave weaves weigh weighed weighing weighs weight went wholly wider willing
win wish woven wonder wonders world worlds worth write wrong yield yields young person persons thanks animal animals
biology bodies body business care chemistry city cities computer computers computing country countries disease
diseases doctor doctors economy expert experts health healthy household households illness illnesses language
languages machine machines mathematics medical medicine nation nations organism organisms patient patients physics
sentence sentences society software specialist specialists speech team teams text texts town towns vocabulary word
words
""")

#: Names of fields that summaries write with a capital. They need not be in the record, but they do count as content.
FIELDS = _words("""
ai ml nlp cv it ict hci dna rna mri english computer computing science artificial intelligence machine deep learning
natural language processing computational linguistics information retrieval physics chemistry biology mathematics
statistics medicine engineering economics psychology sociology neuroscience ecology genetics oncology surgery history
philosophy education materials environmental clinical life social earth moon sun
""")

#: Every flagged claim has one of these words; texts without them are not searched for claims.
CLAIM_WORDS = frozenset(
    word
    for lower in _words("""
award awards awarded prize prizes medal medals winning laureate nobel honoured honored honour honor honours professor
professorship lecturer dean president director chair chairs chairman chairwoman chairperson heads directs founder
founded cofounded founding fellow fellowship editor mentor degree doctorate phd ph graduated alumnus alumna alumni
emeritus emerita retired pioneer pioneers pioneered pioneering renowned acclaimed leading eminent distinguished
celebrated famous expert authority figure born married died inventor invented patent patents patented elected
appointed established leads retracted retraction withdrawn fabricated fabricates falsified falsifies plagiarised
plagiarized plagiarism fraud misconduct dismissed convicted arrested accused accusation accusations allegation
allegations charges charged suspended fired guilty sued banned
""")
    for word in (lower, lower.capitalize())
)

#: Function words of other languages in Latin letters: a text that uses many of them is not English.
FOREIGN = _words("""
de la le les des du et est une dans pour sur avec aux ses sont el los las del y en una con para por sus es que como der
die das und ist mit von dem den ein eine im zur auf als ihre seine i dei della delle di il gli nel sono per che e o os
as da das dos na no em um uma com seu sua het een van voor zijn met och som av till det den ett w z na do oraz jest si
lui din ve ile bir olan dan yang untuk dengan
""") - _words("i as no do a in on e o y w z")

#: Nouns and verbs of figures that a record has, folded, in English and a few other languages.
PAPERS = _words(
    "papers publications articles Arbeiten Publikationen Veroffentlichungen Aufsatze Aufsatzen articulos publicaciones "
    "travaux articoli pubblicazioni artigos publicacoes"
)
CITATIONS = _words("citations citation Zitationen Zitierungen Zitate Zitaten citas citazioni citacoes")
CITED = _words("cited zitiert citado citada citados citadas cite citee cites citees citato citata citati citate")
ONCE = _words("once twice")

#: Words for which a text is searched further.
TELLING = FOREIGN | CLAIM_WORDS | PAPERS | CITATIONS | CITED | ONCE

#: English function words.
ENGLISH = _words("the of and in is are with on to for has have their this that by an its was which from at as")

#: Parts of names that many people share, which identify nobody.
PARTICLES = _words(
    "de da do dos das del della der den di du el al la le les van von ter ten bin ibn ben abu jr sr dr md"
)

#: Numbers as words; "dozen" is approximate.
NUMBER_WORDS = {
    "once": 1,
    "twice": 2,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "dozen": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
}
