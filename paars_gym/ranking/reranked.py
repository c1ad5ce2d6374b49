"""A ranking that lets a function of your own order the best matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from paars_gym.catalog.product import Product
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.paging import Rearranged
from paars_gym.ranking.protocol import Pool, RankingPolicy

RerankFunction = Callable[[str, Sequence[Product]], Iterable[Any]]


class Reranked(Rearranged):
    """``rerank:module:function`` or ``rerank:module:function(bm25)``: the base's top 200, ordered by a function.

    ``function(query, products)`` gets the query as typed and the products best first, and returns their positions in
    the order to show: each of ``0 … len(products) - 1`` once. It must be deterministic. For example::

        def cheapest_first(query, products):
            return sorted(range(len(products)), key=lambda i: products[i].price or float("inf"))
    """

    def __init__(self, base: RankingPolicy, catalog: Catalog, function: RerankFunction, name: str = "") -> None:
        super().__init__(base)
        self.catalog, self.function = catalog, function
        self.label = name or f"{function.__module__}:{function.__qualname__}"
        self.name = f"rerank:{self.label}({base.name})"

    def order(self, text: str, pool: Pool) -> list[int]:
        """See `Rearranged.order`.

        Raises:
            ValueError: The function returned something else than a permutation.
        """
        returned = self.function(text, [self.catalog.product(row) for row in pool.rows])
        try:
            positions = [position.__index__() for position in returned]
        except (TypeError, AttributeError):
            positions = None
        if positions is None or sorted(positions) != list(range(len(pool.rows))):
            raise ValueError(
                f"{self.label} returned {_short(returned)} for {len(pool.rows)} products, must return each position "
                f"from 0 to {len(pool.rows) - 1} once."
            )
        return [pool.rows[position] for position in positions]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
