"""Steps a second of the shop through `gymnasium.make`, on one core.

Beside CartPole in the same run. WebShop (Yao et al. 2022) made 32-53 steps/s on a comparable machine, measured once and
quoted here as literature.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Annotated, Any

import gymnasium
import numpy as np
import typer
from rich.table import Table

import paars_gym  # noqa: F401 (registers the environment)
from benchmarks.performance.catalogs import synthetic_catalog
from paars_gym.cli.running import run_command
from paars_gym.report.printing import Printer

WEBSHOP_STEPS_PER_SECOND = 53
QUERIES = 40


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


def main(
    products: Annotated[int, typer.Option(min=1_000, help="Products in the catalog.")] = 100_000,
    steps: Annotated[int, typer.Option(min=1_000, help="Steps of each run.")] = 200_000,
    num_envs: Annotated[int, typer.Option(min=1, help="Visits of the vector form.")] = 64,
) -> None:
    """Prints steps a second and their ratios to CartPole and WebShop."""
    catalog = synthetic_catalog(products, seed=0)
    env = gymnasium.make("PAARS-Retail-v0", catalog=catalog, max_steps=1_000)
    env.reset(seed=0)
    env.action_space.seed(0)
    words = sorted({title for row in range(QUERIES) for title in catalog.listing(row * 97)[1].split()[:1]})[:QUERIES]
    shown = {word: env.step(f"search[{word}]")[4]["results"] for word in words if env.reset()}
    words = [word for word in words if len(shown[word]) >= 2]

    cartpole = gymnasium.make("CartPole-v1")
    coin = np.random.default_rng(0).integers(0, 2, size=steps // 4).tolist()
    rates = {"CartPole-v1": best_rate(lambda: timed(cartpole, coin), len(coin))}
    for name, mixed in (("cached page views", False), ("mixed cached actions", True)):
        actions = list(islice(cycle(shopping_actions(words, shown, mixed=mixed)), steps))
        timed(env, actions)
        rates[name] = best_rate(lambda actions=actions: timed(env, actions), steps)  # type: ignore[misc]
        vector = gymnasium.make_vec(
            "PAARS-Retail-v0",
            num_envs=num_envs,
            vectorization_mode="vector_entry_point",
            shop=env.unwrapped.shop,  # type: ignore[attr-defined]
            max_steps=1_000,
        )
        rows = [[action] * num_envs for action in actions[: steps // num_envs]]
        rates[f"{name}, vector of {num_envs}"] = best_rate(
            lambda rows=rows, vector=vector: timed_vector(vector, rows),  # type: ignore[misc]
            len(rows) * num_envs,
        )

    table = Table("on one core", "steps/s", "x CartPole", "x WebShop (literature)", title=f"{len(catalog):,} products")
    for name, rate in rates.items():
        ratio = rate / rates["CartPole-v1"]
        table.add_row(name, f"{rate:,.0f}", f"{ratio:.1f}", f"{rate / WEBSHOP_STEPS_PER_SECOND:,.0f}")
    Printer().print(table)


if __name__ == "__main__":
    run_command(main)
