"""Which public logs are read by name? Flat ones are a mapping each; the others have a module of their own."""

from __future__ import annotations

from collections.abc import Callable

from paars_gym.sessions.ingest import amazon_m2, bestbuy, diginetica, journey, opera, otto, uci_shoppers
from paars_gym.sessions.ingest.mapping import LogMapping
from paars_gym.sessions.ingest.sources import LogFormat, Source


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


FORMATS: dict[str, Callable[[], LogFormat]] = {
    "journey": journey.journey,
    "diginetica": diginetica.diginetica,
    "retailrocket": retailrocket,
    "yoochoose": yoochoose,
    "rees46": rees46,
    "otto": otto.otto,
    "amazon-m2": amazon_m2.amazon_m2,
    "opera": opera.opera,
    "bestbuy": bestbuy.bestbuy,
    "uci-shoppers": uci_shoppers.uci_shoppers,
}


def find_format(name: str, mapping: LogMapping | None) -> LogFormat:
    """The format of a name.

    Raises:
        ValueError: ``generic`` without a mapping, or another one with.
        KeyError: No such format.
    """
    if name == "generic":
        if mapping is None:
            raise ValueError("--format generic needs a mapping: --map FILE, --map shopper=…,kind=…, or --wizard.")
        return generic(mapping)
    if name not in FORMATS:
        raise KeyError(f"Unknown log format {name!r}. Available: generic, {', '.join(FORMATS)}.")
    if mapping is not None:
        raise ValueError(f"Format {name!r} has its own mapping; give --map only with --format generic.")
    return FORMATS[name]()
