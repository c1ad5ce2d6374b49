"""Calibrating a simulated population on some of people's sessions, and judging it on others.

The paper explains effects 10 to 30 times too large by agents that always mean to buy (section 6). So three things are
fitted to sessions of people without a test, one after the other: how the shoppers choose, what they come for, and how
often each persona comes (`weights`). Each is kept only if the simulated sessions come nearer to those of people who are
set aside for that choice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, cast

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.fitted_population import (
    MOMENTS,
    FittedPopulation,
    Judgement,
    Stage,
    comers,
    distance,
    known_moments,
    moments_of,
    nearest_shares,
)
from paars_gym.abtest.fit.weights import Marginals, persona_traits, rake
from paars_gym.abtest.outcomes import FAILED, measure
from paars_gym.abtest.play import play_visits
from paars_gym.config import RunConfig, ShopConfig, setting_name
from paars_gym.llm.ledger import left_of, sharing
from paars_gym.personas.intentions import GOALS, MIX, Goal, IntentionMix
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session
from paars_gym.sessions.split import is_held_out
from paars_gym.shop.open import REMEMBERED, open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.fitted import POLICY
from paars_gym.shoppers.fitting import CHOICE_SALT, fit_shopper
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.reference_prices import shared_prices
from paars_gym.simulation.episode import Played
from paars_gym.simulation.needs import read_people
from paars_gym.simulation.result import PolicyFailedError, PolicyFailures, RunStoppedError
from paars_gym.simulation.schedule import make_schedule, visits


class _Population(NamedTuple):
    """A simulated population while it is calibrated.

    Attributes:
        mix: Shares of the goals.
        options: Of the policy.
        weights: Of each persona; empty when all come alike.
    """

    mix: Mapping[Goal, float]
    options: Mapping[str, Any]
    weights: Mapping[str, float]


class _Simulation:
    """Plays the runs of a calibration, which have one budget."""

    def __init__(self, run: RunConfig, config: ShopConfig, shop: Shop) -> None:
        self.run = run.model_copy(update={"budget": sharing(run.budget)})
        self._config = config
        self._shop = shop
        self._usd = 0.0

    def play(self, population: _Population, seed: int) -> tuple[Floats, list[Goal]]:
        """Moments and goals of its sessions."""
        rows, goals = [], []
        failures = PolicyFailures()

        def finished(played: Played) -> None:
            session = played.session
            self._usd += played.spent.get("usd") or 0.0
            failures.count(played)
            if session.end not in FAILED:
                assert session.intention is not None, "the mix gives every session an intention"
                rows.append((session.key, measure(session)))
                goals.append((session.key, session.intention.goal))

        run, people = self.run, self.run.personas
        if population.weights:
            people = comers(people, population.weights, run.sessions, run.seed)
        run = run.model_copy(
            update={
                "personas": people,
                "intentions": IntentionMix(self._shop.catalog, dict(population.mix)),
                "options": population.options,
                "budget": left_of(run.budget, self._usd),
                "seed": seed,
            }
        )
        schedule = make_schedule(run, read_people(run, self._shop.catalog))
        stop = play_visits(visits(run, schedule), self._shop, self._config, run, finished)
        if stop.reason:
            raise RunStoppedError(f"The calibration ended early: {stop.reason.rstrip('.')}.", stop.exit_code)
        if failures.complaint:
            raise PolicyFailedError(f"{failures.complaint}: nothing can be calibrated.")
        if not rows:
            raise ValueError("All simulated sessions failed; nothing can be calibrated.")
        # Concurrent sessions end in any order; their moments must not depend on it.
        return moments_of(row for _, row in sorted(rows)), [goal for _, goal in sorted(goals)]


class _Sides(NamedTuple):
    """People's sessions: to learn from, to choose between stages by, and to judge by. No shopper is on two sides."""

    learn: list[Session]
    choose: list[Session]
    judge: list[Session]

    @property
    def fitting(self) -> list[Session]:
        """The fitting half."""
        return self.learn + self.choose


class _NotFittedError(ValueError):
    """A stage that cannot be fitted to these people, and why."""


FitStage = Callable[[_Population, list[Session]], _Population]


