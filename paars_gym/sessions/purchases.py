"""Purchases and views of the products of a catalog, as arrays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from paars_gym.catalog.store import Catalog
from paars_gym.sessions.event import Event, History, Session
from paars_gym.sessions.rows import EPOCH
from paars_gym.sessions.store import Store

Ints = npt.NDArray[np.int64]


class ProductLog:
    """Events with a product of the catalog, one entry each, ordered by shopper, then session start, session, position.

    Attributes:
        catalog: Whose products they are.
        shoppers: Names; entries ``bounds[s]`` to ``bounds[s + 1]`` belong to ``shoppers[s]``.
        bounds: Shape (shoppers + 1,).
        session: Number of the session, shape (entries,).
        start: When that began, microseconds since 1970 UTC, shape (entries,).
        row: Catalog row of the product, shape (entries,).
        bought: Whether the entry is a purchase, shape (entries,).
        title: Number of the product's title, shape (products,): products with the same title, white space and case
            aside, share one.
    """

    def __init__(self, catalog: Catalog, frame: pl.DataFrame) -> None:
        """Wraps a frame as `read_products` makes it."""
        self.catalog = catalog
        self._frame = frame
        names = frame["shopper"].rle().struct.unnest()
        self.shoppers: list[str] = names["value"].to_list()
        self.bounds: Ints = np.concatenate([[0], names["len"].to_numpy().cumsum()]).astype(np.int64)
        self.session: Ints = frame["session"].to_numpy().astype(np.int64)
        self.start: Ints = frame["start"].to_numpy().astype(np.int64)
        self.row: Ints = frame["row"].to_numpy().astype(np.int64)
        self.bought: npt.NDArray[np.bool_] = (frame["kind"] == "purchase").to_numpy()
        self.title: Ints = plain_titles(catalog.frame("title")["title"]).rank("dense").to_numpy().astype(np.int64) - 1

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def local_hours(self) -> Ints:
        """Hours since 1970 on the shopper's own clock, shape (entries,): modulo 24 the hour of the day."""
        local = self._frame["time"].to_numpy() // 1_000_000 + self._frame["offset"].to_numpy()
        return np.asarray(local // 3600, dtype=np.int64)

    @cached_property
    def _named(self) -> list[tuple[str, str]]:
        return self.catalog.frame("id", "title").rows()

    @cached_property
    def paid(self) -> npt.NDArray[np.float64]:
        """Price of one unit, NaN where the log gives none, shape (entries,)."""
        return self._frame["price"].cast(pl.Float64).fill_null(np.nan).to_numpy()

    def history(self, shopper: str, entries: Ints, as_of: datetime) -> History:
        """Some entries of one shopper as the sessions they come from, with titles."""
        sessions: list[Session] = []
        rows = self._frame[entries].iter_rows()
        for (_, key, start, offset), part in groupby(rows, key=itemgetter(1, 2, 3, 4)):
            events = tuple(map(self._event, part))
            session = Session.model_construct(shopper=shopper, key=key, start=_moment(start, offset), events=events)
            sessions.append(session)
        return History.model_construct(shopper=shopper, as_of=as_of, sessions=tuple(sessions))

    def _event(self, values: tuple[Any, ...]) -> Event:
        _, _, _, _, offset, kind, time, row, units, price, rank = values
        product_id, title = self._named[row]
        return Event.model_construct(
            kind=kind,
            time=_moment(time, offset),
            product=product_id,
            title=title,
            units=units,
            price=price,
            rank=rank,
        )


def read_products(store: Store, catalog: Catalog) -> ProductLog:
    """The events of a log that have a product of the catalog; others are left out.

    Raises:
        ValueError: The log has no times, or none of its products is in the catalog.
    """
    if store.provenance.times != "all":
        raise ValueError(f"Times are on {store.provenance.times!r} of the events; what came before what needs all.")
    rows = catalog.frame("id").with_row_index("row").rename({"id": "product"})
    sessions = store.scan_sessions().select("session", "shopper", "key", "start", "utc_offset_s")
    frame = (
        store.scan()
        .select("session", "position", "kind", "time", "product", "units", "price", "rank")
        .filter(pl.col("product").is_not_null())
        .join(rows.lazy(), on="product")
        .join(sessions, on="session")
        .sort("shopper", "start", "session", "position")
        .select(
            "shopper",
            "session",
            "key",
            pl.col("start").dt.epoch("us"),
            pl.col("utc_offset_s").fill_null(0).alias("offset"),
            pl.col("kind").cast(pl.String),
            pl.col("time").dt.epoch("us"),
            "row",
            "units",
            "price",
            "rank",
        )
        .collect()
    )
    if frame.is_empty():
        raise ValueError(f"No product of {store} is in {catalog}; import the log with the catalog's product ids.")
    return ProductLog(catalog, frame)


def plain_titles(titles: pl.Series) -> pl.Series:
    """Titles without differences of case and white space."""
    return titles.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _moment(micros: int, offset_s: int) -> datetime:
    zone = timezone(timedelta(seconds=offset_s)) if offset_s else UTC
    return (EPOCH + timedelta(microseconds=micros)).astimezone(zone)
