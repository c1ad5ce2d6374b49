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


class Difference(NamedTuple):
    """A difference between the arms, treatment minus control.

    Attributes:
        estimate: Mean over the pairs, in the outcome's unit a session; NaN when not estimable.
        interval: Confidence interval of it.
        relative: Treatment mean / control mean - 1; NaN when the control mean is 0.
        relative_interval: Confidence interval of that, by the delta method.
        control: Control mean a session.
        treatment: Treatment mean a session.
        n_pairs: Pairs of sessions.
        n_clusters: Personas.
        level: Confidence level of the intervals.
        note: ``identical_arms`` when no pair differs at all; why it is not estimable; else empty.
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


NAN = float("nan")
_UNKNOWN = (NAN, NAN)


def paired_difference(
    control: npt.ArrayLike, treatment: npt.ArrayLike, clusters: Sequence[Hashable], *, level: float = 0.95
) -> Difference:
    """Mean difference of paired sessions with a cluster-robust interval.

    Estimate: mean of ``d_i = treatment_i - control_i``. Standard error:
    ``sqrt(C/(C-1) · sum_c (sum_{i in c} (d_i - mean d))²) / n`` (Liang & Zeger 1986, with the usual small-sample
    factor), interval by Student's t with C - 1 degrees of freedom. The relative change is the ratio of the two means
    minus 1, linearised (delta method) with the same clusters. Assumes that personas are independent of each other;
    sessions of one persona may depend on each other in any way.

    Args:
        control: Outcome of each pair's control session, shape (n,).
        treatment: Outcome of its treatment session, shape (n,).
        clusters: The persona of each pair, length n.
        level: Confidence level, in (0, 1).

    Raises:
        ValueError: Empty or unequal lengths, values that are not finite, or a level out of range.
    """
    c, t = np.asarray(control, dtype=np.float64), np.asarray(treatment, dtype=np.float64)
    if not c.shape == t.shape == (len(clusters),) or len(c) == 0:
        sizes = f"{c.shape}, {t.shape}, {len(clusters)}"
        raise ValueError(f"control, treatment and clusters need one entry a pair, got {sizes}.")
    if not (np.isfinite(c).all() and np.isfinite(t).all()):
        raise ValueError("An outcome is NaN or infinite; leave out pairs of which a session failed, and count them.")
    if not 0 < level < 1:
        raise ValueError(f"level == {level}, must be in (0, 1).")
    codes = _codes(clusters)
    n_clusters = int(codes.max()) + 1
    mean_c, mean_t = float(c.mean()), float(t.mean())
    shared = (mean_c, mean_t, len(c), n_clusters, level)
    if np.array_equal(c, t):
        relative = 0.0 if mean_c else NAN
        return Difference(0.0, (0.0, 0.0), relative, (relative, relative), *shared, note="identical_arms")
    estimate = mean_t - mean_c
    ratio = mean_t / mean_c - 1 if mean_c else NAN
    if n_clusters < 2:
        return Difference(estimate, _UNKNOWN, ratio, _UNKNOWN, *shared, note="not estimable: one persona")
    margin = _margin(t - c, codes, level)
    relative_interval = _UNKNOWN
    if mean_c:
        margin_of_ratio = _margin((t - (1 + ratio) * c) / mean_c, codes, level)
        relative_interval = (ratio - margin_of_ratio, ratio + margin_of_ratio)
    return Difference(estimate, (estimate - margin, estimate + margin), ratio, relative_interval, *shared)


def _codes(clusters: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters], dtype=np.int64)


def _margin(values: Floats, codes: npt.NDArray[np.int64], level: float) -> float:
    """Half width of the clustered interval of a mean."""
    from scipy.special import stdtrit

    sums = np.bincount(codes, weights=values - values.mean())
    n_clusters = len(sums)
    error = np.sqrt(n_clusters / (n_clusters - 1) * np.square(sums).sum()) / len(values)
    return float(stdtrit(n_clusters - 1, (1 + level) / 2) * error)
