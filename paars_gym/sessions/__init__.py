"""Sessions of people and of agents as one type: read, kept, counted, split. Names load when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paars_gym.sessions.describe import Description, session_counts
    from paars_gym.sessions.event import Event, History, Intention, Session
    from paars_gym.sessions.importing import import_log
    from paars_gym.sessions.split import split_by_shopper, split_by_time
    from paars_gym.sessions.step import StepRecord
    from paars_gym.sessions.store import Provenance, Store
    from paars_gym.sessions.writer import StoreWriter, write_sessions

_HOMES = {
    "Description": "describe",
    "Event": "event",
    "History": "event",
    "Intention": "event",
    "Provenance": "store",
    "Session": "event",
    "StepRecord": "step",
    "Store": "store",
    "StoreWriter": "writer",
    "import_log": "importing",
    "session_counts": "describe",
    "split_by_shopper": "split",
    "split_by_time": "split",
    "write_sessions": "writer",
}
__all__ = [
    "Description",
    "Event",
    "History",
    "Intention",
    "Provenance",
    "Session",
    "StepRecord",
    "Store",
    "StoreWriter",
    "import_log",
    "session_counts",
    "split_by_shopper",
    "split_by_time",
    "write_sessions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
