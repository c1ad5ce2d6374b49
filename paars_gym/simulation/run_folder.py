"""The folder of one run: its settings, its log, its step records, and when another run may go on with it.

``settings.json``; ``sessions.jsonl``, simulated time only; ``steps/``, the records of steps, where they are
kept; ``telemetry.jsonl``, wall-clock time, tokens and cost; ``ledger.jsonl``, the calls of a language model; once all
sessions are accounted for ``sessions/``, the Parquet store; ``sessions.damaged``, the log's damaged lines, if any.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from paars_gym.checksums import sealed, unsealed
from paars_gym.config import NOT_COMPARED, RunConfig, ShopConfig
from paars_gym.files import write_whole
from paars_gym.llm.ledger import LEDGER_FILE, ledger_of
from paars_gym.llm.spending import Taken
from paars_gym.outputs import LOCK_INSIDE, writing
from paars_gym.sessions.event import Session
from paars_gym.sessions.open_visits import OPEN_FOLDER, PEOPLE, VISITORS
from paars_gym.sessions.opening import SIMULATED, SIMULATED_FORMAT, settings_fault, settings_in_words
from paars_gym.sessions.run_log import LogLine, loop_notes, scan
from paars_gym.sessions.store import (
    LOG_FILE,
    SESSIONS_FILE,
    SETTINGS_FILE,
    STEPS_FILE,
    STORE_FOLDER,
    TELEMETRY_FILE,
    Provenance,
    Store,
    find_damage,
)
from paars_gym.simulation.account import ACCOUNT_FILE
from paars_gym.simulation.log import Mended, mend

if TYPE_CHECKING:
    import polars as pl

DAMAGED_FILE = "sessions.damaged"
SESSIONS_AT_ONCE, PART_EVENTS = 1_000, 200_000
"""Of the Parquet store: small, because the run's shop is in memory as well."""
LEDGER_ABOVE = 3
"""Folders up to which the ledger of a run may lie above it: an arm, of a test, of a backtest or a task."""
STEPS_FOLDER = STEPS_FILE.partition("/")[0]
NOT_YET_A_RUN = {LOCK_INSIDE, SETTINGS_FILE + ".new"}
BEGUN = NOT_YET_A_RUN | {SETTINGS_FILE, LOG_FILE, TELEMETRY_FILE, LEDGER_FILE, ACCOUNT_FILE, STEPS_FOLDER, OPEN_FOLDER}


class Fingerprints(BaseModel):
    """What of a run's settings stands in files or objects, as hashes that differ when it does.

    Attributes:
        catalog: Of its products.
        personas: How many, and a hash of them in their order.
        intentions: How many were mined, and a hash of them; or the name of what draws them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalog: str
    personas: str
    intentions: str


class Settings(BaseModel):
    """What ``settings.json`` of a run holds. Names in it are compared, and never imported.

    Attributes:
        version: Of this package.
        run: Who shopped, and how.
        shop: Where.
        policy: What the policy says shapes its sessions, beside what ``run`` says: a language model's every option.
        fingerprints: Of what ``run`` and ``shop`` name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    run: RunConfig
    shop: ShopConfig
    policy: Mapping[str, Any] = {}
    fingerprints: Fingerprints

    def compared(self) -> dict[str, Any]:
        """Settings by dotted name, of those that have to be the same when a run goes on."""
        content = self.model_dump(mode="json")
        # What these name is compared by its fingerprint, and prices change no session.
        for part, names in (("run", NOT_COMPARED | {"personas", "intentions"}), ("shop", {"catalog"})):
            content[part] = {name: value for name, value in content[part].items() if name not in names}
        if content["run"]["model"] is not None:
            del content["run"]["model"]["price"]
        run, shop = content.pop("run"), content.pop("shop")
        return dict(_flat({**run, **shop, "policy_settings": content.pop("policy"), **content}))


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        elif value not in ({}, None):
            yield f"{before}{name}", value


