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
    assert goal_score(catalog, WANTED, [line]) == pytest.approx(score)


def test_type_fit_steps(catalog: Catalog) -> None:
    line = Bought("h1", 1, 10.0)
    same_words = Intention(text="x", target="h2")
    by_category = Intention(text="x", category="headphones")
    assert goal_score(catalog, same_words, [line]) == 1.0
    assert goal_score(catalog, by_category, [line]) == 1.0
    assert goal_score(catalog, Intention(text="x", category="Shoes"), [line]) == 0.0
    assert goal_score(catalog, Intention(text="anything"), [line]) == 1.0
    # "Calor steel kettle" and "Dunk travel kettle": same category, full fit; an unknown price misses the budget.
    assert goal_score(catalog, Intention(text="x", target="k1", budget=50), [Bought("k4", 1, None)]) == 0.0


def test_the_budget_is_that_of_all_lines_and_each_line_too_many_costs(catalog: Catalog) -> None:
    right = Bought("s1", 1, 79.0, (("size", "41"),))
    assert goal_score(catalog, WANTED, []) == 0
    assert goal_score(catalog, WANTED, [right._replace(units=2)]) == pytest.approx(2 / 3)
    assert goal_score(catalog, WANTED, [right, Bought("k4", 1, 1.0)]) == pytest.approx(1 / 2)
    assert goal_score(catalog, WANTED, [right, Bought("h1", 1, 59.0)]) == pytest.approx(1 / 3)
    assert goal_score(catalog, WANTED, [right, Bought("k4", 1, None)]) == pytest.approx(1 / 3)


def test_goal_rewards_sum_to_the_score_of_everything_bought(shop: Shop) -> None:
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
    # One line of three facts of which two fit; two lines over the budget; three, the best with two facts again.
    assert rewards == pytest.approx([0, 2 / 3, 0, 1 / 6 - 2 / 3, 0, 2 / 9 - 1 / 6])


def test_buying_whole_pages_is_no_way_to_a_goal() -> None:
    """The products of four pages of the category, against the product that was wanted."""
    env = RetailEnv("mini", reward="goal", max_steps=100)
    bought_pages, bought_right = [], []
    for seed in range(15):
        _, info = env.reset(seed=seed)
        goal, total = env.intention, 0.0
        assert goal is not None
        for page in range(4):
            *_, info = env.step(f"search[{goal.category}]" if page == 0 else "next_page[]")
            for product in info["results"]:
                total += float(env.step(f"add_to_cart[{product}]")[1])
        total += float(env.step("purchase[]")[1])
        bought_pages.append(total)
        env.reset(seed=seed)
        options = "".join(f" | {name}={value}" for name, value in goal.options.items())
        env.step(f"add_to_cart[{goal.target}{options}]")
        bought_right.append(float(env.step("purchase[]")[1]))
    assert np.mean(bought_right) > 0.95
    assert np.mean(bought_pages) < 0.1


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
        assert goal_score(catalog, goal, [line]) == 1.0 or product.price is None
        assert goal.target not in goal.text
