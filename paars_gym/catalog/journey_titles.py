"""Readable names for Complete Journey's abbreviations, by a table of types, otherwise by rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

TYPES_TABLE = Path(__file__).with_name("journey_types.tsv")
CATEGORIES_TABLE = Path(__file__).with_name("journey_categories.tsv")
WORDS_TABLE = Path(__file__).with_name("journey_words.tsv")
# The data cuts names off at so many characters.
CUT = 30
UNITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("OZ", "OZS", "O", "Z"), "oz"),
        **dict.fromkeys(("LB", "LBS"), "lb"),
        **dict.fromkeys(("GA", "GAL", "GALON"), "gal"),
        **dict.fromkeys(("L", "LT"), "L"),
        **dict.fromkeys(("PK", "PKS", "P"), "pack"),
        **dict.fromkeys(("DZ", "DOZ"), "dozen"),
        **dict.fromkeys(("PC", "PCS"), "piece"),
        **dict.fromkeys(("LOAD", "LOADS", "LD", "LDS"), "load"),
        **dict.fromkeys(("STEM", "STEMS"), "stem"),
        **dict.fromkeys(("RL", "ROLL"), "roll"),
        **dict.fromkeys(("SHT", "SHEET", "SHEETS"), "sheet"),
        **dict.fromkeys(("YD", "YDS"), "yd"),
        **dict.fromkeys(("G", "GM"), "g"),
        "ML": "ml", "CT": "count", "PT": "pint", "QT": "quart", "SQFT": "sq ft", "FT": "ft", "IN": "in", "CM": "cm",
        "KIT": "kit", "BAG": "bag", "CTN": "carton", "W": "W", "BU": "bunch",
    }
)  # fmt: skip
# Types that name no thing: their category does.
BARE = frozenset({"assorted", "other", "seasonal", "seasonal assorted", "specialty", "promotional", "value", "cooked"})
COUNTED = frozenset({"pint", "quart", "piece", "load", "stem", "roll", "sheet"})
_NUMBER = r"(?:\d+ \d/\d|[123]/[2348]|\d*\.?\d+)"
_AMOUNT = re.compile(rf"({_NUMBER}(?:-{_NUMBER})?) ?([A-Z]+)")
_PACK = re.compile(r"^(\d+) ?[/-] ?(\d*\.?\d+) ?(OZ|O|L|LT|ML|LB|GAL)\b")
_FRACTIONS = ("1/2", "1/3", "1/4", "3/4", "2/3")


@cache
def _table(path: Path) -> dict[str, str]:
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return {raw: text for raw, _, text in (line.partition("\t") for line in lines)}


@cache
def type_name(category: str, product_type: str) -> str:
    """A product type in words, for example ``carbonated soft drink, 2 liter bottle``.

    Types such as ``PREMIUM`` say nothing without their category, so the table may name both.
    """
    table = _table(TYPES_TABLE)
    named = table.get(f"{category} > {product_type}") or table.get(product_type)
    words = named or spelt_out(product_type)
    if words in {"", *BARE}:
        words = ", ".join(filter(None, [section_name(category), words]))
    return capitalised(words or product_type.lower())


@cache
def section_name(raw: str) -> str:
    """A department or category in words, for example ``Frozen vegetables``."""
    return capitalised(_table(CATEGORIES_TABLE).get(raw) or spelt_out(raw))


def spelt_out(raw: str) -> str:
    """The rules: abbreviations by the table of words, punctuation as in prose, cut-off ends dropped, no word twice."""
    text = re.sub(r"\([^)]*\)", " ", raw)
    text = re.sub(r"\([^)]*$", " ", text)
    text = re.sub(r"^(.*)-MAGAZINE$", r"\1 MAGAZINE", text)
    text = re.sub(r"\bW/O\b", " WITHOUT ", text)
    text = re.sub(r"\bW/", " WITH ", text)
    text = re.sub(r"\bR/C\b", "RADIO-CONTROLLED", text)
    text = re.sub(r"&", " AND ", text)
    text = re.sub(r"(?<=[A-Z])/(?=[A-Z])", " AND ", text)
    text = re.sub(r" *: *| +- *|- +", " , ", text)
    tokens = re.sub(r"\.(?!\d)", " ", text).split()
    if len(raw) >= CUT and "(" not in raw and _cut_off(tokens):
        tokens = tokens[:-1]
    table, words = _table(WORDS_TABLE), list[str]()
    for token in tokens:
        word = table.get(token, token.lower())
        if word and (word in {",", "and"} or word not in words):
            words.append(word)
    words = [
        word
        for i, word in enumerate(words)
        if not (word in {",", "and"} and (i + 1 == len(words) or i == 0 or words[i - 1] in {",", "and"}))
    ]
    if words and words[-1] in {",", "and", "with", "without"}:
        words = words[:-1]
    *firsts, last = " ".join(words).replace(" ,", ",").split(" and ")
    return f"{', '.join(firsts)} and {last}" if firsts else last


def _cut_off(tokens: list[str]) -> bool:
    # The last word was cut in the data unless the tables know it or it is a frequent word in full.
    return bool(tokens) and tokens[-1] not in _table(WORDS_TABLE) and len(tokens[-1]) <= 3


def capitalised(text: str) -> str:
    """The text with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


@cache
def size_name(raw: str | None) -> str:
    """A package size in words: ``16 oz``, ``10 x 6.75 oz``, ``12 pack, 12 oz``; empty for none and for bare codes."""
    text = re.sub(r"\([^)]*\)|^[LNB] +(?=[\d.])|\bFL(?= OZ)", " ", (raw or "").upper())
    text = " ".join(re.sub(r"\bHALF\b", "1/2", re.sub(r"SQ +FT", "SQFT", text)).split())
    pack = _PACK.match(text)
    # "2-8 OZ" is two of 8 oz, "18-22 LB" a range, "3/4 OZ" a fraction.
    if pack and not text.startswith(_FRACTIONS) and float(pack[2]) and not ("-" in text and pack[3] == "LB"):
        return f"{pack[1]} x {_number(pack[2])} {UNITS[pack[3]]}"
    parts = [
        _amount(number, UNITS[unit])
        for number, unit in _AMOUNT.findall(text)
        if unit in UNITS and not re.fullmatch(r"\d{5,}", number)
    ]
    if parts:
        # "12 OZ/12 PK" and "12 PK/12 OZ" are the same size.
        return ", ".join(sorted(dict.fromkeys(parts), key=lambda part: not part.endswith(("pack", "count"))))
    return f"1 {UNITS[text]}" if text in UNITS and text != "L" else ""


def _amount(number: str, unit: str) -> str:
    amount = _number(number)
    return f"{amount} {unit}s" if unit in COUNTED and amount != "1" else f"{amount} {unit}"


def _number(text: str) -> str:
    if "-" in text:
        return "-".join(_number(part) for part in text.split("-"))
    value = 0.0
    for part in text.split():
        above, _, below = part.partition("/")
        value += float(above) / float(below or 1)
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"
