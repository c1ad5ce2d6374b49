"""How closely does an agent's query resemble its human's (PAARS sections 4.1 and 4.3, Figure 2, Table 1)?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.result import Interval, Settings

Array = NDArray[np.float64]


class Similarity(NamedTuple):
    """Mean cosine similarity of human queries and their agents' queries.

    Attributes:
        estimate: Between -1 and 1.
        interval: Normal over pairs; None for a single pair.
        sizes: Pairs.
        settings: Empty.
        null_floor: Mean cosine between humans and the agents of *other* humans: what a shop, not an item, makes alike.
        values: Cosine of each pair.
    """

    estimate: float
    interval: Interval | None
    sizes: int
    settings: Settings
    null_floor: float
    values: Array


def similarity(human: ArrayLike, agent: ArrayLike) -> Similarity:
    """Cosine similarity of row i with row i (PAARS section 4.3, query generation).

    Args:
        human: Embeddings, shape (n, dim).
        agent: Embeddings of the queries for the same items, shape (n, dim).

    Raises:
        ValueError: Shapes differ, a value is not finite, or a row is zero and has no direction.
    """
    x, y = embeddings(human, agent, paired=True)
    units = []
    for name, side in (("human", x), ("agent", y)):
        length = np.linalg.norm(side, axis=1)
        if not length.all():
            raise ValueError(f"{name} row {int(np.argmin(length))} is zero and has no direction; leave it out.")
        units.append(side / length[:, None])
    values = np.einsum("ij,ij->i", *units)
    n, estimate = len(values), float(values.mean())
    if n < 2:
        return Similarity(estimate, None, n, {}, math.nan, values)
    everyone = float(units[0].sum(axis=0) @ units[1].sum(axis=0))
    interval = Interval.normal(estimate, float(values.std(ddof=1)) / math.sqrt(n), "normal over pairs").clip(-1.0, 1.0)
    return Similarity(estimate, interval, n, {}, (everyone - float(values.sum())) / (n * (n - 1)), values)


class Gain(NamedTuple):
    """Relative gain of one condition's mean over another's: the paper's 17% is .69 / .59 - 1.

    Attributes:
        estimate: mean(second) / mean(first) - 1; nan when the first mean is not positive.
        interval: Delta method over pairs (the same items in both conditions).
        sizes: Pairs.
        settings: Empty.
        null_floor: 0.
    """

    estimate: float
    interval: Interval | None
    sizes: int
    settings: Settings
    null_floor: float


def relative_gain(first: ArrayLike, second: ArrayLike) -> Gain:
    """By how much does the second condition raise the mean, such as of ``Similarity.values``?

    Args:
        first: One value an item, shape (n,).
        second: The same items in the same order.

    Raises:
        ValueError: No items, unequal lengths, or values that are not finite.
    """
    a, b = embeddings(first, second, paired=True)
    a, b = a.ravel(), b.ravel()
    if not a.mean() > 0:
        return Gain(math.nan, None, len(a), {}, 0.0)
    ratio = float(b.mean() / a.mean())
    if len(a) < 2:
        return Gain(ratio - 1, None, len(a), {}, 0.0)
    error = float((b - ratio * a).std(ddof=1)) / math.sqrt(len(a)) / float(a.mean())
    return Gain(ratio - 1, Interval.normal(ratio - 1, error, "delta method over pairs"), len(a), {}, 0.0)
