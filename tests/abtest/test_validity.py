from __future__ import annotations

import numpy as np

from benchmarks.abtest_validity import REDUCED, Pool, candidate_tests, drawn_tests, tables, true_effects
from paars_gym.abtest.outcomes import COLUMNS
from paars_gym.catalog.store import Catalog

TINY = REDUCED._replace(tests=4, pool=8, personas=6, visits=1)


def made_up_pool() -> Pool:
    """Treatment sells 1 more than control in every draw; draws of a visit are numbered by their sales."""
    sales = np.arange(8 * 2 * 4, dtype=float).reshape(8, 2, 4)
    rest = {name: np.ones((8, 2, 4)) for name in (*COLUMNS, "sessions")}
    return Pool({**rest, "units": sales}, {**rest, "units": sales + 1}, np.zeros(8))


def test_tests_are_drawn_with_shared_or_with_other_draws() -> None:
    pool, rng = made_up_pool(), np.random.default_rng(0)
    assert true_effects(pool)["sales_units"] == 1.0
    for pairs, history in drawn_tests(pool, TINY._replace(visits=2), independent=False, rng=rng, tests=3):
        assert (pairs.treatment["units"] - pairs.control["units"] == 1).all()
        assert (len(pairs.shoppers), len(history)) == (12, 6)
    for pairs, _ in drawn_tests(pool, TINY._replace(visits=2), independent=True, rng=rng, tests=3):
        assert (pairs.treatment["units"] - pairs.control["units"] != 1).all()


def test_a_tiny_run_prints_its_tables() -> None:
    found = list(tables(("false positives", "power"), TINY, seed=0))
    assert [len(table.columns) for table in found] == [5, 3]


def test_there_are_sixty_different_tests_of_direction(catalog: Catalog) -> None:
    from paars_gym.catalog.load import load_catalog

    tests = candidate_tests(load_catalog("mini"), 60)
    assert len({name for name, _ in tests}) == 60
    assert sum(bool(arm.patch) for _, arm in tests) == 30
