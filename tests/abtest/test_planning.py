from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.patch import Change
from paars_gym.abtest.planning import personas_for, plan_test, power_of
from paars_gym.catalog.store import Catalog
from paars_gym.config import RunConfig, ShopConfig
from tests.abtest.shoppers import FirstBuyer, headphones, people


def test_planned_power_is_found_power() -> None:
    personas = personas_for(0.3, 1.0, power=0.8)
    rng = np.random.default_rng(0)
    power = np.mean([stats.ttest_1samp(rng.normal(0.3, 1, personas), 0).pvalue < 0.05 for _ in range(2_000)])
    assert power == pytest.approx(0.8, abs=0.03)
    assert power_of(0.3, 1 / personas**0.5, personas) == pytest.approx(0.8, abs=0.01)


def test_a_plan_grows_with_the_square_of_precision(catalog: Catalog) -> None:
    test = ABTest(Arm("bm25"), Arm("bm25", patch=[Change(product="h1", price=99)]), independent_noise=True)
    pilot = test.run(
        RunConfig(personas=people(40), intentions=headphones, policy=FirstBuyer, sessions=120),
        ShopConfig(catalog=catalog),
    )
    coarse, fine = plan_test(pilot, mde=0.1), plan_test(pilot, mde=0.05)
    assert [row.power for row in fine.needed] == [0.5, 0.8, 0.9, 0.95]
    for few, many in zip(coarse.needed, fine.needed, strict=True):
        assert many.personas / few.personas == pytest.approx(4, rel=0.12)
        assert many.sessions == 2 * many.pairs
        assert many.pairs == pytest.approx(3 * many.personas, abs=1)
    for options, says in (
        ({"mde": 0.0}, "mde == 0.0"),
        ({"mde": 0.1, "outcome": "joy"}, "Unknown outcome 'joy'"),
        ({"mde": 0.1, "powers": (1.0,)}, "power == 1.0"),
        ({"mde": 0.1, "outcome": "searches"}, "says nothing about the variance of searches"),
    ):
        with pytest.raises(ValueError, match=says):
            plan_test(pilot, **options)


def test_three_are_not_enough_where_four_are() -> None:
    assert personas_for(1, 0.45, power=0.8) == 4
    assert power_of(1, 0.45 / 3**0.5, 3) < 0.8 < power_of(1, 0.45 / 4**0.5, 4)
    with pytest.raises(ValueError, match=r"effect == 0, must be > 0"):
        personas_for(0, 1, power=0.8)
    with pytest.raises(ValueError, match="would take over"):
        personas_for(1e-200, 1, power=0.8)


@pytest.mark.parametrize("power", [0.01, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("share", [0.1, 1.0])
def test_personas_grow_with_the_spread_and_with_power(power: float, share: float) -> None:
    spreads = np.geomspace(0.01, 30, 200)
    needed = [personas_for(1, spread, power=power, share=share) for spread in spreads]
    assert needed == sorted(needed)
    assert min(needed) == 3
    more = [personas_for(1, spread, power=power + 0.04, share=share) for spread in spreads]
    assert all(many >= few for few, many in zip(needed, more, strict=True))


def test_fewer_degrees_take_more_personas() -> None:
    assert personas_for(0.3, 1.0, power=0.8, share=0.2) > personas_for(0.3, 1.0, power=0.8)
    assert power_of(0.3, 0.1, 100, share=0.1) < power_of(0.3, 0.1, 100)
    assert power_of(0.3, 0.1, 20, share=0.1) == power_of(0.3, 0.1, 20, share=0.2)  # four at least
