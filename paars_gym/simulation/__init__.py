"""Populations of simulated shoppers. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.simulation.concurrency import play_all
    from paars_gym.simulation.episode import Played, ScheduledVisit, play, play_async
    from paars_gym.simulation.log import read_log
    from paars_gym.simulation.run import Tally, run_population
    from paars_gym.simulation.run_folder import RunFolder
    from paars_gym.simulation.schedule import Schedule

_HOMES = {
    "ScheduledVisit": "episode",
    "Schedule": "schedule",
    "Played": "episode",
    "RunFolder": "run_folder",
    "Tally": "run",
    "play": "episode",
    "play_all": "concurrency",
    "play_async": "episode",
    "read_log": "log",
    "run_population": "run",
}
__all__ = [
    "Played",
    "RunFolder",
    "Schedule",
    "ScheduledVisit",
    "Tally",
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
