"""How does the kernel density KL depend on the bandwidth (PAARS Appendix D)?

A draw z = x + h e has z·y = x·y + h e·y: with the same e at every bandwidth the two products are made once for all, and
x - h e, an antithetic draw whose error to the first order is the opposite one, takes no further product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.density import BANDWIDTHS, DensityKL, density_kl
from paars_gym.alignment.kernels import Indices, check_bandwidth, exp_in_place, half_norms
from paars_gym.alignment.parallel import tile_pool
from paars_gym.alignment.populations import embeddings
from paars_gym.alignment.randomness import check_rng
from paars_gym.alignment.result import Sizes

Array = NDArray[np.float64]
ROWS = 64  # of a tile: the passes over it are many, and should find it in the cache


class Asked(NamedTuple):
    """One estimate of several: at a bandwidth, in embedding units, with each draw's own centre or without it."""

    bandwidth: float
    leave_one_out: bool = False


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

    One draw from each human centre a repeat; the draws of one repeat share their noise at all bandwidths, every second
    repeat mirrors the one before it (antithetic variates, Hammersley & Morton 1956: ``mc_error``, which takes draws as
    independent, is then too large). Exact values at .001 and .01 differ by a factor near 100.

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
    asked = [Asked(bandwidth) for bandwidth in bandwidths]
    found = kde_kls(human, agent, asked=asked, repeats=repeats, rng=rng, threads=threads)
    return {each.bandwidth: told for each, told in found.items()}


def kde_kls(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    asked: Sequence[Asked],
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> dict[Asked, DensityKL]:
    """As :func:`kde_sweep`, with :func:`~paars_gym.alignment.kde_kl_loo` among the estimates where it is asked for."""
    check_rng(rng)
    p, q = embeddings(human, agent)
    for each in asked:
        check_bandwidth(each.bandwidth)
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
        e = noise.standard_normal(((repeats + 1) // 2 * len(x), x.shape[1]))
        own = np.arange(start, start + len(x)) if len(p) > 1 else None  # a single one leaves none, and is told so
        found = np.zeros((len(asked), repeats, len(x)))
        for sign, centres, half in ((1, p, halves[0]), (-1, q, halves[1])):
            near, moved = x @ centres.T - half, (e @ centres.T).reshape(-1, len(x), len(centres))
            sums: dict[Asked, Array] = {}  # the agents' at one bandwidth is the same with and without
            for row, each in enumerate(asked):
                key = each if sign > 0 else Asked(each.bandwidth)
                if key not in sums:
                    sums[key] = _log_sums(near, moved, key.bandwidth, repeats, own if key.leave_one_out else None)
                found[row] += sign * sums[key]
        return found

    with tile_pool(threads) as run:
        ratios = np.concatenate(list(run(work, zip(starts, seeds, strict=True))), axis=2)
    sizes, everyone = Sizes(len(p), len(q)), [np.arange(len(p))] * repeats
    told = {}
    for row, each in enumerate(asked):
        ratios[row] += math.log(len(q)) - math.log(max(len(p) - each.leave_one_out, 1))
        settings = {**each._asdict(), "n_samples": len(p), "repeats": repeats}
        told[each] = density_kl(list(ratios[row]), everyone, sizes, settings)
    return told


def _log_sums(near: Array, moved: Array, h: float, repeats: int, own: Indices | None) -> Array:
    """Log of the sum over centres of exp(near/h² ± moved/h), shape (repeats, rows); row i without centre ``own[i]``."""
    out, tile, still = np.empty((repeats, len(near))), np.empty_like(near), near / (h * h)
    if own is not None:
        still[np.arange(len(own)), own] = -math.inf
    for repeat in range(repeats):
        np.multiply(moved[repeat // 2], (-1 if repeat % 2 else 1) / h, out=tile)
        tile += still
        top = tile.max(axis=1)
        tile -= top[:, None]
        exp_in_place(tile)
        out[repeat] = np.log(tile.sum(axis=1)) + top
    return out
