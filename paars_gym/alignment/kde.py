"""The KL between two kernel densities of embeddings (PAARS section 4.3, Table 2, Appendix D).

A draw z = x + h e has z·y = x·y + h e·y: with the same e at every bandwidth the two products are made once for all, and
x - h e, an antithetic draw whose error to the first order is the opposite one, takes no further product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng, embeddings, tile_pool
from paars_gym.estimate import Estimate, Interval

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

BANDWIDTHS = (0.001, 0.01, 0.1, 1.0)  # Appendix D
ROWS = 64  # of a tile: the passes over it are many, and should find it in the cache


class Kernel(NamedTuple):
    """What one of several estimates is made with.

    Attributes:
        bandwidth: Kernel standard deviation, in embedding units.
        leave_one_out: Whether each draw's own centre is left out of the humans' density.
    """

    bandwidth: float
    leave_one_out: bool = False


def kde_kl(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    n_samples: int | None = None,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> Estimate:
    """Monte Carlo KL(human || agent) = E[log p(z) - log q(z)], z drawn from the humans' Gaussian kernel density p.

    PAARS section 4.3. Exact densities, in nats; :func:`kde_sweep` of one bandwidth. It grows as (nearest neighbour
    distance)² / (2 bandwidth²): for bandwidth <= 0.1 in 384 dimensions it measures little else, two samples of the
    same humans differ by 20 to 30 nats, and paired agents can beat that by copying their own pair. Compare equal
    bandwidths and equal sizes only, and read it against :func:`~paars_gym.alignment.split_kl`. The default bandwidth
    is inferred: the paper's text lost the value, and its Table 2 equals that row of its Appendix D.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim); sizes may differ.
        bandwidth: Kernel standard deviation, in embedding units.
        n_samples: Points drawn a repeat, centres with replacement; by default one from each human centre, which
            has less variance.
        repeats: How often the estimate is repeated; their mean is returned. Every second repeat mirrors the draws of
            the one before it.
        rng: Source of the draws; the result does not depend on the number of threads.
        threads: All available cores by default.

    Returns:
        Nats. The interval is over the human points, with the agents' density held fixed; None for a single point.
        There is no floor: it has to be measured, by :func:`~paars_gym.alignment.split_kl`. ``mc_error`` among the
        details is the standard error of the mean of all draws as if they were independent: how far another run on the
        same points would land. It says nothing about other people or other agents.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: The dimensions differ, a side is empty or not finite, or an option is out of range.
    """
    kernel = Kernel(bandwidth)
    return kernel_kls(human, agent, kernels=[kernel], n_samples=n_samples, repeats=repeats, rng=rng, threads=threads)[
        kernel
    ]


def kde_kl_loo(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    n_samples: int | None = None,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> Estimate:
    """As :func:`kde_kl`, with each draw's own centre left out of the humans' density.

    Without its own centre a human sample has no advantage over the agents' at its own points: the expected value for
    two samples of one population, its floor, is 0 at equal sizes, instead of tens of nats. Can be negative. Not
    estimable from a single human. Its ``mc_error`` is not a sampling error, and its interval holds the agents fixed;
    :func:`~paars_gym.alignment.kde_kl_loo_test` tests whether it differs from 0.

    Args:
        human: As for :func:`kde_kl`.
        agent: As for :func:`kde_kl`.
        bandwidth: As for :func:`kde_kl`.
        n_samples: As for :func:`kde_kl`.
        repeats: As for :func:`kde_kl`.
        rng: As for :func:`kde_kl`.
        threads: As for :func:`kde_kl`.

    Raises:
        TypeError: As for :func:`kde_kl`.
        ValueError: As for :func:`kde_kl`.
    """
    kernel = Kernel(bandwidth, leave_one_out=True)
    return kernel_kls(human, agent, kernels=[kernel], n_samples=n_samples, repeats=repeats, rng=rng, threads=threads)[
        kernel
    ]


def kde_sweep(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidths: Sequence[float] = BANDWIDTHS,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> dict[float, Estimate]:
    """:func:`kde_kl` at several bandwidths: Appendix D.

    The draws of one repeat share their noise at all bandwidths, so that each estimate is that of :func:`kde_kl` with
    the same generator. Exact values at .001 and .01 differ by a factor near 100.

    Args:
        human: Embeddings, shape (n_human, dim).
        agent: Embeddings, shape (n_agent, dim).
        bandwidths: Kernel standard deviations, in embedding units.
        repeats: At each bandwidth.
        rng: Source of the draws; the result does not depend on the number of threads.
        threads: All available cores by default.

    Raises:
        TypeError: As for :func:`kde_kl`.
        ValueError: As for :func:`kde_kl`.
    """
    kernels = [Kernel(bandwidth) for bandwidth in bandwidths]
    estimates = kernel_kls(human, agent, kernels=kernels, repeats=repeats, rng=rng, threads=threads)
    return {kernel.bandwidth: estimate for kernel, estimate in estimates.items()}


def kernel_kls(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    kernels: Sequence[Kernel],
    n_samples: int | None = None,
    repeats: int = 5,
    rng: np.random.Generator,
    threads: int | None = None,
) -> dict[Kernel, Estimate]:
    """:func:`kde_kl` and :func:`kde_kl_loo` at several bandwidths and at the same draws; see there.

    The draws of a repeat are antithetic to those of the one before it (Hammersley & Morton 1956): ``mc_error``, which
    takes draws as independent, is then too large.
    """
    check_rng(rng)
    p, q = embeddings(human, agent)
    for kernel in kernels:
        check_bandwidth(kernel.bandwidth)
    if n_samples is not None and n_samples < 1:
        raise ValueError(f"n_samples == {n_samples}, must be >= 1; None draws once from each human centre.")
    if repeats < 1:
        raise ValueError(f"repeats == {repeats}, must be >= 1.")
    middle = p.mean(axis=0)
    p, q = p - middle, q - middle
    if n_samples is None:
        centres = np.tile(np.arange(len(p)), (repeats, 1))
        ratios = _log_ratios(p, q, centres[0], kernels, repeats, rng, threads)
    else:  # other centres for every pair of antithetic repeats
        pairs = [rng.integers(0, len(p), n_samples) for _ in range(0, repeats, 2)]
        centres = np.repeat(pairs, 2, axis=0)[:repeats]
        runs = [min(2, repeats - 2 * number) for number in range(len(pairs))]
        ratios = np.concatenate(
            [_log_ratios(p, q, own, kernels, run, rng, threads) for own, run in zip(pairs, runs, strict=True)], axis=1
        )
    estimates = {}
    for row, kernel in enumerate(kernels):
        ratios[row] += math.log(len(q)) - math.log(max(len(p) - kernel.leave_one_out, 1))
        estimates[kernel] = _estimate(ratios[row], centres, kernel, len(p), len(q))
    return estimates


def _log_ratios(
    p: Array,
    q: Array,
    centres: Indices,
    kernels: Sequence[Kernel],
    repeats: int,
    rng: np.random.Generator,
    threads: int | None,
) -> Array:
    """Log p(z) - log q(z), without the sizes, at draws around the centres of p: shape (kernels, repeats, centres)."""
    halves = half_norms(p), half_norms(q)
    around = p if np.array_equal(centres, np.arange(len(p))) else p[centres]
    starts = range(0, len(centres), ROWS)
    seeds = rng.integers(0, 2**63, len(starts))  # a generator a tile: its draws do not depend on the threads

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        own, x = centres[start : start + ROWS], around[start : start + ROWS]
        e = np.random.default_rng(seed).standard_normal(((repeats + 1) // 2 * len(x), x.shape[1]))
        left_out = own if len(p) > 1 else None  # a single centre cannot be left out; the estimate then says so
        out = np.zeros((len(kernels), repeats, len(x)))
        for sign, side, half in ((1, p, halves[0]), (-1, q, halves[1])):
            near, moved = x @ side.T - half, (e @ side.T).reshape(-1, len(x), len(side))
            sums: dict[Kernel, Array] = {}  # the agents' at one bandwidth is the same with and without the own centre
            for row, kernel in enumerate(kernels):
                key = kernel if sign > 0 else Kernel(kernel.bandwidth)
                if key not in sums:
                    sums[key] = _log_sums(near, moved, key.bandwidth, repeats, left_out if key.leave_one_out else None)
                out[row] += sign * sums[key]
        return out

    with tile_pool(threads) as run:
        return np.concatenate(list(run(work, zip(starts, seeds, strict=True))), axis=2)


def _log_sums(near: Array, moved: Array, h: float, repeats: int, left_out: Indices | None) -> Array:
    """Log of the sum over centres of exp(near/h² ± moved/h), shape (repeats, rows); row i without ``left_out[i]``."""
    out, tile, still = np.empty((repeats, len(near))), np.empty_like(near), near / (h * h)
    if left_out is not None:
        still[np.arange(len(left_out)), left_out] = -math.inf
    for repeat in range(repeats):
        np.multiply(moved[repeat // 2], (-1 if repeat % 2 else 1) / h, out=tile)
        tile += still
        top = tile.max(axis=1)
        tile -= top[:, None]
        exp_in_place(tile)
        out[repeat] = np.log(tile.sum(axis=1)) + top
    return out


def _estimate(log_ratios: Array, centres: Indices, kernel: Kernel, n: int, m: int) -> Estimate:
    """The estimate from log p(z) - log q(z) at the draws, shape (repeats, draws), and from whose draws they are."""
    repeats, n_samples = log_ratios.shape
    sizes = {"human": n, "agent": m}
    details = {**kernel._asdict(), "n_samples": n_samples, "repeats": repeats}
    if kernel.leave_one_out and n < 2:
        note = "Not estimable: one human leaves none."
        return Estimate(None, unit="nats", sizes=sizes, note=note, details=details)
    drawn = log_ratios.ravel()
    value = float(drawn.mean())
    error = float(drawn.std(ddof=1)) / math.sqrt(len(drawn)) if len(drawn) > 1 else None
    return Estimate(
        value,
        _interval(value, drawn, centres.ravel(), n),
        unit="nats",
        sizes=sizes,
        floor=0.0 if kernel.leave_one_out and n == m else None,
        note="" if n == m else "Sizes differ: compare it with estimates of these very sizes only.",
        details={**details, "mc_error": error},
    )


def _interval(value: float, drawn: Array, centres: Indices, n_centres: int) -> Interval | None:
    """Draws around one human belong together: the human is the unit of observation."""
    counts = np.bincount(centres, minlength=n_centres)
    units = int((counts > 0).sum())
    if units < 2:
        return None
    deviations = np.bincount(centres, weights=drawn - value, minlength=n_centres)
    error = math.sqrt(float(deviations @ deviations) * units / (units - 1)) / len(drawn)
    return Interval.normal(value, error, "normal over human points, agents' density fixed").if_wide()


def exp_in_place(tile: Array) -> None:
    """Exponentials of what lies at most at 600, for sums of at least exp(-600).

    Below -700 they are as good as none to such a sum, but numbers that are not normal take up to four times as long.
    """
    if tile.min(initial=0.0) < -700.0:
        np.maximum(tile, -700.0, out=tile)
    np.exp(tile, out=tile)


def half_norms(points: Array) -> Array:
    """|c|²/2 of each point."""
    return np.asarray(0.5 * np.einsum("ij,ij->i", points, points))


def check_bandwidth(bandwidth: float) -> None:
    """Raises ValueError unless it is a positive number."""
    if not (math.isfinite(bandwidth) and bandwidth > 0):
        raise ValueError(f"bandwidth == {bandwidth}, must be > 0.")
