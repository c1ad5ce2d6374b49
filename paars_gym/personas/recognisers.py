"""Recognisers of personal data in a text, one function a kind, and how to name one of your own."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from paars_gym.files import load_named
from paars_gym.personas.addresses import find_addresses


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
    """Postal addresses: a rule of thumb, see `paars_gym.personas.addresses`, and :func:`presidio` for more."""
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
