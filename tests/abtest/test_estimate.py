from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paars_gym.abtest.estimate import effective_degrees, paired_difference, paired_ratio


def test_one_session_a_persona_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    control, treatment = rng.uniform(2, 4, 40), rng.uniform(3, 5, 40)
    result = paired_difference(control, treatment, list(range(40)))
    reference = stats.ttest_rel(treatment, control).confidence_interval(0.95)
    assert result.difference.value == pytest.approx((treatment - control).mean())
    assert result.difference.interval.ends == pytest.approx((reference.low, reference.high))


def test_clusters_by_hand() -> None:
    # Differences 1, 1 | 3, 3: mean 2, cluster sums of residuals -2 and 2, error sqrt(2/1 · 8) / 4 = 1, t(1) = 12.7062.
    result = paired_difference([0, 1, 1, 0], [1, 2, 4, 3], ["a", "a", "b", "b"])
    assert result.difference.value == 2.0
    assert result.difference.interval.ends == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-3)
    assert (result.control, result.treatment, result.relative.value) == (0.5, 2.5, 4.0)
    assert result.difference.sizes == result.relative.sizes == {"pairs": 4, "personas": 2}
    assert result.difference.verdict == "unclear"


def test_copies_of_a_session_add_no_certainty() -> None:
    rng = np.random.default_rng(1)
    control, treatment = rng.normal(size=30), rng.normal(size=30)
    once = paired_difference(control, treatment, list(range(30)))
    often = paired_difference(np.repeat(control, 5), np.repeat(treatment, 5), np.repeat(np.arange(30), 5).tolist())
    assert often.difference.interval.ends == pytest.approx(once.difference.interval.ends)
    assert often.relative.interval.ends == pytest.approx(once.relative.interval.ends)


def test_identical_arms_are_said_to_be() -> None:
    result = paired_difference([1, 0, 2], [1, 0, 2], ["a", "b", "c"])
    same = result.difference
    assert (same.value, same.interval, same.note, same.verdict) == (0.0, None, "identical_arms", "identical")
    assert (result.relative.value, result.relative.interval) == (0.0, None)


def test_sixty_pairs_that_agree_are_no_proof() -> None:
    """One persona in twenty differs: a sample of 60 that shows none has no interval, and its bound holds the truth."""
    found = paired_difference(np.ones(60), np.ones(60), range(60)).difference
    assert found.interval is None
    assert found.number("may_differ") == pytest.approx(1 - 0.05 ** (1 / 60))
    rng = np.random.default_rng(0)
    bounds = []
    for _ in range(2_000):
        differs = rng.random(60) < 0.05
        result = paired_difference(np.zeros(60), differs, range(60)).difference
        bounds.append(0.05 in result.interval if differs.any() else result.number("may_differ") < 0.05)
        assert result.interval is None or result.interval.low < result.interval.high
    assert np.mean(bounds) > 0.9


def test_a_change_in_proportion_has_no_interval_of_its_own() -> None:
    rng = np.random.default_rng(0)
    control = rng.gamma(2.0, size=60)
    found = paired_difference(control, 1.1 * control, range(60))
    assert found.difference.low < found.difference.value < found.difference.high
    assert found.relative.value == pytest.approx(0.1)
    assert (found.relative.interval, found.relative.note) == (None, "no interval: all personas change in proportion")


@pytest.mark.parametrize("control", [[0, 0, 0], [1e-320, 0, 0]])
def test_a_control_of_nothing_gives_no_relative_change(control: list[float]) -> None:
    found = paired_difference(control, [1, 2, 3], ["a", "b", "c"]).relative
    assert (found.value, found.interval, found.note) == (None, None, "not estimable: the control is 0")


def test_a_control_of_one_persona_says_why_there_is_no_interval() -> None:
    found = paired_difference([1, 0, 0], [1, 2, 3], ["a", "b", "c"]).relative
    assert (found.value, found.interval) == (5, None)
    assert "without one persona" in found.note


def test_one_persona_is_not_estimable() -> None:
    result = paired_difference([1, 2], [3, 3], ["a", "a"])
    difference = result.difference
    assert (difference.value, difference.p_value, difference.interval) == (None, None, None)
    assert (result.control, result.treatment) == (1.5, 3.0)
    assert difference.note == result.relative.note == "not estimable: one persona"


def test_without_control_sales_there_is_no_relative_change() -> None:
    result = paired_difference([0, 0], [1, 0], ["a", "b"])
    assert (result.relative.value, result.relative.note) == (None, "not estimable: the control is 0")
    assert result.difference.interval is not None


