"""Which simulated population behaves as often as people do? Calibrated on some of their sessions, judged on others.

The paper explains effects 10 to 30 times too large by agents that always mean to buy (section 6). So three things are
fitted to sessions of people without a test: how readily the shoppers buy, look and go on (`choices`), what they
come for (`mix`), and how often each persona comes (`weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, cast

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.choices import fit_moments
from paars_gym.abtest.fit.fitted_population import FittedPopulation, Stage, comers
from paars_gym.abtest.fit.mix import nearest_shares
from paars_gym.abtest.fit.moments import MOMENTS, distance, known_moments, moments_of
from paars_gym.abtest.fit.weights import Marginals, persona_traits, rake
from paars_gym.abtest.outcomes import FAILED, measure
from paars_gym.catalog.store import Catalog
from paars_gym.config import CONDITIONS, Condition, RunConfig
from paars_gym.personas.intentions import GOALS, MIX, Goal, IntentionMix
from paars_gym.personas.persona import Persona
from paars_gym.ranking.protocol import RankingPolicy
from paars_gym.sessions.event import Session, session_rng
from paars_gym.shop.open import REMEMBERED, env_factory, open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shoppers.parameters import BehaviouralParameters
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.concurrency import StopRequest, play_all
from paars_gym.simulation.episode import Played
from paars_gym.simulation.schedule import Schedule

FITTED = ("outside", "attraction", "scroll", "reformulate", "after_view")
"""Parameters of the behavioural shopper that conversion and the lengths of sessions depend on most."""
ALWAYS_BUY: dict[Goal, float] = {"buy": 1.0}


class _Crowd(NamedTuple):
    """Who plays in which shop: what a simulation of the fit has in common with every other."""

    shop: Shop
    personas: Sequence[Persona]
    policy: str
    options: Mapping[str, Any]
    condition: Condition
    sessions: int
    concurrency: int

    def play(self, mix: Mapping[Goal, float], parameters: Mapping[str, float], seed: int) -> tuple[Floats, list[Goal]]:
        """Moments and goals of its sessions."""
        rows, goals = [], []
        stop = StopRequest()

        def finished(played: Played) -> None:
            session = played.session
            if session.end not in FAILED:
                assert session.intention is not None, "the mix gives every session an intention"
                rows.append((session.key, measure(session)))
                goals.append((session.key, session.intention.goal))

        options = {**self.options, **({"parameters": parameters} if parameters else {})}
        arrivals = Schedule(
            sessions=self.sessions,
            seed=seed,
            personas=self.personas,
            draw=IntentionMix(self.shop.catalog, mix),
        ).arrivals()
        if self.condition == "base":
            arrivals = (arrival._replace(persona=None) for arrival in arrivals)
        play_all(
            arrivals,
            make_env=env_factory(self.shop),
            make_policy=policy_factory(RunConfig(policy=self.policy, condition=self.condition, options=options)),
            finished=finished,
            concurrency=min(self.concurrency, self.sessions),
            stop=stop,
        )
        if stop.reason:
            raise ValueError(f"The calibration ended early: {stop.reason}.")
        if not rows:
            raise ValueError("All simulated sessions failed; nothing can be calibrated.")
        # Concurrent sessions end in any order; their moments must not depend on it.
        return moments_of(row for _, row in sorted(rows)), [goal for _, goal in sorted(goals)]


def fit_population(
    human: Iterable[Session],
    *,
    personas: Sequence[Persona],
    catalog: Catalog,
    ranking: str | RankingPolicy = "bm25",
    marginals: Marginals | None = None,
    policy: str = "behavioural",
    policy_options: Mapping[str, Any] | None = None,
    condition: Condition = "persona",
    what_is_known: Collection[str] = ("purchases", "searches", "views"),
    held_out: float = 0.5,
    sessions: int = 1_000,
    rounds: int = 4,
    seed: int = 0,
    concurrency: int = 8,
    progress: Callable[[str], None] = lambda _: None,
) -> FittedPopulation:
    """Calibrates a simulated population on sessions of people, and judges it on sessions of other people.

    In this order: the personas are weighted to the marginals, which nothing else depends on; the choice model's
    parameters `FITTED` are moved until the default mix of intentions has the training part's moments (for the
    behavioural shopper alone: a language model has no such numbers); the mix of goals is moved for what is still off.
    The people are split by shopper, so that nobody's habits are on both sides.

    Args:
        human: Sessions of people who saw ``ranking`` over ``catalog``, no test under way.
        personas: Who shops in the simulation; they need not be these people.
        catalog: What was for sale.
        ranking: In the order in which people saw it.
        marginals: Shares that are known of the customers, by trait and value.
        policy: Who shops, by name.
        policy_options: For the policy.
        condition: What of their persona they know.
        what_is_known: What the people's log holds; moments of anything else are not matched.
        held_out: Share of the people that judge, in (0, 1).
        sessions: Simulated in each of the runs that this takes, some 6 a round and 5 more.
        rounds: Most, of the choice model's fit.
        seed: Of the split and of all simulations.
        concurrency: Sessions at once, for policies that wait.
        progress: Told what is going on.

    Raises:
        ValueError: Numbers out of range, no personas, people or moments enough, marginals that cannot be met, or a run
            that ended early.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out == {held_out}, must be in (0, 1).")
    if sessions < 1 or rounds < 0:
        raise ValueError(f"{sessions=} must be >= 1, {rounds=} must be >= 0.")
    if condition not in CONDITIONS:
        raise ValueError(f"Unknown condition {condition!r}. Available: {', '.join(CONDITIONS)}.")
    if not personas:
        raise ValueError("There are no personas to calibrate.")
    weights = {} if marginals is None else _weights(personas, marginals)
    train, judge = _split(human, held_out, seed)
    names = known_moments(what_is_known, train)
    chosen = [MOMENTS.index(name) for name in names]
    train, judge = train[:, chosen], judge[:, chosen]
    scale, target, people = train.std(axis=0), train.mean(axis=0), judge.mean(axis=0)
    crowd = _Crowd(
        shop=open_shop(catalog, ranking, max_remembered=REMEMBERED),
        personas=personas,
        policy=policy,
        options=policy_options or {},
        condition=condition,
        sessions=sessions,
        concurrency=concurrency,
    )
    stages: list[Stage] = []

    def judged(name: str, mix: Mapping[Goal, float], parameters: Mapping[str, float], who: _Crowd) -> None:
        progress(name)
        found = who.play(mix, parameters, seed + 1)[0][:, chosen].mean(axis=0)
        told = dict(zip(names, found.tolist(), strict=True))
        stages.append(Stage(name=name, moments=told, distance=distance(found, people, scale)))

    judged("always buys", ALWAYS_BUY, {}, crowd)
    judged("default mix", MIX, {}, crowd)
    if weights:
        crowd = crowd._replace(personas=comers(personas, weights, sessions, seed))
        judged("personas weighted", MIX, {}, crowd)
    parameters: dict[str, float] = {}
    if policy == "behavioural" and rounds:
        start = BehaviouralParameters.of(crowd.options.get("parameters"))
        parameters = asdict(start)

        def moved(values: Floats) -> dict[str, float]:
            return parameters | dict(zip(FITTED, values.tolist(), strict=True))

        def simulate(values: Floats) -> Floats:
            progress("fitting choices")
            return np.asarray(crowd.play(MIX, moved(values), seed)[0][:, chosen].mean(axis=0) / scale)

        values = np.array([parameters[name] for name in FITTED])
        parameters = moved(fit_moments(simulate, target / scale, values, rounds=rounds).values)
        judged("choices fitted", MIX, parameters, crowd)
    progress("fitting the mix")
    moments, goals = crowd.play(MIX, parameters, seed)
    present = [goal for goal in GOALS if goal in goals]
    of_goal = np.stack([moments[[own == goal for own in goals]][:, chosen].mean(axis=0) for goal in present])
    shares_of = nearest_shares(of_goal, target, scale).tolist()
    mix = cast("dict[Goal, float]", dict(zip(present, shares_of, strict=True)))
    judged("mix fitted", mix, parameters, crowd)
    return FittedPopulation(
        catalog=catalog.name,
        policy=policy,
        condition=condition,
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
    found = rake(persona_traits(personas), marginals).tolist()
    return {persona.shopper: weight for persona, weight in zip(personas, found, strict=True)}


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
