from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.backtest import backtest
from paars_gym.abtest.past_tests import PastTest
from paars_gym.abtest.prediction import read_prior, with_prior
from paars_gym.abtest.prior import ASOS_PRIOR, EffectPrior, fit_prior
from paars_gym.abtest.shrinkage import UNCALIBRATED, CarryOver, fit_carry_over, shrink
from paars_gym.config import RunConfig
from paars_gym.estimate import Estimate, Interval

ASOS_DATA = Path(__file__).parents[3] / "shared" / "data" / "asos" / "final.csv"
ONE_NORMAL = EffectPrior("by hand", 1, 0.0, 0.0, (1.0,), (0.02,))
RIGHT = CarryOver(1.0, 0.0, 9, "by hand")


def simulated(value: float, error: float) -> Estimate:
    return Estimate(value, Interval(value - 2 * error, value + 2 * error), details={"standard_error": error})


def test_one_normal_prior_by_hand() -> None:
    # 0.02² / (0.02² + 0.02²) = 1/2 of the effect is left, with a standard deviation of 0.02 / sqrt(2).
    found = shrink(simulated(0.04, 0.02), ONE_NORMAL, RIGHT)
    assert found.value == pytest.approx(0.02)
    assert found.high - found.value == pytest.approx(1.95996 * 0.02 / math.sqrt(2), rel=1e-4)
    assert found.number("kept") == pytest.approx(0.5)
    assert found.number("positive") == pytest.approx(0.9214, abs=1e-4)
    # A gain of 2 halves the effect and the noise; a misfit is more noise.
    doubled = shrink(simulated(0.08, 0.04), ONE_NORMAL, CarryOver(2.0, 0.0, 9, ""))
    assert doubled.value == pytest.approx(0.02)
    unsure = shrink(simulated(0.04, 0.012), ONE_NORMAL, CarryOver(1.0, 0.016, 9, ""))
    assert unsure.value == pytest.approx(0.02)


def test_small_effects_are_shrunken_more_by_the_mixture_than_large_ones() -> None:
    prior = ASOS_PRIOR["conversion"]
    kept = [shrink(simulated(value, 0.004), prior, RIGHT).number("kept") for value in (0.002, 0.008, 0.02)]
    assert kept == sorted(kept)
    assert kept[0] < 0.35
    assert kept[2] > 0.8


def test_intervals_hold_the_true_effect_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    prior, carry_over, error = ASOS_PRIOR["sales_units"], CarryOver(0.7, 0.01, 30, ""), 0.01
    part = rng.choice(len(prior.weights), p=prior.weights, size=2_000)
    true = np.array(prior.scales)[part] * rng.standard_normal(2_000)
    shown = 0.7 * true + math.hypot(0.01, error) * rng.standard_normal(2_000)
    found = [shrink(simulated(value, error), prior, carry_over) for value in shown]
    held = [value in one.interval for one, value in zip(found, true, strict=True)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
    errors = [np.mean((np.array(guess) - true) ** 2) for guess in ([one.value for one in found], shown, 0 * shown)]
    assert errors[0] == min(errors)


def test_nothing_is_made_of_nothing() -> None:
    assert shrink(Estimate(None, note="not estimable"), ONE_NORMAL).value is None
    assert shrink(Estimate(0.1), ONE_NORMAL).value is None
    same = shrink(Estimate(0.0, note="identical_arms", details={"standard_error": 0.0}), ONE_NORMAL)
    assert (same.value, same.interval, same.note) == (0.0, None, "identical_arms")


def test_ones_own_prior_is_as_wide_as_ones_own_tests() -> None:
    rng = np.random.default_rng(1)
    true, error = 0.05 * rng.standard_normal(400), 0.03
    prior = fit_prior((true + error * rng.standard_normal(400)).tolist(), [error] * 400)
    assert prior.scales == (pytest.approx(0.05, rel=0.1),)
    # Tests that show nothing but their noise say that effects are small.
    assert fit_prior((error * rng.standard_normal(300)).tolist(), [error] * 300).scales[0] < 0.5 * error
    for effects, errors in (([], []), ([0.1], []), ([math.nan], [0.1]), ([0.1], [-0.1])):
        with pytest.raises(ValueError, match=r"must pair up|no number"):
            fit_prior(effects, errors)


def test_gain_and_misfit_are_found_again() -> None:
    rng = np.random.default_rng(2)
    prior = EffectPrior("", 0, 0.0, 0.0, (1.0,), (0.05,))
    true = 0.05 * rng.standard_normal(400)
    human = true + 0.01 * rng.standard_normal(400)
    shown = 1.8 * true + math.hypot(0.03, 0.02) * rng.standard_normal(400)
    found = fit_carry_over((human.tolist(), [0.01] * 400), (shown.tolist(), [0.02] * 400), prior)
    assert found.gain == pytest.approx(1.8, abs=0.1)
    assert found.misfit == pytest.approx(0.03, abs=0.006)
    with pytest.raises(ValueError, match="three past tests"):
        fit_carry_over(([0.1, 0.2], [0.0, 0.0]), ([0.1, 0.2], [0.0, 0.0]), prior)


def test_a_simulated_test_shows_what_is_left_beside_real_effects(tmp_path: Path) -> None:
    result = ABTest(Arm("bm25"), Arm("price")).run(RunConfig(sessions=60))
    for name, outcome in result.outcomes.items():
        shown = outcome.shrunken
        assert shown.details["prior"] == ASOS_PRIOR[name].source
        assert abs(shown.value or 0.0) <= abs(outcome.relative.value or 0.0)
    rows = [row for row in result.to_dicts() if row["name"] == "shrunken"]
    assert {row["outcome"] for row in rows} == set(result.outcomes)
    rng = np.random.default_rng(3)
    effects = (0.2 * rng.standard_normal(12)).tolist()
    past = [PastTest(name=str(i), human=Estimate(y), simulated=Estimate(y)) for i, y in enumerate(effects)]
    told = with_prior(result, backtest(past)).outcomes
    assert told["sales_units"].shrunken.details["past_tests"] == 12
    assert told["views"].shrunken.details["compared_with"] == UNCALIBRATED.source
    file = tmp_path / "past.csv"
    file.write_text("test,human_effect,human_low,human_high\na,20%,10%,30%\nb,-30%,,\n")
    own = read_prior(str(file))
    assert own.tests == 2
    wide = with_prior(result, own).outcomes["sales_units"].shrunken
    assert wide.high - wide.low > 3 * (result.outcomes["sales_units"].shrunken.high or 0.0)
    assert read_prior("asos") == ASOS_PRIOR["sales_units"]


@pytest.mark.skipif(not ASOS_DATA.is_file(), reason="the experiments of ASOS are not here")
def test_the_built_in_sizes_are_those_of_the_experiments() -> None:
    sizes: dict[str, list[float]] = {}
    with ASOS_DATA.open() as file:
        for row in csv.DictReader(file):
            effect = float(row["mean_t"] or "nan") / float(row["mean_c"] or "nan") - 1
            if math.isfinite(effect):
                sizes.setdefault(row["metric_id"], []).append(abs(effect))
    every = [size for of in sizes.values() for size in of]
    for name, of in (("conversion", sizes["1"]), ("revenue", sizes["4"]), ("sales_units", every)):
        prior = ASOS_PRIOR[name]
        assert (prior.tests, sum(prior.weights)) == (len(of), pytest.approx(1.0))
        assert (prior.median, prior.ninetieth) == pytest.approx(tuple(np.quantile(of, [0.5, 0.9])), abs=1e-5)