@pytest.mark.parametrize(
    ("control", "treatment", "clusters", "level", "says"),
    [
        ([], [], [], 0.95, "one entry a pair"),
        ([1], [1, 2], ["a"], 0.95, "one entry a pair"),
        ([1, np.nan], [1, 2], ["a", "b"], 0.95, "NaN or infinite"),
        ([1, 2], [1, 2], ["a", "b"], 1.0, "level == 1.0"),
    ],
)
def test_bad_input(control: list[float], treatment: list[float], clusters: list[str], level: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        paired_difference(control, treatment, clusters, level=level)


def test_a_constant_difference_has_no_variance_and_no_estimate() -> None:
    result = paired_difference([1, 2, 3], [2, 3, 4], ["a", "b", "c"])
    assert (result.difference.value, result.difference.interval) == (None, None)
    assert result.difference.note == "not estimable: zero variance"


def test_p_value_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    control, treatment = rng.uniform(size=25), rng.uniform(0.1, 1.1, size=25)
    expected = stats.ttest_rel(treatment, control).pvalue
    assert paired_difference(control, treatment, list(range(25))).difference.p_value == pytest.approx(expected)


def test_ratio_is_that_of_sums_and_its_interval_covers() -> None:
    """Ranks over views, where who views more views further down: 500 tests of 60 personas with a ratio 2 higher."""
    rng = np.random.default_rng(4)
    by_hand = paired_ratio(([2, 4], [1, 1]), ([6, 9], [2, 1]), ["a", "b"])
    assert (by_hand.control, by_hand.treatment, by_hand.difference.value) == (3.0, 5.0, 2.0)
    covered = 0
    for _ in range(500):
        views = 1 + rng.poisson(2, size=(2, 60))
        ranks = views * (1 + views) + rng.normal(size=(2, 60))
        ranks[1] += 2 * views[1]
        result = paired_ratio((ranks[0], views[0]), (ranks[1], views[1]), list(range(60)))
        covered += 2 in result.difference.interval
    assert 0.92 <= covered / 500 <= 0.98


def test_a_ratio_of_nothing_is_not_estimable() -> None:
    ratio = paired_ratio(([0, 0], [0, 0]), ([1, 2], [1, 1]), ["a", "b"])
    assert ratio.difference.note == "not estimable: nothing to divide by"


def test_intervals_cover() -> None:
    """Skewed counts, personas that differ, a true effect: 1,000 tests with 80 personas of 3 sessions each."""
    rng = np.random.default_rng(2)
    covered, relative_covered = 0, 0
    for _ in range(1_000):
        rate = rng.gamma(1.0, 1.0, size=80)
        personas = np.repeat(np.arange(80), 3)
        control, treatment = rng.poisson(rate[personas]), rng.poisson(1.2 * rate[personas])
        result = paired_difference(control, treatment, personas.tolist())
        covered += 0.2 in result.difference.interval
        relative_covered += 0.2 in result.relative.interval
    assert 0.925 <= covered / 1_000 <= 0.97
    assert 0.925 <= relative_covered / 1_000 <= 0.97


def test_degrees_by_hand() -> None:
    # Squares 1 but for the two of 4: kurtosis (10 + 2·256)/12 / ((10 + 2·16)/12)² = 43.5 / 12.25 = 3.551.
    values = np.array([1.0, -1.0] * 5 + [4.0, -4.0])
    assert effective_degrees(values) == pytest.approx(2 * 12 / (43.5 / 12.25 - 1))
    assert effective_degrees(np.array([1.0, -1.0] * 10)) == 19
    one_alone = np.zeros(200)
    one_alone[0] = 1.0
    assert effective_degrees(one_alone) == 4
    assert effective_degrees(np.array([1.0, 2.0, 9.0])) == 2


def test_intervals_cover_where_a_few_personas_make_the_variance() -> None:
    """One persona in five differs, by a lot: 1,000 tests; Student's t with C - 1 degrees misses too often."""
    rng = np.random.default_rng(6)
    misses, naive = 0, 0
    for _ in range(1_000):
        effect = np.where(rng.random(60) < 0.2, rng.exponential(1.0, 60), 0.0)
        result = paired_difference(np.ones(60), 1.0 + effect, range(60))
        assert result.difference.number("degrees") < 59
        misses += 0.2 not in result.difference.interval
        naive += abs(result.difference.value - 0.2) > stats.t.ppf(0.975, 59) * result.difference.number(
            "standard_error"
        )
    assert misses < 0.85 * naive
