from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from paars_gym.sessions.step import StepRecord
from paars_gym.shop.actions import Search, parse_action
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop
from paars_gym.shop.wrappers import DiscreteActions, FeatureObservation, RecordSession, RecordSteps

SHOES = {
    "text": "red running shoes",
    "category": "Shoes",
    "budget": 80,
    "attributes": ("red",),
    "options": {"size": "41"},
}


def discrete(shop: Shop) -> DiscreteActions:
    return DiscreteActions(FeatureObservation(RetailEnv(shop=shop, reward="goal")))


def test_discrete_form_passes_the_checker(shop: Shop) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*is different from the unwrapped version.*")
        check_env(discrete(shop), skip_render_check=True)


def test_every_unmasked_action_is_possible_and_every_masked_one_is_not(shop: Shop) -> None:
    env = discrete(shop)
    rng = np.random.default_rng(0)
    _, observed = env.reset(seed=0)
    for _ in range(300):
        masks = env.action_masks()
        assert observed["action_mask"].tolist() == masks.tolist()
        assert masks.shape == (env.action_space.n,)  # type: ignore[attr-defined]
        for action in range(len(masks)):
            snapshot = env.unwrapped.snapshot()  # type: ignore[attr-defined]
            *_, info = env.env.env.step(env.text(action))  # type: ignore[attr-defined]
            assert info["action_valid"] == masks[action], (env.text(action), info["error"])
            env.unwrapped.restore(snapshot)  # type: ignore[attr-defined]
        stop = len(masks) - 1
        action = int(rng.choice([a for a in np.flatnonzero(masks) if a != stop]))
        *_, truncated, observed = env.step(action)
        if truncated:
            _, observed = env.reset()


def test_discrete_actions_in_words(shop: Shop) -> None:
    env = discrete(shop)
    env.reset(options={"intention": SHOES})
    searches = ["search[red running shoes]", "search[Shoes]", "search[red running shoes | max_price=80]"]
    assert [env.text(i) for i in range(3)] == searches
    *_, info = env.step(0)
    assert env.text(3) == f"view[{info['results'][0]}]"
    env.step(3)
    assert env.text(11) == f"add_to_cart[{info['results'][0]} | size=41]"
    env.step(11)
    assert env.text(6) == f"remove_from_cart[{info['results'][0]}]"
    *_, info = env.step(6)
    assert (info["cart"], [event.kind for event in info["events"]]) == ((), ["remove"])
    with pytest.raises(ValueError, match="action == 16, must be from 0 to 15"):
        env.text(16)
    with pytest.raises(ValueError, match="at least one search"):
        DiscreteActions(RetailEnv(shop=shop), queries=())
    with pytest.raises(ValueError, match="sort"):
        DiscreteActions(RetailEnv(shop=shop), queries=("{text} | sort=nearest",))


def test_a_search_that_names_what_the_intention_lacks_is_not_possible(shop: Shop) -> None:
    env = discrete(shop)
    _, info = env.reset(options={"intention": {"text": "red | max_price=1"}})
    assert info["action_mask"][:3].tolist() == [1, 0, 0]
    assert parse_action(env.text(0)) == Search(query="red | max_price=1")
    *_, info = env.step(1)
    assert not info["action_valid"]


def test_no_more_units_than_fit_into_the_cart(shop: Shop) -> None:
    env = discrete(shop)
    env.reset(options={"intention": SHOES})
    for action in (0, 3, *[11] * 10):
        *_, info = env.step(action)
        assert info["action_valid"]
    assert info["action_mask"][11] == 0
    assert not env.step(11)[4]["action_valid"]


