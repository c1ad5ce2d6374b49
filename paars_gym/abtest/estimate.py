"""Paired differences between two arms with their intervals, clustered by persona.

In a simulated test the same persona, intention and session seed shop in both arms: each pair of sessions gives one
difference, and what the persona would have done anyway drops out of it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paars_gym.estimate import Estimate, Interval, share_that_may_differ

Floats = npt.NDArray[np.float64]
NAN = float("nan")
RELATIVE = "relative change"
"""Unit of a relative change."""
JACKKNIFE = "Student's t, jackknife over personas"
FEWEST_DEGREES = 4
"""Of an interval, where there are as many personas."""
IDENTICAL, NO_CONTROL = "identical_arms", "not estimable: the control is 0"
CONTROL_AT_TIMES_0 = "no interval: without one persona the control is 0"


HIGHER, LOWER, UNCLEAR = "higher", "lower", "unclear"
"""What a difference says."""


def direction_of(interval: Interval | None) -> str:
    """What an interval of a difference says: ``higher``, ``lower``, or ``unclear`` where it holds 0."""
    if interval is None:
        return ""
    return HIGHER if interval.low > 0 else LOWER if interval.high < 0 else UNCLEAR


def is_told(estimate: Estimate) -> bool:
    """Whether a change is told apart from none: its interval leaves out 0, and a correction for several carries it."""
    return direction_of(estimate.interval) in (HIGHER, LOWER) and estimate.verdict != UNCLEAR


class ArmContrast(NamedTuple):
    """One outcome in both arms, and how they differ.

    Attributes:
        control: Control mean a session, or ratio; None when there is none.
        treatment: The same of the treatment.
        difference: Treatment minus control, in the outcome's unit. Its details are ``standard_error`` and ``degrees``,
            the degrees of freedom of the interval. When no pair differs at all its note is ``identical_arms``, it has
            no interval, and its detail ``may_differ`` is the share of personas who may differ all the same.
        relative: Treatment / control - 1; not estimable when the control is 0. Its details are ``standard_error``.
    """

    control: float | None
    treatment: float | None
    difference: Estimate
    relative: Estimate


def not_estimable(why: str, sizes: Mapping[str, int] | None = None) -> ArmContrast:
    """A contrast of which nothing can be said, and why."""
    nothing = Estimate(None, sizes=sizes or {}, note=f"not estimable: {why}")
    return ArmContrast(None, None, nothing, replace(nothing, unit=RELATIVE))


def paired_difference(
    control: npt.ArrayLike, treatment: npt.ArrayLike, clusters: Sequence[Hashable], *, level: float = 0.95
) -> ArmContrast:
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
) -> ArmContrast:
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
        shapes = f"{c.shape}, {t.shape}, {len(clusters)}"
        raise ValueError(f"control, treatment and clusters need one entry a pair, got {shapes}.")
    if not all(np.isfinite(part).all() for part in (c, c_base, t, t_base)):
        raise ValueError("An outcome is NaN or infinite; leave out pairs of which a session failed, and count them.")
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    codes = cluster_codes(clusters)
    sizes = {"pairs": len(c), "personas": int(codes.max()) + 1}
    if not (c_base.any() and t_base.any()):
        return not_estimable("nothing to divide by", sizes)
    ratio_c, ratio_t = float(c.sum() / c_base.sum()), float(t.sum() / t_base.sum())
    change = _relative_change(ratio_c, ratio_t)

    def nothing(why: str) -> ArmContrast:
        return not_estimable(why, sizes)._replace(control=ratio_c, treatment=ratio_t)

    if np.array_equal(c, t) and np.array_equal(c_base, t_base):
        same = Estimate(
            0.0,
            sizes=sizes,
            p_value=1.0,
            verdict="identical",
            note=IDENTICAL,
            details={"standard_error": 0.0, "may_differ": share_that_may_differ(sizes["personas"], level)},
        )
        relative = same if change is not None else Estimate(None, sizes=sizes, note=NO_CONTROL)
        return ArmContrast(ratio_c, ratio_t, same, replace(relative, unit=RELATIVE))
    if sizes["personas"] < 2:
        return nothing("one persona")
    without_c, without_t = (_without_each(values, bases, codes) for values, bases in ((c, c_base), (t, t_base)))
    if not np.isfinite([without_c, without_t]).all():
        return nothing("one persona is all there is to divide by")
    error, estimate = _jackknife(without_t - without_c), ratio_t - ratio_c
    if error <= 1e-12 * max(abs(ratio_c), abs(ratio_t)):
        return nothing("zero variance")
    degrees = effective_degrees(without_t - without_c)
    quantile, p_value = _student(estimate / error, degrees, level)
    interval = Interval(estimate - quantile * error, estimate + quantile * error, level, JACKKNIFE)
    difference = Estimate(
        estimate,
        interval,
        sizes=sizes,
        p_value=p_value,
        verdict=direction_of(interval),
        details={"standard_error": error, "degrees": degrees},
    )
    if change is None:
        return ArmContrast(ratio_c, ratio_t, difference, Estimate(None, unit=RELATIVE, sizes=sizes, note=NO_CONTROL))
    return ArmContrast(ratio_c, ratio_t, difference, _relative(change, without_c, without_t, sizes, level))


def _relative_change(control: float, treatment: float) -> float | None:
    """None where there is nothing to compare with: a control of 0, or so small that the ratio is no number."""
    change = treatment / control - 1 if control else math.inf
    return change if math.isfinite(change) else None


def _relative(change: float, without_c: Floats, without_t: Floats, sizes: Mapping[str, int], level: float) -> Estimate:
    """The relative change with its jackknife interval, where each persona can be left out and they differ."""
    relative = Estimate(change, unit=RELATIVE, sizes=sizes)
    if not without_c.all():
        return replace(relative, note=CONTROL_AT_TIMES_0)
    ratios = without_t / without_c
    error = _jackknife(ratios)
    margin = _student(0.0, effective_degrees(ratios), level)[0] * error
    around = Interval(change - margin, change + margin, level, JACKKNIFE).if_wide()
    if around is None:
        note = "no interval: all personas change in proportion"
        return replace(relative, note=note, details={"standard_error": error})
    return replace(relative, interval=around, verdict=direction_of(around), details={"standard_error": error})


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
