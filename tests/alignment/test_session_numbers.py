"""A log read part by part, elsewhere: the same numbers, words and needs as one process reads."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from paars_gym.alignment import open_log, score
from paars_gym.alignment.copied import copied_needs
from paars_gym.alignment.session_numbers import PartNumbers, merged, part_numbers
from paars_gym.config import RunConfig
from paars_gym.remote import put_folder, remove
from paars_gym.sessions import writer
from paars_gym.sessions.event import Event, Intention, Session
from paars_gym.sessions.parts import Work, lines_parts
from paars_gym.sessions.rows import to_frames
from paars_gym.sessions.store import LOG_FILE, STORE_FOLDER, Provenance
from paars_gym.simulation.run import run

pytestmark = pytest.mark.usefixtures("cache_of_one_process")

sent: list[bytes] = []


def elsewhere(work: Work, shared: Any, pieces: Sequence[Any]) -> Iterator[Any]:
    """A `Spread` over processes, as far as what is sent goes: all of it can be, and nothing else is known."""
    for piece in pieces:
        what, about, here = pickle.loads(pickle.dumps((work, shared, piece)))
        result = pickle.dumps(what(about, here))
        sent.append(result)
        yield pickle.loads(result)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    store = run(folder, RunConfig(sessions=60, policy="behavioural", seed=3)).store
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "PART_EVENTS", 20)
        patch.setattr(writer, "SESSIONS_AT_ONCE", 10)
        writer.write_sessions(store.folder, list(store), provenance=store.provenance, overwrite=True)
    return folder


@pytest.fixture
def unfinished(finished: Path, tmp_path: Path) -> Path:
    """The folder of the same run before its store was written, its last line cut off."""
    for name in (LOG_FILE, "settings.json"):
        content = (finished / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-9] if name == LOG_FILE else content)
    return tmp_path


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paars_gym.sessions.opening.lines_parts", lambda path: lines_parts(path, most_bytes=10_000))


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("kind", ["finished", "unfinished"])
def test_parts_read_elsewhere_are_the_same_log(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    here, there = open_log(folder), open_log(folder, spread=elsewhere)
    assert len(there._parts) > 3
    assert (there.name, there.synthetic, there.known, there.notes) == (
        here.name,
        here.synthetic,
        here.known,
        here.notes,
    )
    assert there.settings == here.settings
    assert there.frame.equals(here.frame)
    for name, mine, other in zip(here.activity._fields, here.activity, there.activity, strict=True):
        assert mine.dtype == other.dtype
        assert mine.tolist() == other.tolist(), name
    most = [log.texts(25, np.random.default_rng(1)) for log in (here, there)]
    assert most[0] == most[1]
    assert most[0].queries
    assert copied_needs(here, here).tolist() == copied_needs(there, there).tolist()
    assert score(there, there, embedder=None).model_dump() == score(here, here, embedder=None).model_dump()


def test_what_travels_is_small(finished: Path) -> None:
    titles = open_log(finished).texts(60, np.random.default_rng(0)).titles
    sent.clear()
    log = open_log(finished, spread=elsewhere)
    assert 0 < sum(map(len, sent)) / len(log) < 200  # the log itself has thousands
    assert titles
    assert not any(title.encode() in message for message in sent for title in titles)


def test_a_damaged_part_is_found_by_whoever_reads_it(finished: Path, tmp_path: Path) -> None:
    import shutil

    store = shutil.copytree(finished / STORE_FOLDER, tmp_path / "store")
    part = sorted(store.glob("events-*/part-*.parquet"))[1]
    content = bytearray(part.read_bytes())
    content[40] ^= 1
    part.write_bytes(content)
    with pytest.raises(ValueError, match=rf"damaged: .*{part.name}: its checksum is") as raised:
        open_log(store, spread=elsewhere)
    assert "paars sessions import" in str(raised.value)
    (store / "sessions.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="it has 4 bytes"):
        open_log(store, spread=elsewhere)
    with pytest.raises(FileNotFoundError, match="No session store"):
        open_log(tmp_path / "nowhere", spread=elsewhere)


@pytest.mark.usefixtures("short_parts")
def test_damaged_lines_are_found(unfinished: Path) -> None:
    log = unfinished / LOG_FILE
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:30], lines[30].replace(b'"kind":"search"', b'"kind":"SEARCH"', 1), *lines[31:]]))
    with pytest.raises(ValueError, match=r"damaged: the line at byte .* checksum does not fit"):
        open_log(unfinished, spread=elsewhere)
    log.write_bytes(b"".join([*lines[:30], lines[0]]))
    with pytest.raises(ValueError, match="occurs twice"):
        open_log(unfinished, spread=elsewhere)


def test_an_empty_log_and_people_in_memory(unfinished: Path) -> None:
    (unfinished / LOG_FILE).write_bytes(b"")
    assert len(open_log(unfinished, spread=elsewhere)) == len(open_log(unfinished)) == 0
    sessions = [Session(shopper="a", key=f"k{n}", events=(Event(kind="search", query="red"),)) for n in range(3)]
    assert len(open_log(sessions, spread=elsewhere)) == 3


def test_needs_are_looked_for_in_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PART_EVENTS", 2)
    monkeypatch.setattr(writer, "SESSIONS_AT_ONCE", 1)
    people = [
        Session(shopper=f"s{n}", key=f"k{n}", events=(Event(kind="search", query=f" Red {n}"),) if n != 4 else ())
        for n in range(8)
    ]
    store = writer.write_sessions(tmp_path / "store", people, provenance=Provenance())
    needs = [("s1", "red 1", ""), ("s1", "red 2", ""), ("x", "red 6", "k6"), ("x", "red 6", "k5"), ("x", "any", "k4")]
    agents = [
        Session(shopper=name, key=f"a{n}", intention=Intention(goal="buy", text=text, source=source))
        for n, (name, text, source) in enumerate(needs)
    ]
    told = open_log(agents)
    log = open_log(store.folder, spread=elsewhere)
    assert len(log._parts) > 2
    assert copied_needs(log, told).tolist() == [True, False, True, False, True]


def test_numbers_by_hand() -> None:
    events, _ = to_frames(
        [
            Session(
                shopper="a",
                key="0",
                events=(Event(kind="search", query="x"), Event(kind="view", product="p", rank=300)),
            ),
            Session(shopper="a", key="1"),
            Session(shopper="a", key="2", events=(Event(kind="purchase", product="p"),)),
        ]
    )
    part = part_numbers(events.lazy())
    assert {
        name: values.tolist() for name, values in part.sessions.items() if name in ("search", "depth", "seconds")
    } == {
        "search": [1, 0, 0],
        "depth": [300, 0, 0],
        "seconds": [-1, -1, -1],
    }
    assert (part.actions.tolist(), part.acted.tolist(), part.ranks.tolist(), part.ranked.tolist()) == (
        [0, 1, 4],
        [2, 0, 1],
        [300],
        [1, 0, 0],
    )
    assert part.sessions["search"].dtype == np.uint8
    assert part.ranks.dtype == np.uint16
    twice = merged([part, part._replace(first=4)], 8)
    assert twice.searches.tolist() == [1, 0, 0, 0, 1, 0, 0, 0]
    assert twice.actors.tolist() == [0, 0, 2, 4, 4, 6]
    assert twice.viewers.tolist() == [0, 4]
    assert twice.seconds.tolist() == [-1] * 8
    empty = part_numbers(pl.LazyFrame(schema=events.schema))
    assert isinstance(empty, PartNumbers)
    assert (empty.first, empty.end) == (0, 0)
    assert merged([empty], 1).depth.tolist() == [0]


def test_a_run_by_url_is_read_in_parts(finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv("PAARS_CACHE", str(tmp_path / "cache"))
    url = "memory://bucket/scored/run"
    put_folder(finished, url)
    try:
        here, there = open_log(finished), open_log(url, spread=elsewhere)
        assert there.frame.equals(here.frame)
        assert there.settings == here.settings
        assert there.activity.views.tolist() == here.activity.views.tolist()
        assert there.texts(9, np.random.default_rng(1)) == here.texts(9, np.random.default_rng(1))
        copied = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}
        assert {"settings.json", "sessions.parquet", "part-00001.parquet"} <= copied
        assert LOG_FILE not in copied
        with pytest.raises(FileNotFoundError, match="memory://bucket/scored/nothing"):
            open_log("memory://bucket/scored/nothing", spread=elsewhere)
    finally:
        remove(url)
