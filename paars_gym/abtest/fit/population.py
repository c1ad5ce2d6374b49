"""Calibrating a simulated population on some of people's sessions, and judging it on others.

The paper explains effects 10 to 30 times too large by agents that always mean to buy (section 6). So three things are
fitted to sessions of people without a test: how readily the shoppers buy, look and go on, what they come for, and
how often each persona comes (`weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple, cast

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.fitted_population import (
    MOMENTS,
    FittedPopulation,
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
from paars_gym.personas.intentions import GOALS, MIX, Goal, IntentionMix
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session, session_rng
from paars_gym.shop.open import REMEMBERED, open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.simulation.default_people import read_people
from paars_gym.simulation.episode import Played
from paars_gym.simulation.result import PolicyFailedError, PolicyFailures
from paars_gym.simulation.schedule import make_schedule, visits

STEP, LONGEST, RIDGE = 0.4, 1.5, 0.01
"""Of a finite difference; of one parameter in one round; of the normal equations. In log odds, as parameters are."""
ENOUGH = 0.02
"""Relative gain below which another round is not worth its simulations."""

FITTED = ("outside", "attraction", "scroll", "reformulate", "after_view")
"""Parameters of the behavioural shopper that conversion and the lengths of sessions depend on most."""
ALWAYS_BUY: dict[Goal, float] = {"buy": 1.0}


class _Simulation:
    """Plays the runs of a fit, which have one budget."""

    def __init__(self, run: RunConfig, config: ShopConfig, shop: Shop) -> None:
        self.run = run
        self._config = config
        self._shop = shop
        self._usd = 0.0

    def play(self, mix: Mapping[Goal, float], parameters: Mapping[str, float], seed: int) -> tuple[Floats, list[Goal]]:
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

        options = {**self.run.options, **({"parameters": parameters} if parameters else {})}
        intentions = IntentionMix(self._shop.catalog, mix)
        budget = self.run.budget.after(self._usd)
        run = self.run.model_copy(update={"options": options, "intentions": intentions, "seed": seed, "budget": budget})
        schedule = make_schedule(run, read_people(run, self._shop.catalog))
        stopped = play_visits(visits(run, schedule), self._shop, self._config, run, finished)
        if stopped:
            raise ValueError(f"The calibration ended early: {stopped}.")
        if failures.complaint:
            raise PolicyFailedError(f"{failures.complaint}: nothing can be calibrated.")
        if not rows:
            raise ValueError("All simulated sessions failed; nothing can be calibrated.")
        # Concurrent sessions end in any order; their moments must not depend on it.
        return moments_of(row for _, row in sorted(rows)), [goal for _, goal in sorted(goals)]


def fit_population(
    human: Iterable[Session],
    run: RunConfig = RunConfig(sessions=1_000),
    shop: ShopConfig = ShopConfig(),
    *,
    marginals: Marginals | None = None,
    what_is_known: Collection[str] = ("purchases", "searches", "views"),
    held_out: float = 0.5,
    rounds: int = 4,
    progress: Callable[[str], None] = lambda _: None,
) -> FittedPopulation:
    """Calibrates a simulated population on sessions of people, and judges it on sessions of other people.

    In this order: the personas are weighted to the marginals, which nothing else depends on; the choice model's
    parameters `FITTED` are moved until the default mix of intentions has the training part's moments (for the
    behavioural shopper alone: a language model has no such numbers); the mix of goals is moved for what is still off.
    The people are split by shopper, so that nobody's habits are on both sides.

    Args:
        human: Sessions of people who saw this shop, no test under way.
        run: Who shops in the simulation: its personas need not be these people, its sessions are those of each of the
            runs that this takes, some 6 a round and 5 more, and its budget is that of all of them together.
        shop: What was for sale, in the order in which the people saw it.
        marginals: Shares that are known of the customers, by trait and value.
        what_is_known: What the people's log holds; moments of anything else are not matched.
        held_out: Share of the people that judge, in (0, 1).
        rounds: Most, of the choice model's fit.
        progress: Given the name of what is going on.

    Raises:
        ValueError: Numbers out of range, no personas, people or moments enough, marginals that cannot be met, or a run
            that ended early.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out == {held_out}, must be in (0, 1).")
    if rounds < 0:
        raise ValueError(f"{rounds=} must be >= 0.")
    if run.intentions is not None or run.mix:
        raise ValueError("The intentions are what is fitted; give none.")
    opened = open_shop(shop.catalog, shop.ranking, page_size=shop.page_size, max_remembered=REMEMBERED)
    personas = read_people(run, opened.catalog).personas
    if not personas:
        raise ValueError("There are no personas to calibrate.")
    run, seed = run.model_copy(update={"personas": personas}), run.seed
    weights = {} if marginals is None else _weights(personas, marginals)
    train, judge = _split(human, held_out, seed)
    names = known_moments(what_is_known, train)
    chosen = [MOMENTS.index(name) for name in names]
    train, judge = train[:, chosen], judge[:, chosen]
    scale, target, people = train.std(axis=0), train.mean(axis=0), judge.mean(axis=0)
    simulation = _Simulation(run, shop, opened)
    stages: list[Stage] = []

    def judge_stage(name: str, mix: Mapping[Goal, float], parameters: Mapping[str, float]) -> None:
        progress(name)
        means = simulation.play(mix, parameters, seed + 1)[0][:, chosen].mean(axis=0)
        moments = dict(zip(names, means.tolist(), strict=True))
        stages.append(Stage(name=name, moments=moments, distance=distance(means, people, scale)))

    judge_stage("always buys", ALWAYS_BUY, {})
    judge_stage("default mix", MIX, {})
    if weights:
        weighted = comers(personas, weights, run.sessions, seed)
        simulation.run = run.model_copy(update={"personas": weighted})
        judge_stage("personas weighted", MIX, {})
    parameters: dict[str, float] = {}
    if run.policy == "behavioural" and rounds:
        start = BehaviouralParameters.of(run.options.get("parameters"))
        parameters = asdict(start)

        def moved(values: Floats) -> dict[str, float]:
            return parameters | dict(zip(FITTED, values.tolist(), strict=True))

        def simulate(values: Floats) -> Floats:
            progress("fitting choices")
            return np.asarray(simulation.play(MIX, moved(values), seed)[0][:, chosen].mean(axis=0) / scale)

        values = np.array([parameters[name] for name in FITTED])
        parameters = moved(fit_moments(simulate, target / scale, values, rounds=rounds).values)
        judge_stage("choices fitted", MIX, parameters)
    progress("fitting the mix")
    moments, goals = simulation.play(MIX, parameters, seed)
    present = [goal for goal in GOALS if goal in goals]
    of_goal = np.stack([moments[[own == goal for own in goals]][:, chosen].mean(axis=0) for goal in present])
    shares_of = nearest_shares(of_goal, target, scale).tolist()
    mix = cast("dict[Goal, float]", dict(zip(present, shares_of, strict=True)))
    judge_stage("mix fitted", mix, parameters)
    return FittedPopulation(
        catalog=opened.catalog.name,
        policy=str(setting_name(run.policy)),
        condition=run.condition,
        mix=mix,
        parameters=parameters,
        weights=weights,
        human=dict(zip(names, people.tolist(), strict=True)),
        stages=tuple(stages),
        floor=distance(target, people, scale),
        train_sessions=len(train),
        held_out_sessions=len(judge),
        seed=seed,
    )


