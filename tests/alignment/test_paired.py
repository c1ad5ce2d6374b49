"""Is the difference of two distances right by hand, zero for one population twice, and inside its interval as often?"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest

from paars_gym.alignment import kl_divergence, open_log, paired_difference, score
from paars_gym.alignment.paired import compare_paired
from paars_gym.report.alignment import improvement_sentence
from paars_gym.sessions import Session

Population = Callable[..., list[Session]]


def drawn(rng: np.random.Generator, rates: np.ndarray, each: int = 4, bins: int = 12) -> np.ndarray:
    """So many sessions of each shopper, Poisson with the shopper's own rate, as rows of counts."""
    counts = np.minimum(rng.poisson(rates[:, None], (len(rates), each)), bins - 1)
    return np.stack([np.bincount(row, minlength=bins) for row in counts]).astype(float)


def test_by_hand() -> None:
    people, first, second = [[3, 1], [2, 2], [1, 3]], [[2, 2]] * 3, [[0, 4]] * 3
    rng = np.random.default_rng(0)
    # People show 6.5 : 6.5, the first 6.5 : 6.5, the second .5 : 12.5.
    expected = -(0.5 * log(0.5 / (0.5 / 13)) + 0.5 * log(0.5 / (12.5 / 13)))
    found = paired_difference(people, first, second, rng=rng)
    assert found.value == pytest.approx(expected)
    assert found.verdict == "closer"
    assert found.high is not None
    assert found.high < 0
    moved = paired_difference(people, first, second, metric="W1", positions=[0, 10], rng=rng)
    assert moved.value == pytest.approx(-5.0)
    assert moved.unit == "steps"


def test_it_is_the_difference_of_the_two_distances_and_turns_its_sign() -> None:
    rng = np.random.default_rng(1)
    people, first, second = (drawn(rng, np.full(60, rate)) for rate in (2.0, 2.4, 4.0))
    distances = [kl_divergence(people, each, n_resamples=0).value for each in (first, second)]
    there, back = (
        paired_difference(people, *pair, rng=np.random.default_rng(2)) for pair in ((first, second), (second, first))
    )
    assert None not in distances
    assert there.value == pytest.approx(distances[0] - distances[1])  # type: ignore[operator]
    assert back.value == pytest.approx(-there.value)  # type: ignore[operator]
    assert (there.verdict, back.verdict) == ("closer", "further")


@pytest.mark.parametrize("metric", ["KL", "JS"])
def test_one_population_twice_differs_by_nothing(metric: str) -> None:
    rng = np.random.default_rng(3)
    people, agents = drawn(rng, np.full(40, 2.0)), drawn(rng, np.full(40, 3.0))
    same = paired_difference(people, agents, agents, metric=metric, rng=rng)  # type: ignore[arg-type]
    assert (same.value, same.interval, same.verdict) == (0.0, None, "not told apart")
    assert "all resamples agree" in same.note
    # The same law in other sessions: near 0, and 0 is inside.
    other = paired_difference(people, agents, drawn(rng, np.full(40, 3.0)), metric=metric, rng=rng)  # type: ignore[arg-type]
    assert other.interval is not None
    assert 0.0 in other.interval
    assert other.verdict == "not told apart"


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """120 worlds of 80 shoppers who differ, so that sessions of one resemble each other."""

    def law(rate: float) -> np.ndarray:
        rng = np.random.default_rng(7)
        return drawn(rng, rate * rng.gamma(4.0, 0.25, 300_000), each=1).sum(axis=0)

    people, first, second = law(2.0), law(2.3), law(3.0)
    truth = [kl_divergence(people, side, n_resamples=0).value for side in (first, second)]
    held = 0
    for world in range(120):
        rng = np.random.default_rng([11, world])
        tastes = rng.gamma(4.0, 0.25, 80)  # the same agents under both conditions
        sides = [drawn(rng, rate * tastes) for rate in (2.3, 3.0)]
        found = paired_difference(drawn(rng, 2.0 * rng.gamma(4.0, 0.25, 80)), *sides, n_resamples=300, rng=rng)
        assert found.interval is not None
        held += truth[0] - truth[1] in found.interval  # type: ignore[operator]
    assert 0.88 <= held / 120 <= 0.99


def test_shoppers_drawn_together_make_it_narrower() -> None:
    rng = np.random.default_rng(5)
    tastes = rng.gamma(1.0, 1.0, 200)
    people, first = drawn(rng, 2.0 * tastes), drawn(rng, 2.5 * tastes, each=8)
    shuffled = first[rng.permutation(200)]
    second = first.copy()
    second[:20] = drawn(rng, np.full(20, 9.0), each=8)
    together, apart = (paired_difference(people, side, second, rng=rng) for side in (first, shuffled))
    assert together.value == pytest.approx(apart.value)
    width = [each.interval.high - each.interval.low for each in (together, apart) if each.interval]
    assert width[0] < 0.8 * width[1]


def test_rows_that_do_not_match_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="in the same order"):
        paired_difference([1, 2], [[1, 2]], [[1, 2], [2, 1]], rng=rng)
    with pytest.raises(ValueError, match="in the same order"):
        paired_difference([1, 2], [[1, 2]], [[2, 1]], people_too=True, rng=rng)
    with pytest.raises(ValueError, match="sums to 0"):
        paired_difference([0, 0], [[1, 2]], [[2, 1]], rng=rng)
    with pytest.raises(ValueError, match="needs positions"):
        paired_difference([1, 2], [[1, 2]], [[2, 1]], metric="W1", rng=rng)


def test_logs_are_matched_by_the_names_of_their_shoppers(population: Population) -> None:
    people, first = population(120, seed=0, shoppers=30), population(120, seed=1, shoppers=30)
    second = population(90, seed=2, searches=4.0, shoppers=30)
    found = {
        (each.of, each.metric): each.estimate
        for each in compare_paired(*map(open_log, (people, first, second)), rng=np.random.default_rng(0))
    }
    report = score(open_log(people), open_log(first), baseline=open_log(second), embedder=None)
    for (of, metric), estimate in found.items():
        apart = [report.find(of, metric, population=role).estimate.value for role in ("agents", "baseline")]
        assert estimate.value == pytest.approx(apart[0] - apart[1]), (of, metric)  # type: ignore[operator]
    assert found["searches", "JS"].verdict == "closer"
    closer = next(each for each in report.improvements if (each.of, each.metric) == ("searches", "JS"))
    assert closer.estimate.value == pytest.approx(-found["searches", "JS"].value)  # type: ignore[operator]
    assert "resampled" in closer.estimate.interval.method  # type: ignore[union-attr]
    assert "closer to people than the baseline" in improvement_sentence(closer)
    nothing = compare_paired(*map(open_log, (people, first, first)), rng=np.random.default_rng(0))
    assert {each.estimate.value for each in nothing} == {0.0}
