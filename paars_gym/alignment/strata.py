"""Means by quartile of difficulty, and rows by group of shoppers (PAARS Figure 2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paars_gym.alignment.individual import wilson_interval
from paars_gym.estimate import NO_SPREAD, Estimate, Interval

POOLED = "other (pooled)"


class Stratum(NamedTuple):
    """One slice of the cases.

    Attributes:
        label: ``Q1`` is the easiest quantile; ``Q1-Q3`` is what ties make of three.
        easiest: Least difficulty in it.
        hardest: Greatest.
        mean: Mean of the metric over its cases, at least one; Student's t interval, None for fewer than two.
    """

    label: str
    easiest: float
    hardest: float
    mean: Estimate


def quantile_strata(difficulty: ArrayLike, *, strata: int = 4) -> NDArray[np.intp]:
    """Which quantile of difficulty each case falls into, 0 the easiest.

    Equal difficulties always share a stratum, so that with many ties some codes never occur: the code before such a
    gap holds those quantiles too.

    Args:
        difficulty: Such as the perplexity of the human query, shape (n,).
        strata: How many.

    Returns:
        Codes 0 .. strata - 1, shape (n,).

    Raises:
        ValueError: No cases, values that are not finite, or fewer than one stratum.
    """
    values = np.asarray(difficulty, dtype=np.float64).ravel()
    if strata < 1:
        raise ValueError(f"strata == {strata}, must be >= 1.")
    if len(values) == 0 or not np.all(np.isfinite(values)):
        raise ValueError(f"{len(values)} difficulties, must be at least one and all finite.")
    edges = np.quantile(values, np.arange(1, strata) / strata)
    return np.searchsorted(edges, values, side="left")


def by_stratum(metric: ArrayLike, difficulty: ArrayLike, *, strata: int = 4) -> tuple[Stratum, ...]:
    """Mean of a per-case metric in each quantile of difficulty: Figure 2, with intervals.

    Quantiles that ties leave indistinguishable are one stratum, labelled as what it holds; none is empty.

    Args:
        metric: Such as cosine similarities or hits, shape (n,).
        difficulty: Shape (n,).
        strata: How many at most.

    Raises:
        ValueError: As :func:`quantile_strata`, or unequal lengths.
    """
    from scipy.stats import t

    values, hard = np.asarray(metric, dtype=np.float64).ravel(), np.asarray(difficulty, dtype=np.float64).ravel()
    if len(values) != len(hard):
        raise ValueError(f"{len(values)} metric values and {len(hard)} difficulties, must be as many.")
    codes = quantile_strata(hard, strata=strata)
    present = np.unique(codes).tolist()
    out = []
    for code, following in zip(present, [*present[1:], strata], strict=True):
        inside = codes == code
        n = int(inside.sum())
        mean = float(values[inside].mean())
        interval = None
        if n > 1:
            half = float(t.ppf(0.975, n - 1) * values[inside].std(ddof=1) / math.sqrt(n))
            interval = Interval(mean - half, mean + half, method="Student's t over cases").if_wide()
            if interval is None and np.isin(values, (0, 1)).all():  # hits or misses, and all agree
                interval = wilson_interval(round(mean * n), n)
        label = f"Q{code + 1}" if following == code + 1 else f"Q{code + 1}-Q{following}"
        note = "" if interval else NO_SPREAD if n > 1 else "Not estimable: one case has no spread."
        span = float(hard[inside].min()), float(hard[inside].max())
        out.append(Stratum(label, *span, Estimate(mean, interval, sizes={"cases": n}, note=note)))
    return tuple(out)


class Groups(NamedTuple):
    """Cases by attribute, small groups together.

    Attributes:
        rows: Rows of each group that may be shown, largest group first.
        pooled: Names that went into :data:`POOLED`.
        suppressed: Cases left out, since even pooled they are too few.
    """

    rows: dict[str, NDArray[np.intp]]
    pooled: tuple[str, ...]
    suppressed: int


def groups(labels: ArrayLike, *, minimum: int = 20) -> Groups:
    """Rows by label; labels with fewer than ``minimum`` cases are pooled, and suppressed if even that is too few.

    Small groups say little about alignment and much about the few people in them.

    Args:
        labels: Attribute of each case, shape (n,); converted to text.
        minimum: Least cases of a group shown.
    """
    if minimum < 1:
        raise ValueError(f"minimum == {minimum}, must be >= 1.")
    names, code, sizes = np.unique(np.asarray(labels).ravel().astype(str), return_inverse=True, return_counts=True)
    large = [int(i) for i in np.argsort(-sizes, kind="stable") if sizes[i] >= minimum]
    rows = {str(names[i]): np.flatnonzero(code == i) for i in large}
    rest = np.flatnonzero(sizes[code] < minimum)
    pooled = tuple(str(name) for name in names[sizes < minimum])
    if len(rest) >= minimum:
        return Groups({**rows, POOLED: rest}, pooled, 0)
    return Groups(rows, pooled, len(rest))


def groups_of(labels: ArrayLike | None, cases: int, minimum: int) -> Groups:
    """:func:`groups` of so many cases; none without labels.

    Raises:
        ValueError: Another number of labels than cases.
    """
    if labels is None:
        return Groups({}, (), 0)
    array = np.asarray(labels).ravel()
    if len(array) != cases:
        raise ValueError(f"{len(array)} labels for {cases} cases, must be as many.")
    return groups(array, minimum=minimum)
