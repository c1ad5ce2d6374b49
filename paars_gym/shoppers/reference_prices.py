"""Reference prices: what products of a category usually cost, as shoppers remember it from before any test.

Kalyanaram & Winer (1995): a price is felt as a gain or a loss against a reference price. Shoppers see pages alone, so
that what they remember has to be handed to them: from the catalog of the control arm, before any patch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from weakref import WeakKeyDictionary, WeakValueDictionary

import polars as pl

from paars_gym.catalog.store import Catalog

SEPARATOR = " > "
LEAST_PRICES = 5
"""A category with fewer prices has that of the one above it."""


class ReferencePrices:
    """Median prices by category path; a category that is not known has the price of the nearest one above it.

    Attributes:
        name: As settings hold it.
        prices: By category path, its names joined by `SEPARATOR`; that of the whole catalog under an empty text.
        fingerprint: Hash of the prices.
    """

    name = "reference prices"

    def __init__(self, prices: Mapping[str, float]) -> None:
        """Args:
            prices: Of each path, > 0.

        Raises:
            ValueError: A price that is no positive number.
        """
        for path, price in prices.items():
            if isinstance(price, bool) or not isinstance(price, int | float) or not 0 < price < math.inf:
                raise ValueError(f"The reference price of {path!r} == {price!r}, must be a number > 0.")
        self.prices = dict(prices)
        listed = "\n".join(f"{path}\t{price!r}" for path, price in sorted(self.prices.items()))
        self.fingerprint = hashlib.blake2b(listed.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        self._known: dict[tuple[str, ...], float | None] = {}

    def of(self, category: tuple[str, ...]) -> float | None:
        """The price that is remembered for a category path; None when there is none."""
        if category not in self._known:
            paths = (SEPARATOR.join(category[:depth]) for depth in range(len(category), -1, -1))
            self._known[category] = next((self.prices[path] for path in paths if path in self.prices), None)
        return self._known[category]


_shared: WeakValueDictionary[str, ReferencePrices] = WeakValueDictionary()
_of_catalogs: WeakKeyDictionary[Catalog, ReferencePrices] = WeakKeyDictionary()


def shared_prices(prices: ReferencePrices | Mapping[str, float]) -> ReferencePrices:
    """The reference prices of a setting, one object for all shoppers that remember the same: pages are then worked out
    once for all of them.

    Raises:
        ValueError: As `ReferencePrices`.
    """
    made = prices if isinstance(prices, ReferencePrices) else ReferencePrices(prices)
    return _shared.setdefault(made.fingerprint, made)


def reference_prices(catalog: Catalog) -> ReferencePrices:
    """Median price of each category of a catalog, and of all above it.

    Args:
        catalog: As it is before any test.
    """
    known = _of_catalogs.get(catalog)
    if known is None:
        frame = catalog.frame("category", "price").filter(pl.col("price") > 0)
        deepest = frame["category"].list.len().max() if len(frame) else 0
        prices: dict[str, float] = {}
        for depth in range(int(deepest or 0) + 1):  # type: ignore[arg-type]
            path = pl.col("category").list.head(depth).list.join(SEPARATOR).alias("path")
            grouped = frame.filter(pl.col("category").list.len() >= depth).group_by(path)
            found = grouped.agg(pl.col("price").median(), pl.len().alias("n")).sort("path")
            prices |= {name: price for name, price, n in found.iter_rows() if n >= LEAST_PRICES or not depth}
        known = _of_catalogs[catalog] = ReferencePrices(prices)
    return known
