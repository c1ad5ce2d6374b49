"""Recognisers of personal data in a text, one function a kind, and how to name one of your own."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from paars_gym.files import load_named

# Addresses of North America, Britain, Germany and France, by rules of thumb: they may take a word too many
# (the city, the postcode), so that no end of an address is left behind.
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


class Span(NamedTuple):
    """A part of a text, ``text[start:end]``, and what it is, for example ``email``."""

    start: int
    end: int
    kind: str


Recogniser = Callable[[str], Iterable[tuple[int, int, str]]]
"""Finds the parts of a text that have to go: a `Span`, or a plain tuple like it, for each."""

REGIONS = ("US", "GB", "DE", "FR", "IT", "NL", "CH", "AT", "BE", "AU")
"""Whose national telephone numbers are looked for. Where these begin with no 0 (Spain, India), as many digits in a row
are a product's code more often than a number: name such a region where its people shop."""

_EMAIL = re.compile(r"(?<![\w.+'-])[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_DIGITS = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,}(?!\d)|(?<![\d.])\d{4}\.\d{4,6}\.\d{4,5}(?:\.\d{1,7})?(?![\d.])")
# Shorter numbers than 16 digits are cards of few kinds: most of them are the codes of products (EAN, ISBN, GTIN).
_BEGINNINGS = {13: "456", 14: "356", 15: "1356"}


def emails(text: str) -> Iterable[Span]:
    """E-mail addresses."""
    if "@" in text:
        yield from (Span(*match.span(), "email") for match in _EMAIL.finditer(text))


def cards(text: str) -> Iterable[Span]:
    """Payment cards: 13 to 19 digits, with blanks, dashes or dots between, whose check digit is right (Luhn).

    Other numbers may stand beside it, such as the month until which it is good.
    """
    for run in _DIGITS.finditer(text):
        groups = list(re.finditer(r"\d+", run.group()))
        first = 0
        while first < len(groups):
            last = next(
                (last for last in range(len(groups) - 1, first - 1, -1) if _is_card(groups[first : last + 1])), -1
            )
            if last >= first:
                yield Span(run.start() + groups[first].start(), run.start() + groups[last].end(), "card")
            first = max(first, last) + 1


def _is_card(groups: list[re.Match[str]]) -> bool:
    digits = "".join(group.group() for group in groups)
    size = len(digits)
    return 13 <= size <= 19 and digits[0] in _BEGINNINGS.get(size, "123456789") and _luhn(list(map(int, digits)))


def _luhn(digits: list[int]) -> bool:
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def addresses(text: str) -> Iterable[Span]:
    """Postal addresses: a rule of thumb, see `paars_gym.personas.recognisers`, and :func:`presidio` for more."""
    return (Span(start, end, "address") for start, end in find_addresses(text))


def phones(*regions: str) -> Recogniser:
    """Telephone numbers: international ones, and the national ones of some regions (``US``, ``GB``, …).

    Raises:
        ValueError: No such region.
    """
    from phonenumbers import SUPPORTED_REGIONS, PhoneMetadata

    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise ValueError(f"Unknown region {region!r}; give two letters in capitals, such as {', '.join(REGIONS)}.")

    # Of the regions whose numbers begin with a 0 when they are dialled within; others tell no number from a code.
    metadata = ((region, PhoneMetadata.metadata_for_region(region)) for region in regions)
    trunks = {region: known is not None and known.national_prefix == "0" for region, known in metadata}

    def find(text: str) -> Iterable[Span]:
        # The matcher costs some 0.1 ms a text and region, and most titles have no seven digits.
        if sum(map(str.isdigit, text)) < 7:
            return
        from phonenumbers import PhoneNumberMatcher

        for region in regions:
            for match in PhoneNumberMatcher(text, region):
                if _is_dialled(match.raw_string, trunk=trunks[region]):
                    yield Span(match.start, match.end, "phone")

    return find


def _is_dialled(number: str, *, trunk: bool) -> bool:
    """Whether a number is written as one dials it: some regions have numbers of five digits, and 168.00 is a price."""
    long = sum(map(str.isdigit, number)) >= 7
    return long and (not trunk or number.lstrip("( ").startswith(("+", "0")))


def names(listed: Iterable[str]) -> Recogniser:
    """Whole words or phrases that the caller lists, in any case."""
    phrases = sorted({name.strip() for name in listed if name.strip()}, key=len, reverse=True)
    if not phrases:
        return lambda text: ()  # noqa: ARG005
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)", re.IGNORECASE)
    return lambda text: (Span(*match.span(), "name") for match in pattern.finditer(text))


def presidio(*, language: str = "en", entities: tuple[str, ...] = ("PERSON", "LOCATION")) -> Recogniser:
    """What Microsoft Presidio recognises, if ``presidio-analyzer`` and a language model for it are installed.

    Raises:
        ImportError: They are not.
    """
    try:
        analyzer = importlib.import_module("presidio_analyzer")
    except ImportError:
        raise ImportError("presidio needs the package presidio-analyzer: pip install presidio-analyzer.") from None
    engine = analyzer.AnalyzerEngine()

    def find(text: str) -> Iterable[Span]:
        hits = engine.analyze(text=text, language=language, entities=list(entities))
        return (Span(hit.start, hit.end, hit.entity_type.lower()) for hit in hits)

    return find


def load_recogniser(name: str) -> Recogniser:
    """The recogniser that a name on a command line stands for: ``presidio``, or ``module:function`` of one's own.

    Raises:
        ImportError: ``presidio`` is not installed.
        ValueError: It is neither.
    """
    if name == "presidio":
        return presidio()
    if ":" not in name:
        raise ValueError(f"Unknown recogniser {name!r}. Available: presidio, or module:function of your own.")
    return load_named(name)


def find_addresses(text: str) -> Iterable[tuple[int, int]]:
    """Where the addresses of a text begin and end."""
    # Every form has a digit: most texts are done with here.
    if any(map(str.isdigit, text)):
        yield from (match.span() for match in _ADDRESS.finditer(text))
