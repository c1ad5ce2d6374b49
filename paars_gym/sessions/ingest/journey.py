"""How are the Complete Journey's baskets read? From the installed package's Parquet: a basket is a session."""

from __future__ import annotations

from functools import partial

import polars as pl

from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.reading import ROW, Reject
from paars_gym.sessions.ingest.sources import LogFormat, Reshaped, Source

CAVEAT = (
    "84.51° published this log as purchases of real households; the Python package that carries it speaks of simulated "
    "data based on real shopping patterns. 'Real' here means: as published."
)
INSTALLED = "installed"  # in place of a path: the transactions of the installed package
READ = ("household_id", "basket_id", "transaction_timestamp", "product_id", "quantity", "sales_value")


def journey(ids: pl.DataFrame | None = None) -> LogFormat:
    """Households' baskets of 2017: purchase lines with units and prices.

    Args:
        ids: Columns raw_id, id: the log's product number and the catalog's product id. By default those of the
            built-in journey catalog.
    """
    mapping = LogMapping(
        columns={"shopper": "household_id", "session": "basket_id", "time": "transaction_timestamp",
                 "product": "id", "units": "units", "price": "price"},
        kind="purchase",
    )  # fmt: skip
    return LogFormat(
        about="Complete Journey 2017: baskets of 2,469 households, purchases only",
        sources=(
            Source(
                "transactions.parquet",
                mapping,
                reads={column: pl.String() for column in READ},
                reshape=partial(_lines, ids=ids),
            ),
        ),
        notes=(
            "Purchases in stores: no searches and no views are recorded.",
            "Times are taken as UTC: baskets peak at 22 h and ebb at 8 h, some five hours late for an American store, "
            "whose zone is not published.",
            CAVEAT,
        ),
    )


def _lines(raw: pl.DataFrame, *, ids: pl.DataFrame | None) -> Reshaped:
    if ids is None:
        from paars_gym.catalog.journey import journey_products

        ids = journey_products()
    frame = raw.join(ids, left_on="product_id", right_on="raw_id", how="left", maintain_order="left")
    sold = pl.col("id").is_not_null()
    paid = (pl.col("quantity") > 0) & (pl.col("sales_value") > 0)  # others carry a discount or a correction
    faults = {
        "product": (~sold, "product_id", "not in the journey catalog (fuel, coupons, deposits, unnamed)"),
        "price": (sold & ~paid, "sales_value", "quantity or sales value not above 0"),
    }
    rejects = [
        Reject(row, field, str(value), reason)
        for field, (where, column, reason) in faults.items()
        for row, value in frame.filter(where).select(ROW, column).iter_rows()
    ]
    good = frame.filter(sold & paid)
    price = pl.col("sales_value") / pl.col("quantity")
    return Reshaped(good.with_columns(pl.col("quantity").alias("units"), price.alias("price")), rejects)
