"""Session generation: whole sessions of shoppers with and without personas, compared with people's (Tables 2 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.scoring import score
from paars_gym.catalog.store import Catalog
from paars_gym.config import Condition, RunConfig, ShopConfig
from paars_gym.estimate import Detail, Tabular
from paars_gym.llm.dry_run import Forecast
from paars_gym.personas.intentions import MinedIntention, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.sessions.split import split_by_time
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.shoppers.registry import SHOPPERS
from paars_gym.simulation.default_people import HELD_OUT_FROM, default_people
from paars_gym.simulation.forecast import forecast_run
from paars_gym.simulation.result import PolicyFailedError
from paars_gym.simulation.run import run as simulate
from paars_gym.tasks.people import JourneyPeople, MiniPeople, ReferencePeople
from paars_gym.tasks.query_results import measure_row

SESSION_CONDITIONS: dict[str, Condition] = {"baseline": "base", "agents": "persona"}
"""By the role in the report."""


class SessionResults(Tabular, BaseModel):
    """Sessions of a shopper, with and without personas, against those of people.

    Attributes:
        headline: What ran, and what did not.
        policy: Who shopped.
        people: Whom they are compared with.
        label: Whether these are real or synthetic, as heads of tables say it.
        report: Of the shopper with personas, the one without as baseline.
        notes: What a reader has to know of these people.
    """

    model_config = ConfigDict(frozen=True)
    SHOWN: ClassVar[tuple[str, ...]] = ("shopper", "metric", "estimate", "unit", "floor", "verdict")

    headline: str
    policy: str
    people: str
    label: str
    report: AlignmentReport
    notes: tuple[str, ...] = ()

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each number of each population."""
        return [measure_row(each) for each in self.report.measures]

    def summary(self) -> str:
        """Who, and whom they are compared with."""
        return f"Session generation, {self.policy}, {self.people}"


def generate_sessions(
    people: ReferencePeople,
    run: RunConfig,
    out: Path,
    *,
    embedder: str | None = "minilm-int8",
    progress: Callable[[str], None] = lambda _: None,
) -> SessionResults:
    """Simulates a policy with and without personas in the people's shop, and scores both.

    Args:
        people: Whose sessions, catalog and, where they are known, personas and intentions.
        run: Policy, model, budget, seed and ``sessions`` of each population.
        out: Folder for the runs and the people's sessions; made if absent, and a run in it is resumed.
        embedder: Name for `load_embedder`; None compares no words.
        progress: Told what is going on.

    Raises:
        ImportError: The embedder is missing.
        ValueError: ``out`` holds runs with other settings, or the log records nothing of sessions.
        PolicyFailedError: The policy raised in more than a tenth of the sessions.
    """
    if not {"searches", "views", "purchases"} & set(people.known):
        people.require("Session generation", "searches", "views", "purchases")
    out.mkdir(parents=True, exist_ok=True)
    progress(f"{people.name}: their sessions")
    catalog = people.catalog
    reference = _sessions_of(people, out)
    personas, intentions = _visitors(people, reference, run)
    for condition in SESSION_CONDITIONS.values():
        progress(f"{people.name}: {run.sessions:,} {run.policy} shoppers, {condition}")
        population = run.model_copy(update={"condition": condition, "personas": personas, "intentions": intentions})
        result = simulate(out / f"{_short(people)}-{condition}", population, ShopConfig(catalog=catalog), resume=True)
        if result.stopped:
            raise ValueError(
                f"{result.stopped} {result.done:,} of {result.planned:,} sessions are kept in {result.folder}."
            )
        if result.complaint:
            raise PolicyFailedError(f"{result.complaint}: nothing is scored.")
    progress("scoring")
    with_personas, alone = (out / f"{_short(people)}-{name}" for name in ("persona", "base"))
    report = score(reference, with_personas, baseline=alone, embedder=embedder)
    offline = "No language model ran: the" if run.policy in set(SHOPPERS) - {"llm"} else "The"
    return SessionResults(
        headline=f"{offline} shoppers are {run.policy}, with and without a persona.",
        policy=str(run.policy),
        people=people.name,
        label=people.label,
        report=report,
        notes=people.notes if isinstance(people, MiniPeople) else (),
    )


def forecast_sessions(people: ReferencePeople, run: RunConfig) -> dict[str, Forecast]:
    """What either population would take of a language model, by condition; nothing is sent."""
    with TemporaryDirectory() as folder:
        personas, intentions = _visitors(people, _sessions_of(people, Path(folder)), run)
    asked = run.model_copy(update={"personas": personas, "intentions": intentions})
    return {
        f"{run.policy}, {condition}": forecast_run(
            asked.model_copy(update={"condition": condition}), ShopConfig(catalog=people.catalog)
        )
        for condition in SESSION_CONDITIONS.values()
    }


def _short(people: ReferencePeople) -> str:
    return {MiniPeople: "mini", JourneyPeople: "journey"}.get(type(people), "log")


def _sessions_of(people: ReferencePeople, out: Path) -> Store:
    """The sessions that shoppers are compared with; of the households those after what personas know."""
    if isinstance(people, MiniPeople):
        folder = out / "mini-people"
        return write_sessions(folder, people.source, provenance=people.world.provenance, overwrite=True)
    assert isinstance(people.source, Store)
    if not isinstance(people, JourneyPeople):
        return people.source
    if not (out / "journey-people" / "test").exists():
        split_by_time(people.source, out / "journey-people", at=HELD_OUT_FROM)
    return Store(out / "journey-people" / "test")


def _visitors(
    people: ReferencePeople, reference: Store, run: RunConfig
) -> tuple[list[Persona] | tuple[Persona, ...], list[MinedIntention]]:
    """Who shops, and what for: the same needs as the people's, so that what differs is how they go about them."""
    if isinstance(people, MiniPeople):
        return people.world.personas, people.world.mined_intentions(run.sessions)
    catalog: Catalog = people.catalog
    if isinstance(people, JourneyPeople):
        personas, intentions = default_people(catalog)
        return list(personas), list(intentions)
    personas = list(people.personas.values()) or list(default_people(catalog)[0])
    return personas, list(mine_intentions(reference, catalog, seed=run.seed))
