"""What is damaged in the folder of a run, in words, and what of it can be made again from the rest.

The log and the Parquet store hold the same sessions: each mends the other. What neither holds has to be played again.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from paars_gym.files import make_private, written_whole
from paars_gym.outputs import writing
from paars_gym.sessions import mending
from paars_gym.sessions.event import Session
from paars_gym.sessions.open_visits import VISITORS
from paars_gym.sessions.opening import settings_fault
from paars_gym.sessions.run_log import LogLine, encode, scan
from paars_gym.sessions.store import (
    LOG_FILE,
    SETTINGS_FILE,
    STEPS_FILE,
    STORE_FOLDER,
    Provenance,
    Store,
    find_damage,
    read_card,
)
from paars_gym.simulation.run_folder import DAMAGED_FILE, RunFolder, provenance_of
from paars_gym.simulation.steps import StepReader, mend_steps


class MendedRun(NamedTuple):
    """What `mend_run` did.

    Attributes:
        found: What was wrong, in words, by file.
        sessions: How many the run holds now.
        to_play: How many it lacks, which going on with it plays; 0 where its settings are lost, and nobody knows.
    """

    found: dict[str, str]
    sessions: int
    to_play: int


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, be it without its settings."""
    return (folder / SETTINGS_FILE).is_file() or (folder / LOG_FILE).is_file()


def damage_of_run(path: Path) -> dict[str, str]:
    """What is wrong with the files of a run, in words, by name; empty for a sound one, finished or not.

    Every byte of settings, log, store and step records is read. The line that a killed process left unfinished at the
    end of a log is no damage.
    """
    folder, found = RunFolder(path), {}
    if fault := settings_fault(path):
        found[SETTINGS_FILE] = fault
    lines = _lines(folder)
    good = {line.key() for line in lines if line.fault is None}
    bad = [f"line {line.number} ({line.fault})" for line in lines if line.fault not in (None, "cut off")]
    if bad:
        found[LOG_FILE] = ", ".join(bad)
    planned = _planned(folder)
    in_store = _damage_of_store(folder)
    found |= {f"{STORE_FOLDER}/{name}": fault for name, fault in in_store.items()}
    if not folder.is_finished() and not in_store and planned is not None and len(good) >= planned:
        found[STORE_FOLDER] = "it is missing, and all sessions are in the log"
    if folder.is_finished() and not in_store and len(good) < len(Store(folder.store)):
        lacking = f"it lacks {len(Store(folder.store)) - len(good):,} of {len(Store(folder.store)):,} sessions"
        found[LOG_FILE] = "; ".join(filter(None, [found.get(LOG_FILE), lacking]))
    if fault := _damage_of_steps(folder, good):
        found[STEPS_FILE] = fault
    return found


def mend_run(path: Path) -> MendedRun:
    """Writes again what can be made from the rest: the log from the store, the store from the log.

    What is damaged is set aside: lines of the log in ``sessions.damaged``, step records in ``<file>.damaged``, settings
    in ``settings.damaged``. Without settings a run cannot go on; its sessions are kept as a store.

    Raises:
        OutputInUseError: The run is at work.
    """
    folder = RunFolder(path)
    with writing(path):
        found = damage_of_run(path)
        rescued = _rescued(folder) if found else {}
        provenance = _provenance(folder) if found else Provenance()
        if SETTINGS_FILE in found and (path / SETTINGS_FILE).exists():
            (path / SETTINGS_FILE).replace(path / "settings.damaged")
        if found:
            _mend_log(folder, rescued)
        mend_steps(folder.steps)
        sessions, planned = sum(line.fault is None for line in _lines(folder)), _planned(folder)
        complete = planned is None or sessions >= planned
        if found and complete:
            folder.finish(provenance)
        elif not complete and folder.store.exists():
            folder.reopen()
    return MendedRun(found, sessions, 0 if planned is None else max(planned - sessions, 0))


def _lines(folder: RunFolder) -> list[LogLine]:
    """Those of the log; a good one is one that holds a session."""
    lines: list[LogLine] = []
    for line in scan(folder.log) if folder.log.is_file() else ():
        try:
            if line.fault is None:
                line.session()
            lines.append(line)
        except ValueError as fault:
            lines.append(line._replace(fault=str(fault)))
    return lines


def _planned(folder: RunFolder) -> int | None:
    """How many sessions the run is to have; None where nobody knows, or visitors come as they like."""
    try:
        run = folder.settings.run
        return None if run.policy in VISITORS else run.sessions
    except (OSError, ValueError):
        return None


def _damage_of_store(folder: RunFolder) -> dict[str, str]:
    try:
        return find_damage(folder.store, again=True)
    except FileNotFoundError:  # not finished
        return {}


def _damage_of_steps(folder: RunFolder, sessions: set[str]) -> str:
    if not folder.steps.is_file():
        return ""
    damaged = StepReader(folder.steps).damaged()
    lacking = len(sessions - set(StepReader(folder.steps).keys())) if sessions and damaged else 0
    return f"{', '.join(damaged)}: the steps of {lacking:,} sessions are lost" if damaged else ""


def _rescued(folder: RunFolder) -> dict[str, Session]:
    """The sessions of sound parts of the store, by key."""
    try:
        mending.mend(folder.store)
        return {session.key: session for session in Store(folder.store)}
    except (OSError, ValueError):
        return {}


def _provenance(folder: RunFolder) -> Provenance:
    try:
        return read_card(folder.store).provenance
    except (OSError, ValueError):
        pass
    try:
        return provenance_of(folder.settings, folder.path.name)
    except (OSError, ValueError):
        return provenance_of(None, folder.path.name)


def _mend_log(folder: RunFolder, rescued: dict[str, Session]) -> None:
    lines = _lines(folder)
    bad = [line.raw for line in lines if line.fault not in (None, "cut off")]
    there = {line.key() for line in lines if line.fault is None}
    if not bad and not rescued.keys() - there:
        return
    with written_whole(folder.log, binary=True, private=True) as log:
        for line in lines:
            if line.fault is None:
                log.write(line.raw)
        for key in sorted(rescued.keys() - there):
            log.write(encode(rescued[key]))
    if bad:
        with make_private(folder.path / DAMAGED_FILE).open("ab") as aside:
            aside.writelines(bad)
