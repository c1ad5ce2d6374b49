"""The pages of a probe: similar products, equal for all shoppers but for one thing about one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.probes.levels import Level, Probe
from paars_gym.ranking.protocol import Ranked
from paars_gym.sessions.event import Intention
from paars_gym.shop.shop import Shop

PAGE_SIZE = 8


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
    small = Catalog.from_products(products, name=catalog.name, synthetic=catalog.synthetic, currency=catalog.currency)
    return Shop(small, FixedPage([small.row(product.id) for product in products]), page_size=PAGE_SIZE)
