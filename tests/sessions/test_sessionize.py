from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paars_gym.ingest.times import TIME
from paars_gym.sessions.logs.mapping import WORDS
from paars_gym.sessions.logs.sessionize import FILE_ORDINALS, sessionize

ZERO = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = {
    "shopper": pl.String, "given": pl.String, "kind": pl.Enum(WORDS), "time": TIME, "utc_offset_s": pl.Int32,
    "product": pl.String, "ordinal": pl.Int64,
}  # fmt: skip


def records(*rows: tuple[str, str | None, str, float | None]) -> pl.DataFrame:
    """(shopper, given id, kind, minutes) in the order of the log; the product is the row's number."""
    full = [
        (shopper, given, kind, None if at is None else ZERO + timedelta(minutes=at), 0, str(i), i)
        for i, (shopper, given, kind, at) in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=SCHEMA, orient="row")


def products(done) -> dict[str, list[str]]:
    named = done.events.join(done.sessions.select("session", "key"), on="session", maintain_order="left")
    grouped = named.group_by("key", maintain_order=True).agg("product")
    return dict(grouped.iter_rows())


def test_thirty_minutes_end_a_session_and_thirty_do_not():
    rows = [("a", None, "view", at) for at in (0, 30, 60.1, 90.2)]
    assert products(sessionize(records(*rows))) == {"a/1": ["0", "1"], "a/2": ["2"], "a/3": ["3"]}
    assert products(sessionize(records(*rows), gap_minutes=31)) == {"a/1": ["0", "1", "2", "3"]}


def test_visits_keep_a_session_open_or_empty():
    done = sessionize(
        records(("a", None, "view", 0), ("a", None, "visit", 20), ("a", None, "view", 40), ("b", None, "visit", 0))
    )
    assert products(done) == {"a/1": ["0", "2"]}
    assert done.sessions.select("key", "events").rows() == [("a/1", 2), ("b/1", 0)]
    assert done.events["position"].to_list() == [0, 1]


def test_a_filter_marks_the_search_before_it_in_its_session_and_vanishes():
    kinds = ("filter", "search", "view", "filter", "filter", "search", "stop")
    done = sessionize(records(*[("a", None, kind, at) for at, kind in enumerate(kinds)], ("b", None, "filter", 9)))
    assert done.events.select("kind", "filters").rows() == [
        ("search", "{}"), ("view", None), ("search", None), ("stop", None),
    ]  # fmt: skip
    assert done.events["position"].to_list() == [0, 1, 2, 3]
    assert done.sessions.select("key", "events").rows() == [("a/1", 4), ("b/1", 0)]


def test_what_a_log_names_of_a_filter_is_kept():
    rows = records(("a", None, "search", 0), ("a", None, "filter", 1)).with_columns(filters=pl.lit('{"brand":"x"}'))
    assert sessionize(rows).events["filters"].to_list() == ['{"brand":"x"}']


def test_given_ids_cut_whatever_the_time():
    done = sessionize(
        records(("a", "y", "view", 500), ("a", "x", "view", 600), ("b", "x", "view", 0), ("a", "y", "view", 900)),
        gap_minutes=None,
    )
    assert products(done) == {"a/y": ["0", "3"], "a/x": ["1"], "b/x": ["2"]}  # by shopper and start


def test_disorder_is_sorted_and_counted():
    done = sessionize(
        records(("a", None, "view", 5), ("b", None, "view", 0), ("a", None, "view", 1), ("a", None, "view", 9))
    )
    assert products(done)["a/1"] == ["2", "0", "3"]
    assert done.out_of_order == 1
    two_files = records(("a", None, "view", 5), ("a", None, "view", 1)).with_columns(
        ordinal=pl.Series([0, FILE_ORDINALS])
    )
    assert sessionize(two_files).out_of_order == 0  # files are not in any order


def test_keys_stay_apart_when_ids_hold_slashes():
    done = sessionize(records(("a/b", "c", "view", 0), ("a", "b/c", "view", 0)), gap_minutes=None)
    assert done.sessions["key"].n_unique() == 2


def test_a_gap_is_positive():
    with pytest.raises(ValueError, match=r"gap_minutes == 0, must be > 0 and at most"):
        sessionize(records(("a", None, "view", 0)), gap_minutes=0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from(["x", "y"]),
            st.sampled_from(["view", "search", "visit", "purchase"]),
            st.none() | st.integers(0, 200),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([None, 10.0, 30.0]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_invariants(rows, gap):
    done = sessionize(records(*rows), gap_minutes=gap)
    kept = [str(i) for i, row in enumerate(rows) if row[2] != "visit"]
    assert sorted(done.events["product"]) == sorted(kept)  # nothing lost, nothing twice
    assert done.sessions["session"].to_list() == list(range(len(done.sessions)))
    assert done.sessions["key"].n_unique() == len(done.sessions)
    assert done.sessions["events"].sum() == len(done.events)
    assert done.events.select("session", "position").rows() == sorted(done.events.select("session", "position").rows())
    for number in range(len(done.sessions)):
        events = done.events.filter(pl.col("session") == number)
        mine = [rows[int(i)] for i in events["product"]]
        assert {row[0] for row in mine} <= {done.sessions["shopper"][number]}
        at = [row[3] for row in mine if row[3] is not None]
        assert at == sorted(at)
        if gap is None:
            assert len({row[1] for row in mine}) <= 1
        elif all(row[2] != "visit" for row in rows):
            assert all(late - early <= gap for early, late in pairwise(at))
    if gap is not None:  # and no two sessions that should be one
        starts = done.sessions.filter(pl.col("start").is_not_null())
        ends = done.events.group_by("session").agg(pl.col("time").max())
        for _, visits in starts.join(ends, on="session").sort("start").group_by("shopper"):
            waits = (visits["start"] - visits["time"].shift()).drop_nulls()
            assert all(wait > timedelta(minutes=gap) for wait in waits) or any(row[2] == "visit" for row in rows)


def test_lateness_by_brute_force():
    times = [3, 1, 2, 5, 4, 4, 9, 0]
    late = sum(any(earlier > at for earlier in times[:i]) for i, at in enumerate(times))
    assert sessionize(records(*(("a", None, "view", at) for at in times))).out_of_order == late
