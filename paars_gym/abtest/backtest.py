"""How far simulated tests agree with past A/B tests of people: judged test by test, each left out once.

How such tests are written down: `paars_gym.abtest.past_tests`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.magnitude import LEAST_TESTS, Calibration, calibrate, leave_one_out
from paars_gym.abtest.outcomes import PRIMARY, check_outcome
from paars_gym.abtest.past_tests import PastTest, error_of
from paars_gym.abtest.prior import EffectPrior, fit_prior
from paars_gym.abtest.shrinkage import CarryOver, fit_carry_over
from paars_gym.abtest.surrogacy import Falsification, falsify, pilot_sessions
from paars_gym.estimate import Detail, Estimate, Interval, Tabular
from paars_gym.files import read_model

NOISE_SHARE, HALF_WIDTH = 0.1, 0.01
WILSON = "Wilson (1927)"
TOO_FEW = f"takes {LEAST_TESTS} tests, whose effects are not all 0"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PredictionErrors(_Frozen):
    """How far predictions of the human effect are off, over all tests.

    Attributes:
        mean_absolute: In relative change.
        root_mean_square: In relative change.
        direction: How often the sign is right; a prediction of 0 never is.
    """

    mean_absolute: float
    root_mean_square: float
    direction: Estimate


class BacktestResult(Tabular, _Frozen):
    """How far simulated tests can be trusted. A share's detail ``count`` says how many tests it is of its sizes.

    Attributes:
        outcome: That was compared.
        tests: What people did, what was simulated, and what the other tests make of that.
        falsification: Whether signs and order agree beyond chance at all; look here first.
        direction: Share of tests with the same sign.
        direction_significant: The same over tests whose human interval leaves out 0.
        rank_correlation: Spearman's, with a bootstrap-free Fisher interval (Bonett & Wright 2000).
        correlation: Pearson's, with an interval by Fisher's z.
        magnitude_ratio: Median of |simulated| / |human|; 1 would be right, the paper saw 10 to 30.
        calibrated_magnitude_ratio: The same after calibration, each test by the others.
        calibration: On all tests, for tests to come; None with too few.
        slope: Of the calibration.
        coverage: Share of tests whose leave-one-out prediction interval held the human effect.
        level: Of all intervals.
        raw: Errors when the simulated effect is taken as it is.
        calibrated: Errors of the leave-one-out calibrated prediction.
        no_effect: Errors of the baseline that always predicts 0.
        mean_effect: Errors of the baseline that predicts the mean of the other tests, and so always its sign.
        draws: That a visit needs, so that their noise is at most detail ``share`` of the variance of its mean; the
            median over the tests that were simulated with several draws.
        pilot: People's sessions in a pilot of a new test, both arms, so that prediction and pilot together are sure to
            ± detail ``half_width``; takes past tests whose intervals and sessions are known.
        prior: Sizes of people's effects in these tests.
        carry_over: How these came out in the simulation; None with too few tests.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("quantity", "test", "estimate", "unit", "note")

    outcome: str
    tests: tuple[PastTest, ...]
    falsification: Falsification
    direction: Estimate
    direction_significant: Estimate
    rank_correlation: Estimate
    correlation: Estimate
    magnitude_ratio: Estimate
    calibrated_magnitude_ratio: Estimate
    calibration: Calibration | None
    slope: Estimate
    coverage: Estimate
    level: float
    raw: PredictionErrors
    calibrated: PredictionErrors | None
    no_effect: PredictionErrors
    mean_effect: PredictionErrors | None
    draws: Estimate
    pilot: Estimate
    prior: EffectPrior
    carry_over: CarryOver | None

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a quantity over all tests, then three rows a test."""
        named = {name: one for name in type(self).model_fields if isinstance(one := getattr(self, name), Estimate)}
        for name in ("raw", "calibrated", "no_effect", "mean_effect"):
            errors = getattr(self, name)
            if errors is not None:
                named[f"mean error, {name}"] = Estimate(errors.mean_absolute, unit="relative change")
        named |= {f"falsification, {name}": getattr(self.falsification, name) for name in Falsification.model_fields}
        over_all: list[dict[str, Detail]] = [
            {"quantity": name, "test": "all", **estimate.to_dict()} for name, estimate in named.items()
        ]
        return over_all + [
            {"quantity": name, "test": test.name, **getattr(test, name).to_dict()}
            for test in self.tests
            for name in ("human", "simulated", "calibrated")
        ]

    def summary(self) -> str:
        """How many tests, and of what."""
        return f"Backtest on {len(self.tests)} tests of people, {self.outcome}"


def backtest(
    tests: Sequence[PastTest],
    *,
    outcome: str = PRIMARY,
    level: float = 0.95,
    noise_share: float = NOISE_SHARE,
    half_width: float = HALF_WIDTH,
) -> BacktestResult:
    """Compares simulated with human effects.

    Args:
        tests: At least one.
        outcome: What the effects are of, for the record.
        level: Of all intervals.
        noise_share: Most of a visit's variance that may be noise of its draws, for the number of draws.
        half_width: Of the interval that a pilot of people is to reach, in relative change.

    Raises:
        ValueError: No test, a number out of range, or an effect that is no number.
    """
    if not tests:
        raise ValueError("There is no past test to compare with.")
    check_outcome(outcome)
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    if not 0 < half_width < math.inf:
        raise ValueError(f"half_width == {half_width}, must be > 0, as in 1% or 0.01.")
    for test in tests:
        if test.human.value is None or test.simulated.value is None:
            raise ValueError(
                f"Test {test.name!r}: effects {test.human.value} and {test.simulated.value} must be numbers."
            )
    human, simulated = (_values([getattr(test, name) for test in tests]) for name in ("human", "simulated"))
    predicted = leave_one_out(simulated.tolist(), human.tolist(), level=level)
    calibrated = _values(predicted)
    usable = bool(np.isfinite(calibrated).all())
    others = (human.sum() - human) / (len(human) - 1) if len(human) > 1 else None
    sure = [
        test.human.interval is not None and test.human.interval.low * test.human.interval.high > 0 for test in tests
    ]
    held = [one.interval is not None and y in one.interval for one, y in zip(predicted, human.tolist(), strict=True)]
    line = calibrate(simulated, human, level=level) if usable else None
    errors = [[error_of(getattr(test, name)) for test in tests] for name in ("human", "simulated")]
    prior = fit_prior(human.tolist(), errors[0])
    rank, linear = _correlations(simulated, human, level)
    return BacktestResult(
        outcome=outcome,
        tests=tuple(test.model_copy(update={"calibrated": one}) for test, one in zip(tests, predicted, strict=True)),
        falsification=falsify(simulated.tolist(), human.tolist()),
        direction=_agreement(simulated, human, level),
        direction_significant=_agreement(simulated[sure], human[sure], level),
        rank_correlation=rank,
        correlation=linear,
        magnitude_ratio=_magnitude(simulated, human),
        calibrated_magnitude_ratio=_magnitude(calibrated, human) if usable else Estimate(None, note=TOO_FEW),
        calibration=line,
        slope=Estimate(None, note=TOO_FEW) if line is None else line.slope_estimate(),
        coverage=_share(sum(held) if usable else 0, len(tests) if usable else 0, level),
        level=level,
        raw=_errors(simulated, human, level),
        calibrated=_errors(calibrated, human, level) if usable else None,
        no_effect=_errors(np.zeros_like(human), human, level),
        mean_effect=None if others is None else _errors(others, human, level),
        draws=_draws(tests, noise_share),
        pilot=_pilot(tests, line, half_width, level),
        prior=prior,
        carry_over=fit_carry_over((human.tolist(), errors[0]), (simulated.tolist(), errors[1]), prior)
        if usable
        else None,
    )


def read_backtest(path: str | Path) -> BacktestResult:
    """What ``paars backtest --json`` printed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Something else is in it.
    """
    return read_model(BacktestResult, path, "backtest", make="paars backtest TESTS --json > FILE")


def _draws(tests: Sequence[PastTest], share: float) -> Estimate:
    """Draws a visit needs: the median of the tests that tell."""
    needed = [test.components.draws_for(share) for test in tests if test.components is not None]
    details: dict[str, Detail] = {"share": share}
    if not needed:
        return Estimate(None, unit="draws", note="takes simulated tests with two draws or more", details=details)
    middle = float(np.median([np.inf if number is None else number for number in needed]))
    note = "" if np.isfinite(middle) else "visits do not differ beyond the noise of their draws"
    return Estimate(middle, unit="draws", sizes={"tests": len(needed)}, note=note, details=details)


def _pilot(tests: Sequence[PastTest], line: Calibration | None, half_width: float, level: float) -> Estimate:
    """People's sessions in a pilot: from the spread around the calibration and the variance of a session of people."""
    variances = [
        error_of(test.human) ** 2 * test.human.sizes["sessions"]
        for test in tests
        if test.human.interval is not None and "sessions" in test.human.sizes
    ]
    details: dict[str, Detail] = {"half_width": half_width}
    if line is None or not variances:
        note = TOO_FEW if line is None else "takes human_low, human_high and human_sessions of past tests"
        return Estimate(None, unit="sessions", note=note, details=details)
    variance = float(np.median(variances))
    needed = pilot_sessions(half_width, prediction_error=line.spread, session_variance=variance, level=level)
    details |= {"prediction_error": line.spread, "session_variance": variance}
    return Estimate(needed, unit="sessions", sizes={"tests": len(variances)}, details=details)


