"""Steps a second of the shop through `gymnasium.make`, on one core.

Beside CartPole in the same run. WebShop (Yao et al. 2022) made 32-53 steps/s on a comparable machine, measured once and
quoted here as literature.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from typing import Any

import gymnasium
import numpy as np

import paars_gym  # noqa: F401 (registers the environment)
from benchmarks.performance.catalogs import synthetic_catalog
from benchmarks.performance.rows import SpeedRow, at_least

WEBSHOP_STEPS_PER_SECOND = 53
QUERIES = 40
NUM_ENVS = 64


def best_rate(run: Callable[[], float], steps: int, repeats: int = 5) -> float:
    """Steps a second of the fastest of several runs; ``run`` gives its seconds."""
    return steps / min(run() for _ in range(repeats))


def timed(env: gymnasium.Env[Any, Any], actions: Sequence[Any]) -> float:
    """Seconds for stepping through actions, resets at episode ends included."""
    env.reset(seed=0)
    started = time.perf_counter()
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return time.perf_counter() - started


def timed_vector(env: gymnasium.vector.VectorEnv[Any, Any, Any], actions: Sequence[Sequence[Any]]) -> float:
    """Seconds for stepping a vector environment through its actions."""
    env.reset(seed=0)
    started = time.perf_counter()
    for row in actions:
        env.step(row)
    return time.perf_counter() - started


def shopping_actions(words: Sequence[str], shown: dict[str, tuple[str, ...]], *, mixed: bool) -> list[str]:
    """A cycle of actions that meets only pages shown before: views alone, or searches, paging, views and cart."""
    actions: list[str] = []
    for word in words:
        ids = shown[word]
        if mixed:
            actions += [f"search[{word}]", "next_page[]", "back[]", f"view[{ids[0]}]", f"add_to_cart[{ids[0]}]"]
            actions += ["back[]", f"view[{ids[1]}]", f"remove_from_cart[{ids[0]}]", "back[]", "nonsense"]
        else:
            actions += [f"view[{product}]" for product in ids]
    return actions


def rows(reduced: bool) -> list[SpeedRow]:
    """Steps a second beside CartPole's in the same run; a wide bar, because a busy machine hits both."""
    products, steps = (2_000, 20_000) if reduced else (100_000, 200_000)
    catalog = synthetic_catalog(products, seed=0)
    env = gymnasium.make("PAARS-Retail-v0", catalog=catalog, max_steps=1_000)
    env.reset(seed=0)
    env.action_space.seed(0)
    words = sorted({title for row in range(QUERIES) for title in catalog.listing(row * 47)[1].split()[:1]})[:QUERIES]
    shown = {word: env.step(f"search[{word}]")[4]["results"] for word in words if env.reset()}
    words = [word for word in words if len(shown[word]) >= 2]

    cartpole = gymnasium.make("CartPole-v1")
    coin = np.random.default_rng(0).integers(0, 2, size=steps // 4).tolist()
    alone = best_rate(lambda: timed(cartpole, coin), len(coin))
    rates: dict[str, float] = {}
    for name, mixed in (("cached page views", False), ("mixed cached actions", True)):
        actions = list(islice(cycle(shopping_actions(words, shown, mixed=mixed)), steps))
        timed(env, actions)
        rates[name] = best_rate(partial(timed, env, actions), steps)
        vector = gymnasium.make_vec(
            "PAARS-Retail-v0",
            num_envs=NUM_ENVS,
            vectorization_mode="vector_entry_point",
            shop=env.unwrapped.shop,  # type: ignore[attr-defined]
            max_steps=1_000,
        )
        lists = [[action] * NUM_ENVS for action in actions[: steps // NUM_ENVS]]
        rates[f"{name}, vector of {NUM_ENVS}"] = best_rate(partial(timed_vector, vector, lists), len(lists) * NUM_ENVS)
    made = [
        SpeedRow(
            name=f"{name}, {products:,} products, one core",
            measured=rate,
            unit="steps/s",
            beside="CartPole through `make`",
            peer=alone,
            asked=at_least(1.0, "ratio"),
        )
        for name, rate in rates.items()
    ]
    literature = {"beside": "WebShop (literature, measured once elsewhere)", "peer": float(WEBSHOP_STEPS_PER_SECOND)}
    return [*made, made[0].model_copy(update={**literature, "asked": ()})]
