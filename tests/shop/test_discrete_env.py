from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import paars_gym
from paars_gym.shop.discrete_env import DiscreteRetailEnv
from paars_gym.shop.shop import Shop

ID = "PAARS-Retail-Discrete-v0"


def test_passes_the_checker_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(ID, render_mode="ansi").unwrapped)


def test_the_id_with_its_module_imports_the_package() -> None:
    code = "import gymnasium; gymnasium.make('paars_gym:PAARS-Retail-Discrete-v0').reset(seed=0)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_twin_rollouts_agree() -> None:
    rollouts = []
    for _ in range(2):
        env = gymnasium.make(ID, max_steps=20)
        env.action_space.seed(5)
        observation, info = env.reset(seed=3)
        seen: list[Any] = [observation.tolist(), info["action_mask"].tolist()]
        for _ in range(200):
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
            assert info["action_valid"]
            assert observation in env.observation_space
            seen += [observation.tolist(), reward, terminated, truncated, info["action_mask"].tolist()]
            if terminated or truncated:
                _, info = env.reset()
        rollouts.append(seen)
    assert rollouts[0] == rollouts[1]


def test_no_number_raises_whether_possible_or_not() -> None:
    env = gymnasium.make(ID, page_size=3, max_steps=10)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(500):
        action = env.action_space.sample()
        possible = env.get_wrapper_attr("action_masks")()[action]
        *_, terminated, truncated, info = env.step(action)
        assert info["action_valid"] == possible
        if terminated or truncated:
            env.reset()


def test_what_the_documentation_says_of_the_spaces_and_of_buying(shop: Shop) -> None:
    env = gymnasium.make(ID)
    assert env.action_space == gymnasium.spaces.Discrete(23)
    assert env.observation_space == gymnasium.spaces.Box(0.0, 1.0, (110,), np.float32)
    assert len(env.get_wrapper_attr("fields")) == 110
    small = DiscreteRetailEnv(shop=shop)
    shoes = {"text": "red running shoes", "category": "Shoes", "budget": 80, "options": {"size": "41"}}
    small.reset(options={"intention": shoes})
    said, total = [], 0.0
    for action in (0, 3, 11, 14, 15):
        said.append(small.action_text(action))
        _, reward, terminated, *_ = small.step(action)
        total += float(reward)
    assert said == ["search[red running shoes]", "view[s1]", "add_to_cart[s1 | size=41]", "purchase[]", "stop[]"]
    assert (total, terminated) == (1.0, True)


def test_there_is_a_goal_under_every_reward(shop: Shop) -> None:
    env = DiscreteRetailEnv(shop=shop, reward="units")
    _, info = env.reset(seed=1)
    assert env.retail.intention is not None
    assert info["action_mask"][0] == 1
    first = env.retail.intention
    env.reset(seed=1)
    assert env.retail.intention == first


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vector_environments(mode: str) -> None:
    envs = gymnasium.make_vec(ID, num_envs=3, vectorization_mode=mode, max_steps=8)
    observations, infos = envs.reset(seed=0)
    for _ in range(30):
        assert observations.shape == (3, 110)
        assert infos["action_mask"].shape == (3, 23)
        actions = [int(np.flatnonzero(mask)[-2]) if mask[:-1].any() else 22 for mask in infos["action_mask"]]
        observations, rewards, *_, infos = envs.step(np.array(actions))
    assert rewards.shape == (3,)
    envs.close()


def test_a_loop_in_the_manner_of_cleanrl() -> None:
    def thunk() -> gymnasium.Env[Any, Any]:
        return gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(ID, max_steps=10))

    envs = gymnasium.vector.SyncVectorEnv([thunk] * 2)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(int(np.prod(envs.single_observation_space.shape)), envs.single_action_space.n))  # type: ignore[attr-defined, arg-type]
    next_obs, infos = envs.reset(seed=1)
    ended = 0
    for _ in range(60):
        logits = np.where(infos["action_mask"] == 1, next_obs @ weights, -np.inf)
        action = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        next_obs, _, terminations, truncations, infos = envs.step(action)
        ended += int(np.logical_or(terminations, truncations).sum())
        if "episode" in infos:
            assert np.isfinite(infos["episode"]["r"]).all()
    assert ended
    envs.close()


@pytest.mark.filterwarnings("ignore")
def test_stable_baselines_by_the_id_alone() -> None:
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    assert paars_gym
    model = stable_baselines3.PPO("MlpPolicy", ID, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0)
    model.learn(32)
    assert model.num_timesteps == 32


@pytest.mark.filterwarnings("ignore")
def test_masked_ppo_finds_the_masks() -> None:
    sb3_contrib = pytest.importorskip("sb3_contrib")
    env_util = pytest.importorskip("stable_baselines3.common.env_util")
    model = sb3_contrib.MaskablePPO("MlpPolicy", ID, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0)
    model.learn(32)
    many = env_util.make_vec_env(ID, n_envs=2, env_kwargs={"max_steps": 6})
    sb3_contrib.MaskablePPO("MlpPolicy", many, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0).learn(32)
    env = gymnasium.make(ID)
    observation, info = env.reset(seed=0)
    action, _ = model.predict(observation, action_masks=info["action_mask"])
    assert info["action_mask"][action] == 1
