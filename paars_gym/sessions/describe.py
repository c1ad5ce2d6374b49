"""What a store holds: counts a session, and distributions. What it can serve: `paars_gym.tasks.possible`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from paars_gym.sessions.event import EventKind
from paars_gym.sessions.opening import SIMULATED_FORMAT
from paars_gym.sessions.store import Provenance, Store

STATISTICS: Mapping[str, EventKind] = {"searches": "search", "views": "view", "purchases": "purchase"}


class Distribution(NamedTuple):
    """One statistic over sessions: mean, standard deviation, quantiles, and the share of sessions that have none."""

    statistic: str
    mean: float
    std: float
    median: float
    p90: float
    most: int
    share_zero: float


class Description(NamedTuple):
    """What `describe` says of a store.

    Attributes:
        provenance: Where the sessions come from, and the account of the import.
        sessions: Number of sessions.
        empty_sessions: Those without an event.
        events: Number of events.
        shoppers: Number of shoppers.
        returning: Shoppers with more than one session.
        first: Start of the first session; None without times.
        last: Start of the last.
        kinds: Events of each kind.
        filled: Share of events (of the kinds that use it) that have each field.
        ends: Sessions by how they ended.
        distributions: Of the statistics that the log records.
    """

    provenance: Provenance
    sessions: int
    empty_sessions: int
    events: int
    shoppers: int
    returning: int
    first: datetime | None
    last: datetime | None
    kinds: dict[str, int]
    filled: dict[str, float]
    ends: dict[str, int]
    distributions: tuple[Distribution, ...]


def describe(store: Store) -> Description:
    """Counts what there is, by lazy scans."""
    sessions = store.scan_sessions()
    visits = sessions.group_by("shopper").agg(pl.len().alias("visits"))
    basics = pl.collect_all([
        sessions.select(
            pl.col("start").min().alias("first"), pl.col("start").max().alias("last"), (pl.col("events") == 0).sum()
        ),
        visits.select(pl.len().alias("shoppers"), (pl.col("visits") > 1).sum().alias("returning")),
        sessions.group_by("end").len().sort("end"),
        store.scan().group_by("kind").len().sort("kind"),
    ])  # fmt: skip
    span, people, ends, kinds = basics
    return Description(
        provenance=store.provenance,
        sessions=len(store),
        empty_sessions=span["events"].item(),
        events=store.card.events,
        shoppers=people["shoppers"].item(),
        returning=people["returning"].item(),
        first=span["first"].item(),
        last=span["last"].item(),
        kinds=dict(kinds.iter_rows()),
        filled=_filled(store),
        ends=dict(ends.iter_rows()),
        distributions=_distributions(store),
    )


def session_counts(store: Store) -> pl.DataFrame:
    """Per-session statistics, one row a session, in the order of their numbers; sessions without events have zeros.

    Searches are ``search`` events (not further pages of the same search), views ``view`` events and purchases product
    lines bought, for people and agents alike. A statistic that the log does not record (see the store's
    ``provenance.what_is_known``) is null, not 0.

    Returns:
        Columns session, searches, views, purchases (UInt32). Join `Store.scan_sessions` for shopper and key.
    """
    counts = {name: np.zeros(len(store), dtype=np.int64) for name in STATISTICS}
    for part in store.card.parts:  # part by part: memory does not grow with the log
        events = pl.read_parquet(store.folder / part, columns=["session", "kind"])
        numbers, kinds = events["session"].to_numpy(), events["kind"].to_physical().to_numpy()
        low = int(numbers.min())
        for name, column in counts.items():
            of_part = np.bincount(numbers[kinds == _code(STATISTICS[name], events)] - low)
            column[low : low + len(of_part)] += of_part
    known = store.provenance.what_is_known
    return pl.DataFrame(
        {"session": np.arange(len(store), dtype=np.uint32)}
        | {name: _column(name, column, known=name in known) for name, column in counts.items()}
    )


def _code(kind: EventKind, events: pl.DataFrame) -> int:
    dtype = events.schema["kind"]
    assert isinstance(dtype, pl.Enum)
    return dtype.categories.to_list().index(kind)


def _column(name: str, values: npt.NDArray[np.int64], *, known: bool) -> pl.Series:
    return pl.Series(name, values if known else [None] * len(values), dtype=pl.UInt32)


def whose(provenance: Provenance) -> str:
    """Whether people made the sessions, as far as their log was said to be."""
    return "synthetic" if provenance.synthetic else "real people, as their log has them"


def facts(description: Description) -> list[tuple[str, str]]:
    """The description's numbers as (name, text) pairs for a table."""
    provenance = description.provenance
    simulated = provenance.format == SIMULATED_FORMAT
    how = provenance.sessionised if simulated else f"by {provenance.sessionised}"
    rows = [
        ("shoppers", whose(provenance)),
        ("from", f"{provenance.format} {', '.join(provenance.source)}".strip()),
        ("sessions", f"{description.sessions:,}, {how}; {description.empty_sessions:,} without events"),
        ("different shoppers", f"{description.shoppers:,}, {description.returning:,} with more than one session"),
        ("events", f"{description.events:,}"),
        *((f"  {kind}", f"{count:,}") for kind, count in description.kinds.items()),
        *((f"  {name} known", f"{share:.1%}") for name, share in description.filled.items()),
        ("recorded", ", ".join(provenance.what_is_known)),
    ]
    if description.first and description.last:
        rows.append(("from – to", f"{description.first:%Y-%m-%d} – {description.last:%Y-%m-%d}"))
    if description.ends.keys() - {"stop"}:
        rows.append(("ended by", ", ".join(f"{end} {count:,}" for end, count in description.ends.items())))
    if provenance.records_read and not simulated:
        rows.append(
            (
                "import",
                f"{provenance.records_read:,} records: {provenance.records_kept:,} kept, "
                f"{provenance.records_rejected:,} rejected, {provenance.records_ignored:,} ignored; "
                f"{provenance.out_of_order:,} were out of order",
            )
        )
    return rows


def _filled(store: Store) -> dict[str, float]:
    search, view, purchase = (pl.col("kind") == kind for kind in ("search", "view", "purchase"))
    wanted = {
        "query of searches": pl.col("query").filter(search),
        "results of searches": pl.col("results").filter(search),
        "product of views": pl.col("product").filter(view),
        "rank of views": pl.col("rank").filter(view),
        "product of purchases": pl.col("product").filter(purchase),
        "price of purchases": pl.col("price").filter(purchase),
        "time": pl.col("time"),
    }
    shares = store.scan().select(column.is_not_null().mean().alias(name) for name, column in wanted.items()).collect()
    return {name: share for name, share in shares.row(0, named=True).items() if share is not None}


def _distributions(store: Store) -> tuple[Distribution, ...]:
    counts = session_counts(store)
    distributions = []
    for name in STATISTICS:
        values = counts[name].drop_nulls().to_numpy()
        if len(values):
            median, p90 = np.quantile(values, (0.5, 0.9))
            shares = float(values.mean()), float(values.std()), float(median), float(p90)
            distributions.append(Distribution(name, *shares, int(values.max()), float((values == 0).mean())))
    return tuple(distributions)
