"""What finds personal data in a text, one function a kind, and how to name one of your own.

Texts come plain, as `paars_gym.redaction.folding.fold` makes them: single blanks, ASCII digits, straight apostrophes.
Every function takes time in proportion to the text: what repeats without a bound in a pattern begins at a border, and
nothing after it can be missing.
"""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from paars_gym.files import load_named
from paars_gym.redaction.folding import fold


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

# "(at)" in brackets stands for @ anywhere; the bare words only where a "dot" and the end of a domain follow.
_AT = r"(?:@| ?[(\[{<] ?(?:at|@) ?[)\]}>] ?)"
_DOT = r"(?:\.| ?[(\[{<] ?(?:dot|punkt|punto|point|\.) ?[)\]}>] ?)"
_TOP = r"(?:com|org|net|edu|gov|info|de|uk|fr|it|es|nl|eu|us|ca|ch|at|be|example)"
_EMAIL = re.compile(
    rf"(?<![\w.+'-])[\w.+'-]+{_AT}[\w-]+(?:{_DOT}[\w-]+)+"
    rf"|(?<![\w.+'-])[\w.+'-]+ ?@ ?[\w-]+(?:\.[\w-]+)*\.[a-z]{{2,}}\b"
    rf"|(?<![\w.+'-])[\w.+'-]+ (?:at|AT) [\w-]+(?: (?:dot|DOT) [\w-]+){{0,3}} (?:dot|DOT) {_TOP}\b",
    re.IGNORECASE,
)
_HAS_AT = re.compile(r"@|\bat\b", re.IGNORECASE)

# 16 digits may be parted by other signs too, where these part all of it alike.
_DIGITS = re.compile(
    r"(?<![\d.])\d(?:[ -]?\d){12,}(?!\d)|(?<![\d.])\d{4}([._/])\d{4,6}\1\d{4,5}(?:\1\d{1,7})?(?![\d.])"
)
# Shorter numbers than 16 digits are cards of few kinds: most of them are the codes of products (EAN, ISBN, GTIN).
_BEGINNINGS = {13: "456", 14: "356", 15: "1356"}
_CARD_DIGITS = 19

_SSN = re.compile(
    r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"
    r"|(?<!\w)(?:ssn|social security)(?: ?(?:no|number|num|nr|is)\b\.?){0,3}[:#.]? ?"
    r"(\d{3}[ -]?\d\d[ -]?\d{4})(?!\w)",
    re.IGNORECASE,
)

# Registry of the standard (ISO 13616): how long a country's numbers are.
_IBAN_SIZES = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19,
    "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "XK": 20,
}  # fmt: skip
# Looked at, not taken: words before a number look like the beginning of one.
_IBAN = re.compile(r"(?<![A-Z0-9])(?=([A-Z]{2})\d\d((?:[ -]?[A-Z0-9]){11,30}))", re.IGNORECASE)

# Four numbers are a version as well, after a word or a letter that says so.
_IPV4 = re.compile(
    r"(?<![\w.-])(?<!version )(?<!firmware )(?<!bluetooth )(?<!ver\. )"
    r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f:.]{6,45}(?![\w:])", re.IGNORECASE)

_NETWORK = (
    r"(?:instagram|insta|ig|twitter|telegram|snapchat|snap|tiktok|whatsapp|facebook|fb|discord|wechat|weixin|微信)"
)
_HANDLE = re.compile(
    r"(?<![\w.@/+'-])@[a-z_][\w.]{1,29}(?<!\.)"
    rf"|(?<!\w){_NETWORK}(?: (?:handle|name|user|username|id|account))?(?: ?[:=@]| is) ?"
    r"@?(?P<cued>[a-z0-9_][\w.]{2,29})(?<!\.)"
    rf"|(?<!\w){_NETWORK} (?P<joined>[a-z][a-z0-9]{{0,20}}_\w{{1,20}})"
    r"|(?<![\w.])(?:www\.)?(?:instagram|twitter|facebook|tiktok|linkedin|t|x)\.(?:com|me)/(?:in/|@)?[\w.-]{2,}(?<!\.)",
    re.IGNORECASE,
)

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆"
    "汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
    "張劉陳楊黃趙吳孫馬鄭謝許韓馮鄧葉蘇魏呂盧鍾譚陸範賈韋鄒熊閻龍賀顧龔萬錢嚴湯"
)
_TWO_SIGNS = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|歐陽|司馬|諸葛|東方|尉遲|公孫|慕容"
_CHINESE = re.compile(
    rf"(?:(?<=我叫)|(?<=我是)|(?<=姓名)|(?<=姓名:)|(?<=收件人)|(?<=收件人:)|(?<=联系人)|(?<=联系人:)|(?<=寄给)|(?<=送给)"
    rf"|(?<=聯繫人)|(?<=聯繫人:)|(?<=寄給)|(?<=送給)) ?((?:{_TWO_SIGNS})[一-鿿]{{1,2}}|[{_SURNAMES}][一-鿿]{{1,2}})"
    rf"|((?:{_TWO_SIGNS})[一-鿿]{{0,2}}|[{_SURNAMES}][一-鿿]{{0,2}})(?=先生|女士|小姐|太太)"
)
_WRITTEN_WITHOUT_BLANKS = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힯]")


