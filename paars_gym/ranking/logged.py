"""A ranking that replays another search engine's recorded result lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from paars_gym.catalog.filters import NO_FILTERS, Filters
from paars_gym.catalog.store import Catalog
from paars_gym.ranking.index import open_index
from paars_gym.ranking.paging import check_slice, listed
from paars_gym.ranking.protocol import Ranked, RankingPolicy
from paars_gym.ranking.query import normal_text
from paars_gym.remote import local_copy


class Logged:
    """``logged:lists.parquet`` or ``logged:lists.parquet(bm25)``: recorded lists, and the base for other queries.

    The file has the columns ``query`` and ``products`` (a list of ids, best first), or one row a result: ``query``,
    ``rank``, ``product``. Queries are the same when they differ in case or white space only; of two lists for one query
    the later counts in the first form, and the first product of each rank in the second. Filters remove products from a
    recorded list; nothing is added to it.

    Attributes:
        queries: Number of recorded queries.
        unknown_products: Recorded results that this catalog does not have; they are left out.
        replayed: Distinct queries answered from the record so far.
        fell_back: Distinct queries answered by the base so far; a report should say how many.
    """

    def __init__(self, path: str | Path, catalog: Catalog, base: RankingPolicy) -> None:
        """Args:
            path: Parquet file.
            catalog: Whose products are shown.
            base: Answers queries that were not recorded.

        Raises:
            FileNotFoundError: No such file.
            ValueError: Not Parquet, or without the columns.
        """
        self.base, self._index = base, open_index(catalog)
        self.name = f"logged:{path}({base.name})"
        self.unknown_products = 0
        self._lists: dict[str, tuple[int, ...]] = {}
        for query, products in recorded_lists(local_copy(path)).items():
            known = [catalog.row(product) for product in dict.fromkeys(products) if product in catalog]
            self.unknown_products += len(set(products)) - len(known)
            self._lists[query] = tuple(known)
        self.queries = len(self._lists)
        self._replayed: set[str] = set()
        self._fell_back: set[str] = set()

    @property
    def replayed(self) -> int:
        """See the class."""
        return len(self._replayed)

    @property
    def fell_back(self) -> int:
        """See the class."""
        return len(self._fell_back)

    def recorded(self, text: str) -> bool:
        """Whether there is a list for a query."""
        return normal_text(text) in self._lists

    def rank(self, text: str, filters: Filters = NO_FILTERS, *, limit: int = 10, offset: int = 0) -> Ranked:
        """See `RankingPolicy.rank`."""
        check_slice(limit, offset)
        query = normal_text(text)
        rows = self._lists.get(query)
        if rows is None:
            self._fell_back.add(query)
            return self.base.rank(text, filters, limit=limit, offset=offset)
        self._replayed.add(query)
        if not filters.empty:
            passing = self._index.among(rows, filters=filters)
            rows = tuple(row for row in rows if row in passing)
        return Ranked(rows[offset : offset + limit], len(rows))

    def listed(self, rows: Sequence[int], text: str, filters: Filters = NO_FILTERS) -> set[int]:
        """See `ListingRanking.listed`."""
        recorded = self._lists.get(normal_text(text))
        if recorded is None:
            return listed(self.base, rows, text, filters)
        return self._index.among(sorted(set(rows).intersection(recorded)), filters=filters)


def recorded_lists(path: Path) -> dict[str, list[str]]:
    """Product ids by normalised query, from either form of the file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not Parquet, or without the columns.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No recorded result lists at {str(path)!r}.")
    try:
        frame = pl.read_parquet(path)
        if {"query", "products"} <= set(frame.columns):
            rows = frame.select(
                pl.col("query").cast(pl.String), pl.col("products").cast(pl.List(pl.String))
            ).drop_nulls()
        elif {"query", "rank", "product"} <= set(frame.columns):
            long = frame.select(
                pl.col("query", "product").cast(pl.String), pl.col("rank").cast(pl.Float64)
            ).drop_nulls()
            long = long.unique(["query", "rank"], keep="first", maintain_order=True).sort(
                "query", "rank", maintain_order=True
            )
            rows = long.group_by("query", maintain_order=True).agg(products=pl.col("product"))
        else:
            raise ValueError(f"it has {frame.columns}, must have query and products, or query, rank and product")
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise ValueError(f"Cannot read recorded result lists from {str(path)!r}: {error}.") from error
    return {normal_text(query): [product for product in products if product] for query, products in rows.iter_rows()}
