"""An always-valid interval for stopping a test early: it holds at every look, however often one looks."""

from __future__ import annotations

import math

import numpy as np

from paars_gym.abtest.estimate import Floats, direction_of
from paars_gym.estimate import Estimate, Interval

FIRST_LOOK = 50
"""Personas before the first look: the sequence rests on a variance estimated from them."""
METHOD = "asymptotic confidence sequence over personas"


def confidence_sequence(
    differences: Floats, *, level: float = 0.95, first_look: int = FIRST_LOOK
) -> tuple[Floats, Floats]:
    """Asymptotic confidence sequence for a mean, valid at all looks at once.

    After t personas: ``mean ± sd · sqrt(2 (t r² + 1) / (t² r²) · log(sqrt(t r² + 1) / alpha))``, the Gaussian mixture
    boundary of Robbins (1970) as Waudby-Smith et al. (2024, theorem 2.2) extend it to data that are independent and
    have a variance. ``r`` makes it tightest at the planned end. Its guarantee is asymptotic in the first look, so there
    is none before ``first_look``.

    Args:
        differences: One mean difference a persona, shape (n,), in an order that does not depend on them.
        level: Confidence level, in (0, 1).
        first_look: Personas before which nothing is said.

    Returns:
        Lower and upper bounds after 1, 2, … personas, shape (n,) each; infinite before the first look.

    Raises:
        ValueError: No persona, or a level out of range.
    """
    if not len(differences):
        raise ValueError("There are no personas to look at.")
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    alpha, n = 1 - level, len(differences)
    times = np.arange(1, n + 1)
    means = np.cumsum(differences) / times
    squares = np.cumsum(np.square(differences)) / times
    spread = np.sqrt(np.maximum(squares - np.square(means), 0) * times / np.maximum(times - 1, 1))
    rate = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / n
    scaled = times * rate + 1
    margin = spread * np.sqrt(2 * scaled / (times**2 * rate) * np.log(np.sqrt(scaled) / alpha))
    # A spread of 0 is no knowledge: all that differed may be yet to come.
    margin[(times < first_look) | (spread == 0)] = math.inf
    return means - margin, means + margin


def sequential_estimate(differences: Floats, *, level: float = 0.95) -> Estimate:
    """The mean difference with its always-valid interval after all personas; arguments as for `confidence_sequence`.

    Its detail ``stop_after`` is the number of personas after which 0 was outside for the first time; None if it never
    was.
    """
    low, high = confidence_sequence(differences, level=level)
    outside = np.flatnonzero((low > 0) | (high < 0))
    around = Interval.of((float(low[-1]), float(high[-1])), level=level, method=METHOD)
    return Estimate(
        float(np.mean(differences)),
        around,
        sizes={"personas": len(differences)},
        verdict=direction_of(around),
        note="" if around else f"no interval before {FIRST_LOOK} personas, or where none differs",
        details={"stop_after": int(outside[0]) + 1 if len(outside) else None},
    )
