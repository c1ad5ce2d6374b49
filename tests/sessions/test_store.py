from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from paars_gym.catalog.filters import Filters
from paars_gym.checksums import write_checksums
from paars_gym.sessions import Event, Intention, Provenance, Session, Store, StoreWriter, session_counts, write_sessions
from paars_gym.sessions import store as store_module
from paars_gym.sessions.rows import EVENTS, SESSIONS, from_frames, to_frames
from tests.sessions.strategies import populations

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def visit(key: str, *kinds: str, shopper: str = "ann", start: datetime | None = NOON) -> Session:
    events = tuple(
        Event(kind=kind, time=start + timedelta(seconds=i), product="p", query="q")  # type: ignore[arg-type, operator]
        for i, kind in enumerate(kinds)
    )
    return Session(shopper=shopper, key=key, start=start, events=events)


@given(populations())
@settings(max_examples=30, deadline=None)
def test_rows_keep_everything(sessions):
    back = list(from_frames(*to_frames(sessions)))
    assert back == sessions
    for old, new in zip(sessions, back, strict=True):  # == compares instants; the shopper's clock counts too
        assert [event.model_dump_json() for event in old.events] == [event.model_dump_json() for event in new.events]
        assert old.model_dump_json() == new.model_dump_json()


@given(populations())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_keeps_everything(tmp_path, sessions):
    store = write_sessions(tmp_path / "s", sessions, provenance=Provenance(name="any"), overwrite=True)
    assert list(store) == sessions
    assert len(store) == len(sessions)
    assert store.card.events == sum(len(session.events) for session in sessions)


def test_a_session_reads_back_field_by_field(tmp_path):
    evening = datetime(2026, 5, 1, 20, 15, tzinfo=timezone(timedelta(hours=2)))
    session = Session(
        shopper="ann",
        key="ann/1",
        start=evening,
        end="gave_up",
        intention=Intention(text="a fan", budget=50.0, options={"size": "M"}),
        events=(
            Event(kind="search", time=evening, query="fan", filters=Filters(max_price=50), results=("a", "b"), page=1),
            Event(kind="purchase", time=evening, product="a", units=2, price=19.99, options=(("size", "M"),)),
        ),
    )
    (back,) = write_sessions(tmp_path, [session], provenance=Provenance())
    assert back == session
    assert back.start is not None
    assert back.start.isoformat() == "2026-05-01T20:15:00+02:00"
    assert back.events[0].filters == Filters(max_price=50)
    assert back.model_copy() == session
    assert Session.model_validate(back.model_dump()) == session


def test_empty_sessions_and_an_empty_store(tmp_path):
    store = write_sessions(tmp_path / "a", [visit("1"), visit("2", "view"), visit("3")], provenance=Provenance())
    assert [len(session.events) for session in store] == [0, 1, 0]
    assert session_counts(store)["views"].to_list() == [0, 1, 0]
    nothing = write_sessions(tmp_path / "b", [], provenance=Provenance())
    assert list(nothing) == []
    assert nothing.scan().collect().schema == EVENTS
    assert session_counts(nothing).height == 0
    assert list(nothing.histories()) == []


def test_counts_are_searches_views_and_lines_bought(tmp_path, monkeypatch):
    monkeypatch.setattr("paars_gym.sessions.writer.PART_EVENTS", 3)  # several parts
    monkeypatch.setattr("paars_gym.sessions.writer.SESSIONS_AT_ONCE", 1)
    kinds = [("search", "next_page", "view", "view"), (), ("purchase", "purchase", "add"), ("view",)]
    store = write_sessions(tmp_path, [visit(str(i), *some) for i, some in enumerate(kinds)], provenance=Provenance())
    assert len(store.card.parts) > 1
    assert session_counts(store).rows() == [(0, 1, 2, 0), (1, 0, 0, 0), (2, 0, 0, 2), (3, 0, 1, 0)]
    for session, row in zip(store, session_counts(store).rows(named=True), strict=True):
        assert session.count("view") == row["views"]
    joined = store.scan().group_by("session").len().sort("session").collect()
    assert joined.rows() == [(0, 4), (2, 3), (3, 1)]


def test_the_footer_tells_schema_and_provenance(tmp_path):
    write_sessions(tmp_path, [visit("1", "view")], provenance=Provenance(name="mine", synthetic=True))
    metadata = pq.read_metadata(tmp_path / "sessions.parquet").metadata
    assert b'"schema_version":1' in metadata[store_module.CARD_KEY]
    assert b'"synthetic":true' in metadata[store_module.CARD_KEY]
    (part,) = tmp_path.glob("events-*/*.parquet")
    assert pq.read_metadata(part).metadata[b"paars_gym.sessions.schema_version"] == b"1"


def test_a_failed_write_leaves_the_former_store(tmp_path):
    def breaks():
        yield visit("new", "view")
        raise RuntimeError("the disk is full")

    old = [visit("old", "view", "purchase")]
    write_sessions(tmp_path / "s", old, provenance=Provenance())
    before = sorted(path.name for path in (tmp_path / "s").iterdir())
    with pytest.raises(RuntimeError):
        write_sessions(tmp_path / "s", breaks(), provenance=Provenance(), overwrite=True)
    assert list(Store(tmp_path / "s")) == old
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == before
    with pytest.raises(RuntimeError):
        write_sessions(tmp_path / "fresh", breaks(), provenance=Provenance())
    assert not (tmp_path / "fresh").exists()


