"""The public logs that are read by name: most are a mapping each, some with their rows reshaped first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl

from paars_gym.ingest.log_blocks import ROW, Reject
from paars_gym.ingest.times import parse_times
from paars_gym.sessions.logs.analytics_formats import adobe, ga4, ga360, query_click, segment
from paars_gym.sessions.logs.grocery_formats import ta_feng, trivago
from paars_gym.sessions.logs.mapping import LogFormat, LogMapping, Reshaped, Source
from paars_gym.sessions.logs.reshaped_formats import diginetica, opera, uci_shoppers

CAVEAT = (
    "84.51° published this log as purchases of real households; the Python package that carries it speaks of simulated "
    "data based on real shopping patterns. 'Real' here means: as published."
)
INSTALLED = "installed"  # in place of a path: the transactions of the installed package
JOURNEY_ZONE = "America/New_York"
JOURNEY_COLUMNS = ("household_id", "basket_id", "transaction_timestamp", "product_id", "quantity", "sales_value")
OTTO_EVENT = pl.Struct({"aid": pl.Int64, "ts": pl.Int64, "type": pl.String})


def generic(mapping: LogMapping) -> LogFormat:
    """Any flat log, read by a mapping."""
    return LogFormat(about="any CSV, JSON-lines or Parquet log, by a mapping", sources=(Source("*", mapping),))


def retailrocket() -> LogFormat:
    """Events of a shop in 2015: views, carts and transactions; no searches, no session ids."""
    return LogFormat(
        about="Retailrocket 2015: views, adds to cart, purchases; sessions by inactivity",
        sources=(
            Source(
                "events*.csv",
                LogMapping(
                    columns={"shopper": "visitorid", "time": "timestamp", "kind": "event", "product": "itemid"},
                    kinds={"view": "view", "addtocart": "add", "transaction": "purchase"},
                    time="ms",
                ),
            ),
        ),
    )


def yoochoose() -> LogFormat:
    """RecSys Challenge 2015: clicks and buys by session, without header lines."""
    clicks = LogMapping(
        columns={"session": "session", "time": "time", "product": "item"},
        kind="view",
        header=False,
        names=("session", "time", "item", "category"),
    )
    buys = LogMapping(
        columns={"session": "session", "time": "time", "product": "item", "price": "price", "units": "units"},
        kind="purchase",
        header=False,
        names=("session", "time", "item", "price", "units"),
        missing=("0",),  # price and quantity 0 stand for unknown
    )
    return LogFormat(
        about="YOOCHOOSE (RecSys Challenge 2015): views and purchases by session, anonymous",
        sources=(Source("*clicks*.dat", clicks), Source("*buys*.dat", buys), Source("*test*.dat", clicks)),
    )


def rees46() -> LogFormat:
    """REES46 multi-category and cosmetics shops: views, carts and purchases with prices, session ids, UTC."""
    return LogFormat(
        about="REES46: views, adds and removals, purchases with prices, by session",
        sources=(
            Source(
                "*.csv",
                LogMapping(
                    columns={
                        "shopper": "user_id",
                        "session": "user_session",
                        "time": "event_time",
                        "kind": "event_type",
                        "product": "product_id",
                        "price": "price",
                    },
                    kinds={"view": "view", "cart": "add", "remove_from_cart": "remove", "purchase": "purchase"},
                ),
            ),
        ),
    )


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
                reads={column: pl.String() for column in JOURNEY_COLUMNS},
                reshape=partial(_journey_lines, ids=ids),
                made_of={"id": ("product_id",), "units": ("quantity",), "price": ("sales_value", "quantity")},
            ),
        ),
        notes=(
            "Purchases in stores: no searches and no views are recorded.",
            f"The package has its times in UTC; they are told as in {JOURNEY_ZONE}. There no day of the year falls "
            "into two of the log's own weeks; in UTC 51 days do.",
            CAVEAT,
        ),
    )


def _journey_lines(raw: pl.DataFrame, *, ids: pl.DataFrame | None) -> Reshaped:
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
    instants = parse_times(good["transaction_timestamp"], "iso", timezone="UTC").time
    told = instants.dt.convert_time_zone(JOURNEY_ZONE).dt.to_string("%Y-%m-%dT%H:%M:%S%:z")
    good = good.with_columns(
        pl.col("quantity").alias("units"),
        price.alias("price"),
        # What is no time stays as it is, and is found faulty.
        pl.coalesce(told, "transaction_timestamp").alias("transaction_timestamp"),
    )
    return Reshaped(good, rejects)


def otto() -> LogFormat:
    """``{"session": 1, "events": [{"aid": 2, "ts": 1659304800025, "type": "clicks"}, …]}``."""
    mapping = LogMapping(
        columns={"shopper": "session", "time": "ts", "kind": "type", "product": "aid"},
        kinds={"clicks": "view", "carts": "add", "orders": "purchase"},
        time="ms",
    )
    return LogFormat(
        about="OTTO: views, adds to cart, purchases",
        sources=(
            Source(
                "*.jsonl",
                mapping,
                reads={"session": pl.String(), "events": pl.List(OTTO_EVENT)},
                reshape=_otto_events,
                made_of={name: (f"events[*].{name}",) for name in ("ts", "type", "aid")},
            ),
        ),
        notes=(
            "What the log calls a session spans up to four weeks of one shopper; it is taken for the shopper, and cut "
            "into sessions by inactivity.",
        ),
    )


def _otto_events(raw: pl.DataFrame) -> Reshaped:
    flat = raw.explode("events", empty_as_null=False).unnest("events")
    return Reshaped(flat.select(ROW, "session", "aid", "ts", "type"), [])


def amazon_m2() -> LogFormat:
    """``prev_items,next_item,locale`` with ``prev_items`` printed as an array: ``['B09W9FND7K' 'B09JSPLN1M']``."""
    mapping = LogMapping(columns={"session": "session", "product": "product"}, kind="view")
    reads = {"prev_items": pl.String(), "next_item": pl.String()}
    return LogFormat(
        about="Amazon-M2 (KDD Cup 2023): products of each session in order, without times",
        sources=(
            Source(
                "sessions*.csv",
                mapping,
                reads=reads,
                reshape=_amazon_products,
                made_of={"product": ("prev_items", "next_item"), "session": ("each row",)},
            ),
        ),
        notes=("The log does not say what was done with a product; each is taken for a view.",),
    )


def _amazon_products(raw: pl.DataFrame) -> Reshaped:
    before = pl.col("prev_items").str.extract_all(r"""[^\s,\[\]"']+""")
    products = pl.concat_list(before.fill_null([]), pl.col("next_item")).alias("product")
    session = pl.col(ROW).cast(pl.String).alias("session")
    return Reshaped(raw.select(ROW, session, products).explode("product"), [])


