"""Where the parts of a log lie, so that whoever reads one need not have the others: Parquet of a store, lines of a run.

A part holds whole sessions, in the order of their numbers. It can be sent to another process: what is sent is its
place, never what lies there (but for sessions that are in memory only).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import polars as pl

from paars_gym.checksums import CHECKSUMS, FileSum, damage, read_checksums
from paars_gym.remote import child, is_remote, list_files, local_copy
from paars_gym.sessions.event import Session
from paars_gym.sessions.rows import to_frames
from paars_gym.sessions.run_log import LogLine, scan
from paars_gym.sessions.store import SESSIONS_FILE, Provenance, Store, damage_in_words, find_damage, read_card

LINES_BYTES = 16 << 20
"""Of a run's log in one part: some ten thousand sessions."""
Work = Callable[[Any, Any], Any]
"""A function of what all pieces share, and a piece; it stands in a module, so that other processes find it."""
Spread = Callable[[Work, Any, Sequence[Any]], Iterator[Any]]
"""Does work on pieces, here or elsewhere, and gives the results in their order."""


def in_this_process(work: Work, shared: Any, pieces: Sequence[Any]) -> Iterator[Any]:
    """The `Spread` that spreads nothing."""
    return map(partial(work, shared), pieces)


class LogPart(Protocol):
    """Whole sessions of a log."""

    def events(self) -> pl.LazyFrame:
        """Of schema `EVENTS`."""
        ...

    def sessions(self, low: int, high: int) -> pl.DataFrame:
        """Rows of the session table, from number ``low`` up to ``high`` without it."""
        ...


class FramePart(NamedTuple):
    """Sessions in memory."""

    held: pl.LazyFrame
    table: pl.LazyFrame

    def events(self) -> pl.LazyFrame:
        return self.held

    def sessions(self, low: int, high: int) -> pl.DataFrame:
        return self.table.slice(low, high - low).collect()


class StorePart(NamedTuple):
    """A Parquet file of a store.

    Attributes:
        folder: Of the store, or its URL: each machine then copies the parts that it reads into its cache.
        name: The file in it.
        written: Its checksum, to be compared with it by whoever reads it; None where that is done.
    """

    folder: Path | str
    name: str
    written: FileSum | None = None

    def events(self) -> pl.LazyFrame:
        path = local_copy(child(self.folder, self.name))
        if self.written is not None:
            found = damage({self.name: self.written}, {self.name: path})
            if found:
                raise ValueError(damage_in_words(Path(self.folder), found))
        return pl.scan_parquet(path, glob=False)

    def sessions(self, low: int, high: int) -> pl.DataFrame:
        table = local_copy(child(self.folder, SESSIONS_FILE))
        return pl.scan_parquet(table, glob=False).slice(low, high - low).collect()


class LinesPart(NamedTuple):
    """Some lines of a run's log.

    Attributes:
        path: Of the log.
        start: Offset of the first byte.
        end: Offset behind the last one.
        first: Number of its first session; 0 until the parts before it are counted.
    """

    path: Path
    start: int
    end: int
    first: int = 0

    def events(self) -> pl.LazyFrame:
        shifted = pl.col("session") + pl.lit(self.first, dtype=pl.UInt32)
        return self.frames()[0].lazy().with_columns(shifted)

    def sessions(self, low: int, high: int) -> pl.DataFrame:
        return self.frames()[1].slice(low - self.first, high - low)

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Its sessions as frames, numbered from 0.

        Raises:
            ValueError: A line is damaged.
        """
        return to_frames(self._read())

    def loops(self) -> int:
        """How many of its sessions ended as a loop."""
        return sum(line.is_loop() for line in self.lines())

    def lines(self) -> Iterator[LogLine]:
        """Good and bad ones; their numbers begin with 1 here."""
        return scan(self.path, self.start, self.end)

    def _read(self) -> Iterable[Session]:
        for line in self.lines():
            if line.fault is None:
                yield line.session()
            elif line.fault != "cut off":
                raise ValueError(
                    f"{self.path} is damaged: the line at byte {line.offset:,} ({line.fault}). The other lines are "
                    "good; paars simulate … --resume sets the damaged ones aside and plays their sessions again."
                )


def store_parts(folder: Path | str) -> tuple[Provenance, pl.LazyFrame, tuple[StorePart, ...]]:
    """A store of which only the table of sessions is read here: where it comes from, the table, and the parts.

    Args:
        folder: Of the store, or its URL.

    Raises:
        FileNotFoundError: No store there.
        ValueError: The table is damaged, or of another version.
    """
    names = list_files(folder) if is_remote(folder) else _files_of(Path(folder))
    table = local_copy(child(folder, SESSIONS_FILE))
    for name in sorted(names):
        if not re.fullmatch(rf"events-[^/]+/{CHECKSUMS}", name):
            continue
        try:
            sums = read_checksums(local_copy(child(folder, name)))
        except ValueError:
            continue
        if not damage(sums, {SESSIONS_FILE: table}):
            card = read_card(table.parent)
            parts = tuple(StorePart(folder, part, sums.get(Path(part).name)) for part in card.parts)
            return card.provenance, pl.scan_parquet(table, glob=False), parts
    place = local_copy(folder)
    raise ValueError(damage_in_words(place, find_damage(place)))


def _files_of(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.glob(f"events-*/{CHECKSUMS}")]


def parts_of(store: Store) -> tuple[StorePart, ...]:
    """The parts of a store that was opened, and so compared with its checksums."""
    return tuple(StorePart(store.folder, part) for part in store.card.parts)


def lines_parts(path: Path, *, most_bytes: int = LINES_BYTES) -> tuple[LinesPart, ...]:
    """A log in parts of whole lines, of which only a few bytes are read here."""
    size = path.stat().st_size
    parts, start = [], 0
    with path.open("rb") as file:
        while start < size:
            file.seek(min(start + most_bytes, size) - 1)
            file.readline()
            parts.append(LinesPart(path, start, file.tell()))
            start = file.tell()
    return tuple(parts)