def _values(estimates: Sequence[Estimate]) -> Floats:
    return np.array([np.nan if one.value is None else one.value for one in estimates], dtype=np.float64)


def _agreement(predicted: Floats, human: Floats, level: float) -> Estimate:
    return _share(int((np.sign(predicted) * np.sign(human) > 0).sum()), len(human), level)


def _share(count: int, of: int, level: float) -> Estimate:
    if not of:
        return Estimate(None, unit="share", sizes={"tests": 0}, note="of no test", details={"count": 0})
    from scipy.stats import binomtest

    ends = binomtest(count, of).proportion_ci(level, method="wilson")
    around = Interval(float(ends.low), float(ends.high), level, WILSON)
    return Estimate(count / of, around, unit="share", sizes={"tests": of}, details={"count": count})


def _errors(predicted: Floats, human: Floats, level: float) -> PredictionErrors:
    off = predicted - human
    return PredictionErrors(
        mean_absolute=float(np.abs(off).mean()),
        root_mean_square=float(np.sqrt(np.square(off).mean())),
        direction=_agreement(predicted, human, level),
    )


def _magnitude(predicted: Floats, human: Floats) -> Estimate:
    moved = human != 0
    ratio = float(np.median(np.abs(predicted[moved] / human[moved]))) if moved.any() else None
    return Estimate(ratio, sizes={"tests": int(moved.sum())})


def _correlations(simulated: Floats, human: Floats, level: float) -> tuple[Estimate, Estimate]:
    """Spearman's and Pearson's."""
    from scipy.special import ndtri
    from scipy.stats import pearsonr, spearmanr

    sizes = {"tests": len(human)}
    if len(human) < 3 or not (np.ptp(simulated) and np.ptp(human)):
        nothing = Estimate(None, sizes=sizes, note="takes three tests whose effects differ")
        return nothing, nothing
    z = float(ndtri((1 + level) / 2))

    def around(value: float, factor: float) -> Estimate:
        if len(human) < 4 or abs(value) >= 1:
            return Estimate(value, sizes=sizes)
        margin = z * float(np.sqrt(factor / (len(human) - 3)))
        low, high = np.tanh([np.arctanh(value) - margin, np.arctanh(value) + margin]).tolist()
        return Estimate(value, Interval(low, high, level, "Fisher's z"), sizes=sizes)

    rank, linear = float(spearmanr(simulated, human).statistic), float(pearsonr(simulated, human).statistic)
    return around(rank, 1 + rank**2 / 2), around(linear, 1.0)
