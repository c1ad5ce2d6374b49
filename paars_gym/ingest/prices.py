"""Prices written for people as amounts and currencies."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any, NamedTuple

from paars_gym.ingest.cells import UnreadableError


class ParsedPrice(NamedTuple):
    """What a price says.

    Attributes:
        amount: None when nothing is said.
        currencies: ISO 4217 codes that its mark may mean, likeliest first; empty without a mark.
        is_range: Two amounts were given; ``amount`` is the lower.
    """

    amount: float | None
    currencies: tuple[str, ...] = ()
    is_range: bool = False


LONGEST = 200
CODES = (  # noqa: SIM905
    "USD EUR GBP JPY CNY INR CAD AUD NZD CHF SEK NOK DKK ISK PLN CZK HUF RON BGN RUB UAH TRY BRL MXN ARS CLP COP PEN "
    "ZAR NGN KES EGP MAD ILS AED SAR QAR KWD PKR BDT LKR THB VND IDR MYR SGD PHP KRW TWD HKD"
).split()
_DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP")
_MARKS: dict[str, tuple[str, ...]] = {
    **{code.casefold(): (code,) for code in CODES},
    "$": _DOLLARS,
    "us$": ("USD",), "us $": ("USD",), "د.إ": ("AED",), "ر.س": ("SAR",), "ج.م": ("EGP",),
    "u.s.$": ("USD",), "c$": ("CAD",), "ca$": ("CAD",), "cad$": ("CAD",), "a$": ("AUD",),
    "au$": ("AUD",), "nz$": ("NZD",), "s$": ("SGD",), "hk$": ("HKD",), "nt$": ("TWD",), "mx$": ("MXN",),
    "r$": ("BRL",), "r": ("ZAR",), "€": ("EUR",), "euro": ("EUR",), "euros": ("EUR",), "£": ("GBP",),
    "¥": ("JPY", "CNY"),
    "円": ("JPY",), "元": ("CNY",), "cn¥": ("CNY",), "jp¥": ("JPY",), "rmb": ("CNY",), "₹": ("INR",),
    "rs": ("INR", "PKR", "LKR"), "rs.": ("INR", "PKR", "LKR"), "₩": ("KRW",), "원": ("KRW",), "₽": ("RUB",),
    "руб": ("RUB",), "руб.": ("RUB",), "₺": ("TRY",), "tl": ("TRY",), "₫": ("VND",), "đ": ("VND",), "฿": ("THB",),
    "₪": ("ILS",), "₴": ("UAH",), "грн": ("UAH",), "₱": ("PHP",), "₦": ("NGN",), "zł": ("PLN",), "kč": ("CZK",),
    "ft": ("HUF",), "lei": ("RON",), "лв": ("BGN",), "лв.": ("BGN",), "kr": ("SEK", "NOK", "DKK", "ISK"),
    "kr.": ("DKK", "SEK", "NOK", "ISK"), "rp": ("IDR",), "rp.": ("IDR",), "rm": ("MYR",), "fr.": ("CHF",),
    "sfr": ("CHF",), "sfr.": ("CHF",), "₲": ("PYG",), "₸": ("KZT",), "₡": ("CRC",), "dhs": ("AED",),
}  # fmt: skip
# Where "1.299" means one thousand two hundred and ninety-nine.
_COMMA_DECIMALS = set("EUR DKK NOK SEK ISK PLN CZK HUF RON BGN RUB UAH TRY BRL ARS CLP COP VND IDR".split())  # noqa: SIM905
_NOTHING = {"", "none", "null", "nan", "na", "n/a", "n.a.", "-", "--", "—", "–", "tbd", "tba", "unavailable", "?"}
_FREE = {"free", "gratis", "kostenlos", "gratuit"}
_SILENT = {
    "incl. vat",
    "inc vat",
    "incl vat",
    "inc. vat",
    "including vat",
    "incl. tax",
    "incl tax",
    "inkl. mwst",
    "inkl. mwst.",
    "ttc",
    "iva incl",
    "iva incluido",
    "/ea",
    "/each",
    "/pc",
    "/stück",
    "per unit",
    "from",
    "ab",
    "à partir de",
    "only",
    "now",
    "each",
    "ea",
    "per item",
    "approx",
    "ca",
    "about",
    "starting at",
}

_NUMBER = re.compile(r"\d{1,3}(?:[ '’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,'’]\d+)*|(?<!\d)[.,]\d{1,2}(?!\d)")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}|\d+")  # in threes, or as in India, where only the last is
_ROUND = re.compile(r"(?<=\d)[.,:]\s*(?:[-–—]+|$)(?!\s*\d)")  # "12,-" and "99:-"
_ARABIC = str.maketrans({"٫": ".", "٬": ",", "\u066a": "%"})


def parse_price(value: Any) -> ParsedPrice:
    """Reads a price as people or programs write it: "₹1,099", "1.299,00 €", "1 299,00 kr", "US$ 12", 12.5.

    Of a range ("$10.00 - $20.00") the low end is taken, as shops do that write "from". "free" is 0; an empty cell,
    "n/a" and the like are no price. A lone separator before three digits groups thousands when it is a comma
    ("1,299"), and when it is a point only beside a currency whose countries write so ("1.299 €"): a bare "1.299"
    is a number as programs write it.

    Raises:
        UnreadableError: It says something else, or a negative or infinite amount.
    """
    if value is None:
        return ParsedPrice(None)
    if isinstance(value, bool):
        raise UnreadableError("a truth value, not a price")
    if isinstance(value, (int, float)):
        return ParsedPrice(_amount(value)) if value == value else ParsedPrice(None)  # noqa: PLR0124  (NaN)
    if len(written := str(value)) > LONGEST:
        raise UnreadableError("too long for a price")
    text = " ".join(unicodedata.normalize("NFKC", written).translate(_ARABIC).split())
    if text.casefold() in _NOTHING:
        return ParsedPrice(None)
    if text.casefold() in _FREE:
        return ParsedPrice(0.0)
    if re.fullmatch(r"\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return ParsedPrice(_amount(float(text)))
    text = _ROUND.sub(" ", text)
    numbers = _NUMBER.findall(text)
    words = [word.strip() for word in _NUMBER.split(text)]
    if not 1 <= len(numbers) <= 2:
        raise UnreadableError("no amount in it" if not numbers else "more than two amounts in it")
    if words[0].endswith(("-", "−")) or (words[0].startswith("(") and words[-1].endswith(")")):
        raise UnreadableError("a negative amount")
    marks = [_mark(word, between=0 < index < len(numbers)) for index, word in enumerate(words)]
    named = [mark for mark in marks if mark]
    currencies = tuple(code for code in named[0] if all(code in mark for mark in named)) if named else ()
    if named and not currencies:
        raise UnreadableError("two currencies in it")
    amounts = [_amount(_value(number, currencies)) for number in numbers]
    return ParsedPrice(min(amounts), currencies, len(amounts) == 2)


def parse_currency(value: Any) -> tuple[str, ...]:
    """The ISO 4217 codes that a currency's cell may mean, likeliest first: "EUR", "€", "kr"; none when it is empty.

    Raises:
        UnreadableError: It is no currency.
    """
    text = "" if value is None else str(value).strip()
    if text.casefold() in _NOTHING:
        return ()
    if re.fullmatch(r"[A-Z]{3}", text):
        return (text,)
    if text.casefold() not in _MARKS:
        raise UnreadableError("no currency known here")
    return _MARKS[text.casefold()]


def _mark(words: str, *, between: bool) -> tuple[str, ...]:
    """The currencies that the text around a number names.

    Raises:
        UnreadableError: It says anything else.
    """
    left = words.casefold().strip(" :*+()")
    if between:
        left = re.sub(r"^(?:-|–|—|~|\.\.+|to\b|bis\b|à )\s*|\s*(?:-|–|—|~|\bto|\bbis| à)$", "", left).strip()
        parts = [part for part in re.split(r"\s*(?:-|–|—|~|\bto\b|\bbis\b)\s*", left) if part]
        marks = [_mark(part, between=False) for part in parts[:2]]
        return next((mark for mark in marks if mark), ())
    if left in _MARKS:
        return _MARKS[left]
    for word in sorted(_SILENT, key=len, reverse=True):
        left = left.removeprefix(word + " ").removesuffix(" " + word)
    left = left.strip(" :.") if left not in _MARKS else left
    if not left or left in _SILENT:
        return ()
    if left not in _MARKS:
        raise UnreadableError(f"{words!r} beside the amount is no currency known here")
    return _MARKS[left]


def _value(number: str, currencies: tuple[str, ...]) -> float:
    """A number's value, from its separators.

    Raises:
        UnreadableError: They do not fit together.
    """
    digits = re.sub(r"[ '’]", "", number)
    separators = re.findall(r"[.,]", digits)
    if not separators:
        return float(digits)
    last = separators[-1]
    head, _, tail = digits.rpartition(last)
    groups_of_three = len(tail) == 3 and head not in {"", "0"}
    if len(set(separators)) == 2:
        decimal = True
    elif len(separators) > 1:
        decimal = False
    elif last == ",":
        decimal = not groups_of_three
    else:
        decimal = not (groups_of_three and len(head) <= 3 and currencies and currencies[0] in _COMMA_DECIMALS)
    whole = head if decimal else digits
    grouping = set(re.findall(r"[.,]", whole))
    if (whole and not _GROUPED.fullmatch(whole)) or len(grouping) > 1 or (decimal and last in grouping):
        raise UnreadableError(f"{number!r} is grouped in no way known here")
    whole = re.sub(r"[.,]", "", whole)
    return float(f"{whole or 0}.{tail}" if decimal else whole)


def _amount(value: float) -> float:
    try:
        amount = float(value)
    except OverflowError:
        amount = math.inf
    if not math.isfinite(amount):
        raise UnreadableError("an infinite amount")
    if amount < 0:
        raise UnreadableError("a negative amount")
    return amount
