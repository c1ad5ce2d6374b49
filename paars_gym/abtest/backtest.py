"""Would the simulation have told what past A/B tests of people found? Judged test by test, each left out once.

How such tests are written down: `paars_gym.abtest.past_tests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from paars_gym.abtest.calibration import LEAST_TESTS, Calibration, calibrate, leave_one_out
from paars_gym.abtest.estimate import NAN, Floats
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.past_tests import PastTest
from paars_gym.abtest.result import ABTestResult, HumanEffect, Interval, bounds, known


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(_Frozen):
    """How many of how many, with the Wilson (1927) interval."""

    count: int
    of: int
    interval: Interval

    @property
    def share(self) -> float:
        """As a number; NaN of none."""
        return self.count / self.of if self.of else NAN


class Errors(_Frozen):
    """How far predictions of the human effect are off, over all tests.

    Attributes:
        mean_absolute: In relative change.
        root_mean_square: In relative change.
        direction: How often the sign is right; a prediction of 0 never is.
    """

    mean_absolute: float
    root_mean_square: float
    direction: Share


class TestLine(_Frozen):
    """One test: what people did, what was simulated, and what the other tests make of that."""

    __test__ = False

    test: str
    human: float
    human_interval: Interval
    simulated: float
    simulated_interval: Interval
    calibrated: float | None
    calibrated_interval: Interval


class Backtest(_Frozen):
    """How far simulated tests can be trusted.

    Attributes:
        outcome: That was compared.
        tests: One line each.
        direction: Same sign, over all tests.
        direction_significant: The same over tests whose human interval leaves out 0.
        rank_correlation: Spearman's, with a bootstrap-free Fisher interval (Bonett & Wright 2000).
        rank_interval: Its interval.
        correlation: Pearson's.
        correlation_interval: By Fisher's z.
        magnitude_ratio: Median of |simulated| / |human|; 1 would be right, the paper saw 10 to 30.
        calibrated_magnitude_ratio: The same after calibration, each test by the others.
        calibration: On all tests, for tests to come; None with too few.
        slope_interval: Of its slope.
        coverage: How often the leave-one-out prediction interval held the human effect.
        level: Of all intervals.
        raw: Errors when the simulated effect is taken as it is.
        calibrated: Errors of the leave-one-out calibrated prediction.
        no_effect: Errors of the baseline that always predicts 0.
        mean_effect: Errors of the baseline that predicts the mean of the other tests, and so always its sign.
    """

    outcome: str
    tests: tuple[TestLine, ...]
    direction: Share
    direction_significant: Share
    rank_correlation: float | None
    rank_interval: Interval
    correlation: float | None
    correlation_interval: Interval
    magnitude_ratio: float | None
    calibrated_magnitude_ratio: float | None
    calibration: Calibration | None
    slope_interval: Interval
    coverage: Share
    level: float
    raw: Errors
    calibrated: Errors | None
    no_effect: Errors
    mean_effect: Errors | None


def backtest(tests: Sequence[PastTest], *, outcome: str = PRIMARY, level: float = 0.95) -> Backtest:
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
        if not np.isfinite([test.human, test.simulated]).all():
            raise ValueError(f"Test {test.name!r}: effects {test.human} and {test.simulated} must be numbers.")
    human, simulated = np.array([test.human for test in tests]), np.array([test.simulated for test in tests])
    predicted = leave_one_out(simulated.tolist(), human.tolist(), level=level)
    calibrated = np.array([prediction.effect for prediction in predicted])
    usable = bool(np.isfinite(calibrated).all())
    others = (human.sum() - human) / (len(human) - 1) if len(human) > 1 else None
    sure = [test.human_interval is not None and test.human_interval[0] * test.human_interval[1] > 0 for test in tests]
    held = [low <= y <= high for (_, (low, high)), y in zip(predicted, human, strict=True)]
    line = calibrate(simulated, human, level=level) if usable else None
    return Backtest(
        outcome=outcome,
        tests=tuple(
            TestLine(
                test=test.name,
                human=test.human,
                human_interval=test.human_interval,
                simulated=test.simulated,
                simulated_interval=test.simulated_interval,
                calibrated=known(prediction.effect),
                calibrated_interval=bounds(prediction.interval),
            )
            for test, prediction in zip(tests, predicted, strict=True)
        ),
        direction=_agreement(simulated, human, level),
        direction_significant=_agreement(simulated[sure], human[sure], level),
        **_correlations(simulated, human, level),
        magnitude_ratio=_magnitude(simulated, human),
        calibrated_magnitude_ratio=_magnitude(calibrated, human) if usable else None,
        calibration=line,
        slope_interval=None if line is None else _slope_interval(line),
        coverage=_share(sum(held) if usable else 0, len(tests) if usable else 0, level),
        level=level,
        raw=_errors(simulated, human, level),
        calibrated=_errors(calibrated, human, level) if usable else None,
        no_effect=_errors(np.zeros_like(human), human, level),
        mean_effect=None if others is None else _errors(others, human, level),
    )


def with_human_effect(result: ABTestResult, past: Backtest) -> ABTestResult:
    """A simulated test with what it says about people, by the calibration on past tests.

    The interval is a prediction for this one test: the calibration's own uncertainty, the spread of people's effects
    around it, and the noise of this test's simulation (`paars_gym.abtest.calibration.Calibration.predict`).

    Raises:
        ValueError: The backtest had too few tests, or the simulated effect is not estimable.
    """
    found = result.outcomes.get(past.outcome)
    if past.calibration is None:
        raise ValueError(f"A backtest of {len(past.tests)} tests calibrates nothing; it takes at least {LEAST_TESTS}.")
    if found is None or found.relative is None or found.relative_error is None:
        raise ValueError(f"The simulated effect on {past.outcome} is not estimable, so that nothing can be predicted.")
    predicted = past.calibration.predict(found.relative, error=found.relative_error)
    told = HumanEffect(
        outcome=past.outcome,
        estimate=predicted.effect,
        interval=predicted.interval,
        level=past.calibration.level,
        tests=len(past.tests),
        note=(
            f"a prediction from {len(past.tests)} past tests of people, {past.direction.count} of which the simulation "
            "got the sign of; its interval is for this one test."
        ),
    )
    return result.model_copy(update={"human_effect": told})


def read_backtest(path: str | Path) -> Backtest:
    """What ``paars backtest --json`` printed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Something else is in it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No backtest at {str(path)!r}; make one: paars backtest TESTS --json > FILE.")
    try:
        return Backtest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{str(path)!r} is no backtest: {error.errors()[0]['msg']}.") from None


