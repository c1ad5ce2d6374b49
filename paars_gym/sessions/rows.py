"""Sessions as rows of a table, one an event and one a session, without loss either way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import polars as pl

from paars_gym.catalog.filters import Filters
from paars_gym.ingest.times import TIME
from paars_gym.sessions.event import End, Event, EventKind, Intention, Session

KINDS: pl.DataType = pl.Enum(get_args(EventKind))
ENDS: pl.DataType = pl.Enum(get_args(End))
_EVERY_FIELD = set(Event.model_fields)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# utc_offset_s keeps the shopper's own clock: the instant alone would forget that it was evening there.
EVENTS = pl.Schema(
    {
        "session": pl.UInt32(),  # the session's number, 0, 1, 2 … in the order of the session table
        "position": pl.UInt32(),  # 0-based, within the session
        "kind": KINDS,
        "time": TIME,
        "utc_offset_s": pl.Int32(),
        "query": pl.String(),
        "filters": pl.String(),  # JSON of Filters
        "sort": pl.String(),
        "results": pl.List(pl.String()),
        "page": pl.Int64(),
        "product": pl.String(),
        "title": pl.String(),
        "rank": pl.Int64(),
        "units": pl.Int64(),
        "price": pl.Float64(),
        "options": pl.List(pl.Struct({"name": pl.String(), "value": pl.String()})),
    }
)
SESSIONS = pl.Schema(
    {
        "session": pl.UInt32(),
        "shopper": pl.String(),
        "key": pl.String(),
        "start": TIME,
        "utc_offset_s": pl.Int32(),
        "end": ENDS,
        "intention": pl.String(),  # JSON of Intention
        "events": pl.UInt32(),
    }
)


def to_frames(sessions: Iterable[Session]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sessions as (events, sessions) frames of schemas `EVENTS` and `SESSIONS`, numbered from 0 in their order."""
    event_rows: list[tuple[Any, ...]] = []
    session_rows: list[tuple[Any, ...]] = []
    for number, session in enumerate(sessions):
        intention = None if session.intention is None else session.intention.model_dump_json()
        start, offset = _split_time(session.start)
        session_rows.append(
            (number, session.shopper, session.key, start, offset, session.end, intention, len(session.events))
        )
        event_rows.extend(_event_row(number, position, event) for position, event in enumerate(session.events))
    return (
        pl.DataFrame(event_rows, schema=EVENTS, orient="row"),
        pl.DataFrame(session_rows, schema=SESSIONS, orient="row"),
    )


def from_frames(events: pl.DataFrame, sessions: pl.DataFrame) -> Iterator[Session]:
    """The sessions that two frames hold, in the order of ``sessions``.

    Args:
        events: Rows of `EVENTS`, each session's together and in order; sessions may come in any order.
        sessions: Rows of `SESSIONS`.
    """
    by_session: dict[int, list[Event]] = {}
    instants = events.select(EVENTS.names()).with_columns(pl.col("time").dt.epoch("us"))
    for row in instants.iter_rows():
        by_session.setdefault(row[0], []).append(_event(row))
    columns = sessions.select(SESSIONS.names()).with_columns(pl.col("start").dt.epoch("us"))
    for number, shopper, key, start, offset, end, intention, _ in columns.iter_rows():
        yield Session.model_construct(
            shopper=shopper,
            key=key,
            start=_join_time(start, offset),
            events=tuple(by_session.get(number, ())),
            intention=None if intention is None else Intention.model_validate_json(intention),
            end=end,
        )


def _event_row(number: int, position: int, event: Event) -> tuple[Any, ...]:
    time, offset = _split_time(event.time)
    return (
        number,
        position,
        event.kind,
        time,
        offset,
        event.query,
        None if event.filters is None else event.filters.model_dump_json(exclude_defaults=True),
        event.sort,
        None if event.results is None else list(event.results),
        event.page,
        event.product,
        event.title,
        event.rank,
        event.units,
        event.price,
        [{"name": name, "value": value} for name, value in event.options] or None,
    )


def _event(row: Sequence[Any]) -> Event:
    _, _, kind, time, offset, query, filters, sort, results, page, product, title, rank, units, price, options = row
    event = Event.__new__(Event)
    # What model_construct does, at a fifth of its price; the rows were validated when they were written.
    values = {
        "kind": kind,
        "time": _join_time(time, offset),
        "query": query,
        "filters": None if filters is None else Filters.model_validate_json(filters),
        "sort": sort,
        "results": None if results is None else tuple(results),
        "page": page,
        "product": product,
        "title": title,
        "rank": rank,
        "units": units,
        "price": price,
        "options": () if options is None else tuple((pair["name"], pair["value"]) for pair in options),
    }
    object.__setattr__(event, "__dict__", values)
    object.__setattr__(event, "__pydantic_fields_set__", _EVERY_FIELD)
    object.__setattr__(event, "__pydantic_extra__", None)
    object.__setattr__(event, "__pydantic_private__", None)
    return event


def _split_time(time: datetime | None) -> tuple[datetime | None, int | None]:
    if time is None:
        return None, None
    offset = time.utcoffset() or timedelta(0)
    return time.astimezone(UTC), int(offset.total_seconds())


def _join_time(micros: int | None, offset: int | None) -> datetime | None:
    if micros is None:
        return None
    instant = EPOCH + timedelta(microseconds=micros)
    return instant.astimezone(timezone(timedelta(seconds=offset))) if offset else instant
