"""MaskablePPO on `PAARS-Retail-Discrete-v0`, against the uniform policy over possible actions.

Mean goal reward over the same fresh goals for both. Needs the extra ``rl``.
"""

from __future__ import annotations

import time
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

import paars_gym  # noqa: F401  (registers the environment)
from benchmarks.performance.rows import SpeedRow, at_least

ID = "PAARS-Retail-Discrete-v0"
ARGUMENTS: dict[str, Any] = {"catalog": "mini", "page_size": 5, "max_steps": 12, "render_mode": None}
MINUTES, LEAST_RATIO = 1.5, 3.0
TEST_SEED = 1_000_000
"""Goals of the test episodes start here, far from those of training."""


def returns(episodes: int, choose: Any) -> npt.NDArray[np.float64]:
    """Goal reward of each of the test episodes under a policy ``choose(observation, mask) -> action``."""
    env = gymnasium.make(ID, **ARGUMENTS)
    totals = np.zeros(episodes)
    for episode in range(episodes):
        observation, info = env.reset(seed=TEST_SEED + episode)
        over = False
        while not over:
            observation, reward, terminated, truncated, info = env.step(choose(observation, info["action_mask"]))
            totals[episode] += float(reward)
            over = terminated or truncated
    return totals


def interval(values: npt.NDArray[np.float64]) -> str:
    """Normal 95% interval of the mean."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"[{values.mean() - half:.3f}, {values.mean() + half:.3f}]"


def rows(reduced: bool) -> list[SpeedRow]:
    """Trains MaskablePPO for some minutes and compares it with the uniform policy over possible actions."""
    minutes, episodes = (0.1, 50) if reduced else (MINUTES, 1_000)
    name = f"MaskablePPO on `{ID}` after {minutes:g} minutes: goal reward in {episodes:,} fresh goals"
    try:
        import torch
        from sb3_contrib import MaskablePPO
        from stable_baselines3.common.callbacks import BaseCallback
        from stable_baselines3.common.env_util import make_vec_env
    except ImportError as missing:
        return [SpeedRow(name=name, note=f"{missing.name} is not installed (extra rl)")]

    class Deadline(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            return time.monotonic() < deadline

    torch.set_num_threads(1)
    training = make_vec_env(ID, n_envs=16, env_kwargs=ARGUMENTS)
    deadline = time.monotonic() + 60 * minutes
    model = MaskablePPO(
        "MlpPolicy", training, n_steps=128, batch_size=512, gamma=0.97, ent_coef=0.01, seed=0, device="cpu"
    )
    model.learn(10**9, callback=Deadline())

    rng = np.random.default_rng(0)
    uniform = returns(episodes, lambda _, mask: int(rng.choice(np.flatnonzero(mask))))
    learnt = returns(episodes, lambda seen, mask: int(model.predict(seen, action_masks=mask)[0]))
    return [
        SpeedRow(
            name=name,
            measured=float(learnt.mean()),
            beside="uniform over possible actions",
            peer=float(uniform.mean()),
            asked=() if reduced else at_least(LEAST_RATIO, "ratio"),
            note=f"{model.num_timesteps:,} steps; 95% intervals {interval(learnt)} and {interval(uniform)}",
        )
    ]
