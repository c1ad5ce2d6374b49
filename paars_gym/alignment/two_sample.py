"""Do human and agent embeddings come from one distribution, and if not, what is amiss?

Beside the kernel density KL: energy distance (the most sensitive here), Fréchet distance, and coverage, which names
mode collapse. None of them detects a fifth of foreign queries at n = 500.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.individual import wilson_interval
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.result import Z95, Interval, Settings, Sizes

Array = NDArray[np.float64]
TILE = 512


class EnergyDistance(NamedTuple):
    """Squared energy distance of two samples.

    Attributes:
        estimate: 2 E|X-Y| - E|X-X'| - E|Y-Y'| over all pairs, self-pairs included: >= 0, in embedding units.
        interval: Around the unbiased value; indicative: it covers 94 to 100% of the time. None for fewer than two
            points a side. Whether the distance is zero is for ``p_value`` to say.
        sizes: Points on each side.
        settings: Permutations, and whether pairs were swapped.
        null_floor: Mean over the permutations: what two samples of one population of these sizes show.
        p_value: Share of permutations (the data's own order included) with a distance as large; nan without any.
        unbiased: The estimate without self-pairs; can be negative.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float
    p_value: float
    unbiased: float


def energy_distance(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    rng: np.random.Generator,
    n_permutations: int = 999,
    paired: bool = False,
    threads: int | None = None,
) -> EnergyDistance:
    """The squared energy distance, with a permutation test of "same distribution".

    Székely and Rizzo 2013: D² = 2 E|X-Y| - E|X-X'| - E|Y-Y'|, zero only for equal distributions. With w = +1/n on
    humans and -1/m on agents it is -w'Dw, D the distances: all permutations are one product of a sign matrix with D,
    taken tile by tile, so that D is never held whole. Assumes independent points; give one query a shopper.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        rng: Source of the permutations.
        n_permutations: 999 gives p in steps of .001; 0 for the distance alone.
        paired: Row i of both belongs to the same item: swap within pairs, as that null asks.
        threads: All available cores by default.

    Raises:
        ValueError: The dimensions differ, a population is empty or not finite, or pairs do not match up.
    """
    x, y = embeddings(human, agent, paired=paired)
    if n_permutations < 0:
        raise ValueError(f"n_permutations == {n_permutations}, must be >= 0.")
    n, m = len(x), len(y)
    is_human = np.arange(n + m) < n
    weights = np.empty((3 + n_permutations, n + m))  # the data, humans alone, agents alone, permutations
    weights[0] = np.where(is_human, 1 / n, -1 / m)
    weights[1] = np.where(is_human, 1 / n, 0.0)
    weights[2] = np.where(is_human, 0.0, 1 / m)
    if paired:
        swap = rng.integers(0, 2, (n_permutations, n)) * 2.0 - 1.0
        weights[3:, :n], weights[3:, n:] = swap / n, -swap / n
    else:
        labels = rng.permuted(np.broadcast_to(is_human, (n_permutations, n + m)), axis=1)
        weights[3:] = np.where(labels, 1 / n, -1 / m)

    forms, potential = _quadratic_forms(np.vstack([x, y]), weights, threads)
    estimate, within_x, within_y = max(float(-forms[0]), 0.0), float(forms[1]), float(forms[2])
    null = -forms[3:]
    p_value = math.nan
    if n_permutations:
        at_least = null >= estimate - 1e-9 * (within_x + within_y)  # rounding must not break ties
        p_value = (1 + int(at_least.sum())) / (1 + n_permutations)
    interval, unbiased = None, math.nan
    if min(n, m) > 1:
        unbiased = estimate - within_x / (n - 1) - within_y / (m - 1)
        # A point's influence on D² is -2w(Dw); the two of a pair move together.
        influence = 2 * potential
        if paired:
            variance = float(np.var(influence[:n] - influence[n:], ddof=1)) / n
        else:
            variance = float(np.var(influence[:n], ddof=1)) / n + float(np.var(influence[n:], ddof=1)) / m
        # Near zero the first order vanishes, and the permutations' variance is what remains.
        error = math.sqrt(variance + (float(null.var()) if n_permutations else 0.0))
        width = Z95 * error
        # The square is skewed: its upper end is the one that a normal interval for the distance itself would have.
        skew = width * width / (4 * max(unbiased, error)) if error > 0 else 0.0
        interval = Interval(unbiased - width, unbiased + width + skew, "U-statistic, skewed upwards").clip()
    return EnergyDistance(
        estimate,
        interval,
        Sizes(n, m),
        {"n_permutations": n_permutations, "paired": paired},
        float(null.mean()) if n_permutations else math.nan,
        p_value,
        unbiased,
    )


def _quadratic_forms(points: Array, weights: Array, threads: int | None) -> tuple[Array, Array]:
    """w'Dw for every row w of ``weights``, and Dw for the first; D is symmetric, so half of its tiles suffice."""
    points = points - points.mean(axis=0)
    norms = np.einsum("ij,ij->i", points, points)
    starts = range(0, len(points), TILE)

    def work(tile: tuple[int, int]) -> tuple[int, int, Array, Array, Array]:
        rows, columns = (slice(start, start + TILE) for start in tile)
        distances = _distances(points[rows], points[columns], norms[rows], norms[columns])
        product = weights[:, rows] @ distances
        form = np.einsum("ij,ij->i", product, weights[:, columns])
        return *tile, form, product[0], distances @ weights[0, columns]

    forms, potential = np.zeros(len(weights)), np.zeros(len(points))
    with tile_pool(threads) as run:
        for row, column, form, down, across in run(work, [(i, j) for i in starts for j in starts if j <= i]):
            potential[row : row + TILE] += across
            if row != column:
                potential[column : column + TILE] += down
            forms += form if row == column else 2 * form
    return forms, potential


def _distances(x: Array, y: Array, norms_x: Array, norms_y: Array) -> Array:
    squares = x @ y.T
    squares *= -2
    squares += norms_x[:, None]
    squares += norms_y
    # Below this the difference is rounding: the same query twice has distance 0.
    squares[squares < 1e-13 * (norms_x.max() + norms_y.max())] = 0.0
    return np.asarray(np.sqrt(squares, out=squares))


class Coverage(NamedTuple):
    """Share of the human sample that agents reach.

    Attributes:
        estimate: Between 0 and 1; nan when ``note`` says why.
        interval: Wilson over the human points, agents and radii held fixed.
        sizes: Points on each side.
        settings: Neighbours.
        null_floor: Expected value for agents drawn from the humans' own distribution, at these sizes: what a
            faultless population reaches. Exact, whatever the distribution.
        note: Why it cannot be estimated.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float
    note: str | None = None


def coverage(human: ArrayLike, agent: ArrayLike, *, neighbours: int = 5, threads: int | None = None) -> Coverage:
    """Share of humans with an agent no further away than their k-th nearest fellow human.

    Naeem et al. 2020 (k = 5). Low where agents leave out a kind of query altogether (mode collapse), even if each of
    theirs looks human. Depends on the sizes: read it against ``null_floor``.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        neighbours: k, at least 1.
        threads: All available cores by default.

    Raises:
        ValueError: The dimensions differ, or a population is empty or not finite.
    """
    x, y = embeddings(human, agent)
    if neighbours < 1:
        raise ValueError(f"neighbours == {neighbours}, must be >= 1.")
    n, m = len(x), len(y)
    sizes, settings = Sizes(n, m), {"neighbours": neighbours}
    if n <= neighbours:
        why = f"Not estimable: {n} humans have no {neighbours} neighbours each."
        return Coverage(math.nan, None, sizes, settings, math.nan, why)
    middle = x.mean(axis=0)
    x, y = x - middle, y - middle
    norms_x, norms_y = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)

    def work(start: int) -> int:
        rows = slice(start, start + TILE)
        nearest = np.full((len(x[rows]), neighbours + 1), math.inf)  # the point itself is the nearest of all
        closest = np.full(len(nearest), math.inf)
        for first in range(0, n, TILE):
            among = slice(first, first + TILE)
            both = np.hstack([nearest, _distances(x[rows], x[among], norms_x[rows], norms_x[among])])
            nearest = np.partition(both, neighbours, axis=1)[:, : neighbours + 1]
        for first in range(0, m, TILE):
            among = slice(first, first + TILE)
            closest = np.minimum(closest, _distances(x[rows], y[among], norms_x[rows], norms_y[among]).min(axis=1))
        return int((closest <= nearest[:, neighbours] * (1 + 1e-9)).sum())  # the ball is closed, up to rounding

    with tile_pool(threads) as run:
        reached = sum(run(work, range(0, n, TILE)))
    # Not reached: the k nearest of the n - 1 + m others are all human.
    missed = math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(neighbours))
    return Coverage(reached / n, wilson_interval(reached, n), sizes, settings, 1 - missed)


class FrechetDistance(NamedTuple):
    """Squared Fréchet distance of two samples: squared embedding units. It has no interval and no floor of its own."""

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float | None


def frechet_distance(human: ArrayLike, agent: ArrayLike) -> FrechetDistance:
    """Squared Fréchet distance of the two Gaussians that share the samples' means and covariances.

    Dowson and Landau 1982: |a - b|² + tr(A + B - 2 (AB)^½). Sees the first two moments only, and is biased upwards
    for fewer points than some ten times the dimension: compare equal sizes.

    Args:
        human: Embeddings, shape (n_human, dim), at least two.
        agent: Embeddings, shape (n_agent, dim), at least two.

    Raises:
        ValueError: The dimensions differ, or a population is not finite or has fewer than two points.
    """
    x, y = embeddings(human, agent)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"{len(x)} human and {len(y)} agent points, must be at least two each to have a covariance.")
    shift = x.mean(axis=0) - y.mean(axis=0)
    x, y = (x - x.mean(axis=0)) / math.sqrt(len(x) - 1), (y - y.mean(axis=0)) / math.sqrt(len(y) - 1)
    # tr (AB)^½ is the sum of the singular values of XY', here by way of the smaller dim x dim triangles.
    cross = np.asarray(np.linalg.qr(x, mode="r")) @ np.asarray(np.linalg.qr(y, mode="r")).T
    trace = float(np.linalg.svd(cross, compute_uv=False).sum())
    estimate = float(shift @ shift) + float((x * x).sum() + (y * y).sum()) - 2 * trace
    return FrechetDistance(max(estimate, 0.0), None, Sizes(len(x), len(y)), {}, None)
