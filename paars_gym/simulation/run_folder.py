"""What does a run leave behind, and when may another run go on with it? A folder that holds its settings and its log.

``settings.json``; ``sessions.jsonl``, simulated time only; ``telemetry.jsonl``, wall-clock time, tokens and cost; once
all sessions are accounted for ``sessions/``, the Parquet store; ``sessions.damaged``, the log's damaged lines, if any.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from paars_gym.sessions.event import Session
from paars_gym.sessions.store import SESSIONS_FILE, Provenance, Store
from paars_gym.simulation.log import LogLine, Mended, mend, scan

SETTINGS_FILE, LOG_FILE, TELEMETRY_FILE = "settings.json", "sessions.jsonl", "telemetry.jsonl"
STORE_FOLDER, DAMAGED_FILE, LOCK_FILE = "sessions", "sessions.damaged", "lock"
SESSIONS_AT_ONCE, PART_EVENTS = 4_000, 200_000
"""Of the Parquet store: small, because the run's shop is in memory as well."""
NOT_YET_A_RUN = {LOCK_FILE, SETTINGS_FILE + ".new"}


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.log = self.path / LOG_FILE
        self.telemetry = self.path / TELEMETRY_FILE
        self.store = self.path / STORE_FOLDER

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the run.

        Raises:
            FileNotFoundError: There is no run.
            ValueError: The file is damaged.
        """
        path = self.path / SETTINGS_FILE
        if not path.is_file():
            raise FileNotFoundError(f"{str(self.path)!r} holds no run; make one: paars simulate … --out DIR.")
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{str(path)!r} is damaged ({error}); choose another folder.") from error
        return content

    @contextmanager
    def opened(self, settings: Mapping[str, Any], *, resume: bool) -> Iterator[Mended]:
        """Begins a run or goes on with one, and keeps other processes out meanwhile.

        Args:
            settings: Of the run, as JSON can hold them.
            resume: Whether a run that is there may be continued.

        Yields:
            What the log holds already.

        Raises:
            FileExistsError: There is a run and ``resume`` is False, or the folder holds something else.
            ValueError: The run there has other settings.
            OSError: The folder cannot be written, or another process is at work in it.
        """
        wanted = json.loads(json.dumps(settings))
        self._look(wanted, resume=resume)
        self.path.mkdir(parents=True, exist_ok=True)
        with _locked(self.path / LOCK_FILE):
            # Once more: another process may have begun meanwhile.
            if not self._look(wanted, resume=resume):
                draft = self.path / (SETTINGS_FILE + ".new")
                draft.write_text(json.dumps(wanted, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
                draft.replace(self.path / SETTINGS_FILE)
            yield mend(self.log, self.path / DAMAGED_FILE, again=lambda end: end == "policy_error")

    def _look(self, wanted: dict[str, Any], *, resume: bool) -> bool:
        """Whether the folder holds a run to go on with."""
        there = {path.name for path in self.path.iterdir()} if self.path.exists() else set()
        if there <= NOT_YET_A_RUN:
            return False
        if SETTINGS_FILE not in there:
            raise FileExistsError(f"{str(self.path)!r} holds other things ({min(there)!r}, …); choose a new folder.")
        if not resume:
            raise FileExistsError(
                f"{str(self.path)!r} holds a run already; go on with it by --resume, or choose another folder."
            )
        found = self.settings
        differing = [
            f"{name} == {found.get(name)!r} there and {wanted.get(name)!r} now"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]
        if differing:
            raise ValueError(
                f"{str(self.path)!r} was begun with other settings: {'; '.join(differing)}. Give the same, or choose "
                "another folder."
            )
        return True

    def is_finished(self) -> bool:
        """Whether the Parquet store stands."""
        return (self.store / SESSIONS_FILE).is_file()

    def reopen(self) -> None:
        """Takes the Parquet store away, because more sessions are about to be logged."""
        if self.store.exists():
            shutil.rmtree(self.store)

    def finish(self, provenance: Provenance) -> Store:
        """Writes the Parquet store from the log, sessions sorted by key.

        Raises:
            ValueError: The log is damaged; resuming mends it.
        """
        from paars_gym.sessions.rows import to_frames
        from paars_gym.sessions.writer import StoreWriter

        remaining = self._sorted_sessions()
        with StoreWriter(self.store, overwrite=True, part_events=PART_EVENTS) as writer:
            while batch := list(islice(remaining, SESSIONS_AT_ONCE)):
                writer.add(*to_frames(batch))
            return writer.close(provenance)

    def _sorted_sessions(self) -> Iterator[Session]:
        places = []
        for line in scan(self.log):
            if line.fault is not None:
                raise ValueError(f"{str(self.log)!r}, line {line.number}: {line.fault}. Go on with --resume.")
            places.append((line.key(), line.number, line.offset))
        places.sort()
        with self.log.open("rb") as file:
            for _, number, offset in places:
                file.seek(offset)
                yield LogLine(number, offset, file.readline(), None).session()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows has none; two runs in one folder are then the user's lookout
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"Another process is at work in {str(path.parent)!r}; wait for it to end.") from None
        yield
