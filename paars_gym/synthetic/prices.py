"""What things of a kind usually cost, as people remember it from before any test."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from paars_gym.catalog.assortment import sold_categories
from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog

UsualPrices = Mapping[tuple[str, ...], float]
"""Median price by category path, in the catalog's currency."""


def usual_prices(catalog: Catalog) -> dict[tuple[str, ...], float]:
    """Median price of what is for sale, by category; those of one product are folded up their path."""
    usual = {}
    for path, rows, _ in sold_categories(catalog):
        prices = [price for price in catalog.price[rows].tolist() if price > 0]
        if prices:
            usual[path] = median(prices)
    return usual


def usual_price(usual: UsualPrices, product: Product) -> float | None:
    """That of the product's category, or of the nearest one above it that has any."""
    path = product.category
    return next((usual[path[:depth]] for depth in range(len(path), -1, -1) if path[:depth] in usual), None)
