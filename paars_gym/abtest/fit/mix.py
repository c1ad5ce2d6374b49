"""Which mix of intentions makes a simulated population behave as often as people do?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.moments import MOMENTS, distance, session_moments
from paars_gym.abtest.outcomes import FAILED
from paars_gym.personas.intentions import GOALS, Goal
from paars_gym.sessions.event import Session


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
    shares = nearest_shares(of_goal, targets.mean(axis=0), scale)
    before, after, human = moments.mean(axis=0), shares @ of_goal, judged.mean(axis=0)

    def named(values: Floats) -> dict[str, float]:
        return dict(zip(MOMENTS, values.tolist(), strict=True))

    mix = dict(zip(present, shares.tolist(), strict=True))
    far = (distance(values, human, scale) for values in (before, after))
    return MixFit(mix, named(human), named(before), named(after), *far)


def _each(goals: Sequence[Goal | None], present: Sequence[Goal]) -> list[npt.NDArray[np.bool_]]:
    return [np.array([goal == name for goal in goals]) for name in present]


def nearest_shares(of_goal: Floats, target: Floats, scale: Floats) -> Floats:
    """Shares, >= 0 and of sum 1, under which the mean of some rows is nearest to a target.

    Args:
        of_goal: Mean moments of each goal's sessions, shape (goals, moments).
        target: Mean moments to reach, shape (moments,).
        scale: In units of which each moment is measured, shape (moments,).
    """
    from scipy.optimize import nnls

    # Non-negative least squares; the shares' sum is held at 1 by a row that outweighs all others.
    heavy = 1e4
    system = np.vstack([(of_goal / scale).T, np.full(len(of_goal), heavy)])
    shares, _ = nnls(system, np.append(target / scale, heavy))
    return np.asarray(shares / shares.sum(), dtype=np.float64)
