"""What a persona brings along to a page: leanings, interests and what is familiar, and so a shopper's coefficients."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from paars_gym.catalog.language import DEFAULT
from paars_gym.config import Condition
from paars_gym.personas.persona import Persona
from paars_gym.ranking.query import terms
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.queries import content_words

FEATURES = (
    "relevance",
    "price",
    "price_level",
    "rating",
    "popularity",
    "brand",
    "category",
    "familiarity",
    "over_budget",
    "sentiment",
)
"""What `seen` gives, in order; each is the name of its coefficient."""
TASTES = ("price", "price_level", "rating", "popularity", "brand", "familiarity", "sentiment")
"""Features with a ``_taste``."""
REMEMBERED = 20_000
Weights = tuple[float, ...]


class Taste(NamedTuple):
    """What a persona brings along, under a condition.

    Attributes:
        leanings: In [-1, 1], one a feature, 0 for those without a taste.
        impulse: Impulsiveness, in [-1, 1].
        comparing: Leaning to comparison, in [-1, 1].
        brands: Of interest, case-folded.
        categories: Terms of each category of interest.
        pairs: Neighbouring terms in the history.
    """

    leanings: tuple[float, ...] = (0.0,) * len(FEATURES)
    impulse: float = 0.0
    comparing: float = 0.0
    brands: frozenset[str] = frozenset()
    categories: tuple[frozenset[str], ...] = ()
    pairs: frozenset[str] = frozenset()


NO_TASTE = Taste()


@lru_cache(maxsize=REMEMBERED)
def weights(parameters: BehaviouralParameters, leanings: tuple[float, ...]) -> Weights:
    """Coefficients of the features for a shopper of such leanings."""
    return tuple(
        [
            getattr(parameters, name) + (getattr(parameters, f"{name}_taste") * leaning if leaning else 0.0)
            for name, leaning in zip(FEATURES, leanings, strict=True)
        ]
    )


def taste_of(persona: Persona | None, condition: Condition, language: str = DEFAULT) -> Taste:
    """What a shopper may know of a persona under a condition: preferences give the leanings, the profile brands and
    categories of interest, the history what is familiar. Without a persona it is nothing.

    Words are compared as the search of a catalog in that language holds them.
    """
    if persona is None or condition == "base":
        return NO_TASTE
    known = _tastes.get((id(persona), condition, language))
    if known is not None and known[0] is persona:
        return known[1]
    if len(_tastes) >= REMEMBERED:
        _tastes.clear()
    taste = _make_taste(persona, condition, language)
    _tastes[id(persona), condition, language] = persona, taste
    return taste


# By identity: hashing a persona would take longer than making its taste.
_tastes: dict[tuple[int, Condition, str], tuple[Persona, Taste]] = {}


def _make_taste(persona: Persona, condition: Condition, language: str) -> Taste:
    taste = NO_TASTE
    whole = condition == "persona"
    if whole or condition == "preferences":
        lean = persona.preferences.coefficients()
        by_feature = {
            "price": (lean["price_sensitivity"] + lean["deal_seeking"]) / 2,
            "price_level": lean["price_sensitivity"],
            "rating": (lean["quality_focus"] + lean["review_reliance"]) / 2,
            "popularity": lean["brand_reputation"],
            "brand": lean["brand_loyalty"],
            "familiarity": lean["novelty_seeking"],
            "sentiment": lean["review_reliance"],
        }
        taste = taste._replace(
            leanings=tuple(by_feature.get(name, 0.0) for name in FEATURES),
            impulse=lean["impulsiveness"],
            comparing=lean["comparison"],
        )
    if whole or condition == "profile":
        taste = taste._replace(
            brands=frozenset(name.casefold() for name in persona.profile.brands.values if name),
            categories=tuple(words for name in persona.profile.categories.values if (words := stems(name, language))),
        )
    if whole or condition == "history":
        taste = taste._replace(pairs=_familiar(persona.history, language))
    return taste


@lru_cache(maxsize=65_536)
def stems(text: str, language: str) -> frozenset[str]:
    """The content words of a text as the index of a catalog in that language holds them."""
    return frozenset(terms(" ".join(content_words(text)), language))


def neighbours(words: list[str]) -> frozenset[str]:
    """Each two neighbouring words, or the one word that there is."""
    return frozenset(map(" ".join, pairwise(words))) if len(words) > 1 else frozenset(words)


@lru_cache(maxsize=4_096)
def _familiar(history: str, language: str) -> frozenset[str]:
    known: set[str] = set()
    for line in history.splitlines():
        for item in line.split(";"):
            words = terms(item, language)
            known.update(words, neighbours(words))
    return frozenset(known)
