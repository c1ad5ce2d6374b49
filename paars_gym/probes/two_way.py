"""A difference with its interval when both the shoppers and the pages are a draw.

Two trials are alike when they share their shopper, and when they share their page: a page whose target has no rival
reacts strongly to every shopper. An error that clusters by shopper alone ignores that other pages might have been
drawn: its intervals cover a nominal 95% in 83 to 89% of repeats.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from paars_gym.abtest.estimate import cluster_codes, clustered_error, direction_of
from paars_gym.estimate import Estimate, Interval, share_that_may_differ

METHOD = "Student's t clustered by persona and by page, corrected for skewness"


def crossed_difference(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    personas: Sequence[Hashable],
    pages: Sequence[Hashable],
    *,
    level: float = 0.95,
) -> Estimate:
    """Mean of ``d_i = after_i - before_i`` with an error that is robust to two crossed kinds of clusters.

    Variance: ``V(persona) + V(page) - V(persona and page)``, each the one-way cluster-robust variance
    ``G/(G-1) · sum_g (sum_{i in g} (d_i - mean d))² / n²`` (Cameron, Gelbach & Miller 2011, "Robust inference with
    multiway clustering"), and at least the larger of the two one-way variances: the sum may fall below them, even below
    0, in small samples. Interval by Student's t with ``min(personas, pages) - 1`` degrees of freedom, corrected for the
    skewness ``a`` of the estimate by the cubic transformation of Hall (1992, "On the removal of skewness by
    transformation"): few pages react much and many little, so that the error is small where the estimate is too small.
    Without it 91 to 95% of intervals hold the truth where 95% should, with it 94 to 96.5% (12 to 100 pages).

    Assumes that shoppers are independent draws, and pages too; trials that share neither are independent.

    Args:
        before: Outcome of each trial at the baseline, shape (n,).
        after: The same at the changed level.
        personas: Whose trial it is, length n.
        pages: On which page, length n.
        level: Confidence level, in (0, 1).

    Returns:
        Changed minus baseline. Its details are ``baseline``, the mean there, and ``standard_error``; its note is ``no
        trial differs`` where there is no interval for that reason, and ``may_differ`` then the share of personas, or
        pages where they are fewer, that may differ unseen.

    Raises:
        ValueError: Empty or unequal lengths, values that are not finite, or a level out of range.
    """
    c, t = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not c.shape == t.shape == (len(personas),) == (len(pages),) or len(c) == 0:
        raise ValueError(
            f"before, after, personas and pages need one entry a trial, got {c.shape}, {t.shape}, {len(personas)} "
            f"and {len(pages)}."
        )
    if not (np.isfinite(c).all() and np.isfinite(t).all()):
        raise ValueError("An outcome is NaN or infinite; leave out trials of which a session failed, and count them.")
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    by_persona, by_page = cluster_codes(personas), cluster_codes(pages)
    sizes = {"trials": len(c), "personas": 1 + int(by_persona.max()), "pages": 1 + int(by_page.max())}
    baseline = float(c.mean())

    def without_interval(note: str, value: float | None = None) -> Estimate:
        return Estimate(value, sizes=sizes, note=note, details={"baseline": baseline})

    fewest = min(sizes["personas"], sizes["pages"])
    if fewest < 2:
        return without_interval(f"not estimable: one {'persona' if sizes['personas'] < 2 else 'page'}")
    difference = t - c
    estimate = float(difference.mean())
    if not difference.any():
        # That no trial differs is no proof that none would: an interval [0, 0] would claim it.
        nothing = without_interval("no trial differs", 0.0)
        return replace(nothing, details={**nothing.details, "may_differ": share_that_may_differ(fewest, level)})
    error, skewness = two_way_moments(difference, by_persona, by_page)
    if error <= 1e-12:
        return without_interval("not estimable: zero variance")
    from scipy.special import stdtrit

    quantile = float(stdtrit(fewest - 1, (1 + level) / 2))
    low, high = (estimate - error * _unskewed(end, skewness) for end in (quantile, -quantile))
    around = Interval(low, high, level, METHOD)
    return Estimate(
        estimate,
        around,
        sizes=sizes,
        verdict=direction_of(around),
        details={"baseline": baseline, "standard_error": error},
    )


def two_way_moments(
    values: npt.NDArray[np.float64], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """Standard error and skewness of a mean with two kinds of clusters.

    The error is that of `crossed_difference`. The third moment is put together as the variance is, and divided by the
    cube of the error: ``sum_g (sum_{i in g} (d_i - mean d))³ / n³`` by rows, plus columns, minus cells.

    Args:
        values: Shape (n,).
        rows: Cluster of the first kind, numbered from 0 without gaps, shape (n,); at least two.
        columns: Cluster of the second kind, likewise.
    """
    cells = cluster_codes(list(zip(rows.tolist(), columns.tolist(), strict=True)))
    rest = values - values.mean()
    by_row, by_column, by_cell = (clustered_error(values, codes) ** 2 for codes in (rows, columns, cells))
    cubes = [(np.bincount(codes, weights=rest) ** 3).sum() / len(values) ** 3 for codes in (rows, columns, cells)]
    error = float(np.sqrt(max(by_row + by_column - by_cell, by_row, by_column)))
    return error, float(cubes[0] + cubes[1] - cubes[2]) / error**3 if error else 0.0


def _unskewed(quantile: float, skewness: float) -> float:
    """Quantile of a studentised mean of that skewness: the inverse of Hall's ``T + aT²/3 + a²T³/27 + a/6``."""
    if abs(skewness) < 1e-6:
        return quantile
    return 3 / skewness * float(np.cbrt(1 + skewness * (quantile - skewness / 6)) - 1)
