"""Parameters of a simulated shopper that give the moments people have: simulated method of moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from paars_gym.abtest.estimate import Floats

STEP, LONGEST, RIDGE = 0.4, 1.5, 0.01
"""Of a finite difference; of one parameter in one round; of the normal equations. In log odds, as parameters are."""
ENOUGH = 0.02
"""Relative gain below which another round is not worth its simulations."""


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
