"""Postal addresses in a text, by rules of thumb: those of North America, Britain, Germany, Spain, Italy, the
Netherlands and France.

They may take a word too many (the city, the postcode), so that no end of an address is left behind. Texts come plain,
see `paars_gym.redaction.folding`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# States whose short form is a word, or a word of shops, count in capitals or after a comma alone.
_STATES = (
    r"(?:(?:A[KZR]|C[TA]|D[C]|FL|G[AU]|I[AL]|K[SY]|M[INO]|N[CDEHJMVY]|[RV]I|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
    r"|A[B]|BC|MB|N[BLST]|ON|QC|SK|YT)"
    r"|(?-i:AL|CO|DE|HI|ID|IN|LA|M[ADEST]|O[HKR]|P[AER])"
    r"|(?<=,\s)(?:AL|CO|DE|HI|ID|IN|LA|M[ADEST]|O[HKR]|P[AER]))"
)
_ZIP = r"\d{5}(?:-\d{4})?(?![\w-])"
_CANADIAN = r"[ABCEGHJ-NPRSTVXY]\d[A-Z]\s?\d[A-Z]\d\b"
_BRITISH = r"(?:[BEGLMNSW]|[A-PR-UWYZ][A-HK-Y])\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{2}\b"
_CODE = rf"(?:{_ZIP}|{_CANADIAN}|{_BRITISH})"
_NUMBER = r"(?<![\w.,/-])\d{1,6}(?:\s?-\s?\d{1,5})?[a-z]?,?\s+"
_NAME = r"[^\W\d_][\w'’.-]*"

_WORDS = rf"(?:(?:(?:north|south|east|west|[nsew]\.?)\s+)?(?:{_NAME}|\d{{1,3}}(?:st|nd|rd|th))\s+){{1,3}}"
_STREET = (
    r"(?:street|st\b\.?|avenue|ave\b\.?|road|rd\b\.?|boulevard|blvd\b\.?|lane|terrace|highway|hwy|parkway|pkwy"
    r"|crescent|mews|gardens\b(?=\s*,))"
)
# At the end of a text, or before a comma, nothing else is meant by these; "12 oz Dr Pepper" is no address.
_SHORT = r"(?:dr|ln)\b\.?(?=\s*(?:$|[,;)\n]|(?:apt|unit|ste|suite|#)\b))"
# These are in product titles too (100 ct, Milky Way, flash drive): a place has to follow.
_DOUBTFUL = (
    rf"(?:drive|dr|ln|court|ct|place|pl|way|square|sq|circle|cir|loop|trail|plaza)\b\.?"
    rf"(?=\s*,\s*{_NAME}(?:\s{_NAME}){{0,2}}\s*,?\s*(?:{_STATES}\b|{_CODE})|\s*,?\s+(?:{_NAME}\s+){{0,3}}{_STATES}\s+{_CODE}"
    rf"|\s*,\s*{_NAME}(?:\s{_NAME}){{0,2}}\s*$)"
)
_MEASURE = (
    r"(?:oz|fl|lbs?|ct|count|pk|pack|ml|l|g|kg|in|inch(?:es)?|ft|cm|mm|m|x|pc|pcs|pieces?|gb|tb|mb|mah|v|hz|ghz|p|k"
    r"|can|btl|gal|qt|pt|dz|sq|for|and|or|to|of|ways?|tier|person|man|light|port|speed|year)\b"
)
# Also words of titles, more often than of addresses: a postcode has to follow.
_COMMON = (
    rf"(?:close|grove|hill|rise|walk|row|green|park|view|wharf|yard|parade|gate|gardens|house|path|run|ridge|point)\b"
    rf"(?=,? (?:{_NAME} ){{0,3}}(?:{_NAME}, )?(?:{_STATES},? )?{_CODE})"
)
_SIDE = r"(?:\s+(?:[nsew]|[ns][ew]|north|south|east|west)\b\.?)?"
_UNIT = r"(?:\s*,?\s*(?:apt|apartment|unit|suite|ste|flat|floor|fl|#)\.?\s*[\w-]+)?"
_END = rf"(?=\s*(?:$|[,.;)\n]|{_STATES}\b|{_CODE}))"
# A city after a comma in any case; without one only in capitals, or where a code follows it.
_CITY = (
    rf"(?:\s*,\s*{_NAME}(?:\s{_NAME}){{0,2}}{_END}"
    rf"|(?-i:\s+[A-ZÀ-Ý][a-zà-ÿ]+(?:[\s-][A-ZÀ-Ý][a-zà-ÿ]+){{0,2}})"
    rf"|\s+{_NAME}(?:\s{_NAME}){{0,2}}(?=\s*,?\s*(?:{_STATES}\s+)?{_CODE}))?"
)
_TAIL = rf"{_SIDE}{_UNIT}{_CITY}(?:\s*,?\s*{_STATES}\b(?=\s*(?:$|[,.;)\n]|{_CODE})))?(?:\s*,?\s*{_CODE})?"

_ENGLISH = rf"{_NUMBER}(?!{_MEASURE}){_WORDS}(?:(?:{_STREET})(?!\w)|{_SHORT}|{_DOUBTFUL}|{_COMMON}){_TAIL}"
# Whatever the street is called: a number, some words, a state and a postcode.
_WITH_CODE = rf"{_NUMBER}(?!{_MEASURE})(?:{_NAME}\s*,?\s+){{1,7}}?(?:{_STATES}\s+(?:{_ZIP}|{_CANADIAN}))"
_BOX = rf"\bp\.?\s?o\.?\s?box\s+\d+{_CITY}(?:\s*,?\s*{_STATES}\b)?(?:\s*,?\s*{_CODE})?"
# Of Germany, Austria and Switzerland, and of the Netherlands: the street, then the number.
_HOUSE = rf"\d{{1,4}}(?: ?[a-z]\b)?(?: ?[-/] ?\d{{1,4}})?(?: ?(?:bis|hs|[ivx]{{1,3}})\b)?(?![\w.])(?! ?{_MEASURE})"
_CAPITAL = r"(?-i:[A-ZÀ-Ý])"
_PLACE = (
    rf"(?:,? (?:D-|A-|CH-|NL-|E-|I-|F-)?(?:\d{{5}}|\d{{4}}(?: ?[A-Z]{{2}})?)\b(?: {_NAME}(?: {_CAPITAL}{_NAME})?)?"
    rf"|,? (?:in )?{_CAPITAL}{_NAME}(?=$|[,.;)\n]))?"
)
_AT_GERMAN = r"(?:Am|An der|An den|Auf dem|Auf der|Im|In der|Zum|Zur|Unter den|Beim)"
_GERMAN = (
    rf"\b(?:[^\W\d_]{{2,}}(?:stra(?:ß|ss)e|str\b\.?|weg|platz|allee|gasse|damm|ufer|ring(?= {_HOUSE},? \d{{5}}\b))"
    rf"|{_NAME} (?:stra(?:ß|ss)e|str\.|platz|allee)"
    rf"|stra(?:ß|ss)e (?:des|der) (?:\d{{1,2}}\. )?{_NAME}"
    rf"|(?-i:{_AT_GERMAN} [A-ZÄÖÜ]){_NAME}(?= {_HOUSE},? \d{{5}}\b))"
    rf",? {_HOUSE}{_PLACE}"
)
_DUTCH = (
    rf"\b(?:{_NAME} ){{0,2}}?[^\W\d_]{{2,}}(?:straat|laan|plein|gracht|kade|singel|dijk|steeg|dreef|plantsoen)"
    rf",? {_HOUSE}{_PLACE}"
)
_SPANISH_LINK = r"(?:de la |de los |de las |de |del |el |la |los |las )"
_SPANISH = (
    r"(?<!\w)(?:(?:c/|calle|avda\.?|avenida|av\.|pº|p\.º|carretera|ctra\.|travesía|passeig|carrer|plaça|urbanización"
    rf"|glorieta) ?{_SPANISH_LINK}{{0,2}}"
    rf"|(?:plaza|pza\.|paseo|camino|ronda|rambla) {_SPANISH_LINK}{{1,2}})"
    rf"{_NAME}(?: {_SPANISH_LINK}{{0,2}}{_NAME}){{0,3}}?,? (?:n[ºo°.]?\.? ?|núm\.? |número )?{_HOUSE}"
    rf"(?:,? \d{{1,2}} ?[ºª°](?: ?[a-z]\b)?)?(?:,? (?:izq|dcha|derecha|izquierda)\b\.?)?{_PLACE}"
)
_ITALIAN_LINK = r"(?:della |delle |dello |dei |degli |del |dell'|di |da |san |santa |sant')"
_ITALIAN_STREETS = (
    r"(?:roma|garibaldi|mazzini|verdi|dante|cavour|marconi|matteotti|manzoni|nazionale|milano|torino|veneto|appia|gramsci"
    r"|leopardi|carducci|montenapoleone|condotti|tornabuoni|giuseppe|guglielmo|alessandro|vittorio"
    r"|xx settembre|iv novembre)"
)
_ITALIAN_NAME = rf"[A-Z]{_NAME}(?: {_NAME}){{0,2}}"
# "via usb 3" is English: an Italian word follows, or a name in capitals with a comma or a postcode after the number.
_ITALIAN = (
    rf"(?<!\w)(?:(?:viale|piazza|p\.zza|p\.za|piazzale|corso|vicolo|lungotevere|lungarno) {_ITALIAN_LINK}?"
    rf"|strada {_ITALIAN_LINK}"
    rf"|via (?:{_ITALIAN_LINK}|(?={_ITALIAN_STREETS}\b))"
    rf"|(?-i:Via (?={_ITALIAN_NAME}(?:, {_HOUSE}| {_HOUSE},? \d{{5}}\b))))"
    rf"{_NAME}(?: {_ITALIAN_LINK}?{_NAME}){{0,2}}?,? (?:n\.? ?)?{_HOUSE}{_PLACE}"
)
# A postcode with the name of a large city is a place to send things to, whatever stands before it.
_CITIES = (
    r"(?:berlin|hamburg|münchen|muenchen|köln|koeln|frankfurt|stuttgart|düsseldorf|leipzig|dresden|bremen|hannover|nürnberg"
    r"|madrid|barcelona|valencia|sevilla|zaragoza|málaga|bilbao|roma|milano|napoli|torino|palermo|genova|bologna|firenze"
    r"|venezia|paris|marseille|lyon|toulouse|nice|nantes|strasbourg|montpellier|bordeaux|lille|rennes)"
)
_DUTCH_CITIES = (
    r"(?:amsterdam|rotterdam|den haag|utrecht|eindhoven|groningen|tilburg|almere|breda|nijmegen|haarlem|arnhem|leiden"
    r"|delft)"
)
_WITH_CITY = rf"(?<![\w-])(?:\d{{5}} {_CITIES}|\d{{4}} ?[A-Z]{{2}},? {_DUTCH_CITIES})(?!\w)"
_LINK = r"(?:(?:de|du|des|la|le|les|et|aux?|saint[e]?)[\s-]+|[dl]['’])"
# Words of English too: the name that follows is begun as French ones are.
_ALSO_ENGLISH = r"(?:avenue|boulevard|place|square|cours|route|allée|bd|av\.?)"
_RUE = (
    rf"(?:rue|quai|impasse|chemin|faubourg|{_ALSO_ENGLISH}(?=\s+{_LINK})"
    r"|(?:avenue|boulevard|av\.|bd|cours|allée)(?-i:(?=\s+[A-Z][a-z])))"
)
_FRENCH = (
    rf"(?<![\w.,/-])\d{{1,4}}(?:\s?(?:bis|ter|quater|[a-d]))?,?\s+{_RUE}\s+{_LINK}{{0,3}}{_NAME}"
    rf"(?:(?-i:[\s-]+(?:(?:de|du|des|la|le|les|et)[\s-]+)?[A-ZÀ-Ý][a-zà-ÿ'’-]+)){{0,3}}"
    rf"(?:\s*,?\s*\d{{5}}(?:\s+{_NAME})?|\s*,\s*{_NAME}(?=\s*$))?"
)
# Whatever the street is called: some words, a number, a postcode and a city.
_WITH_PLACE = (
    rf"\b(?:{_NAME} ){{1,4}}?\d{{1,4}} ?[a-z]?,? (?:- )?(?:\d{{5}}|\d{{4}} ?(?-i:[A-Z]{{2}}),?)"
    rf" (?:{_CITIES}\b|{_DUTCH_CITIES}\b|(?-i:[A-ZÄÖÜÉ][a-zà-ÿ]{{3,}}\b))"
)
_FORMS = (
    _FRENCH,
    _ENGLISH,
    _WITH_CODE,
    _BOX,
    _GERMAN,
    _DUTCH,
    _SPANISH,
    _ITALIAN,
    _WITH_PLACE,
    _WITH_CITY,
    rf"\b{_BRITISH}",
)
_ADDRESS = re.compile("|".join(_FORMS), re.IGNORECASE)


def find_addresses(text: str) -> Iterable[tuple[int, int]]:
    """Where the addresses of a text begin and end."""
    # Every form has a digit: most texts are done with here.
    if any(map(str.isdigit, text)):
        yield from (match.span() for match in _ADDRESS.finditer(text))
