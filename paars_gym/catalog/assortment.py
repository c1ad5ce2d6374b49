"""Categories of a catalog as shoppers know them: those of a single product folded up their path, with their demand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from paars_gym.catalog.store import Catalog

FEWEST_PRODUCTS = 2
"""Of a category that somebody can want something of; a smaller one is part of the category above it."""
UNSOLD_SHARE = 0.01
"""Most of all demand that falls to products without any popularity, where others have some."""


class SoldCategory(NamedTuple):
    """A category with what is for sale in it.

    Attributes:
        path: From the root; empty for products without a category.
        rows: Catalog rows, shape (n,).
        demand: Of each row, see `demand_of`, shape (n,).
    """

    path: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    demand: npt.NDArray[np.float64]


def demand_of(catalog: Catalog) -> npt.NDArray[np.float64]:
    """How much each product is wanted, relative to the others: shape (products,), 0 for what is sold out.

    Its popularity; 1 for every product of a catalog where nothing has any. What nobody bought yet can be wanted too:
    together such products get at most `UNSOLD_SHARE`, and none more than the least popular of the others. If
    everything is sold out, everything is wanted as if it were not.
    """
    available = catalog.available if catalog.available.any() else np.ones(len(catalog), dtype=bool)
    popularity = np.where(available, np.nan_to_num(catalog.popularity), 0.0)
    unsold = available & (popularity <= 0)
    total = float(popularity.sum())
    if total <= 0:
        return available.astype(np.float64)
    if unsold.any():
        share = UNSOLD_SHARE / (1 - UNSOLD_SHARE) * total / int(unsold.sum())
        popularity[unsold] = min(share, float(popularity[popularity > 0].min()))
    return popularity


def sold_categories(catalog: Catalog) -> list[SoldCategory]:
    """All categories with something for sale, in order of their paths.

    A category with fewer than `FEWEST_PRODUCTS` is folded into the one above it, and that into the next, until there
    are enough; at the root a single product stays what it is.
    """
    demand = demand_of(catalog)
    frame = catalog.frame("category").with_columns(pl.col("category").fill_null([])).with_row_index("row")
    # Grouped by polars: a million rows are too many for Python, some thousand paths are not.
    grouped = frame.filter(pl.Series(demand > 0)).group_by("category").agg("row")
    rows: dict[tuple[str, ...], list[int]] = {tuple(path): found for path, found in grouped.iter_rows()}
    for depth in range(max(map(len, rows), default=0), 1, -1):
        for path in [path for path in rows if len(path) == depth and len(rows[path]) < FEWEST_PRODUCTS]:
            rows.setdefault(path[:-1], []).extend(rows.pop(path))
    categories = []
    for path in sorted(rows):
        own = np.sort(np.array(rows[path], dtype=np.int64))
        categories.append(SoldCategory(path, own, demand[own]))
    return categories
