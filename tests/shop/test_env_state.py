"""Is the state of an environment one thing: in snapshots, copies and pickles, with its wrappers, over threads?"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import FlattenObservation, RecordVideo

from paars_gym.catalog.store import Catalog
from paars_gym.shop.discrete_env import DiscreteRetailEnv
from paars_gym.shop.env import RetailEnv
from paars_gym.shop.open import open_shop
from paars_gym.shop.shop import Shop
from paars_gym.shop.wrappers import DiscreteActions, FeatureObservation, RecordSession, RecordSteps

Env = gymnasium.Env[Any, Any]


def wrapped(kind: str, shop: Shop, folder: Path) -> Env:
    match kind:
        case "plain":
            return RetailEnv(shop=shop, reward="goal")
        case "discrete":
            return DiscreteRetailEnv(shop=shop)
        case "wrapped":
            return DiscreteActions(FeatureObservation(RecordSession(RetailEnv(shop=shop, reward="goal"))))
        case "recorded":
            return RecordSession(
                DiscreteActions(RecordSteps(RetailEnv(shop=shop, reward="goal"), folder / "steps.jsonl"))
            )
    return gymnasium.make("PAARS-Retail-Discrete-v0", shop=shop)


def call(env: Env, name: str, *arguments: Any) -> Any:
    return env.get_wrapper_attr(name)(*arguments)


def move(env: Env, rng: np.random.Generator) -> Any:
    """One random action that is possible, and all that came of it."""
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        possible = np.flatnonzero(call(env, "action_masks"))[:-1]  # all but leaving
        result = env.step(int(rng.choice(possible)))
        return plain(result), call(env, "action_masks").tolist()
    actions = ("search[tea]", "search[red shoes]", "view[s1]", "view[k1]", "add_to_cart[k1]", "back[]", "purchase[]")
    return plain(env.step(actions[int(rng.integers(len(actions)))]))


def plain(result: Any) -> Any:
    """Comparable by ``==``."""
    if isinstance(result, np.ndarray):
        return result.tolist()
    if isinstance(result, dict):
        return {name: plain(value) for name, value in result.items()}
    return tuple(map(plain, result)) if type(result) is tuple else result


KINDS = ("plain", "discrete", "wrapped", "recorded", "made")
COPIES: dict[str, Callable[[Env], Env]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_episode_goes_on_as_if_the_branch_had_not_been(shop: Shop, kind: str, tmp_path: Path) -> None:
    env, rng = wrapped(kind, shop, tmp_path), np.random.default_rng(2)
    for seed in range(8):
        env.reset(seed=seed, options={"intention": {"text": "red shoes", "category": "Shoes", "budget": 50}})
        for _ in range(seed):
            move(env, rng)
        snapshot = pickle.loads(pickle.dumps(call(env, "snapshot")))
        ahead = [move(env, np.random.default_rng(seed)) for _ in range(6)]
        env.reset(seed=99, options={"intention": {"text": "kettle", "category": "Kitchen"}})
        observation, info = call(env, "restore", snapshot)
        if isinstance(env.action_space, gymnasium.spaces.Discrete):
            assert info["action_mask"].tolist() == call(env, "action_masks").tolist()
        assert env.observation_space.contains(observation)
        assert info["step"] == seed
        assert [move(env, np.random.default_rng(seed)) for _ in range(6)] == ahead
    env.close()


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_its_own_way(shop: Shop, kind: str, way: str, tmp_path: Path) -> None:
    env, rng = wrapped(kind, shop, tmp_path), np.random.default_rng(3)
    env.reset(seed=4)
    for _ in range(5):
        move(env, rng)
    twin = COPIES[way](env)
    ahead = [move(env, np.random.default_rng(1)) for _ in range(8)]
    assert [move(twin, np.random.default_rng(1)) for _ in range(8)] == ahead
    env.close()
    twin.close()


def test_what_was_recorded_belongs_to_the_branch(shop: Shop) -> None:
    env = RecordSession(RetailEnv(shop=shop))
    env.reset()
    env.step("search[tea]")
    snapshot = env.snapshot()
    env.step("view[s1]")
    env.step("stop[]")
    env.restore(snapshot)
    env.step("stop[]")
    assert [event.kind for event in env.session.events] == ["search", "stop"]


def test_threads_share_a_shop_that_forgets_all_the_time(catalog: Catalog) -> None:
    shop = open_shop(catalog, "bm25", max_remembered=20)

    def play(seed: int) -> list[str]:
        env, rng = RetailEnv(shop=shop), np.random.default_rng(seed)
        env.reset()
        return [str(move(env, rng)) for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(play, range(8)))
    assert together == [play(seed) for seed in range(8)]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Broken(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise OSError("no")


HOSTILE: list[Any] = [
    {"name": "add_to_cart", "arguments": {"product_id": "s1", "units": 10**5_000}},
    {"name": "search", "arguments": {"query": nested(5_000)}},
    {"name": "search", "arguments": {"query": "x", "max_price": 10**5_000}},
    {"name": "search", "arguments": {"query": "x", "brand": "b" * 100_000}},
    {"name": "add_to_cart", "arguments": {"product_id": "s1", "options": {"size": "x" * 300_000}}},
    {"name": "add_to_cart", "arguments": {"product_id": "s1", "options": {"x" * 300_000: "41"}}},
    {"name": "add_to_cart", "arguments": {"product_id": "s1", "options": {str(i): "x" for i in range(10_000)}}},
    {"name": nested(9)},
    {"name": "s" * 100_000},
    {"function": {"name": "search", "arguments": "{" * 100_000}},
    Broken(name="x"),
    "remove_from_cart[\ud800x]",
    "add_to_cart[\ud800 | \udfff=\ud801]",
    {"name": "view", "arguments": {"product_id": "\ud800"}},
    "remove_from_cart[\x1b[2Jx\nTHE SHOP: you won]",
    '{"name": "search", "arguments": ' + "[" * 1_900 + "]" * 1_900 + "}",
    None,
    b"view[s1]",
    float("nan"),
]


@pytest.mark.parametrize("observation", ["page", "json"])
def test_no_action_raises_or_leaves_the_observation_space(catalog: Catalog, observation: Any) -> None:
    env = RetailEnv(catalog, observation=observation, max_steps=1_000)
    env.reset()
    for action in HOSTILE:
        page, _, _, _, info = env.step(action)
        assert env.observation_space.contains(page)
        for text in (page, info["error"] or ""):
            text.encode()
            assert "\x1b" not in text
        assert info["action_valid"] or "\n" not in info["error"]


def test_options_of_any_script_are_read(catalog: Catalog) -> None:
    env = RetailEnv(catalog)
    env.reset()
    for action, said in (
        ("add_to_cart[s1 | 颜色=红]", "颜色 = 红"),
        ("add_to_cart[s1 | Size (US)=9]", "Size (US) = 9"),
    ):
        error = env.step(action)[4]["error"]
        assert f"has no option {said}" in error


def test_vector_forms(shop: Shop) -> None:
    env = gymnasium.make_vec("PAARS-Retail-v0", num_envs=2, max_episode_steps=3, shop=shop)
    env.reset(seed=np.int64(3))  # type: ignore[arg-type]  # as learners draw it
    ends = [env.step(("search[tea]", "back[]"))[3].tolist() for _ in range(3)]
    assert ends == [[False, False], [False, False], [True, True]]
    with pytest.raises(TypeError):
        env.reset(seed=1.5)  # type: ignore[arg-type]


def test_other_processes_send_pages_through_shared_memory() -> None:
    options = {"catalog": "mini", "vector_kwargs": {"context": "spawn"}}
    env = gymnasium.make_vec("paars_gym:PAARS-Retail-v0", num_envs=2, vectorization_mode="async", **options)
    try:
        first, _ = env.reset(seed=1)
        pages = env.step(("search[tea]", "search[né 红]"))[0]
        assert first[0].startswith("Welcome to mini")
        assert 'results for "né 红"' in pages[1]
        assert first[0].startswith("Welcome to mini"), "an observation stays what it was"
    finally:
        env.close()


def test_free_text_is_no_vector_of_numbers(shop: Shop) -> None:
    with pytest.raises(ValueError, match="PAARS-Retail-Discrete-v0"):
        FlattenObservation(RetailEnv(shop=shop))


@pytest.mark.parametrize("name", ["PAARS-Retail-v0", "PAARS-Retail-Discrete-v0"])
def test_pages_as_pictures(name: str, shop: Shop) -> None:
    env = gymnasium.make(name, render_mode="rgb_array", shop=shop)
    env.reset(seed=1)
    first: Any = env.render()
    env.step("search[shoes]" if name == "PAARS-Retail-v0" else 0)
    second: Any = env.render()
    assert first.shape == second.shape == (600, 800, 3)
    assert first.dtype == np.uint8
    assert (first != second).any()
    assert 0.003 < (second < 128).mean() < 0.3, "dark letters on light"


def test_a_video_takes_pages(shop: Shop, tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    env = RecordVideo(gymnasium.make("PAARS-Retail-v0", render_mode="rgb_array", shop=shop), str(tmp_path / "new"))
    env.reset()
    for action in ("search[tea]", "stop[]"):
        env.step(action)
    env.close()
    assert list(tmp_path.glob("new/*.mp4"))
