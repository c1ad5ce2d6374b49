"""What a simulated test says about people: by past tests of theirs, or at least by the sizes of real effects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paars_gym.abtest.backtest import BacktestResult, read_backtest
from paars_gym.abtest.fit.magnitude import LEAST_TESTS
from paars_gym.abtest.outcomes import PRIMARY
from paars_gym.abtest.past_tests import error_of, human_effects
from paars_gym.abtest.prior import ASOS, ASOS_PRIOR, EffectPrior, fit_prior
from paars_gym.abtest.result import ABTestResult
from paars_gym.abtest.shrinkage import CarryOver, shrunken


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
    return with_prior(result, past).model_copy(update={"human_effect": predicted})


def with_prior(result: ABTestResult, prior: EffectPrior | BacktestResult, *, outcome: str = PRIMARY) -> ABTestResult:
    """A simulated test whose effects are shrunken by one's own past tests, in the outcome that they are of.

    Args:
        result: Of the test.
        prior: Sizes of the effects of past tests; a backtest tells besides how they came out in the simulation.
        outcome: That a bare prior is of.
    """
    carry_overs: dict[str, CarryOver] = {}
    if isinstance(prior, BacktestResult):
        outcome = prior.outcome
        if prior.carry_over is not None:
            carry_overs[outcome] = prior.carry_over
        prior = prior.prior
    priors = {**ASOS_PRIOR, outcome: prior}
    return result.model_copy(update={"outcomes": shrunken(result.outcomes, priors=priors, carry_overs=carry_overs)})


def read_prior(source: str, *, outcome: str = PRIMARY) -> EffectPrior | BacktestResult:
    """The sizes of real effects from ``asos``, a CSV of past tests of people, or a backtest of them.

    Args:
        source: The word, or the path; ``.json`` is what ``paars backtest --json`` printed.
        outcome: Which of ASOS's metrics.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Something else is in it.
    """
    if source == ASOS:
        return ASOS_PRIOR[outcome]
    if Path(source).suffix == ".json":
        return read_backtest(source)
    effects = human_effects(source)
    known = [effect.value for effect in effects if effect.value is not None]
    return fit_prior(known, [error_of(effect) for effect in effects], source=f"past tests of {Path(source).name}")
