"""What invented people type: the thing's plain name, what it should be like, and slips of the finger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paars_gym.catalog.naming import (
    CONNECTORS,
    bound_words,
    category_words,
    detail_words,
    is_brand,
    name_start,
    thing_words,
)
from paars_gym.catalog.product import Product
from paars_gym.synthetic.people import Luck

NEAR = {"a": "s", "e": "r", "i": "o", "o": "i", "s": "d", "t": "r", "n": "m", "r": "t", "l": "k", "c": "v"}


class Wording:
    """What people call the things of one shop."""

    def __init__(self, titles: Iterable[str] = ()) -> None:
        """Args:
        titles: Of the shop's products: what always stands together in them is typed together.
        """
        self._bound = bound_words(titles)

    def short_query(self, product: Product, luck: Luck) -> str:
        """The plain name of the thing, or of its category."""
        kind = category_words(product.category)
        if kind and luck.chance(0.3):
            return " ".join(kind)
        thing = _thing(product)
        return " ".join(thing[name_start(thing, self._bound) :])

    def query_for(self, product: Product, words: float, luck: Luck, brands: Sequence[str] = ()) -> str:
        """A query of about so many words for a kind of product: the thing, then what it should be like."""
        wanted = 1 + luck.count(max(words - 1, 0.1))
        if wanted == 1 and product.category:
            return self.short_query(product, luck)
        thing = _thing(product)
        place = name_start(thing, self._bound)
        query = thing[place:]
        # Adjectives can be left out one by one; of what "and" joins nothing can.
        joined = bool(CONNECTORS.intersection(thing[:place]))
        while place > 0 and len(query) < wanted and not joined:
            end = place
            place -= 1
            while place > 0 and self._bound.get(thing[place]) == thing[place - 1]:
                place -= 1
            if luck.chance(0.7):
                query = [*thing[place:end], *query]
        details = detail_words(product.title, brand=product.brand)
        if details and len(query) < wanted and luck.chance(0.8):
            query.append(luck.pick(details))
        if product.brand in brands and is_brand(product.brand) and luck.chance(0.4):
            query.insert(0, product.brand.lower())
        return " ".join(query)


def mistyped(query: str, luck: Luck) -> str:
    """The query with one slip: a letter swapped, left out, doubled, or its neighbour on the keyboard."""
    if len(query) < 4:
        return query
    place = 1 + luck.below(len(query) - 2)
    before, letter, after = query[:place], query[place], query[place + 1 :]
    match luck.below(4):
        case 0:
            return before + after
        case 1:
            return before + letter + letter + after
        case 2:
            return before + after[0] + letter + after[1:]
        case _:
            return before + NEAR.get(letter, letter) + after


def _thing(product: Product) -> list[str]:
    words = thing_words(product.title, brand=product.brand, category=product.category)
    return words or product.title.lower().split()[:4]
