"""The moments in which two populations are made alike, and the mix of goals that comes nearest to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from paars_gym.abtest.estimate import Floats
from paars_gym.abtest.outcomes import columns_of

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


def moments_of(rows: Iterable[tuple[float, ...]]) -> Floats:
    """What of each session is matched, shape (sessions, len(MOMENTS)).

    Args:
        rows: Of `paars_gym.abtest.outcomes.measure`.

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
        sample: `moments_of` the log.

    Raises:
        ValueError: There is none.
    """
    varies = dict(zip(MOMENTS, np.ptp(sample, axis=0) > 0, strict=True))
    known = tuple(name for name in MOMENTS if SEEN_IN[name] in what_is_known and varies[name])
    if not known:
        raise ValueError(
            "In these sessions nothing varies that could be matched. Matched are purchases, searches and views; known "
            f"are {', '.join(what_is_known) or 'none'}."
        )
    return known


def distance(simulated: Floats, human: Floats, scale: Floats) -> float:
    """Root mean square difference of mean moments, in standard deviations of a human session.

    Args:
        simulated: Mean moments, shape (moments,).
        human: The same of people.
        scale: Standard deviation of each moment over people's sessions.
    """
    return float(np.sqrt(np.mean(np.square((simulated - human) / scale))))


def nearest_shares(of_goal: Floats, target: Floats, scale: Floats) -> Floats:
    """The mix of goals, shares >= 0 of sum 1, whose mean moments are nearest to a target.

    Simulated method of moments (McFadden 1989) with diagonal weights. It reaches only what mixtures of goals reach.

    Args:
        of_goal: Mean moments of each goal's sessions, shape (goals, moments).
        target: Mean moments to reach, shape (moments,).
        scale: In units of which each moment is measured, shape (moments,).
    """
    from scipy.optimize import nnls

    # Non-negative least squares; the shares' sum is held at 1 by a row that outweighs all others.
    heavy = 1e4
    system = np.vstack([(of_goal / scale).T, np.full(len(of_goal), heavy)])
    shares, _ = nnls(system, np.append(target / scale, heavy))
    return np.asarray(shares / shares.sum(), dtype=np.float64)
