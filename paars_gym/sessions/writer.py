"""A writer of stores: a store is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import polars as pl
import pyarrow.parquet as pq

from paars_gym.checksums import CHECKSUMS, write_checksums
from paars_gym.ingest.account import ACCOUNT_FILE, ReadingAccount
from paars_gym.outputs import LOCK_INSIDE, writing
from paars_gym.remote import on_this_machine
from paars_gym.sessions.event import Session
from paars_gym.sessions.rows import EVENTS, SESSIONS, to_frames
from paars_gym.sessions.store import (
    CARD_KEY,
    REJECTED_FILE,
    SCHEMA_VERSION,
    SESSIONS_FILE,
    Provenance,
    Store,
    StoreCard,
)

SESSIONS_AT_ONCE = 20_000
PART_EVENTS = 1_000_000


class StoreWriter:
    """Writes a store part by part; nothing of it is visible until `close`.

    The parts go into a folder of their own, ``events-<random>``, and ``sessions.parquet``, whose footer names it, is
    put in place last by one atomic rename: a reader finds the former store whole, or the new one. Left without
    `close`, by an exception or a crash, the writer changes nothing; what a crash leaves behind the next writer removes.
    """

    def __init__(self, folder: str | Path, *, overwrite: bool = False, part_events: int | None = None) -> None:
        """Prepares to write parts of ``part_events`` (`PART_EVENTS`) or so, each in memory until it is written.

        Raises:
            FileExistsError: The folder holds a store and ``overwrite`` is False, or holds anything else.
            OutputInUseError: Another process writes there.
            ValueError: It cannot be written.
        """
        self.folder = on_this_machine(folder)
        with ExitStack() as held:
            held.enter_context(writing(self.folder, kind="folder"))
            self._prepare(overwrite=overwrite)
            self._held = held.pop_all()
        self._part_events = part_events or PART_EVENTS
        self._events = f"events-{uuid.uuid4().hex[:12]}"
        (self.folder / self._events).mkdir(parents=True)
        self._sessions_path = self.folder / f"{self._events}.sessions"
        self._rejected_path = self.folder / f"{self._events}.rejected"
        self._account_path = self.folder / f"{self._events}.account"
        self._session_rows = pq.ParquetWriter(
            self._sessions_path, pl.DataFrame(schema=SESSIONS).to_arrow().schema, compression="zstd"
        )
        self._parts: list[str] = []
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        self._n_sessions = self._n_events = 0
        self._rejected: IO[str] | None = None

    def _prepare(self, *, overwrite: bool) -> None:
        if (self.folder / SESSIONS_FILE).exists() and not overwrite:
            raise FileExistsError(
                f"{str(self.folder)!r} holds a session store; choose another folder, or overwrite it."
            )
        foreign = [path.name for path in self.folder.iterdir() if not _ours(path)] if self.folder.exists() else []
        if foreign:
            raise FileExistsError(f"{str(self.folder)!r} holds other things ({foreign[0]!r}, …); choose a new folder.")
        self._made = not self.folder.exists()

    def add(self, events: pl.DataFrame, sessions: pl.DataFrame) -> None:
        """Appends sessions.

        Args:
            events: Rows of `EVENTS`, sorted by session and position.
            sessions: Rows of `SESSIONS`, numbered 0, 1, 2 …; they are renumbered to follow what is there.
        """
        shift = pl.col("session") + pl.lit(self._n_sessions, dtype=pl.UInt32)
        rows = sessions.select(SESSIONS.names()).with_columns(shift).cast(dict(SESSIONS))  # type: ignore[arg-type]
        self._session_rows.write_table(rows.to_arrow().cast(self._session_rows.schema))
        self._pending.append(events.select(EVENTS.names()).with_columns(shift).cast(dict(EVENTS)))  # type: ignore[arg-type]
        self._pending_rows += len(events)
        self._n_sessions += len(sessions)
        self._n_events += len(events)
        if self._pending_rows >= self._part_events:
            self._write_part()

    def reject(self, line: str) -> None:
        """Appends one line to ``rejected.jsonl``."""
        if self._rejected is None:
            self._rejected = self._rejected_path.open("w", encoding="utf-8")
        self._rejected.write(line + "\n")

    def close(self, provenance: Provenance, account: ReadingAccount | None = None) -> Store:
        """Puts the store in place, with the account of its import if there is one, and returns it."""
        self._write_part()
        card = StoreCard(
            sessions=self._n_sessions, events=self._n_events, parts=tuple(self._parts), provenance=provenance
        )
        self._session_rows.add_key_value_metadata({CARD_KEY: card.model_dump_json().encode()})
        self._session_rows.close()
        if self._rejected is not None:
            self._rejected.close()
        if account is not None:
            account.write(self._account_path)
        files = {SESSIONS_FILE: self._sessions_path}
        files |= {Path(part).name: self.folder / part for part in self._parts}
        told = {REJECTED_FILE: self._rejected_path, ACCOUNT_FILE: self._account_path}
        files |= {name: path for name, path in told.items() if path.exists()}
        write_checksums(self.folder / self._events / CHECKSUMS, files)
        for path in files.values():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        self._sessions_path.replace(self.folder / SESSIONS_FILE)
        for name, path in told.items():
            if name in files:
                path.replace(self.folder / name)
            else:
                (self.folder / name).unlink(missing_ok=True)
        self._sweep(keep=self._events)
        self._held.close()
        return Store(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sessions_path.exists():  # close() was never reached
            self._session_rows.close()
            if self._rejected is not None:
                self._rejected.close()
            shutil.rmtree(self.folder / self._events)
            self._sessions_path.unlink()
            self._rejected_path.unlink(missing_ok=True)
            self._account_path.unlink(missing_ok=True)
            if self._made:
                self.folder.rmdir()
        self._held.close()

    def _write_part(self) -> None:
        if not self._pending_rows:
            return
        path = f"{self._events}/part-{len(self._parts):05d}.parquet"
        pl.concat(self._pending).write_parquet(
            self.folder / path,
            compression_level=1,
            row_group_size=131_072,
            metadata={f"{CARD_KEY.decode()}.schema_version": str(SCHEMA_VERSION)},
        )
        self._parts.append(path)
        self._pending, self._pending_rows = [], 0

    def _sweep(self, *, keep: str) -> None:
        for path in self.folder.glob("events-*"):
            if path.name != keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_sessions(
    folder: str | Path, sessions: Iterable[Session], *, provenance: Provenance, overwrite: bool = False
) -> Store:
    """Writes sessions as a store, in their order, in memory that grows by their keys only.

    Raises:
        FileExistsError: The folder holds a store and ``overwrite`` is False, or holds anything else.
        ValueError: Two sessions have the same key.
    """
    remaining = iter(sessions)
    seen: set[str] = set()
    with StoreWriter(folder, overwrite=overwrite) as writer:
        while batch := list(islice(remaining, SESSIONS_AT_ONCE)):
            for session in batch:
                if session.key in seen:
                    raise ValueError(f"Session key {session.key!r} occurs twice; keys must be unique.")
                seen.add(session.key)
            writer.add(*to_frames(batch))
        return writer.close(provenance)


def _ours(path: Path) -> bool:
    return path.name in (SESSIONS_FILE, REJECTED_FILE, ACCOUNT_FILE, LOCK_INSIDE) or path.name.startswith("events-")
