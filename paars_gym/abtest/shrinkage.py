"""What a simulated effect is worth: shrunken by the sizes of real effects and by how simulated effects carry over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import IDENTICAL, RELATIVE
from paars_gym.abtest.prior import ASOS_PRIOR, EffectPrior, checked
from paars_gym.abtest.result import OutcomeResult
from paars_gym.estimate import Detail, Estimate, Interval

Floats = npt.NDArray[np.float64]
LEAST_MISFIT = 0.001
"""Of the root mean square of the simulated effects: nothing is carried over exactly."""
METHOD = "posterior of a normal mixture"


@dataclass(frozen=True)
class CarryOver:
    """How true effects come out in a simulation: ``simulated = gain · true + misfit``.

    Attributes:
        gain: How much of a true effect is simulated.
        misfit: Standard deviation of what is simulated beside that.
        tests: How many it was estimated from.
        source: Of which people, in words.
    """

    gain: float
    misfit: float
    tests: int
    source: str


UNCALIBRATED = CarryOver(0.59, 0.137, 87, "an unfitted shopper, beside invented people of three kinds")
"""What is taken for granted of a simulation that was never compared with people: how 29 treatments came out on three
kinds of invented people (``benchmarks.validity.judging.carry_over_of``; ``python -m benchmarks.abtest_validity``)."""


def fit_carry_over(
    human: tuple[Sequence[float], Sequence[float]],
    simulated: tuple[Sequence[float], Sequence[float]],
    prior: EffectPrior,
    *,
    source: str = "past tests",
) -> CarryOver:
    """How the effects of past tests came out in their simulations, by maximum likelihood.

    True effects come from the prior; what people showed is the true effect with the noise of their test, what was
    simulated is ``gain · true + misfit`` with that of the simulation. Gain and misfit are taken as known afterwards;
    for what that leaves out the variance of the misfit is multiplied by ``n / (n - 2)``.

    Args:
        human: Relative effects and their standard errors, shape (n,) each.
        simulated: The same as simulated.
        prior: Of the true effects.
        source: Of which people, in words.

    Raises:
        ValueError: Fewer than three tests, or numbers that are none.
    """
    from scipy.optimize import minimize

    (y, y_error), (x, x_error) = checked(*human), checked(*simulated)
    if len(x) < 3 or len(x) != len(y):
        raise ValueError(f"How effects carry over takes three past tests at least, got {len(y)} and {len(x)} effects.")
    weights, scales = np.array(prior.weights), np.array(prior.scales)
    width = max(float(np.sqrt(np.mean(np.square(x)))), 1e-6)

    def misfit_of(value: float) -> float:
        return math.hypot(math.exp(value), LEAST_MISFIT * width)

    def surprise(values: Floats) -> float:
        gain, misfit = values[0], misfit_of(values[1])
        # Of each test (rows) and part of the mixture (columns): a bivariate normal around 0.
        of_y = np.square(scales) + np.square(y_error)[:, None]
        of_x = np.square(gain * scales) + (np.square(x_error) + misfit**2)[:, None]
        both = gain * np.square(scales)
        spare = of_x * of_y - np.square(both)
        far = (of_x * np.square(y)[:, None] - 2 * both * (x * y)[:, None] + of_y * np.square(x)[:, None]) / spare
        return -float(np.logaddexp.reduce(np.log(weights) - far / 2 - np.log(spare) / 2, axis=1).sum())

    starts = [(gain, np.log(width / 2)) for gain in (0.2, 2.0)]
    options = {"xatol": 1e-4, "fatol": 1e-7, "maxiter": 2_000}
    found = min(
        (minimize(surprise, start, method="Nelder-Mead", options=options) for start in starts), key=lambda one: one.fun
    )
    misfit = misfit_of(found.x[1]) * (len(x) / (len(x) - 2)) ** 0.5
    return CarryOver(float(found.x[0]), misfit, len(x), source)


def shrink(simulated: Estimate, prior: EffectPrior, carry_over: CarryOver = UNCALIBRATED) -> Estimate:
    """What a simulated relative effect says about the true one: mean and central interval of the posterior.

    The prior is the mixture; the simulated effect is ``gain · true + misfit`` with the noise of the simulation, its
    detail ``standard_error``. Each part of the mixture gives a normal posterior, weighted by how likely the simulated
    effect is under it (empirical Bayes, Efron & Morris 1975; as for online tests Deng 2015, Azevedo et al. 2020).

    Returns:
        Details: those of the prior (``prior``, ``real_median``, ``real_p90``), of the carry-over (``gain``, ``misfit``,
        ``past_tests``), ``kept``, the share of the simulated effect that is left, and ``positive``, the probability
        that the true effect is above 0.
    """
    details: dict[str, Detail] = {
        "prior": prior.source,
        "real_median": prior.median,
        "real_p90": prior.ninetieth,
        "gain": carry_over.gain,
        "misfit": carry_over.misfit,
        "past_tests": carry_over.tests,
        "compared_with": carry_over.source,
    }
    error, level = simulated.number("standard_error"), 0.95 if simulated.interval is None else simulated.interval.level
    if simulated.note == IDENTICAL:
        return Estimate(0.0, unit=RELATIVE, note=IDENTICAL, details=details)
    if simulated.value is None or error is None:
        return Estimate(None, unit=RELATIVE, note="nothing to shrink", details=details)
    gain, effect = carry_over.gain, simulated.value
    scales = np.array(prior.scales)
    variances = np.square(gain * scales) + error**2 + carry_over.misfit**2
    surprise = np.log(prior.weights) - np.log(variances) / 2 - effect**2 / variances / 2
    weights = np.exp(surprise - np.logaddexp.reduce(surprise))
    slopes = gain * np.square(scales) / variances
    means, spreads = slopes * effect, np.sqrt(np.square(scales) * (1 - gain * slopes))
    mean = float(weights @ means)
    ends = [_quantile(share, weights, means, spreads) for share in ((1 - level) / 2, (1 + level) / 2)]
    positive = 1 - _below(0.0, weights, means, spreads)
    around = Interval(ends[0], ends[1], level, METHOD).if_wide()
    kept = mean / effect if effect else None
    return Estimate(mean, around, unit=RELATIVE, details={**details, "kept": kept, "positive": positive})


def shrunken(
    outcomes: Mapping[str, OutcomeResult],
    *,
    priors: Mapping[str, EffectPrior] = ASOS_PRIOR,
    carry_overs: Mapping[str, CarryOver] | None = None,
) -> dict[str, OutcomeResult]:
    """Outcomes with what their simulated relative effects are worth beside them.

    Args:
        outcomes: By name.
        priors: Sizes of real effects, by outcome.
        carry_overs: How simulated effects carry over, by outcome; `UNCALIBRATED` for the others.
    """
    known = carry_overs or {}
    return {
        name: outcome.model_copy(
            update={"shrunken": shrink(outcome.relative, priors[name], known.get(name, UNCALIBRATED))}
        )
        for name, outcome in outcomes.items()
    }


def _below(value: float, weights: Floats, means: Floats, spreads: Floats) -> float:
    from scipy.special import ndtr

    return float(weights @ ndtr((value - means) / np.maximum(spreads, 1e-300)))


def _quantile(share: float, weights: Floats, means: Floats, spreads: Floats) -> float:
    from scipy.optimize import brentq

    low, high = float((means - 10 * spreads).min()), float((means + 10 * spreads).max())
    if not high - low > 0:
        return low
    return float(brentq(lambda value: _below(value, weights, means, spreads) - share, low, high, xtol=1e-12))