def _agreement(predicted: Floats, human: Floats, level: float) -> Share:
    return _share(int((np.sign(predicted) * np.sign(human) > 0).sum()), len(human), level)


def _share(count: int, of: int, level: float) -> Share:
    if not of:
        return Share(count=0, of=0, interval=None)
    from scipy.stats import binomtest

    ends = binomtest(count, of).proportion_ci(level, method="wilson")
    return Share(count=count, of=of, interval=(float(ends.low), float(ends.high)))


def _errors(predicted: Floats, human: Floats, level: float) -> Errors:
    off = predicted - human
    return Errors(
        mean_absolute=float(np.abs(off).mean()),
        root_mean_square=float(np.sqrt(np.square(off).mean())),
        direction=_agreement(predicted, human, level),
    )


def _magnitude(predicted: Floats, human: Floats) -> float | None:
    moved = human != 0
    return float(np.median(np.abs(predicted[moved] / human[moved]))) if moved.any() else None


def _slope_interval(line: Calibration) -> Interval:
    from scipy.special import stdtrit

    margin = float(stdtrit(line.degrees, (1 + line.level) / 2)) * line.slope_error
    return line.slope - margin, line.slope + margin


def _correlations(simulated: Floats, human: Floats, level: float) -> dict[str, object]:
    from scipy.special import ndtri
    from scipy.stats import pearsonr, spearmanr

    found: dict[str, object] = dict.fromkeys(
        ("rank_correlation", "rank_interval", "correlation", "correlation_interval")
    )
    if len(human) < 3 or not (np.ptp(simulated) and np.ptp(human)):
        return found
    rank, linear = float(spearmanr(simulated, human).statistic), float(pearsonr(simulated, human).statistic)
    found |= {"rank_correlation": rank, "correlation": linear}
    if len(human) > 3:
        z = float(ndtri((1 + level) / 2))
        for name, value, factor in (("rank", rank, 1 + rank**2 / 2), ("correlation", linear, 1.0)):
            if abs(value) < 1:
                margin = z * float(np.sqrt(factor / (len(human) - 3)))
                ends = np.tanh([np.arctanh(value) - margin, np.arctanh(value) + margin]).tolist()
                found[f"{name}_interval"] = (ends[0], ends[1])
    return found