def _weights(personas: Sequence[Persona], marginals: Marginals) -> dict[str, float]:
    weights = rake(persona_traits(personas), marginals).tolist()
    return {persona.shopper: weight for persona, weight in zip(personas, weights, strict=True)}


def _split(human: Iterable[Session], held_out: float, seed: int) -> tuple[Floats, Floats]:
    """Moments of both parts, each shopper's sessions all on one side; read once, for a log may be long."""
    rows: dict[str, list[tuple[float, ...]]] = {}
    for session in human:
        if session.end not in FAILED:
            rows.setdefault(session.shopper, []).append(measure(session))
    if len(rows) < 2:
        raise ValueError(f"People's sessions are of {len(rows)} shoppers; a part to fit and a part to judge take two.")
    names = sorted(rows)
    order = session_rng(seed, "held-out people").permutation(len(names))
    judges = min(max(round(held_out * len(names)), 1), len(names) - 1)
    sides = order[judges:].tolist(), order[:judges].tolist()
    train, judge = (moments_of(row for index in side for row in rows[names[index]]) for side in sides)
    return train, judge


class MomentFit(NamedTuple):
    """Parameters found by their moments.

    Attributes:
        values: Parameters, shape (p,).
        distance: Root mean square of simulated less target moments, on the training part.
        distances: The same at the start and after each round.
        rounds: Rounds that improved it.
    """

    values: Floats
    distance: float
    distances: tuple[float, ...]
    rounds: int


def fit_moments(simulate: Callable[[Floats], Floats], target: Floats, start: Floats, *, rounds: int = 4) -> MomentFit:
    """Parameters whose simulated moments are nearest to those of people.

    Simulated method of moments (McFadden 1989) with the identity as weights, minimised by Gauss and Newton's steps:
    ``step = (J'J + ridge)⁻¹ J' (target - moments)``, J by forward differences. ``simulate`` must use the same seeds
    each time, so that moments change by the parameters alone. A step that does not come nearer is halved, twice; the
    best point is kept. Standard errors are not given: the fit is judged by sessions that it has not seen.

    Args:
        simulate: Moments by parameters, in units in which all moments weigh alike.
        target: People's, shape (m,).
        start: Shape (p,).
        rounds: Most; each takes p + 1 simulations, and up to two more.
    """
    values, moments = np.array(start, dtype=np.float64), simulate(start)
    best = _far(moments, target)
    distances = [best]
    for _ in range(rounds):
        slopes = [(simulate(values + STEP * unit) - moments) / STEP for unit in np.eye(len(values))]
        jacobian = np.stack(slopes, axis=1)
        normal = jacobian.T @ jacobian + RIDGE * np.eye(len(values))
        step = np.clip(np.linalg.solve(normal, jacobian.T @ (target - moments)), -LONGEST, LONGEST)
        for share in (1.0, 0.5, 0.25):
            tried = simulate(values + share * step)
            if _far(tried, target) < best:
                values, moments = values + share * step, tried
                break
        else:
            break
        distances.append(_far(moments, target))
        gained, best = best - distances[-1], distances[-1]
        if gained < ENOUGH * best:
            break
    return MomentFit(values, best, tuple(distances), len(distances) - 1)


def _far(moments: Floats, target: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(moments - target))))
