"""Populations of simulated shoppers. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.simulation.concurrency import play_all
    from paars_gym.simulation.episode import Played, ScheduledVisit, play, play_async
    from paars_gym.simulation.log import read_log
    from paars_gym.simulation.read_run import Run
    from paars_gym.simulation.run import RunResult
    from paars_gym.simulation.run_folder import RunFolder
    from paars_gym.simulation.schedule import Schedule
    from paars_gym.simulation.steps import StepReader, StepWriter

_HOMES = {
    "ScheduledVisit": "episode",
    "Schedule": "schedule",
    "Played": "episode",
    "RunFolder": "run_folder",
    "Run": "read_run",
    "RunResult": "run",
    "play": "episode",
    "play_all": "concurrency",
    "play_async": "episode",
    "read_log": "log",
    "StepReader": "steps",
    "StepWriter": "steps",
}
__all__ = [
    "Played",
    "Run",
    "RunFolder",
    "RunResult",
    "Schedule",
    "ScheduledVisit",
    "StepReader",
    "StepWriter",
    "play",
    "play_all",
    "play_async",
    "read_log",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
