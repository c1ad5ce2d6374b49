"""The facts about a catalog, for a table."""

from __future__ import annotations

import polars as pl

from paars_gym.catalog.language import language_name
from paars_gym.catalog.store import Catalog

TOP_CATEGORIES = 8


def describe(catalog: Catalog) -> list[tuple[str, str]]:
    """Facts about a catalog, by name, in the order to show them."""
    size = len(catalog)
    frame = catalog.frame("category", "brand", "price", "rating", "rating_count", "available")
    leaves = frame.get_column("category").list.last().drop_nulls()
    brands = frame.get_column("brand").filter(frame.get_column("brand") != "")
    prices = frame.get_column("price").drop_nulls()
    ratings = frame.get_column("rating").drop_nulls()
    top = leaves.value_counts(sort=True).sort(["count", "category"], descending=[True, False]).head(TOP_CATEGORIES)
    facts = [
        ("name", catalog.name + (" (synthetic: generated products)" if catalog.synthetic else "")),
        ("products", f"{size:,}"),
        ("can be bought", f"{frame.get_column('available').sum():,}"),
        ("currency", catalog.currency),
        ("language", language_name(catalog.language)),
        ("with a price", f"{_share(prices, size)}{_spread(prices)}"),
        ("with a rating", f"{_share(ratings, size)}{_spread(ratings)}"),
        ("ratings", f"{frame.get_column('rating_count').sum():,}"),
        ("brands", f"{brands.n_unique():,}"),
        ("categories", f"{leaves.n_unique():,}"),
        ("largest", ", ".join(f"{name} ({count:,})" for name, count in top.iter_rows())),
        ("source", catalog.card.source),
        *((name.replace("_", " "), f"{count:,}") for name, count in catalog.card.counts.items() if name != "products"),
        ("fingerprint", catalog.fingerprint),
    ]
    return [(name, text) for name, text in facts if text]


def _share(values: pl.Series, size: int) -> str:
    return f"{len(values):,} ({len(values) / size:.0%})"


def _spread(values: pl.Series) -> str:
    if values.is_empty():
        return ""
    low, middle, high = (values.quantile(level, "nearest") for level in (0.05, 0.5, 0.95))
    return f": median {middle:,.2f}, 90% from {low:,.2f} to {high:,.2f}"
