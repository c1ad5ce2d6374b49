from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paars_gym.abtest.sequential import confidence_sequence
from paars_gym.abtest.unpaired import split_shoppers, unpaired_difference


def group(rng: np.random.Generator, size: int, *, lift: float = 0.0) -> dict[str, np.ndarray]:
    taste = rng.gamma(2.0, 1.0, size=size)
    return {"n": rng.poisson(taste + lift).astype(float), "d": np.ones(size), "x": rng.poisson(3 * taste).astype(float)}


def test_of_means_it_is_welchs_test() -> None:
    rng = np.random.default_rng(0)
    control, treatment = group(rng, 40), group(rng, 55)
    found = unpaired_difference(control, treatment)
    reference = stats.ttest_ind(treatment["n"], control["n"], equal_var=False)
    assert found.p_value == pytest.approx(reference.pvalue)
    assert found.interval == pytest.approx(tuple(reference.confidence_interval()))


def test_cuped_is_narrower_when_the_history_tells_something() -> None:
    rng = np.random.default_rng(1)
    control, treatment = group(rng, 400), group(rng, 400, lift=0.3)
    plain, adjusted = (unpaired_difference(control, treatment, covariate=known) for known in (False, True))
    assert np.diff(adjusted.interval)[0] < 0.85 * np.diff(plain.interval)[0]
    assert adjusted.interval[0] < 0.3 < adjusted.interval[1]


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
    found = unpaired_difference(group(rng, 9) | change, group(rng, 9), covariate=True)
    assert says in found.note
    assert np.isnan([found.estimate, *found.interval]).all()


def test_no_variance_is_not_estimable() -> None:
    same = {"n": np.zeros(5), "d": np.ones(5)}
    assert unpaired_difference(same, same).note == "not estimable: zero variance"


def test_an_arm_that_sells_nothing_has_a_difference_and_no_relative_change() -> None:
    rng = np.random.default_rng(5)
    control, treatment = group(rng, 30), group(rng, 30)
    treatment["n"] = np.zeros(30)
    found = unpaired_difference(control, treatment)
    reference = stats.ttest_ind(treatment["n"], control["n"], equal_var=False).confidence_interval()
    assert found.interval == pytest.approx(tuple(reference))
    assert np.isnan(found.relative_interval).all() or found.relative == -1


def test_half_of_the_shoppers_are_treated() -> None:
    treated = split_shoppers(41, np.random.default_rng(0))
    assert treated.sum() == 20


def test_looking_after_every_persona_finds_nothing_in_noise() -> None:
    rng = np.random.default_rng(3)
    stopped = sum(confidence_sequence(rng.normal(size=300)).stop is not None for _ in range(400))
    assert stopped / 400 <= 0.05 + 2 * 0.011
    fixed = sum(abs(stats.ttest_1samp(x, 0).pvalue) < 0.05 for x in rng.normal(size=(400, 300)))
    assert fixed / 400 > 0.02


def test_a_clear_effect_stops_early_and_the_interval_holds_it() -> None:
    sequence = confidence_sequence(np.random.default_rng(4).normal(0.5, size=400))
    assert sequence.stop is not None
    assert sequence.stop < 150
    assert sequence.interval[0] < 0.5 < sequence.interval[1]
    assert not np.isfinite(sequence.low[:49]).any()


@pytest.mark.parametrize(("values", "level", "says"), [([], 0.95, "no personas"), ([1.0], 0.0, "level == 0.0")])
def test_bad_sequences(values: list[float], level: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        confidence_sequence(np.array(values), level=level)
