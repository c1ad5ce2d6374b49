from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from benchmarks.validity.clicks import (
    CONTROL,
    TREATMENT,
    compare_campaign,
    open_bandit_folder,
    position_weights,
    read_campaign,
)


def log(rng: np.random.Generator, shares: np.ndarray, rows: int, rates: np.ndarray) -> pl.DataFrame:
    items = rng.choice(len(shares), size=rows, p=shares)
    return pl.DataFrame(
        {
            "item_id": items,
            "position": rng.integers(1, 4, size=rows),
            "click": (rng.random(rows) < rates[items]).astype(int),
            "propensity_score": shares[items],
        }
    )


def test_off_policy_estimates_find_the_other_policys_clicks() -> None:
    rng = np.random.default_rng(0)
    rates = np.array([0.02, 0.05, 0.2])
    even, learned = np.full(3, 1 / 3), np.array([0.1, 0.2, 0.7])
    comparison = compare_campaign(log(rng, even, 20_000, rates), log(rng, learned, 20_000, rates), "x", level=0.99)
    true = float(learned @ rates)
    for value in (comparison.on_policy, comparison.ips, comparison.snips):
        assert true in value.interval
    assert true - rates.mean() in comparison.difference.interval
    assert comparison.sample_ratio_p == 1.0


def test_weights_by_hand() -> None:
    control = pl.DataFrame(
        {"item_id": [1, 2, 3], "position": [1, 1, 1], "click": [0, 0, 0], "propensity_score": [0.5] * 3}
    )
    treatment = pl.DataFrame({"item_id": [1, 1, 1, 2, 9], "position": [1, 1, 1, 1, 2]})
    assert position_weights(control, treatment).tolist() == [1.5, 0.5, 0.0]


def test_the_real_sample() -> None:
    try:
        folder = open_bandit_folder()
    except ImportError:
        pytest.skip("obp is not installed")
    men = compare_campaign(*(read_campaign(folder, policy, "men") for policy in (CONTROL, TREATMENT)), "men")
    assert men.rows == (10_000, 10_000)
    assert (men.random_rate.value, men.on_policy.value) == (0.0046, 0.0069)
    assert men.difference.value == pytest.approx(0.0023)
    assert men.difference.p_value == pytest.approx(0.0315, abs=0.001)
    assert men.on_policy.value in men.ips.interval
    with pytest.raises(FileNotFoundError, match="No Open Bandit log"):
        read_campaign(folder, "greedy", "men")
