"""What a run with a language model would take: some of its sessions are rehearsed, with real prompts, asking nobody."""

from __future__ import annotations

import tempfile
from pathlib import Path

from paars_gym.config import RunConfig, ShopConfig, setting_name
from paars_gym.llm.dry_run import Forecast
from paars_gym.shoppers.llm_shared import ModelShoppers
from paars_gym.shoppers.registry import policy_factory
from paars_gym.simulation.run import run as play_run

SAMPLE = 24
"""Sessions that are rehearsed, at most."""


def forecast_run(run: RunConfig, shop: ShopConfig = ShopConfig()) -> Forecast:
    """Calls, tokens and dollars that a run would take of a language model, about; asks nobody.

    Args:
        run: As it would be run; its policy asks a model.
        shop: Where.

    Raises:
        ValueError: As `paars_gym.simulation.run.run`, or the policy asks no model.
    """
    dry = run.model_copy(update={"budget": run.budget.model_copy(update={"dry_run": True})})
    make = policy_factory(dry)
    if not isinstance(make, ModelShoppers):
        raise ValueError(f"A dry run tells what a language model would take, and {setting_name(run.policy)} asks none.")
    rehearsed = min(run.sessions, SAMPLE)
    changed = {"policy": make, "sessions": rehearsed, "draws": 1, "record": "none"}
    with tempfile.TemporaryDirectory() as folder:
        play_run(Path(folder) / "rehearsal", run.model_copy(update=changed), shop)
    basis = f"{rehearsed} sessions with the behavioural shopper's actions"
    return make.model.forecast(basis, times=run.sessions / rehearsed)
