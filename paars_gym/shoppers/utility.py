"""Utility of products on a page: their features in the eyes of one persona."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Any, NamedTuple

from paars_gym.catalog.product import Product
from paars_gym.ranking.query import terms
from paars_gym.shoppers.taste import REMEMBERED, Taste, Weights, neighbours, stems

USUAL_STARS = 4.0
PRIOR_RATINGS = 10
REVIEWS_SHOWN = 3
"""Reviews on a detail page, unless the shop says otherwise."""

Seen = tuple[float, float, float, float, float, float, float, float, float]


class Traits(NamedTuple):
    """What of a product decides its utility, worked out once.

    Attributes:
        title: Terms of the title.
        text: Terms of everything on its detail page but the reviews.
        price: In the catalog's currency; None when unknown.
        rating: Stars above `USUAL_STARS`, shrunk.
        sentiment: Mean stars above `USUAL_STARS` of the reviews that its detail page shows; 0 without any.
        popularity: ln(1 + number of ratings).
        brand: Case-folded.
        kinds: Terms of category path and title.
        pairs: Neighbouring terms of the title.
        available: Whether it can be bought.
    """

    title: frozenset[str]
    text: frozenset[str]
    price: float | None
    rating: float
    sentiment: float
    popularity: float
    brand: str
    kinds: frozenset[str]
    pairs: frozenset[str]
    available: bool


class Display(NamedTuple):
    """A page of results as the shopper who came for something sees it; lists run over its products.

    Attributes:
        items: Their traits.
        figures: Of each: share of the wanted terms in its title; ln(price / median price of the page), 0 when unknown;
            rating; popularity less the page's mean.
        text_relevance: Of each, the share of the wanted terms in all text of its detail page.
        lacking: Share of the wanted terms that even the best title lacks.
        usual_price: Median price of the page; None when none is known.
        usual_popularity: Mean popularity of the page.
    """

    items: tuple[Traits, ...]
    figures: tuple[tuple[float, float, float, float], ...]
    text_relevance: tuple[float, ...]
    lacking: float
    usual_price: float | None
    usual_popularity: float


def display_for(products: Sequence[Product], wanted: str, reviews_shown: int = REVIEWS_SHOWN) -> Display:
    """`display_of` for products of one page; those of a tuple, which cannot change, are worked out once."""
    key = id(products), wanted, reviews_shown
    known = _displays.get(key)
    if known is not None and known[0] is products:
        return known[1]
    display = display_of([_known_traits(product, reviews_shown) for product in products], wanted)
    if isinstance(products, tuple):
        if len(_displays) >= REMEMBERED // 2:
            _displays.clear()
        _displays[key] = products, display
    return display


def opened(display: Display, position: int, product: Product, wanted: str, reviews_shown: int) -> Display:
    """A page of results after the page of one of its products said otherwise than the results did."""
    item = _known_traits(product, reviews_shown)
    asked = stems(wanted)

    def replaced(values: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        return (*values[:position], value, *values[position + 1 :])

    return display._replace(
        items=replaced(display.items, item),
        figures=replaced(display.figures, _figures(item, asked, display.usual_price, display.usual_popularity)),
        text_relevance=replaced(display.text_relevance, _share(asked, item.text)),
    )


# By identity, holding what they are of: hashing a product would take longer than making its traits.
_displays: dict[tuple[int, str, int], tuple[tuple[Product, ...], Display]] = {}
_traits: dict[tuple[int, int], tuple[Product, Traits]] = {}


def _known_traits(product: Product, reviews_shown: int) -> Traits:
    known = _traits.get((id(product), reviews_shown))
    if known is not None and known[0] is product:
        return known[1]
    if len(_traits) >= REMEMBERED:
        _traits.clear()
    traits = traits_of(product, reviews_shown)
    _traits[id(product), reviews_shown] = product, traits
    return traits


def traits_of(product: Product | None, reviews_shown: int = REVIEWS_SHOWN) -> Traits:
    """The traits of a product; those of one that the catalog does not have are neutral, and it cannot be bought."""
    if product is None:
        return Traits(frozenset(), frozenset(), None, 0.0, 0.0, 0.0, "", frozenset(), frozenset(), False)
    title = terms(product.title)
    kinds = frozenset(title).union(*(terms(name) for name in product.category))
    facts = (part for pair in product.attributes.items() for part in pair)
    stars = 0.0
    if product.rating is not None:
        stars = (product.rating - USUAL_STARS) * product.rating_count / (product.rating_count + PRIOR_RATINGS)
    return Traits(
        title=frozenset(title),
        text=kinds.union(*(terms(text) for text in (product.brand, product.description, *product.bullets, *facts))),
        price=product.price or None,
        rating=stars,
        sentiment=fmean(shown) - USUAL_STARS
        if (shown := [one.rating for one in product.reviews[:reviews_shown]])
        else 0.0,
        popularity=math.log1p(product.rating_count),
        brand=product.brand.casefold(),
        kinds=kinds,
        pairs=neighbours(title),
        available=product.available,
    )


def display_of(items: Iterable[Traits], wanted: str) -> Display:
    """Products side by side, for who wants something."""
    items = tuple(items)
    asked = stems(wanted)
    prices = [item.price for item in items if item.price is not None]
    usual_price = median(prices) if prices else None
    usual_popularity = fmean(item.popularity for item in items) if items else 0.0
    figures = tuple([_figures(item, asked, usual_price, usual_popularity) for item in items])
    return Display(
        items=items,
        figures=figures,
        text_relevance=tuple([_share(asked, item.text) for item in items]),
        lacking=1.0 - max((relevance for relevance, *_ in figures), default=0.0),
        usual_price=usual_price,
        usual_popularity=usual_popularity,
    )


def _figures(
    item: Traits, asked: frozenset[str], usual_price: float | None, usual_popularity: float
) -> tuple[float, float, float, float]:
    priced = item.price is not None and usual_price is not None
    return (
        _share(asked, item.title),
        math.log(item.price / usual_price) if priced else 0.0,  # type: ignore[operator]
        item.rating,
        item.popularity - usual_popularity,
    )


def seen(display: Display, position: int, taste: Taste, budget: float | None = None, *, reading: bool = False) -> Seen:
    """The features of a product on a page.

    Args:
        display: The page.
        position: 0-based.
        taste: Of the shopper.
        budget: Most that may be spent.
        reading: On the product's detail page, where all its text counts for relevance, and the reviews for sentiment;
            a page of results shows neither.

    Returns:
        One number for each of `FEATURES`.
    """
    item = display.items[position]
    relevance, price, rating, popularity = display.figures[position]
    sentiment = 0.0
    if reading:
        relevance, sentiment = display.text_relevance[position], item.sentiment
    in_category = familiar = 0.0
    for kind in taste.categories:
        if kind <= item.kinds:
            in_category = 1.0
            break
    if taste.pairs and item.pairs:
        familiar = len(item.pairs & taste.pairs) / len(item.pairs)
    by_brand = 1.0 if item.brand in taste.brands else 0.0
    too_dear = 1.0 if budget is not None and item.price is not None and item.price > budget else 0.0
    return relevance, price, rating, popularity, by_brand, in_category, familiar, too_dear, sentiment


def utility_of(coefficients: Weights, features: Seen) -> float:
    """The sum of the features times their coefficients; written out, because it is asked for at every glance."""
    a, b, c, d, e, f, g, h, i = coefficients
    s, t, u, v, w, x, y, z, r = features
    return a * s + b * t + c * u + d * v + e * w + f * x + g * y + h * z + i * r


def _share(asked: frozenset[str], offered: frozenset[str]) -> float:
    return len(asked & offered) / len(asked) if asked else 0.0
