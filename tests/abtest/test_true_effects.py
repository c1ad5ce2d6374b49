from __future__ import annotations

import math
from collections import Counter

import pytest

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.outcomes import columns_of, measure
from paars_gym.abtest.patch import Change
from paars_gym.abtest.true_effects import against_themselves, true_effects
from paars_gym.simulation.synthetic_visits import play_people
from paars_gym.synthetic.kinds import KINDS, RESPONSES, SyntheticPeople
from paars_gym.synthetic.world import World, mini_world


@pytest.fixture(scope="module")
def world() -> World:
    return mini_world(n_shoppers=150, seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_people_against_themselves_show_no_effect(world: World, kind: str) -> None:
    people = SyntheticPeople(kind, world)
    effect = against_themselves(people, Arm("bm25"), n_sessions=800, outcome="views")
    assert effect.difference.interval is not None
    assert 0.0 in effect.difference.interval
    assert effect.control is not None
    assert 0 < effect.difference.high - effect.difference.low < 0.5 * effect.control


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_people_against_themselves_show_no_effect_on_sales(kind: str) -> None:
    people = SyntheticPeople(kind, mini_world(n_shoppers=600, seed=0))
    within = []
    for first in range(0, 8, 2):
        effect = against_themselves(people, Arm("bm25"), n_sessions=2_000, seeds=(first, first + 1))
        assert effect.difference.interval is not None
        within.append(0.0 in effect.difference.interval)
    assert sum(within) >= 3, "one of four 95% intervals may leave 0 out, two hardly"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_responds_as_is_written(kind: str) -> None:
    people, written = SyntheticPeople(kind, mini_world(n_shoppers=600, seed=0)), RESPONSES[kind]
    sessions = list(play_people(people, 4_000))
    ranks = Counter(event.rank for session in sessions for event in session.events if event.kind == "view")
    del ranks[None]
    clicks = [ranks[rank] / ranks.total() for rank in range(1, 11)]
    assert clicks == pytest.approx(written.clicks, abs=0.05)
    columns = columns_of(map(measure, sessions))
    for name, column in (("searches", "searches"), ("views", "views"), ("conversion", "converted"), ("units", "units")):
        assert columns[column].mean() == pytest.approx(getattr(written, name), rel=0.2)
    arms = [Arm(name) for name in written.sales]
    effects = true_effects(people, Arm("bm25"), arms, n_sessions=4_000)
    for effect, (value, error) in zip(effects, written.sales.values(), strict=True):
        allowed = 3 * math.hypot(effect.relative.number("standard_error") or 0.0, error)
        assert effect.relative.value == pytest.approx(value, abs=allowed)


def test_the_same_visits_to_the_same_arm_are_the_same(world: World) -> None:
    (effect,) = true_effects(SyntheticPeople("cascade", world), Arm("bm25"), [Arm("bm25")], n_sessions=100)
    assert effect.difference.note == "identical_arms"


def test_people_play_rankings_contents_and_environments(world: World) -> None:
    people = SyntheticPeople("cascade", world)
    arms = [Arm("random:1"), Arm(patch=[Change(all=True, available=False)]), Arm(env="PAARS-Retail-v0", name="again")]
    shuffled, empty, again = true_effects(people, Arm("bm25"), arms, n_sessions=800)
    assert shuffled.relative.high < 0
    assert empty.treatment == 0.0
    assert again.difference.note == "identical_arms"


def test_an_unknown_outcome_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match=r"Unknown outcome 'joy'. Available: sales_units"):
        true_effects(SyntheticPeople("cascade", world), Arm("bm25"), [], n_sessions=1, outcome="joy")
