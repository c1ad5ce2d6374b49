"""A store of sessions: a folder of checksummed Parquet, one row an event, scanned lazily with polars."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.checksums import CHECKSUMS, damage, read_checksums
from paars_gym.ingest.account import ACCOUNT_FILE
from paars_gym.remote import local_copy
from paars_gym.sessions.event import History, Session
from paars_gym.sessions.rows import EVENTS, from_frames

SCHEMA_VERSION = 1
CARD_KEY = b"paars_gym.sessions"
SESSIONS_FILE, REJECTED_FILE = "sessions.parquet", "rejected.jsonl"
SETTINGS_FILE, LOG_FILE, STORE_FOLDER = "settings.json", "sessions.jsonl", "sessions"
TELEMETRY_FILE, STEPS_FILE = "telemetry.jsonl", "steps/steps.jsonl.zst"
"""Of the folder of a run."""
TOLD = (REJECTED_FILE, ACCOUNT_FILE)
"""What an import tells of itself: with checksums too, but only ``paars sessions check`` looks at them."""
CHUNK_EVENTS = 100_000
IMPORT_AGAIN = "Write it again from its source: paars sessions import LOG --out DIR, or paars sessions split."


class Provenance(BaseModel):
    """Where sessions come from and what their log can and cannot tell.

    Attributes:
        name: How reports call the population.
        synthetic: True when no person made these sessions.
        format: Name of the import format, or what wrote them.
        source: Files read, or the run.
        timezone: Zone given to times that had none; None when all were zoned, or there are none.
        times: Whether events have times: all, none, or some of them.
        time_resolution: The coarsest unit of which all times are multiples: day, hour, minute, second, subsecond;
            none without times, empty where nobody looked.
        sessionised: How events became sessions.
        what_is_known: What the log records, for example "views" or "purchases"; what is absent here is unknown, not 0.
        notes: Anything a reader has to know, in sentences.
        records_read: Records (lines, rows) of the log; always the sum of the next three.
        records_kept: Records that became events, one or several each, or only marked a visit.
        records_rejected: Records quarantined in ``rejected.jsonl``, whole or in part.
        records_ignored: Records whose event word the mapping ignores, that hold no event, or that repeat another.
        out_of_order: Events that stood in the log after a later event of the same shopper, and were sorted.
        cut: Files that end in the middle, and where.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "sessions"
    synthetic: bool = False
    format: str = ""
    source: tuple[str, ...] = ()
    timezone: str | None = None
    times: str = "all"
    time_resolution: str = ""
    sessionised: str = "as written"
    what_is_known: tuple[str, ...] = ("searches", "views", "purchases", "products")
    notes: tuple[str, ...] = ()
    records_read: int = 0
    records_kept: int = 0
    records_rejected: int = 0
    records_ignored: int = 0
    out_of_order: int = 0
    cut: tuple[str, ...] = ()


class StoreCard(BaseModel):
    """What the footer of ``sessions.parquet`` says about the whole store.

    Attributes:
        schema_version: Layout of the folder.
        sessions: Number of sessions, those without events included.
        events: Number of events.
        parts: Parquet files of the events, relative to the folder, in order.
        provenance: Where the sessions come from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    sessions: int
    events: int
    parts: tuple[str, ...]
    provenance: Provenance


class Store:
    """Sessions on disk. ``len(store)`` counts them, iteration builds them one at a time, in stored order.

    Each part of the events holds whole sessions, in the order of their numbers.
    """

    def __init__(self, folder: str | Path) -> None:
        """Opens a store.

        Every file is compared with its checksum when it is opened for the first time, and whenever it looks changed
        since (some 0.4 s a GB).

        Raises:
            FileNotFoundError: No store there.
            ValueError: It is damaged, lacks parts, or is of another version.
        """
        self.folder = local_copy(folder)
        found = find_damage(self.folder)
        if found:
            raise ValueError(damage_in_words(self.folder, found))
        self.card = read_card(self.folder)

    @property
    def provenance(self) -> Provenance:
        return self.card.provenance

    def __len__(self) -> int:
        return self.card.sessions

    def __iter__(self) -> Iterator[Session]:
        for sessions, events in self.chunks(self.scan_sessions().collect()):
            yield from from_frames(events, sessions)

    def __repr__(self) -> str:
        kind = "synthetic, " if self.provenance.synthetic else ""
        return f"<Store {self.provenance.name!r}: {kind}{len(self):,} sessions, {self.card.events:,} events>"

    def scan(self) -> pl.LazyFrame:
        """All events, one row each, as a lazy frame of schema `EVENTS`."""
        if not self.card.parts:
            return pl.LazyFrame(schema=EVENTS)
        return pl.scan_parquet([self.folder / part for part in self.card.parts], schema=EVENTS, glob=False)

    def scan_sessions(self) -> pl.LazyFrame:
        """All sessions, one row each, as a lazy frame of schema `SESSIONS`, in the order of their numbers."""
        return pl.scan_parquet(self.folder / SESSIONS_FILE, glob=False)

    def chunks(self, sessions: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Reads the events of some sessions, `CHUNK_EVENTS` or so at a time.

        Args:
            sessions: Rows of the session table, in any order.

        Yields:
            The next rows of ``sessions``, and their events.
        """
        if sessions.is_empty():
            return
        run = (sessions["events"].cast(pl.Int64).cum_sum() - 1) // CHUNK_EVENTS
        starts = [0, *(run.diff() > 0).fill_null(value=False).arg_true()]
        for start, end in zip(starts, [*starts[1:], len(sessions)], strict=True):
            piece = sessions[start:end]
            yield piece, self.events_of(piece["session"])

    def events_of(self, numbers: pl.Series) -> pl.DataFrame:
        """Events of the sessions with these numbers; reads little when the numbers lie close together."""
        if numbers.is_empty():
            return pl.DataFrame(schema=EVENTS)
        low, high = numbers.min(), numbers.max()
        near = self.scan().filter(pl.col("session").is_between(low, high))
        if high - low + 1 > len(numbers):  # type: ignore[operator]
            near = near.filter(pl.col("session").is_in(numbers.implode()))
        return near.collect()

    def histories(self, as_of: datetime | None = None, *, shoppers: Collection[str] | None = None) -> Iterator[History]:
        """Streams each shopper's sessions, oldest first, shoppers in the order in which the store first has them.

        The input of persona mining and of item selection (PAARS sections 3, 4). Sessions without a start keep their
        stored order, before those with one. Only the session table is held in memory; events are read some hundred
        thousand at a time.

        Args:
            as_of: Zoned. Sessions that start at or after it are left out, and so are later events of a session that
                runs across it. Shoppers with nothing before it are left out.
            shoppers: Only these; the events of others are not read.

        Raises:
            ValueError: ``as_of`` has no zone, or the log has no times to compare it with.
        """
        sessions = self.scan_sessions()
        if as_of is not None:
            if as_of.tzinfo is None:
                raise ValueError(f"as_of == {as_of} has no time zone; give one, for example +00:00.")
            if self.provenance.times != "all":
                raise ValueError(
                    f"as_of needs times, and this log has them on {self.provenance.times!r} of its events."
                )
            sessions = sessions.filter(pl.col("start") < as_of)
        if shoppers is not None:
            sessions = sessions.filter(pl.col("shopper").is_in(list(shoppers)))
        # Imports keep each shopper's sessions together: in this order the events are read once, from front to back.
        first = pl.col("session").min().over("shopper").alias("first")
        ordered = sessions.sort(first, "start", "session", nulls_last=False).collect()
        stream = chain.from_iterable(from_frames(events, piece) for piece, events in self.chunks(ordered))
        for shopper, visits in groupby(stream, key=lambda session: session.shopper):
            yield History.model_construct(
                shopper=shopper, as_of=as_of, sessions=tuple(_before(visit, as_of) for visit in visits)
            )


