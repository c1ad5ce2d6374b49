"""How does the kernel density KL depend on the bandwidth (PAARS Appendix D)?

A draw z = x + h e has z·y = x·y + h e·y: with the same e at every bandwidth the two products are made once for all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.density import BANDWIDTHS, DensityKL, density_kl
from paars_gym.alignment.kernels import check_bandwidth, half_norms
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Sizes

Array = NDArray[np.float64]
ROWS = 64  # of a tile: the passes over it are many, and should find it in the cache


def kde_sweep(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidths: Sequence[float] = BANDWIDTHS,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> dict[float, DensityKL]:
    """:func:`~paars_gym.alignment.kde_kl` at several bandwidths: Appendix D.

    One draw from each human centre a repeat; the draws of one repeat share their noise at all bandwidths. Exact values
    at .001 and .01 differ by a factor near 100. In place of n x n products a bandwidth it makes them once.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        bandwidths: Kernel standard deviations, in embedding units.
        repeats: At each bandwidth.
        rng: Source of the draws; the result does not depend on the number of threads.
        threads: All available cores by default.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: The dimensions differ, a population is empty or not finite, or an option is out of range.
    """
    check_rng(rng)
    p, q = embeddings(human, agent)
    for bandwidth in bandwidths:
        check_bandwidth(bandwidth)
    if repeats < 1:
        raise ValueError(f"repeats == {repeats}, must be >= 1.")
    middle = p.mean(axis=0)
    p, q = p - middle, q - middle
    halves = half_norms(p), half_norms(q)
    starts = range(0, len(p), ROWS)
    seeds = rng.integers(0, 2**63, len(starts))  # a generator a tile: its draws do not depend on the threads

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        x, noise = p[start : start + ROWS], np.random.default_rng(seed)
        e = noise.standard_normal((repeats * len(x), x.shape[1]))
        found = np.zeros((len(bandwidths), repeats, len(x)))
        for sign, centres, half in ((1, p, halves[0]), (-1, q, halves[1])):
            near, moved = x @ centres.T - half, (e @ centres.T).reshape(repeats, len(x), -1)
            for row, h in enumerate(bandwidths):
                found[row] += sign * _log_sums(near / (h * h), moved, h)
        return found

    with tile_pool(threads) as run:
        ratios = np.concatenate(list(run(work, zip(starts, seeds, strict=True))), axis=2)
    ratios += math.log(len(q)) - math.log(len(p))
    sizes, everyone = Sizes(len(p), len(q)), [np.arange(len(p))] * repeats
    return {
        h: density_kl(
            list(ratios[row]),
            everyone,
            sizes,
            {"bandwidth": h, "n_samples": len(p), "repeats": repeats, "leave_one_out": False},
        )
        for row, h in enumerate(bandwidths)
    }


def _log_sums(near: Array, moved: Array, h: float) -> Array:
    """Log of the sum over centres of exp(near + moved / h), shape (repeats, rows)."""
    out, tile = np.empty(moved.shape[:2]), np.empty_like(near)
    for repeat, each in enumerate(moved):
        np.multiply(each, 1 / h, out=tile)
        tile += near
        top = tile.max(axis=1)
        tile -= top[:, None]
        np.exp(tile, out=tile)
        out[repeat] = np.log(tile.sum(axis=1)) + top
    return out
