"""Which share of sessions navigates: turns pages, filters, sorts, goes back to results; agents' beside people's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.report import Measure, measure
from paars_gym.alignment.session_generation import navigation_counts
from paars_gym.alignment.session_log import SessionLog
from paars_gym.estimate import LEVEL, Z95, Estimate

SHARE = "share of sessions"
METHOD = "Wilson, effective sessions"


class ClusteredShare(NamedTuple):
    """A share of sessions, and how many independent sessions it is worth.

    Attributes:
        value: The share.
        sessions: How many there are.
        shoppers: Whose they are.
        effective: Independent sessions that would tell as much (Korn and Graubard 1998): fewer where sessions of one
            shopper resemble each other or shoppers are few; all agreeing, as many as there are shoppers.
    """

    value: float
    sessions: int
    shoppers: int
    effective: float

    def estimate(self) -> Estimate:
        """With its interval; without one for a single shopper."""
        sizes = {"sessions": self.sessions, "shoppers": self.shoppers}
        if self.shoppers < 2:
            note = "Not estimable: it would take two shoppers, and there is one."
            return Estimate(self.value, sizes=sizes, note=note)
        n = max(self.effective, 1.0)
        interval = replace(wilson_interval(self.value * n, n), method=METHOD)
        return Estimate(self.value, interval, sizes=sizes)


def clustered_share(does: npt.ArrayLike, shoppers: npt.ArrayLike) -> ClusteredShare:
    """The share of sessions that do something.

    Args:
        does: Whether each session does, shape (sessions,).
        shoppers: Whose session it is, small numbers from 0, shape (sessions,).

    Raises:
        ValueError: There is no session, or the shapes differ.

    >>> clustered_share([True, False, True, False], [0, 1, 2, 3]).value
    0.5
    """
    from scipy.special import stdtrit

    done, owner = np.asarray(does, dtype=np.float64).ravel(), np.asarray(shoppers).ravel()
    if not len(done) or len(done) != len(owner):
        raise ValueError(f"{len(done)} sessions of {len(owner)} shoppers, must be as many and not none.")
    per_shopper = np.bincount(owner)
    count = int((per_shopper > 0).sum())
    n, p = len(done), float(done.mean())
    if count < 2:
        return ClusteredShare(p, n, count, float(n))
    residuals = np.bincount(owner, weights=done) - p * per_shopper
    variance = float(residuals @ residuals) / n**2 * count / (count - 1)
    effective = min(p * (1 - p) / variance, float(n)) if variance > 0 else float(count)
    few = Z95 / float(stdtrit(count - 1, (1 + LEVEL) / 2))
    return ClusteredShare(p, n, count, effective * few**2)


def share_difference_p(one: ClusteredShare, other: ClusteredShare) -> float:
    """Two-sided p-value of equal shares: the pooled test of two proportions, on effective sessions."""
    from scipy.special import ndtr

    weight = one.effective + other.effective
    pooled = (one.value * one.effective + other.value * other.effective) / weight
    error = np.sqrt(pooled * (1 - pooled) * (1 / one.effective + 1 / other.effective))
    return 1.0 if error == 0 else float(2 * ndtr(-abs(one.value - other.value) / error))


def share_measures(people: SessionLog, logs: Mapping[str, SessionLog]) -> Iterator[Measure]:
    """The share of sessions that navigates at all, of people and of each log that records it; people's is the floor.

    Args:
        people: Their log.
        logs: By role.
    """
    theirs = {role: _shares(log) for role, log in logs.items()}
    for of, human in _shares(people).items():
        beside = {role: shares[of] for role, shares in theirs.items() if of in shares}
        if not beside or not (human.value or any(share.value for share in beside.values())):
            continue
        yield measure(human.estimate(), of=of, metric=SHARE, population="human")
        for role, share in beside.items():
            estimate = replace(share.estimate(), floor=human.value)
            if human.shoppers > 1 and share.shoppers > 1:
                estimate = replace(estimate, p_value=share_difference_p(human, share))
            yield measure(estimate, of=of, metric=SHARE, population=role)


def _shares(log: SessionLog) -> dict[str, ClusteredShare]:
    owners = log.shoppers[log.keep]
    return {name: clustered_share(counts[log.keep] > 0, owners) for name, counts in navigation_counts(log).items()}
