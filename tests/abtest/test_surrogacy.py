from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.backtest import backtest
from paars_gym.abtest.past_tests import PastTest
from paars_gym.abtest.surrogacy import VarianceComponents, falsify, pilot_sessions, variance_components
from paars_gym.config import RunConfig
from paars_gym.estimate import Estimate, Interval


def test_signs_and_order_of_three_tests_by_hand() -> None:
    found = falsify([0.2, -0.3, 0.1], [0.02, -0.02, -0.01])
    # Two of three signs agree: 4 of 8 outcomes of three coins are as good.
    assert (found.signs.value, found.signs.p_value) == (pytest.approx(2 / 3), pytest.approx(0.5))
    # The order is the same: one of six is as good.
    assert (found.kendall.value, found.kendall.p_value) == (pytest.approx(1.0), pytest.approx(1 / 6))
    assert (found.spearman.value, found.spearman.p_value) == (pytest.approx(1.0), pytest.approx(1 / 6))
    # Shuffled, both tests in which the simulation rises must not hit more than one that falls: 2 of 6 ways and ties.
    assert found.signs.details["count"] == 2
    assert found.verdict == "not shown to agree beyond chance"


def test_statistics_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=20).round(1)
    y = (x + rng.normal(size=20)).round(1)
    found = falsify(x.tolist(), y.tolist())
    assert found.kendall.value == pytest.approx(kendalltau(x, y).statistic)
    assert found.spearman.value == pytest.approx(spearmanr(x, y).statistic)
    assert found.kendall.p_value == pytest.approx(kendalltau(x, y, alternative="greater").pvalue, abs=0.01)


def test_chance_is_refuted_as_rarely_as_it_should_be() -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(400):
        x, y = rng.normal(size=(2, 10))
        p_values.append(falsify(x.tolist(), y.tolist(), permutations_drawn=199).kendall.p_value)
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.025)


def test_a_sign_that_all_tests_share_is_no_proof() -> None:
    found = falsify([0.1, 0.3, 0.2, 0.5, 0.4, 0.6], [0.02, 0.01, 0.04, 0.01, 0.03, 0.02])
    assert found.signs.p_value == pytest.approx(1 / 64)
    assert found.signs.details["p_shuffled"] == 1.0
    assert found.verdict == "not shown to agree beyond chance"


def test_too_few_or_still_tests_are_not_ranked() -> None:
    found = falsify([0.0, 0.0], [0.1, 0.2])
    assert (found.signs.value, found.kendall.value, found.verdict) == (None, None, "")
    with pytest.raises(ValueError, match="must pair up"):
        falsify([0.1], [])


def test_variance_components_by_hand() -> None:
    # Within: (0.5 + 0.5) / 2; means 0.5 and 2.5 have a variance of 2, of which 0.25 is noise.
    found = variance_components([[0.0, 1.0], [2.0, 3.0]])
    assert (found.within, found.between) == (0.5, 1.75)
    with pytest.raises(ValueError, match="two draws"):
        variance_components([[0.0], [1.0]])


def test_planted_components_are_found_and_give_the_draws() -> None:
    rng = np.random.default_rng(2)
    visits = rng.normal(0, 1, size=(4_000, 1))
    found = variance_components(visits + rng.normal(0, 2, size=(4_000, 3)))
    assert found.between == pytest.approx(1, abs=0.15)
    assert found.within == pytest.approx(4, abs=0.2)
    exact = VarianceComponents(between=1.0, within=4.0, visits=9, draws=2)
    # 4/k / (1 + 4/k) = 10% at k = 36.
    assert (exact.draws_for(0.1), exact.draws_for(0.8)) == (36, 1)
    assert VarianceComponents(between=0.0, within=4.0, visits=9, draws=2).draws_for(0.1) is None
    assert VarianceComponents(between=1.0, within=0.0, visits=9, draws=2).draws_for(0.1) == 1
    with pytest.raises(ValueError, match=r"share == 1.5"):
        exact.draws_for(1.5)


def test_prediction_and_pilot_together_are_as_sure_as_wanted() -> None:
    rng = np.random.default_rng(3)
    variance, misfit, half = 40.0, 0.02, 0.015
    n = pilot_sessions(half, prediction_error=misfit, session_variance=variance)
    true = misfit * rng.standard_normal(20_000)
    pilot = true + (variance / n) ** 0.5 * rng.standard_normal(20_000)
    weight = misfit**2 / (misfit**2 + variance / n)
    assert np.mean(np.abs(weight * pilot - true) <= half) == pytest.approx(0.95, abs=0.005)
    assert pilot_sessions(0.05, prediction_error=misfit, session_variance=variance) == 0
    with pytest.raises(ValueError, match="half_width == 0"):
        pilot_sessions(0.0, prediction_error=misfit, session_variance=variance)


def test_a_backtest_says_draws_and_pilot_where_it_can() -> None:
    result = ABTest(Arm("bm25"), Arm("price")).run(RunConfig(sessions=40, draws=3))
    found = result.outcomes["sales_units"].components
    assert (found.visits, found.draws) == (40, 3)
    assert result.outcomes["rank_viewed"].components is None
    effects = [(0.2, 0.02), (-0.3, -0.02), (0.1, -0.01), (0.4, 0.03)]
    past = [
        PastTest(
            name=str(index),
            human=Estimate(y, Interval(y - 0.0196, y + 0.0196), sizes={"sessions": 100_000}),
            simulated=Estimate(x),
            components=VarianceComponents(between=1.0, within=4.0, visits=9, draws=2),
        )
        for index, (x, y) in enumerate(effects)
    ]
    told = backtest(past, half_width=0.005)
    assert told.draws.value == 36
    # The standard error of 1% at 100,000 sessions is a variance of 10 a session.
    assert told.pilot.details["session_variance"] == pytest.approx(10.0, rel=1e-4)
    spread = told.calibration.spread
    assert told.pilot.value == pytest.approx(10 * ((1.95996 / 0.005) ** 2 - spread**-2), rel=1e-4)
    bare = backtest(
        [test.model_copy(update={"human": Estimate(test.human.value), "components": None}) for test in past]
    )
    assert (bare.draws.value, bare.pilot.value) == (None, None)
    assert "human_sessions" in bare.pilot.note
