"""What did each shopper do before a date? (The input of persona mining and of item selection, PAARS sections 3, 4.)"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain, groupby

import polars as pl

from paars_gym.sessions.event import History, Session
from paars_gym.sessions.rows import from_frames
from paars_gym.sessions.store import Store


def histories(
    store: Store, as_of: datetime | None = None, *, shoppers: Collection[str] | None = None
) -> Iterator[History]:
    """Streams each shopper's sessions, oldest first, shoppers in the order in which the store first has them.

    Only the session table is held in memory; events are read some hundred thousand at a time.

    Args:
        store: Sessions in any order. Sessions without a start keep their stored order, before those with one.
        as_of: Zoned. Sessions that start at or after it are left out, and so are later events of a session that
            runs across it. Shoppers with nothing before it are left out.
        shoppers: Only these; the events of others are not read.

    Raises:
        ValueError: ``as_of`` has no zone, or the log has no times to compare it with.
    """
    sessions = store.scan_sessions()
    if as_of is not None:
        if as_of.tzinfo is None:
            raise ValueError(f"as_of == {as_of} has no time zone; give one, for example +00:00.")
        if store.provenance.times != "all":
            raise ValueError(f"as_of needs times, and this log has them on {store.provenance.times!r} of its events.")
        sessions = sessions.filter(pl.col("start") < as_of)
    if shoppers is not None:
        sessions = sessions.filter(pl.col("shopper").is_in(list(shoppers)))
    # Imports keep each shopper's sessions together: in this order the events are read once, from front to back.
    first = pl.col("session").min().over("shopper").alias("first")
    ordered = sessions.sort(first, "start", "session", nulls_last=False).collect()
    stream = chain.from_iterable(from_frames(events, piece) for piece, events in store.chunks(ordered))
    for shopper, visits in groupby(stream, key=lambda session: session.shopper):
        yield History.model_construct(
            shopper=shopper, as_of=as_of, sessions=tuple(_before(visit, as_of) for visit in visits)
        )


def _before(session: Session, as_of: datetime | None) -> Session:
    if as_of is None or all(event.time is not None and event.time < as_of for event in session.events):
        return session
    kept = tuple(event for event in session.events if event.time is not None and event.time < as_of)
    return session.model_copy(update={"events": kept})
