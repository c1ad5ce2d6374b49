"""The protocol of a ranking policy. (PAARS section 5: arms of an A/B test differ in their ranking.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from paars_gym.catalog.filters import NO_FILTERS, Filters

POOL = 200
"""A re-ordering (boost, sort, fusion) looks at this many best matches and leaves the rest behind them as they were:
the depth is fixed, so that page 1 and page 2 together are always the top of the same list."""


class Ranked(NamedTuple):
    """A slice of a result list.

    Attributes:
        rows: Catalog row numbers, best first, as Python ints.
        total: Number of products that match, over all pages.
    """

    rows: tuple[int, ...]
    total: int


class Pool(NamedTuple):
    """The `POOL` best matches of a query with their scores, for a policy that combines scores.

    Attributes:
        rows: Catalog row numbers, best first.
        scores: Higher is better, as long as ``rows``.
        total: Number of products that match, over all pages.
    """

    rows: tuple[int, ...]
    scores: tuple[float, ...]
    total: int


@runtime_checkable
class RankingPolicy(Protocol):
    """Orders the products of one catalog for a query. Deterministic; ties go by product id (= row number)."""

    name: str

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """Ranks ``offset + 1`` to ``offset + limit``; the slices of one query join to one list without overlap."""
        ...


@runtime_checkable
class ScoredRanking(RankingPolicy, Protocol):
    """A policy that can say by how much one product is better than the next. Optional: ranks do where it is absent."""

    def pool(self, text: str, filters: Filters = NO_FILTERS) -> Pool:
        """The first `POOL` of the list that `rank` gives, with scores."""
        ...


@runtime_checkable
class ListingRanking(RankingPolicy, Protocol):
    """A policy that can tell what is in a list without reading it to its end. Optional."""

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """Which of these rows are anywhere in the list that `rank` gives."""
        ...