def fit_population(
    human: Iterable[Session],
    run: RunConfig = RunConfig(sessions=1_000),
    shop: ShopConfig = ShopConfig(),
    *,
    marginals: Marginals | None = None,
    what_is_known: Collection[str] = ("purchases", "searches", "views"),
    known_people: Mapping[str, Persona] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> FittedPopulation:
    """Calibrates a simulated population on sessions of people, and judges it on sessions of other people.

    In this order: the choices (`paars_gym.shoppers.fitting.fit_shopper`; for the behavioural shopper alone, and not
    where the run has parameters already), the mix of goals, and the weights of personas. Each stage is fitted on some
    people of the fitting half and kept only if simulated sessions come nearer to others of them; what is kept is fitted
    again on the whole half. The other half of the people judges what comes out, and decides nothing.

    Args:
        human: Sessions of people who saw this shop, no test under way.
        run: Who shops in the simulation: its personas need not be these people, its sessions are those of each of the
            runs that this takes, some eight, and its budget is that of all of them together.
        shop: What was for sale, in the order in which the people saw it.
        marginals: Shares that are known of the customers, by trait and value.
        what_is_known: What the people's log holds; moments of anything else are not matched.
        known_people: Personas of the people in the log, by shopper.
        progress: Given the name of what is going on.

    Raises:
        ValueError: Numbers out of range, no personas or people enough, marginals that cannot be met, or a run that
            ended early.
    """
    if run.intentions is not None or run.mix:
        raise ValueError("The intentions are what is fitted; give none.")
    opened = open_shop(shop.catalog, shop.ranking, page_size=shop.page_size, max_remembered=REMEMBERED)
    personas = read_people(run, opened.catalog).personas
    if not personas:
        raise ValueError("There are no personas to calibrate.")
    run, seed = run.model_copy(update={"personas": personas}), run.seed
    weights = {} if marginals is None else _weights(personas, marginals)
    sides = _split(human)
    fitting = _moments(sides.fitting)
    names = known_moments(what_is_known, fitting)
    chosen = [MOMENTS.index(name) for name in names]
    scale = fitting[:, chosen].std(axis=0)
    simulation = _Simulation(run, shop, opened)

    def fit_choices(population: _Population, people: list[Session]) -> _Population:
        try:
            fitted = fit_shopper(
                people + sides.judge, opened.catalog, personas=known_people, condition=run.condition, progress=progress
            )
        except ValueError as error:
            raise _NotFittedError(str(error)) from None
        return population._replace(options={**population.options, **fitted.options()})

    def fit_mix(population: _Population, people: list[Session]) -> _Population:
        moments, goals = simulation.play(population, seed)
        present = [goal for goal in GOALS if goal in goals]
        of_goal = np.stack([moments[[own == goal for own in goals]][:, chosen].mean(axis=0) for goal in present])
        shares_of = nearest_shares(of_goal, _moments(people)[:, chosen].mean(axis=0), scale).tolist()
        return population._replace(mix=cast("dict[Goal, float]", dict(zip(present, shares_of, strict=True))))

    fits: dict[str, FitStage] = {"mix": fit_mix}
    if run.policy == POLICY and "parameters" not in run.options:
        fits = {"choices": fit_choices, **fits}
    if weights:
        fits["weights"] = lambda population, _: population._replace(weights=weights)

    def judged(population: _Population, people: list[Session]) -> Judgement:
        # The same visits whichever population, and not those that the mix was fitted with.
        means = simulation.play(population, seed + 1)[0][:, chosen].mean(axis=0)
        away = distance(means, _moments(people)[:, chosen].mean(axis=0), scale)
        return Judgement(moments=dict(zip(names, means.tolist(), strict=True)), distance=away)

    before = now = _Population(MIX, run.options, {})
    progress("playing the population as it is")
    nearest = judged(before, sides.choose).distance
    stages: list[Stage] = []
    kept: list[FitStage] = []
    for name, fit in fits.items():
        progress(f"fitting the {name}")
        try:
            tried = fit(now, sides.learn)
        except _NotFittedError as reason:
            stages.append(Stage(name=name, kept=False, before=nearest, after=None, note=str(reason)))
            continue
        reached = judged(tried, sides.choose).distance
        stages.append(Stage(name=name, kept=reached < nearest, before=nearest, after=reached))
        if reached < nearest:
            now, nearest = tried, reached
            kept.append(fit)
    progress("fitting what is kept to the whole half")
    fitted = before
    for fit in kept:
        fitted = fit(fitted, sides.fitting)
    progress("judging")
    judges = _moments(sides.judge)[:, chosen].mean(axis=0)
    parameters, prices = (fitted.options.get(name) for name in ("parameters", "reference_prices"))
    return FittedPopulation(
        catalog=opened.catalog.name,
        policy=str(setting_name(run.policy)),
        condition=run.condition,
        mix=dict(fitted.mix),
        parameters={} if parameters is None else asdict(BehaviouralParameters.of(parameters)),
        reference_prices={} if prices is None else shared_prices(prices).prices,
        weights=dict(fitted.weights),
        human=dict(zip(names, judges.tolist(), strict=True)),
        stages=tuple(stages),
        before=judged(before, sides.judge),
        after=judged(fitted, sides.judge),
        floor=distance(fitting[:, chosen].mean(axis=0), judges, scale),
        train_sessions=len(sides.fitting),
        held_out_sessions=len(sides.judge),
        seed=seed,
    )


def _moments(sessions: Iterable[Session]) -> Floats:
    return moments_of(measure(session) for session in sessions)


def _weights(personas: Sequence[Persona], marginals: Marginals) -> dict[str, float]:
    weights = rake(persona_traits(personas), marginals).tolist()
    return {persona.shopper: weight for persona, weight in zip(personas, weights, strict=True)}


def _split(human: Iterable[Session]) -> _Sides:
    sides = _Sides([], [], [])
    for session in human:
        if session.end not in FAILED:
            chooses = is_held_out(session.shopper, salt=CHOICE_SALT)
            side = sides.judge if is_held_out(session.shopper) else sides.choose if chooses else sides.learn
            side.append(session)
    if not all(sides):
        shoppers = {session.shopper for side in sides for session in side}
        raise ValueError(
            f"People's sessions are of {len(shoppers)} shoppers; some to fit to, some to choose between stages and "
            "some to judge take more."
        )
    return sides
