"""Permutation tests of two samples of embeddings: the energy distance, and the KL of kernel densities.

Beside the kernel density KL the energy distance is the most sensitive here. Nothing detects a fifth of foreign queries
at n = 500.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng, distances_between, embeddings, tile_pool
from paars_gym.alignment.kde import check_bandwidth
from paars_gym.alignment.kde_halves import with_half_norms
from paars_gym.estimate import Z95, Estimate, Interval

Array = NDArray[np.float64]
TILE = 512
MOST_CELLS = 2**21  # of a tile: 16 MB of distances a thread
LEAST = 1e-300  # where nothing is near enough to count: the logarithm of 0 would end all comparing


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


def energy_distance(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    rng: np.random.Generator,
    n_permutations: int = 999,
    paired: bool = False,
    threads: int | None = None,
) -> Estimate:
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

    Returns:
        2 E|X-Y| - E|X-X'| - E|Y-Y'| over all pairs, self-pairs included: >= 0, in embedding units. The interval is of
        the populations' distance: around the value without self-pairs (``unbiased``, which can be negative) and up to
        the value at least, whose bias lies upwards; indicative: it covers 94 to 100% of the time. The floor is the
        mean over the permutations. The p-value tests whether the distance is zero: it is the share of permutations
        (the data's own order included) with a distance as large.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: The dimensions differ, a side is empty or not finite, or pairs do not match up.
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
    value, within_x, within_y = max(float(-forms[0]), 0.0), float(forms[1]), float(forms[2])
    null = -forms[3:]
    p_value = None
    if n_permutations:
        at_least = null >= value - 1e-9 * (within_x + within_y)  # rounding must not break ties
        p_value = (1 + int(at_least.sum())) / (1 + n_permutations)
    sizes, details = {"human": n, "agent": m}, {"n_permutations": n_permutations, "paired": paired}
    if min(n, m) < 2:
        note = "Not estimable: one point has no spread; it would take two on each side."
        return Estimate(value, sizes=sizes, note=note, details=details | {"n_permutations": 0})
    unbiased = value - within_x / (n - 1) - within_y / (m - 1)
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
    high = max(unbiased + width + skew, value)
    interval = Interval(unbiased - width, high, method="U-statistic, skewed upwards").clip().if_wide()
    return Estimate(
        value,
        interval,
        sizes=sizes,
        floor=float(null.mean()) if n_permutations else None,
        p_value=p_value,
        note="" if interval else "No interval: the two samples are the same points.",
        details={**details, "unbiased": unbiased},
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


class DensityTest(NamedTuple):
    """A permutation test of the leave-one-out density KL.

    Attributes:
        p_value: Two-sided: twice the share of relabellings (the data's own included) as far out on its side.
        spread: Standard deviation over the relabellings: the error of the estimate when both samples vary.
        halves_p_value: The same of halves: are people closer to the other half of people than to its agents? That is
            what :func:`~paars_gym.alignment.split_kl` has between its estimate and its floor; with ``paired`` nobody
            meets their own pair.
    """

    p_value: float
    spread: float
    halves_p_value: float


def kde_kl_loo_test(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    n_permutations: int = 199,
    repeats: int = 1,
    paired: bool = False,
    rng: np.random.Generator,
    threads: int | None = None,
) -> DensityTest:
    """Permutation tests of :func:`~paars_gym.alignment.kde_kl_loo` = 0 and of halves, for two samples of one size.

    Every point of both sides is drawn from once a repeat and the kernels between all draws and all points are made
    once: a relabelling only says which of them to sum. Kernels e^-690 times as small as the nearest one count as none.

    Args:
        human: Embeddings, shape (n, dim).
        agent: Embeddings, shape (n, dim).
        bandwidth: Kernel standard deviation, in embedding units.
        n_permutations: 199 gives p in steps of .01, two-sided.
        repeats: Draws from each point.
        paired: Row i of both belongs to the same item: swap within pairs, as that null asks.
        rng: Source of draws and permutations.
        threads: All available cores by default.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: Sizes differ or are below 2, an option is out of range, or points are unfit as for ``kde_kl``.
    """
    check_rng(rng)
    x, y = embeddings(human, agent, paired=paired)
    check_bandwidth(bandwidth)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} human and {len(y)} agent points, must be as many and at least 2.")
    if n_permutations < 1 or repeats < 1:
        raise ValueError(f"n_permutations == {n_permutations}, repeats == {repeats}, must be >= 1.")
    n = len(x)
    middle, order = n // 2, rng.permutation(n)
    x, y = x[order], y[order]
    # One half of the items first, then the other: humans before agents in each. Labels are permuted within halves.
    points = np.vstack([x[:middle], y[:middle], x[middle:], y[middle:]])
    points = with_half_norms((points - x.mean(axis=0)) / bandwidth)
    agents = np.vstack([relabellings(each, each, n_permutations, paired, rng) for each in (middle, n - middle)])
    sides = np.hstack([~agents, agents]).astype(np.float64)  # one product for the sums over both sides
    height = max(1, min(512, MOST_CELLS // (2 * n)))
    starts = range(0, 2 * n, height)
    seeds = rng.integers(0, 2**63, len(starts))

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        noise, rows = np.random.default_rng(seed), slice(start, start + height)
        totals = np.zeros((2, 1 + n_permutations))
        for _ in range(repeats):
            z = points[rows].copy()
            z[:, :-1] += noise.standard_normal((len(z), points.shape[1] - 1))
            z[:, -1] = 1.0
            kernels = z @ points.T
            kernels[np.arange(len(z)), start + np.arange(len(z))] = -math.inf  # the own centre is left out
            kernels -= kernels.max(axis=1, keepdims=True)
            np.exp(kernels, out=kernels)
            of_halves = [kernels[:, part] @ sides[part] for part in (slice(2 * middle), slice(2 * middle, None))]
            in_first = (start + np.arange(len(z)) < 2 * middle)[:, None]
            elsewhere = np.where(in_first, of_halves[1], of_halves[0])
            for row, sums in enumerate((of_halves[0] + of_halves[1], elsewhere)):
                logs = np.log(sums + LEAST)
                ratio = logs[:, : 1 + n_permutations] - logs[:, 1 + n_permutations :]
                totals[row] += np.where(agents[rows], 0.0, ratio).sum(axis=0)
        return totals

    with tile_pool(threads) as run:
        values = np.sum(list(run(work, zip(starts, seeds, strict=True))), axis=0) / (n * repeats)
    (whole, spread), (halves, _) = (_judge(row) for row in values)
    return DensityTest(whole, spread, halves)


def _judge(values: Array) -> tuple[float, float]:
    """Two-sided p-value of the first among the others, and their standard deviation."""
    own, null = values[0], values[1:]
    above, below = int((null >= own - 1e-9).sum()), int((null <= own + 1e-9).sum())
    return min(1.0, 2 * (1 + min(above, below)) / (1 + len(null))), float(null.std())
