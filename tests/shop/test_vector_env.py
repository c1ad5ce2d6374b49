from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from paars_gym.catalog.store import Catalog
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.shop import Shop
from paars_gym.shop.vector_env import RetailVectorEnv


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and left.tolist() == right.tolist()
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_equals_gymnasiums_sync_vector_env(shop: Shop, mode: AutoresetMode) -> None:
    how = {"shop": shop, "reward": "goal", "max_steps": 9}
    ours = RetailVectorEnv(4, autoreset_mode=mode, **how)  # type: ignore[arg-type]
    theirs = SyncVectorEnv([lambda: RetailEnv(**how)] * 4, autoreset_mode=mode)  # type: ignore[arg-type]
    assert ours.observation_space == theirs.observation_space
    assert equal(ours.reset(seed=5), theirs.reset(seed=5))
    ours.action_space.seed(1)
    for _ in range(120):
        actions = ours.action_space.sample()
        assert equal(ours.step(actions), theirs.step(actions))


def test_every_way_of_make_vec(catalog: Catalog) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode, how in (("vector_entry_point", None), ("sync", None), ("async", {"shared_memory": False})):
            env = gymnasium.make_vec(
                "PAARS-Retail-v0", num_envs=2, vectorization_mode=mode, vector_kwargs=how, catalog=catalog
            )
            observations, _ = env.reset(seed=1)
            assert len(observations) == 2
            observations, rewards, *_ = env.step(("search[kettle]", "stop[]"))
            assert 'results for "kettle"' in observations[0]
            assert rewards.tolist() == [0.0, 0.0]
            env.close()


def test_async_by_name_carries_any_script(catalog: Catalog) -> None:
    env = AsyncVectorEnv([lambda: RetailEnv(catalog)] * 2, shared_memory=False)
    env.reset(seed=0)
    observations, *_ = env.step(("search[café ☕ 茶]", "search[Größe]"))
    assert "café ☕ 茶" in observations[0]
    env.close()


def test_each_visit_has_its_own_options_and_resets_by_mask(shop: Shop) -> None:
    env = RetailVectorEnv(3, shop=shop, autoreset_mode="Disabled")
    each = [{"intention": {"text": f"need {i}"}, "session_key": f"s{i}"} for i in range(3)]
    observations, _ = env.reset(seed=1, options={"each": each})
    assert all(f"need {i}" in text for i, text in enumerate(observations))
    _, _, terminations, _, _ = env.step(("stop[]", "search[kettle]", "search[shoes]"))
    assert terminations.tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"Visits \[0\] have ended"):
        env.step(("back[]",) * 3)
    mask = np.array([True, False, False])
    observations, infos = env.reset(options={"reset_mask": mask, "intention": {"text": "again"}})
    assert "again" in observations[0]
    assert "kettle" in observations[1]
    assert infos["_step"].tolist() == mask.tolist()
    assert infos["page"].tolist() == ["home", None, None]
    assert env.step(("search[kettle]", "back[]", "back[]"))[4]["step"].tolist() == [1, 2, 2]


def test_goals_repeat_with_the_seed(shop: Shop) -> None:
    def goals(env: RetailVectorEnv) -> list[Any]:
        return [visit.intention for visit in env.visits]

    env = RetailVectorEnv(3, shop=shop, reward="goal")
    env.reset(seed=4)
    first = goals(env)
    env.reset(seed=[4, 5, 6])
    assert goals(env) == first
    env.reset()
    assert goals(env) != first


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda shop: RetailVectorEnv(0, shop=shop), "num_envs == 0"),
        (lambda shop: RetailVectorEnv(2, shop=shop, render_mode="human"), "render_mode == 'human'"),
        (lambda shop: RetailVectorEnv(2, shop=shop).reset(seed=[1]), "Got 1 seeds"),
        (lambda shop: RetailVectorEnv(2, shop=shop).reset(options={"each": [{}]}), "has 1 entries"),
        (lambda shop: RetailVectorEnv(2, shop=shop).reset(options={"reset_mask": np.ones(3, bool)}), "2 booleans"),
        (lambda shop: RetailVectorEnv(2, shop=shop).step(["back[]"]), "Got 1 actions"),
    ],
)
def test_bad_input(shop: Shop, call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(shop)


def test_render(shop: Shop) -> None:
    env = RetailVectorEnv(2, shop=shop, render_mode="ansi")
    observations, _ = env.reset(seed=0)
    assert env.render() == observations
