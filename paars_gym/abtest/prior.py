"""How large the effects of real tests are: the prior that simulated effects are shrunken by.

The built-in prior is that of ASOS, an online fashion shop: the last checkpoint of 99 variants in 78 experiments, four
metrics (Liu, Cardoso, Couturier & McCoy 2021, "Datasets for online controlled experiments", data under CC BY 4.0). Only
the numbers below are part of this package. The metrics are anonymous; their variances tell that the first is a share,
and that the fourth is the most like money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.outcomes import OUTCOMES

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EffectPrior:
    """Relative effects of real tests: a mixture of normal distributions around 0, most of them narrow.

    Attributes:
        source: Whose tests.
        tests: How many.
        median: Of the measured ``|relative effect|``, with the noise of the tests.
        ninetieth: Their 90th percentile.
        weights: Of the parts of the mixture; they add up to 1.
        scales: Standard deviations of the parts, of the effects without noise.
    """

    source: str
    tests: int
    median: float
    ninetieth: float
    weights: tuple[float, ...]
    scales: tuple[float, ...]

    def in_words(self) -> str:
        """How large real effects are, as a sentence without its end."""
        return (
            f"{self.source}: half of {self.tests} measured effects are below {self.median:.2%}, "
            f"nine in ten below {self.ninetieth:.2%}"
        )


ASOS = "asos"
ASOS_SOURCE = "real tests at ASOS (Liu et al. 2021)"
_SHARE = EffectPrior(ASOS_SOURCE, 99, 0.00174, 0.01163, (0.824, 0.176), (0.00145, 0.01405))
_MONEY = EffectPrior(ASOS_SOURCE, 99, 0.00367, 0.01706, (0.721, 0.279), (0.00200, 0.01385))
_ALL = EffectPrior(ASOS_SOURCE, 396, 0.00294, 0.01594, (0.779, 0.221), (0.00187, 0.01509))
_BY_OUTCOME = {"conversion": _SHARE, "revenue": _MONEY}
ASOS_PRIOR: Mapping[str, EffectPrior] = {outcome.name: _BY_OUTCOME.get(outcome.name, _ALL) for outcome in OUTCOMES}
"""By outcome: metric 1 for conversion, metric 4 for revenue, all four metrics together for everything else.

Median and 90th percentile are those of ``|mean_t / mean_c - 1|``; the mixture has the greatest likelihood of two
normal parts around 0, each effect blurred by its own standard error (delta method), over the 381 effects whose
variances are given."""


def fit_prior(effects: Sequence[float], errors: Sequence[float], *, source: str = "past tests") -> EffectPrior:
    """A prior of one's own tests: a normal distribution around 0, as wide as makes these effects the likeliest.

    A handful of tests tells a variance and no shape. A mixture like that of ASOS, whose wide part is eight times as
    wide as the narrow one, would take large simulated effects for larger true ones where effects are not so shaped.

    Args:
        effects: Relative, as measured, shape (n,).
        errors: Their standard errors, shape (n,).
        source: Whose tests, for reports.

    Raises:
        ValueError: No effect, or numbers that are none.
    """
    from scipy.optimize import minimize_scalar

    measured, noise = checked(effects, errors)

    def surprise(log_scale: float) -> float:
        variances = np.exp(2 * log_scale) + np.square(noise)
        return float((np.square(measured) / variances + np.log(variances)).sum())

    sizes = np.abs(measured)
    most = max(float(sizes.max()), 1e-6)
    found = minimize_scalar(surprise, bounds=(np.log(most) - 12, np.log(most) + 1), method="bounded")
    return EffectPrior(
        source=source,
        tests=len(measured),
        median=float(np.median(sizes)),
        ninetieth=float(np.quantile(sizes, 0.9)),
        weights=(1.0,),
        scales=(float(np.exp(found.x)),),
    )


def checked(effects: Sequence[float], errors: Sequence[float]) -> tuple[Floats, Floats]:
    """Effects and their standard errors as arrays.

    Raises:
        ValueError: They do not pair up, or one of them is no number.
    """
    measured, noise = np.asarray(effects, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if not len(measured) or measured.shape != noise.shape:
        raise ValueError(f"Effects and standard errors must pair up, got {len(measured)} and {len(noise)}.")
    if not (np.isfinite(measured).all() and np.isfinite(noise).all() and (noise >= 0).all()):
        raise ValueError("An effect or a standard error is no number, or an error is negative.")
    return measured, noise
