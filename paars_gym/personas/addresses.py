"""Postal addresses in a text, by rules of thumb for North America, Britain, Germany and France.

They would rather take a word too many (the city, the postcode) than leave the tail of an address behind.
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

_ENGLISH = rf"{_NUMBER}(?!{_MEASURE}){_WORDS}(?:(?:{_STREET})(?!\w)|{_SHORT}|{_DOUBTFUL}){_TAIL}"
# Whatever the street is called: a number, some words, a state and a postcode.
_WITH_CODE = rf"{_NUMBER}(?!{_MEASURE})(?:{_NAME}\s*,?\s+){{1,7}}?(?:{_STATES}\s+(?:{_ZIP}|{_CANADIAN}))"
_BOX = rf"\bp\.?\s?o\.?\s?box\s+\d+{_CITY}(?:\s*,?\s*{_STATES}\b)?(?:\s*,?\s*{_CODE})?"
_GERMAN = (
    r"\b(?:[^\W\d_]{3,}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|damm|ufer)"
    r"|[^\W\d_]{3,}[\s-]stra(?:ß|ss)e)\s+\d{1,4}\s?[a-z]?\b(?:\s*,?\s*\d{5}(?:\s+[^\W\d_]+)?)?"
)
_LINK = r"(?:(?:de|du|des|la|le|les|et|aux?|saint[e]?)[\s-]+|[dl]['’])"
# Words of English too: the name that follows is begun as French ones are.
_ALSO_ENGLISH = r"(?:avenue|boulevard|place|square|cours|route|allée|bd|av\.?)"
_RUE = (
    rf"(?:rue|quai|impasse|chemin|faubourg|{_ALSO_ENGLISH}(?=\s+{_LINK})|(?:avenue|boulevard)(?-i:(?=\s+[A-Z][a-z])))"
)
_FRENCH = (
    rf"(?<![\w.,/-])\d{{1,4}}(?:\s?(?:bis|ter|quater|[a-d]))?,?\s+{_RUE}\s+{_LINK}{{0,3}}{_NAME}"
    rf"(?:(?-i:[\s-]+(?:(?:de|du|des|la|le|les|et)[\s-]+)?[A-ZÀ-Ý][a-zà-ÿ'’-]+)){{0,3}}"
    rf"(?:\s*,?\s*\d{{5}}(?:\s+{_NAME}(?:-{_NAME})*)?|\s*,\s*{_NAME}(?=\s*$))?"
)
_ADDRESS = re.compile("|".join((_FRENCH, _ENGLISH, _WITH_CODE, _BOX, _GERMAN, rf"\b{_BRITISH}")), re.IGNORECASE)


def find_addresses(text: str) -> Iterable[tuple[int, int]]:
    """Where the addresses of a text begin and end."""
    # Every form has a digit: most texts are done with here.
    if any(map(str.isdigit, text)):
        yield from (match.span() for match in _ADDRESS.finditer(text))
