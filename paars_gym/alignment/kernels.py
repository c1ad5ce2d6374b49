"""Sums of Gaussian kernels, exactly: the core of every kernel density here.

scikit-learn's ``KernelDensity`` is not used: its tree bookkeeping cancels in 384 dimensions and errs by hundreds of
nats a point (scikit-learn issues 7492, 25799, 27186). Here every kernel is summed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.arrays import embeddings, tile_pool

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

ROWS, COLUMNS = 512, 4096  # of a tile: at most 17 MB a thread, whatever the sizes
PLAIN = 600.0
"""Exponents up to which, either way, a sum of exponentials needs no shift by the greatest."""


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


def exp_in_place(tile: Array) -> None:
    """Exponentials of what lies at most at `PLAIN`, for sums of at least exp(-`PLAIN`).

    Below -700 they are as good as none to such a sum, but numbers that are not normal take up to four times as long.
    """
    if tile.min(initial=0.0) < -700.0:
        np.maximum(tile, -700.0, out=tile)
    np.exp(tile, out=tile)


def with_half_norms(points: Array) -> Array:
    """The points with -|c|²/2 as one more column."""
    return np.column_stack([points, -half_norms(points)])


def half_norms(points: Array) -> Array:
    """|c|²/2 of each point."""
    return np.asarray(0.5 * np.einsum("ij,ij->i", points, points))


def check_bandwidth(bandwidth: float) -> None:
    """Raises ValueError unless it is a positive number."""
    if not (math.isfinite(bandwidth) and bandwidth > 0):
        raise ValueError(f"bandwidth == {bandwidth}, must be > 0.")
