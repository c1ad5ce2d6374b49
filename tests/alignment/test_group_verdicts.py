"""Verdicts of groups whose truth is known: equal, far, at the limit; and what a planned number of people decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from paars_gym.alignment import ScoreOptions, score
from paars_gym.alignment.group_verdicts import (
    FAR,
    FEWEST_SHOPPERS,
    NEAR,
    OPEN,
    GroupDistance,
    ShopperTables,
    group_distance,
    resamples_for,
    verdict_of_groups,
)
from paars_gym.alignment.report import AlignmentReport, GroupVerdict
from tests.alignment.conftest import make_population

MEANS = {"searches": 1.8, "views": 2.5, "purchases": 0.6}
BINS = 22
EQUAL, FAR_OFF = 1.0, 2.0
"""Times the people's means: a mean JS of 0, and of 7 times that of a panel of 50."""
AT_LIMIT = {1: 1.31, 5: 1.22}
"""By sessions a shopper: a mean JS just of a panel."""


def shoppers(n: int, times: float, rng: np.random.Generator, *, each: int = 1) -> ShopperTables:
    """Counts of so many shoppers; those with several sessions resemble themselves."""
    scale = rng.gamma(4, 1 / 4, n) if each > 1 else np.ones(n)
    tables = {}
    for name, mean in MEANS.items():
        values = np.minimum(rng.poisson(mean * times * scale[:, None], (n, each)), BINS - 1)
        tables[name] = np.zeros((n, BINS))
        np.add.at(tables[name], (np.repeat(np.arange(n), each), values.ravel()), 1)
    return ShopperTables(tables, n)


def distance(n: int, times: float, rng: np.random.Generator, *, each: int = 1, draws: int = 200) -> GroupDistance:
    human, agent = shoppers(n, 1.0, rng, each=each), shoppers(n, times, rng, each=each)
    return group_distance(human, agent, panel=50, n_resamples=draws, rng=rng)


def judged(n: int, groups: Sequence[float], rng: np.random.Generator, *, each: int = 1) -> list[GroupVerdict]:
    draws = resamples_for(len(groups), 200)
    found = {str(i): distance(n, times, rng, each=each, draws=draws) for i, times in enumerate(groups)}
    return list(verdict_of_groups(found))


def test_a_group_like_people_is_near_and_an_unlike_one_far() -> None:
    near, far = judged(400, (EQUAL, FAR_OFF), np.random.default_rng(0))
    assert (near.estimate.verdict, far.estimate.verdict) == (NEAR, FAR)
    assert near.estimate.high < near.estimate.details["panel"]  # type: ignore[operator]
    assert far.estimate.low > far.estimate.details["panel"]  # type: ignore[operator]
    assert near.needed is far.needed is None
    assert near.estimate.value < near.estimate.details["as_measured"]  # type: ignore[operator]


def test_few_people_leave_it_open_and_are_told_how_many_it_takes() -> None:
    (verdict,) = judged(30, (EQUAL,), np.random.default_rng(1))
    assert verdict.estimate.verdict == OPEN
    assert verdict.needed is not None
    assert 60 < verdict.needed < 2_000


def test_fewer_than_twenty_shoppers_are_never_enough() -> None:
    (verdict,) = judged(FEWEST_SHOPPERS - 1, (6.0,), np.random.default_rng(0), each=5)
    assert (verdict.estimate.verdict, verdict.leaning) == (OPEN, FAR)
    assert (verdict.needed or 0) >= FEWEST_SHOPPERS


def test_people_enough_and_agents_too_few_is_said() -> None:
    rng = np.random.default_rng(0)
    human, agent = shoppers(200, 1.0, rng), shoppers(FEWEST_SHOPPERS - 5, 8.0, rng, each=5)
    far = group_distance(human, agent, panel=50, n_resamples=200, rng=rng)
    (verdict,) = verdict_of_groups({"few": far})
    assert (verdict.estimate.verdict, verdict.too_few_agents, verdict.needed) == (OPEN, True, None)


@pytest.mark.parametrize("each", [1, 5])
def test_groups_at_the_limit_get_no_verdict_beyond_chance(each: int) -> None:
    """Four groups at the limit, 30 times: a false verdict anywhere in at most some 5% of the times."""
    rng = np.random.default_rng(each)
    times = [judged(60, [AT_LIMIT[each]] * 4, rng, each=each) for _ in range(30)]
    assert sum(any(one.estimate.verdict != OPEN for one in groups) for groups in times) <= 4


@pytest.mark.parametrize(("times", "other"), [(EQUAL, FAR), (FAR_OFF, NEAR)])
def test_no_verdict_is_the_opposite_of_the_truth(times: float, other: str) -> None:
    rng = np.random.default_rng(3)
    assert not any(one.estimate.verdict == other for _ in range(15) for one in judged(40, [times] * 4, rng))


@pytest.mark.parametrize("times", [EQUAL, 1.6])
def test_the_planned_number_of_people_decides(times: float) -> None:
    """Planned with the true distance: some 80% of the tries, of 40."""
    rng = np.random.default_rng(7)
    truth = {EQUAL: 0.0, 1.6: 0.0535}[times]  # mean JS of Poisson counts, summed by hand
    planned = [distance(60, times, rng).people_needed(best=truth) for _ in range(12)]
    assert all(planned)
    people = int(np.median([one for one in planned if one is not None]))
    decided = sum(judged(people, [times], rng)[0].estimate.verdict != OPEN for _ in range(40))
    assert decided >= 0.65 * 40


def test_more_groups_and_more_resemblance_within_shoppers_take_more_people() -> None:
    rng = np.random.default_rng(0)
    one = distance(60, EQUAL, rng)
    assert one.people_needed(groups=8, best=0.0) > one.people_needed(best=0.0)  # type: ignore[operator]
    assert one.people_needed(best=one.panel) is None
    assert resamples_for(1, 500) == 500
    assert resamples_for(30, 500) * 0.05 / 30 >= 4


def test_nothing_shared_is_refused() -> None:
    rng = np.random.default_rng(0)
    human = shoppers(5, 1.0, rng)
    with pytest.raises(ValueError, match="must share something"):
        group_distance(human, ShopperTables({}, 5), panel=50, n_resamples=10, rng=rng)


def test_the_report_has_a_verdict_for_each_segment_and_a_number_for_the_small() -> None:
    human, agents = make_population(700, seed=1), make_population(700, seed=2)
    odd = make_population(700, seed=3, searches=6.0)
    ages = {f"s{i}": {"age": "rare" if i % 70 == 0 else ("old", "young")[i % 2]} for i in range(700)}
    agents = [odd[i] if ages[f"s{i}"]["age"] == "old" else one for i, one in enumerate(agents)]
    report = score(
        human, agents, by="age", attributes=ages, embedder=None, options=ScoreOptions(n_resamples=200, panel=40)
    )
    assert report.segments is not None
    verdicts = {one.segment: one.estimate.verdict for one in report.segments.verdicts}
    assert verdicts == {"old": FAR, "young": NEAR}
    assert report.segments.panel == 40
    assert 20 < (report.segments.needed_when_alike or 0) < 2_000
    assert AlignmentReport.model_validate_json(report.model_dump_json()) == report