def test_a_killed_writer_leaves_the_former_store_and_is_cleaned_up_after(tmp_path):
    write_sessions(tmp_path, [visit("old", "view")], provenance=Provenance())
    code = (
        "import os, sys\nfrom paars_gym.sessions import StoreWriter\n"
        "from paars_gym.sessions.rows import to_frames\nfrom paars_gym.sessions import Session\n"
        "writer = StoreWriter(sys.argv[1], overwrite=True)\n"
        "writer.add(*to_frames([Session(shopper='x', key='x')]))\nos._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    assert [session.key for session in Store(tmp_path)] == ["old"]
    store = write_sessions(tmp_path, [visit("new", "view")], provenance=Provenance(), overwrite=True)
    assert [session.key for session in store] == ["new"]
    assert len(list(tmp_path.glob("events-*"))) == 1


def test_what_a_folder_may_not_be(tmp_path):
    with pytest.raises(FileNotFoundError, match="paars sessions import"):
        Store(tmp_path)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"thesis\.txt"):
        StoreWriter(tmp_path, overwrite=True)
    write_sessions(tmp_path / "s", [visit("1", "view")], provenance=Provenance())
    with pytest.raises(FileExistsError, match="holds a session store"):
        StoreWriter(tmp_path / "s")
    with pytest.raises(ValueError, match="occurs twice"):
        write_sessions(tmp_path / "t", [visit("1"), visit("1")], provenance=Provenance())


def test_damage_is_named(tmp_path):
    store = write_sessions(tmp_path / "s", [visit("1", "view")], provenance=Provenance())
    path, part = tmp_path / "s" / "sessions.parquet", tmp_path / "s" / store.card.parts[0]
    whole, events = path.read_bytes(), part.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], b"", b"PAR1"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged: sessions\.parquet: it.*paars sessions import LOG --out DIR"):
            Store(tmp_path / "s")
    path.unlink()
    with pytest.raises(ValueError, match=r"sessions\.parquet: it is missing"):
        Store(tmp_path / "s")
    path.write_bytes(whole)
    part.write_bytes(bytes([events[0] ^ 1]) + events[1:])
    with pytest.raises(ValueError, match=r"part-00000\.parquet: its checksum is .* and was"):
        Store(tmp_path / "s")
    part.unlink()
    with pytest.raises(ValueError, match=r"part-00000\.parquet: it is missing"):
        Store(tmp_path / "s")
    part.write_bytes(events)
    sums = part.parent / "checksums.json"
    for content, message in [("{", "is damaged"), ("[1]", "is damaged"), ("{}", "does not name it")]:
        sums.write_text(content)
        with pytest.raises(ValueError, match=message):
            Store(tmp_path / "s")


def test_parquet_of_something_else_and_of_another_version_is_told(tmp_path):
    write_sessions(tmp_path / "s", [visit("1", "view")], provenance=Provenance())
    path = tmp_path / "s" / "sessions.parquet"
    (sums,) = path.parent.glob("events-*/checksums.json")
    other = path.read_bytes().replace(b'"schema_version":1', b'"schema_version":9')
    pl.DataFrame(schema=SESSIONS).write_parquet(path)
    write_checksums(sums, {path.name: path})
    with pytest.raises(ValueError, match="no session store"):
        Store(tmp_path / "s")
    path.write_bytes(other)
    write_checksums(sums, {path.name: path})
    with pytest.raises(ValueError, match="schema version 9"):
        Store(tmp_path / "s")


def test_histories_end_before_the_date(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "CHUNK_EVENTS", 2)  # shoppers run across chunks
    day = timedelta(days=1)
    sessions = [
        visit("b2", "view", shopper="bob", start=NOON + day),
        visit("a1", "view", "view", "view", shopper="ann", start=NOON),
        visit("b1", "search", "view", shopper="bob", start=NOON),
        visit("a2", shopper="ann", start=NOON + 2 * day),
    ]
    store = write_sessions(tmp_path / "s", sessions, provenance=Provenance())
    keys = {history.shopper: [session.key for session in history.sessions] for history in store.histories()}
    assert keys == {"bob": ["b1", "b2"], "ann": ["a1", "a2"]}

    cut = list(store.histories(as_of=NOON + timedelta(seconds=2)))
    assert {history.shopper: [len(one.events) for one in history.sessions] for history in cut} == {
        "bob": [2],
        "ann": [2],
    }
    assert all(event.time < history.as_of for history in cut for one in history.sessions for event in one.events)
    assert list(store.histories(as_of=NOON)) == []
    with pytest.raises(ValueError, match="no time zone"):
        list(store.histories(as_of=datetime(2026, 5, 1)))  # noqa: DTZ001
    untimed = write_sessions(tmp_path / "t", [visit("1", start=NOON)], provenance=Provenance(times="none"))
    with pytest.raises(ValueError, match="needs times"):
        list(untimed.histories(as_of=NOON))


def test_importing_the_room_is_light():
    code = "import sys, paars_gym.sessions; sys.exit('polars' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
