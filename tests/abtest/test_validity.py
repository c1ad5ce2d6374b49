from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.validity.bars import Rate, Saved, coverage_bars, false_positive_bars, power_bar, savings_bars, within
from benchmarks.validity.parts import outputs
from benchmarks.validity.pools import REDUCED, ArmPool, drawn_tests, true_effects
from paars_gym.abtest import ABTest, Arm
from paars_gym.abtest.outcomes import COLUMNS
from paars_gym.abtest.patch import Change
from paars_gym.config import RunConfig
from paars_gym.personas.intentions import IntentionMix
from paars_gym.synthetic.prices import usual_prices
from paars_gym.synthetic.satisficers import GOALS, Satisficer, aspirations_of
from paars_gym.synthetic.world import mini_world

TINY = REDUCED._replace(tests=4, pool=8, personas=6, visits=1)


def made_up_pool() -> ArmPool:
    """Treatment sells 1 more than control in every draw; draws of a visit are numbered by their sales."""
    sales = np.arange(8 * 2 * 4, dtype=float).reshape(8, 2, 4)
    rest = {name: np.ones((8, 2, 4)) for name in (*COLUMNS, "sessions")}
    return ArmPool({**rest, "units": sales}, {**rest, "units": sales + 1}, np.zeros(8))


def test_tests_are_drawn_with_shared_or_with_other_draws() -> None:
    pool, rng = made_up_pool(), np.random.default_rng(0)
    assert true_effects(pool)["sales_units"] == 1.0
    for pairs, history in drawn_tests(pool, TINY._replace(visits=2), independent=False, rng=rng, tests=3):
        assert (pairs.treatment["units"] - pairs.control["units"] == 1).all()
        assert (len(pairs.shoppers), len(history)) == (12, 6)
    for pairs, _ in drawn_tests(pool, TINY._replace(visits=2), independent=True, rng=rng, tests=3):
        assert (pairs.treatment["units"] - pairs.control["units"] != 1).all()


def test_a_tiny_run_prints_its_tables() -> None:
    rows = list(outputs(("false positives", "power"), TINY, {}, seed=0))
    assert [len(piece.columns) for piece in rows if hasattr(piece, "columns")] == [5, 3, 3]
    assert [piece.bar[:5] for piece in rows if hasattr(piece, "bar")] == ["A/A, ", "A/A, ", "A/A, ", "power"]


@pytest.mark.parametrize(
    ("hits", "holds", "broken"), [(100, True, False), (128, True, False), (140, False, False), (160, False, True)]
)
def test_a_bound_is_broken_by_more_than_monte_carlo_error(hits: int, holds: bool, broken: bool) -> None:
    # Of 2,000: 6.5% and two errors of 0.55% are 7.6%.
    verdict = within("x", {("a", "paired"): Rate(hits, 2_000), ("b", "paired"): Rate(100, 2_000)}, (0.035, 0.065))
    assert (verdict.holds, verdict.broken) == (holds, broken)
    assert within("x", {("a", "b"): Rate(20, 2_000)}, (0.035, 0.065)).broken


def test_each_bar_can_break() -> None:
    rates = {("sales_units", "paired"): Rate(200, 2_000), ("views", "welch"): Rate(100, 2_000)}
    rates |= {("views", "paired"): Rate(100, 2_000), ("sales_units", "sequential"): Rate(150, 2_000)}
    assert [verdict.broken for verdict in false_positive_bars(rates)] == [True, False, True]
    assert [verdict.broken for verdict in coverage_bars(rates)] == [True, False]
    assert power_bar({50: 0.5, 100: 0.8}, {50: Rate(1_000, 2_000), 100: Rate(1_400, 2_000)}).broken
    assert power_bar({50: 0.5}, {50: Rate(1_040, 2_000)}).holds
    saved = {1: Saved(5.2, 200), 3: Saved(4.5, 200), 10: Saved(4.0, 200)}  # errors of a tenth
    assert [(verdict.holds, verdict.broken) for verdict in savings_bars(saved)] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def test_satisficers_react_to_prices_and_stars() -> None:
    world = mini_world(n_shoppers=60, seed=0)
    catalog = world.shop.catalog
    people = RunConfig(
        personas=world.personas,
        policy=partial(Satisficer, usual_prices(catalog)),
        intentions=IntentionMix(catalog, GOALS),
        sessions=300,
    )
    assert len({aspirations_of(persona) for persona in world.personas}) == 60
    dearer = ABTest(Arm("bm25"), Arm("bm25", patch=[Change(all=True, price_percent=50)])).run(people)
    assert dearer.outcomes["sales_units"].difference.high < 0
    assert dearer.control.failed == dearer.treatment.failed == 0
    best_first = ABTest(Arm("bm25"), Arm("rating")).run(people)
    views, ranks = (best_first.outcomes[name].difference for name in ("views", "rank_viewed"))
    assert views.low > 0 or ranks.high < 0
