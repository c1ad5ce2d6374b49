"""Utility of products on a page: their features in the eyes of one persona."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import Any, NamedTuple

from paars_gym.catalog.language import DEFAULT
from paars_gym.catalog.product import Product
from paars_gym.ranking.query import product_terms, terms
from paars_gym.shoppers.reference_prices import ReferencePrices
from paars_gym.shoppers.taste import REMEMBERED, Taste, Weights, neighbours, stems

USUAL_STARS = 4.0
PRIOR_RATINGS = 10
REVIEWS_SHOWN = 3
"""Reviews on a detail page, unless the shop says otherwise."""

Seen = tuple[float, float, float, float, float, float, float, float, float, float]
Figures = tuple[float, float, float, float, float]


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
        category: Path.
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
    category: tuple[str, ...]
    kinds: frozenset[str]
    pairs: frozenset[str]
    available: bool


class Display(NamedTuple):
    """A page of results as the shopper who came for something sees it; lists run over its products.

    Attributes:
        items: Their traits.
        figures: Of each: share of the wanted terms in its title; ln(price / median price of the page), and
            ln(price / reference price of its category), 0 when unknown; rating; popularity less the page's mean.
        text_relevance: Of each, the share of the wanted terms in all text of its detail page.
        lacking: Share of the wanted terms that even the best title lacks.
        usual_price: Median price of the page; None when none is known.
        usual_popularity: Mean popularity of the page.
        remembered: Reference prices of the shopper; None when it remembers none.
        language: Of the catalog, by which words are compared.
    """

    items: tuple[Traits, ...]
    figures: tuple[Figures, ...]
    text_relevance: tuple[float, ...]
    lacking: float
    usual_price: float | None
    usual_popularity: float
    remembered: ReferencePrices | None
    language: str


def display_for(
    products: Sequence[Product],
    wanted: str,
    reviews_shown: int = REVIEWS_SHOWN,
    remembered: ReferencePrices | None = None,
    language: str = DEFAULT,
) -> Display:
    """`display_of` for products of one page; those of a tuple, which cannot change, are worked out once."""
    key = id(products), wanted, reviews_shown, id(remembered), language
    known = _displays.get(key)
    if known is not None and known[0] is products and known[1].remembered is remembered:
        return known[1]
    items = [_known_traits(product, reviews_shown, language) for product in products]
    display = display_of(items, wanted, remembered, language)
    if isinstance(products, tuple):
        if len(_displays) >= REMEMBERED // 2:
            _displays.clear()
        _displays[key] = products, display
    return display


def opened(display: Display, position: int, product: Product, wanted: str, reviews_shown: int) -> Display:
    """A page of results after the page of one of its products said otherwise than the results did."""
    item = _known_traits(product, reviews_shown, display.language)
    asked = stems(wanted, display.language)

    def replaced(values: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
        return (*values[:position], value, *values[position + 1 :])

    return display._replace(
        items=replaced(display.items, item),
        figures=replaced(display.figures, _figures(item, asked, display)),
        text_relevance=replaced(display.text_relevance, _share(asked, item.text)),
    )


# By identity, holding what they are of: hashing a product would take longer than making its traits.
_displays: dict[tuple[int, str, int, int, str], tuple[tuple[Product, ...], Display]] = {}
_traits: dict[tuple[int, int, str], tuple[Product, Traits]] = {}


def _known_traits(product: Product, reviews_shown: int, language: str) -> Traits:
    known = _traits.get((id(product), reviews_shown, language))
    if known is not None and known[0] is product:
        return known[1]
    if len(_traits) >= REMEMBERED:
        _traits.clear()
    traits = traits_of(product, reviews_shown, language)
    _traits[id(product), reviews_shown, language] = product, traits
    return traits


def traits_of(product: Product | None, reviews_shown: int = REVIEWS_SHOWN, language: str = DEFAULT) -> Traits:
    """The traits of a product; those of one that the catalog does not have are neutral, and it cannot be bought."""
    if product is None:
        return Traits(frozenset(), frozenset(), None, 0.0, 0.0, 0.0, "", (), frozenset(), frozenset(), False)
    title = product_terms(product.title, language)
    kinds = frozenset(title).union(*(product_terms(name, language) for name in product.category))
    facts = (part for pair in product.attributes.items() for part in pair)
    stars = 0.0
    if product.rating is not None:
        stars = (product.rating - USUAL_STARS) * product.rating_count / (product.rating_count + PRIOR_RATINGS)
    return Traits(
        title=frozenset(title),
        text=kinds.union(
            *(product_terms(text, language) for text in (product.brand, product.description, *product.bullets, *facts))
        ),
        price=product.price or None,
        rating=stars,
        sentiment=fmean(shown) - USUAL_STARS
        if (shown := [one.rating for one in product.reviews[:reviews_shown]])
        else 0.0,
        popularity=math.log1p(product.rating_count),
        brand=product.brand.casefold(),
        category=product.category,
        kinds=kinds,
        pairs=neighbours(terms(product.title, language)),
        available=product.available,
    )


def display_of(
    items: Iterable[Traits], wanted: str, remembered: ReferencePrices | None = None, language: str = DEFAULT
) -> Display:
    """Products side by side, for who wants something and remembers prices."""
    items = tuple(items)
    asked = stems(wanted, language)
    prices = [item.price for item in items if item.price is not None]
    page = Display(
        items=items,
        figures=(),
        text_relevance=tuple([_share(asked, item.text) for item in items]),
        lacking=1.0,
        usual_price=median(prices) if prices else None,
        usual_popularity=fmean(item.popularity for item in items) if items else 0.0,
        remembered=remembered,
        language=language,
    )
    figures = tuple([_figures(item, asked, page) for item in items])
    lacking = 1.0 - max((relevance for relevance, *_ in figures), default=0.0)
    return page._replace(figures=figures, lacking=lacking)


def _figures(item: Traits, asked: frozenset[str], page: Display) -> Figures:
    usual, remembered = page.usual_price, page.remembered
    reference = None if remembered is None else remembered.of(item.category)
    return (
        _share(asked, item.title),
        math.log(item.price / usual) if item.price is not None and usual is not None else 0.0,
        math.log(item.price / reference) if item.price is not None and reference is not None else 0.0,
        item.rating,
        item.popularity - page.usual_popularity,
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
    relevance, price, level, rating, popularity = display.figures[position]
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
    return relevance, price, level, rating, popularity, by_brand, in_category, familiar, too_dear, sentiment


def utility_of(coefficients: Weights, features: Seen) -> float:
    """The sum of the features times their coefficients; written out, because it is asked for at every glance."""
    a, b, c, d, e, f, g, h, i, j = coefficients
    q, r, s, t, u, v, w, x, y, z = features
    return a * q + b * r + c * s + d * t + e * u + f * v + g * w + h * x + i * y + j * z


def _share(asked: frozenset[str], offered: frozenset[str]) -> float:
    return len(asked & offered) / len(asked) if asked else 0.0
