"""Rankings of the best matches by price, rating or popularity, or at random."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from paars_gym.catalog.filters import SORTS
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.paging import Rearranged
from paars_gym.ranking.protocol import Pool, RankingPolicy
from paars_gym.ranking.query import normal_text


def resort(catalog: Catalog, rows: Sequence[int], sort: str) -> tuple[int, ...]:
    """Rows by price, rating or popularity; those without a value last, ties by product id.

    Args:
        catalog: Whose rows they are.
        rows: In the order of relevance.
        sort: One of `SORTS`; ``relevance`` changes nothing.

    Raises:
        ValueError: Unknown sort.
    """
    if sort not in SORTS:
        raise ValueError(f"Unknown sort {sort!r}. Available: {', '.join(SORTS)}.")
    if sort == "relevance" or not rows:
        return tuple(rows)
    chosen = np.asarray(rows, dtype=np.int64)
    if sort in {"price_low", "price_high"}:
        values = catalog.price[chosen]
    else:
        values = catalog.rating[chosen] if sort == "rating" else catalog.popularity[chosen]
    keys = values if sort == "price_low" else -values
    return tuple(chosen[np.lexsort((chosen, keys))].tolist())  # numpy sorts NaN last, which is where they belong


class Resorted(Rearranged):
    """``popularity``, ``rating`` (both highest first) and ``price`` (lowest first): the base's top 200, sorted.

    Sorting all matches would put whatever shares one word with the query on top, so only the 200 most relevant are
    sorted; the rest follow by relevance. Ties go by product id, products without a value come last of the 200.
    """

    def __init__(self, base: RankingPolicy, catalog: Catalog, sort: str) -> None:
        """Args:
            base: Says what is relevant.
            catalog: Where the values are.
            sort: One of `SORTS`.

        Raises:
            ValueError: Unknown sort.
        """
        resort(catalog, (), sort)
        super().__init__(base)
        self.catalog, self.sort = catalog, sort
        self.name = f"{'price' if sort == 'price_low' else sort}({base.name})"

    def order(self, text: str, pool: Pool) -> Sequence[int]:
        """See `Rearranged.order`."""
        return resort(self.catalog, pool.rows, self.sort)


class Shuffled(Rearranged):
    """``random`` or ``random:SEED``: the base's top 200 in an order that only seed, query and product ids decide.

    Sorted by BLAKE2b(seed, query, id), so the same in every process and whatever the filters: a control arm that shows
    equally relevant products without preference.
    """

    def __init__(self, base: RankingPolicy, catalog: Catalog, seed: int = 0) -> None:
        super().__init__(base)
        self.catalog, self.seed = catalog, seed
        self.name = f"random:{seed}({base.name})"

    def order(self, text: str, pool: Pool) -> Sequence[int]:
        """See `Rearranged.order`."""
        start = blake2b(f"{self.seed}|{normal_text(text)}|".encode("utf-8", "surrogatepass"), digest_size=8)

        def drawn(row: int) -> bytes:
            draw = start.copy()
            draw.update(self.catalog.value("id", row).encode())
            return draw.digest()

        return sorted(pool.rows, key=drawn)
