"""By how much does the treatment differ, and how sure is that? Paired by design, clustered by persona.

The same persona, intention and session seed shop in both arms, so each pair of sessions gives one difference, and what
the persona would have done anyway drops out of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NAN = float("nan")
_UNKNOWN = (NAN, NAN)
FEWEST_DEGREES = 4
"""Of an interval, where there are as many personas."""
IDENTICAL = "identical_arms"


class Difference(NamedTuple):
    """A difference between the arms, treatment minus control.

    Attributes:
        estimate: Over the pairs, in the outcome's unit; NaN when not estimable.
        interval: Confidence interval of it.
        relative: Treatment / control - 1; NaN when the control is 0.
        relative_interval: Confidence interval of that.
        control: Control mean a session, or ratio.
        treatment: Treatment mean a session, or ratio.
        n_pairs: Pairs of sessions.
        n_clusters: Personas.
        level: Confidence level of the intervals.
        note: ``identical_arms`` when no pair differs at all; why it is not estimable; else empty.
        error: Standard error of the estimate.
        p_value: Two-sided, of no difference.
        degrees: Degrees of freedom of the interval, see `effective_degrees`.
        relative_error: Standard error of the relative change.
    """

    estimate: float
    interval: tuple[float, float]
    relative: float
    relative_interval: tuple[float, float]
    control: float
    treatment: float
    n_pairs: int
    n_clusters: int
    level: float
    note: str = ""
    error: float = NAN
    p_value: float = NAN
    degrees: float = NAN
    relative_error: float = NAN


def not_estimable(why: str, *, n_pairs: int = 0, n_clusters: int = 0, level: float = 0.95) -> Difference:
    """A difference of which nothing can be said, and why."""
    note = f"not estimable: {why}"
    return Difference(NAN, _UNKNOWN, NAN, _UNKNOWN, NAN, NAN, n_pairs, n_clusters, level, note)


def paired_difference(
    control: npt.ArrayLike, treatment: npt.ArrayLike, clusters: Sequence[Hashable], *, level: float = 0.95
) -> Difference:
    """Mean difference of paired sessions with a cluster-robust interval.

    Estimate: mean of ``d_i = treatment_i - control_i``. Standard error: the jackknife over personas,
    ``sqrt((C-1)/C · sum_c (estimate without c - mean of these)²)`` (Efron & Stein 1981; CV3 of MacKinnon et al. 2023).
    For personas with equally many sessions it is the cluster-robust error of Liang & Zeger (1986),
    ``sqrt(C/(C-1) · sum_c (sum_{i in c} (d_i - mean d))²) / n``. Interval by Student's t with `effective_degrees`, at
    most C - 1. The relative change is the ratio of the two means minus 1, with the same jackknife. Assumes that
    personas are independent of each other; sessions of one persona may depend on each other in any way.

    Args:
        control: Outcome of each pair's control session, shape (n,).
        treatment: Outcome of its treatment session, shape (n,).
        clusters: The persona of each pair, length n.
        level: Confidence level, in (0, 1).

    Raises:
        ValueError: Empty or unequal lengths, values that are not finite, or a level out of range.
    """
    ones = np.ones(len(clusters))
    return paired_ratio((control, ones), (treatment, ones), clusters, level=level)


def paired_ratio(
    control: tuple[npt.ArrayLike, npt.ArrayLike],
    treatment: tuple[npt.ArrayLike, npt.ArrayLike],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
) -> Difference:
    """Difference of two ratios of means, such as ranks per view, over paired sessions.

    As `paired_difference`, which is the special case of denominators of 1: both arms' ratios are taken anew without
    each persona in turn. Where ratios are skewed that covers better than the linearised (delta method) error, which it
    agrees with in large samples.

    Args:
        control: Numerators and denominators of the control sessions, shape (n,) each.
        treatment: The same of the treatment sessions.
        clusters: The persona of each pair, length n.
        level: Confidence level, in (0, 1).

    Raises:
        ValueError: Empty or unequal lengths, values that are not finite, or a level out of range.
    """
    (c, c_base), (t, t_base) = ([np.asarray(part, dtype=np.float64) for part in arm] for arm in (control, treatment))
    if not c.shape == c_base.shape == t.shape == t_base.shape == (len(clusters),) or len(c) == 0:
        sizes = f"{c.shape}, {t.shape}, {len(clusters)}"
        raise ValueError(f"control, treatment and clusters need one entry a pair, got {sizes}.")
    if not all(np.isfinite(part).all() for part in (c, c_base, t, t_base)):
        raise ValueError("An outcome is NaN or infinite; leave out pairs of which a session failed, and count them.")
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    codes = cluster_codes(clusters)
    n_clusters = int(codes.max()) + 1
    nothing = Difference(NAN, _UNKNOWN, NAN, _UNKNOWN, NAN, NAN, len(c), n_clusters, level)
    if not (c_base.any() and t_base.any()):
        return nothing._replace(note="not estimable: nothing to divide by")
    ratio_c, ratio_t = float(c.sum() / c_base.sum()), float(t.sum() / t_base.sum())
    nothing = nothing._replace(control=ratio_c, treatment=ratio_t)
    relative = ratio_t / ratio_c - 1 if ratio_c else NAN
    if np.array_equal(c, t) and np.array_equal(c_base, t_base):
        return nothing._replace(
            estimate=0.0,
            interval=(0.0, 0.0),
            relative=relative,
            relative_interval=(relative, relative),
            note=IDENTICAL,
            error=0.0,
            p_value=1.0,
            relative_error=0.0 if ratio_c else NAN,
        )
    if n_clusters < 2:
        return nothing._replace(note="not estimable: one persona")
    without_c, without_t = (_without_each(values, bases, codes) for values, bases in ((c, c_base), (t, t_base)))
    if not np.isfinite([without_c, without_t]).all():
        return nothing._replace(note="not estimable: one persona is all there is to divide by")
    error, estimate = _jackknife(without_t - without_c), ratio_t - ratio_c
    if error <= 1e-12 * max(abs(ratio_c), abs(ratio_t)):
        return nothing._replace(note="not estimable: zero variance")
    degrees = effective_degrees(without_t - without_c)
    quantile, p_value = _student(estimate / error, degrees, level)
    relative_interval, relative_error = _UNKNOWN, NAN
    if ratio_c and without_c.all():
        ratios = without_t / without_c
        relative_error = _jackknife(ratios)
        margin = _student(0.0, effective_degrees(ratios), level)[0] * relative_error
        relative_interval = (relative - margin, relative + margin)
    return nothing._replace(
        estimate=estimate,
        interval=(estimate - quantile * error, estimate + quantile * error),
        relative=relative,
        relative_interval=relative_interval,
        error=error,
        p_value=p_value,
        degrees=degrees,
        relative_error=relative_error,
    )


def cluster_codes(clusters: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """Numbers from 0 for the clusters, in the order in which they come, shape (n,)."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters], dtype=np.int64)


