"""What a run with a language model would take: some of its sessions are rehearsed, with real prompts, asking nobody."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paars_gym.config import BudgetConfig, ModelConfig, RunConfig
from paars_gym.llm.dry_run import Forecast
from paars_gym.shoppers.llm_shared import ModelShoppers
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.run import run_population

SAMPLE = 24
"""Sessions that are rehearsed, at most."""


def forecast_run(
    policy: str, *, sessions: int, policy_options: Mapping[str, Any] | None = None, **run: Any
) -> Forecast:
    """Calls, tokens and dollars that `run_population` would take of a language model, about; asks nobody.

    Args:
        policy: A name; see `make_policy`.
        sessions: Of the run.
        policy_options: Of the policy, ``model`` among them.
        run: The other arguments of `run_population`.

    Raises:
        ValueError: As `run_population`, or the policy asks no model.
    """
    options = dict(policy_options or {})
    options.pop("budget", None)
    model = options.pop("model", None)
    make = policy_factory(
        RunConfig(
            policy=policy,
            condition=run.get("condition", "persona"),
            options=options,
            model=None if model is None else ModelConfig.of(model),
            budget=BudgetConfig(dry_run=True),
        )
    )
    if not isinstance(make, ModelShoppers):
        raise ValueError(f"A dry run tells what a language model would take, and {policy} asks none.")
    rehearsed = min(sessions, SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        kept = {"out": Path(folder) / "rehearsal", "policy": make, "sessions": rehearsed}
        run_population(**{**run, **kept, "resume": False, "progress": None})
    basis = f"{rehearsed} sessions with the behavioural shopper's actions"
    return make.model.forecast(basis, times=sessions / rehearsed)
