from __future__ import annotations

import numpy as np
import pytest

from paars_gym.catalog.store import Catalog
from paars_gym.sessions.event import Intention
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.rewards import goal_score, make_reward, sample_goal
from paars_gym.shop.shop import Shop
from paars_gym.shop.state import Bought, State

WANTED = Intention(
    text="red running shoes, size 41",
    category="Shoes",
    target="s1",
    attributes=("red",),
    options={"size": "41"},
    budget=80,
)


@pytest.mark.parametrize(
    ("line", "score"),
    [
        (Bought("s1", 1, 79.0, (("size", "41"),)), 1.0),
        (Bought("s1", 1, 79.0, (("size", "40"),)), 2 / 3),
        (Bought("s2", 1, 95.0), 0.0),  # right type, but not red, no size chosen, over the budget
        (Bought("s4", 1, 15.0, (("size", "41"),)), 1.0),
        (Bought("h1", 1, 59.0), 0.0),  # another category and no word of the title
    ],
)
def test_goal_score_by_hand(catalog: Catalog, line: Bought, score: float) -> None:
    assert goal_score(catalog, WANTED, line) == pytest.approx(score)


def test_type_fit_steps(catalog: Catalog) -> None:
    line = Bought("h1", 1, 10.0)
    same_words = Intention(text="x", target="h2")
    by_category = Intention(text="x", category="headphones")
    assert goal_score(catalog, same_words, line) == 1.0
    assert goal_score(catalog, by_category, line) == 1.0
    assert goal_score(catalog, Intention(text="x", category="Shoes"), line) == 0.0
    assert goal_score(catalog, Intention(text="anything"), line) == 1.0
    # "Calor steel kettle" and "Dunk travel kettle": same category, full fit; an unknown price misses the budget.
    assert goal_score(catalog, Intention(text="x", target="k1", budget=50), Bought("k4", 1, None)) == 0.0


def test_goal_reward_sums_to_the_best_purchase(shop: Shop) -> None:
    env = RetailEnv(shop=shop, reward="goal")
    env.reset(options={"intention": WANTED})
    rewards = [
        env.step(action)[1]
        for action in (
            "add_to_cart[s1 | size=40]",
            "purchase[]",
            "add_to_cart[h1]",
            "purchase[]",
            "add_to_cart[s1 | size=41]",
            "purchase[]",
        )
    ]
    assert rewards == pytest.approx([0, 2 / 3, 0, 0, 0, 1 / 3])


def test_units_and_revenue(shop: Shop) -> None:
    for reward, expected in (("units", [0, 0, 0, 4.0]), ("revenue", [0, 0, 0, 177.0]), ("none", [0] * 4)):
        env = RetailEnv(shop=shop, reward=reward)
        env.reset()
        actions = ("search[headphones]", "add_to_cart[h1 | units=3]", "add_to_cart[k4]", "purchase[]")
        assert [env.step(action)[1] for action in actions] == expected


def test_any_callable_is_a_reward(shop: Shop) -> None:
    env = RetailEnv(shop=shop, reward=lambda catalog, intention, before, after: float(len(after.cart)))
    env.reset()
    assert env.step("add_to_cart[h1]")[1] == 1.0


def test_no_intention_no_goal(catalog: Catalog) -> None:
    after = State(bought=(Bought("h1", 1, 1.0),))
    assert make_reward("goal")(catalog, None, State(), after) == 0.0


def test_a_sampled_goal_can_be_met_in_full(catalog: Catalog) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        goal = sample_goal(catalog, rng)
        assert goal.target is not None
        product = catalog[goal.target]
        assert product.available
        line = Bought(product.id, 1, product.price, tuple(sorted(goal.options.items())))
        assert goal_score(catalog, goal, line) == 1.0 or product.price is None
        assert goal.target not in goal.text
