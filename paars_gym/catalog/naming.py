"""What people call a product or a category when they search for it: plain words, no scraps of a feed's title."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


CONNECTORS = _listed("a all an and at by de for from für in of on or pour the to und & +")
"""Words that no query begins or ends with."""
JOINING = _listed("and & or und")
"""Words that join two names of things."""
MEANINGLESS = _listed(
    "assortment brand-new default genuine general home hot misc miscellaneous n/a na nec new none null oem other "
    "others pc pcs qty root sale uncategorised uncategorized unknown various"
)
"""Words of feeds that nobody searches for."""
PACKAGING = _listed("bag bags box case count ct lot pack packs pair piece pieces set size weight")
"""Words about how much of a thing there is."""
ENOUGH_WORDS = 2
"""Before a number that ends the name of a thing."""
UNITS = _listed("a cm count ct ft g hz in inch kg l lb lbs m mah mg ml mm oz pack pcs piece pieces pk pl v w")
"""Left out behind a number."""
WITH = _listed("w w/o with without avec con mit ohne sans sin")
"""Words behind which stands what a thing comes with, in the languages of most feeds."""
MOST_WORDS = 4
"""Of a category's name, before it is cut."""
LONG_TITLE = 7
"""Words of a title from which on it is a list of praises that begins with the thing itself."""
BOUND_SHARE = 0.8
"""Of a word's places, behind the word that it is bound to."""
NO_BRAND = _listed("brand brands generic label national no none private unbranded unknown")
"""Words of which feeds make brands that are none."""
NOTHING_BOUND: Mapping[str, str] = MappingProxyType({})
_BRACKETS = re.compile(r"[(\[{<][^)\]}>]*[)\]}>]")
_PARTS = re.compile(r"\s*[,;|:/]\s+|\s*[;|]\s*|\s+[-–—]+\s+|,")
_EDGES = "\"'`´“”‘’*.,;:!?()[]{}<>#~_=-–—/\\&+®™©"


def title_parts(title: str) -> list[list[str]]:
    """The parts of a title between its commas and dashes, each in lower-case words without punctuation around them."""
    text = _BRACKETS.sub(" ", html.unescape(html.unescape(title)))
    return [part for part in (_words(part) for part in _PARTS.split(text)) if part]


def thing_words(title: str, *, brand: str = "", category: Sequence[str] = ()) -> list[str]:
    """What a product is, from its title: without brand, model numbers, measures and what follows "with".

    >>> thing_words("ACME SPST Toggle Switch 125V 6A ON-OFF (2 pcs)", brand="Acme", category=("Toggle Switches",))
    ['spst', 'toggle', 'switch']
    >>> thing_words("Frozen snacks and appetizers, 16 oz")
    ['frozen', 'snacks', 'and', 'appetizers']

    Args:
        title: As the feed has it.
        brand: Left out where the title begins with it.
        category: Path; a word of its last name tells where the name of the thing ends.

    Returns:
        Words in lower case; those of the category where the title has no plain words; empty where neither has.
    """
    known = _words(brand)
    for words in title_parts(title):
        plain, cut = _until_measures(_without_brand(words, known))
        if any(_is_word(word) for word in plain):
            return _until_thing(plain, category, cut=cut)
    return category_words(category)


def category_words(path: Sequence[str]) -> list[str]:
    """A category's name as a query: the last one of the path that means something, empty where none does.

    >>> category_words(("Grocery", "Frozen vegetables with sauce or seasoning, bag"))
    ['frozen', 'vegetables']
    >>> category_words(("Lamps", "Other"))
    ['lamps']
    """
    for name in reversed(path):
        for words in title_parts(name):
            plain, _ = _until_measures(words)
            if any(_is_word(word) for word in plain):
                return plain if len(plain) <= MOST_WORDS else _trimmed(plain[:MOST_WORDS])
    return []


def name_start(words: Sequence[str], bound: Mapping[str, str] = NOTHING_BOUND) -> int:
    """Where in the words of a thing its plain name begins: "ear pads for headphones", "running shoes".

    >>> name_start(["cooling", "gel", "ear", "pads", "for", "headphones"])
    2
    >>> name_start(["frozen", "snacks", "and", "appetizers"])
    1
    >>> name_start(["detangling", "aloe", "vera", "shampoo"], {"vera": "aloe"})
    1

    Args:
        words: Of `thing_words`.
        bound: Of `bound_words`.
    """
    end = words.index("for") if "for" in words else len(words)
    start = max(end - 2, 0)
    while start > 0 and words[start] in CONNECTORS:
        start -= 1
    # "house and carpet cleaner": what "and" joins is not torn apart.
    if start > 0 and words[start - 1] in CONNECTORS:
        start = max(start - 2, 0)
    while start > 0 and bound.get(words[start]) == words[start - 1]:
        start -= 1
    return start


