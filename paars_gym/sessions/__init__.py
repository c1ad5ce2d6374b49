"""Sessions of people and of agents as one type: read, kept, counted, split. Names load when they are first used."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.sessions.describe import Description as Description
    from paars_gym.sessions.describe import session_counts as session_counts
    from paars_gym.sessions.event import Event as Event
    from paars_gym.sessions.event import History as History
    from paars_gym.sessions.event import Intention as Intention
    from paars_gym.sessions.event import Session as Session
    from paars_gym.sessions.logs.importing import import_log as import_log
    from paars_gym.sessions.logs.mapping import LogMapping as LogMapping
    from paars_gym.sessions.opening import read_sessions as read_sessions
    from paars_gym.sessions.split import split_by_shopper as split_by_shopper
    from paars_gym.sessions.split import split_by_time as split_by_time
    from paars_gym.sessions.step import StepRecord as StepRecord
    from paars_gym.sessions.store import Provenance as Provenance
    from paars_gym.sessions.store import Store as Store
    from paars_gym.sessions.writer import StoreWriter as StoreWriter
    from paars_gym.sessions.writer import write_sessions as write_sessions
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "Description": "describe",
            "Event": "event",
            "History": "event",
            "Intention": "event",
            "LogMapping": "logs.mapping",
            "Provenance": "store",
            "Session": "event",
            "StepRecord": "step",
            "Store": "store",
            "StoreWriter": "writer",
            "import_log": "logs.importing",
            "read_sessions": "opening",
            "session_counts": "describe",
            "split_by_shopper": "split",
            "split_by_time": "split",
            "write_sessions": "writer",
        },
    )
