"""What a simulated effect says about people: a line through past tests, judged on tests it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import RELATIVE
from paars_gym.estimate import Estimate, Interval

LEAST_TESTS = 3
"""Fewer are not calibrated on."""
IN_PROPORTION = "no interval: all past tests lie on one line"


class Calibration(NamedTuple):
    """Human effect = slope × simulated effect, without an intercept: no change has no effect.

    Attributes:
        slope: How much of a simulated effect people show.
        slope_error: Its standard error.
        spread: Standard deviation of human effects around the line.
        degrees: Degrees of freedom of both.
        level: Of prediction intervals.
    """

    slope: float
    slope_error: float
    spread: float
    degrees: int
    level: float

    def predict(self, simulated: float, *, error: float = 0.0) -> Estimate:
        """What people would do, with an interval by Student's t for one new test.

        The variance of the prediction is ``(slope_error · simulated)² + spread² + (slope · error)²``. ``spread`` holds
        the noise of the past tests' simulations already; that of the new one comes on top, because it may be smaller
        than they were, and a little too wide is better than too narrow.

        Args:
            simulated: Relative effect of the new test.
            error: Standard error of that, from the noise of its own simulation.
        """
        from scipy.special import stdtrit

        effect = self.slope * simulated
        error = float(np.sqrt((self.slope_error * simulated) ** 2 + self.spread**2 + (self.slope * error) ** 2))
        margin = float(stdtrit(self.degrees, (1 + self.level) / 2) * error)
        around = Interval(effect - margin, effect + margin, self.level, "prediction of one test, Student's t").if_wide()
        return Estimate(effect, around, unit=RELATIVE, note="" if around else IN_PROPORTION)

    def slope_estimate(self) -> Estimate:
        """The slope with its interval by Student's t."""
        from scipy.special import stdtrit

        margin = float(stdtrit(self.degrees, (1 + self.level) / 2)) * self.slope_error
        around = Interval(self.slope - margin, self.slope + margin, self.level, "Student's t").if_wide()
        note = "" if around else IN_PROPORTION
        return Estimate(
            self.slope, around, note=note, details={"standard_error": self.slope_error, "degrees": self.degrees}
        )


def calibrate(simulated: npt.ArrayLike, human: npt.ArrayLike, *, level: float = 0.95) -> Calibration:
    """Least squares through the origin. Assumes tests exchangeable, with errors alike in size.

    Args:
        simulated: Relative effects of past tests as simulated, shape (n,).
        human: The same as measured on people.
        level: Of prediction intervals.

    Raises:
        ValueError: Fewer than two tests, or no simulated effect differs from 0.
    """
    x, y = np.asarray(simulated, dtype=np.float64), np.asarray(human, dtype=np.float64)
    if len(x) < 2 or len(x) != len(y):
        raise ValueError(f"A calibration needs at least two past tests, got {len(x)} and {len(y)} effects.")
    weight = float(x @ x)
    if not weight > 0:
        raise ValueError("All simulated effects are 0: nothing can be calibrated.")
    slope, degrees = float(x @ y) / weight, len(x) - 1
    spread = float(np.sqrt(np.square(y - slope * x).sum() / degrees))
    return Calibration(slope, spread / weight**0.5, spread, degrees, level)


def leave_one_out(simulated: Sequence[float], human: Sequence[float], *, level: float = 0.95) -> list[Estimate]:
    """Each test predicted by a calibration on all others; unknown where there are fewer than `LEAST_TESTS`."""
    x, y = np.asarray(simulated, dtype=np.float64), np.asarray(human, dtype=np.float64)
    predictions = []
    for index in range(len(x)):
        others = np.arange(len(x)) != index
        if len(x) < LEAST_TESTS or not x[others].any():
            predictions.append(
                Estimate(None, unit=RELATIVE, note=f"takes {LEAST_TESTS} tests, whose effects are not all 0")
            )
        else:
            predictions.append(calibrate(x[others], y[others], level=level).predict(float(x[index])))
    return predictions
