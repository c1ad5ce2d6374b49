"""What would another sample of the same shoppers have given?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from paars_gym.alignment.result import LEVEL, Interval

Array = NDArray[np.float64]
MOST_ROWS = 1000
BLOCK = 64  # resamples a matrix product: 64 x 2,000 rows are 1 MB


def resample_counts(counts: Array, n_resamples: int, rng: np.random.Generator, size: int | None = None) -> Array:
    """Bootstrapped histograms.

    Resampling n sessions and counting them is a multinomial draw on the histogram, whatever n is. With one row a
    shopper the shoppers are resampled, each with all of their sessions.

    Args:
        counts: Whole numbers, shape (bins,) or (shoppers, bins).
        n_resamples: How many.
        rng: Source of randomness.
        size: Sessions (or shoppers) a resample; as many as there are, by default.

    Returns:
        Shape (n_resamples, bins).
    """
    if counts.ndim == 1:
        total = counts.sum()
        draws = int(total) if size is None else size
        return rng.multinomial(draws, counts / total, size=n_resamples).astype(np.float64)
    shoppers = len(counts)
    draws = shoppers if size is None else size
    out = np.empty((n_resamples, counts.shape[1]))
    for start in range(0, n_resamples, BLOCK):
        rows = min(BLOCK, n_resamples - start)
        drawn = rng.integers(0, shoppers, (rows, draws))
        drawn += shoppers * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * shoppers).reshape(rows, shoppers)
        out[start : start + rows] = weights.astype(np.float64) @ counts
    return out


def random_groups(counts: Array, rng: np.random.Generator) -> Array:
    """At most some thousand rows: shoppers as they are, or where there are many, random groups of equally many.

    Resampling random groups in place of shoppers leaves the expected variance as it is (Wolter 2007, chapter 2), and
    makes its cost independent of their number.

    Args:
        counts: Shape (shoppers, bins); a single histogram of shape (bins,) is given back.
        rng: Says who goes together.
    """
    together = len(counts) // MOST_ROWS
    if counts.ndim == 1 or together < 2:
        return counts
    return np.asarray(np.add.reduceat(counts[rng.permutation(len(counts))], np.arange(0, len(counts), together)))


def basic_interval(estimate: float, draws: Array, method: str) -> Interval:
    """The basic bootstrap: the estimate less the resamples' deviations from it.

    That takes off the upward bias of a divergence, so that near zero the interval may lie below the estimate.
    """
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(2 * estimate - float(high), 2 * estimate - float(low), f"basic bootstrap, {method}")


def percentile_interval(draws: Array, method: str) -> Interval:
    """The middle 95% of the resamples."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high), f"percentile bootstrap, {method}")
