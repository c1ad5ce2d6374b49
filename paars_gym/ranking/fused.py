"""The ranking by words and by meaning, fused by reciprocal ranks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.ranking.dense import Dense
from paars_gym.ranking.paging import check_slice, headed
from paars_gym.ranking.protocol import POOL, Pool, Ranked

RRF_K = 60


class Hybrid:
    """``hybrid``: the top 200 of ``bm25`` and of ``dense``, merged by reciprocal rank fusion; then the rest by word.

    score = Σ_lists 1 / (60 + rank in the list), nothing for a list that does not hold the product (Cormack, Clarke &
    Büttcher 2009). Ties go by product id.
    """

    name = "hybrid"

    def __init__(self, dense: Dense) -> None:
        self.dense, self.lexical = dense, dense.lexical

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`."""
        check_slice(limit, offset)
        fused = self._fused(text, filters)
        return headed(fused.rows, self.lexical, text, filters, limit=limit, offset=offset, total=fused.total)

    def pool(self, text: str, filters: Filters = NO_FILTERS) -> Pool:
        """See `ScoredRanking.pool`."""
        fused = self._fused(text, filters)
        return Pool(fused.rows[:POOL], fused.scores[:POOL], fused.total)

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """See `ListingRanking.listed`."""
        return self.lexical.listed(rows, text, filters) | (set(rows) & set(self._fused(text, filters).rows))

    def _fused(self, text: str, filters: Filters) -> Pool:
        lexical, dense = self.lexical.pool(text, filters), self.dense.pool(text, filters)
        scores: defaultdict[int, float] = defaultdict(float)
        for pool in (lexical, dense):
            for rank, row in enumerate(pool.rows, start=1):
                scores[row] += 1 / (RRF_K + rank)
        rows = sorted(scores, key=lambda row: (-scores[row], row))
        by_meaning = sorted(set(dense.rows).difference(lexical.rows))
        total = lexical.total + len(by_meaning) - len(self.lexical.listed(by_meaning, text, filters))
        return Pool(tuple(rows), tuple(scores[row] for row in rows), total)
