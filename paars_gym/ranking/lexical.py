"""The default ranking: products that share words with the query, by BM25."""

from __future__ import annotations

from collections.abc import Sequence

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index
from paars_gym.ranking.protocol import POOL, Pool, Ranked


class Bm25:
    """``bm25``: products that share at least one stemmed word with the query, by weighted BM25.

    score = Σ_field w_field · Σ_word idf(word) · tf·(k1+1) / (tf + k1·(1 - b + b·length/mean length)), with k1 = 1.2,
    b = 0.75, idf = ln(1 + (N - n + .5)/(n + .5)) per field (Robertson & Zaragoza 2009, as in tantivy and Lucene,
    which keep lengths to one byte).
    Weights: `query.TEXT_FIELDS`. Ties go by product id. Without words but with filters it lists everything that
    passes them by popularity; with neither, nothing.
    """

    name = "bm25"

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.index = open_index(catalog)

    def __reduce__(self) -> tuple[type[Bm25], tuple[Catalog]]:
        # The engine can be neither copied nor sent to another process; it is opened there.
        return type(self), (self.catalog,)

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`."""
        hits = self.index.search(text, filters, limit=limit, offset=offset)
        return Ranked(tuple(hits.rows), hits.total)

    def pool(self, text: str, filters: Filters = NO_FILTERS) -> Pool:
        """See `ScoredRanking.pool`."""
        hits = self.index.search(text, filters, limit=POOL)
        return Pool(tuple(hits.rows), tuple(hits.scores), hits.total)

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """See `ListingRanking.listed`."""
        return self.index.among(rows, text, filters)
