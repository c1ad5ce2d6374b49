"""How often do shoppers buy, and how long are their visits? The numbers in which two populations are made alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.outcomes import FAILED, columns_of, measure
from paars_gym.sessions.event import Session

MOMENTS = ("conversion", "units", "searches", "views", "no view", "one view", "many views", "many searches")
"""What is matched: conversion, units, and the lengths of sessions."""
SEEN_IN = {
    "conversion": "purchases",
    "units": "purchases",
    "searches": "searches",
    "many searches": "searches",
    "views": "views",
    "no view": "views",
    "one view": "views",
    "many views": "views",
}
"""What a log must hold for a moment to be known; in words of a store's provenance."""


def session_moments(sessions: Sequence[Session]) -> Floats:
    """What of each session is matched, shape (sessions, len(MOMENTS)); failed sessions are left out.

    Raises:
        ValueError: No session is left.
    """
    return moments_of(measure(session) for session in sessions if session.end not in FAILED)


def moments_of(rows: Iterable[tuple[float, ...]]) -> Floats:
    """The same from rows of `paars_gym.abtest.outcomes.measure`.

    Raises:
        ValueError: There is no row.
    """
    columns = columns_of(rows)
    if not len(columns["units"]):
        raise ValueError("There is no session to take moments of.")
    views, searches = columns["views"], columns["searches"]
    lengths = (searches, views, views == 0, views == 1, views > 5, searches > 2)
    return np.stack([columns["converted"], columns["units"], *lengths], axis=1).astype(np.float64)


def known_moments(what_is_known: Collection[str], sample: Floats) -> tuple[str, ...]:
    """Moments that a log tells and that vary in it, in the order of `MOMENTS`.

    Args:
        what_is_known: Of a store's provenance: ``purchases``, ``searches``, ``views``.
        sample: `session_moments` of the log.

    Raises:
        ValueError: There is none.
    """
    varies = dict(zip(MOMENTS, np.ptp(sample, axis=0) > 0, strict=True))
    found = tuple(name for name in MOMENTS if SEEN_IN[name] in what_is_known and varies[name])
    if not found:
        raise ValueError(
            "In these sessions nothing varies that could be matched. Matched are purchases, searches and views; known "
            f"are {', '.join(what_is_known) or 'none'}."
        )
    return found


def distance(simulated: Floats, human: Floats, scale: Floats) -> float:
    """Root mean square difference of mean moments, in standard deviations of a human session.

    Args:
        simulated: Mean moments, shape (moments,).
        human: The same of people.
        scale: Standard deviation of each moment over people's sessions.
    """
    return float(np.sqrt(np.mean(np.square((simulated - human) / scale))))