def _without_each(values: Floats, bases: Floats, codes: npt.NDArray[np.int64]) -> Floats:
    """The ratio of sums without each cluster in turn, shape (clusters,); NaN where nothing is left to divide by."""
    kept, kept_base = (part.sum() - np.bincount(codes, weights=part) for part in (values, bases))
    ratios: Floats = np.full(len(kept), NAN)
    np.divide(kept, kept_base, out=ratios, where=kept_base > 1e-9 * bases.sum())
    return ratios


def _jackknife(without: Floats) -> float:
    return float(np.sqrt((len(without) - 1) * np.var(without)))


def clustered_error(values: Floats, codes: npt.NDArray[np.int64]) -> float:
    """Cluster-robust standard error of a mean.

    Args:
        values: Shape (n,).
        codes: Cluster of each, numbered from 0 without gaps, shape (n,); at least two clusters.
    """
    sums = np.bincount(codes, weights=values - values.mean())
    return float(np.sqrt(len(sums) / (len(sums) - 1) * np.square(sums).sum()) / len(values))


def effective_degrees(without: Floats) -> float:
    """Degrees of freedom of a jackknife variance: fewer where a few personas make up most of it.

    ``clip(2 C / (kurtosis - 1), 4, C - 1)``, the chi-squared distribution whose mean and variance are those of the
    variance estimate (Satterthwaite 1946; Imbens & Kolesár 2016 discuss such corrections for clusters): a sample
    variance of C values has the relative variance ``(kurtosis - 1) / C``, and one with f degrees of freedom ``2 / f``.
    For values that are about normal it is C - 1, and the interval that of the t-test.

    Args:
        without: The estimate without each persona in turn, shape (C,).
    """
    squares = np.square(without - without.mean())
    spread = float(squares.mean()) ** 2
    beyond = float(np.square(squares).mean()) - spread  # (kurtosis - 1) in units of the squared variance
    limit = len(without) - 1
    # Equal squares have kurtosis 1: the variance is then as sure as can be.
    return float(limit if beyond <= 0 else min(max(2 * len(without) * spread / beyond, FEWEST_DEGREES), limit))


def _student(statistic: float, degrees: float, level: float) -> tuple[float, float]:
    from scipy.special import stdtr, stdtrit

    return float(stdtrit(degrees, (1 + level) / 2)), float(2 * stdtr(degrees, -abs(statistic)))
