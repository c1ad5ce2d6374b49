from __future__ import annotations

import json
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from paars_gym.sessions.step import StepRecord
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
    env.reset(seed=0)
    for _ in range(300):
        masks = env.action_masks()
        assert masks.shape == (env.action_space.n,)  # type: ignore[attr-defined]
        for action in range(len(masks)):
            snapshot = env.unwrapped.snapshot()  # type: ignore[attr-defined]
            *_, info = env.env.env.step(env.text(action))  # type: ignore[attr-defined]
            assert info["action_valid"] == masks[action], (env.text(action), info["error"])
            env.unwrapped.restore(snapshot)  # type: ignore[attr-defined]
        stop = len(masks) - 1
        action = int(rng.choice([a for a in np.flatnonzero(masks) if a != stop]))
        if env.step(action)[3]:
            env.reset()


def test_discrete_actions_in_words(shop: Shop) -> None:
    env = discrete(shop)
    env.reset(options={"intention": SHOES})
    assert [env.text(i) for i in range(2)] == ["search[red running shoes]", "search[Shoes]"]
    *_, info = env.step(0)
    assert env.text(2) == f"view[{info['results'][0]}]"
    env.step(2)
    assert env.text(5) == f"add_to_cart[{info['results'][0]} | size=41]"
    with pytest.raises(ValueError, match="action == 10, must be from 0 to 9"):
        env.text(10)
    with pytest.raises(ValueError, match="at least one search"):
        DiscreteActions(RetailEnv(shop=shop), queries=())


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
    pages = [env.reset(options={"session_key": "k"})[0]]
    for action in ("search[headphones]", "next_page[]", "view[h1]", "vew[h1]", "add_to_cart[h1 | units=2]"):
        pages.append(env.step(action)[0])
    env.close()
    records = [StepRecord.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [record.step for record in records] == [1, 2, 3, 4, 5]
    assert [record.shown for record in records] == pages[:5]
    assert [record.first_rank for record in records] == [1, 4, None, None, None]
    assert [record.valid for record in records] == [True, True, True, False, True]
    assert "Did you mean view?" in str(records[3].error)
    assert records[4].cart == (("h1", 2),)
    assert records[0].results == records[0].events[0].results
    assert json.loads(path.read_text().splitlines()[2])["product"] == "h1"
