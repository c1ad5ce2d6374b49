from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paars_gym.abtest.compare import confidence_sequence, sequential_estimate
from paars_gym.abtest.unpaired import split_shoppers, unpaired_difference


def group(rng: np.random.Generator, size: int, *, lift: float = 0.0) -> dict[str, np.ndarray]:
    rate = rng.gamma(2.0, 1.0, size=size)
    return {"n": rng.poisson(rate + lift).astype(float), "d": np.ones(size), "x": rng.poisson(3 * rate).astype(float)}


def test_of_means_it_is_welchs_test() -> None:
    rng = np.random.default_rng(0)
    control, treatment = group(rng, 40), group(rng, 55)
    difference = unpaired_difference(control, treatment).difference
    reference = stats.ttest_ind(treatment["n"], control["n"], equal_var=False)
    assert difference.p_value == pytest.approx(reference.pvalue)
    assert difference.interval.ends == pytest.approx(tuple(reference.confidence_interval()))


def test_cuped_is_narrower_when_the_history_tells_something() -> None:
    rng = np.random.default_rng(1)
    control, treatment = group(rng, 400), group(rng, 400, lift=0.3)
    plain, adjusted = (unpaired_difference(control, treatment, covariate=known).difference for known in (False, True))
    assert adjusted.high - adjusted.low < 0.85 * (plain.high - plain.low)
    assert 0.3 in adjusted.interval


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": np.ones(9)}, "covariate does not vary"),
        ({"d": np.zeros(9)}, "nothing to divide by"),
        ({name: np.ones(1) for name in "ndx"}, "fewer than two"),
    ],
)
def test_what_cannot_be_estimated_says_so(change: dict[str, np.ndarray], says: str) -> None:
    rng = np.random.default_rng(2)
    outcome = unpaired_difference(group(rng, 9) | change, group(rng, 9), covariate=True)
    for estimate in (outcome.difference, outcome.relative):
        assert says in estimate.note
        assert (estimate.value, estimate.interval) == (None, None)


def test_no_variance_is_not_estimable() -> None:
    same = {"n": np.zeros(5), "d": np.ones(5)}
    assert unpaired_difference(same, same).difference.note == "not estimable: zero variance"


def test_an_arm_that_sells_nothing_has_a_difference_and_no_relative_change() -> None:
    rng = np.random.default_rng(5)
    control, treatment = group(rng, 30), group(rng, 30)
    treatment["n"] = np.zeros(30)
    outcome = unpaired_difference(control, treatment)
    reference = stats.ttest_ind(treatment["n"], control["n"], equal_var=False).confidence_interval()
    assert outcome.difference.interval.ends == pytest.approx(tuple(reference))
    assert outcome.relative.interval is None or outcome.relative.value == -1


def test_a_control_that_sells_nothing_has_a_note_for_the_relative_change() -> None:
    rng = np.random.default_rng(5)
    control, treatment = group(rng, 30), group(rng, 30)
    control["n"] = np.zeros(30)
    for covariate in (False, True):
        found = unpaired_difference(control, treatment, covariate=covariate)
        assert covariate or found.difference.value == pytest.approx(treatment["n"].mean())
        assert found.difference.interval is not None
        assert (found.relative.value, found.relative.interval) == (None, None)
        assert found.relative.note == "not estimable: the control is 0"


def test_a_ratio_that_all_share_has_no_interval_of_width_zero() -> None:
    sessions = np.random.default_rng(5).integers(1, 5, 60).astype(float)
    found = unpaired_difference({"n": sessions, "d": sessions}, {"n": 2 * sessions, "d": sessions})
    assert (found.control, found.treatment) == (1, 2)
    assert (found.difference.interval, found.difference.note) == (None, "not estimable: zero variance")


def test_half_of_the_shoppers_are_treated() -> None:
    treated = split_shoppers(41, np.random.default_rng(0))
    assert treated.sum() == 20


def test_looking_after_every_persona_finds_nothing_in_noise() -> None:
    rng = np.random.default_rng(3)
    stopped = sum(sequential_estimate(rng.normal(size=300)).number("stop_after") is not None for _ in range(400))
    assert stopped / 400 <= 0.05 + 2 * 0.011
    fixed = sum(abs(stats.ttest_1samp(x, 0).pvalue) < 0.05 for x in rng.normal(size=(400, 300)))
    assert fixed / 400 > 0.02


def test_a_clear_effect_stops_early_and_the_interval_holds_it() -> None:
    differences = np.random.default_rng(4).normal(0.5, size=400)
    estimate = sequential_estimate(differences)
    assert estimate.number("stop_after") < 150
    assert 0.5 in estimate.interval
    assert estimate.verdict == "higher"
    low, high = confidence_sequence(differences)
    assert not np.isfinite([low[:49], high[:49]]).any()
    assert estimate.interval.ends == (low[-1], high[-1])


def test_before_the_first_look_nothing_is_said() -> None:
    estimate = sequential_estimate(np.ones(10))
    assert (estimate.value, estimate.interval, estimate.number("stop_after")) == (1.0, None, None)
    assert "before 50 personas" in estimate.note


@pytest.mark.parametrize(("values", "level", "says"), [([], 0.95, "no personas"), ([1.0], 0.0, "level == 0.0")])
def test_bad_sequences(values: list[float], level: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        confidence_sequence(np.array(values), level=level)
