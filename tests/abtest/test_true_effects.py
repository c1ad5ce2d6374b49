from __future__ import annotations

import pytest

from paars_gym.abtest.arms import Arm
from paars_gym.abtest.patch import Change
from paars_gym.abtest.true_effects import against_themselves, true_effects
from paars_gym.synthetic.kinds import KINDS, SyntheticPeople
from paars_gym.synthetic.world import World, mini_world


@pytest.fixture(scope="module")
def world() -> World:
    return mini_world(n_shoppers=150, seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_people_against_themselves_show_no_effect(world: World, kind: str) -> None:
    people = SyntheticPeople(kind, world)
    for outcome in ("sales_units", "views"):
        effect = against_themselves(people, Arm("bm25"), n_sessions=1_000, outcome=outcome)
        assert effect.difference.interval is not None
        assert 0.0 in effect.difference.interval
        assert effect.control != effect.treatment, "they come for other things"
    assert effect.difference.high - effect.difference.low < 0.35 * effect.control  # type: ignore[operator]


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