def bestbuy() -> LogFormat:
    """``user,sku,category,query,click_time,query_time``: each line is a search event, then a view event."""
    mapping = LogMapping(
        columns={"shopper": "user", "time": "time", "kind": "kind", "query": "query", "product": "sku"}
    )
    reads = {name: pl.String() for name in ("user", "sku", "query", "click_time", "query_time")}
    return LogFormat(
        about="Best Buy (ACM SF hackathon 2012): query to clicked product, with times",
        sources=(
            Source(
                "*.csv",
                mapping,
                reads=reads,
                reshape=_search_and_view,
                made_of={"time": ("query_time", "click_time"), "kind": ("query", "sku")},
            ),
        ),
        unknown=("searches",),
        notes=(
            "Only searches with a click are in the log: queries and the views that follow are known, the number of "
            "searches of a session is not.",
        ),
        repeats_searches=True,
    )


def _search_and_view(raw: pl.DataFrame) -> Reshaped:
    times = pl.concat_list("query_time", "click_time").alias("time")
    kinds = pl.lit(["search", "view"]).alias("kind")
    return Reshaped(raw.select(ROW, "user", "sku", "query", times, kinds).explode("time", "kind"), [])


FORMATS: dict[str, Callable[[], LogFormat]] = {
    "journey": journey,
    "ta-feng": ta_feng,
    "trivago": trivago,
    "diginetica": diginetica,
    "retailrocket": retailrocket,
    "yoochoose": yoochoose,
    "rees46": rees46,
    "otto": otto,
    "amazon-m2": amazon_m2,
    "opera": opera,
    "bestbuy": bestbuy,
    "uci-shoppers": uci_shoppers,
    "ga4": ga4,
    "ga360": ga360,
    "segment": segment,
    "adobe": adobe,
    "query-click": query_click,
}
