"""Any session that the type allows, for the property tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st

from paars_gym.catalog.filters import SORTS, Filters
from paars_gym.sessions import Event, Intention, Session
from paars_gym.sessions.event import End, EventKind

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
word = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30)), timezone(timedelta(hours=9))])
times = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=zones)  # noqa: DTZ001
maybe = st.none()
amounts = st.floats(0, 1e6)
filters = st.builds(
    Filters, max_price=maybe | amounts, brand=maybe | word, min_rating=maybe | st.floats(1, 5), in_stock=st.booleans()
)
events = st.builds(
    Event,
    kind=st.sampled_from(get_args(EventKind)),
    time=maybe | times,
    query=maybe | text,
    filters=maybe | filters,
    sort=maybe | st.sampled_from(SORTS),
    results=maybe | st.lists(text, max_size=4).map(tuple),
    page=maybe | st.integers(1, 9),
    product=maybe | text,
    title=maybe | text,
    rank=maybe | st.integers(1, 10**9),
    units=maybe | st.integers(1, 10**12),
    price=maybe | amounts,
    options=st.dictionaries(word, text, max_size=2).map(lambda chosen: tuple(sorted(chosen.items()))),
)
intentions = st.builds(
    Intention, text=word, goal=st.sampled_from(["buy", "compare", "browse"]), budget=maybe | amounts,
    attributes=st.lists(text, max_size=2).map(tuple), options=st.dictionaries(word, text, max_size=2),
)  # fmt: skip


def populations(max_size: int = 5) -> st.SearchStrategy[list[Session]]:
    """Sessions with unique keys."""
    session = st.builds(
        Session,
        shopper=word,
        key=word,
        start=maybe | times,
        events=st.lists(events, max_size=4).map(tuple),
        intention=maybe | intentions,
        end=st.sampled_from(get_args(End)),
    )
    return st.lists(session, max_size=max_size, unique_by=lambda one: one.key)
