"""The levels of each probe, which thing about a product is changed and to what, and the pages it is shown on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.protocol import Ranked
from paars_gym.sessions.event import Intention
from paars_gym.shop.shop import Shop

PAGE_SIZE = 8

NO_NAME = "Qorvane"
"""A brand that nobody has heard of."""
ALIASES = {"sentiment": "review"}
"""Other names of probes."""
PRAISE = ("Exceeded every expectation", "Flawless. I have bought a second one and recommend it to everybody.")
BLAME = ("Broke within a week", "A disappointment from the first day. I sent it back and would not buy it again.")


class Level(NamedTuple):
    """The target product as one group of shoppers sees it.

    Attributes:
        name: As in reports.
        change: What is done to the target; nothing by default.
        position: Where on the page it stands, from 1; None for wherever the page has it.
    """

    name: str
    change: Callable[[Product], Product] = lambda product: product
    position: int | None = None


class Probe(NamedTuple):
    """A randomised change of one attribute.

    Attributes:
        name: Of the attribute.
        question: What it answers.
        baseline: What the other levels are compared with.
        levels: The others.
        needs: Fields that a target must have.
        segment: Preference by which personas are told apart, unless another is asked for.
        other_than: Brand that a target must not have; empty for any.
    """

    name: str
    question: str
    baseline: Level
    levels: tuple[Level, ...]
    needs: tuple[str, ...]
    segment: str
    other_than: str = ""


def price_level(percent: float) -> Level:
    """The price changed by so many percent."""

    def change(product: Product) -> Product:
        assert product.price is not None, "targets of the price probe have a price"
        return product.model_copy(update={"price": round(product.price * (1 + percent / 100), 2)})

    return Level(f"{percent:+g}%", change)


def rating_level(stars: float) -> Level:
    """A target of 2 to 4 stars, and so many more or fewer."""

    def change(product: Product) -> Product:
        assert product.rating is not None, "targets of the rating probe have a rating"
        return product.model_copy(update={"rating": min(max(product.rating, 2.0), 4.0) + stars})

    return Level(f"{stars:+g} star" if stars else "2-4 stars", change)


def brand_level(brand: str) -> Level:
    """Another brand, in the title too."""

    def change(product: Product) -> Product:
        title = product.title.replace(product.brand, brand)
        return product.model_copy(update={"brand": brand, "title": title if brand in title else f"{brand} {title}"})

    return Level(brand, change)


def review_level(name: str, stars: int, words: tuple[str, str]) -> Level:
    """Three reviews that all say the same; the rating stays."""
    reviews = tuple(Review(rating=stars, title=words[0], text=words[1], helpful_votes=votes) for votes in (9, 5, 2))
    return Level(name, lambda product: product.model_copy(update={"reviews": reviews}))


def probes(brand: str = NO_NAME) -> Mapping[str, Probe]:
    """All probes by name.

    Args:
        brand: What the brand probe swaps in.

    Raises:
        ValueError: No name of a brand.
    """
    if not brand.strip():
        raise ValueError(f"brand == {brand!r}: give the name of a brand, known or not.")
    same = Level("as is")
    all_probes: list[Any] = [
        Probe(
            "brand", "What does another brand change?", same, (brand_level(brand),), ("brand",), "brand_loyalty", brand
        ),
        Probe(
            "rating",
            "What does a star change?",
            rating_level(0),
            (rating_level(-1), rating_level(1)),
            ("rating",),
            "quality_focus",
        ),
        Probe(
            "price",
            "What does the price change?",
            same,
            tuple(price_level(percent) for percent in (-50, -25, -10, 10, 25, 50)),
            ("price",),
            "price_sensitivity",
        ),
        Probe(
            "position",
            "What does the place on the page change?",
            Level("place 1", position=1),
            tuple(Level(f"place {place}", position=place) for place in (2, 3, 5, 8)),
            (),
            "comparison",
        ),
        Probe(
            "review",
            "What do the reviews' words change?",
            review_level("praise", 5, PRAISE),
            (review_level("blame", 1, BLAME),),
            (),
            "review_reliance",
        ),
    ]
    return {probe.name: probe for probe in all_probes}


class ProbePage(NamedTuple):
    """A page before its target is changed.

    Attributes:
        products: In the order of the page.
        target: Index of the product that is changed.
        intention: What everybody comes for who sees it.
    """

    products: tuple[Product, ...]
    target: int
    intention: Intention


class FixedPage:
    """The same results whatever is searched for."""

    name = "fixed page"

    def __init__(self, rows: Sequence[int]) -> None:
        self._rows = tuple(rows)

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`; filters change nothing."""
        return Ranked(self._rows[offset : offset + limit], len(self._rows))


def draw_pages(catalog: Catalog, probe: Probe, *, number: int, rng: np.random.Generator) -> list[ProbePage]:
    """Pages of products of one category each, with a target that has what the probe changes.

    Args:
        catalog: Whose products.
        probe: What will be changed.
        number: How many pages.
        rng: Of the draws.

    Raises:
        ValueError: No category has enough products for a page, or none of the products has what is changed.
    """
    if number < 1:
        raise ValueError(f"pages == {number}, must be >= 1.")
    by_category: dict[str, list[int]] = {}
    targets: dict[str, list[int]] = {}
    for row in np.flatnonzero(catalog.available).tolist():
        path = catalog.value("category", row)
        if path and all(catalog.value(field, row) for field in probe.needs):
            by_category.setdefault(path[-1], []).append(row)
            # A target that has the brand already would show no effect, and dilute the others'.
            if not probe.other_than or catalog.value("brand", row).casefold() != probe.other_than.casefold():
                targets.setdefault(path[-1], []).append(row)
    wide = [name for name, rows in sorted(by_category.items()) if len(rows) >= PAGE_SIZE]
    if not wide:
        needs = f" with {' and '.join(probe.needs)}" if probe.needs else ""
        raise ValueError(
            f"No category of {catalog.name!r} has {PAGE_SIZE} available products{needs}; a page needs them."
        )
    wide = [name for name in wide if name in targets]
    if not wide:
        raise ValueError(f"Every product of {catalog.name!r} is of {probe.other_than!r} already: take another brand.")
    pages = []
    for _ in range(number):
        category = wide[int(rng.integers(len(wide)))]
        target = int(rng.choice(targets[category]))
        others = [row for row in by_category[category] if row != target]
        rows = rng.choice(others, size=PAGE_SIZE - 1, replace=False).tolist()
        place = int(rng.integers(PAGE_SIZE))
        rows.insert(place, target)
        products = tuple(catalog.product(row) for row in rows)
        pages.append(ProbePage(products, place, Intention(text=category, category=category)))
    return pages


def listed(page: ProbePage, level: Level) -> list[Product]:
    """The products as they stand on a page, with the target at a level."""
    products = list(page.products)
    target = level.change(products.pop(page.target))
    products.insert(page.target if level.position is None else level.position - 1, target)
    return products


def open_page(page: ProbePage, level: Level, catalog: Catalog) -> Shop:
    """A shop that has this page and nothing else, with the target at a level."""
    products = listed(page, level)
    small = Catalog.from_products(
        products, name=catalog.name, synthetic=catalog.synthetic, currency=catalog.currency, language=catalog.language
    )
    return Shop(small, FixedPage([small.row(product.id) for product in products]), page_size=PAGE_SIZE)
