"""Telephone numbers in a text: international ones, and national ones of some regions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from paars_gym.redaction.recognisers import REGIONS, Recogniser, Span

_RUN = re.compile(r"(?<![\w$€£¥])(?<!\d[.,])[+(]{0,2}\d[\d()./ -]*\d(?![\w%])")
_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d([-/.])[01]?\d\1[0-3]?\d|[0-3]?\d([-/.])[0-3]?\d\2(?:19|20)\d\d)(?!\d)")
# Whatever follows one of these is a number to dial, whether a region has such numbers or not.
_CUED = re.compile(
    r"(?:(?<=tel )|(?<=tel\. )|(?<=tel: )|(?<=tel:)|(?<=phone )|(?<=phone: )|(?<=phone:)|(?<=phone number )|(?<=call )"
    r"|(?<=call me )|(?<=text me )|(?<=mobile: )|(?<=mobile )|(?<=whatsapp )|(?<=whatsapp: )|(?<=handy )|(?<=handy: )"
    r"|(?<=tél )|(?<=tél\. )|(?<=tél: )|(?<=móvil )|(?<=móvil: )|(?<=teléfono )|(?<=teléfono: )|(?<=telefon )"
    r"|(?<=telefono )|(?<=telefoon )|(?<=ruf )|(?<=bel )|(?<=电话)|(?<=电话:)|(?<=手机)|(?<=手机:))"
    r"[+(]{0,2}\d(?:[()./ -]{0,2}\d){6,14}(?!\w)",
    re.IGNORECASE,
)
# Of Spain, which begin with no 0: written in the usual groups, and no round measures.
_SPANISH = re.compile(
    r"(?<![\w.,$€£¥/-])(?<!\d )(?:[679]\d\d(?: \d{3}){2}|[679]\d\d(?: \d\d){3})"
    r"(?! ?(?:mm|cm|m|ml|g|kg|grit|x)\b)(?![\w.,%]| ?\d)",
    re.IGNORECASE,
)
_PRODUCT = re.compile(
    r"(?:isbn|ean|upc|gtin|sku|asin|mpn|item|model|part|article|artikel|art\.|catalog|serial|ref\.?)"
    r"(?:[ .:#-]|no\b|nr\b|number|id\b|1[03]\b)*$",
    re.IGNORECASE,
)
_BEFORE = 24


def phones(*regions: str) -> Recogniser:
    """Telephone numbers: international ones, the national ones of some regions (``US``, ``GB``, …), and announced ones.

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

    @lru_cache(maxsize=20_000)
    def numbers_in(run: str) -> tuple[tuple[int, int], ...]:
        from phonenumbers import PhoneNumberMatcher

        # An international number is the same in every region.
        asked = list(regions) or ["ZZ"]
        return tuple(
            (match.start, match.end)
            for region in asked
            for match in PhoneNumberMatcher(run, region)
            if _is_dialled(match.raw_string, trunk=trunks.get(region, False))
        )

    def find(text: str) -> Iterable[Span]:
        # The matcher costs some 0.1 ms a run and region: it is asked about runs of digits alone, and once for each.
        for run in _RUN.finditer(text):
            digits = _DATE.sub(lambda date: "x" * len(date.group()), run.group())
            if sum(map(str.isdigit, digits)) < 7:
                continue
            if _PRODUCT.search(text[max(0, run.start() - _BEFORE) : run.start()]):
                continue
            for start, end in numbers_in(digits):
                yield Span(run.start() + start, run.start() + end, "phone")
        for match in _SPANISH.finditer(text):
            if not all(int(group) % 5 == 0 for group in match.group().split()) and _is_spanish(match.group()):
                yield Span(*match.span(), "phone")
        yield from (Span(*match.span(), "phone") for match in _CUED.finditer(text))

    return find


def _is_dialled(number: str, *, trunk: bool) -> bool:
    """Whether a number is written as one dials it: some regions have numbers of five digits, and 168.00 is a price."""
    long = sum(map(str.isdigit, number)) >= 7
    return long and (not trunk or number.lstrip("( ").startswith(("+", "0")))


def _is_spanish(number: str) -> bool:
    from phonenumbers import is_valid_number, parse

    return is_valid_number(parse(number, "ES"))