def bound_words(titles: Iterable[str]) -> dict[str, str]:
    """Words that stand behind one and the same word nearly everywhere, as "vera" behind "aloe", with that word.

    >>> bound_words(["Aloe vera shampoo", "Aloe vera soap", "Mild soap"])
    {'vera': 'aloe'}
    """
    behind: dict[str, Counter[str]] = {}
    for title in titles:
        for words in title_parts(title)[:1]:
            for before, word in zip(["", *words[:-1]], words, strict=True):
                behind.setdefault(word, Counter())[before] += 1
    bound = {}
    for word, counts in behind.items():
        before, times = counts.most_common(1)[0]
        plain = word not in CONNECTORS and before not in CONNECTORS and before.isalpha()
        if plain and times > 1 and times >= BOUND_SHARE * counts.total():
            bound[word] = before
    return bound


def plain_name(title: str, *, brand: str = "", category: Sequence[str] = ()) -> str:
    """The shortest name of a product that people would search for.

    >>> plain_name("Kestrivo magnetic wireless charger, 15 W, blue", brand="Kestrivo")
    'wireless charger'
    """
    words = thing_words(title, brand=brand, category=category)
    return " ".join(words[name_start(words) :]) or " ".join(title.lower().split()[:MOST_WORDS])


def detail_words(title: str, *, brand: str = "") -> list[str]:
    """What a title says after its first comma in a word or two, such as the colour; no measures and no packaging.

    >>> detail_words("Simmerly retro electric kettle, 1 l, white", brand="Simmerly")
    ['white']
    """
    known = _words(brand)
    return [
        " ".join(words)
        for words in title_parts(title)[1:]
        if len(words) <= 2
        and words != known
        and all(word.isalpha() for word in words)
        and not PACKAGING.union(CONNECTORS, MEANINGLESS).intersection(words)
    ]


def is_brand(brand: str) -> bool:
    """Whether people would type it: "Private label" is none."""
    return bool(set(brand.lower().split()) - NO_BRAND)


def _words(text: str) -> list[str]:
    return [word for word in (part.strip(_EDGES).lower() or part * (part == "&") for part in text.split()) if word]


def _is_word(word: str) -> bool:
    return (len(word) > 2 or not word.isascii()) and word not in CONNECTORS


def _without_brand(words: list[str], brand: list[str]) -> list[str]:
    """Without what stands before the name of the thing: "new", "set of", the brand."""
    while words and words[0] in MEANINGLESS:
        words = words[1:]
    if brand and words[: len(brand)] == brand:
        words = words[len(brand) :]
    return words[2:] if len(words) > 2 and words[1] == "of" and words[0] in PACKAGING else words


def _until_measures(words: Sequence[str]) -> tuple[list[str], bool]:
    """Words with a meaning, up to the model numbers and measures behind them, and whether there were any.

    "3-piece" is left out, and what follows it kept.
    """
    kept: list[str] = []
    before = ""
    for word in words:
        if word in WITH and kept:
            break
        if any(letter.isdigit() for letter in word):
            adjective = re.fullmatch(r"\d+[-–][^\W\d]+", word) is not None
            if len(kept) >= ENOUGH_WORDS and not adjective:
                return _trimmed(kept), True
        elif not (
            (before.replace(".", "").isdigit() and word in UNITS)
            or word in MEANINGLESS
            or (len(word) == 1 and word.isascii() and word != "&")
        ):
            kept.append(word)
        before = word
    return _trimmed([word for word in kept if word == "&" or any(letter.isalpha() for letter in word)]), False


def _trimmed(words: Sequence[str]) -> list[str]:
    """Without connecting words at either end."""
    own = [place for place, word in enumerate(words) if word not in CONNECTORS]
    return list(words[own[0] : own[-1] + 1]) if own else []


def _until_thing(words: list[str], category: Sequence[str], *, cut: bool) -> list[str]:
    """Cut after the word that the category is called by, where much or a model number follows it."""
    if "for" in words:
        return _trimmed(words[: words.index("for") + 3])
    called = category_words(category)
    # "Keyboards and mice" is called by two words, "oven parts" by its last.
    heads = [word for word, after in zip(called, [*called[1:], "and"], strict=False) if after in CONNECTORS]
    places = [place for place, word in enumerate(words) if any(_same_word(word, head) for head in heads)]
    joined = JOINING.intersection(words[places[-1] :]) if places else ()
    if places and not joined and (cut or len(words) - places[-1] > 2):
        return words[: places[-1] + 1]
    return _trimmed(words[:3]) if not places and len(words) >= LONG_TITLE else words


def _same_word(one: str, other: str) -> bool:
    """Whether they are the same but for an ending, as singular and plural are."""
    short, long = sorted((one, other), key=len)
    stem = short[:-1] if short.endswith(("e", "y")) else short
    return short == long or (len(short) > 2 and long.startswith(stem) and len(long) - len(short) <= 2)