def find_damage(folder: Path, *, again: bool = False) -> dict[str, str]:
    """What is wrong with the files of a store, in words, by name; empty for a sound one.

    Args:
        folder: Of the store.
        again: Read every byte, even of what fitted before and looks unchanged since; and what the import tells.

    Raises:
        FileNotFoundError: No store there.
    """
    path = folder / SESSIONS_FILE
    # Each writer leaves its checksums with its events: those that fit the table of sessions belong to it.
    written = sorted(folder.glob(f"events-*/{CHECKSUMS}"))
    if not path.is_file() and not written:
        raise FileNotFoundError(
            f"No session store in {str(folder)!r} (it needs {SESSIONS_FILE}; an import that was interrupted leaves "
            "none). Make one: paars sessions import LOG --format … --out DIR."
        )
    found = {SESSIONS_FILE: f"no events-*/{CHECKSUMS} is there to compare it with"}
    for sums_path in written:
        try:
            sums = read_checksums(sums_path)
        except ValueError as error:
            found = {f"{sums_path.parent.name}/{CHECKSUMS}": str(error)}
            continue
        found = damage(sums, {SESSIONS_FILE: path}, again=again)
        if not found:
            parts = {name: sums_path.parent / name for name in sums if name not in (SESSIONS_FILE, *TOLD)}
            told = {name: folder / name for name in TOLD if again and name in sums}
            faults = damage(sums, parts | told, again=again)
            return {
                name if name in told else f"{sums_path.parent.name}/{name}": fault for name, fault in faults.items()
            }
    return found


def damage_in_words(folder: Path, found: Mapping[str, str]) -> str:
    """What is wrong with a store that cannot be opened, and what to do."""
    faults = "; ".join(f"{name}: {fault}" for name, fault in found.items())
    text = f"The session store {str(folder)!r} is damaged: {faults}."
    run = folder.parent
    if folder.name == STORE_FOLDER and any((run / name).is_file() for name in (SETTINGS_FILE, LOG_FILE)):
        return f"{text} Its sessions are in the log of its run too. Write it again: paars sessions check {run} --mend."
    if SESSIONS_FILE in found or any(name.endswith(CHECKSUMS) for name in found):
        return f"{text} Nothing says which sessions are sound. {IMPORT_AGAIN}"
    return f"{text} Keep the sessions that are sound: paars sessions check {folder} --mend. Or have all: {IMPORT_AGAIN}"


def read_card(folder: Path) -> StoreCard:
    """What the footer of a store's sound table of sessions says.

    Raises:
        ValueError: It is no store's, or of another version.
    """
    path = folder / SESSIONS_FILE
    metadata = pq.read_metadata(path).metadata or {}
    if CARD_KEY not in metadata:
        raise ValueError(f"{str(path)!r} is Parquet, but no session store: its footer lacks {CARD_KEY.decode()}.")
    content: dict[str, Any] = json.loads(metadata[CARD_KEY])
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{str(folder)!r} has schema version {content.get('schema_version')}, this package reads {SCHEMA_VERSION}; "
            "import the log again."
        )
    try:
        return StoreCard.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{str(path)!r} has an unreadable footer: {error}") from error


def _before(session: Session, as_of: datetime | None) -> Session:
    if as_of is None or all(event.time is not None and event.time < as_of for event in session.events):
        return session
    kept = tuple(event for event in session.events if event.time is not None and event.time < as_of)
    return session.model_copy(update={"events": kept})
