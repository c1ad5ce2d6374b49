"""Do human and agent embeddings come from one distribution?

Beside the kernel density KL: energy distance (the most sensitive here) and Fréchet distance. Neither detects a fifth of
foreign queries at n = 500.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.distances import distances_between
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Z95, Interval, Settings, Sizes

Array = NDArray[np.float64]
TILE = 512


class EnergyDistance(NamedTuple):
    """Squared energy distance of two samples.

    Attributes:
        estimate: 2 E|X-Y| - E|X-X'| - E|Y-Y'| over all pairs, self-pairs included: >= 0, in embedding units.
        interval: Of the populations' distance: around the unbiased value, and up to the estimate at least, whose bias
            lies upwards; indicative: it covers 94 to 100% of the time. Whether the distance is zero is for ``p_value``
            to say.
        sizes: Points on each side.
        settings: Permutations, and whether pairs were swapped.
        null_floor: Mean over the permutations: what two samples of one population of these sizes show.
        p_value: Share of permutations (the data's own order included) with a distance as large; nan without any.
        unbiased: The estimate without self-pairs; can be negative.
        note: Why there is neither interval, floor nor test: fewer than two points on a side.
    """

    estimate: float
    interval: Interval | None
    sizes: Sizes
    settings: Settings
    null_floor: float
    p_value: float
    unbiased: float
    note: str | None = None


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
    check_rng(rng)
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
        high = max(unbiased + width + skew, estimate)
        interval = Interval(unbiased - width, high, "U-statistic, skewed upwards").clip()
    else:
        note = "Not estimable: one point has no spread; it would take two on each side."
        return EnergyDistance(
            estimate, None, Sizes(n, m), {"n_permutations": 0, "paired": paired}, math.nan, math.nan, math.nan, note
        )
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
        distances = distances_between(points[rows], points[columns], norms[rows], norms[columns])
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
