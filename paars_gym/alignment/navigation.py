"""Navigation within a shop: pages turned, searches with filters or a sort, returns to results (PAARS, limitations)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

TURNS, FILTERED, SORTED, RETURNS = (
    "pages turned",
    "searches with a filter",
    "searches with a sort",
    "returns to results",
)
NAVIGATION: Mapping[str, tuple[str, ...]] = {
    TURNS: ("pages",),
    FILTERED: ("searches", "filters"),
    SORTED: ("searches", "sorts"),
    RETURNS: ("searches", "views"),
}
"""What a log has to record for each to be known."""
AS_FOUND = "relevance"
"""The sort of a search that asks for none."""


def missing(statistic: str, known: Sequence[str]) -> tuple[str, ...]:
    """What a log would have to record beside what it does."""
    return tuple(word for word in NAVIGATION[statistic] if word not in known)


def searches_with(events: pl.DataFrame) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The session of each search that had a filter, and of each that had a sort.

    Args:
        events: Columns session, kind, filters, sort.
    """
    searches = events.filter(pl.col("kind") == "search")
    filtered = searches.filter(pl.col("filters").is_not_null())["session"]
    resorted = searches.filter((pl.col("sort") != AS_FOUND).fill_null(value=False))["session"]
    return filtered.to_numpy(), resorted.to_numpy()


def returns_to_results(events: pl.DataFrame) -> NDArray[np.uint32]:
    """The session of each return: after a view, another product or the next page of the same search.

    Whoever goes back and does nothing more there has left no trace, and is not counted. A session that has not
    searched yet has no results to return to.

    Args:
        events: Columns session, kind, product; each session's events together and in order.
    """
    steps = events.filter(pl.col("kind").is_in(["search", "view", "next_page"])).select(
        "session",
        search=pl.col("kind") == "search",
        view=pl.col("kind") == "view",
        again=(pl.col("product") == pl.col("product").shift()).fill_null(value=False),
    )
    session, search, view, again = (column.to_numpy() for column in steps)
    place = np.arange(len(session))
    begins = np.r_[True, session[1:] != session[:-1]][: len(session)]
    # Of each step: where its session began, and the last search up to it.
    begun = np.maximum.accumulate(np.where(begins, place, -1))
    searched = np.maximum.accumulate(np.where(search, place, -1))
    after_view = np.r_[False, view[:-1]][: len(session)]
    return np.asarray(session[~search & ~begins & after_view & ~again & (searched >= begun)])
