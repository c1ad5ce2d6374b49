"""How many searches, views and purchases has each session? (PAARS section 4.3, the session statistics.)"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from paars_gym.sessions.event import EventKind
from paars_gym.sessions.store import Store

STATISTICS: Mapping[str, EventKind] = {"searches": "search", "views": "view", "purchases": "purchase"}


def session_counts(store: Store) -> pl.DataFrame:
    """Per-session statistics, one row a session, in the order of their numbers; sessions without events have zeros.

    Searches are ``search`` events (not further pages of the same search), views ``view`` events and purchases product
    lines bought, for people and agents alike. A statistic that the log does not record (see the store's
    ``provenance.what_is_known``) is null, not 0.

    Returns:
        Columns session, searches, views, purchases (UInt32). Join `Store.scan_sessions` for shopper and key.
    """
    counts = {name: np.zeros(len(store), dtype=np.int64) for name in STATISTICS}
    for part in store.card.parts:  # part by part: memory does not grow with the log
        events = pl.read_parquet(store.folder / part, columns=["session", "kind"])
        numbers, kinds = events["session"].to_numpy(), events["kind"].to_physical().to_numpy()
        low = int(numbers.min())
        for name, column in counts.items():
            found = np.bincount(numbers[kinds == _code(STATISTICS[name], events)] - low)
            column[low : low + len(found)] += found
    known = store.provenance.what_is_known
    return pl.DataFrame(
        {"session": np.arange(len(store), dtype=np.uint32)}
        | {name: _column(name, column, known=name in known) for name, column in counts.items()}
    )


def _code(kind: EventKind, events: pl.DataFrame) -> int:
    dtype = events.schema["kind"]
    assert isinstance(dtype, pl.Enum)
    return dtype.categories.to_list().index(kind)


def _column(name: str, values: npt.NDArray[np.int64], *, known: bool) -> pl.Series:
    return pl.Series(name, values if known else [None] * len(values), dtype=pl.UInt32)
