"""Texts, lists, facts and numbers out of a feed's cells, without entities, tags and stray characters.

Every function takes any value and either returns what its name says or raises `UnreadableError`.
"""

from __future__ import annotations

import ast
import html
import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

MISSING = {"", "none", "null", "nan", "n/a", "na", "<na>", "nil", "undefined", "(not set)", "(none)", "\\n"}
UNESCAPE_ROUNDS = 5
LITERAL_CHARACTERS = 1_000_000
COUNT_CHARACTERS = 100
MOST_DEPTH = 64

# Only elements of HTML: "<USB-C>" is a word of the title.
_ELEMENTS = (
    "a|abbr|acronym|address|article|aside|audio|b|base|basefont|big|blink|blockquote|body|br|button|canvas|caption|"
    "center|cite|code|col|colgroup|data|dd|del|details|dfn|dialog|dir|div|dl|dt|em|embed|fieldset|figcaption|figure|"
    "font|footer|form|frame|frameset|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|legend|li|link|main|"
    "map|mark|marquee|menu|meta|meter|nav|noscript|object|ol|optgroup|option|output|p|param|picture|pre|progress|q|"
    "s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|"
    "textarea|tfoot|th|thead|time|title|tr|track|tt|u|ul|var|video|wbr"
)
_BLOCKS = (
    "address|article|aside|blockquote|br|caption|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|hr|li|"
    "main|nav|ol|p|pre|section|table|td|tfoot|th|thead|tr|ul"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HIDING = re.compile(r"<!--|<(script|style)\b[^<>]*>", re.IGNORECASE)
_SHOWING = {
    "": re.compile("-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
_BLOCK = re.compile(rf"</?(?=[a-z])(?:{_BLOCKS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?=[a-z])(?:{_ELEMENTS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_CONTROLS: dict[int, str | None] = {
    **dict.fromkeys([*range(10), *range(11, 32), *range(127, 160), 0x2028, 0x2029], " "),
    **dict.fromkeys([0xAD, 0x200B, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF]),  # width none, meaning none
}
# Without the blanks around, which would be tried from each of them again; what is split off is cleaned anyway.
_PATH = re.compile(r"[-=]?>|[›»→⟩|]|::|(?<=\s)/(?=\s)")
ITEM_SEPARATORS = re.compile(r"[|\n•]|(?<=\s)[·●▪](?=\s)")
_SLASH = re.compile(r"(?<![\d/:])/(?![\d/])")  # neither "1/2 inch" nor "https://"
_NOTHING_SAID = re.compile(
    r"[-–—.?]+|n\.a\.|be the first\b[^\d]*"
    r"|(?:no|not|none|never|un|kein|keine|noch|aucune?|pas|sans|sin|sem|nessuna?|geen)(?:\b|rated|reviewed)[^\d]*"
)
_NUMPY = re.compile(r"(?<=['\"])\s+(?=['\"])")
_GROUPED = re.compile(r"\D*(\d{1,3}(?:[.,\s'’]\d{2,3})*[.,\s'’]\d{3})\D*")
_NUMBER = re.compile(r"-?\d+(?:[.,\s]\d+)*")
_SHORT = re.compile(r"(\d+(?:[.,]\d+)?) ?(k|m|mio|tsd|mil|lakh|cr)?\b\.?\+?(?: \D*)?", re.IGNORECASE)
_TIMES = {"k": 1_000, "tsd": 1_000, "mil": 1_000, "lakh": 100_000, "m": 1_000_000, "mio": 1_000_000, "cr": 10_000_000}


class UnreadableError(ValueError):
    """A cell that does not say what its field needs.

    Attributes:
        instead: What can be kept all the same: the readable part of a list, or None.
    """

    def __init__(self, reason: str, *, instead: Any = None) -> None:
        super().__init__(reason)
        self.instead = instead


def clean_text(value: Any, *, lines: bool = False) -> str:
    """Plain text: entities decoded (also when escaped twice), tags removed, white space collapsed.

    Block tags and ``<br>`` become line breaks, which are kept only if ``lines``. Unpaired surrogates, which no file
    can hold, become U+FFFD; control and zero-width characters go. Missing values are the empty text.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (list, tuple)):
        return ("\n" if lines else " ").join(filter(None, (clean_text(item, lines=lines) for item in value)))
    text = value if isinstance(value, str) else _plain(value)
    if text.isascii() and text.isprintable() and "<" not in text and "&" not in text and "  " not in text:
        return _unless_missing(text.strip())  # nearly every cell: half of a build's time went into them
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    for _ in range(UNESCAPE_ROUNDS):
        before = text
        if "<" in text:
            text = _TAG.sub("", _BLOCK.sub("\n", _without_hidden(text)))
        if "&" in text:
            text = _ENTITY.sub(_decoded, text)
        if text == before:
            break
    if not text.isprintable():
        text = text.translate(_CONTROLS)
    if lines and "\n" in text:
        return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))
    return _unless_missing(" ".join(text.split()))


def clean_list(value: Any) -> tuple[str, ...]:
    """Texts of a list, or of a list in one cell: JSON, Python's or numpy's notation, ``a|b``, or one item a line."""
    return tuple(filter(None, map(clean_text, items_of(value, ITEM_SEPARATORS))))


def clean_path(value: Any) -> tuple[str, ...]:
    """A category path from the root: a list, or ``A > B``, ``A -> B``, ``A|B``, ``A/B``; of several, the first.

    A slash separates where nothing else does: "TV/Audio > Headphones" has two levels.
    """
    items = items_of(value, _PATH)
    if items and isinstance(items[0], (list, tuple)):
        items = list(items[0])
    if len(items) == 1 and isinstance(items[0], str):
        items = _PATH.split(clean_text(items[0]))
        if len(items) == 1 and "/" in items[0]:
            items = _SLASH.split(items[0])
    return tuple(filter(None, map(clean_text, items)))


def clean_mapping(value: Any) -> dict[str, str]:
    """Facts by name: an object, a list of name-value pairs, either of them written in one cell, or ``a: b | c: d``.

    Values under one name are joined by ", ".

    Raises:
        UnreadableError: Some part has no name; the rest is kept.
    """
    facts: dict[str, list[str]] = {}
    nameless = []
    for name, content in pairs_of(value):
        text = ", ".join(filter(None, map(clean_text, items_of(content, None))))
        if not name:
            nameless.append(text)
        elif text and text not in facts.setdefault(name, []):
            facts[name].append(text)
    result = {name: ", ".join(texts) for name, texts in facts.items() if texts}
    if any(nameless):
        raise UnreadableError(f"no name for {nameless[0][:80]!r}", instead=result)
    return result


def clean_count(value: Any) -> int:
    """A whole number of anything: 12, 12.0, "1,234 ratings", "(12)", "4,26,973" as in India, "1.2k". Missing is 0.

    Raises:
        UnreadableError: No number, a negative or a broken one.
    """
    text = clean_text(value) if isinstance(value, str) else ""
    if len(text) <= COUNT_CHARACTERS and (match := _GROUPED.fullmatch(text)):
        return int(re.sub(r"\D", "", match[1]))
    text = text.strip("()[] ") if len(text) <= COUNT_CHARACTERS else ""
    if (short := _SHORT.fullmatch(text)) and short[2]:
        return round(float(short[1].replace(",", ".")) * _TIMES[short[2].casefold()])
    number = number_of(text or value, "count")
    if number is None:
        return 0
    if not 0 <= number < 2**63 or number != math.floor(number):
        raise UnreadableError("not a whole number from 0")
    return int(number)


def clean_amount(value: Any) -> float:
    """A non-negative measure, such as popularity. Missing is 0.

    Raises:
        UnreadableError: No number, a negative or an infinite one.
    """
    number = number_of(value, "number")
    if number is not None and not 0 <= number < math.inf:
        raise UnreadableError("not a finite number from 0")
    return number or 0.0


def _without_hidden(text: str) -> str:
    """Without comments, scripts and styles; what is never closed hides nothing."""
    pieces, position, unclosed = [], 0, set()
    for opening in _HIDING.finditer(text):
        kind = (opening[1] or "").lower()
        if opening.start() < position or kind in unclosed:
            continue
        closing = _SHOWING[kind].search(text, opening.end())
        if closing is None:
            unclosed.add(kind)  # nor is any later one: a search for each would take the square of the length
            continue
        pieces += [text[position : opening.start()], " "]
        position = closing.end()
    return "".join((*pieces, text[position:])) if pieces else text


def too_deep(value: Any) -> bool:
    """Whether lists and objects are nested more than `MOST_DEPTH` deep."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list, tuple))
        ]
        if not level:
            return False
    return True


def _unless_missing(text: str) -> str:
    return "" if len(text) <= 9 and text.casefold() in MISSING else text


def _decoded(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(content)}" for name, content in value.items())
    try:
        return str(value)
    except ValueError:  # a whole number of thousands of digits
        return ""


def items_of(value: Any, separators: re.Pattern[str] | None) -> list[Any]:
    """The items of a list, or of a list written in a cell; with separators, also those of a plain text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, str):
        value = _literal(value)
    if isinstance(value, (list, tuple, set)):
        return list(value)
    if isinstance(value, str) and separators is not None:
        return separators.split(value) if clean_text(value) else []
    return [value]


def pairs_of(value: Any) -> Iterable[tuple[str, Any]]:
    """Names and values: of an object, of a list of pairs, or of either written in one cell."""
    if isinstance(value, str):
        value = _literal(value)
    if isinstance(value, Mapping):
        return [(clean_text(name), content) for name, content in value.items()]
    pairs: list[tuple[str, Any]] = []
    for item in items_of(value, ITEM_SEPARATORS):
        if isinstance(item, Mapping):
            pairs.append((clean_text(first_of(item, "name", "key", "label")), first_of(item, "value", "values", "val")))
        elif isinstance(item, (list, tuple)) and len(item) == 2:
            pairs.append((clean_text(item[0]), item[1]))
        elif text := clean_text(item):
            name, colon, content = text.partition(":")
            pairs.append((name.strip(), content.strip()) if colon else ("", text))
    return pairs


def _literal(text: str) -> Any:
    """What a cell holds that is written as a list or an object; the text itself if it is none."""
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in {"[]", "{}", "()"} or len(stripped) > LITERAL_CHARACTERS:
        return text
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        # numpy prints no commas, and Python would then join the texts into one.
        source = stripped if re.search(r"['\"]\s*,", stripped) else _NUMPY.sub(",", stripped)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the source that the cell may look like
                value = ast.literal_eval(source)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return text
    return value if isinstance(value, (list, tuple, dict)) and not too_deep(value) else text


def number_of(value: Any, kind: str) -> float | None:
    """The first number in a cell; None for a missing one.

    Raises:
        UnreadableError: There is no number in it, or one too large; the message names its ``kind``.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return None if value != value else float(value)  # noqa: PLR0124  (NaN)
        except OverflowError:
            raise UnreadableError(f"too large for a {kind}") from None
    text = clean_text(value)
    if not text or _NOTHING_SAID.fullmatch(text.casefold()):  # "No rating available"
        return None
    match = _NUMBER.match(text)
    if not match:
        raise UnreadableError(f"no {kind} in it")
    try:
        return float(match[0].replace(",", "."))
    except ValueError:
        raise UnreadableError(f"no {kind} in it") from None


def first_of(item: Mapping[Any, Any], *names: str) -> Any:
    """The first of some keys that has a value, or None."""
    return next((item[name] for name in names if item.get(name) is not None), None)
