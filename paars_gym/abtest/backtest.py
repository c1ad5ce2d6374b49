"""How far simulated tests agree with past A/B tests of people: judged test by test, each left out once.

How such tests are written down: `paars_gym.abtest.past_tests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.fit.magnitude import LEAST_TESTS, Calibration, calibrate, leave_one_out
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.past_tests import PastTest
from paars_gym.abtest.result import ABTestResult
from paars_gym.estimate import Detail, Estimate, Interval, Tabular

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
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("quantity", "test", "estimate", "unit", "note")

    outcome: str
    tests: tuple[PastTest, ...]
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

    def to_dicts(self) -> list[dict[str, Detail]]:
        """A row a quantity over all tests, then three rows a test."""
        named = {name: one for name in type(self).model_fields if isinstance(one := getattr(self, name), Estimate)}
        for name in ("raw", "calibrated", "no_effect", "mean_effect"):
            errors = getattr(self, name)
            if errors is not None:
                named[f"mean error, {name}"] = Estimate(errors.mean_absolute, unit="relative change")
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


def backtest(tests: Sequence[PastTest], *, outcome: str = PRIMARY, level: float = 0.95) -> BacktestResult:
    """Compares simulated with human effects.

    Args:
        tests: At least one.
        outcome: What the effects are of, for the record.
        level: Of all intervals.

    Raises:
        ValueError: No test, or an effect that is no number.
    """
    if not tests:
        raise ValueError("There is no past test to compare with.")
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
    rank, linear = _correlations(simulated, human, level)
    return BacktestResult(
        outcome=outcome,
        tests=tuple(test.model_copy(update={"calibrated": one}) for test, one in zip(tests, predicted, strict=True)),
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
    )


def with_human_effect(result: ABTestResult, past: BacktestResult) -> ABTestResult:
    """A simulated test with what it says about people, by the calibration on past tests.

    The interval is a prediction for this one test: the calibration's own uncertainty, the spread of people's effects
    around it, and the noise of this test's simulation (`paars_gym.abtest.calibration.Calibration.predict`).

    Raises:
        ValueError: The backtest had too few tests, or the simulated effect is not estimable.
    """
    simulated = result.outcomes.get(past.outcome)
    if past.calibration is None:
        raise ValueError(f"A backtest of {len(past.tests)} tests calibrates nothing; it takes at least {LEAST_TESTS}.")
    effect = None if simulated is None else simulated.relative.value
    error = None if simulated is None else simulated.relative.number("standard_error")
    if effect is None or error is None:
        raise ValueError(f"The simulated effect on {past.outcome} is not estimable, so that nothing can be predicted.")
    predicted = replace(
        past.calibration.predict(effect, error=error),
        sizes={"past_tests": len(past.tests)},
        details={"outcome": past.outcome, "signs_right": past.direction.number("count")},
    )
    return result.model_copy(update={"human_effect": predicted})


def read_backtest(path: str | Path) -> BacktestResult:
    """What ``paars backtest --json`` printed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Something else is in it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No backtest at {str(path)!r}; make one: paars backtest TESTS --json > FILE.")
    try:
        return BacktestResult.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{str(path)!r} is no backtest: {error.errors()[0]['msg']}.") from None


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
