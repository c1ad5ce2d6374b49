"""The base of rankings that change the top of another's list: their pages still join to one list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.ranking.protocol import POOL, ListingRanking, Pool, Ranked, RankingPolicy, ScoredRanking


class Rearranged(ABC):
    """The base's list with its top `POOL` in another order and the rest as it was."""

    name: str

    def __init__(self, base: RankingPolicy) -> None:
        self.base = base

    @abstractmethod
    def order(self, text: str, pool: Pool) -> Sequence[int]:
        """The rows of the pool, rearranged."""

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`."""
        check_slice(limit, offset)
        if offset >= POOL:
            return self.base.rank(text, filters, limit=limit, offset=offset)
        pool = pool_of(self.base, text, filters)
        rows = tuple(self.order(text, pool))[offset : offset + limit]
        beyond = offset + limit - POOL
        if beyond > 0 and pool.total > POOL:
            rows += self.base.rank(text, filters, limit=beyond, offset=POOL).rows
        return Ranked(rows, pool.total)

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """See `ListingRanking.listed`."""
        return listed(self.base, rows, text, filters)


def check_slice(limit: int, offset: int) -> None:
    """Refuses a slice that is none.

    Raises:
        ValueError: ``limit`` < 1 or ``offset`` < 0.
    """
    if limit < 1 or offset < 0:
        raise ValueError(f"limit == {limit} must be >= 1, offset == {offset} must be >= 0.")


def pool_of(base: RankingPolicy, text: str, filters: Filters) -> Pool:
    """The base's top `POOL` with its scores, or, where it has none, with minus the rank."""
    if isinstance(base, ScoredRanking):
        return base.pool(text, filters)
    rows, total = base.rank(text, filters, limit=POOL)
    return Pool(rows, tuple(-float(rank) for rank in range(len(rows))), total)


def listed(base: RankingPolicy, rows: Sequence[int], text: str, filters: Filters) -> set[int]:
    """Which of these rows are anywhere in the base's list; a base that cannot tell is read to its end."""
    if not rows:
        return set()
    if isinstance(base, ListingRanking):
        return base.listed(rows, text, filters)
    total = base.rank(text, filters, limit=1).total
    return set(rows) & set(base.rank(text, filters, limit=total).rows) if total else set()


def headed(
    head: Sequence[int], base: RankingPolicy, text: str, filters: Filters, *, limit: int, offset: int, total: int
) -> Ranked:
    """A slice of the list that is ``head`` and then, without what the head holds, the base's list."""
    end = offset + limit
    rows = tuple(head[offset:end])
    if end > len(head) and total > len(head):
        known = set(head)
        # At most the whole head is missing from the first `end` of the base: what is left reaches as far as needed.
        tail = [row for row in base.rank(text, filters, limit=end).rows if row not in known]
        rows += tuple(tail[max(offset - len(head), 0) : end - len(head)])
    return Ranked(rows, total)