def emails(text: str) -> Iterable[Span]:
    """E-mail addresses, also with ``(at)`` and ``(dot)`` in them."""
    if _HAS_AT.search(text):
        yield from (Span(*match.span(), "email") for match in _EMAIL.finditer(text))


def cards(text: str) -> Iterable[Span]:
    """Payment cards: 13 to 19 digits, with blanks, dashes or dots between, whose check digit is right (Luhn).

    Other numbers may stand beside it, such as the month until which it is good. A number of 13 or 14 digits with the
    check digit of a product's code (GTIN) is taken for one.
    """
    for run in _DIGITS.finditer(text):
        groups = list(re.finditer(r"\d+", run.group()))
        first = 0
        while first < len(groups):
            # Each group has a digit, so that longer ones than a card cannot be one.
            ends = range(min(first + _CARD_DIGITS, len(groups)) - 1, first - 1, -1)
            last = next((last for last in ends if _is_card(groups[first : last + 1])), -1)
            if last >= first:
                yield Span(run.start() + groups[first].start(), run.start() + groups[last].end(), "card")
            first = max(first, last) + 1


def _is_card(groups: list[re.Match[str]]) -> bool:
    size = sum(group.end() - group.start() for group in groups)
    if not 13 <= size <= _CARD_DIGITS:
        return False
    digits = "".join(group.group() for group in groups)
    if digits[0] not in _BEGINNINGS.get(size, "123456789"):
        return False
    numbers = list(map(int, digits))
    return _luhn(numbers) and not (len(groups) == 1 and size in (13, 14) and _is_product_code(numbers))


def _luhn(digits: list[int]) -> bool:
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _is_product_code(digits: list[int]) -> bool:
    return (3 * sum(digits[-2::-2]) + sum(digits[-1::-2])) % 10 == 0


def social_security_numbers(text: str) -> Iterable[Span]:
    """Those of the United States, with dashes, or in any form after words that say so."""
    yield from (Span(*match.span(1 if match[1] else 0), "ssn") for match in _SSN.finditer(text))


def ibans(text: str) -> Iterable[Span]:
    """Bank accounts (ISO 13616), whose check digits are right."""
    for match in _IBAN.finditer(text):
        size = _IBAN_SIZES.get(match[1].upper(), 0)
        places = [at for at in range(match.start(), match.end(2)) if text[at].isalnum()][:size]
        number = "".join(text[at] for at in places).upper()
        if size and len(number) == size and not text[places[-1] + 1 : places[-1] + 2].isalnum() and _checks(number):
            yield Span(match.start(), places[-1] + 1, "iban")


def _checks(number: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


def ip_addresses(text: str) -> Iterable[Span]:
    """Internet addresses, of version 4 and 6."""
    yield from (Span(*match.span(), "ip") for match in _IPV4.finditer(text))
    if text.count(":") < 2:
        return
    for match in _IPV6.finditer(text):
        found = match.group().rstrip(".")
        if found.count(":") > 1 and len(re.findall(r"[0-9a-fA-F]+", found)) > 1:
            try:
                ipaddress.IPv6Address(found)
            except ValueError:
                continue
            yield Span(match.start(), match.start() + len(found), "ip")


def handles(text: str) -> Iterable[Span]:
    """Names in social networks: ``@name``, ``instagram: name``, and the address of such a page."""
    for match in _HANDLE.finditer(text):
        cued = match["cued"]
        start, end = match.span("cued" if cued else "joined" if match["joined"] else 0)
        if not (cued and cued.lower().strip(".") in _NO_HANDLES):
            yield Span(start, end, "handle")


_NO_HANDLES = frozenset({"the", "and", "not", "for", "app", "new", "gift", "card", "ready"})


def chinese_names(text: str) -> Iterable[Span]:
    """Names of people in Chinese, after words that announce one or before a title; others have to be listed."""
    if _WRITTEN_WITHOUT_BLANKS.search(text):
        for match in _CHINESE.finditer(text):
            yield Span(*match.span(1 if match[1] else 2), "name")


def names(listed: Iterable[str]) -> Recogniser:
    """Whole words or phrases that the caller lists, in any case; in scripts without blanks anywhere."""
    phrases = sorted({fold(name).text.strip() for name in listed} - {""}, key=len, reverse=True)
    if not phrases:
        return lambda text: ()  # noqa: ARG005
    pattern = re.compile("|".join(map(_phrase, phrases)), re.IGNORECASE)
    return lambda text: (Span(*match.span(), "name") for match in pattern.finditer(text))


def _phrase(name: str) -> str:
    before = "" if _WRITTEN_WITHOUT_BLANKS.match(name[0]) else r"(?<!\w)"
    after = "" if _WRITTEN_WITHOUT_BLANKS.match(name[-1]) else r"(?!\w)"
    return rf"{before}{re.escape(name)}{after}"


def addresses(text: str) -> Iterable[Span]:
    """Postal addresses: a rule of thumb, see `paars_gym.redaction.addresses`, and :func:`presidio` for more."""
    from paars_gym.redaction.addresses import find_addresses

    return (Span(start, end, "address") for start, end in find_addresses(text))


USUAL: tuple[Recogniser, ...] = (
    emails, cards, ibans, social_security_numbers, ip_addresses, addresses, handles, chinese_names,
)  # fmt: skip
"""Always looked for, beside telephone numbers and listed names."""


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
