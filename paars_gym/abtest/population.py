"""Which mix of intentions, and which weights of personas, make a simulated population behave as often as people do?

The paper explains effects 10 to 30 times too large by agents that always mean to buy. So the mix of goals is fitted,
and personas are weighted to known marginals, on a training part of the human sessions; the held-out part judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.outcomes import FAILED, columns_of, measure
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session
from paars_gym.simulation.intentions import GOALS, Goal

MOMENTS = ("conversion", "units", "searches", "views", "no view", "one view", "many views", "many searches")
"""What is matched: conversion, units, and the lengths of sessions."""


class MixFit(NamedTuple):
    """A fitted mix of goals, judged on sessions it has not seen.

    Attributes:
        mix: Shares of the goals.
        human: Moments of the held-out human sessions, by name.
        before: The same of the simulated sessions as they were mixed.
        after: The same under the fitted mix.
        distance_before: Root mean square of the differences to ``human``, in standard deviations of a human session.
        distance_after: The same after fitting.
    """

    mix: dict[Goal, float]
    human: dict[str, float]
    before: dict[str, float]
    after: dict[str, float]
    distance_before: float
    distance_after: float


def session_moments(sessions: Sequence[Session]) -> Floats:
    """What of each session is matched, shape (sessions, len(MOMENTS)); failed sessions are left out.

    Raises:
        ValueError: No session is left.
    """
    columns = columns_of(measure(session) for session in sessions if session.end not in FAILED)
    if not len(columns["units"]):
        raise ValueError("There is no session to take moments of.")
    views = columns["views"]
    return np.stack(
        [
            columns["converted"],
            columns["units"],
            columns["searches"],
            views,
            views == 0,
            views == 1,
            views > 5,
            columns["searches"] > 2,
        ],
        axis=1,
    ).astype(np.float64)


def fit_mix(
    train: Sequence[Session],
    test: Sequence[Session],
    simulated: Sequence[Session],
    *,
    weights: Mapping[str, float] | None = None,
) -> MixFit:
    """The mix of goals under which the simulated sessions have the moments of the human ones.

    The simulated sessions of each goal have fixed moments; the mix is the point of the simplex whose weighted mean of
    them is nearest to the human training sessions, each moment in units of its human standard deviation (simulated
    method of moments, McFadden 1989, with diagonal weights). It can only reach what mixtures of the goals reach.

    Args:
        train: Human sessions to fit to.
        test: Human sessions that judge; none of them in ``train``.
        simulated: With intentions of every goal that may get a share.
        weights: Of shoppers, as `rake` gives them; 1 where nothing is said.

    Raises:
        ValueError: No sessions of some kind, or simulated ones without a goal.
    """
    from scipy.optimize import nnls

    if {session.key for session in train} & {session.key for session in test}:
        raise ValueError("A human session is both in the training part and in the held-out part; split them first.")
    usable = [session for session in simulated if session.end not in FAILED]
    goals = [None if session.intention is None else session.intention.goal for session in usable]
    present: list[Goal] = [goal for goal in GOALS if goal in goals]
    if None in goals or not present:
        raise ValueError("Simulated sessions need intentions with a goal, or their mix cannot be fitted.")
    moments = session_moments(usable)
    weight = np.array([1.0 if weights is None else weights.get(session.shopper, 1.0) for session in usable])
    targets, judged = session_moments(train), session_moments(test)
    scale = np.maximum(targets.std(axis=0), 1e-9)
    of_goal = np.stack(
        [np.average(moments[chosen], axis=0, weights=weight[chosen]) for chosen in _each(goals, present)]
    )
    # Non-negative least squares; the shares' sum is held at 1 by a row that outweighs all others.
    heavy = 1e4
    system = np.vstack([(of_goal / scale).T, np.full(len(present), heavy)])
    shares, _ = nnls(system, np.append(targets.mean(axis=0) / scale, heavy))
    shares /= shares.sum()
    before, after, human = moments.mean(axis=0), shares @ of_goal, judged.mean(axis=0)

    def named(values: Floats) -> dict[str, float]:
        return dict(zip(MOMENTS, values.tolist(), strict=True))

    def distance(values: Floats) -> float:
        return float(np.sqrt(np.mean(np.square((values - human) / scale))))

    mix = dict(zip(present, shares.tolist(), strict=True))
    return MixFit(mix, named(human), named(before), named(after), distance(before), distance(after))


def _each(goals: Sequence[Goal | None], present: Sequence[Goal]) -> list[npt.NDArray[np.bool_]]:
    return [np.array([goal == name for goal in goals]) for name in present]


def rake(
    traits: Mapping[str, Sequence[str]],
    marginals: Mapping[str, Mapping[str, float]],
    *,
    tolerance: float = 1e-8,
    rounds: int = 1_000,
) -> Floats:
    """Weights under which a population has given marginals (iterative proportional fitting, Deming & Stephan 1940).

    Args:
        traits: Values of each trait, one entry a persona.
        marginals: Target shares of each trait's values; scaled to sum to 1.
        tolerance: Largest difference of a share at which to stop.
        rounds: Most rounds.

    Returns:
        One weight a persona, mean 1.

    Raises:
        ValueError: An unknown trait, a target that no persona meets, values without a target, or targets that
            contradict each other.
    """
    sizes = {len(values) for values in traits.values()}
    if len(sizes) != 1 or not marginals:
        raise ValueError("Raking needs marginals, and traits of one length.")
    weights = np.ones(sizes.pop())
    members: list[tuple[npt.NDArray[np.bool_], float]] = []
    for trait, shares in marginals.items():
        if trait not in traits:
            raise ValueError(f"Unknown trait {trait!r}. Available: {', '.join(traits)}.")
        values, total = np.array(traits[trait]), sum(shares.values())
        if total <= 0 or min(shares.values()) < 0:
            raise ValueError(f"Shares of {trait} == {dict(shares)}, must be >= 0 and not all 0.")
        absent = [value for value, share in shares.items() if share > 0 and value not in values]
        if absent:
            raise ValueError(f"No persona has {trait} == {absent[0]!r}, so that no weight can give it its share.")
        unsaid = sorted(set(values.tolist()) - shares.keys())
        if unsaid:
            raise ValueError(
                f"{trait} == {unsaid[0]!r} occurs and has no target share; give it one, 0 to leave it out."
            )
        members += [(values == value, share / total) for value, share in shares.items()]
    worst = np.inf
    for _ in range(rounds):
        for member, share in members:
            present = weights[member].sum()
            weights[member] *= share * len(weights) / present if present else 0.0
        worst = max(abs(weights[member].sum() / weights.sum() - share) for member, share in members)
        if worst < tolerance:
            return np.asarray(weights * len(weights) / weights.sum())
    raise ValueError(f"The marginals contradict each other: after {rounds} rounds a share is still off by {worst:.2g}.")


def persona_traits(personas: Sequence[Persona]) -> dict[str, list[str]]:
    """The closed traits of the profiles, for `rake`: age_range, gender, income_band and so on."""
    names = ("age_range", "gender", "marital_status", "household_size", "children", "income_band", "home")
    return {name: [getattr(persona.profile, name).value for persona in personas] for name in names}


def resample(
    personas: Sequence[Persona], weights: npt.ArrayLike, number: int, rng: np.random.Generator
) -> list[Persona]:
    """A population in which personas come as often as their weights say, by systematic sampling.

    Args:
        personas: Of whom.
        weights: One each, >= 0.
        number: How many; a persona may come several times, and counts as one cluster.
        rng: Of the one draw that this takes.

    Raises:
        ValueError: Weights that are negative or all 0, or of another number.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(personas),) or not (shares >= 0).all() or not shares.sum() > 0:
        raise ValueError(f"resample needs one weight >= 0 for each of the {len(personas)} personas, not all 0.")
    marks = (rng.random() + np.arange(number)) / number
    found = np.searchsorted(np.cumsum(shares) / shares.sum(), marks, side="right")
    return [personas[index] for index in np.minimum(found, len(personas) - 1).tolist()]
