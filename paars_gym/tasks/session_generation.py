"""Session generation: whole sessions of shoppers with and without personas, compared with people's (Tables 2 and 4).

People are split in halves by shopper. One half judges: its sessions are the ones compared with, and its personas shop.
From the other half come the needs that shoppers are told, and the parameters of a fitted shopper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.alignment.paired import compare_paired
from paars_gym.alignment.report import AlignmentReport
from paars_gym.alignment.scoring import score
from paars_gym.alignment.session_log import SessionLog, open_log
from paars_gym.config import Condition, NeedsSource, RunConfig, ShopConfig
from paars_gym.estimate import Detail, Estimate, Tabular
from paars_gym.llm.dry_run import Forecast
from paars_gym.llm.ledger import LEDGER_FILE, ledger_of, left_of, sharing
from paars_gym.personas.intentions import MIX, Goal, mine_intentions
from paars_gym.personas.persona import Persona
from paars_gym.personas.redaction import pseudonym
from paars_gym.sessions.split import is_held_out, split_by_time, split_held_out
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.shoppers.fitted import FittedShopper
from paars_gym.shoppers.registry import SHOPPERS
from paars_gym.simulation.account import RunAccount, of_ledger
from paars_gym.simulation.default_people import HELD_OUT_FROM, default_people
from paars_gym.simulation.forecast import forecast_run
from paars_gym.simulation.needs import Needs
from paars_gym.simulation.result import PolicyFailedError, RunStoppedError
from paars_gym.simulation.run import run as simulate
from paars_gym.simulation.schedule import Draw
from paars_gym.tasks.needs import needs_of_log, needs_of_world
from paars_gym.tasks.people import JourneyPeople, MiniPeople, ReferencePeople
from paars_gym.tasks.query_results import measure_row
from paars_gym.tasks.run_noise import RunNoise
from paars_gym.tasks.shoppers import fitted_name

SESSION_CONDITIONS: dict[str, Condition] = {"baseline": "base", "agents": "persona"}
"""By the role in the report."""
NEEDS: dict[str, NeedsSource] = {"base": "marginal", "persona": "persona"}
"""Where each condition's own needs come from."""
BUYERS_ONLY = (
    "This log holds visits that bought, and no others: agents' sessions are compared given that they buy ({shares} of "
    "them did). A basket holds what a household was out of, an agent comes for one thing."
)


class SessionResults(Tabular, BaseModel):
    """Sessions of a shopper, with and without personas, against those of people.

    Attributes:
        headline: What ran, and what did not.
        policy: Who shopped.
        fitted: Whether it was fitted to the half of the people that does not judge.
        people: Whom they are compared with.
        label: Whether these are real or synthetic, as heads of tables say it.
        report: Of the shopper with personas, the one without as baseline, each told needs of its own.
        same: By statistic, the KL of the shopper with personas less that of the one without, both told the same needs:
            those of the persona. Below 0 the persona is closer to people.
        buying: Share of sessions that buy, of ``human``, ``agents`` and ``baseline``.
        notes: What a reader has to know of these people.
        usd: What a language model took.
        account: Its calls, those of former tries included, by the ledger of the runs.
        noise: What differs between repeats, where there were several; all else is of the first.
    """

    model_config = ConfigDict(frozen=True)
    SHOWN: ClassVar[tuple[str, ...]] = ("shopper", "metric", "estimate", "unit", "floor", "verdict")

    headline: str
    policy: str
    fitted: bool = False
    people: str
    label: str
    report: AlignmentReport
    same: dict[str, Estimate] = {}
    buying: dict[str, float] = {}
    notes: tuple[str, ...] = ()
    usd: float = 0.0
    account: RunAccount = RunAccount()
    noise: RunNoise | None = None

    @property
    def shopper(self) -> str:
        """How tables call it."""
        return fitted_name(self.policy) if self.fitted else self.policy

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row for each number of each population."""
        return [measure_row(each) for each in self.report.measures]

    def summary(self) -> str:
        """Who, and whom they are compared with."""
        return f"Session generation, {self.shopper}, {self.people}"


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
    out.mkdir(parents=True, exist_ok=True)
    progress(f"{people.name}: their sessions")
    fitting, judging = _halves(people, out)
    visiting = _visitors(people, fitting, judging, run)
    usd, budget = 0.0, sharing(run.budget, out / LEDGER_FILE)

    def play(population: Population, sessions: int) -> Path:
        nonlocal usd
        name = f"{_short(people)}-{population.condition}"
        name += "-same" * (population.needs == "same") + "-fitted" * (fitted is not None)
        progress(f"{people.name}: {sessions:,} {run.policy} shoppers, {name}")
        changes = {
            "condition": population.condition,
            "personas": visiting.personas,
            "intentions": Needs(visiting.needs[population.needs], population.needs),
            "sessions": sessions,
            "budget": left_of(budget, usd),
        }
        config = run.model_copy(update=changes)
        if fitted is not None:
            config = fitted[population.condition].applied_to(config, people.catalog)
        result = simulate(out / name, config, ShopConfig(catalog=people.catalog), resume=True)
        usd += result.account.usd
        if result.stopped:
            kept = f"{result.done:,} of {result.planned:,} sessions are kept in {result.folder}"
            raise RunStoppedError(f"{result.stopped.rstrip('.')}. {kept}.", result.exit_code)
        if result.complaint:
            raise PolicyFailedError(f"{result.complaint}: nothing is scored.")
        return result.folder

    folders = {
        role: play(Population(condition, NEEDS[condition]), run.sessions)
        for role, condition in SESSION_CONDITIONS.items()
    }
    third = run.sessions if same_sessions is None else min(same_sessions, run.sessions)
    told_same = open_log(play(Population("base", "same"), third)) if third else None
    progress("scoring")
    logs: dict[str, SessionLog] = {"human": open_log(judging)}
    logs |= {role: open_log(folder) for role, folder in folders.items()}
    buying = {role: _share_that_buys(log) for role, log in logs.items()}
    notes = people.notes if isinstance(people, MiniPeople) else ()
    if buying["human"] == 1 and not {"searches", "views"} & set(people.known):
        logs = {role: log.where(log.activity.purchases > 0) for role, log in logs.items()}
        told_same = None if told_same is None else told_same.where(told_same.activity.purchases > 0)
        shares = " and ".join(f"{condition} {buying[role]:.0%}" for role, condition in SESSION_CONDITIONS.items())
        notes = (*notes, BUYERS_ONLY.format(shares=shares))
    report = score(logs["human"], logs["agents"], baseline=logs["baseline"], embedder=embedder)
    offline = "No language model ran: the" if run.policy in set(SHOPPERS) - {"llm"} else "The"
    return SessionResults(
        headline=f"{offline} shoppers are {run.policy}, with and without a persona.",
        policy=str(run.policy),
        fitted=fitted is not None,
        people=f"{people.name}, judging half",
        label=people.label,
        report=report,
        same={} if told_same is None else _same_needs(logs["human"], logs["agents"], told_same, run.seed),
        buying=buying,
        notes=notes,
        usd=usd,
        account=RunAccount(**of_ledger(ledger_of(budget.ledger).taken())),
    )


def forecast_sessions(people: ReferencePeople, run: RunConfig) -> dict[str, Forecast]:
    """What either population would take of a language model, by condition; nothing is sent."""
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


def _share_that_buys(log: SessionLog) -> float:
    return float(np.mean(log.activity.purchases[log.keep] > 0)) if len(log) else 0.0


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
