"""Opening sessions: a store, the folder of a run (finished or not), or a list in memory."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from paars_gym.checksums import unsealed
from paars_gym.remote import child, is_remote, list_files, local_copy, url_of
from paars_gym.sessions.event import Session
from paars_gym.sessions.open_visits import PEOPLE, VISITORS, open_visits
from paars_gym.sessions.parts import FramePart, LogPart, lines_parts, parts_of, store_parts
from paars_gym.sessions.rows import to_frames
from paars_gym.sessions.run_log import loop_notes, read_log, scan
from paars_gym.sessions.run_shards import with_shards
from paars_gym.sessions.store import LOG_FILE, SESSIONS_FILE, SETTINGS_FILE, STORE_FOLDER, Provenance, Store
from paars_gym.sessions.writer import write_sessions

EVERYTHING = ("searches", "views", "carts", "purchases", "pages", "filters", "sorts")
SIMULATED = (*EVERYTHING, "products", "intentions")
SIMULATED_FORMAT = "paars simulate"
NOT_FINISHED = "The run has not finished: these are its sessions so far."

Source = Store | str | Path | Iterable[Session]


def open_store(source: Store | str | Path) -> Store:
    """The store in a folder, or that of the run in it.

    The sessions so far of a run that has not finished are written to a temporary store, which lasts as long as the
    process; its notes say so.

    Raises:
        FileNotFoundError: Neither a store nor a run there.
        ValueError: It is damaged, or of another version.
    """
    if isinstance(source, Store):
        return source
    folder = local_folder(source)
    if not (folder / SETTINGS_FILE).is_file() and not (folder / LOG_FILE).is_file():
        return Store(folder)
    if fault := settings_fault(folder):
        raise ValueError(settings_in_words(folder, fault))
    if (folder / STORE_FOLDER / SESSIONS_FILE).is_file():
        return Store(folder / STORE_FOLDER)
    log = folder / LOG_FILE
    provenance = so_far(folder, sum(line.is_loop() for line in scan(log)) if log.is_file() else 0)
    scratch = tempfile.mkdtemp(prefix="paars-sessions-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    logged = read_log(log) if log.is_file() else ()
    unended = (visit.session for visit in open_visits(folder)) if _who(folder) else ()
    return write_sessions(Path(scratch) / STORE_FOLDER, chain(logged, unended), provenance=provenance)


def so_far(folder: Path, loops: int) -> Provenance:
    """Of the sessions of a run that has not finished, so many of which ended as loops."""
    who = _who(folder)
    go_on = "paars play --web, or paars serve --mcp, with the same --out" if who else "paars simulate … --resume"
    return Provenance(
        name=folder.name,
        synthetic=who != PEOPLE,
        format="paars play" if who == PEOPLE else "paars serve --mcp" if who else SIMULATED_FORMAT,
        sessionised="visit" if who else "as simulated",
        what_is_known=SIMULATED,
        notes=(f"{NOT_FINISHED} Go on with it: {go_on}.", *loop_notes(loops)),
    )


def local_folder(place: str | Path) -> Path:
    """The folder of a store or of a run on this machine: a path as it is, a URL as a copy, with the shards of a run.

    Raises:
        FileNotFoundError: There is nothing at the URL.
        OSError: It cannot be reached, or may not be read.
    """
    return with_shards(local_copy(place))


def _who(folder: Path) -> str:
    """Who visits in a folder where nobody is simulated; empty for a run."""
    run = run_settings(folder).get("run")
    policy = run.get("policy") if isinstance(run, Mapping) else None
    return policy if isinstance(policy, str) and policy in VISITORS else ""


def read_sessions(folder: str | Path) -> list[Session]:
    """All sessions of a store or of a run, in memory; `Store` reads millions one at a time.

    Raises:
        FileNotFoundError: Neither a store nor a run there.
        ValueError: It is damaged, or of another version.
    """
    return list(open_store(folder))


class SessionFrames(NamedTuple):
    """Sessions as frames.

    Attributes:
        events: Of schema `EVENTS`.
        sessions: Of schema `SESSIONS`.
        parts: The events again, piece by piece.
        provenance: Where they come from. Sessions in memory count as recording everything.
    """

    events: pl.LazyFrame
    sessions: pl.LazyFrame
    parts: tuple[LogPart, ...]
    provenance: Provenance


def open_frames(source: Source) -> SessionFrames:
    """Sessions as frames, lazily where they lie in a store.

    Raises:
        FileNotFoundError: Neither a store nor a run there.
        ValueError: It is damaged, or of another version.
    """
    if isinstance(source, Store | str | Path):
        store = open_store(source)
        return SessionFrames(store.scan(), store.scan_sessions(), parts_of(store), store.provenance)
    events, sessions = (frame.lazy() for frame in to_frames(source))
    parts = (FramePart(events, sessions),)
    return SessionFrames(events, sessions, parts, Provenance(name="sessions", what_is_known=EVERYTHING))


class SessionParts(NamedTuple):
    """Sessions as parts, each to be read where it is wanted.

    Attributes:
        parts: The events.
        sessions: The table; None where the parts are lines of a run's log, which have it in them.
        provenance: Where they come from; of lines see `so_far`.
    """

    parts: tuple[Any, ...]
    sessions: pl.LazyFrame | None
    provenance: Provenance


def open_parts(source: Source, *, elsewhere: bool = False) -> SessionParts:
    """Sessions as parts.

    Args:
        source: See `open_frames`.
        elsewhere: The parts are read, and compared with their checksums, by other processes, perhaps on other
            machines: a run that has not finished is then no temporary store of this one.

    Raises:
        FileNotFoundError: Neither a store nor a run there.
        ValueError: It is damaged, or of another version.
    """
    if elsewhere and isinstance(source, Store | str | Path):
        place = source.folder if isinstance(source, Store) else url_of(source) or Path(source)
        run_settings(place)
        for folder in (child(place, STORE_FOLDER), place):
            if _is_there(child(folder, SESSIONS_FILE)):
                provenance, sessions, parts = store_parts(folder)
                return SessionParts(parts, sessions, provenance)
        here = Path(place)
        if not is_remote(place) and (here / SETTINGS_FILE).is_file() and (here / LOG_FILE).is_file():
            lines = () if _who(here) else lines_parts(here / LOG_FILE)
            if lines:
                return SessionParts(lines, None, so_far(here, 0))
    frames = open_frames(source)
    return SessionParts(frames.parts, frames.sessions, frames.provenance)


def _is_there(place: str | Path) -> bool:
    return bool(list_files(place)) if is_remote(place) else Path(place).is_file()


def run_settings(folder: str | Path) -> Mapping[str, Any]:
    """The settings of the run in a folder, as they are in its file; empty when it holds no run.

    Raises:
        ValueError: The file is damaged.
    """
    if is_remote(folder):
        place = child(folder, SETTINGS_FILE)
        if not list_files(place):
            return {}
        folder = local_copy(place).parent
    folder = Path(folder)
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return {}
    if fault := settings_fault(folder):
        raise ValueError(settings_in_words(folder, fault))
    content: dict[str, Any] = unsealed(path.read_bytes())
    return content


def settings_fault(folder: Path) -> str:
    """What is wrong with the settings of the run in a folder, in words; empty for sound ones, of whatever version."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        # The sessions that were written as a store can be read without.
        return "" if (folder / STORE_FOLDER / SESSIONS_FILE).is_file() else "it is missing"
    try:
        content = unsealed(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError(f"a {type(content).__name__}, not an object")
    except (ValueError, RecursionError) as error:
        return f"it is not as it was written ({error})"
    return ""


def settings_in_words(folder: Path, fault: str) -> str:
    """Why the run in a folder cannot go on, and what to do."""
    return (
        f"The run {str(folder)!r} is damaged: {SETTINGS_FILE}: {fault}. Nobody knows how it was begun, so that it "
        f"cannot go on. Keep its sessions: paars sessions check {folder} --mend; play others into another folder."
    )
