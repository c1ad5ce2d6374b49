"""Is there a kind of query that agents leave out?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.distances import distances_between
from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Interval, Settings, Sizes

MOST_CELLS = 2**21  # of a tile: 16 MB of distances a thread


class Coverage(NamedTuple):
    """Share of the human sample that agents reach.

    Attributes:
        estimate: Between 0 and 1; nan when ``note`` says why.
        interval: Wilson over the human points, widened by as much as the permutations vary more than independent
            points would (agents and radii are samples too).
        sizes: Points on each side.
        settings: Neighbours, permutations, pairing.
        null_floor: Expected value for agents drawn from the humans' own distribution, at these sizes: what a
            faultless population reaches. Exact, whatever the distribution, but for ties.
        p_value: Share of relabellings (the data's own included) that reach as few; nan without any.
        note: Why it cannot be estimated.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float
    p_value: float
    note: str | None = None


def coverage(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    neighbours: int = 5,
    n_permutations: int = 199,
    paired: bool = False,
    rng: np.random.Generator | None = None,
    threads: int | None = None,
) -> Coverage:
    """Share of humans with an agent no further away than their k-th nearest fellow human.

    Naeem et al. 2020 (k = 5). Low where agents leave out a kind of query altogether (mode collapse), even if each of
    theirs looks human. Depends on the sizes: read it against ``null_floor``, and whether it is lower than chance
    allows by ``p_value``. A human is reached if and only if one of the k nearest others, whoever they are, is an agent:
    that does not depend on labels, so that one set of distances serves all permutations.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        neighbours: k, at least 1.
        n_permutations: 199 gives p in steps of .005; 0 for the share alone.
        paired: Row i of both belongs to the same item: swap within pairs, as that null asks.
        rng: Source of the permutations; by default a fresh generator with a fixed seed.
        threads: All available cores by default.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: The dimensions differ, a population is empty or not finite, or an option is out of range.
    """
    if rng is None:
        rng = np.random.default_rng(0)
    check_rng(rng)
    x, y = embeddings(human, agent, paired=paired)
    if neighbours < 1:
        raise ValueError(f"neighbours == {neighbours}, must be >= 1.")
    if n_permutations < 0:
        raise ValueError(f"n_permutations == {n_permutations}, must be >= 0.")
    n, m = len(x), len(y)
    sizes = Sizes(n, m)
    settings = {"neighbours": neighbours, "n_permutations": n_permutations, "paired": paired}
    if n <= neighbours:
        why = f"Not estimable: {n} humans have no {neighbours} neighbours each."
        return Coverage(math.nan, None, sizes, settings, math.nan, math.nan, why)
    points = np.vstack([x, y])
    points -= x.mean(axis=0)
    norms = np.einsum("ij,ij->i", points, points)
    agents = relabellings(n, m, n_permutations, paired, rng)
    as_numbers = agents.astype(np.float32)
    height = max(1, min(512, MOST_CELLS // (n + m)))

    def work(start: int) -> NDArray[np.intp]:
        rows = slice(start, start + height)
        distances = distances_between(points[rows], points, norms[rows], norms)
        # The point itself is the nearest of all. The ball is closed, up to rounding.
        radius = np.partition(distances, neighbours, axis=1)[:, neighbours, None] * (1 + 1e-9)
        reached = (distances <= radius).astype(np.float32) @ as_numbers > 0
        return np.asarray((reached & ~agents[rows]).sum(axis=0))

    # Without permutations only humans need to be looked at.
    with tile_pool(threads) as run:
        reached = np.sum(list(run(work, range(0, n + m if n_permutations else n, height))), axis=0)
    # Not reached: the k nearest of the n - 1 + m others are all human.
    missed = math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(neighbours))
    p_value, effect = math.nan, 1.0
    if n_permutations:
        p_value = (1 + int((reached[1:] <= reached[0]).sum())) / (1 + n_permutations)
        independent = n * missed * (1 - missed)
        effect = max(1.0, float(reached[1:].var()) / independent) if independent > 0 else 1.0
    share, told = float(reached[0]) / n, max(1.0, n / effect)
    return Coverage(share, wilson_interval(share * told, told), sizes, settings, 1 - missed, p_value)


def relabellings(n: int, m: int, permutations: int, paired: bool, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Who counts as an agent: the data's own labels first; shape (n + m, 1 + permutations)."""
    labels = np.empty((n + m, 1 + permutations), dtype=bool)
    labels[:, 0] = np.arange(n + m) >= n
    if paired:
        swap = rng.integers(0, 2, (n, permutations)).astype(bool)
        labels[:n, 1:], labels[n:, 1:] = swap, ~swap
    else:
        labels[:, 1:] = rng.permuted(np.broadcast_to(labels[:, :1], (n + m, permutations)), axis=0)
    return labels
