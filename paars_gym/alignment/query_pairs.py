"""Which searches led straight to which product, in a log (PAARS section 4.3, the test set of query generation)?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from paars_gym.alignment.session_log import UNSCORED
from paars_gym.sessions.event import Session
from paars_gym.sessions.rows import to_frames
from paars_gym.sessions.store import Store

WITHIN_SECONDS = 60


class QueryPair(NamedTuple):
    """What somebody searched for, and what they looked at next.

    Attributes:
        key: Of the session.
        shopper: Who.
        query: The first search of the session.
        product: Id of the product viewed; None when the log has none.
        title: Of that product.
    """

    key: str
    shopper: str
    query: str
    product: str | None
    title: str


class QueryPairs(NamedTuple):
    """The pairs of a log.

    Attributes:
        pairs: In the order of the log, one a session at most.
        sessions: Sessions looked at.
        searched: Sessions with a search that says what for.
        followed: Of these, those whose next event was a view.
        timed: Of these, those that have a time on both.
        in_time: Of these, those within 60 s.
        notes: What this log cannot tell, in sentences.
    """

    pairs: tuple[QueryPair, ...]
    sessions: int
    searched: int
    followed: int
    timed: int
    in_time: int
    notes: tuple[str, ...]


def mine_query_pairs(
    source: Store | str | Path | Iterable[Session],
    *,
    titles: Mapping[str, str] | None = None,
    within_seconds: float = WITHIN_SECONDS,
) -> QueryPairs:
    """Pairs of the first query of a session and the product viewed next, as section 4.3 mines them.

    The first search counts, if the event right after it in the log is a view, at most 60 s later. The rest of the
    session is discarded: later queries are hard to guess without what went before. Sessions that ended in
    ``policy_error`` or ``gave_up`` give none.

    Args:
        source: A store, the folder of one, or sessions.
        titles: By product id, for logs that have none.
        within_seconds: Longest wait from the search to the view.

    Raises:
        FileNotFoundError: There is no such store.
        ValueError: The log has no times or records no searches or views, so that no such pair can be known.
    """
    if not within_seconds >= 0:
        raise ValueError(f"within_seconds == {within_seconds}, must be >= 0.")
    if isinstance(source, str | Path):
        source = Store(source)
    notes: list[str] = []
    if isinstance(source, Store):
        told = source.provenance
        missing = [name for name in ("searches", "views") if name not in told.what_is_known]
        if missing:
            raise ValueError(
                f"{told.name!r} does not record {' or '.join(missing)}: it holds no pairs of a query and a view."
            )
        if not {"carts", "purchases"} & set(told.what_is_known):
            notes.append(
                "This log holds searches and views only: an event in between that it does not record (such as adding "
                "to the cart) would have discarded the pair."
            )
        events, sessions = source.scan(), source.scan_sessions()
    else:
        frames = to_frames(source)
        events, sessions = frames[0].lazy(), frames[1].lazy()
    first = (
        events.select("session", "position", "kind", "time", "query", "product", "title")
        .with_columns(
            pl.col("session", "kind", "time", "product", "title").shift(-1).name.prefix("next_"),
            (pl.col("kind") == "search").cum_sum().over("session").alias("nth"),
        )
        .filter((pl.col("kind") == "search") & (pl.col("nth") == 1))
        .join(sessions.select("session", "key", "shopper", "end"), on="session", how="inner", maintain_order="left")
        .filter(~pl.col("end").cast(pl.String).is_in(UNSCORED))
        .collect()
    )
    searched = first.filter(pl.col("query").fill_null("").str.strip_chars() != "")
    followed = searched.filter((pl.col("next_session") == pl.col("session")) & (pl.col("next_kind") == "view"))
    wait = (pl.col("next_time") - pl.col("time")).dt.total_microseconds() / 1e6
    timed = followed.filter(wait.is_not_null())
    if len(followed) and not len(timed):
        raise ValueError("This log has no times: which views came within 60 s of a search cannot be known.")
    in_time = timed.filter(wait.is_between(0, within_seconds))
    if titles:
        known = pl.col("next_product").replace_strict(dict(titles), default=None, return_dtype=pl.String)
        in_time = in_time.with_columns(pl.coalesce("next_title", known).alias("next_title"))
    titled = in_time.filter(pl.col("next_title").fill_null("").str.strip_chars() != "")
    if len(timed) < len(followed):
        notes.append(f"{len(followed) - len(timed):,} pairs lack a time and were left out.")
    if len(titled) < len(in_time):
        notes.append(f"{len(in_time) - len(titled):,} views have no title: give one by product id.")
    pairs = titled.select("key", "shopper", "query", "next_product", "next_title").iter_rows()
    total = sessions.select(pl.len()).collect().item()
    return QueryPairs(
        tuple(QueryPair(*row) for row in pairs),
        total,
        len(searched),
        len(followed),
        len(timed),
        len(in_time),
        tuple(notes),
    )
