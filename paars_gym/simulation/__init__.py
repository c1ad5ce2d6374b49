"""Populations of simulated shoppers. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.simulation.crowd import play_all
    from paars_gym.simulation.intentions import IntentionMix, mine_intentions
    from paars_gym.simulation.log import read_log
    from paars_gym.simulation.plan import Plan
    from paars_gym.simulation.population import Tally, run_population
    from paars_gym.simulation.rollout import Arrival, Played, play, play_async
    from paars_gym.simulation.run_folder import RunFolder

_HOMES = {
    "Arrival": "rollout",
    "IntentionMix": "intentions",
    "Plan": "plan",
    "Played": "rollout",
    "RunFolder": "run_folder",
    "Tally": "population",
    "mine_intentions": "intentions",
    "play": "rollout",
    "play_all": "crowd",
    "play_async": "rollout",
    "read_log": "log",
    "run_population": "population",
}
__all__ = [
    "Arrival",
    "IntentionMix",
    "Plan",
    "Played",
    "RunFolder",
    "Tally",
    "mine_intentions",
    "play",
    "play_all",
    "play_async",
    "read_log",
    "run_population",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
