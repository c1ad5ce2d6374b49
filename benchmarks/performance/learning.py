"""MaskablePPO on `PAARS-Retail-Discrete-v0`, against the uniform policy over possible actions.

Needs the extra ``rl``. Prints mean goal reward over the same fresh goals for both, with 95% intervals, and their ratio.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import gymnasium
import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table

import paars_gym  # noqa: F401  (registers the environment)
from paars_gym.cli.running import run_command
from paars_gym.report.printing import Printer

ID = "PAARS-Retail-Discrete-v0"
ARGUMENTS: dict[str, Any] = {"catalog": "mini", "page_size": 5, "max_steps": 12, "render_mode": None}

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


def mean_and_interval(values: npt.NDArray[np.float64]) -> str:
    """Mean with its normal 95% interval."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} [{values.mean() - half:.3f}, {values.mean() + half:.3f}]"


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="Training stops after this long.")] = 4.5,
    episodes: Annotated[int, typer.Option(min=2, help="Test episodes of each policy.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="Of training and of the uniform policy.")] = 0,
) -> None:
    """Trains MaskablePPO for some minutes and compares it with the uniform policy over possible actions."""
    try:
        import torch
        from sb3_contrib import MaskablePPO
        from stable_baselines3.common.callbacks import BaseCallback
        from stable_baselines3.common.env_util import make_vec_env
    except ImportError as missing:
        raise typer.BadParameter(f'{missing.name} is missing: pip install "paars_gym[rl]"') from None

    class Deadline(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            return time.monotonic() < deadline

    torch.set_num_threads(1)
    training = make_vec_env(ID, n_envs=16, env_kwargs=ARGUMENTS)
    deadline = time.monotonic() + 60 * minutes
    model = MaskablePPO(
        "MlpPolicy", training, n_steps=128, batch_size=512, gamma=0.97, ent_coef=0.01, seed=seed, device="cpu"
    )
    started = time.monotonic()
    model.learn(10**9, callback=Deadline())
    spent = time.monotonic() - started

    rng = np.random.default_rng(seed)
    uniform = returns(episodes, lambda _, mask: int(rng.choice(np.flatnonzero(mask))))
    learnt = returns(episodes, lambda seen, mask: int(model.predict(seen, action_masks=mask)[0]))
    table = Table("policy", "goal reward, mean [95%]", title=f"mini (synthetic), {episodes:,} test goals each")
    table.add_row("uniform over possible actions", mean_and_interval(uniform))
    table.add_row(f"MaskablePPO, {model.num_timesteps:,} steps in {spent:.0f} s", mean_and_interval(learnt))
    Printer().print(table, f"ratio {learnt.mean() / uniform.mean():.1f} (wanted: at least 3)")


if __name__ == "__main__":
    run_command(main)
