"""Accuracy, similarity and their comparisons are right."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paars_gym.alignment import (
    accuracy,
    accuracy_difference,
    by_stratum,
    groups,
    position_bias,
    quantile_strata,
    relative_gain,
    similarity,
    wilson_interval,
)

N = 4600


def first(hits: int) -> np.ndarray:
    return np.arange(N) < hits


def test_table_3_and_chance() -> None:
    base, persona = accuracy(first(round(0.2546 * N))), accuracy(first(round(0.4726 * N)))
    assert (base.interval.low, base.interval.high) == pytest.approx((0.2422, 0.2674), abs=5e-5)
    assert base.p_value == pytest.approx(0.475, abs=5e-4)
    assert (persona.interval.low, persona.interval.high) == pytest.approx((0.4582, 0.4871), abs=5e-5)
    assert persona.p_value < 1e-100
    chance = wilson_interval(N // 4, N)
    assert (chance.low, chance.high) == pytest.approx((0.2377, 0.2627), abs=5e-5)
    assert (base.floor, base.sizes) == (0.25, {"cases": N, "shoppers": N})


def test_persona_less_history_unpaired() -> None:
    result = accuracy_difference(first(round(0.4111 * N)), first(round(0.4726 * N)), paired=False)
    assert result.value == pytest.approx(0.0615, abs=5e-5)
    assert result.interval.high - result.value == pytest.approx(0.0203, abs=5e-5)


def test_mcnemar_by_hand() -> None:
    """Ten cases only the second got right, two only the first: 2 * P(X <= 2 | 12, .5) = 2 * 79 / 4096."""
    a = [1] * 2 + [0] * 10 + [1] * 20
    b = [0] * 2 + [1] * 10 + [1] * 20
    result = accuracy_difference(a, b)
    assert (result.details["gained"], result.details["lost"]) == (10, 2)
    assert result.p_value == pytest.approx(2 * 79 / 4096)
    assert result.value == pytest.approx(8 / 32)
    assert result.interval.low < 0.25 < result.interval.high
    assert accuracy_difference(a, a).p_value == 1


def test_paired_interval_covers() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(1000):
        shared = rng.random(150)
        a, b = shared + 0.2 * rng.random(150) < 0.5, shared + 0.2 * rng.random(150) < 0.6
        interval = accuracy_difference(a, b).interval
        covered += interval.low <= 0.1 <= interval.high
    assert 0.93 <= covered / 1000 <= 0.975


def test_paired_interval_is_as_wide_as_there_are_people() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random(200) < 0.5, rng.random(200) < 0.6
    alone = accuracy_difference(a, b)
    assert accuracy_difference(a, b, shoppers=np.arange(200)) == alone, "nobody repeats"
    # Four cases of a person that are one and the same say as much as one.
    four = accuracy_difference(np.tile(a, 4), np.tile(b, 4), shoppers=np.tile(np.arange(200), 4))
    assert four.value == alone.value
    assert four.interval.high - four.interval.low == pytest.approx(alone.interval.high - alone.interval.low, rel=0.02)
    assert "clustered" in four.interval.method
    split = accuracy_difference(a, b, shoppers=np.arange(200) // 2)
    assert split.interval.high - split.interval.low >= alone.interval.high - alone.interval.low
    with pytest.raises(ValueError, match="2 shoppers for 200 cases"):
        accuracy_difference(a, b, shoppers=[1, 2])
    with pytest.raises(ValueError, match="leave them out"):
        accuracy_difference(a, b, paired=False, shoppers=np.arange(200))


def test_wilson_covers() -> None:
    """Mean coverage over 30 settings by exact binomial weights: no simulation needed."""
    from scipy.stats import binom

    covers = []
    for n in (50, 200, 1000):
        for p in np.linspace(0.05, 0.95, 10):
            inside = [wilson_interval(k, n).low <= p <= wilson_interval(k, n).high for k in range(n + 1)]
            covers.append(float(binom.pmf(np.arange(n + 1), n, p) @ inside))
    assert np.mean(covers) == pytest.approx(0.95, abs=0.005)
    assert min(covers) > 0.92
    one = wilson_interval(0, 1)
    assert (one.low, one.high) == pytest.approx((0, 0.7935), abs=1e-4)


def test_sixty_cases_that_agree_are_no_proof() -> None:
    right, wrong, shoppers = np.ones(60), np.zeros(60), np.repeat(np.arange(20), 3)
    assert accuracy(right, shoppers=shoppers).interval == wilson_interval(20, 20)
    assert accuracy(np.tile([1, 1, 0], 20), shoppers=shoppers).interval == wilson_interval(20 * 40 / 60, 20)
    same = accuracy_difference(right, right, paired=False)
    assert same.interval.ends == pytest.approx((-same.interval.high, 0.0602), abs=1e-4)
    apart = accuracy_difference(wrong, right, paired=False).interval
    assert 0.9 < apart.low < 0.95
    assert apart.high == 1
    answers = np.arange(60) % 4
    assert position_bias(answers, answers).bias.interval.ends == pytest.approx((0, 1 - 0.05 ** (1 / 60)))
    assert position_bias(wrong, right).bias.interval.ends == pytest.approx((0.05 ** (1 / 60), 1))
    strata = by_stratum(right, np.arange(60), strata=2)
    assert strata[0].mean.interval == wilson_interval(30, 30)


def test_values_without_spread_have_no_interval() -> None:
    same = similarity([[1.0, 0.0]] * 60, [[1.0, 0.0]] * 60).mean
    assert (same.value, same.interval, same.note) == (1, None, "No interval: all pairs are equally similar.")
    gain = relative_gain(np.linspace(0.4, 0.9, 60), 2 * np.linspace(0.4, 0.9, 60))
    assert (gain.value, gain.interval) == (pytest.approx(1), None)
    assert "in proportion" in gain.note
    flat = by_stratum(np.full(60, 0.5), np.arange(60), strata=2)[0].mean
    assert (flat.value, flat.interval) == (0.5, None)
    assert "all observations agree" in flat.note


def test_newcombe_covers_where_a_proportion_is_nearly_one() -> None:
    rng, covered = np.random.default_rng(4), []
    for _ in range(1000):
        a, b = rng.random(60) < 0.9, rng.random(60) < 0.99
        if b.all():
            covered.append(0.09 in accuracy_difference(a, b, paired=False).interval)
    assert np.mean(covered) > 0.9


def test_cases_of_one_shopper_are_not_independent() -> None:
    """40 shoppers with 10 cases each, all right or all wrong: forty observations, not four hundred."""
    right = np.repeat(np.arange(40) % 2, 10)
    shopper = np.repeat(np.arange(40), 10)
    plain, clustered = accuracy(right), accuracy(right, shoppers=shopper)
    ratio = (clustered.interval.high - clustered.interval.low) / (plain.interval.high - plain.interval.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.15)
    assert accuracy(right, shoppers=np.arange(400)).interval == plain.interval
    assert accuracy(right, shoppers=shopper) == clustered


def test_clustered_accuracy_covers() -> None:
    rng, covered = np.random.default_rng(1), 0
    for _ in range(300):
        taste = rng.beta(1, 1, 80)
        right = rng.random((80, 6)) < taste[:, None]
        interval = accuracy(right, shoppers=np.repeat(np.arange(80), 6), n_resamples=300, rng=rng).interval
        covered += interval.low <= 0.5 <= interval.high
    assert 0.91 <= covered / 300 <= 0.985  # 95% and three standard errors


def test_position_bias_is_found() -> None:
    rng = np.random.default_rng(2)
    answers = rng.integers(0, 4, 2000)
    fair = np.where(rng.random(2000) < 0.5, answers, rng.integers(0, 4, 2000))
    lazy = np.where(rng.random(2000) < 0.3, 0, fair)
    unbiased, biased = position_bias(fair, answers), position_bias(lazy, answers)
    assert unbiased.bias.p_value > 0.01
    assert biased.bias.p_value < 1e-6
    assert biased.bias.value == pytest.approx(0.3 * 0.75, abs=0.03)
    assert biased.accuracy[0] > biased.accuracy[1] + 0.1
    assert sum(biased.chosen) == pytest.approx(1)
    assert biased.balanced == pytest.approx(np.mean(biased.accuracy))
    for result in (unbiased.bias, biased.bias):
        assert result.interval is not None
        assert result.floor is not None
        assert 0 < result.floor < 0.03
    assert unbiased.bias.low < 0.01
    assert biased.bias.low < 0.3 * 0.75 < biased.bias.high


def test_position_bias_floor_is_what_fair_choices_show() -> None:
    rng = np.random.default_rng(3)

    def fair() -> tuple[np.ndarray, np.ndarray]:
        answers = rng.integers(0, 4, 300)
        return np.where(rng.random(300) < 0.5, answers, rng.integers(0, 4, 300)), answers

    seen = [position_bias(*fair(), n_resamples=0).bias.value for _ in range(200)]
    assert position_bias(*fair()).bias.floor == pytest.approx(np.mean(seen), rel=0.2)


def test_position_bias_with_answers_in_one_place() -> None:
    result = position_bias([0, 0], [0, 0])
    assert (result.bias.value, result.bias.p_value, result.balanced) == (0, 1, 1)
    assert math.isnan(result.accuracy[3])


def test_similarity_by_hand() -> None:
    result = similarity([[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [1.0, 1.0]])
    assert result.values.tolist() == pytest.approx([1, math.sqrt(0.5)])
    assert result.mean.value == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert result.mean.floor == pytest.approx((math.sqrt(0.5) + 0) / 2)  # human 0 with agent 1, human 1 with agent 0
    assert similarity([[1.0, 0.0]], [[1.0, 0.0]]).mean.interval is None


def test_the_papers_relative_gain() -> None:
    assert relative_gain(np.full(10, 0.59), np.full(10, 0.69)).value == pytest.approx(0.17, abs=1e-3)
    assert relative_gain([-1.0, 0.5], [1.0, 1.0]).value is None


def test_relative_gain_interval_covers() -> None:
    rng, covered = np.random.default_rng(3), 0
    for _ in range(1000):
        item = rng.normal(0.6, 0.2, 100)
        interval = relative_gain(item, item + 0.1 + rng.normal(0, 0.1, 100)).interval
        covered += interval.low <= 0.1 / 0.6 <= interval.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_bare_seeds_are_refused() -> None:
    for call in (lambda: accuracy([1], rng=0), lambda: position_bias([1], [1], rng=0)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="rng == 0, must be a numpy Generator"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy([]), "no cases"),
        (lambda: accuracy([0.5]), "true and false"),
        (lambda: accuracy([1], options=1), "options == 1"),
        (lambda: accuracy([1, 0], shoppers=[1]), "as many"),
        (lambda: accuracy_difference([1], [1, 0]), "same cases"),
        (lambda: wilson_interval(2, 1), "0 .. n"),
        (lambda: position_bias([], []), "at least one"),
        (lambda: position_bias([4], [0]), "0 .. 3"),
        (lambda: similarity([[0.0, 0.0]], [[1.0, 0.0]]), "human row 0 is zero"),
        (lambda: similarity([[1.0, 0.0]], [[1.0, 0.0]] * 2), "paired"),
        (lambda: relative_gain([math.nan], [1.0]), "NaN"),
        (lambda: quantile_strata([]), "at least one"),
        (lambda: quantile_strata([math.inf]), "finite"),
        (lambda: quantile_strata([1.0], strata=0), "strata == 0"),
        (lambda: by_stratum([1.0], [1.0, 2.0]), "as many"),
        (lambda: groups(["a"], minimum=0), "minimum == 0"),
    ],
)
def test_unusable_input_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
