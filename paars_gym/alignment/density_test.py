"""Is the leave-one-out density KL of two samples further from 0 than chance brings it?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.covering import relabellings
from paars_gym.alignment.kernels import check_bandwidth, with_half_norms
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng

Array = NDArray[np.float64]
MOST_CELLS = 2**21  # of a tile: 16 MB of kernels a thread
LEAST = 1e-300  # where nothing is near enough to count: the logarithm of 0 would end all comparing


class DensityTest(NamedTuple):
    """A permutation test of the leave-one-out density KL.

    Attributes:
        p_value: Two-sided: twice the share of relabellings (the data's own included) as far out on its side.
        spread: Standard deviation over the relabellings: the error of the estimate when both samples vary.
        halves_p_value: The same of halves: are people closer to the other half of people than to its agents? That is
            what :func:`~paars_gym.alignment.split_kl` has between its estimate and its floor; with ``paired`` nobody
            meets their own pair.
        halves_spread: Its standard deviation.
    """

    p_value: float
    spread: float
    halves_p_value: float
    halves_spread: float


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
        told = np.zeros((2, 1 + n_permutations))
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
                told[row] += np.where(agents[rows], 0.0, ratio).sum(axis=0)
        return told

    with tile_pool(threads) as run:
        values = np.sum(list(run(work, zip(starts, seeds, strict=True))), axis=0) / (n * repeats)
    (whole, spread), (halves, halves_spread) = (_judge(row) for row in values)
    return DensityTest(whole, spread, halves, halves_spread)


def _judge(values: Array) -> tuple[float, float]:
    """Two-sided p-value of the first among the others, and their standard deviation."""
    own, null = values[0], values[1:]
    above, below = int((null >= own - 1e-9).sum()), int((null <= own + 1e-9).sum())
    return min(1.0, 2 * (1 + min(above, below)) / (1 + len(null))), float(null.std())
