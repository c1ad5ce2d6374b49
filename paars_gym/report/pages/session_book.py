"""A run folder or that of an A/B test as a book of sessions: a list read once, and each session when it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from paars_gym.catalog.load import load_catalog
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import Persona, render
from paars_gym.personas.store import read_personas
from paars_gym.remote import is_remote
from paars_gym.report.pages.session_pages import (
    NO_PAGES,
    REBUILT,
    UNLIKE,
    PairView,
    SessionView,
    event_views,
    paired,
    step_views,
    told_before,
)
from paars_gym.report.pages.session_rows import BookRow, SessionRow, row_of
from paars_gym.sessions.opening import local_folder
from paars_gym.sessions.run_log import scan
from paars_gym.shop.shop import Shop
from paars_gym.simulation.default_people import default_people
from paars_gym.simulation.read_run import Run
from paars_gym.simulation.rebuild import Rebuilder
from paars_gym.simulation.run_folder import RunFolder, Settings
from paars_gym.simulation.schedule import fingerprint

RUN_ARMS = ("control", "treatment")


@dataclass(frozen=True)
class Beside:
    """What a run folder only names, where the caller knows more.

    Attributes:
        catalog: Where the products of the run lie.
        personas: File of the personas.
        shops: Open shops, by arm.
    """

    catalog: str | Path | Catalog | None = None
    personas: Path | None = None
    shops: Mapping[str, Shop] | None = None


def is_test(folder: str | Path) -> bool:
    """Whether a folder holds the two arms of an A/B test."""
    return all(RunFolder(Path(folder) / arm).log.is_file() for arm in RUN_ARMS)


class SessionBook:
    """The sessions of a run, or of both arms of a test in pairs.

    Attributes:
        arms: Names of the arms; one empty name for a run.
        runs: Of the arms.
        rows: The list, in order of keys.
    """

    def __init__(self, folder: str | Path, beside: Beside = Beside()) -> None:
        """Reads the list.

        Raises:
            FileNotFoundError: There is neither a run nor a test.
            ValueError: Its settings are damaged.
        """
        self.folder = local_folder(folder)
        self.arms = RUN_ARMS if is_test(self.folder) else ("",)
        self.runs = tuple(Run(self.folder / arm) for arm in self.arms)
        self._beside = beside
        shops = beside.shops or {}
        self._rebuilders = tuple(
            Rebuilder(run.settings, catalog=beside.catalog, shop=shops.get(arm))
            for arm, run in zip(self.arms, self.runs, strict=True)
        )
        by_arm = [dict(self._rows_of(arm)) for arm in self.arms]
        keys = sorted(set.intersection(*(set(rows) for rows in by_arm)))
        self.rows = [BookRow(tuple(rows[key] for rows in by_arm)) for key in keys]
        self.unpaired = sum(len(rows) for rows in by_arm) - len(keys) * len(self.arms)
        self._places = {key: place for place, key in enumerate(keys)}

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def open(self, key: str) -> PairView:
        """One visit, step by step.

        Raises:
            KeyError: There is no such visit.
        """
        if key not in self._places:
            raise KeyError(f"No session {key!r} in {str(self.folder)!r}, which has {len(self):,} of them.")
        return paired([self._session(number, key) for number in range(len(self.arms))])

    def row(self, key: str) -> BookRow:
        """The line of a visit.

        Raises:
            KeyError: There is no such visit.
        """
        return self.rows[self._places[key]]

    def beside(self, key: str) -> tuple[str, str]:
        """The keys before and after one; empty at either end.

        Raises:
            KeyError: There is no such visit.
        """
        place = self._places[key]
        before, after = self.rows[max(place - 1, 0) : place], self.rows[place + 1 : place + 2]
        return before[0].key if before else "", after[0].key if after else ""

    @cached_property
    def has_steps(self) -> bool:
        """Whether the run kept step records."""
        return all(RunFolder(self.folder / arm).steps.is_file() for arm in self.arms)

    def why_no_pages(self) -> str:
        """Why pages can neither be read nor rebuilt, in a sentence; empty when they can."""
        return "" if self.has_steps else next((one.why_not for one in self._rebuilders if one.why_not), "")

    @cached_property
    def personas(self) -> Mapping[str, Persona]:
        """The run's personas by shopper; empty where shoppers were told of none, and where nobody knows them."""
        settings = self.runs[0].settings
        if settings.run.condition == "base":
            return {}
        for personas in self._candidates(settings):
            if f"{len(personas)}, {fingerprint(personas)}" == settings.fingerprints.personas:
                return {persona.shopper: persona for persona in personas}
        return {}

    def _candidates(self, settings: Settings) -> Iterator[list[Persona]]:
        given, named = self._beside.personas, settings.run.personas
        if given is not None:
            yield list(read_personas(given))
        if isinstance(named, str) and (is_remote(named) or Path(named).is_file()):
            with suppress(ValueError, OSError, ImportError):  # another file by now, or out of reach
                yield list(read_personas(named))
        catalog = self._catalog(settings)
        if catalog is not None and (named is None or " Persona" in str(named)):
            yield list(default_people(catalog)[0])

    def _catalog(self, settings: Settings) -> Catalog | None:
        name = str(settings.shop.catalog).removesuffix(f" ({settings.fingerprints.catalog})")
        try:
            return load_catalog(self._beside.catalog or name)
        except (OSError, ValueError, ImportError):
            return None

    def _rows_of(self, arm: str) -> Iterator[tuple[str, SessionRow]]:
        folder = RunFolder(self.folder / arm)
        told = dict(read_telemetry(folder.telemetry))
        for line in scan(folder.log) if folder.log.is_file() else ():
            if line.fault is None:
                session = line.session()
                persona = self.personas.get(session.shopper)
                yield session.key, row_of(session, line.cause(), told.get(session.key, {}), persona)

    def _session(self, number: int, key: str) -> SessionView:
        played = self.runs[number].session(key)
        session, records, note = played.session, played.steps, ""
        steps = step_views(records)
        if not records:
            rebuilder = self._rebuilders[number]
            if rebuilder.why_not:
                steps, note = event_views(session), NO_PAGES.format(why=rebuilder.why_not)
            else:
                rebuilt = rebuilder.steps(session)
                steps, note = step_views(rebuilt.steps), REBUILT if rebuilt.same else f"{REBUILT} {UNLIKE}"
        persona, condition = self.personas.get(session.shopper), self.runs[number].settings.run.condition
        need = session.intention
        return SessionView(
            row=self.row(key).sessions[number],
            arm=self.arms[number],
            persona="" if persona is None else render(persona, condition),
            told=told_before(records),
            steps=steps,
            note=note,
            budget="" if need is None or need.budget is None else f"at most {need.budget:,.2f}",
        )


def read_telemetry(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The last line of each session; a last one that a killed process left is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                content = json.loads(line)
                yield str(content["session"]), content
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
