"""Which segments agents serve worst: each segment's distances against those of as many drawn from everybody.

Many segments times several statistics always have a worst one: the p-values are held to the error of one test by Holm's
method (1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from paars_gym.alignment.arrays import check_rng
from paars_gym.alignment.divergences import jensen_shannon
from paars_gym.alignment.histograms import Counts
from paars_gym.alignment.resampling import random_groups, resample_counts


class Part(NamedTuple):
    """A segment's histograms by statistic, and which share of all units it holds.

    Attributes:
        human: Sessions in each bin, shape (bins,), by statistic.
        agent: The same.
        human_share: Of the human sessions that are this segment's.
        agent_share: The same of the agents'.
    """

    human: Mapping[str, Counts]
    agent: Mapping[str, Counts]
    human_share: float
    agent_share: float


def segment_p_values(
    human: Mapping[str, Counts],
    agent: Mapping[str, Counts],
    parts: Mapping[str, Part],
    *,
    level: float = 0.05,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Each segment's least p-value over the statistics, by Holm's method over segments times statistics.

    The hypothesis: the segment is drawn from the whole, so that its agents are as unlike it as agents on the whole,
    up to what a sample of its size shows by chance (its floor). Where shoppers repeat they are drawn with all their
    sessions.

    Args:
        human: All people's histograms by statistic, shape (bins,), or one row a shopper.
        agent: All agents'.
        parts: By segment; statistics that one of the sides lacks are left out.
        level: Draws are as many as a p-value of this level needs after the correction.
        rng: Source of the draws.

    Raises:
        TypeError: ``rng`` is no generator.
    """
    check_rng(rng)
    whole = {
        name: (random_groups(human[name], rng), random_groups(agent[name], rng)) for name in human if name in agent
    }
    p_values: list[tuple[float, str]] = []
    tests = [
        (label, name) for label, part in parts.items() for name in whole if name in part.human and name in part.agent
    ]
    n = max(499, min(20_000, round(2 * max(1, len(tests)) / level)))
    for label, name in tests:
        part = parts[label]
        drawn = [
            resample_counts(side, n, rng, size=max(1, round(share * _units(side))))
            for side, share in zip(whole[name], (part.human_share, part.agent_share), strict=True)
        ]
        own = float(jensen_shannon(part.human[name], part.agent[name]))
        chance = jensen_shannon(*drawn)
        p_values.append(((1 + int((chance >= own - 1e-12).sum())) / (1 + n), label))
    return holm(p_values)


def _units(counts: Counts) -> float:
    return float(counts.sum()) if counts.ndim == 1 else len(counts)


def holm(p_values: Sequence[tuple[float, str]]) -> dict[str, float]:
    """The least p-value of each label, adjusted for all of them (Holm 1979).

    >>> holm([(0.01, "a"), (0.04, "b")])
    {'a': 0.02, 'b': 0.04}
    """
    least: dict[str, float] = {}
    highest = 0.0
    for rank, (p_value, label) in enumerate(sorted(p_values)):
        highest = max(highest, min(1.0, p_value * (len(p_values) - rank)))
        least.setdefault(label, highest)
    return least
