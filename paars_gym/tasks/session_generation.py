"""Session generation: whole sessions of shoppers with and without personas, compared with people's (Tables 2 and 4).

People are split in halves by shopper. One half judges: its sessions are the ones compared with, and its personas shop.
From the other half come the needs that shoppers are told, and the parameters of a fitted shopper. People whose shop
agents cannot visit are another matter: see `paars_gym.tasks.other_shop`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from paars_gym.alignment.paired import compare_paired
from paars_gym.alignment.scoring import score
from paars_gym.alignment.session_log import SessionLog, open_log
from paars_gym.config import Condition, NeedsSource, RunConfig, ShopConfig
from paars_gym.estimate import Estimate
from paars_gym.llm.dry_run import Forecast
from paars_gym.personas.intentions import MIX, Goal, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import pseudonym
from paars_gym.sessions.split import is_held_out, split_by_time, split_held_out
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.simulation.default_people import HELD_OUT_FROM, default_people
from paars_gym.simulation.forecast import forecast_run
from paars_gym.simulation.needs import Needs
from paars_gym.simulation.schedule import Draw
from paars_gym.tasks.needs import needs_of_log, needs_of_world
from paars_gym.tasks.other_shop import forecast_elsewhere, generate_elsewhere
from paars_gym.tasks.people import JourneyPeople, MiniPeople
from paars_gym.tasks.population_runs import PopulationRuns
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.session_results import (
    NEEDS,
    SESSION_CONDITIONS,
    SessionResults,
    buyers_only,
    buyers_only_note,
    headline_of,
    share_that_buys,
    that_buys,
)


class Population(NamedTuple):
    """Sessions to be simulated.

    Attributes:
        condition: What of its persona the shopper is told.
        needs: Where its need comes from: ``marginal``, ``persona`` or ``same``.
    """

    condition: Condition
    needs: NeedsSource


class Visiting(NamedTuple):
    """Who shops, and what for.

    Attributes:
        personas: Of the half that judges.
        needs: By where they come from.
    """

    personas: list[Persona]
    needs: Mapping[str, Draw]


def generate_sessions(
    people: ReferencePeople,
    run: RunConfig,
    out: Path,
    *,
    fitted: Mapping[Condition, FittedShopper] | None = None,
    cross_fit: bool = False,
    same_sessions: int | None = None,
    embedder: str | None = "minilm-int8",
    progress: Callable[[str], None] = lambda _: None,
) -> SessionResults:
    """Simulates a policy with and without personas in the people's shop, and scores both on the half that judges.

    Args:
        people: Whose sessions, catalog and, where they are known, personas and needs.
        run: Policy, model, budget, seed and ``sessions`` of each population.
        out: Folder for the runs and the people's sessions; made if absent, and a run in it is resumed.
        fitted: The shopper of either condition, fitted to the other half; None for the policy as it is.
        cross_fit: Fit the behavioural shopper to counts, crossed over people; for people whose shop agents cannot
            visit (`paars_gym.tasks.other_shop`), all of whom judge.
        same_sessions: Of a third population: without personas, told the needs that the persona's would draw. None for
            as many as of the others, 0 for no such population.
        embedder: Name for `load_embedder`; None compares no words.
        progress: Told what is going on.

    Raises:
        ImportError: The embedder is missing.
        ValueError: ``out`` holds runs with other settings, or the log records nothing of sessions.
        PolicyFailedError: The policy raised in more than a tenth of the sessions.
    """
    if not {"searches", "views", "purchases"} & set(people.known):
        people.require("Session generation", "searches", "views", "purchases")
    if people.shops_elsewhere:
        return generate_elsewhere(people, run, out, fitted=fitted, cross_fit=cross_fit, progress=progress)
    if cross_fit:
        raise ValueError(
            f"{people.name} shop in the catalog {people.catalog.name!r}: fit to one half (fit_conditions)."
        )
    out.mkdir(parents=True, exist_ok=True)
    progress(f"{people.name}: their sessions")
    fitting, judging = _halves(people, out)
    visiting = _visitors(people, fitting, judging, run)
    runs = PopulationRuns(people.name, run, out, people.catalog, progress)

    def play(population: Population, sessions: int) -> Path:
        name = f"{_short(people)}-{population.condition}"
        name += "-same" * (population.needs == "same") + "-fitted" * (fitted is not None)
        changes = {
            "condition": population.condition,
            "personas": visiting.personas,
            "intentions": Needs(visiting.needs[population.needs], population.needs),
            "sessions": sessions,
        }
        return runs.play(name, changes, fitted)

    folders = {
        role: play(Population(condition, NEEDS[condition]), run.sessions)
        for role, condition in SESSION_CONDITIONS.items()
    }
    third = run.sessions if same_sessions is None else min(same_sessions, run.sessions)
    told_same = open_log(play(Population("base", "same"), third)) if third else None
    progress("scoring")
    logs: dict[str, SessionLog] = {"human": open_log(judging)}
    logs |= {role: open_log(folder) for role, folder in folders.items()}
    buying = {role: share_that_buys(log) for role, log in logs.items()}
    notes = people.notes if isinstance(people, MiniPeople) else ()
    if buyers_only(people.known, buying):
        logs = {role: that_buys(log) for role, log in logs.items()}
        told_same = None if told_same is None else that_buys(told_same)
        notes = (*notes, buyers_only_note(buying))
    report = score(logs["human"], logs["agents"], baseline=logs["baseline"], embedder=embedder)
    return SessionResults(
        headline=headline_of(str(run.policy)),
        policy=str(run.policy),
        fitted=fitted is not None,
        people=f"{people.name}, judging half",
        label=people.label,
        report=report,
        same={} if told_same is None else _same_needs(logs["human"], logs["agents"], told_same, run.seed),
        buying=buying,
        notes=notes,
        usd=runs.usd,
        account=runs.account(),
    )


def forecast_sessions(people: ReferencePeople, run: RunConfig) -> dict[str, Forecast]:
    """What either population would take of a language model, by condition; nothing is sent."""
    if people.shops_elsewhere:
        return forecast_elsewhere(people, run)
    with TemporaryDirectory() as folder:
        visiting = _visitors(people, *_halves(people, Path(folder)), run)
    populations = (*(Population(condition, needs) for condition, needs in NEEDS.items()), Population("base", "same"))  # type: ignore[arg-type]
    return {
        f"{run.policy}, {condition}{', the same needs' * (needs == 'same')}": forecast_run(
            run.model_copy(
                update={
                    "condition": condition,
                    "personas": visiting.personas,
                    "intentions": Needs(visiting.needs[needs], needs),
                }
            ),
            ShopConfig(catalog=people.catalog),
        )
        for condition, needs in populations
    }


def _same_needs(human: SessionLog, persona: SessionLog, base: SessionLog, seed: int) -> dict[str, Estimate]:
    found = compare_paired(human, persona, base, rng=np.random.default_rng([seed, 1]))
    return {each.of: each.estimate for each in found if each.metric == "KL"}


def _short(people: ReferencePeople) -> str:
    return {MiniPeople: "mini", JourneyPeople: "journey"}.get(type(people), "log")


def _halves(people: ReferencePeople, out: Path) -> tuple[Store, Store]:
    """The sessions of the half that needs come from, and of the half that judges; of the households the last weeks."""
    folder = out / f"{_short(people)}-people"
    if isinstance(people, MiniPeople):
        whole = write_sessions(out / "mini-all", people.source, provenance=people.world.provenance, overwrite=True)
        split = split_held_out(whole, folder, overwrite=True)
        return split.train, split.test
    assert isinstance(people.source, Store)
    whole = people.source
    if isinstance(people, JourneyPeople):
        if not (out / "journey-all" / "test").exists():
            split_by_time(whole, out / "journey-all", at=HELD_OUT_FROM)
        whole = Store(out / "journey-all" / "test")
    if not (folder / "test").exists():
        split_held_out(whole, folder)
    return Store(folder / "train"), Store(folder / "test")


def _visitors(people: ReferencePeople, fitting: Store, judging: Store, run: RunConfig) -> Visiting:
    """The personas of those who judge, and needs of those who do not."""
    marginal: Draw
    own: Draw
    goals: Mapping[Goal, float] = MIX
    if isinstance(people, MiniPeople):
        marginal, own = needs_of_world(people.world, people.sessions)
        everybody = list(people.world.personas)
    else:
        households = isinstance(people, JourneyPeople)
        default = default_people(people.catalog) if households or not people.personas else None
        if households and default is not None:
            goals = {"buy": 1.0}
            mined = [one for one in default[1] if not is_held_out(one.shopper)]
        else:
            mined = list(mine_intentions(fitting, people.catalog, seed=run.seed))
        marginal, own = needs_of_log(mined, people.catalog, goals=goals)
        everybody = list(people.personas.values() if default is None else default[0])
    names = judging.scan_sessions().select("shopper").unique().collect()["shopper"].to_list()
    # A mined persona bears the shopper's pseudonym, one from statistics may bear the id.
    judges = {*names, *map(pseudonym, names)}
    personas = [persona for persona in everybody if persona.shopper in judges]
    return Visiting(personas or everybody, {"marginal": marginal, "persona": own, "same": own})
