"""Session generation for people whose own shop agents cannot visit: how often and in which order both act (Table 2).

The products of such a log are in no catalog here, so agents visit another shop, for needs of that shop's own invented
population. Nothing of the people's sessions goes into the shoppers: all of the people judge, and there are no halves. A
fit is crossed over them: each person is stood for by shoppers fitted to people of other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paars_gym.alignment.scoring import score
from paars_gym.alignment.session_log import SessionLog, open_log
from paars_gym.config import Condition, RunConfig, ShopConfig
from paars_gym.llm.dry_run import Forecast
from paars_gym.personas.persona import ConsumerProfile, Persona, ShoppingPreferences
from paars_gym.personas.redaction import pseudonym
from paars_gym.sessions.event import Session
from paars_gym.sessions.opening import open_store
from paars_gym.sessions.store import Store
from paars_gym.sessions.writer import write_sessions
from paars_gym.shoppers.fitted import POLICY, FittedShopper
from paars_gym.simulation.default_people import default_people
from paars_gym.simulation.forecast import forecast_run
from paars_gym.simulation.needs import Needs
from paars_gym.tasks.count_fitting import (
    SimulatedSetting,
    folds_of,
    nearest_setting,
    simulate_settings,
)
from paars_gym.tasks.needs import MarginalNeeds
from paars_gym.tasks.other_shop_words import OtherShopWords
from paars_gym.tasks.population_runs import PopulationRuns
from paars_gym.tasks.reference_people import ReferencePeople
from paars_gym.tasks.session_results import (
    SESSION_CONDITIONS,
    SessionResults,
    buyers_only,
    buyers_only_note,
    headline_of,
    share_that_buys,
    that_buys,
)


class _Group(NamedTuple):
    """Shoppers with the same parameters.

    Attributes:
        personas: One for each session of the people whom they stand for.
        sessions: To be played.
        parameters: Of the shoppers under either condition; None for the policy as it is.
    """

    personas: Sequence[Persona]
    sessions: int
    parameters: Mapping[str, float] | None = None


class _Visitors(NamedTuple):
    """Who comes, in the place of whom.

    Attributes:
        shoppers: Of each of the people's sessions, its shopper.
        personas: Of each of them, what is known.
        told: Of how many shoppers anything is known.
    """

    shoppers: Sequence[str]
    personas: Mapping[str, Persona]
    told: int


def generate_elsewhere(
    people: ReferencePeople,
    run: RunConfig,
    out: Path,
    *,
    fitted: Mapping[Condition, FittedShopper] | None = None,
    cross_fit: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> SessionResults:
    """Simulates a policy with and without the people's personas in another shop, and scores both on all the people.

    Args:
        people: Whose sessions.
        run: Policy, model, budget, seed and ``sessions`` of each population.
        out: Folder for the runs; made if absent, and a run in it is resumed.
        fitted: A shopper fitted to others, for either condition; None for the policy as it is.
        cross_fit: Fit the behavioural shopper to the people's counts, crossed over people.
        progress: Told what is going on.

    Raises:
        ValueError: ``cross_fit`` and another policy, parameters of its own or a single shopper; or ``out`` holds runs
            with other settings.
        PolicyFailedError: The policy raised in more than a tenth of the sessions.
    """
    if cross_fit and (str(run.policy) != POLICY or "parameters" in run.options or fitted is not None):
        raise ValueError(f"A fit to counts is for the {POLICY} shopper with nothing set, not for {run.policy}.")
    out.mkdir(parents=True, exist_ok=True)
    progress(f"{people.name}: their sessions")
    human, catalog = people.log(), people.shop_catalog
    visitors = _visitors(people, human, run.sessions, run.seed)
    needs = MarginalNeeds(default_people(catalog)[1])
    everybody = [visitors.personas[shopper] for shopper in visitors.shoppers]
    groups, chosen = [_Group(everybody, run.sessions)], list[Mapping[str, float]]()
    if cross_fit:
        progress(f"{people.name}: fitting to their counts")
        tried = [
            simulate_settings(catalog, everybody, needs, condition, seed=run.seed)
            for condition in SESSION_CONDITIONS.values()
        ]
        fold = folds_of(human.frame["name"].to_list())
        chosen = _chosen(tried, human, fold)
        groups = _groups(visitors, fold, chosen, run.sessions)
    runs = PopulationRuns(people.name, run, out, catalog, progress)
    short = "log" if len(people.label.split(", ")) < 2 else people.label.split(", ")[-1]

    def play(condition: Condition) -> SessionLog:
        name = f"{short}-{condition}{'-fitted' * (cross_fit or fitted is not None)}"
        folders = []
        for number, group in enumerate(groups):
            changes: dict[str, Any] = {
                "condition": condition,
                "personas": list(group.personas),
                "intentions": Needs(needs, "marginal"),
                "sessions": group.sessions,
                "seed": run.seed + number,
            }
            if group.parameters is not None:
                changes["options"] = {**run.options, "parameters": dict(group.parameters)}
            folders.append(runs.play(name + f"-{number}" * (len(groups) > 1), changes, fitted))
        return open_log(folders[0]) if len(folders) == 1 else open_log(_together(folders, out / name))

    logs = {role: play(condition) for role, condition in SESSION_CONDITIONS.items()}
    progress("scoring")
    notes = (*people.notes, *(people.source.provenance.notes if isinstance(people.source, Store) else ()))
    buying = {role: share_that_buys(log) for role, log in ({"human": human} | logs).items()}
    if buyers_only(people.known, buying):
        logs = {role: that_buys(log) for role, log in logs.items()}
        notes = (*notes, buyers_only_note(buying))
    report = score(human, logs["agents"], baseline=logs["baseline"], embedder=None, seed=run.seed)
    words = OtherShopWords(people, human, catalog)
    return SessionResults(
        headline=headline_of(str(run.policy)),
        policy=str(run.policy),
        fitted=cross_fit or fitted is not None,
        people=people.name,
        label=people.label,
        report=report,
        same_only=True,
        buying=buying,
        judged=words.judged(),
        choices=words.choices(logs, told=visitors.told, chosen=chosen, seed=run.seed),
        notes=notes,
        usd=runs.usd,
        account=runs.account(),
    )


def forecast_elsewhere(people: ReferencePeople, run: RunConfig) -> dict[str, Forecast]:
    """What either population would take of a language model, by condition; nothing is sent."""
    catalog = people.shop_catalog
    visitors = _visitors(people, people.log(), run.sessions, run.seed)
    told = {
        "personas": [visitors.personas[shopper] for shopper in visitors.shoppers],
        "intentions": Needs(MarginalNeeds(default_people(catalog)[1]), "marginal"),
    }
    return {
        f"{run.policy}, {condition}": forecast_run(
            run.model_copy(update={**told, "condition": condition}), ShopConfig(catalog=catalog)
        )
        for condition in SESSION_CONDITIONS.values()
    }


def _visitors(people: ReferencePeople, human: SessionLog, most: int, seed: int) -> _Visitors:
    """Shoppers as often as they came; of many sessions, some drawn at random."""
    shoppers = np.array(human.frame["name"].to_list(), dtype=object)[human.keep]
    names = list(dict.fromkeys(shoppers.tolist()))
    if len(shoppers) > most:
        shoppers = np.random.default_rng([seed, 2]).choice(shoppers, most, replace=False)
    known = {name: people.personas.get(name) or people.personas.get(pseudonym(name)) for name in names}
    told = sum(
        one is not None and not (one.profile.is_empty() and one.preferences.is_empty()) for one in known.values()
    )
    return _Visitors(shoppers.tolist(), {name: one or _nobody(name) for name, one in known.items()}, told)


def _nobody(shopper: str) -> Persona:
    return Persona(
        shopper=pseudonym(shopper), profile=ConsumerProfile(), preferences=ShoppingPreferences(), source="synthetic"
    )


def _chosen(
    tried: Sequence[Sequence[SimulatedSetting]], human: SessionLog, fold: Mapping[str, int]
) -> list[Mapping[str, float]]:
    """The parameters of each fold: those nearest to the people of all other folds."""
    of = np.array([fold[name] for name in human.frame["name"].to_list()])
    return [nearest_setting(tried, human.where(of != number)) for number in range(max(fold.values()) + 1)]


def _groups(
    visitors: _Visitors,
    fold: Mapping[str, int],
    chosen: Sequence[Mapping[str, float]],
    sessions: int,
) -> list[_Group]:
    """A group for each fold, with as large a share of the sessions as its people have."""
    members: list[list[Persona]] = [[] for _ in chosen]
    for shopper in visitors.shoppers:
        members[fold[shopper]].append(visitors.personas[shopper])
    ends = np.rint(np.cumsum([len(each) for each in members]) / len(visitors.shoppers) * sessions).astype(int)
    sizes = np.diff(ends, prepend=0).tolist()
    return [
        _Group(personas, size, parameters)
        for personas, size, parameters in zip(members, sizes, chosen, strict=True)
        if size
    ]


def _together(folders: Sequence[Path], place: Path) -> Store:
    """The sessions of several runs as one store."""
    stores = [open_store(folder) for folder in folders]

    def renamed(number: int, session: Session) -> Session:
        return session.model_copy(update={"key": f"{number}-{session.key}"})

    sessions = (renamed(number, one) for number, store in enumerate(stores) for one in store)
    told = stores[0].provenance.model_copy(update={"name": place.name})
    return write_sessions(place, sessions, provenance=told, overwrite=True)
