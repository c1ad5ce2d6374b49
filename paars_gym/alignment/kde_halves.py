"""The kernel density KL of half samples beside people's own, and the sums of kernels that it is made of.

PAARS section 4.3, Table 2. scikit-learn's ``KernelDensity`` is not used: its tree bookkeeping cancels in 384 dimensions
and errs by hundreds of nats a point (scikit-learn issues 7492, 25799, 27186). Here every kernel is summed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import check_rng, embeddings, tile_pool
from paars_gym.alignment.kde import Indices, check_bandwidth, exp_in_place, half_norms
from paars_gym.estimate import Estimate, finite

Array = NDArray[np.float64]

ROWS, COLUMNS = 512, 4096  # of a tile: at most 17 MB a thread, whatever the sizes
PLAIN = 600.0
"""Exponents up to which, either way, a sum of exponentials needs no shift by the greatest."""


class SplitKL(NamedTuple):
    """The kernel density KL of half samples.

    Attributes:
        plain: With each draw's own centre in the humans' density.
        leave_one_out: Without it, at the same draws. Fewer than four humans give nothing to go by.
    """

    plain: Estimate
    leave_one_out: Estimate


def split_kl(
    human: ArrayLike,
    agent: ArrayLike,
    *,
    bandwidth: float = 0.1,
    splits: int = 5,
    repeats: int = 1,
    paired: bool = True,
    rng: np.random.Generator,
    threads: int | None = None,
) -> SplitKL:
    """The kernel density KL of random half samples: the number to report, with its floor.

    Each split halves the humans into A and B and computes KL(A || B), KL(A || agents of B) and KL(A || agents of A):
    all three between equally many points, and at the same draws, which sharpens their differences.

    Args:
        human: Embeddings, shape (n_human, dim), at least two.
        agent: Embeddings; with ``paired`` row i answers for the item of human i. Unpaired agents are drawn at random,
            as many as half the humans; there must be that many.
        bandwidth: Kernel standard deviation, in embedding units.
        splits: Random halvings.
        repeats: Repeats of each estimate, one draw from each human centre.
        paired: Whether rows belong together.
        rng: Source of the splits and draws.
        threads: All available cores by default.

    Returns:
        Nats, means over the splits. The value is of agents who answer for other humans: group alignment alone. The
        floor is one half of the humans against the other. ``own_pair`` among the details is each human beside the agent
        who answers for the same item (None for unpaired agents): below the floor it says that agents copy their own
        pair, not that the groups are alike. There is no interval: the splits overlap, so that their standard
        deviations (``spread`` of the value, ``spread_floor``, ``spread_own_pair``) are no errors to judge by.

    Raises:
        TypeError: ``rng`` is no generator.
        ValueError: As for :func:`~paars_gym.alignment.kde_kl`, fewer than two humans, fewer agents than half the
            humans, or rows that do not match up.
    """
    check_rng(rng)
    p, q = embeddings(human, agent, paired=paired)
    check_bandwidth(bandwidth)
    half = len(p) // 2
    if half < 1:
        raise ValueError(f"{len(p)} human points, must be at least 2 to be halved.")
    if len(q) < half:
        raise ValueError(f"{len(q)} agent points, must be at least {half}: as many as half the humans.")
    if splits < 1 or repeats < 1:
        raise ValueError(f"splits == {splits}, repeats == {repeats}, must be >= 1.")
    middle = p.mean(axis=0)
    p, q = with_half_norms((p - middle) / bandwidth), with_half_norms((q - middle) / bandwidth)
    values = np.full((splits, 3, 2), math.nan)
    for row in values:
        order = rng.permutation(len(p))
        one, other = order[:half], order[half : 2 * half]
        rivals = [q[other if paired else rng.permutation(len(q))[:half]], p[other], *([q[one]] if paired else [])]
        repeated = [
            log_ratios(p[one], rivals, np.arange(half), rng, threads, [False, True]).mean(axis=2)
            for _ in range(repeats)
        ]
        row[: len(rivals)] = np.mean(repeated, axis=0)
    means, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if splits > 1 else np.full((3, 2), math.nan)

    def estimate(without_own: bool) -> Estimate:
        value, floor, own_pairs = means[:, int(without_own)].tolist()
        names = ("spread", "spread_floor", "spread_own_pair")
        return Estimate(
            value,
            unit="nats",
            sizes={"human": half, "agent": half},
            floor=floor,
            details={
                "bandwidth": bandwidth,
                "splits": splits,
                "repeats": repeats,
                "leave_one_out": without_own,
                "own_pair": finite(own_pairs),
                **{name: finite(apart) for name, apart in zip(names, spread[:, int(without_own)], strict=True)},
            },
        )

    return SplitKL(estimate(False), estimate(True))


def log_ratios(
    p: Array,
    rivals: Sequence[Array],
    own: Indices,
    rng: np.random.Generator,
    threads: int | None,
    leave_one_out: Sequence[bool],
) -> Array:
    """Log p(z) - log q(z) at one draw z around each of the centres ``own`` of p, for each rival q.

    All in units of the bandwidth, with their half norms. The normalisers and |z|²/2 are common to both and left out.

    Returns:
        Shape (rivals, len(leave_one_out), draws): with z's own centre in p, or without it, nan where p has no other.
    """
    starts = range(0, len(own), ROWS)
    seeds = rng.integers(0, 2**63, len(starts))  # a generator a tile: its draws do not depend on the threads

    def work(tile: tuple[int, int]) -> Array:
        start, seed = tile
        centre = own[start : start + ROWS]
        z = p[centre]
        z[:, :-1] += np.random.default_rng(seed).standard_normal((len(centre), p.shape[1] - 1))
        z[:, -1] = 1.0
        ours = np.stack(log_sums(z, p, [centre if without_own else None for without_own in leave_one_out]))
        return np.stack([ours - log_sum(z, q) + math.log(len(q)) for q in rivals])

    with tile_pool(threads) as run:
        ratios = np.concatenate(list(run(work, zip(starts, seeds, strict=True))), axis=2)
    sizes = [max(len(p) - without_own, 1) for without_own in leave_one_out]
    return np.asarray(ratios - np.log(sizes)[:, None])


def log_density(points: ArrayLike, centres: ArrayLike, *, bandwidth: float, threads: int | None = None) -> Array:
    """Log of the Gaussian kernel density of ``centres`` at ``points``, exactly.

    Args:
        points: Shape (n_points, dim).
        centres: Shape (n_centres, dim).
        bandwidth: Kernel standard deviation (isotropic; the data's covariance plays no part).
        threads: All available cores by default.

    Returns:
        Natural logarithms, shape (n_points,).
    """
    z, c = embeddings(points, centres)
    check_bandwidth(bandwidth)
    middle = c.mean(axis=0)
    z, c = (z - middle) / bandwidth, (c - middle) / bandwidth
    c = with_half_norms(c)

    def work(start: int) -> Array:
        tile = z[start : start + ROWS]
        return log_sum(np.column_stack([tile, np.ones(len(tile))]), c) - half_norms(tile)

    with tile_pool(threads) as run:
        sums = np.concatenate(list(run(work, range(0, len(z), ROWS))))
    return np.asarray(sums - math.log(len(c)) - z.shape[1] * math.log(bandwidth * math.sqrt(2 * math.pi)))


def log_sum(z: Array, centres: Array) -> Array:
    """Log of the sum over centres c of exp(z·c - |c|²/2), for each row z.

    Centres come with -|c|²/2 as their last column and z with 1, so that the product does that subtraction too.
    """
    return log_sums(z, centres, [None])[0]


def log_sums(z: Array, centres: Array, left_out: Sequence[Indices | None]) -> list[Array]:
    """:func:`log_sum` several times from one product: each time without centre ``left_out[k][i]`` for row i.

    A sum over no centre is nan.
    """
    sums = [_LogSum(len(z)) for _ in left_out]
    # At usual bandwidths no exponent can be beyond: two passes over every tile less (Cauchy-Schwarz).
    far = math.sqrt(-2.0 * float(centres[:, -1].min()))
    plain = (math.sqrt(2.0 * float(half_norms(z[:, :-1]).max())) + far / 2.0) * far < PLAIN
    for first in range(0, len(centres), COLUMNS):
        product = z @ centres[first : first + COLUMNS].T
        for each, own in zip(sums, left_out, strict=True):
            tile = product if each is sums[-1] else product.copy()
            if own is not None:
                row = np.flatnonzero((own >= first) & (own < first + tile.shape[1]))
                tile[row, own[row] - first] = -math.inf
            each.add(tile, plain=plain)
    alone = len(centres) == 1
    return [
        np.full(len(z), math.nan) if alone and own is not None else each.value()
        for each, own in zip(sums, left_out, strict=True)
    ]


class _LogSum:
    """Log of a sum of exponentials, row by row, tile after tile."""

    def __init__(self, rows: int) -> None:
        self._shift = np.full(rows, -math.inf)
        self._total = np.zeros(rows)

    def add(self, tile: Array, *, plain: bool) -> None:
        """Adds the exponentials of a tile, which is used up; ``plain`` where none is beyond `PLAIN` in any tile."""
        if plain:
            self._shift = np.zeros(len(tile))
            self._total += np.exp(tile, out=tile).sum(axis=1)
            return
        shift = np.maximum(self._shift, tile.max(axis=1))
        shift[np.abs(shift) < PLAIN] = 0.0
        finite = np.where(np.isfinite(shift), shift, 0.0)  # a tile may hold the own centre alone
        if finite.any():
            tile -= finite[:, None]
        exp_in_place(tile)
        self._total *= np.exp(self._shift - finite)
        self._total += tile.sum(axis=1)
        self._shift = shift

    def value(self) -> Array:
        return np.asarray(np.log(self._total) + self._shift)


def with_half_norms(points: Array) -> Array:
    """The points with -|c|²/2 as one more column."""
    return np.column_stack([points, -half_norms(points)])