def provenance_of(settings: Settings | None, source: str, sessions: int = 0, *notes: str) -> Provenance:
    """What the store of a run says of itself.

    Args:
        settings: Of the run; None where they are lost.
        source: Name of its folder.
        sessions: How many it holds.
        notes: What else a reader has to know.
    """
    if settings is not None and settings.run.policy in VISITORS:
        return Provenance(
            name=source,
            synthetic=settings.run.policy != PEOPLE,
            format="paars play" if settings.run.policy == PEOPLE else "paars serve --mcp",
            source=(source,),
            sessionised="visit",
            what_is_known=SIMULATED,
            records_read=sessions,
            records_kept=sessions,
            notes=notes,
        )
    return Provenance(
        name=source if settings is None else f"{settings.run.policy}, {settings.run.condition}",
        synthetic=True,
        format=SIMULATED_FORMAT,
        source=(source,),
        sessionised="as simulated",
        what_is_known=SIMULATED,
        records_read=sessions,
        records_kept=sessions,
        notes=notes,
    )


def check_free(folder: Path, *, resume: bool) -> None:
    """Finds out, before anything is paid for, that a run cannot begin or go on in a folder.

    Raises:
        FileExistsError: It holds something else, or ``resume`` is False and it holds a run.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{str(folder)!r} is a file, must be a folder; choose another place.")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if not there <= NOT_YET_A_RUN and SETTINGS_FILE not in there:
        raise FileExistsError(f"{str(folder)!r} holds other things ({min(there)!r}, …); choose a new folder.")
    log = folder / LOG_FILE
    if not resume and log.is_file() and log.stat().st_size:
        raise FileExistsError(
            f"{str(folder)!r} holds a run already; go on with it by --resume, or choose another folder."
        )


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.log = self.path / LOG_FILE
        self.telemetry = self.path / TELEMETRY_FILE
        self.ledger = self.path / LEDGER_FILE
        self.steps = self.path / STEPS_FILE
        self.store = self.path / STORE_FOLDER

    @property
    def settings(self) -> Settings:
        """The settings of the run.

        Raises:
            FileNotFoundError: There is no run.
            ValueError: The file is damaged.
        """
        path = self.path / SETTINGS_FILE
        if not path.is_file():
            raise FileNotFoundError(f"{str(self.path)!r} holds no run; make one: paars simulate … --out DIR.")
        if fault := settings_fault(self.path):
            raise ValueError(settings_in_words(self.path, fault))
        content: dict[str, Any] = unsealed(path.read_bytes())
        if "version" not in content:
            raise ValueError(f"{str(path)!r} is of another version of paars_gym; choose another folder.")
        try:
            return Settings.model_validate(content)
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} is of paars_gym {str(content['version'])[:20]!r}, which this version cannot read; "
                "choose another folder."
            ) from error

    @contextmanager
    def opened(self, settings: Settings, *, resume: bool) -> Iterator[Mended]:
        """Begins a run or goes on with one, and keeps other processes out meanwhile.

        Args:
            settings: Of the run.
            resume: Whether a run that is there may be continued.

        Yields:
            What the log holds already.

        Raises:
            FileExistsError: There is a run and ``resume`` is False, or the folder holds something else.
            ValueError: The run there has other settings, or none that can be read.
            OSError: The folder cannot be written, or another process is at work in it.
        """
        content = settings.model_dump_json(indent=2)
        wanted = Settings.model_validate_json(content)
        self._look(wanted, resume=resume)
        with writing(self.path, kind="folder"):
            self.path.mkdir(exist_ok=True)
            # Once more: another process may have begun meanwhile.
            if not self._look(wanted, resume=resume):
                write_whole(self.path / SETTINGS_FILE, sealed(content))
            yield mend(self.log, self.path / DAMAGED_FILE, again=lambda end: end == "policy_error")

    def _look(self, wanted: Settings, *, resume: bool) -> bool:
        """Whether the folder holds a run to go on with."""
        there = {path.name for path in self.path.iterdir()} if self.path.exists() else set()
        if there <= NOT_YET_A_RUN:
            return False
        if SETTINGS_FILE not in there and LOG_FILE in there:
            raise ValueError(settings_in_words(self.path, "it is missing"))
        if SETTINGS_FILE not in there:
            raise FileExistsError(f"{str(self.path)!r} holds other things ({min(there)!r}, …); choose a new folder.")
        if self._has_no_session(there):
            return False  # its first try ended before any did, by a mistake in its settings: nothing is lost
        if not resume:
            raise FileExistsError(
                f"{str(self.path)!r} holds a run already; go on with it by --resume, or choose another folder."
            )
        former, now = self.settings.compared(), wanted.compared()
        differing = [
            f"{name} == {former.get(name)!r} there and {now.get(name)!r} now"
            for name in sorted(former.keys() | now.keys())
            if former.get(name) != now.get(name)
        ]
        if differing:
            raise ValueError(
                f"{str(self.path)!r} was begun with other settings: {'; '.join(differing)}. Give the same, or choose "
                "another folder."
            )
        return True

    def _has_no_session(self, there: set[str]) -> bool:
        if not there <= BEGUN or (self.log.is_file() and self.log.stat().st_size):
            return False
        try:
            return bool(self.settings.version)
        except ValueError:  # damaged, or of something else
            return False

    def taken(self) -> Taken:
        """What the run took of a language model, by its ledger, or by that of the test of which it is an arm."""
        own = self.path.absolute()
        for folder in (own, *own.parents[:LEDGER_ABOVE]):
            if (folder / LEDGER_FILE).is_file():
                part = "" if folder == own else own.relative_to(folder).as_posix()
                return ledger_of(folder / LEDGER_FILE).taken(part)
        return Taken()

    def is_finished(self) -> bool:
        """Whether the Parquet store stands."""
        return (self.store / SESSIONS_FILE).is_file()

    def damage_of_store(self) -> dict[str, str]:
        """See `find_damage`; empty where no store stands."""
        return find_damage(self.store) if self.is_finished() else {}

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

        places, loops = self._places()
        remaining = self._sessions_at(places)
        provenance = provenance.model_copy(update={"notes": (*provenance.notes, *loop_notes(loops))})
        with StoreWriter(self.store, overwrite=True, part_events=PART_EVENTS) as writer:
            while batch := list(islice(remaining, SESSIONS_AT_ONCE)):
                writer.add(*to_frames(batch))
            return writer.close(provenance)

    def _places(self) -> tuple[pl.DataFrame, int]:
        """Line and offset of each session, by key, in some 40 bytes each, and how many ended as loops."""
        import polars as pl

        schema = pl.Schema({"key": pl.String(), "line": pl.UInt32(), "offset": pl.UInt64(), "loop": pl.Boolean()})
        lines, places, loops = scan(self.log), [pl.DataFrame(schema=schema).drop("loop")], 0
        while rows := [self._place(line) for line in islice(lines, SESSIONS_AT_ONCE)]:
            loops += sum(is_loop for *_, is_loop in rows)
            places.append(pl.DataFrame(rows, schema=schema, orient="row").drop("loop"))
        found = pl.concat(places)
        # As a rule they are sorted: sorting would hold all of them twice.
        return found if found["key"].is_sorted() else found.sort("key"), loops

    def _place(self, line: LogLine) -> tuple[str, int, int, bool]:
        if line.fault is not None:
            raise ValueError(f"{str(self.log)!r}, line {line.number}: {line.fault}. Go on with --resume.")
        return line.key(), line.number, line.offset, line.is_loop()

    def _sessions_at(self, places: pl.DataFrame) -> Iterator[Session]:
        with self.log.open("rb") as file:
            for number, offset in places.select("line", "offset").iter_rows():
                file.seek(offset)
                yield LogLine(number, offset, file.readline(), None).session()
