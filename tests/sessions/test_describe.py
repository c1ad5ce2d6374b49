from __future__ import annotations

from datetime import timedelta

import pytest

from paars_gym.sessions import Event, Provenance, Session, write_sessions
from paars_gym.sessions.describe import describe, facts
from tests.sessions.test_store import NOON, visit


def events(*rows: tuple[str, int, str]) -> tuple[Event, ...]:
    return tuple(
        Event(
            kind=kind,  # type: ignore[arg-type]
            time=NOON + timedelta(seconds=at),
            query=value if kind == "search" else None,
            product=value if kind != "search" else None,
            rank=1 if kind == "view" else None,
        )
        for kind, at, value in rows
    )


def test_what_is_there(tmp_path):
    sessions = [
        Session(shopper="a", key="1", start=NOON, events=events(("search", 0, "fan"), ("view", 60, "p"))),
        Session(shopper="a", key="2", start=NOON, events=events(("search", 0, "fan"), ("view", 61, "p"))),  # too late
        Session(
            shopper="b", key="3", start=NOON, events=events(("view", 0, "p"), ("search", 1, "fan"), ("view", 2, "p"))
        ),
        Session(
            shopper="c", key="4", start=NOON, events=events(("search", 0, "x"), ("search", 1, "y"), ("view", 2, "p"))
        ),
        Session(shopper="d", key="5", start=NOON + timedelta(days=1), end="gave_up"),
    ]
    description = describe(write_sessions(tmp_path, sessions, provenance=Provenance(synthetic=True)))
    assert (
        description.sessions,
        description.empty_sessions,
        description.events,
        description.shoppers,
        description.returning,
    ) == (5, 1, 10, 4, 1)
    assert description.kinds == {"search": 5, "view": 5}
    assert description.ends == {"stop": 4, "gave_up": 1}
    assert (description.first, description.last) == (NOON, NOON + timedelta(days=1))
    views = next(one for one in description.distributions if one.statistic == "views")
    assert (views.mean, views.median, views.most) == (1.0, 1.0, 2)
    assert views.share_zero == pytest.approx(0.2)
    assert ("shoppers", "synthetic") in facts(description)


def test_what_a_log_does_not_record_is_not_a_statistic(tmp_path):
    only = Provenance(what_is_known=("purchases", "products"))
    store = write_sessions(tmp_path, [visit("1", "purchase", "purchase")], provenance=only)
    description = describe(store)
    assert [one.statistic for one in description.distributions] == ["purchases"]


def test_an_empty_store(tmp_path):
    description = describe(write_sessions(tmp_path, [], provenance=Provenance()))
    assert (description.sessions, description.shoppers, description.first, description.distributions) == (
        0,
        0,
        None,
        (),
    )
