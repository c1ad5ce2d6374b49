"""A ranking with advertisements at fixed ranks."""

from __future__ import annotations

from collections.abc import Sequence

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index
from paars_gym.ranking.paging import check_slice, headed, listed
from paars_gym.ranking.protocol import Ranked, RankingPolicy


class Sponsored:
    """``sponsored:ID1,ID2@1,4(bm25)``: the first product at rank 1, the second at rank 4, the rest as in the base.

    Ranks count over the whole list, not on each page; without ``@`` they are 1, 2, 3, …. An advertisement is shown for
    every query that has results, related or not, unless the shopper's filters exclude it: then its rank goes to the
    base's list. It is not shown a second time where relevance would have put it. A list that is too short has its
    advertisements at the end.
    """

    def __init__(
        self, base: RankingPolicy, catalog: Catalog, products: Sequence[str], slots: Sequence[int] | None = None
    ) -> None:
        """Args:
            base: Orders everything else.
            catalog: Of the products.
            products: Ids of what is advertised.
            slots: Rank of each, from 1; by default 1, 2, 3, ….

        Raises:
            KeyError: The catalog has no such product.
            ValueError: No product, one twice, or slots that do not fit them.
        """
        places = list(range(1, len(products) + 1) if slots is None else slots)
        if not products or len(set(products)) != len(products):
            raise ValueError(f"sponsored products == {list(products)}, must be one or more different ids.")
        if len(places) != len(products) or len(set(places)) != len(places) or min(places) < 1:
            raise ValueError(
                f"sponsored slots == {places}, must be {len(products)} different ranks from 1, one for each product."
            )
        self.base, self._index = base, open_index(catalog)
        self._ads = sorted((slot, catalog.row(product)) for slot, product in zip(places, products, strict=True))
        self.name = f"sponsored:{','.join(products)}@{','.join(map(str, places))}({base.name})"

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`."""
        check_slice(limit, offset)
        # Enough of the base to fill every rank down to the last advertisement's, whatever is taken out of it.
        first, organic = self.base.rank(text, filters, limit=self._ads[-1][0] + len(self._ads))
        if not first:
            return Ranked((), organic)
        shown = self._shown(filters)
        head = [row for row in first if row not in shown]
        for slot, row in self._ads:
            if row in shown:
                head.insert(slot - 1, row)
        total = organic + len(shown) - len(listed(self.base, sorted(shown), text, filters))
        return headed(head, self.base, text, filters, limit=limit, offset=offset, total=total)

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """See `ListingRanking.listed`."""
        if not self.base.rank(text, filters, limit=1).rows:
            return set()
        return listed(self.base, rows, text, filters) | (self._shown(filters) & set(rows))

    def _shown(self, filters: Filters) -> set[int]:
        return self._index.among([row for _, row in self._ads], filters=filters)