def test_features_by_hand(shop: Shop) -> None:
    env = FeatureObservation(RetailEnv(shop=shop, max_steps=10))
    observation, _ = env.reset(options={"intention": SHOES})
    assert observation.dtype == np.float32
    at = {name: i for i, name in enumerate(env.fields)}
    assert observation.shape == (len(at),)
    assert observation[at["home"]] == 1.0
    observation, *_, info = env.step("search[red running shoes]")
    assert info["results"][0] == "s1"
    got = {name: float(observation[at[f"result_1_{name}"]]) for name in ("words_matched", "price", "within_budget")}
    assert got == pytest.approx({"words_matched": 1.0, "price": 79 / 160, "within_budget": 1.0})
    assert observation[at["steps_used"]] == pytest.approx(0.1)
    observation, *_ = env.step("view[s2]")
    shown = {
        name: float(observation[at[f"shown_{name}"]]) for name in ("present", "attributes_matched", "within_budget")
    }
    assert shown == {"present": 1.0, "attributes_matched": 0.0, "within_budget": 0.0}
    env.step("add_to_cart[s2]")
    observation, *_ = env.step("search[trail running]")
    assert observation[at["result_1_viewed"]] == 1.0
    assert observation[at["cart_units"]] == pytest.approx(0.1)
    assert observation[at["can_back"]] == 1.0
    cart = [float(observation[at[f"cart_1_{name}"]]) for name in ("present", "words_matched", "price", "units")]
    assert cart == pytest.approx([1.0, 2 / 3, 95 / 160, 0.1])
    assert observation[at["cart_2_present"]] == 0.0


class NoPrices(gymnasium.Wrapper[str, str, str, str]):
    """A shop that hides what things cost."""

    def step(self, action: str) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        page, reward, terminated, truncated, info = self.env.step(action)
        hidden = tuple(product.model_copy(update={"price": None}) for product in info["products"])
        return page, reward, terminated, truncated, info | {"products": hidden}


def test_features_are_of_what_a_wrapper_shows(shop: Shop) -> None:
    env = FeatureObservation(NoPrices(RetailEnv(shop=shop)))
    at = {name: i for i, name in enumerate(env.fields)}
    env.reset(options={"intention": SHOES})
    observation, *_ = env.step("search[red running shoes]")
    assert (observation[at["result_1_price"]], observation[at["result_1_within_budget"]]) == (1.0, 0.0)
    assert observation[at["result_1_words_matched"]] == 1.0


def test_wrappers_refuse_other_environments() -> None:
    with pytest.raises(TypeError, match="PAARS-Retail-v0 only"):
        FeatureObservation(gymnasium.make("CartPole-v1"))


def test_record_session(shop: Shop) -> None:
    env = RecordSession(RetailEnv(shop=shop), shopper="ann")
    env.reset(options={"intention": SHOES, "session_key": "k"})
    for action in ("search[shoes]", "view[s1]", "nonsense", "add_to_cart[s1]", "purchase[]"):
        env.step(action)
    with pytest.raises(ValueError, match="has not ended"):
        _ = env.session
    env.step("stop[]")
    session = env.session
    assert (session.shopper, session.key, session.end) == ("ann", "k", "stop")
    assert [event.kind for event in session.events] == ["search", "view", "add", "purchase", "stop"]
    assert session.intention is not None
    assert session.intention.text == SHOES["text"]
    assert (session.count("search"), session.count("view"), session.count("purchase")) == (1, 1, 1)
    env.reset()
    assert RecordSession(RetailEnv(shop=shop, max_steps=1)).reset()[1]["step"] == 0


def test_record_steps_writes_a_line_a_step(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    env = RecordSteps(RetailEnv(shop=shop), path)
    env.reset(options={"session_key": "k"})
    for action in ("search[headphones]", "next_page[]", "view[h1]", "vew[h1]", "add_to_cart[h1 | units=2]"):
        env.step(action)
    env.close()
    records = [StepRecord.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [record.step for record in records] == [1, 2, 3, 4, 5]
    assert [record.first_rank for record in records] == [1, 4, None, None, None]
    assert [record.valid for record in records] == [True, True, True, False, True]
    assert "Did you mean view?" in str(records[3].error)
    assert records[4].cart == (("h1", 2),)
    assert records[0].results == records[0].events[0].results
    assert json.loads(path.read_text().splitlines()[2])["product"] == "h1"
